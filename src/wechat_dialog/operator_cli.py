"""`wechat-dialog conversations …` and `wechat-dialog check`: for the people who run a bot."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
import typer
from rich.console import Console
from rich.progress import track

from wechat_dialog.application import load
from wechat_dialog.bot import Bot
from wechat_dialog.errors import ConfigurationError
from wechat_dialog.operators import Checked, Conversations

__all__ = ["check", "commands"]

commands = typer.Typer(help="Look at stored conversations, and take a hand in them.")

App = Annotated[str, typer.Argument(metavar="APP", help="module:bot")]
Name = Annotated[str, typer.Argument(metavar="USER|ID", help="an OpenID, or a conversation's id")]
Store = Annotated[str, typer.Option(help="URL of the store; the bot's own if not given")]

SHOWN = 10
"""Differences a check names one by one."""

OUTCOMES = (
    "unchanged", "finished", "asks again", "restarted", "parked", "unreadable", "cannot tell",
)  # fmt: skip
FAILING = ("restarted", "parked", "unreadable")

errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
console = Console(highlight=False, markup=False, soft_wrap=True)


def _bot(target: str, store: str = "") -> Bot:
    bot = load(target)
    if not isinstance(bot, Bot):
        raise ConfigurationError(f"{target!r} is no Bot")
    bot.check()
    if store:
        bot.use_store(store)
    return bot


@commands.command("list")
def list_(target: App, store: Store = "") -> None:
    """List conversations, running and parked."""
    number = 0
    for one in Conversations(_bot(target, store)).list():
        number += 1
        version = f"@{one.version}" if one.version else ""
        why = f"  {one.why}" if one.why else ""
        console.print(
            f"{one.id}  {one.state:11}  {one.begun:%m-%d %H:%M}  {one.records:4} records  "
            f"{one.dialog}{version}  {one.openid}{why}"
        )
    if not number:
        console.print("no conversations")


@commands.command()
def show(target: App, name: Name, store: Store = "") -> None:
    """Print a conversation as a transcript, with where it broke."""
    console.print(Conversations(_bot(target, store)).show(name))


@commands.command()
def resume(target: App, name: Name, store: Store = "") -> None:
    """Take a parked conversation up again, with the message that broke it."""
    Conversations(_bot(target, store)).resume(name)
    console.print("resumed; the user gets the answer with his next message")


@commands.command()
def end(target: App, name: Name, store: Store = "") -> None:
    """End conversations; clean-up steps of a running one are run."""
    Conversations(_bot(target, store)).end(name)
    console.print("ended")


@commands.command()
def export(
    names: Annotated[list[str], typer.Argument(metavar="[APP] FILE", help="FILE - is the output")],
    store: Store = "",
    redact: Annotated[
        bool, typer.Option("--redact", help="leave out what users wrote and steps returned")
    ] = False,
) -> None:
    """Write all conversations to a file, for `check --from`.

    With --redact, say APP too: it is needed to know what its questions quote.
    """
    target, name = ("", names[0]) if len(names) == 1 else (names[0], names[-1])
    if len(names) > 2 or not (target or store):
        raise ConfigurationError("say APP, or --store URL, and FILE")
    conversations = Conversations(_bot(target, store) if target else Bot(store=store))
    if name == "-":
        count = conversations.export(sys.stdout.buffer, redact=redact)
    else:
        try:
            # What users said is nobody else's to read.
            descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise ConfigurationError(f"{name}: {error.strerror}") from error
        with os.fdopen(descriptor, "wb") as file:
            count = conversations.export(file, redact=redact)
    errors.print(f"exported {count} conversations" + (", redacted" if redact else ""))


def check(
    target: App,
    store: Store = "",
    source: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="a file that `export` wrote")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="asking again counts as a failure too")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON object, for a pipeline")
    ] = False,
) -> None:
    """Replay stored conversations against this code: a gate before a deployment.

    Exit status 1 if any would be restarted or parked, or cannot be read.
    """
    counts: Counter[str] = Counter()
    first: list[Checked] = []
    conversations = Conversations(_bot(target, store))
    with _lines(source) as lines:
        checked: Iterable[Checked] = conversations.check(lines)
        if sys.stderr.isatty():
            total = conversations.count() if lines is None else None
            checked = track(checked, "replaying", total=total, console=errors, transient=True)
        for one in checked:
            counts[one.verdict.outcome] += 1
            if one.verdict.why and len(first) < SHOWN:
                first.append(one)
    failing = FAILING + (("asks again", "cannot tell") if strict else ())
    failed = any(counts[outcome] for outcome in failing)
    if as_json:
        _print_json(counts, first, failed=failed)
    else:
        _print(counts, first)
    if failed:
        raise typer.Exit(1)


@contextmanager
def _lines(source: Path | None) -> Generator[BinaryIO | None]:
    if source is None:
        yield None
        return
    try:
        file = source.open("rb")
    except OSError as error:
        raise ConfigurationError(f"{source}: {error.strerror}") from error
    with file:
        yield file


def _print(counts: Counter[str], first: list[Checked]) -> None:
    console.print(f"{counts.total()} conversations")
    for outcome in OUTCOMES:
        if counts[outcome]:
            console.print(f"{counts[outcome]:7}  {outcome}")
    for one in first:
        verdict = one.verdict
        question = f" from record {verdict.position}" if verdict.outcome == "asks again" else ""
        console.print(f"{one.summary.id}  {verdict.outcome}{question}: {verdict.why}")


def _print_json(counts: Counter[str], first: list[Checked], *, failed: bool) -> None:
    told = {
        "conversations": counts.total(),
        "outcomes": {outcome: counts[outcome] for outcome in OUTCOMES},
        "failed": failed,
        "first": [
            {
                "id": one.summary.id,
                "dialog": one.summary.dialog,
                "outcome": one.verdict.outcome,
                "position": one.verdict.position,
                "why": one.verdict.why,
            }
            for one in first
        ],
    }
    console.print(msgspec.json.encode(told).decode())

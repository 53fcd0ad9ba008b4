"""`wechat-dialog conversations …` and `wechat-dialog check`: for the people who run a bot."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

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


def check(
    target: App,
    store: Store = "",
    strict: Annotated[
        bool, typer.Option("--strict", help="asking again counts as a failure too")
    ] = False,
) -> None:
    """Replay stored conversations against this code: a gate before a deployment.

    Exit status 1 if any would be restarted or parked.
    """
    counts: Counter[str] = Counter()
    first: list[Checked] = []
    on_terminal = sys.stderr.isatty()
    with Progress(console=Console(stderr=True), disable=not on_terminal, transient=True) as bar:
        task = bar.add_task("replaying", total=None)
        for one in Conversations(_bot(target, store)).check():
            bar.advance(task)
            counts[one.verdict.outcome] += 1
            if one.verdict.why and len(first) < SHOWN:
                first.append(one)
    console.print(f"{counts.total()} conversations")
    for outcome in ("unchanged", "finished", "asks again", "restarted", "parked", "unreadable"):
        if counts[outcome]:
            console.print(f"{counts[outcome]:7}  {outcome}")
    for one in first:
        console.print(f"{one.summary.id}  {one.verdict.outcome}: {one.verdict.why}")
    bad = ("restarted", "parked", "unreadable", *(("asks again",) if strict else ()))
    if any(counts[outcome] for outcome in bad):
        raise typer.Exit(1)

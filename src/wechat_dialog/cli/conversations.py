"""`wechat-dialog conversations …` and `wechat-dialog check`: for operators of a bot."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import msgspec
import typer
from rich.progress import track

from wechat_dialog.bot import Bot
from wechat_dialog.core.printable import block, one_line
from wechat_dialog.errors import ConfigurationError
from wechat_dialog.operators import Checked, Conversations
from wechat_dialog.operators.export import private_file
from wechat_dialog.operators.in_chinese import state_in_chinese
from wechat_dialog.operators.listing import Summary
from wechat_dialog.platform.language import speaks_chinese, tr
from wechat_dialog.platform.refusals import refusal
from wechat_dialog.platform.safe_console import SafeConsole
from wechat_dialog.stores.sqlite import SQLiteStore

from .load import load
from .serve_checks import advice

__all__ = ["check", "conversations", "with_store"]

conversations = typer.Typer(help="List, show, resume and end stored conversations.")

App = Annotated[str, typer.Argument(metavar="APP", help="module:bot")]
Name = Annotated[str, typer.Argument(metavar="USER|ID", help="an OpenID, or a conversation's id")]
Store = Annotated[str, typer.Option(help="URL of the store; the bot's own if not given")]

SHOWN = 10
"""The most differences that a check lists."""

OUTCOMES = (
    "unchanged", "finished", "asks again", "waits again", "restarted", "parked", "unreadable",
    "cannot tell",
)  # fmt: skip
OUTCOMES_IN_CHINESE = {
    "unchanged": "照旧", "finished": "会结束", "asks again": "会重新问",
    "waits again": "会改等别的", "restarted": "会重来", "parked": "会搁置",
    "unreadable": "读不了", "cannot tell": "看不出来",
}  # fmt: skip
AGAIN = ("asks again", "waits again")
FAILING = ("restarted", "parked", "unreadable")

errors = SafeConsole(stderr=True)
console = SafeConsole()


class _Terminal:
    """Writes an export to a terminal if no file is named: escaped, and still valid JSON."""

    def write(self, line: bytes) -> None:
        """Write one line."""
        sys.stdout.write(block(line.decode("utf-8", "replace")))


def _bot(target: str, store: str = "") -> Bot:
    bot = load(target)
    if not isinstance(bot, Bot):
        raise ConfigurationError(f"{target!r} is no Bot")
    bot.check()
    if store:
        bot.simulate(store=store)
    return bot


def with_store(target: str, store: str = "") -> Bot:
    """Load a bot whose store exists, and print which store that is.

    In the wrong folder, a new and empty store would be created.
    """
    bot = _bot(target, store)
    _must_be_there(bot)
    return bot


def _must_be_there(bot: Bot) -> None:
    if isinstance(bot.store, SQLiteStore) and not Path(bot.store.path).exists():
        raise ConfigurationError(
            tr(
                "没有 {0} 这个存储：机器人没有在这里运行过；用 --store URL 说明它在哪里，"
                "或者在机器人运行的目录里执行",
                bot.store.path,
            )
        )
    errors.print(f"wechat-dialog: {tr('存储')} {bot.store_name}", markup=False)


@conversations.command("list")
def list_(target: App, store: Store = "") -> None:
    """List conversations: running, put aside, parked."""
    number = 0
    for summary in Conversations(with_store(target, store)).list():
        number += 1
        version = f"@{summary.version}" if summary.version else ""
        due = f"  {tr('等到 {0:%Y-%m-%d %H:%M}', summary.due)}" if summary.due else ""
        why = f"  {one_line(refusal(summary.why))}" if summary.why else ""
        console.print(
            f"{summary.id}  {_state(summary.state):11}  {summary.begun:%m-%d %H:%M}  "
            f"{tr('{0:4} 条记录', summary.records)}  {summary.dialog}{version}  "
            f"{one_line(summary.openid)}{due}{why}"
        )
    if not number:
        console.print(tr("没有对话"))


def _state(state: str) -> str:
    return one_line(state_in_chinese(state) if speaks_chinese() else state)


@conversations.command()
def show(target: App, name: Name, store: Store = "") -> None:
    """Print a conversation as a transcript, with where it broke."""
    conversations = Conversations(with_store(target, store))
    console.print(conversations.show(name, chinese=speaks_chinese(), translated=refusal))


@conversations.command()
def resume(target: App, name: Name, store: Store = "") -> None:
    """Resume a parked conversation, with the message that broke it.

    If it breaks again it stays parked, and the exit status is 1.
    """
    if not Conversations(with_store(target, store)).resume(name):
        why = tr("又出错了，还搁置着；错在哪里见 `conversations show`")
        errors.print(
            f"wechat-dialog: {why}{tr('（步骤抛出的已经记下，改步骤没有用：在对话里捕获它）')}"
        )
        raise typer.Exit(1)
    console.print(tr("接上了；用户下次发消息时看到回答"))


@conversations.command()
def end(target: App, name: Name, store: Store = "") -> None:
    """End conversations; clean-up steps of a running one are run."""
    Conversations(with_store(target, store)).end(name)
    console.print(tr("已结束"))


@conversations.command()
def forget(
    target: App,
    user: Annotated[str, typer.Argument(metavar="USER", help="an OpenID, or the user's key")],
    store: Store = "",
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Remove everything that is stored of a user, for good; clean-up steps are run."""
    conversations = Conversations(with_store(target, store))
    question = tr("把 {0} 的一切永远删掉？", user)
    if not yes and sys.stdin.isatty() and not typer.confirm(question):
        console.print(tr("什么也没有删"))
        raise typer.Exit(1)
    was = conversations.forget(user)
    removed = [
        tr("{0} 个进行中的（{1} 条记录）", was.conversations, was.records)
        if was.conversations
        else "",
        tr("{0} 个搁置的", was.parked) if was.parked else "",
        tr("数据") if was.data else "",
    ]
    removed = [part for part in removed if part] or [tr("最近几条消息留下的")]
    console.print(tr("已删除：{0}", ", ".join(removed)))


@conversations.command()
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
    bot = _bot(target, store) if target else Bot(store=store)
    _must_be_there(bot)
    conversations = Conversations(bot)
    if name == "-":
        output: Any = _Terminal() if sys.stdout.isatty() else sys.stdout.buffer
        count = conversations.export(output, redact=redact)
    else:
        try:
            with private_file(name) as file:
                count = conversations.export(file, redact=redact)
        except OSError as error:
            raise ConfigurationError(f"cannot write {name}: {error.strerror}") from error
    errors.print(tr("导出了 {0} 个对话", count) + (tr("，已隐去内容") if redact else ""))


def check(
    target: App,
    store: Store = "",
    source: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="a file that `export` wrote")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="asking or waiting again counts as a failure too")
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
    parked: list[Summary] = []
    accounts: set[str] = set()
    bot = _bot(target, store)
    conversations = Conversations(bot)
    if source is None:
        _must_be_there(bot)
        for sentence in advice(bot.store):
            errors.print(f"wechat-dialog: {refusal(sentence)}")
    with _lines(source) as lines:
        checked: Iterable[Checked] = conversations.check(lines, left_out=parked.append)
        if sys.stderr.isatty():
            total = conversations.count() if lines is None else None
            checked = track(checked, tr("重放"), total=total, console=errors, transient=True)
        for result in checked:
            counts[result.verdict.outcome] += 1
            account, colon, _ = result.summary.user.partition(":")
            accounts |= {account} if colon else set()
            if result.verdict.why and len(first) < SHOWN:
                first.append(result)
    failing = FAILING + ((*AGAIN, "cannot tell") if strict else ())
    failed = any(counts[outcome] for outcome in failing)
    if as_json:
        origin = str(source) if source is not None else bot.store_name
        _print_json(counts, first, len(parked), origin, failed=failed)
    else:
        _print(counts, first, len(parked))
        if len(accounts) > 1:
            console.print(tr("（有几个帐号的对话；写了 Bot(account=…)，就只看这个帐号的）"))
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
        raise ConfigurationError(f"cannot read {source}: {error.strerror}") from error
    with file:
        yield file


def _print(counts: Counter[str], first: list[Checked], parked: int) -> None:
    console.print(tr("{0} 个对话", counts.total()))
    for outcome in OUTCOMES:
        if counts[outcome]:
            console.print(f"{counts[outcome]:7}  {tr(OUTCOMES_IN_CHINESE[outcome])}")
    if counts["waits again"]:
        console.print(
            tr(
                "（会改等别的：不问用户。先照旧等；等的时间或信号来了，或者用户回答了，"
                "才改等新代码里的）"
            )
        )
    if parked:
        console.print(
            tr(
                "（搁置着的 {0} 个没有重放：它们等人处理；改好代码以后用 `conversations resume` "
                "接上，或者用 `conversations end` 结束）",
                parked,
            )
        )
    for result in first:
        verdict = result.verdict
        again = verdict.outcome in AGAIN
        question = tr("，从第 {0} 条记录起", verdict.position) if again else ""
        outcome = tr(OUTCOMES_IN_CHINESE[verdict.outcome])
        why = one_line(refusal(verdict.why))
        console.print(f"{result.summary.id}  {outcome}{question}{tr('：')}{why}")


def _print_json(
    counts: Counter[str], first: list[Checked], parked: int, source: str, *, failed: bool
) -> None:
    report = {
        "store": source,
        "conversations": counts.total(),
        "outcomes": {outcome: counts[outcome] for outcome in OUTCOMES},
        "parked_before": parked,
        "failed": failed,
        "first": [
            {
                "id": result.summary.id,
                "dialog": result.summary.dialog,
                "outcome": result.verdict.outcome,
                "position": result.verdict.position,
                "why": result.verdict.why,
            }
            for result in first
        ],
    }
    console.print(msgspec.json.encode(report).decode())

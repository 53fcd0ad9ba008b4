"""The output of a chat, on a terminal or into a pipe.

A terminal gets coloured bubbles, articles and pictures in frames, and numbered links. A pipe gets
what the user sees on standard output, and everything else on standard error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from wechat_dialog.platform.display import Article, Part, Shown, tappable
from wechat_dialog.platform.dump import lines
from wechat_dialog.platform.language import reason, speaks_chinese, tr
from wechat_dialog.platform.protocol import Request
from wechat_dialog.platform.safe_console import SafeConsole

__all__ = ["Screen"]

FRAME = 60
"""The most columns of an article's frame."""

LONGEST = 200
"""Characters of an answer that are shown where it only has to be recognised."""

_SIGNS = {
    "message": "答",
    "step": "步骤",
    "error": "步骤失败",
    "rewind": "撤回到",
    "data": "数据",
    "interrupt": "插入",
    "timer": "到点",
    "signal": "信号",
    "killed": "被终止",
}


class Screen:
    """Prints a chat.

    Attributes:
        terminal: Whether the output is a terminal; if not, a script may read it.
    """

    def __init__(self, *, terminal: bool) -> None:
        """Print to standard output and standard error."""
        self.terminal = terminal
        self._out = SafeConsole()
        self._errors = SafeConsole(stderr=True)

    def tell(self, text: str) -> None:
        """Print a text for the developer."""
        self._errors.print(text, style="dim" if self.terminal else "")

    def say(self, shown: Shown, requests: int = 1, *, rests: bool = False) -> None:
        """Print what the user sees of an answer and, for the developer, why it is a fault.

        Args:
            shown: The answer.
            requests: How many requests were made until it was there.
            rests: If there is no reply: whether no conversation of the user is running or waits.
        """
        if not shown.text and rests:
            self.tell(tr("（无回复；现在没有进行中的对话）"))
        elif not shown.text:
            self.tell(tr("（无回复）"))
        elif self.terminal:
            self._draw(shown)
        else:
            self._out.print(shown.text)
        if shown.fault:
            why = reason(shown.fault)
            which = tr("第 {0} 次请求：{1}", requests, why) if requests > 1 else why
            self.tell(tr("为什么：{0}", which))
        # On a terminal the numbers are part of the text.
        if taps := tappable(shown, hidden=self.terminal):
            self.tell(tr("可点：") + "  ".join(taps))

    def _draw(self, shown: Shown) -> None:
        if shown.kind == "news":
            for number, article in enumerate(shown.articles, 1):
                self._framed(_article(article, number), tr("公众号：图文"))
        elif shown.kind == "fault":
            self._out.print(Text(tr("公众号：") + shown.text, "red"))
        elif shown.kind == "text":
            self._out.print(Text.assemble((tr("公众号："), "green"), _text(shown.parts)))
        else:
            self._framed(Text(shown.text), tr("公众号"))

    def _framed(self, inner: Text, title: str) -> None:
        width = min(FRAME, self._out.width)
        panel = Panel(inner, title=title, title_align="left", border_style="green", width=width)
        self._out.print(panel, soft_wrap=False)

    def request(self, url: str, request: Request) -> None:
        """Print a request and its answer for the developer."""
        self.tell(tr("第 {0} 次请求，{1:.2f} 秒：", request.number, request.seconds))
        sent, received = (request.body, request.message), (request.answer, request.reply)
        outcome = request.status or reason(request.problem)
        for line in lines("POST", url, sent, outcome, received):
            self.tell(line)
        if request.problem:
            self.tell(tr("问题：{0}", reason(request.problem)))

    def journal(self, conversation: Mapping[str, Any] | None) -> None:
        """Print the state of the user's conversation; None means that there is none."""
        if conversation is None or not conversation["dialog"]:
            self.tell(tr("没有进行中的对话"))
        else:
            self._running(conversation)
        for aside in (conversation or {}).get("aside", ()):
            self._aside(aside)
        for kind, text in (("held", "还没取走：{0}"), ("owed", "欠着没说：{0}")):
            for answer in (conversation or {}).get(kind, ()):
                self.tell(tr(text, _recognised(answer)))
        for parked in (conversation or {}).get("parked", ()):
            error = parked["error_zh"] if speaks_chinese() else parked["error"]
            self.tell(tr("出错搁置：{0}", error))

    def _running(self, conversation: Mapping[str, Any]) -> None:
        begun = datetime.fromisoformat(conversation["began_at"])
        version = f"@{conversation['version']}" if conversation["version"] else ""
        self.tell(tr("对话 {0}，{1:%H:%M:%S} 开始", conversation["dialog"] + version, begun))
        self._errors.print(_records(conversation["journal"]), style="dim" if self.terminal else "")
        if (waiting := conversation["waiting"]) is not None:
            self.tell(tr("在等 {0}：{1}", waiting["kind"], waiting["prompt"]))
        if (divergence := conversation["divergence"]) is not None:
            worded = divergence["zh"] if speaks_chinese() else divergence
            self.tell(tr("代码变了：{0}", worded["text"]))

    def _aside(self, aside: Mapping[str, Any]) -> None:
        """Print a conversation that waits for a time or a signal."""
        version = f"@{aside['version']}" if aside["version"] else ""
        waits = tr("；").join(map(_awaited, aside["waits"])) or tr("有一个问题还没问出去")
        self.tell(tr("在等的对话 {0}：{1}", aside["dialog"] + version, waits))
        self._errors.print(_records(aside["journal"]), style="dim" if self.terminal else "")


def _awaited(wait: Mapping[str, Any]) -> str:
    """Return what ends a wait: a signal, or a time."""
    if wait["name"]:
        match = f" match={wait['match']}" if wait["match"] else ""
        return tr("等信号 {0}", wait["name"] + match)
    due = datetime.fromisoformat(wait["due_at"])
    return tr("最晚 {0:%m-%d %H:%M:%S}" if wait["limit"] else "等到 {0:%m-%d %H:%M:%S}", due)


def _recognised(answer: str) -> str:
    return answer if len(answer) <= LONGEST else f"{answer[:LONGEST]}…"


def _text(parts: Iterable[Part]) -> Text:
    text = Text()
    number = 0
    for part in parts:
        if part.tap or part.href:
            number += 1
            text.append(part.text, "underline cyan")
            text.append(f" [{number}]", "bold cyan")
        else:
            text.append(part.text)
    return text


def _article(article: Article, number: int) -> Text:
    text = Text(article.title, "bold")
    for line in (article.description, article.pic_url and f"[图] {article.pic_url}"):
        if line:
            text.append(f"\n{line}", "not bold")
    if article.url:
        text.append(f"\n{article.url}", "not bold underline cyan")
        text.append(f" [{number}]", "bold cyan")
    return text


def _records(entries: list[Any]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for entry in entries:
        record = cast("dict[str, Any]", entry)
        position = "" if record.get("position") is None else str(record["position"])
        sign = tr(str(_SIGNS.get(record["kind"], record["kind"])))
        table.add_row(
            position, sign, Text(record["title"]), Text(record["detail"].partition(" #")[0])
        )
    return table

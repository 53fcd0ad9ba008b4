"""A chat in the terminal, or with lines from a pipe.

A line is a message; a line that begins with `/` is a command to the simulated platform. `Screen`
prints: into a pipe only what the user sees goes to standard output, so that a script can read it.

Proof: `tests/cli/test_chat.py` from a pipe, `tests/cli/test_terminal.py` on a terminal.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from wechat_dialog.errors import DialogError
from wechat_dialog.platform.display import Part, Shown
from wechat_dialog.platform.emulator import Platform
from wechat_dialog.platform.language import (
    HELP,
    SIGNAL_OUTCOMES,
    chinese_of_error,
    reason,
    speaks_chinese,
    tr,
)
from wechat_dialog.platform.protocol import Request

from .bot_process import BotProcess
from .looking import looking, places_of
from .not_running import NotRunning
from .pictures import Pictures
from .terminal_screen import Screen
from .values import Place

__all__ = ["Chat", "in_brief", "telling"]


class _InvalidNumber(Exception):
    """An argument of a command is not a valid number."""


def _number(word: str, low: float, high: float) -> float:
    try:
        number = float(word)
    except ValueError:
        raise _InvalidNumber from None
    if not low <= number <= high:
        raise _InvalidNumber
    return number


class _CommandError(Exception):
    """A command that cannot be carried out; the message says why, or how it is written."""


class Chat:
    """One terminal's chat.

    Attributes:
        user: The OpenID of the user whose messages are typed.
        screen: Prints.
        free: Set unless a debugger reads from the terminal.
    """

    def __init__(
        self, platform: Platform, screen: Screen, user: str, process: BotProcess | None = None
    ) -> None:
        """Begin a chat.

        Args:
            platform: Delivers the messages.
            screen: Prints.
            user: The user at the beginning.
            process: The bot's running process; None if the bot is a server elsewhere.
        """
        self.user = user
        self._platform = platform
        self.screen = screen
        self._process = process
        self.free = threading.Event() if process is None else process.free
        if process is None:
            self.free.set()
        self._pictures = Pictures()
        self._last: dict[str, Any] | None = None
        self._requests: list[Request] = []
        self._is_unloadable = False  # as was told last: that its process then ends is no news
        self._links: list[Part] = []
        platform.heard = self._heard
        self._commands: dict[str, tuple[Callable[[list[str]], object], int, str]] = {
            # each command: its method, the number of arguments it needs, how it is written
            "/tap": (self._tap, 1, "/tap 1"),
            "/image": (self._image, 1, "/image 文件或网址"),
            "/voice": (self._voice, 0, "/voice [MEDIA_ID]"),
            "/location": (self._location, 2, "/location 纬度 经度 [地名]"),
            "/link": (self._link, 1, "/link 网址 [标题]"),
            "/event": (self._event, 1, "/event 名称 [KEY]"),
            "/click": (lambda words: self._event(["CLICK", *words]), 1, "/click KEY"),
            "/scan": (self._scan, 1, "/scan 场景"),
            "/resend": (self._resend, 0, "/resend"),
            "/as": (self._as, 1, "/as 用户"),
            "/wait": (self._wait, 1, "/wait 秒数"),
            "/signal": (
                lambda words: _signal(self, words) if self._alive() else None,
                1,
                "/signal 名称 [match=…] [id=…] [JSON]",
            ),
            "/journal": (self._journal, 0, "/journal"),
            "/requests": (self._show_requests, 0, "/requests"),
            "/raw": (self._show_requests, 0, "/raw"),
            "/resume": (self._resume, 0, "/resume"),
            "/restart": (lambda _: self._restart(BotProcess.stop), 0, "/restart"),
            "/kill": (lambda _: self._restart(BotProcess.kill), 0, "/kill"),
            "/help": (lambda _: self.screen.tell(tr(HELP)), 0, "/help"),
        }

    def run(self, lines: Iterable[str]) -> None:
        """Carry out line after line, until the end or Ctrl-C."""
        try:
            for line in lines:
                if not self.line(line):
                    return
        except KeyboardInterrupt:
            self.screen.tell("")
        finally:
            self._pictures.close()

    def line(self, line: str) -> bool:
        """Carry out one line; return whether the chat goes on."""
        line = line.rstrip("\r\n")
        if not line.strip():
            return True
        # `/::)` is an emoticon, not a command.
        if not line.startswith("/") or line.startswith(("/:", "//")):
            self._send("text", Content=line.removeprefix("/") if line[:2] == "//" else line)
            return True
        name, *words = line.split()
        if name in ("/quit", "/exit"):
            return False
        try:
            self._command(name, words)
        except _CommandError as error:
            self.screen.tell(str(error))
        except DialogError as error:
            self.screen.tell(chinese_of_error(error) if speaks_chinese() else str(error))
        return True

    def _command(self, name: str, words: list[str]) -> None:
        if name not in self._commands:
            # `1. 内科 [1]` invites to type /1.
            like = f"/tap {name[1:]}" if name[1:].isdecimal() else "/help"
            raise _CommandError(tr("没有 {0} 这个命令；要的是 {1}？", name, like))
        work, needed, written = self._commands[name]
        if len(words) < needed:
            raise _CommandError(tr("{0} 要这样写：{1}", name, tr(written)))
        try:
            work(words)
        except _InvalidNumber:
            raise _CommandError(tr("{0} 要这样写：{1}", name, tr(written))) from None

    # Sending --------------------------------------------------------------------------------------

    def _send(self, kind: str, **fields: Any) -> None:
        self._last = self._platform.message(self.user, kind, **fields)
        self._deliver(self._last)

    def _deliver(self, message: dict[str, Any]) -> None:
        if not self._alive():
            return
        self._requests.clear()
        with telling(self._process, self.screen):
            shown = self._platform.deliver(message)
        self._links = [part for part in _links(shown) if part.tap or part.href]
        rests = not shown.kind and _rests(self._process, self.user)
        self.screen.say(shown, len(self._requests), rests=rests)

    def _image(self, words: list[str]) -> None:
        source = " ".join(words)
        url = source if "://" in source else self._pictures.add(Path(source).expanduser())
        if not url:
            raise _CommandError(tr("读不到图片 {0}", source))
        self._send("image", PicUrl=url, MediaId="media_demo_1")

    def _voice(self, words: list[str]) -> None:
        media = words[0] if words else "media_demo_2"
        self._send("voice", MediaId=media, Format="amr", Recognition="")

    def _location(self, words: list[str]) -> None:
        x, y = _number(words[0], -90, 90), _number(words[1], -180, 180)
        label = " ".join(words[2:])
        self._send("location", Location_X=str(x), Location_Y=str(y), Scale=16, Label=label)

    def _link(self, words: list[str]) -> None:
        title = " ".join(words[1:]) or words[0]
        self._send("link", Title=title, Description="", Url=words[0])

    def _event(self, words: list[str]) -> None:
        self._send("event", Event=words[0], EventKey=" ".join(words[1:]))

    def _scan(self, words: list[str]) -> None:
        self._send("event", Event="SCAN", EventKey=" ".join(words), Ticket="ticket_demo")

    def _tap(self, words: list[str]) -> None:
        number = int(_number(words[0], 0, 10**6))
        if not 1 <= number <= len(self._links):
            raise _CommandError(tr("没有第 {0} 个链接", number))
        part = self._links[number - 1]
        if part.tap is None:
            self.screen.tell(tr("这个链接在浏览器里打开：{0}", part.href))
        else:
            self._send("text", Content=part.tap.content, bizmsgmenuid=part.tap.id)

    def _resend(self, _: list[str]) -> None:
        if self._last is None:
            raise _CommandError(tr("还没有发过消息。"))
        self._deliver(self._last)

    # Looking at the bot, and controlling it -------------------------------------------------------

    def _as(self, words: list[str]) -> None:
        self.user = words[0]
        self._links = []
        self.screen.tell(tr("现在是用户 {0}", self.user))

    def _wait(self, words: list[str]) -> None:
        seconds = _number(words[0], 0, 10**9)
        count = self.ours().advance(seconds)
        self.screen.tell(tr("过去了 {0:g} 秒", seconds))
        if count:
            self.screen.tell(tr("到点做了 {0} 件事，说了什么发一条消息就能看到", count))

    def _journal(self, _: list[str]) -> None:
        process = self.ours()
        if self._alive():
            self.screen.journal(process.conversation(self.user))

    def _resume(self, _: list[str]) -> None:
        """Resume the conversation that was parked last, with the present code."""
        process = self.ours()
        if process.edited():
            self._restart(BotProcess.stop)
        if not self._alive():
            return
        parked = (process.conversation(self.user) or {}).get("parked", ())
        if not parked:
            raise _CommandError(tr("没有搁置的对话"))
        if not process.ask("resume", conversation=parked[-1]["id"]):
            why = tr("又出错了，还搁置着")
            raise _CommandError(
                f"{why}{tr('（步骤抛出的已经记下，改步骤没有用：在对话里捕获它）')}"
            )
        self.screen.tell(tr("接上了，发一条消息就能看到回答"))

    def asks_in_secret(self) -> bool:
        """Whether the bot awaits a secret answer; False if its process does not run."""
        if self._process is None or not self._process.wait(0):
            return False
        try:
            conversation = self._process.conversation(self.user)
        except NotRunning:
            return False
        waiting = conversation["waiting"] if conversation else None
        return waiting is not None and bool(waiting["kind"] == "ask in secret")

    def _show_requests(self, _: list[str]) -> None:
        if not self._requests:
            raise _CommandError(tr("还没有请求。"))
        for request in self._requests:
            self.screen.request(self._platform.address(request.query), request)

    def _restart(self, how: Callable[[BotProcess], None]) -> None:
        process = self.ours()
        how(process)
        process.start()
        if self._alive():
            self.screen.tell(tr("机器人重新启动了"))

    def ours(self) -> BotProcess:
        """Return the bot's process, if it was started here."""
        if self._process is None:
            raise _CommandError(tr("机器人不是这里启动的，这里管不了它的时间、对话和进程"))
        return self._process

    def _heard(self, request: Request) -> None:
        self._requests.append(request)
        if request.problem and not self.free.is_set():
            self.screen.tell(tr("（停在断点；离开调试器以后再发下一次请求）"))
            self.free.wait()
        if request.status == 0:
            self._revive()
        if request.problem and request.number < self._platform.requests and request.status != 200:
            self.screen.tell(
                tr("第 {0} 次请求：{1}，再发一次…", request.number, reason(request.problem))
            )

    def _revive(self) -> None:
        notice = "" if self._process is None else self._process.revive()
        if notice and not self._is_unloadable:
            self.screen.tell(notice)

    def _alive(self) -> bool:
        """Start the bot's process again if it has died; return whether it serves."""
        self._revive()
        self._is_unloadable = self._process is not None and not self._process.wait()
        if self._process is None or not self._is_unloadable:
            return True
        why = self._process.error_zh if speaks_chinese() else self._process.error
        self.screen.tell(tr("机器人启动不了：") + in_brief(why))
        return False


def telling(
    process: BotProcess | None, screen: Screen, sentence: str = "（还没有回答；正在执行 {0}：{1}）"
) -> contextlib.AbstractContextManager[None]:
    """Tell what a bot's code is doing while something of it is waited for."""
    if process is None:
        return contextlib.nullcontext()

    def tell(places: list[Place]) -> None:
        for place in places if process.free.is_set() else ():
            screen.tell(tr(sentence, place, place.code))

    return looking(lambda: places_of(process.ask), tell)


def _signal(chat: Chat, words: list[str]) -> None:
    """Send a signal, and print what became of it."""
    name, *rest = words
    named = {"match": "", "id": ""}
    while rest and "=" in rest[0] and rest[0].partition("=")[0] in named:
        key, _, value = rest.pop(0).partition("=")
        named[key] = value
    outcome = chat.ours().signal(chat.user, name, " ".join(rest), **named)
    sentence = tr(SIGNAL_OUTCOMES[outcome])
    if outcome == "taken":
        sentence = tr("{0}，说了什么发一条消息就能看到", sentence)
    chat.screen.tell(sentence)


def _rests(process: BotProcess | None, user: str) -> bool:
    """Whether no conversation of a user is running or waits; False if that is not known."""
    if process is None:
        return False
    try:
        conversation = process.conversation(user)
    except NotRunning:
        return False
    return not (conversation and (conversation["dialog"] or conversation["aside"]))


def in_brief(error: str) -> str:
    """Return why a bot could not be loaded, without the traceback above the author's own code."""
    lines = error.rstrip().splitlines()
    ours = [at for at, line in enumerate(lines) if line.lstrip().startswith('File "<frozen')]
    return "\n".join(lines[ours[-1] + 1 :] if ours else lines)


def _links(shown: Shown) -> list[Part]:
    """Return the links that can be tapped, in the order of their numbers on the screen."""
    return [*shown.parts, *(Part(article.title, href=article.url) for article in shown.articles)]

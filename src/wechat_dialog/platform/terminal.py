"""A chat in the terminal: type, see the answer; lines from a pipe work as well.

On a terminal it shows prompts and colours. From a pipe each line is a message, and what the user
sees is printed and nothing else, so that a script can read it. Lines that begin with `/` are for
the emulator.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from wechat_dialog.platform.emulator import Platform
from wechat_dialog.platform.pushing import Request
from wechat_dialog.platform.showing import Shown

__all__ = ["Chat"]

HELP = """\
直接输入文字就是发消息；点链接就是输入链接上的字。
/image [URL]          发一张图片
/voice [识别的文字]    发一段语音
/location 纬度 经度    发一个位置
/event 名称 [KEY]     发生一个事件：/event subscribe，/event CLICK menu_1
/scan 场景            已关注的用户扫带参数的二维码
/resend               同一条消息再发一遍（平台没听见时就这样）
/as 用户              换一个用户说话
/raw                  看最后一次请求和回答的内容
/quit                 结束（Ctrl-D 也行）"""


@dataclass
class Chat:
    """One terminal's chat.

    Attributes:
        platform: Delivers.
        say: Prints what the user sees.
        tell: Prints what the developer is told.
        user: Who is typing.
        revive: Starts the server again if it has died, and returns a sentence about that.
    """

    platform: Platform
    say: Callable[[str], None]
    tell: Callable[[str], None]
    user: str = "oTerminal000000000000000000"
    revive: Callable[[], str] = str
    _last: dict[str, Any] | None = None
    _requests: list[Request] = field(default_factory=list[Request])

    def __post_init__(self) -> None:
        """Listen to the platform's requests, for `/raw` and for repetitions."""
        self.platform.heard = self._heard

    def _heard(self, request: Request) -> None:
        if request.number == 1:
            self._requests.clear()
        self._requests.append(request)
        self._see_to_the_server()
        if request.problem and request.number < self.platform.requests and request.status != 200:
            self.tell(f"第 {request.number} 次请求：{request.problem}，再发一次…")

    def _see_to_the_server(self) -> None:
        if said := self.revive():
            self.tell(said)

    def line(self, line: str) -> bool:
        """Do what one line says; returns whether the chat goes on."""
        line = line.rstrip("\r\n")
        self._see_to_the_server()
        if not line.strip():
            return True
        if not line.startswith("/") or line.startswith(
            "/:"
        ):  # `/::)` is an emoticon, not a command
            self._send("text", Content=line)
            return True
        command, _, rest = line.partition(" ")
        words = rest.split()
        if command in ("/quit", "/exit"):
            return False
        try:
            self._command(command, words, rest.strip())
        except (ValueError, IndexError):
            self.tell(f"{command} 要这样写：\n{HELP}")
        return True

    def _command(self, command: str, words: list[str], rest: str) -> None:
        if command == "/image":
            url = rest or "http://mmbiz.qpic.cn/demo/0"
            self._send("image", PicUrl=url, MediaId="media_demo_1")
        elif command == "/voice":
            self._send("voice", MediaId="media_demo_2", Format="amr", Recognition=rest)
        elif command == "/location":
            x, y = float(words[0]), float(words[1])
            self._send("location", Location_X=str(x), Location_Y=str(y), Scale=16, Label="")
        elif command == "/event":
            more = {"EventKey": words[1]} if len(words) > 1 else {}
            self._send("event", Event=words[0], **more)
        elif command == "/scan":
            self._send("event", Event="SCAN", EventKey=words[0], Ticket="ticket_demo")
        elif command == "/resend":
            self._resend()
        elif command == "/as":
            self.user = words[0]
            self.tell(f"现在是用户 {self.user}")
        elif command == "/raw":
            self._raw()
        else:
            self.tell(HELP if command == "/help" else f"没有 {command} 这个命令。\n{HELP}")

    def _send(self, kind: str, **fields: Any) -> None:
        self._last = self.platform.message(self.user, kind, **fields)
        self._show(self.platform.deliver(self._last))

    def _resend(self) -> None:
        if self._last is None:
            self.tell("还没有发过消息。")
            return
        self._show(self.platform.deliver(self._last))

    def _show(self, shown: Shown) -> None:
        if shown.text:
            self.say(shown.text)
        else:
            self.tell("（无回复）")
        if shown.fault:
            self.tell(f"为什么：{shown.fault}")
        if shown.taps:
            self.tell("可点：" + "  ".join(shown.taps))

    def _raw(self) -> None:
        for request in self._requests:
            self.tell(
                f"请求 {request.number}：\n{request.message.decode('utf-8', 'replace')}\n"
                f"回答 {request.status}，{request.seconds:.2f} 秒：\n"
                f"{(request.reply or request.answer).decode('utf-8', 'replace')}"
            )

    def run(self) -> None:
        """Read lines until there are no more."""
        if not sys.stdin.isatty():
            for line in sys.stdin:
                if not self.line(line):
                    return
            return
        self.tell("和公众号聊天：输入 /help 看命令，/quit 结束。")
        while True:
            try:
                line = input("你：")
            except (EOFError, KeyboardInterrupt):
                self.tell("")
                return
            if not self.line(line):
                return

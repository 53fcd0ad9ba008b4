"""A bot before a model that is slow and says much, and what is served of it.

Environment, where this is a server's module: `STORE`, a URL; `GATE`, a folder in which the model
notes its calls, a line of `calls` each, and waits for the file `open`. `PATIENT`: the platform is.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from tests.full_path.people import PATIENT, TOKEN
from wechat_dialog import Bot, Chat, Dialog, Window, replies

URL = "http://127.0.0.1/wx/p"

ANSWER = "# 回答\n\n" + "\n\n".join(
    f"**第 {number} 段**：" + "一二三四五六七八九十" * 20 for number in range(32)
)
"""Some 20 kB."""

SOON = Window(seconds=60.0, requests=1, patience=0.2)
"""A platform that asks once, and is told to wait almost at once; and has time to hear that."""


class Gate:
    """Where the model waits for a test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def calls(self) -> int:
        """How often the model was called."""
        calls = self.folder / "calls"
        return calls.read_text().count("\n") if calls.exists() else 0

    def open(self) -> None:
        """Let it answer."""
        (self.folder / "open").touch()

    def __call__(self) -> str:
        with (self.folder / "calls").open("a") as calls:
            calls.write(f"{os.getpid()}\n")
        while not (self.folder / "open").exists():
            time.sleep(0.01)
        return ANSWER


def make_bot(store: Any, gate: Gate, **settings: Any) -> Bot:
    """A bot of an account without customer messages."""
    bot = Bot(TOKEN, store=store, **{"pages": URL, "window": SOON, "timeout": 3600, **settings})

    @bot.text("问")
    def ask(chat: Chat) -> Dialog[str]:
        chat.say(replies.Markdown((yield from chat.step(gate.__call__))))
        return f"您还想知道{yield from chat.ask('还想知道什么？')}。"

    @bot.text("长")
    def long(chat: Chat) -> replies.Markdown:
        return replies.Markdown(ANSWER)

    return bot


if "GATE" in os.environ:
    window = PATIENT if "PATIENT" in os.environ else SOON
    bot = make_bot(os.environ["STORE"], Gate(Path(os.environ["GATE"])), window=window, lease=0.5)
    application = bot.wsgi

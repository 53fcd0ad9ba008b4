"""A bot whose dialogs wait for times and signals, for the tests of the full path and for server
processes.

Environment of a process: `STORE`, a URL; `LEDGER`, a file to which each step adds a line, in whose
name `{pid}` stands for the process; `SLOW`, seconds that a step takes; `TIMERS`, "no" or nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import msgspec

from tests.full_path.people import PATIENT, TOKEN
from wechat_dialog import Bot, Chat, Dialog, NoAnswer, step

Ledger = Callable[[str], object]

NAPS = {"小睡": 0.3, "睡两秒": 2.0, "睡一小时": 3600.0}
"""Seconds."""


class Payment(msgspec.Struct):
    """What a payment's callback tells."""

    fen: int


def make_bot(store: Any, note: Ledger, slow: float = 0.0, **settings: Any) -> Bot:
    """Make the bot.

    Args:
        store: Its store.
        note: What its steps do with what they have to tell.
        slow: Seconds that a step takes.
        settings: Of the bot. Without `window` its platform waits as long as the slowest machine
            takes.
    """
    bot = Bot(TOKEN, store=store, timeout=None, **{"window": PATIENT, **settings})

    @step
    def write(line: str, *, idempotency_key: str = "") -> None:
        note(f"{line} begins {idempotency_key}")
        time.sleep(slow)
        note(line)

    @bot.text("等钱")
    def pay(chat: Chat) -> Dialog[str]:
        """Wait for a payment."""
        payment = yield from chat.wait_for("paid", Payment, match="A1")
        yield from chat.step(write, f"{chat.user} paid {payment.fen}")
        return f"收到 {payment.fen} 分"

    @bot.text("占座")
    def seat(chat: Chat) -> Dialog[str]:
        """Give the seat back when the limit is over."""
        try:
            answer = yield from chat.ask("付好了请回“好了”。", within=0.3)
        except NoAnswer:
            yield from chat.step(write, f"{chat.user} released")
            return "超时未付，座位已放回。"
        return answer

    @bot.text(*NAPS)
    def nap(chat: Chat) -> Dialog[str]:
        """Wait for a time, beside whatever the user does."""
        yield from chat.sleep(NAPS[getattr(chat.message, "text", "")])
        yield from chat.step(write, f"{chat.user} woke")
        return "醒了"

    @bot.dialog
    def visit(chat: Chat, place: str) -> Dialog[str]:
        """Is begun from outside."""
        yield from chat.step(write, f"{chat.user} at {place}")
        return f"在{place}见"

    @bot.text("开始")
    def starts(chat: Chat) -> str:
        """Begin another beside itself."""
        chat.start(visit, {"place": "门口"})
        return "好"

    @bot.text("转告")
    def tells(chat: Chat) -> Dialog[str]:
        """Signal in a step."""
        return (yield from chat.step(tell, chat.user))

    def tell(user: str) -> str:
        return bot.signal(user, "paid", Payment(7), match="A1")

    @bot.text("错")
    def wrong(chat: Chat) -> Dialog[str]:
        """Signal between two questions."""
        bot.signal(chat.user, "paid")
        yield from chat.ask("？")
        return ""

    @bot.text("嗨")
    def hello(_: Chat) -> str:
        """Answer."""
        return "嗨！"

    return bot


def to_file(path: str) -> Ledger:
    """Return what adds a line to a file, in one write."""

    def note(line: str) -> None:
        here = path.replace("{pid}", str(os.getpid()))
        with open(here, "a", encoding="utf-8") as file:  # noqa: PTH123 - a mode of its own
            file.write(f"{line}\n")

    return note


if "LEDGER" in os.environ:
    bot = make_bot(
        os.environ["STORE"], to_file(os.environ["LEDGER"]), float(os.environ.get("SLOW", "0")),
        timers=os.environ.get("TIMERS") != "no",
    )  # fmt: skip
    application = bot.wsgi

"""A store, a clock and one or two workers, driven by hand."""

from __future__ import annotations

from typing import Any, TypeVar

from wechat_dialog import messages, replies
from wechat_dialog.core.turn.operations import RunStep, RunSteps, StepOutcome
from wechat_dialog.core.turn.outcome import Transaction
from wechat_dialog.core.turn.settings import Settings
from wechat_dialog.core.turn.transaction import turn
from wechat_dialog.messages.keys import message_key
from wechat_dialog.replies import Reply
from wechat_dialog.runtime.live_dialogs import LiveDialogs
from wechat_dialog.stores.memory import MemoryStore

from .dialogs import FIRST_ID, RULES

__all__ = ["USER", "Desk", "typed"]

T = TypeVar("T")

USER = "gh:u"
"""Their key in the store: all messages are one user's."""


def typed(serial: int, text: str) -> messages.Message:
    """Return a text message of this serial number."""
    fields = {
        "ToUserName": "gh", "FromUserName": "u", "CreateTime": "1700000000",
        "MsgType": "text", "Content": text, "MsgId": str(FIRST_ID + serial),
    }  # fmt: skip
    return messages.from_fields(fields)


class Desk:
    """A store, a clock and one or two workers, driven by hand."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self.store = MemoryStore(lambda: self.now)
        self.fast = Settings(RULES, LiveDialogs(9))
        self.cold = Settings(RULES, None)
        self.asked: list[str] = []

    def turn(self, serial: int, text: str, settings: Settings) -> Transaction:
        message = typed(serial, text)
        return turn(settings, USER, message, message_key(message), int(self.now * 1000))

    def drive(self, transaction: Transaction, *, only: int | None = None) -> Reply | None:
        """Perform a turn's operations; with `only`, the worker dies after that many."""
        result: Any = None
        self.asked = []
        while only is None or len(self.asked) < only:
            try:
                op = transaction.send(result)
            except StopIteration as stop:
                return stop.value.reply  # type: ignore[no-any-return]
            self.asked.append(type(op).__name__)
            if isinstance(op, (RunStep, RunSteps)):
                result = StepOutcome(0, 1)
            else:
                result = op.on(self.store)  # type: ignore[union-attr]
        return None

    def until(self, transaction: Transaction, kind: type[T]) -> T:
        """Let the store perform a turn's operations, up to the first of a kind; return that."""
        op: Any = transaction.send(None)
        while not isinstance(op, kind):
            op = transaction.send(op.on(self.store))
        return op

    def say(self, serial: int, text: str, settings: Settings) -> str:
        reply = self.drive(self.turn(serial, text, settings))
        return reply.content if isinstance(reply, replies.Text) else ""

"""What follows from how the conversation on top went: every result, on a stack of two, by hand.

Nothing performs anything here: the flow asks for a claim at most, and no store is known.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import pytest

from wechat_dialog import Bot, Cancelled, Chat, Dialog, UnexpectedAnswer, messages
from wechat_dialog.core.dialog.texts import Texts
from wechat_dialog.core.replay.header import decode_parked
from wechat_dialog.core.replay.recorded_messages import record_message
from wechat_dialog.core.turn.document import Document
from wechat_dialog.core.turn.operations import NEEDS_CLAIM
from wechat_dialog.core.turn.results import (
    WAITS,
    Broke,
    Differs,
    Finished,
    HandsOver,
    Result,
    Signalled,
)
from wechat_dialog.core.turn.stack import begin, follow
from wechat_dialog.core.turn.work import Work
from wechat_dialog.errors import ReplayMismatch, TooManyAttempts
from wechat_dialog.replies import Text

TEXTS = Texts()
MESSAGE = messages.from_fields(
    {
        "ToUserName": "a",
        "FromUserName": "u",
        "CreateTime": "1",
        "MsgType": "text",
        "Content": "问",
        "MsgId": "1",
    }
)
bot = Bot()


@bot.text("下")
def below(chat: Chat) -> Dialog[str]:
    return (yield from chat.ask("下面的问题？"))


@bot.text("上")
def above(chat: Chat) -> Dialog[str]:
    return (yield from chat.ask("上面的问题？"))


@bot.dialog
def other(chat: Chat) -> Dialog[str]:
    return (yield from chat.ask("接着的问题？"))


@dataclass
class After:
    """What a turn comes to.

    Attributes:
        said: Its answer, the question last.
        stack: The dialogs of the conversations there are, the one on top last.
        handed_back: Whether the message is for another dialog.
        parked: What was put aside, if something was.
    """

    said: list[str]
    stack: list[str]
    handed_back: bool = False
    parked: str = ""


def registered(name: str) -> Any:
    dialog = bot.rules.routes.newest(name)
    assert dialog is not None
    return dialog


def ends(flow: Generator[Any, Any, bool]) -> bool:
    """Drive a flow that asks for nothing but the claim."""
    try:
        while True:
            assert next(flow) is NEEDS_CLAIM
    except StopIteration as stop:
        return bool(stop.value)


def after(result: Result | Differs) -> After:
    """Have the conversation on top of another one go as `result` says."""
    work = Work.of(bot.rules, Document("u", "a"), MESSAGE, "key", 1000)
    for name in ("below", "above"):
        assert not ends(begin(work, registered(name), {}))
    draft, doc = work.draft, work.doc
    draft.question, draft.asker = (), ""  # as in a later turn than those in which they were asked
    top = doc.top
    assert top is not None
    handed_back = ends(follow(work, top, result))
    said = [part.content for part in draft.whole() if isinstance(part, Text)]
    parked = "" if doc.park is None else decode_parked(doc.park.document).error
    return After(said, [frame.dialog for frame in doc.head.stack], handed_back, parked)


SAID = [Text("说了")]
AGAIN = "下面的问题？"
ROWS = {
    "it waits": (WAITS, After([], ["below", "above"])),
    "it finished": (Finished(SAID), After(["说了", AGAIN], ["below"])),
    "it handed over": (
        HandsOver(SAID, registered("other"), {}),
        After(["说了", "接着的问题？"], ["below", "other"]),
    ),
    "it was cancelled": (
        Signalled(SAID, Cancelled()),
        After(["说了", TEXTS.cancelled, AGAIN], ["below"]),
    ),
    "it was answered wrongly too often": (
        Signalled(SAID, TooManyAttempts(3)),
        After(["说了", TEXTS.too_many, AGAIN], ["below"]),
    ),
    "it handed the message back": (
        Signalled(SAID, UnexpectedAnswer()),
        After(["说了"], ["below"], handed_back=True),
    ),
    "it broke": (
        Broke(ZeroDivisionError("x")),
        After([TEXTS.apology, AGAIN], ["below"], parked="ZeroDivisionError: x"),
    ),
    "its code has changed": (
        Differs(
            registered("above"),
            [record_message("", MESSAGE, 1000)],
            ReplayMismatch("above", 1, "a question", "another", ""),
        ),
        After([TEXTS.changed, "上面的问题？"], ["below", "above"]),
    ),
}


@pytest.mark.parametrize(("result", "expected"), ROWS.values(), ids=ROWS.keys())
def test_what_follows(result: Result | Differs, expected: After) -> None:
    assert after(result) == expected

"""A test that hands its `Talk` what it cannot use: an error at once, whose report ends at the
author's line.
"""

from __future__ import annotations

import datetime as dt
import math
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.core.blame import hide_library
from wechat_dialog.testing import Talk


def pay() -> int:
    return 18


@pytest.fixture
def bot() -> Bot:
    bot = Bot()

    @bot.text("付")
    def pays(chat: Chat) -> Dialog[str]:
        return str((yield from chat.step(pay)))

    return bot


Call = Callable[[Any, Any], object]

SECONDS = ["7", None, dt.timedelta(seconds=7), math.nan, -1, True]
NO_BOTS = [sys.modules[__name__], None, "bot:bot", 5]
CALLS: list[tuple[str, Call, list[Any]]] = [
    ("takes: how long", lambda talk, wrong: talk.takes("pay", wrong), SECONDS),
    ("takes: which step", lambda talk, wrong: talk.takes(wrong, 7), [5, None]),
    ("advance", lambda talk, wrong: talk.advance(wrong), SECONDS),
    ("fake: which step", lambda talk, wrong: talk.fake(wrong), [5, None, [pay]]),
    ("fake: raises", lambda talk, wrong: talk.fake("pay", raises=wrong), ["no", 5, pay, int]),
    ("crashes: which step", lambda talk, wrong: talk.crashes(wrong), [5, None]),
    ("crashes: when", lambda talk, wrong: talk.crashes("pay", wrong), ["im", 5]),
    ("crashes: times", lambda talk, wrong: talk.crashes("pay", times=wrong), ["3", None, -1]),
    ("restart", lambda talk, wrong: talk.restart(wrong), [*NO_BOTS[:1], "bot", []]),
    ("tap", lambda talk, wrong: talk.tap(wrong), [["a"], 5]),
    ("signal", lambda talk, wrong: talk.signal(wrong), [5, None]),
    ("begin", lambda talk, wrong: talk.begin(wrong), [5, "付"]),
    ("Talk", lambda _, wrong: Talk(wrong), NO_BOTS),
    ("a faked result", lambda talk, wrong: [talk.fake("pay", wrong), talk("付")], [b"x", bot]),
]


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        pytest.param(call, wrong, id=f"{name}, {number}: {type(wrong).__name__}")
        for name, call, values in CALLS
        for number, wrong in enumerate(values)
    ],
)
def test_what_cannot_be_used_is_an_error_that_ends_at_the_authors_line(
    bot: Bot, call: Call, wrong: Any
) -> None:
    talk = Talk(bot)
    with pytest.raises((TypeError, ValueError, LookupError)) as raised:
        call(talk, wrong)
    hide_library(raised.value)
    last = traceback.extract_tb(raised.value.__traceback__)[-1]
    assert Path(last.filename) == Path(__file__)


def test_the_module_of_a_bot_is_no_bot() -> None:
    module: Any = sys
    with pytest.raises(TypeError, match=r"not module; write `from bot import bot`"):
        Talk(module)


def test_an_exceptions_class_will_do(bot: Bot) -> None:
    talk = Talk(bot)
    kind: Any = ZeroDivisionError
    talk.fake("pay", raises=kind)
    with pytest.raises(ZeroDivisionError):
        talk("付")

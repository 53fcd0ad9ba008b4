"""A turn that fails changes nothing: neither the user's data nor what waits beside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.dialogs.journals import stored_data
from tests.dialogs.outside import head_of
from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.core.turn.aside import MOST
from wechat_dialog.testing import Talk


def elsewhere(chat: Chat) -> str:
    """A dialog that is not one of the bot's."""
    return chat.user


def fills_up(chat: Chat) -> Dialog[str]:
    yield from ()
    for number in range(MOST):
        chat.remind(3600, "到点了", key=f"full {number}")
    return "好"


def starts_elsewhere(chat: Chat) -> Dialog[str]:
    yield from ()
    chat.start(elsewhere)
    return "好"


def asks_when_it_is_full(chat: Chat) -> Dialog[str]:
    yield from fills_up(chat)
    return (yield from chat.ask("什么？"))


def waits_when_it_is_full(chat: Chat) -> Dialog[str]:
    for number in range(MOST - 3):
        chat.remind(3600, "到点了", key=f"full {number}")
    yield from chat.sleep(60)  # with its other reminders there is no room for itself
    return "好"


def returns_no_reply(chat: Chat) -> Dialog[Any]:
    yield from ()
    return chat.now


def goes_on_elsewhere(chat: Chat) -> Dialog[Any]:
    yield from ()
    return chat.continue_as(elsewhere)


def leaves_what_json_cannot_say(chat: Chat) -> Dialog[str]:
    yield from ()
    chat.data["what"] = object()
    return "好"


def raises(chat: Chat) -> Dialog[str]:
    yield from ()
    raise RuntimeError("a bug")


FAILURES = [
    fills_up,
    starts_elsewhere,
    asks_when_it_is_full,
    waits_when_it_is_full,
    returns_no_reply,
    goes_on_elsewhere,
    leaves_what_json_cannot_say,
    raises,
]


@pytest.mark.parametrize("fail", FAILURES, ids=lambda fail: str(fail.__name__))
def test_a_turn_that_fails_changes_nothing(fail: Callable[[Chat], Dialog[Any]]) -> None:
    bot = Bot()

    @bot.text("先")
    def before(chat: Chat) -> str:
        chat.data["visits"] = 1
        chat.remind(7200, "先前的", key="stopped")
        chat.remind(7200, "先前的", key="replaced")
        return "好"

    @bot.text("坏")
    def breaks(chat: Chat) -> Dialog[Any]:
        chat.data["visits"] = 2
        chat.stop("stopped")
        chat.remind(3600, "新的", key="replaced")
        chat.remind(3600, "新的", key="new")
        chat.remind(3600, "新的")
        return (yield from fail(chat))

    talk = Talk(bot, apologies=True)
    talk("先")
    aside = head_of(talk).aside
    assert talk("坏") == bot.rules.texts.apology
    assert talk.parked == 1
    assert stored_data(talk) == {"visits": 1}
    assert head_of(talk).aside == aside

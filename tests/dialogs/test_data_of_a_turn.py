"""`chat.data`: a turn stores what it changed itself, and nothing that an earlier turn changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.dialogs.journals import stored_data as stored
from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.operators import Conversations
from wechat_dialog.testing import Talk


def note() -> None:
    """A step that a worker may die in."""


@dataclass
class Profile:
    level: int = 0
    busy: bool = False


def counting(data: type[Any] | None = None) -> Bot:
    """A bot whose `问` sets two values in its first turn, and changes one of them back in its
    third; `升` changes the other one meanwhile.
    """
    bot = Bot(data=data)

    def write(chat: Chat, **values: Any) -> None:
        for name, value in values.items():
            if data is None:
                chat.data[name] = value
            else:
                setattr(chat.data, name, value)

    @bot.text("问")
    def asking(chat: Chat) -> Dialog[str]:
        write(chat, level=1, busy=True)
        yield from chat.ask("一？")
        yield from chat.step(note)
        yield from chat.ask("二？")
        yield from chat.step(note)
        if data is None:
            del chat.data["busy"]
        else:
            chat.data.busy = False
        yield from chat.ask("三？")
        return "完"

    @bot.text("升", anytime=True)
    def raising(chat: Chat) -> str:
        write(chat, level=5)
        return "升了"

    return bot


def live(_talk: Talk) -> None:
    """The process keeps the dialog."""


def restarted(talk: Talk) -> None:
    """Another process replays it."""
    talk.restart()


def taken_over(talk: Talk) -> None:
    """A worker dies in the turn, after its step was recorded, and another one finishes it."""
    talk.crashes(note, "after")


PROCESSES = pytest.mark.parametrize("process", [live, restarted, taken_over])
SHAPES = pytest.mark.parametrize("shape", [None, Profile], ids=["dict", "dataclass"])


@SHAPES
@PROCESSES
def test_what_another_conversation_has_changed_since_stays(
    process: Callable[[Talk], None], shape: type[Any] | None
) -> None:
    talk = Talk(counting(shape))
    talk("问")
    assert stored(talk) == {"level": 1, "busy": True}
    talk("升")
    for answer in "甲乙":
        process(talk)
        talk(answer)
        assert stored(talk)["level"] == 5, f"after {answer}, which changes nothing about it"
    assert talk("丙") == "完"
    assert stored(talk)["level"] == 5


@SHAPES
@PROCESSES
def test_what_a_later_turn_changes_back_is_changed_back(
    process: Callable[[Talk], None], shape: type[Any] | None
) -> None:
    talk = Talk(counting(shape))
    talk("问")
    for answer in "甲乙":
        process(talk)
        talk(answer)
    assert not stored(talk).get("busy")
    assert talk("丙") == "完"
    assert not stored(talk).get("busy")


@pytest.mark.parametrize("process", [live, restarted])
def test_back_takes_back_the_last_turns_changes_only(process: Callable[[Talk], None]) -> None:
    bot = counting()

    @bot.text("记")
    def noting(chat: Chat) -> Dialog[str]:
        chat.data["level"] = 1
        first = yield from chat.ask("一？")
        chat.data["first"] = first
        yield from chat.ask("二？")
        return "完"

    talk = Talk(bot)
    talk("记")
    talk("甲")
    talk("升")
    process(talk)
    assert talk("返回") == "一？"
    assert stored(talk) == {"level": 5}
    process(talk)
    talk("乙")
    assert stored(talk) == {"level": 5, "first": "乙"}


def test_what_a_resumed_turn_changes_is_stored_and_nothing_else() -> None:
    def release(*, fixed: bool) -> Bot:
        bot = counting()

        @bot.text("记")
        def noting(chat: Chat) -> Dialog[str]:
            chat.data["level"] = 1
            chat.data["first"] = yield from chat.ask("一？")
            yield from chat.step(note)
            if not fixed:
                raise RuntimeError("a bug")
            return "完"

        return bot

    talk = Talk(release(fixed=False), apologies=True)
    for said in "记甲升":
        talk(said)
    assert stored(talk) == {"level": 5}
    talk.restart(release(fixed=True))
    bot = talk._world.bot
    bot.simulate(store=talk._world.store)
    Conversations(bot).resume(talk.user)
    assert stored(talk) == {"level": 5, "first": "甲"}

"""`chat.data`: what the bot remembers of a user beyond one conversation."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Any, NotRequired, Required, TypedDict

import msgspec
import pytest

from tests.dialogs.journals import stored_data as stored
from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.errors import ConfigurationError
from wechat_dialog.testing import Talk


def remembering() -> Bot:
    bot = Bot()

    @bot.text("记")
    def note(chat: Chat) -> Dialog[str]:
        before = list(chat.data.get("notes", []))
        text = yield from chat.ask(f"第 {len(before) + 1} 条？")
        chat.data["notes"] = [*before, text]
        again = yield from chat.ask("还有？")
        return f"{len(chat.data['notes'])} {again} {before}"

    @bot.text("忘")
    def forget(chat: Chat) -> str:
        chat.data.pop("notes", None)
        return "忘了"

    @bot.text("几条", anytime=True)
    def count(chat: Chat) -> str:
        return str(len(chat.data.get("notes", [])))

    @bot.text("坏")
    def broken(chat: Chat) -> str:
        chat.data["notes"] = []
        raise RuntimeError("a bug")

    return bot


@pytest.mark.parametrize("restart", [False, True], ids=["live", "replayed"])
def test_data_outlives_the_conversation_and_is_the_same_at_every_replay(restart: bool) -> None:
    talk = Talk(remembering())
    for number, text in enumerate(("甲", "乙"), 1):
        assert talk("记") == f"第 {number} 条？"
        if restart:
            talk.restart()
        assert talk(text) == "还有？"
        if restart:
            talk.restart()
        assert talk("没") == f"{number} 没 {['甲'][: number - 1]}"


def test_data_is_committed_with_the_turn_that_changed_it() -> None:
    talk = Talk(remembering())
    talk("记")
    talk("甲")
    assert talk("几条").startswith("1\n")


def test_data_outlives_time_limits_and_cancel_words() -> None:
    talk = Talk(remembering())
    talk("记")
    talk("甲")
    talk("取消")
    talk.advance(30 * 86400)
    talk.restart()
    assert talk("几条") == "1"


def test_what_is_popped_is_gone() -> None:
    talk = Talk(remembering())
    talk("记")
    talk("甲")
    talk("好")
    talk("忘")
    talk.restart()
    assert talk("几条") == "0"


def test_every_user_has_his_own() -> None:
    talk = Talk(remembering())
    talk("记")
    talk("甲")
    assert talk.other("somebody")("几条") == "0"


def test_a_dialog_that_breaks_at_once_changes_nothing() -> None:
    talk = Talk(remembering(), apologies=True)
    talk("记")
    talk("甲")
    talk("好")
    talk("坏")
    assert talk("几条") == "1"


@pytest.mark.parametrize("how", ["asks", "returns", "cancelled"])
def test_what_json_cannot_say_is_a_bug_of_the_dialog(how: str) -> None:
    bot = Bot()

    @bot.text("记")
    def note(chat: Chat) -> Dialog[str]:
        if how == "cancelled":
            try:
                yield from chat.ask("？")
            finally:
                chat.data["what"] = object()
        chat.data["what"] = object()
        if how == "asks":
            yield from chat.ask("？")
        return "好"

    talk = Talk(bot, apologies=True)
    seen = talk("记")
    if how == "cancelled":
        seen = talk("取消")
    assert seen == bot.rules.texts.apology
    assert talk.parked == 1


# A class of the author's ----------------------------------------------------------------------


class Level(Enum):
    NEW = "新人"
    OLD = "老友"


class Told(TypedDict, total=False):
    level: Level
    born: date
    visits: int


@dataclass
class Profile:
    level: Level = Level.NEW
    born: date | None = None
    visits: int = 0
    tags: list[str] = field(default_factory=list)


class Kept(msgspec.Struct):
    level: Level = Level.NEW
    born: date | None = None
    visits: int = 0
    tags: list[str] = []


def welcoming(cls: Any) -> Bot:
    bot = Bot(data=cls)

    @bot.text("来")
    def come(chat: Chat[Profile]) -> Dialog[str]:
        chat.data.visits += 1
        if chat.data.born is None:
            chat.data.born = yield from chat.ask("生日？", date)
        if chat.data.visits > 1:
            chat.data.level = Level.OLD
        chat.data.tags.append(chat.now().strftime("%H"))
        again = yield from chat.ask("好吗？")
        born = chat.data.born.isoformat()
        return f"{chat.data.level.value} {born} {chat.data.visits} {len(chat.data.tags)} {again}"

    return bot


@pytest.mark.parametrize("restart", [False, True], ids=["live", "replayed"])
@pytest.mark.parametrize("cls", [Profile, Kept])
def test_a_class_gives_the_data_its_types(cls: Any, restart: bool) -> None:
    talk = Talk(welcoming(cls))

    def say(text: str) -> str:
        if restart:
            talk.restart()
        return talk(text)

    say("来")
    say("2000年1月2日")
    assert say("好") == "新人 2000-01-02 1 1 好"
    assert say("来") == "好吗？"
    assert say("嗯") == "老友 2000-01-02 2 2 嗯"


@pytest.mark.parametrize("restart", [False, True], ids=["live", "replayed"])
def test_a_typed_dict_is_a_dict_with_types(restart: bool) -> None:
    bot = Bot(data=Told)

    @bot.text("来")
    def come(chat: Chat[Told]) -> Dialog[str]:
        chat.data["visits"] = chat.data.get("visits", 0) + 1
        if "born" not in chat.data:
            chat.data["born"] = yield from chat.ask("生日？", date)
            chat.data["level"] = Level.OLD
        again = yield from chat.ask("好吗？")
        level = chat.data.get("level", Level.NEW)
        return f"{chat.data['born']:%m-%d} {level.name} {chat.data['visits']} {again}"

    talk = Talk(bot)
    for text in ("来", "2000年1月2日", "好", "来"):
        talk(text)
        if restart:
            talk.restart()
    assert talk("嗯") == "01-02 OLD 2 嗯"


def test_only_what_changed_is_written_under_its_own_name() -> None:
    talk = Talk(welcoming(Profile))
    talk("来")
    assert stored(talk) == {"visits": 1}, "no default is stored"
    talk("2000年1月2日")
    assert stored(talk).keys() == {"visits", "born", "tags"}
    assert stored(talk)["born"] == "2000-01-02"


def test_what_is_stored_survives_changes_of_the_class(caplog: pytest.LogCaptureFixture) -> None:
    @dataclass
    class Newer:
        visits: int = 0
        born: int = 7  # was a date
        name: str = "无名"

    def greeting(cls: Any) -> Bot:
        bot = Bot(data=cls)

        @bot.text("看")
        def look(chat: Chat[Any]) -> str:
            chat.data.visits += 1
            return f"{chat.data.visits} {chat.data.born} {getattr(chat.data, 'name', '')}"

        return bot

    talk = Talk(welcoming(Profile))
    for text in ("来", "2000年1月2日", "好"):
        talk(text)
    talk.restart(greeting(Newer))
    with caplog.at_level(logging.WARNING):
        assert talk("看") == "2 7 无名"
    assert "'born' no longer fits" in caplog.text
    talk.restart(greeting(Profile))
    assert talk("看") == "3 2000-01-02 ", "what did not fit is still there"
    assert stored(talk)["tags"], "and so is what the class did not know"
    talk.restart(remembering())
    assert talk("几条") == "0", "a bot without a class sees it all as a dict"


def test_a_class_that_refuses_what_is_stored_in_its_own_way_leaves_it_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @dataclass
    class Picky:
        notes: list[str] = field(default_factory=list[str])

        def __post_init__(self) -> None:
            if self.notes:
                raise LookupError(self.notes)

    talk = Talk(remembering())
    talk("记")
    talk("一")
    talk("好")
    bot = Bot(data=Picky)
    bot.text("看")(lambda chat: str(len(chat.data.notes)))
    talk.restart(bot)
    with caplog.at_level(logging.WARNING):
        assert talk("看") == "0"
    assert talk.parked == 0
    assert "no longer fits" in caplog.text
    assert stored(talk) == {"notes": ["一"]}, "what did not fit is still there"


def test_back_takes_back_what_the_answer_left_there() -> None:
    talk = Talk(welcoming(Profile))
    talk("来")
    talk("2000年1月2日")
    talk("返回")
    assert stored(talk) == {"visits": 1}
    talk("2001年1月2日")
    assert talk("好") == "新人 2001-01-02 1 1 好"


class Required_(TypedDict):
    name: str


class Mixed(TypedDict, total=False):
    name: Required[str]
    note: NotRequired[str]


@dataclass
class NoDefault:
    name: str


class NoDefaultEither(msgspec.Struct):
    name: str


@dataclass
class Unknown:
    name: Nothing | None = None  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (Required_, "total=False"),
        (Mixed, "'name' must be there"),
        (NoDefault, "give it a default"),
        (NoDefaultEither, "give it a default"),
        (dict, "a TypedDict, a dataclass or a msgspec.Struct"),
        (Profile(), "a TypedDict, a dataclass or a msgspec.Struct"),
        (Unknown, "Nothing"),
    ],
)
def test_a_class_that_cannot_be_is_refused_at_once(cls: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        Bot(data=cls)

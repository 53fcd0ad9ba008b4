"""Routes by kind and by text: what they take, and what they refuse when they are written."""

from __future__ import annotations

import pytest

from tests.full_path.doors import OpenDoor
from tests.full_path.people import TOKEN, Person, content, signed
from wechat_dialog import Bot, Chat, messages
from wechat_dialog.errors import ConfigurationError
from wechat_dialog.messages import base


@pytest.fixture
def bot() -> Bot:
    return Bot(TOKEN, store="memory://")


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_kinds", dict(base._kinds))
    monkeypatch.setattr(base, "_events", dict(base._events))


@pytest.mark.parametrize("by_class", [True, False], ids=["by class", "by name"])
def test_a_message_type_of_ones_own_has_a_route(
    bot: Bot, open_door: OpenDoor, by_class: bool
) -> None:
    @messages.register(kind="Device_Text")
    class DeviceText(messages.Message, frozen=True):
        device_id: str = ""

    @bot.message(DeviceText if by_class else "device_text")
    def heard(chat: Chat) -> str:
        assert isinstance(chat.message, DeviceText)
        return chat.message.device_id

    assert content(Person(open_door(bot)).send("device_text", DeviceId="d-1")) == "d-1"


def test_an_event_of_ones_own_has_a_route(bot: Bot, open_door: OpenDoor) -> None:
    @messages.register(event="bar_event")
    class Bar(messages.Event, frozen=True):
        bar_count: int = 0

    @bot.event("bar_event")
    def happened(chat: Chat) -> str:
        assert isinstance(chat.message, Bar)
        return str(chat.message.bar_count + 1)

    assert content(Person(open_door(bot)).send("event", Event="bar_event", BarCount="3")) == "4"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (messages.Click, r"Click is an event; write @bot\.event\('click'\)"),
        (messages.CardEvent, r"CardEvent is an event; write @bot\.event"),
        (messages.Unknown, r"Unknown is no kind of message; .* @bot\.message\(\)"),
        (messages.Message, r"Message is no kind of message"),
    ],
)
def test_a_class_that_would_take_more_than_it_says_is_refused(
    bot: Bot, kind: type[messages.Message], said: str
) -> None:
    with pytest.raises(TypeError, match=said):
        bot.message(kind)


@pytest.mark.parametrize("text", [" 帮助", "帮助\n", " "])
def test_a_text_that_nobody_can_send_is_refused(bot: Bot, text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"can never be reached.*; write '(帮助)?'"):
        bot.text(text)


def test_a_text_with_white_space_inside_is_what_users_send(bot: Bot, open_door: OpenDoor) -> None:
    bot.text("a b")(lambda _: "yes")
    assert Person(open_door(bot)).say(" a b\n") == "yes"


def test_two_scans_of_one_second_are_both_answered_and_a_copy_gets_its_own_answer(
    open_door: OpenDoor, store_url: str
) -> None:
    bot = Bot(TOKEN, store=store_url)
    ran: list[str] = []

    @bot.event("subscribe_msg_popup_event")
    def chosen(chat: Chat) -> str:
        ran.append(chat.message.raw["What"])
        return f"收到 {ran[-1]}"

    person = Person(open_door(bot))
    answers = [
        content(person.send("event", Event="subscribe_msg_popup_event", What=what)) for what in "ab"
    ]
    assert answers == ["收到 a", "收到 b"]
    copies = [content(person.door.request("POST", signed(), push)) for push in person.sent]
    assert copies == answers
    assert ran == ["a", "b"]

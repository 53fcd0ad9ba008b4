"""Redis stalls in the middle of a turn, between any two of its operations: an apology at worst, and
then everything goes on, each step done once for whoever knows its key.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from tests.full_path.doors import OpenDoor
from tests.full_path.people import TOKEN, OneRequest, Person, content
from tests.redis_server import RedisServer
from wechat_dialog import Bot, Chat, Texts
from wechat_dialog.stores.redis import RedisStore

Servers = Callable[..., RedisServer]
APOLOGY = Texts().apology


class Till:
    """Takes money; at one of its entries, the server stalls."""

    def __init__(self, server: RedisServer, stalls_at: int) -> None:
        self.server = server
        self.stalls_at = stalls_at
        self.entries: list[tuple[int, str]] = []
        self.stalled = ExitStack()

    def enter(self, number: int, idempotency_key: str = "") -> int:
        self.entries.append((number, idempotency_key))
        if len(self.entries) == self.stalls_at:
            self.stalled.enter_context(self.server.frozen())
        return number


def bot_of(till: Till, store: RedisStore, live: int, platform: OneRequest) -> Bot:
    bot = Bot(TOKEN, store=store, lease=0.5, live_dialogs=live, window=platform)

    @bot.text("收钱")
    def takes(chat: Chat) -> Any:
        number = yield from chat.ask("多少？", int)
        first = yield from chat.step(till.enter, number)
        second = yield from chat.step(till.enter, number + 1)
        more = yield from chat.ask(f"{first + second}，还有？", int)
        return f"一共 {first + second + more}"

    return bot


@pytest.mark.parametrize("live", [100, 0], ids=["live", "cold"])
@pytest.mark.parametrize("stalls_at", [1, 2], ids=["before a record", "before the commit"])
def test_what_met_a_stall_is_finished_when_it_is_repeated(
    open_door: OpenDoor, redis_server: Servers, stalls_at: int, live: int
) -> None:
    server = redis_server(aof=True)
    till = Till(server, stalls_at)
    store = RedisStore(f"{server.url}?socket_timeout=0.2&socket_connect_timeout=0.2", patience=0.2)
    platform = OneRequest()
    person = Person(open_door(bot_of(till, store, live, platform)))
    assert person.say("收钱") == "多少？"
    with platform.in_a_hurry(1.0):  # enough to come to the stall
        assert person.say("5") == APOLOGY
    till.stalled.close()
    # What was sent to the stalled server may have been done when it went on, or not.
    assert content(person.again()) == "11，还有？"
    assert [number for number, _ in dict.fromkeys(till.entries)] == [5, 6]
    assert content(person.again()) == "11，还有？"
    assert person.say("7") == "一共 18"
    assert [number for number, _ in dict.fromkeys(till.entries)] == [5, 6]
    store.close()


@pytest.mark.parametrize("stalls_at", [1, 2], ids=["before a record", "before the commit"])
def test_a_stalled_turn_is_finished_first_where_another_message_comes_instead(
    open_door: OpenDoor, redis_server: Servers, stalls_at: int
) -> None:
    server = redis_server(aof=True)
    till = Till(server, stalls_at)
    store = RedisStore(f"{server.url}?socket_timeout=0.2&socket_connect_timeout=0.2", patience=0.2)
    platform = OneRequest()
    person = Person(open_door(bot_of(till, store, 100, platform)))
    assert person.say("收钱") == "多少？"
    with platform.in_a_hurry(1.0):  # enough to come to the stall
        assert person.say("5") == APOLOGY
    till.stalled.close()
    seen = person.say("7")
    assert seen.endswith("11，还有？"), seen
    assert "没有作为回答" in seen, "that question cannot have been seen"
    assert person.say("7") == "一共 18"
    assert [number for number, _ in dict.fromkeys(till.entries)] == [5, 6]
    store.close()

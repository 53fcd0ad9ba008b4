"""What one firing costs a Redis: the commands that MONITOR shows, and what is left in the index."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from tests.full_path.doors import OpenDoor
from tests.full_path.people import ACCOUNT, Person
from tests.full_path.test_round_trips import watched
from tests.full_path.waiting import Payment, make_bot
from tests.redis_server import wait_until
from wechat_dialog import Bot

INDEX = f"{{wechat-dialog:due:0}}:z:{ACCOUNT}"


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with contextlib.closing(redis.Redis.from_url(redis_url)) as client:
        yield client


def make(redis_url: str) -> Bot:
    """Make a bot that does what is due on demand, and does not walk through all keys."""
    bot = make_bot(redis_url, lambda _: None, timers=False, account=ACCOUNT)
    store: Any = bot.store
    store._times._walk._asks_at = float("inf")
    return bot


def test_a_firing_is_three_round_trips_and_leaves_the_index(
    open_door: OpenDoor, redis_url: str, client: redis.Redis
) -> None:
    bot = make(redis_url)
    person = Person(open_door(bot))
    commands: list[str] = []
    for _ in range(2):  # the first time it connects, and loads the scripts
        assert person.say("小睡") == ""
        wait_until(lambda: is_due(client), "it to be due")
        with watched(redis_url) as seen:
            assert bot.run_due() == 1
        commands = seen.commands
        assert person.say("嗨") == "醒了\n嗨！"
    # What is due is read; then it is claimed, its step is recorded, and its end is committed.
    assert commands == ["EVALSHA"] * 4
    assert client.zrange(INDEX, 0, -1) == []


def is_due(client: redis.Redis) -> bool:
    seconds, micros = client.time()
    return client.zcount(INDEX, "-inf", seconds * 1_000_000 + micros) > 0


def test_a_signal_that_is_taken_leaves_the_index_at_the_time_that_it_had(
    open_door: OpenDoor, redis_url: str, client: redis.Redis
) -> None:
    bot = make(redis_url)
    person = Person(open_door(bot))
    person.say("等钱")
    ends = client.zrange(INDEX, 0, -1)
    assert len(ends) == 1, "a wait without a limit ends after thirty days"
    assert bot.signal(person.name, "paid", Payment(990), match="A1") == "taken"
    assert client.zrange(INDEX, 0, -1) == ends


def test_what_a_turn_starts_leaves_the_index(
    open_door: OpenDoor, redis_url: str, client: redis.Redis
) -> None:
    bot = make(redis_url)
    person = Person(open_door(bot))
    assert person.say("开始") == "好"
    wait_until(lambda: person.say("嗨") == "在门口见\n嗨！", "it to run")
    wait_until(lambda: client.zrange(INDEX, 0, -1) == [], "it to have ended")

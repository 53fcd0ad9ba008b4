"""What one turn costs a Redis: the commands that MONITOR shows, and new connections.

The bots have no timers: looks at what is due, and the hourly walk, belong to no turn.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import redis

from tests.full_path.accumulator import TRANSCRIPT, make_bot
from tests.full_path.doors import OpenDoor
from tests.full_path.people import Person
from wechat_dialog.core.store.times import Post
from wechat_dialog.runtime import drive
from wechat_dialog.stores.redis import RedisStore
from wechat_dialog.testing.store_contract.index import ACCOUNT, timed

END = "that was all"
# The first of two looks, by plain commands in one go.
TRIPS = {"1": ["EVALSHA"], "2": ["TIME", "MGET", "LRANGE", "EVALSHA"]}
LONG = 30  # numbers to add, so turns of one conversation


@dataclass
class Seen:
    """What a server was asked for in a block; complete when the block has ended."""

    commands: list[str] = field(default_factory=list[str])
    connections: int = 0
    asked: list[list[str]] = field(default_factory=list[list[str]])
    """Each command with its arguments."""
    inside: list[str] = field(default_factory=list[str])
    """The commands of scripts."""

    @property
    def words(self) -> list[str]:
        """All arguments."""
        return [word for words in self.asked for word in words]


@contextlib.contextmanager
def watched(url: str) -> Iterator[Seen]:
    """Watch what clients ask for; what scripts do inside the server is not counted."""
    seen = Seen()
    with contextlib.ExitStack() as stack:
        asking, watching = (
            stack.enter_context(contextlib.closing(redis.Redis.from_url(url))) for _ in range(2)
        )
        before = _connections(asking) + 1  # and the monitor's
        monitor = stack.enter_context(watching.monitor())
        yield seen
        seen.connections = _connections(asking) - before
        asking.echo(END)
        lines: Any = monitor.listen()
        for line in lines:
            if END in line["command"]:
                break
            word = line["command"].split()[0].upper()
            if line["client_type"] == "lua":
                seen.inside.append(word)
            elif word != "INFO":
                seen.commands.append(word)
                seen.asked.append(line["command"].split())


def _connections(client: redis.Redis) -> int:
    count: int = client.info("stats")["total_connections_received"]
    return count


@pytest.mark.parametrize(
    ("live_dialogs", "trips"),
    [
        # The start and the word that nobody takes find no live dialog; all between do.
        pytest.param(100, "211112", id="live"),
        pytest.param(0, "222222", id="cold"),
    ],
)
def test_a_turn_is_one_round_trip_live_and_two_cold(
    open_door: OpenDoor, redis_url: str, live_dialogs: int, trips: str
) -> None:
    door = open_door(make_bot(redis_url, live_dialogs=live_dialogs, timers=False))
    for text, _ in TRANSCRIPT:  # connects, and loads the scripts
        Person(door, "oFirst").say(text)
    person = Person(door, "oSecond")
    turns: list[Seen] = []
    for text, answer in TRANSCRIPT:
        with watched(redis_url) as seen:
            assert person.say(text) == answer
        turns.append(seen)
    assert [turn.commands for turn in turns] == [TRIPS[count] for count in trips]
    assert [turn.connections for turn in turns] == [0] * len(turns)


@pytest.mark.parametrize("live_dialogs", [100, 0], ids=["live", "cold"])
def test_a_user_who_has_no_time_pays_nothing_for_those_who_have(
    open_door: OpenDoor, redis_url: str, live_dialogs: int
) -> None:
    with contextlib.closing(RedisStore(redis_url)) as store:
        timed(store, 3600.0, user="somebody else")
        store.post(Post("somebody else", ACCOUNT, "wx1", b"paid"))
    door = open_door(make_bot(redis_url, live_dialogs=live_dialogs, timers=False))
    for text, _ in TRANSCRIPT:  # connects, and loads the scripts
        Person(door, "oFirst").say(text)
    person = Person(door, "oSecond")
    for text, answer in TRANSCRIPT:
        with watched(redis_url) as seen:
            assert person.say(text) == answer
        kinds = [word.rpartition("}:")[2][:1] for word in seen.words if "oSecond}:" in word]
        assert set(kinds) <= set("hjcad"), "the keys of before"
        # What the scripts of before asked the server themselves.
        assert set(seen.inside) <= {
            *("TIME", "MGET", "GET", "SET", "DEL", "LLEN", "LRANGE", "RPUSH", "PEXPIRE")
        }
        scripts = [words for words in seen.asked if words[0] == "EVALSHA"]
        assert {int(words[2]) for words in scripts} <= {3, 4, 5}, "how many keys"
    with redis.Redis.from_url(redis_url) as client:
        names = {key.rpartition(b"}:")[2][:1] for key in client.scan_iter("*oSecond*")}
        assert names <= {b"h", b"j", b"c"}


@pytest.mark.parametrize(("live_dialogs", "trips"), [(100, "1"), (0, "2")], ids=["live", "cold"])
def test_the_length_of_a_conversation_costs_no_command(
    open_door: OpenDoor, redis_url: str, live_dialogs: int, trips: str
) -> None:
    door = open_door(make_bot(redis_url, live_dialogs=live_dialogs, timers=False))
    for text, _ in TRANSCRIPT:  # connects, and loads the scripts
        Person(door, "oFirst").say(text)
    person = Person(door, "oSecond")
    for text in ("累加器", str(LONG + 1)):
        person.say(text)
    for _ in range(LONG):
        person.say("1")
    with watched(redis_url) as seen:
        assert person.say("1") == f"一共是 {LONG + 1}。"
    assert seen.commands == TRIPS[trips]


@pytest.mark.parametrize("live_dialogs", [100, 0], ids=["live", "cold"])
def test_a_dialog_that_blocks_is_claimed_for_from_then_on(
    open_door: OpenDoor,
    redis_url: str,
    live_dialogs: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    person = Person(open_door(make_bot(redis_url, live_dialogs=live_dialogs, timers=False)))
    for text in ("累加器", "4"):
        person.say(text)
    monkeypatch.setattr(drive, "BLOCKS", -1.0)  # any time is too long
    assert person.say("1") == "第 2 个数是？（已有 1）"
    assert "blocks between two questions" in caplog.text
    monkeypatch.undo()
    person.say("0")  # loads the scripts
    with watched(redis_url) as seen:
        assert person.say("1") == "第 4 个数是？（已有 2）"
    cold = ["TIME", "MGET", "LRANGE", "EVALSHA", "EVALSHA"]  # looks, claims, commits
    assert seen.commands == (["EVALSHA"] * 2 if live_dialogs else cold)


def test_a_copy_of_an_answered_message_costs_one_call(open_door: OpenDoor, redis_url: str) -> None:
    person = Person(open_door(make_bot(redis_url, timers=False)))
    for text, _ in TRANSCRIPT[:2]:
        person.say(text)
    with watched(redis_url) as seen:
        assert person.again().status == 200
    assert seen.commands == ["EVALSHA"]

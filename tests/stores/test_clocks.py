"""The store's clock is set: forward or back by an hour, in the middle of everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from tests.stores.redis_clock import CLOCK, advance
from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.values import Claim, Commit, Running, Write
from wechat_dialog.stores.memory import MemoryStore
from wechat_dialog.stores.redis import RedisStore
from wechat_dialog.stores.sqlite import SQLiteStore
from wechat_dialog.testing.store_contract.asking import committed, granted

HOUR = 3600.0
START = 1_700_000_000.0
Clocked = tuple[Store, Callable[[float], None]]


@pytest.fixture(params=["memory", "SQLite", "Redis"])
def clocked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Clocked]:
    """A store, and what sets its clock by so many seconds."""
    if request.param == "Redis":
        url = request.getfixturevalue("redis_url")
        client = redis.Redis.from_url(url)
        advance(client, START)
        store: Store = RedisStore(url, _clock=CLOCK)
        yield store, lambda seconds: advance(client, seconds)
        store.close()
        client.close()
        return
    time = [START]

    def clock() -> float:
        time[0] += 1e-5
        return time[0]

    def set_by(seconds: float) -> None:
        time[0] += seconds

    store = MemoryStore(clock) if request.param == "memory" else SQLiteStore(tmp_path / "b", clock)
    yield store, set_by
    store.close()


def begin(store: Store, ttl: float = 2 * HOUR) -> int:
    fence = granted(store.claim(Claim("ada", "first", lease=3))).fence
    return committed(
        store.commit(Commit("ada", "first", Write(b"h", (b"1",), ttl=ttl), reply=b"", fence=fence))
    ).revision


@pytest.mark.parametrize("by", [HOUR, -HOUR])
def test_a_dead_worker_s_claim_lasts_no_hour(clocked: Clocked, by: float) -> None:
    store, set_by = clocked
    begin(store)
    granted(store.claim(Claim("ada", "k1", lease=3, message=b"said")))
    set_by(by)
    claim = granted(store.claim(Claim("ada", "k2", lease=3)))
    assert [one.key for one in claim.pending] == ["k1"]


@pytest.mark.parametrize("by", [HOUR, -HOUR])
def test_a_message_that_waits_no_longer_keeps_nobody_out(clocked: Clocked, by: float) -> None:
    store, set_by = clocked
    begin(store)
    fence = granted(store.claim(Claim("ada", "k1", lease=3))).fence
    assert isinstance(store.claim(Claim("ada", "gone", lease=3)), Running)
    store.release("ada", fence)
    assert isinstance(store.claim(Claim("ada", "k2", lease=3)), Running), "it is the next in line"
    set_by(by)
    granted(store.claim(Claim("ada", "k2", lease=3)))


def test_a_clock_set_back_takes_nothing_from_a_worker_that_is_alive(clocked: Clocked) -> None:
    store, set_by = clocked
    revision = begin(store)
    fence = granted(store.claim(Claim("ada", "k1", lease=3))).fence
    set_by(-HOUR)
    store.renew("ada", fence, 3)
    assert isinstance(store.claim(Claim("ada", "k2", lease=3)), Running)
    later = store.record("ada", fence, Write(b"h", (b"2",), ttl=60))
    last = committed(
        store.commit(Commit("ada", "k1", Write(b"h", (b"3",), ttl=60), reply=b"r", fence=fence))
    )
    assert revision < later.revision < last.revision


def test_a_clock_set_back_brings_no_number_again(clocked: Clocked) -> None:
    store, set_by = clocked
    first = begin(store)
    second = granted(store.claim(Claim("ada", "k", lease=3))).fence
    store.end("ada")
    set_by(-HOUR)
    third = granted(store.claim(Claim("ada", "k2", lease=3))).fence
    assert first < second < third


def test_a_clock_set_back_makes_no_conversation_younger_than_nothing(clocked: Clocked) -> None:
    store, set_by = clocked
    revision = begin(store)
    set_by(-HOUR)
    claim = granted(store.claim(Claim("ada", "k", lease=3)))
    assert (claim.age, claim.records) == (0.0, (b"1",))
    store.release("ada", claim.fence)
    write = Write(b"h", (b"2",), ttl=60)
    committed(store.commit(Commit("ada", "k", write, reply=b"", revision=revision, max_age=60)))


def test_a_fence_is_not_before_the_first_sight_of_its_message(clocked: Clocked) -> None:
    """That comes after what waited when the clock was set back, which no fence has counted."""
    store, set_by = clocked
    fence = granted(store.claim(Claim("ada", "k1", lease=30))).fence
    set_by(20)
    assert isinstance(store.claim(Claim("ada", "k2", lease=3)), Running)
    set_by(-30)
    first = granted(store.claim(Claim("ada", "k3", lease=3, instead=fence))).fence
    assert first - fence > 19e6


def test_a_clock_set_back_makes_no_message_new(clocked: Clocked) -> None:
    store, set_by = clocked
    begin(store)
    granted(store.claim(Claim("ada", "k1", lease=3)))
    asked = store.claim(Claim("ada", "k2", lease=3))
    assert isinstance(asked, Running)
    assert not asked.since
    set_by(-30)
    again = store.claim(Claim("ada", "k2", lease=3, arrival=False))
    assert isinstance(again, Running)
    assert again.since > 0
    new = store.claim(Claim("ada", "k3", lease=3))
    assert isinstance(new, Running)
    assert not new.since


def test_a_clock_set_forward_ends_what_was_over_by_then(clocked: Clocked) -> None:
    store, set_by = clocked
    begin(store, ttl=60)
    set_by(HOUR)
    assert granted(store.claim(Claim("ada", "k", lease=3))).records == ()

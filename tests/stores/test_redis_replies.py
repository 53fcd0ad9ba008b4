"""Where Redis remembers replies: in h, beside the head; and what earlier versions left goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from tests.stores.redis_clock import CLOCK, KEY, advance
from wechat_dialog.core.store.values import (
    Answered,
    Claim,
    Claimed,
    Commit,
    Committed,
    Conflict,
    Running,
    Unclaimed,
    Write,
)
from wechat_dialog.stores.redis import RedisStore
from wechat_dialog.testing.store_contract.asking import begin, committed, granted

RECORDED = Path(__file__).parent / "recorded" / "redis-replies-in-keys.json"
LONG = 600.0


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with closing(redis.Redis.from_url(redis_url)) as client:
        yield client


@pytest.fixture
def store(redis_url: str, client: redis.Redis) -> Iterator[RedisStore]:
    """A store by the test's own time."""
    client.set(KEY, 1_700_000_000_000_000)
    with closing(RedisStore(redis_url, _clock=CLOCK)) as store:
        yield store


def keys(client: redis.Redis) -> list[str]:
    """Names of keys, without what all keys of a user begin with."""
    found = (str(key, "utf-8") for key in client.scan_iter("{*"))
    return sorted(key.partition("}:")[2] for key in found)


def write_fast(
    store: RedisStore, key: str, revision: int, reply: bytes = b"reply", remember: float = 60.0
) -> Committed:
    write = Write(b"h", (b"1",), ttl=LONG)
    commit = Commit("ada", key, write, reply=reply, revision=revision, remember=remember)
    return committed(store.commit(commit))


def answer(store: RedisStore, key: str, user: str = "ada") -> object:
    return store.claim(Claim(user, key, lease=5))


def last_seconds(client: redis.Redis, key: str) -> float:
    return int(client.pttl(f"{{wechat-dialog:ada}}:{key}")) / 1000


# In h ------------------------------------------------------------------------------------------


def test_seven_quick_turns_are_two_keys(store: RedisStore, client: redis.Redis) -> None:
    revision = begin(store, b"1", key="k0", ttl=LONG).revision
    for turn in range(1, 7):
        revision = write_fast(store, f"k{turn}", revision, b"reply %d\n\x00" % turn).revision
    assert keys(client) == ["h", "j"]
    for turn in range(1, 7):
        said = Answered(b"reply %d\n\x00" % turn)
        assert answer(store, f"k{turn}") == said
        assert store.claim(Claim("ada", f"k{turn}", lease=5, optimistic=True)) == said


def test_a_live_turn_reads_once_and_writes_records_and_head(
    store: RedisStore, client: redis.Redis
) -> None:
    revision = begin(store, b"1", ttl=LONG).revision
    revision = write_fast(store, "k1", revision).revision  # the server learns the script
    client.config_resetstat()
    write_fast(store, "k2", revision)
    called = {
        name[8:]: stats["calls"]
        for name, stats in client.info("commandstats").items()
        if "config" not in name and "incrby" not in name  # what the test itself sends
    }
    assert called == {"evalsha": 1, "mget": 1, "rpush": 1, "set": 1}


def test_replies_for_which_there_is_no_room_have_keys_of_their_own(
    store: RedisStore, client: redis.Redis
) -> None:
    revision = begin(store, b"1", ttl=LONG).revision
    replies = {"k1": b"a" * 1500, "k2": b"b" * 1500, "k3": b"c" * 100}
    for key, reply in replies.items():
        revision = write_fast(store, key, revision, reply).revision
    assert keys(client) == ["a:k2", "h", "j"]
    for key, reply in replies.items():
        again = Commit("ada", key, Write(b"h"), reply=b"", revision=revision)
        assert store.commit(again) == Answered(reply)
        assert answer(store, key) == Answered(reply)


def test_one_that_is_remembered_for_another_time_has_a_key_of_its_own(
    store: RedisStore, client: redis.Redis
) -> None:
    revision = begin(store, b"1", ttl=LONG).revision
    write_fast(store, "k1", revision, remember=20.0)
    assert "a:k1" in keys(client)
    advance(client, 19)
    assert answer(store, "k1") == Answered(b"reply")
    advance(client, 2)
    assert isinstance(answer(store, "k1"), Claimed)


@pytest.mark.parametrize("fast", [True, False])
def test_each_reply_is_remembered_for_its_minute_and_dropped_by_the_next_write(
    store: RedisStore, client: redis.Redis, fast: bool
) -> None:
    made = begin(store, b"1", key="k0", ttl=LONG)
    for number in range(1, 13):
        advance(client, 9)
        if fast:
            made = write_fast(store, f"k{number}", made.revision)
        else:
            write = Write(b"h", (b"1",), ttl=LONG)
            fence = granted(store.claim(Claim("ada", f"k{number}", lease=5))).fence
            made = committed(
                store.commit(Commit("ada", f"k{number}", write, reply=b"reply", fence=fence))
            )
    kept = [n for n in range(13) if answer(store, f"k{n}") == Answered(b"reply")]
    assert kept == [6, 7, 8, 9, 10, 11, 12]
    assert bytes(client.get("{wechat-dialog:ada}:h")).count(b"reply") == 7  # type: ignore[arg-type]


@pytest.mark.parametrize("how", ["it ended", "its ttl is over", "its records were evicted"])
def test_what_is_remembered_outlives_its_conversation(
    store: RedisStore, client: redis.Redis, how: str
) -> None:
    begun = begin(store, b"1", key="k0", ttl=5)
    write = Write(b"h", (b"2",), ttl=5)
    committed(store.commit(Commit("ada", "k1", write, reply=b"reply", revision=begun.revision)))
    if how == "it ended":
        assert store.end("ada")
    elif how == "its ttl is over":
        advance(client, 6)
    else:
        client.delete("{wechat-dialog:ada}:j")
    assert answer(store, "k1") == Answered(b"reply")
    fence = granted(store.claim(Claim("ada", "k2", lease=5))).fence
    assert answer(store, "k1") == Answered(b"reply")
    store.commit(Commit("ada", "k2", Write(b""), reply=b"bye", fence=fence))
    assert last_seconds(client, "h") <= 60
    assert store.show("ada") is None
    assert list(store.list()) == []
    begin(store, b"new", key="k3")
    assert (answer(store, "k1"), answer(store, "k2")) == (Answered(b"reply"), Answered(b"bye"))


def test_evicted_records_take_no_reply_along_in_a_live_turn(
    store: RedisStore, client: redis.Redis
) -> None:
    made = write_fast(store, "k1", begin(store, b"1", ttl=LONG).revision)
    client.delete("{wechat-dialog:ada}:j")
    commit = Commit("ada", "k2", Write(b"h", (b"2",)), reply=b"", revision=made.revision)
    assert isinstance(store.commit(commit), Conflict)
    assert answer(store, "k1") == Answered(b"reply")
    assert store.show("ada") is None


# How long Redis keeps it -----------------------------------------------------------------------


def test_redis_is_told_to_keep_it_longer_before_its_time_falls_short(
    store: RedisStore, client: redis.Redis
) -> None:
    made = begin(store, b"1", ttl=LONG)
    for key in "hj":
        assert last_seconds(client, key) > LONG
        client.pexpire(f"{{wechat-dialog:ada}}:{key}", 50_000)
    advance(client, 40)
    made = write_fast(store, "k1", made.revision)
    assert max(last_seconds(client, "h"), last_seconds(client, "j")) <= 50, "it was long enough"
    advance(client, 40)
    write_fast(store, "k2", made.revision)
    assert min(last_seconds(client, "h"), last_seconds(client, "j")) > LONG


def test_records_that_come_to_a_conversation_without_any_do_not_stay_for_ever(
    store: RedisStore, client: redis.Redis
) -> None:
    write_fast(store, "k1", begin(store, ttl=LONG).revision)
    assert last_seconds(client, "j") > LONG


# What an earlier version stored ----------------------------------------------------------------


@pytest.fixture
def recorded(client: redis.Redis, store: RedisStore) -> RedisStore:
    """What the version before left, a second after it did.

    live, claimed: three turns, one turn; over: ended by k2; held: k2 has a claim and recorded a
    step; put off: k2 was deferred; left: nobody took the reply to k1; parked: with data.
    """
    kept = json.loads(RECORDED.read_text("utf-8"))
    for name, key in kept["keys"].items():
        kind, value = key["type"], key["value"]
        if kind == "string":
            client.set(name.encode("latin-1"), value.encode("latin-1"))
        elif kind == "list":
            client.rpush(name, *(one.encode("latin-1") for one in value))
        else:
            client.hset(name, mapping={k: v.encode("latin-1") for k, v in value.items()})
        if key["ttl"] > 0:
            client.pexpire(name, key["ttl"])
    client.set(KEY, kept["now"] + 1_000_000)
    return store


LIVE = {"k1": b"one\x00\n", "k2": b"two", "k3": b"three"}


@pytest.mark.parametrize("since", ["nothing", "a live turn", "a claimed turn", "a step", "the end"])
def test_what_was_answered_before_an_update_is_answered_after_it(
    recorded: RedisStore, client: redis.Redis, since: str
) -> None:
    found = recorded.claim(Claim("live", "new", lease=5, optimistic=True))
    assert isinstance(found, Unclaimed)
    assert (found.head, found.records) == (b'{"at":3}', (b'"first"', b'"k2"', b'"k3"'))
    write, revision = Write(b"h", (b"4",), ttl=LONG), found.revision
    if since == "a live turn":
        committed(recorded.commit(Commit("live", "new", write, reply=b"r", revision=revision)))
    elif since != "nothing":
        fence = granted(recorded.claim(Claim("live", "new", lease=5))).fence
        if since == "a step":
            recorded.record("live", fence, write)
        else:
            write = Write(b"") if since == "the end" else write
            recorded.commit(Commit("live", "new", write, reply=b"r", fence=fence))
    for key, reply in LIVE.items():
        if since in ("nothing", "a live turn"):
            again = Commit("live", key, Write(b"h"), reply=b"", revision=revision)
            assert recorded.commit(again) == Answered(reply)
        assert answer(recorded, key, "live") == Answered(reply)
        assert recorded.defer("live", key) == Answered(reply)
    if since not in ("nothing", "a step"):
        assert answer(recorded, "new", "live") == Answered(b"r")
    advance(client, 60)
    assert not isinstance(answer(recorded, "k2", "live"), Answered)


def test_a_live_dialog_goes_on_over_an_update(recorded: RedisStore, client: redis.Redis) -> None:
    shown = recorded.show("live")
    assert shown is not None
    assert shown.ttl == pytest.approx(599, abs=0.001)
    write, revision = Write(b"h", (b"4",), ttl=LONG), 1_700_000_000_000_040
    stale = Commit("live", "new", write, reply=b"r", revision=revision - 1)
    assert isinstance(recorded.commit(stale), Conflict)
    made = committed(recorded.commit(Commit("live", "new", write, reply=b"r", revision=revision)))
    assert made.journal == 1_700_000_000_000_020
    committed(recorded.commit(Commit("live", "newer", write, reply=b"r", revision=made.revision)))
    assert granted(recorded.claim(Claim("live", "last", lease=5))).length == 5
    assert sorted(key for key in keys(client) if key.startswith("a:k3")) == ["a:k3"]


@pytest.mark.parametrize(("user", "reply"), [("live", b"three"), ("claimed", b"one")])
def test_that_nobody_took_it_may_be_said_after_an_update(
    recorded: RedisStore, user: str, reply: bytes
) -> None:
    key = "k3" if user == "live" else "k1"
    for earlier in ("k1", "k2") if user == "live" else ():
        recorded.untaken(user, earlier)
    recorded.untaken(user, key)
    assert granted(recorded.claim(Claim(user, "new", lease=5))).untaken == (reply,)


def test_a_reply_is_not_marked_untaken_once_the_next_turn_was_done(recorded: RedisStore) -> None:
    write = Write(b"h", (b"4",), ttl=LONG)
    revision = 1_700_000_000_000_040
    committed(recorded.commit(Commit("live", "new", write, reply=b"r", revision=revision)))
    recorded.untaken("live", "k3")
    assert granted(recorded.claim(Claim("live", "newer", lease=5))).untaken == ()


def test_an_ended_conversation_is_over_and_its_last_reply_is_there(recorded: RedisStore) -> None:
    assert recorded.show("over") is None
    assert answer(recorded, "k2", "over") == Answered(b"bye")
    recorded.untaken("over", "k2", 1)
    assert granted(recorded.claim(Claim("over", "k3", lease=5))).untaken == (b"bye",)


def test_claims_and_what_waits_go_on_over_an_update(recorded: RedisStore) -> None:
    assert isinstance(answer(recorded, "k3", "held"), Running)
    shown = recorded.show("held")
    assert shown is not None
    assert shown.records == (b'"first"', b'"step"')
    assert answer(recorded, "k1", "held") == Answered(b"one")
    assert isinstance(answer(recorded, "k3", "put off"), Running)
    assert granted(recorded.claim(Claim("left", "k2", lease=5))).untaken == (b"one",)
    parked = recorded.show("parked")
    assert parked is not None
    assert (parked.data, list(parked.parked)) == (b"{}", ["p"])


def test_what_was_put_off_before_an_update_is_committed_only_by_who_knows(
    recorded: RedisStore, client: redis.Redis
) -> None:
    advance(client, 6)
    claim = granted(recorded.claim(Claim("put off", "k2", lease=5)))
    assert claim.deferred
    committed(
        recorded.commit(
            Commit("put off", "k2", Write(b"h"), reply=b"r", fence=claim.fence, deferred=True)
        )
    )
    assert answer(recorded, "k2", "put off") == Answered(b"r")


def test_who_is_forgotten_after_an_update_hears_nothing_of_before(recorded: RedisStore) -> None:
    assert recorded.forget("live")
    for key in LIVE:
        assert answer(recorded, key, "live") == Answered(b"")

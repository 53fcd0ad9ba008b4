"""Python and Lua say the same: random histories, walked through all stores side by side."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.stores.redis_clock import KEY
from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.kept import Aside, Parked
from wechat_dialog.core.store.times import Due, Post, Posted, Wake
from wechat_dialog.core.store.values import (
    Claim,
    Claimed,
    Commit,
    Committed,
    Have,
    Unclaimed,
    Write,
    checksum,
)
from wechat_dialog.errors import ClaimLost, MailboxFull
from wechat_dialog.stores.memory import MemoryStore
from wechat_dialog.stores.redis import RedisStore
from wechat_dialog.stores.sqlite import SQLiteStore

CLOCK = f"local now = tonumber(redis.call('GET', '{KEY}'))"

LENIENT = 5_000

START = 1_700_000_000_000_000
ACCOUNT = "gh_1"

users = st.sampled_from(["ada", "bob}"])
keys = st.sampled_from(["k1", "k2", "k3"])
# In milliseconds since the start; some are over soon, and some not at all.
wakes = st.sampled_from([1, 1, 2_000, 60_000, 10_000_000]).map(
    lambda ms: Wake(ACCOUNT, START // 1000 + ms)
)
leases = st.sampled_from([2.0, 10.0])
writes = st.builds(
    Write,
    head=st.sampled_from([b"", b"head", b"other\x00\n1"]),
    records=st.sampled_from([(), (b"1",), (b"2", b"")]),
    keep=st.sampled_from([None, None, 0, 1, 5]),
    ttl=st.sampled_from([3.0, 30.0]),
    data=st.sampled_from([None, None, b"", b"blue"]),
    park=st.sampled_from([(), (), (Parked("p", b"1", 20.0),), (Parked("q", b"2\n", 90.0),)]),
    unpark=st.sampled_from([(), (), ("p",), ("q",)]),
)
timed = st.builds(
    Write,
    head=st.just(b"head"),
    records=st.sampled_from([(), (b"3",)]),
    ttl=st.sampled_from([3.0, 30.0]),
    park=st.sampled_from([(), (), (Parked("q", b"2", 90.0), Parked("p", b"1", 90.0))]),
    wake=st.one_of(wakes, st.none()),
    aside=st.sampled_from([(), (Aside("a", b"1"),), (Aside("b", b"\x00"), Aside("a", b"2"))]),
    unaside=st.sampled_from([(), ("a",), ("b", "c")]),
)
forgets = st.just(Write(b"", forget=True))
appends = st.builds(Write, head=st.just(b"head"), records=st.sampled_from([(), (b"3",)]))


def outcome(call: Callable[[], Any]) -> Any:
    """What a call returns; for a lost claim, that it was lost. Entries of an index are compared
    where they are asked for.
    """
    try:
        result = call()
    except (ClaimLost, MailboxFull) as error:
        return type(error)
    return msgspec.structs.replace(result, due=None) if isinstance(result, Posted) else result


def what_is_shown(store: Store) -> Any:
    """All that people are shown; in one go, since this is asked after every rule."""
    shown = [store.show(user) for user in ("ada", "bob}")]
    # Equal dicts may differ in their order, so that is compared too.
    parked = [None if one is None else list(one.parked) for one in shown]
    listed = [
        sorted(store.list(everybody=everybody), key=lambda line: line.user)
        for everybody in (False, True)
    ]
    return shown, parked, listed


class SameRules(RuleBasedStateMachine):
    """The memory store is the model; what the others answer must be equal to the microsecond."""

    folder: Path
    redis_url: str
    runs = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).runs += 1
        self.time = START
        self.client = redis.Redis.from_url(self.redis_url)
        self.client.flushall()
        self.model = MemoryStore(self.clock)
        sqlite = SQLiteStore(self.folder / f"{self.runs}.db", self.clock)
        self.stores: list[Store] = [sqlite, RedisStore(self.redis_url, _clock=CLOCK)]
        self.fences = [7]
        self.revisions = [7]
        self.journals = [7]
        self.numbers = [7]
        self.due: dict[Store, Due] = {}
        self.leased_until = 0

    def clock(self) -> float:
        return (self.time + 0.5) / 1e6

    def teardown(self) -> None:
        for store in self.stores:
            store.close()
        self.client.close()

    def ask(self, call: Callable[[Store], Any]) -> Any:
        self.time += 3
        self.client.set(KEY, self.time)
        expected = outcome(partial(call, self.model))
        for store in self.stores:
            assert outcome(partial(call, store)) == expected, type(store).__name__
        if isinstance(expected, Claimed):
            self.fences.append(expected.fence)
        if isinstance(expected, Claimed | Unclaimed | Committed):
            self.revisions.append(expected.revision or 7)
            self.journals.append(expected.journal)
        if isinstance(expected, Posted) and expected.number:
            self.numbers.append(expected.number)
        return expected

    @rule(seconds=st.sampled_from([0.3, 0.9, 1.1, 2.5, 15.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.time += round(seconds * 1e6)
        self.expire(seconds)

    def expire(self, seconds: float) -> None:
        """Let Redis drop what it was told to keep for less. What the test itself takes must not
        count, so that a few seconds more are no difference.
        """
        keys: list[bytes] = self.client.keys("{*")  # type: ignore[assignment]
        with self.client.pipeline(transaction=False) as both:
            for key in keys:
                both.pttl(key)
            lasts: list[int] = both.execute()
            for key, last in zip(keys, lasts, strict=True):
                if last == -1:
                    assert key.endswith((b":d", b":z:gh_1")), f"{key!r} stays for ever"
                elif (left := last - round(seconds * 1000)) < -LENIENT:
                    both.delete(key)
                else:
                    both.pexpire(key, max(left, LENIENT))
            both.execute()

    @rule(
        user=users,
        key=keys,
        lease=leases,
        arrival=st.booleans(),
        held=st.integers(0, 3),
        last=st.sampled_from(["", checksum(b"1"), checksum(b"2"), checksum(b"")]),
        optimistic=st.booleans(),
        message=st.sampled_from([b"", b"kept", b"\x00\xff\n"]),
        fires=st.sampled_from([False, False, False, True]),
        instead=st.sampled_from([False, False, False, True]),
    )
    def claim(
        self,
        user: str,
        key: str,
        lease: float,
        arrival: bool,
        held: int,
        last: str,
        optimistic: bool,
        message: bytes,
        fires: bool,
        instead: bool,
    ) -> None:
        have = Have(self.journals[-1], held, last) if held else Have()
        self.ask(
            lambda s: s.claim(
                Claim(
                    *(user, key),
                    lease=lease,
                    have=have,
                    arrival=arrival,
                    optimistic=optimistic,
                    message=message,
                    fires=self.fires(s, user) if fires else None,
                    instead=self.fences[-1] if instead else 0,
                )
            )
        )

    def fires(self, store: Store, user: str) -> Due:
        """What a store has said that it is due of a user, or what it may have said."""
        due = self.due.get(store)
        return due if due is not None and due.user == user else Due(user, START // 1000 + 1)

    @rule(
        user=users,
        write=st.one_of(writes, timed),
        back=st.sampled_from([1, 1, 1, 2]),
        takes=st.booleans(),
    )
    def record(self, user: str, write: Write, back: int, takes: bool) -> None:
        fence, write = self.fences[-back:][0], self.taking(write, takes)
        self.ask(lambda s: s.record(user, fence, write))

    def taking(self, write: Write, takes: bool) -> Write:
        """Have a write take the first signals that were posted last."""
        numbers = tuple(self.numbers[-3:-1])
        return msgspec.structs.replace(write, taken=numbers) if takes else write

    @rule(
        user=users,
        key=keys,
        write=st.one_of(writes, writes, timed, timed, forgets),
        back=st.sampled_from([1, 1, 1, 2]),
        deferred=st.booleans(),
        release=st.booleans(),
        remember=st.sampled_from([0.0, 1.0, 60.0]),
        taken=st.booleans(),
        fires=st.sampled_from([False, False, True]),
        takes=st.booleans(),
    )
    def commit(
        self,
        user: str,
        key: str,
        write: Write,
        back: int,
        deferred: bool,
        release: bool,
        remember: float,
        taken: bool,
        fires: bool,
        takes: bool,
    ) -> None:
        fence = self.fences[-back:][0]
        write = self.taking(write, takes and not write.forget)
        self.ask(
            lambda s: s.commit(
                Commit(
                    *(user, key, write),
                    reply=b"fenced\x00",
                    fence=fence,
                    deferred=deferred,
                    release=release,
                    remember=remember,
                    taken=taken,
                    fires=self.fires(s, user) if fires else None,
                )
            )
        )

    @rule(
        user=users,
        key=keys,
        write=st.one_of(appends, appends, writes, timed),
        back=st.sampled_from([1, 1, 1, 2]),
        max_age=st.sampled_from([None, 1.0]),
        deferred=st.booleans(),
        taken=st.sampled_from([True, True, False]),
    )
    def commit_fast(
        self,
        user: str,
        key: str,
        write: Write,
        back: int,
        max_age: float | None,
        deferred: bool,
        taken: bool,
    ) -> None:
        revision = self.revisions[-back:][0]
        known = self.model._users.get(user)
        if back == 1 and known is not None and known.entry.revision:
            revision = known.entry.revision  # by chance alone it is hardly ever right
        self.ask(
            lambda s: s.commit(
                Commit(
                    *(user, key, write),
                    reply=b"fast",
                    revision=revision,
                    max_age=max_age,
                    deferred=deferred,
                    taken=taken,
                )
            )
        )

    @rule(
        user=users,
        keys=st.permutations(["k1", "k2", "k3"]),
        write=st.one_of(appends, appends, appends, writes, timed, forgets),
        remember=st.sampled_from([60.0, 60.0, 1.0, 0.0]),
        taken=st.sampled_from([True, True, True, False]),
        deferred=st.booleans(),
        meanwhile=st.sampled_from(["", "late", "turn", "gone", "gone", "signal", "forget"]),
    )
    def a_first_turn(
        self,
        user: str,
        keys: list[str],
        write: Write,
        remember: float,
        taken: bool,
        deferred: bool,
        meanwhile: str,
    ) -> None:
        """A turn of a user without an entry, and what may come between its look and its commit."""
        known = self.model._users.get(user)
        if known is not None and known.entry.revision and known.entry.expires <= self.time + 100:
            return  # the entry has expired: a store may claim nevertheless
        look = Claim(user, keys[0], lease=10.0, optimistic=True, absent=True)
        looked = self.ask(lambda s: s.claim(look))
        if not isinstance(looked, Unclaimed) or looked.revision:
            return
        commit = Commit(
            *(user, keys[0], write),
            reply=b"first",
            issued=looked.issued,
            looked=looked.now,
            deferred=deferred,
            remember=remember,
            taken=taken,
        )
        match meanwhile:
            case "late":
                self.time += 31_000_000
            case "turn":
                other = msgspec.structs.replace(commit, key=keys[1])
                self.ask(lambda s: s.commit(other))
            case "gone":
                other = msgspec.structs.replace(commit, key=keys[1], write=Write(b"", data=b"new"))
                self.ask(lambda s: s.commit(other))
            case "signal":
                self.ask(lambda s: s.post(Post(user, ACCOUNT, "", b"", kept=90.0)))
            case "forget":
                self.ask(lambda s: s.forget(user))
            case "defer":
                self.ask(lambda s: s.defer(user, keys[0], b"said"))
            case _:
                pass
        self.ask(lambda s: s.commit(commit))

    @rule(user=users, key=keys, message=st.sampled_from([b"", b"said", b"\x00\xff\n"]))
    def defer(self, user: str, key: str, message: bytes) -> None:
        self.ask(lambda s: s.defer(user, key, message))

    @rule(user=users, key=keys, takes=st.sampled_from([0, 0, 1, 2]))
    def untaken(self, user: str, key: str, takes: int) -> None:
        self.ask(lambda s: s.untaken(user, key, takes))

    @rule(user=users, keys=st.permutations(["k1", "k2", "k3"]), write=appends)
    def nobody_takes_it(self, user: str, keys: list[str], write: Write) -> None:
        """A reply is left, and a copy or another message comes while it is told, or after."""
        first = self.ask(lambda s: s.claim(Claim(user, keys[0], lease=10.0)))
        if not isinstance(first, Claimed):
            return
        self.ask(
            lambda s: s.commit(
                Commit(
                    user,
                    keys[0],
                    write,
                    reply=b"left",
                    fence=first.fence,
                    deferred=True,
                    taken=False,
                )
            )
        )
        following = self.ask(lambda s: s.claim(Claim(user, keys[1], lease=10.0, optimistic=True)))
        self.ask(lambda s: s.claim(Claim(user, keys[0], lease=10.0)))
        if isinstance(following, Claimed):
            self.ask(lambda s: s.record(user, following.fence, write))

    @rule(user=users, keys=st.permutations(["k1", "k2", "k3"]), write=appends)
    def turn_and_a_fast_one(self, user: str, keys: list[str], write: Write) -> None:
        """What chance alone hardly ever puts together."""
        claim = self.ask(lambda s: s.claim(Claim(user, keys[0], lease=10.0)))
        if isinstance(claim, Claimed):
            done = self.ask(
                lambda s: s.commit(
                    Commit(user, keys[0], write, reply=b"", fence=claim.fence, deferred=True)
                )
            )
            revision = done.revision
            self.ask(
                lambda s: s.commit(Commit(user, keys[1], write, reply=b"fast", revision=revision))
            )

    @rule(user=users, lease=leases, back=st.sampled_from([1, 1, 2]))
    def renew(self, user: str, lease: float, back: int) -> None:
        fence = self.fences[-back:][0]
        self.ask(lambda s: s.renew(user, fence, lease))

    @rule(lease=leases, back=st.sampled_from([1, 1, 2]))
    def renew_all(self, lease: float, back: int) -> None:
        claims = [(user, self.fences[-back:][0]) for user in ("ada", "bob}")]

        def renew(store: Any) -> list[type]:
            return [type(result) for result in store.renew_all(claims, lease, 5.0)]

        self.ask(renew)

    @rule(user=users, back=st.sampled_from([1, 1, 2]))
    def release(self, user: str, back: int) -> None:
        fence = self.fences[-back:][0]
        self.ask(lambda s: s.release(user, fence))

    @rule(
        user=users,
        id=st.sampled_from(["", "", "wx1", "wx2"]),
        body=st.sampled_from([b"", b"\x00\xff"]),
        most=st.sampled_from([2, 3]),
        kept=st.sampled_from([2.0, 90.0]),
        lease=st.sampled_from([0.0, 2.0]),
    )
    def post(self, user: str, id: str, body: bytes, most: int, kept: float, lease: float) -> None:
        post = Post(user, ACCOUNT, id, body, most=most, kept=kept, lease=lease)
        self.ask(lambda s: s.post(post))
        self.lease(lease)

    @rule(user=users, write=timed, key=keys, waits=st.booleans())
    def a_time_is_set(self, user: str, write: Write, key: str, waits: bool) -> None:
        """What chance alone hardly ever puts together; a message may come meanwhile."""
        claim = self.ask(lambda s: s.claim(Claim(user, key, lease=10.0)))
        if waits:
            self.ask(lambda s: s.claim(Claim(user, "k2", lease=10.0)))
        if isinstance(claim, Claimed):
            commit = Commit(user, key, write, reply=b"", fence=claim.fence, deferred=True)
            self.ask(lambda s: s.commit(commit))

    @rule(lease=st.sampled_from([0.0, 0.0, 2.0]), limit=st.sampled_from([1, 5, 50]))
    def what_is_due(self, lease: float, limit: int) -> None:
        self.time += 3
        self.client.set(KEY, self.time)
        expected = self.model.due(ACCOUNT, limit, lease)
        told = {store: store.due(ACCOUNT, limit, lease) for store in self.stores}
        for store, dues in {self.model: expected, **told}.items():
            for due in dues.entries:
                self.due[store] = due
        sqlite, redis = told.values()
        assert sqlite == expected
        assert redis.now == expected.now
        # An index that is apart may tell of more, and what is leased differs then; but of whom
        # something is due, it tells.
        if self.time >= self.leased_until and len(redis.entries) < limit:
            assert {due.user for due in expected.entries} <= {due.user for due in redis.entries}
            if expected.next is not None:
                assert redis.next is not None
                assert redis.next <= expected.next or lease
        self.lease(lease)

    def lease(self, seconds: float) -> None:
        self.leased_until = max(self.leased_until, self.time + round(seconds * 1e6))

    @rule(user=users)
    def a_firing(self, user: str) -> None:
        """Whoever is told that something is due, as a sweep does it."""
        fires = {store: self.fires(store, user) for store in (self.model, *self.stores)}
        claim = self.ask(
            lambda s: s.claim(Claim(user, "k3", lease=10.0, arrival=False, fires=fires[s]))
        )
        if isinstance(claim, Claimed):
            write = Write(claim.head, (b"fired",) if claim.head else ())
            commit = Commit(user, "k3", write, reply=b"", fence=claim.fence, deferred=True)
            self.ask(lambda s: s.commit(msgspec.structs.replace(commit, fires=fires[s])))

    @rule()
    def a_look(self) -> None:
        """Whoever is told that something is due, and finds nothing."""
        for store, due in self.due.items():
            store.undue(due)

    @rule(user=users, id=st.sampled_from([None, "p", "a"]))
    def end(self, user: str, id: str | None) -> None:
        self.ask(lambda s: s.end(user, id))

    @rule(user=users)
    def forget(self, user: str) -> None:
        self.ask(lambda s: s.forget(user))

    @invariant()
    def all_show_the_same(self) -> None:
        self.ask(what_is_shown)


@pytest.fixture
def machine(tmp_path: Path, redis_url: str) -> type[SameRules]:
    return type("Machine", (SameRules,), {"folder": tmp_path, "redis_url": redis_url})


def test_all_stores_answer_alike(machine: type[SameRules], pytestconfig: pytest.Config) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=2000 if pytestconfig.getoption("--long") else 60,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
            phases=[Phase.generate, Phase.shrink],
        ),
    )

"""What every store promises, as tests: every sentence of `stores.base`, races included.

A store joins by a subclass with one fixture:

    class TestMine(StoreContract):
        @pytest.fixture
        def store(self):
            return MyStore()

If several clients can work on the same data, a fixture `other` gives a second one. A store with a
clock that can be set overrides `advance`; else the tests wait, ten seconds in all.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType
from typing import Any

import pytest

from wechat_dialog.errors import ClaimLost
from wechat_dialog.stores.asynchronous import for_async
from wechat_dialog.stores.base import (
    Answered,
    Claimed,
    Committed,
    Conflict,
    Deferred,
    Have,
    Parked,
    Running,
    Store,
    Write,
)

__all__ = ["StoreContract"]

LONG = 30.0
"""Seconds that never pass in a test."""

HEAD = b'{"dialog":"fruit"}'
ONE, TWO, THREE = b'{"answer":"one"}', b'{"answer":"two"}', b'{"answer":"three"}'

ODD_TEXTS = (
    pytest.param("}", id="closing brace"),
    pytest.param("{a}b{c", id="braces"),
    pytest.param("50%7D%25", id="percent signs"),
    pytest.param("two words\nand a line", id="blank and line break"),
    pytest.param("微信:oAbc_-😀", id="beyond ASCII"),
    pytest.param("*?[a]\\", id="glob"),
    pytest.param("u:a:k", id="looks like a key of the store"),
)


_NOT_STUMBLING = sys.stdlib_module_names | {"redis", "hiredis", "pytest"}


def stumble(frame: FrameType, *_: object) -> Any:
    """Give every other thread a turn after each line of a store's Python.

    Drivers do not stumble: what they do between two lines is one call for the server.
    """
    if str(frame.f_globals.get("__name__", "")).partition(".")[0] in _NOT_STUMBLING:
        return None
    time.sleep(5e-5)
    return stumble


def together(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Make the calls at once, each in a thread that stumbles; return results or errors, in order."""
    barrier = threading.Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def run(index: int, call: Callable[[], Any]) -> None:
        barrier.wait()
        sys.settrace(stumble)
        try:
            results[index] = call()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results[index] = error
        finally:
            sys.settrace(None)

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def granted(result: Claimed | Answered | Running) -> Claimed:
    """Return the claim that a test needs to get on."""
    assert isinstance(result, Claimed)
    return result


def done(result: Committed | Answered | Conflict | Deferred) -> Committed:
    """Return the commit that a test needs to get on."""
    assert isinstance(result, Committed)
    return result


def begin(store: Store, *records: bytes, ttl: float = LONG, user: str = "ada") -> Committed:
    """Have a conversation with `records` running."""
    claim = granted(store.claim(user, "first", lease=LONG))
    write = Write(HEAD, records, ttl=ttl)
    return done(store.commit(user, "first", write, reply=b"hello", fence=claim.fence))


class StoreContract:
    """What every store promises. Subclass it and override `store`, and what else the class has."""

    short: float = 0.3
    """Seconds that tests let pass; more where `advance` costs nothing."""

    @pytest.fixture
    def store(self) -> Store:
        """Return an empty store."""
        raise NotImplementedError("override the fixture `store`")

    @pytest.fixture
    def other(self, store: Store) -> Store:
        """Return another client on the data of `store`, if there can be one."""
        return store

    def advance(self, seconds: float) -> None:
        """Let time pass for the store."""
        time.sleep(seconds)

    # claim ----------------------------------------------------------------------------------

    def test_a_new_user_has_nothing(self, store: Store) -> None:
        claim = granted(store.claim("ada", "k", lease=LONG))
        assert claim.fence > 0
        assert claim == Claimed(claim.fence, 0, 0, 0, b"", (), b"", 0.0, False, 0.0, 1)

    def test_a_claimed_turn_is_nobody_elses(self, store: Store, other: Store) -> None:
        granted(store.claim("ada", "k1", lease=LONG))
        assert other.claim("ada", "k2", lease=LONG) == Running("k1", 0.0, 1)

    def test_users_do_not_wait_for_each_other(self, store: Store) -> None:
        granted(store.claim("ada", "k", lease=LONG))
        granted(store.claim("bob", "k", lease=LONG))

    def test_copies_of_a_message_are_counted_but_not_its_further_questions(
        self, store: Store, other: Store
    ) -> None:
        assert granted(store.claim("ada", "k", lease=LONG)).copies == 1
        answers = [
            other.claim("ada", "k", lease=LONG, arrival=arrival) for arrival in (True, False, True)
        ]
        assert [(a.key, a.copies) for a in answers if isinstance(a, Running)] == [
            ("k", 2),
            ("k", 2),
            ("k", 3),
        ]

    def test_a_message_knows_since_when_it_is_there(self, store: Store) -> None:
        granted(store.claim("ada", "k", lease=self.short))
        self.advance(self.short * 2)
        again = granted(store.claim("ada", "k", lease=LONG))
        assert again.since >= self.short * 2
        assert again.copies == 2

    def test_an_expired_claim_is_given_to_the_next_message(
        self, store: Store, other: Store
    ) -> None:
        lost = granted(store.claim("ada", "k1", lease=self.short))
        self.advance(self.short * 2)
        assert granted(other.claim("ada", "k2", lease=LONG)).fence > lost.fence

    def test_fences_grow_whatever_happened_between(self, store: Store) -> None:
        fences: list[int] = []

        def claim() -> int:
            self.advance(0.001)
            fences.append(granted(store.claim("ada", f"k{len(fences)}", lease=LONG)).fence)
            return fences[-1]

        store.release("ada", claim())
        store.commit("ada", "c1", Write(HEAD), reply=b"", fence=claim())
        store.commit("ada", "c2", Write(b""), reply=b"", fence=claim())
        store.commit("ada", "c3", Write(HEAD), reply=b"", fence=claim())
        store.end("ada")
        claim()
        assert fences == sorted(set(fences))

    def test_waiting_messages_have_their_turn_in_order_of_arrival(
        self, store: Store, other: Store
    ) -> None:
        claim = granted(store.claim("ada", "k1", lease=LONG))
        other.claim("ada", "k2", lease=LONG)
        store.claim("ada", "k3", lease=LONG)
        store.commit("ada", "k1", Write(HEAD), reply=b"", fence=claim.fence)
        late = store.claim("ada", "k3", lease=LONG, arrival=False)
        assert isinstance(late, Running)
        assert late.key == "k2"
        claim = granted(other.claim("ada", "k2", lease=LONG, arrival=False))
        store.commit("ada", "k2", Write(HEAD), reply=b"", fence=claim.fence)
        granted(store.claim("ada", "k3", lease=LONG, arrival=False))

    def test_a_message_that_stops_asking_is_not_waited_for(self, store: Store) -> None:
        claim = granted(store.claim("ada", "k1", lease=LONG))
        store.claim("ada", "k2", lease=LONG)
        store.claim("ada", "k3", lease=LONG)
        store.release("ada", claim.fence)
        self.advance(1.1)
        granted(store.claim("ada", "k3", lease=LONG, arrival=False))

    def test_an_answered_message_gets_its_reply_while_it_is_remembered(
        self, store: Store, other: Store
    ) -> None:
        fence = granted(store.claim("ada", "k", lease=LONG)).fence
        write = Write(HEAD)
        store.commit("ada", "k", write, reply=b"\x00hi", fence=fence, remember=self.short)
        assert other.claim("ada", "k", lease=LONG) == Answered(b"\x00hi")
        assert isinstance(store.claim("bob", "k", lease=LONG), Claimed)
        self.advance(self.short * 2)
        granted(store.claim("ada", "k", lease=LONG))

    @pytest.mark.parametrize(
        ("held", "sent"),
        [
            pytest.param(0, (ONE, TWO, THREE), id="nothing held"),
            pytest.param(2, (THREE,), id="a part held"),
            pytest.param(3, (), id="all held"),
        ],
    )
    def test_only_what_the_caller_lacks_is_sent(
        self, store: Store, held: int, sent: tuple[bytes, ...]
    ) -> None:
        journal = begin(store, ONE, TWO, THREE).journal
        claim = granted(store.claim("ada", "k", lease=LONG, have=Have(journal, held)))
        assert (claim.records, claim.length, claim.head) == (sent, 3, HEAD)

    def test_who_holds_another_journal_is_sent_everything(self, store: Store) -> None:
        journal = begin(store, ONE, TWO).journal
        claim = granted(store.claim("ada", "k", lease=LONG, have=Have(journal - 1, 1)))
        assert claim.records == (ONE, TWO)

    def test_a_claim_tells_revision_age_and_data(self, store: Store) -> None:
        claim = granted(store.claim("ada", "k1", lease=LONG))
        write = Write(HEAD, data=b"blue")
        made = done(store.commit("ada", "k1", write, reply=b"", fence=claim.fence))
        self.advance(self.short)
        claim = granted(store.claim("ada", "k2", lease=LONG))
        assert (claim.revision, claim.journal) == (made.revision, made.journal)
        assert claim.data == b"blue"
        assert self.short <= claim.age < LONG

    # record ---------------------------------------------------------------------------------

    def test_a_record_is_there_for_whoever_finishes_the_turn(
        self, store: Store, other: Store
    ) -> None:
        begin(store, ONE)
        fence = granted(store.claim("ada", "k1", lease=self.short)).fence
        made = store.record("ada", fence, Write(b"in a step", (TWO,), ttl=LONG))
        self.advance(self.short * 2)
        claim = granted(other.claim("ada", "k1", lease=LONG))
        assert (claim.head, claim.records) == (b"in a step", (ONE, TWO))
        assert (claim.revision, claim.journal) == (made.revision, made.journal)

    def test_a_record_leaves_claim_and_age(self, store: Store) -> None:
        begin(store, ONE)
        self.advance(self.short)
        fence = granted(store.claim("ada", "k1", lease=LONG)).fence
        store.record("ada", fence, Write(HEAD, (TWO,), ttl=LONG))
        assert isinstance(store.claim("ada", "k2", lease=LONG), Running)
        store.release("ada", fence)
        claim = granted(store.claim("ada", "k1", lease=LONG))
        assert claim.age >= self.short

    # commit ---------------------------------------------------------------------------------

    def test_every_write_has_a_new_revision(self, store: Store) -> None:
        revisions: list[int] = []
        for i in range(3):
            self.advance(0.001)
            fence = granted(store.claim("ada", f"k{i}", lease=LONG)).fence
            revisions.append(store.record("ada", fence, Write(HEAD)).revision)
            write = Write(HEAD)
            made = done(store.commit("ada", f"k{i}", write, reply=b"", fence=fence))
            revisions.append(made.revision)
            store.end("ada")
        assert revisions == sorted(set(revisions))

    def test_a_commit_releases_the_claim(self, store: Store, other: Store) -> None:
        begin(store, ONE)
        granted(other.claim("ada", "k2", lease=LONG))

    def test_a_commit_may_keep_the_claim_for_another_turn(self, store: Store) -> None:
        fence = granted(store.claim("ada", "k2", lease=LONG)).fence
        store.commit("ada", "k1", Write(HEAD, (ONE,)), reply=b"1", fence=fence, release=False)
        assert isinstance(store.claim("ada", "k3", lease=LONG), Running)
        assert store.claim("ada", "k1", lease=LONG) == Answered(b"1")
        done(store.commit("ada", "k2", Write(HEAD, (TWO,)), reply=b"2", fence=fence))
        shown = store.show("ada")
        assert shown is not None
        assert shown.records == (ONE, TWO)

    @pytest.mark.parametrize(
        ("keep", "left", "same"),
        [
            pytest.param(None, (ONE, TWO, THREE), True, id="all"),
            pytest.param(2, (ONE, TWO, THREE), True, id="all, by number"),
            pytest.param(1, (ONE, THREE), False, id="some"),
            pytest.param(0, (THREE,), False, id="none"),
        ],
    )
    def test_a_journal_is_cut_at_its_end_and_then_has_another_id(
        self, store: Store, keep: int | None, left: tuple[bytes, ...], same: bool
    ) -> None:
        before = begin(store, ONE, TWO)
        fence = granted(store.claim("ada", "k", lease=LONG)).fence
        write = Write(HEAD, (THREE,), keep=keep)
        made = done(store.commit("ada", "k", write, reply=b"", fence=fence))
        shown = store.show("ada")
        assert shown is not None
        assert shown.records == left
        assert (made.journal == before.journal) is same

    def test_keeping_less_than_nothing_is_an_error(self, store: Store) -> None:
        fence = granted(store.claim("ada", "k", lease=LONG)).fence
        with pytest.raises(ValueError, match="keep"):
            store.record("ada", fence, Write(HEAD, keep=-1))

    def test_an_empty_head_drops_head_and_journal_only(self, store: Store) -> None:
        fence = granted(store.claim("ada", "k1", lease=LONG)).fence
        write = Write(HEAD, (ONE,), data=b"blue", park=Parked("p", b"old", LONG))
        store.commit("ada", "k1", write, reply=b"1", fence=fence)
        fence = granted(store.claim("ada", "k2", lease=LONG)).fence
        made = store.commit("ada", "k2", Write(b""), reply=b"2", fence=fence)
        assert made == Committed(0, 0)
        shown = store.show("ada")
        assert shown is not None
        assert (shown.head, shown.records, shown.data) == (b"", (), b"blue")
        assert list(shown.parked) == ["p"]
        assert store.claim("ada", "k1", lease=LONG) == Answered(b"1")
        claim = granted(store.claim("ada", "k3", lease=LONG))
        assert (claim.revision, claim.journal, claim.length, claim.records) == (0, 0, 0, ())

    def test_head_and_journal_go_after_their_ttl(self, store: Store) -> None:
        begin(store, ONE, ttl=self.short)
        self.advance(self.short * 2)
        assert store.show("ada") is None
        assert not list(store.list())
        claim = granted(store.claim("ada", "k", lease=LONG))
        assert (claim.head, claim.length, claim.records) == (b"", 0, ())
        store.commit("ada", "k", Write(HEAD, (TWO,)), reply=b"", fence=claim.fence)
        shown = store.show("ada")
        assert shown is not None
        assert shown.records == (TWO,)

    def test_head_and_journal_stay_while_claimed(self, store: Store) -> None:
        begin(store, ONE, ttl=self.short)
        fence = granted(store.claim("ada", "k", lease=self.short * 2)).fence
        store.renew("ada", fence, LONG)
        self.advance(self.short * 3)
        store.record("ada", fence, Write(HEAD, (TWO,), ttl=self.short))
        self.advance(self.short * 2)
        done(store.commit("ada", "k", Write(HEAD, (THREE,)), reply=b"", fence=fence))
        shown = store.show("ada")
        assert shown is not None
        assert shown.records == (ONE, TWO, THREE)

    def test_data_is_set_left_and_removed(self, store: Store) -> None:
        seen: list[bytes] = []
        for i, data in enumerate((b"blue", None, b"", None)):
            fence = granted(store.claim("ada", f"k{i}", lease=LONG)).fence
            write = Write(b"", data=data)
            store.commit("ada", f"k{i}", write, reply=b"", fence=fence)
            shown = store.show("ada")
            seen.append(b"(nothing)" if shown is None else shown.data)
        assert seen == [b"blue", b"blue", b"(nothing)", b"(nothing)"]

    def test_conversations_are_parked_replaced_and_taken_back(self, store: Store) -> None:
        def write(change: Write) -> dict[str, bytes]:
            self.advance(0.001)
            fence = granted(store.claim("ada", "k", lease=LONG)).fence
            store.record("ada", fence, change)
            store.release("ada", fence)
            shown = store.show("ada")
            return {} if shown is None else {i: p.document for i, p in shown.parked.items()}

        write(Write(HEAD, park=Parked("b", b"1")))
        assert list(write(Write(HEAD, park=Parked("a", b"2")))) == ["b", "a"]
        assert write(Write(HEAD, park=Parked("b", b"3"))) == {"a": b"2", "b": b"3"}
        assert write(Write(HEAD, unpark="nobody")) == {"a": b"2", "b": b"3"}
        assert write(Write(HEAD, unpark="a")) == {"b": b"3"}
        assert write(Write(HEAD, unpark="b", park=Parked("b", b"4"))) == {"b": b"4"}

    def test_parked_conversations_are_kept_for_their_ttl(self, store: Store) -> None:
        fence = granted(store.claim("ada", "k", lease=LONG)).fence
        store.record("ada", fence, Write(HEAD, park=Parked("p", b"1", self.short)))
        store.record("ada", fence, Write(b"", park=Parked("q", b"2", LONG)))
        shown = store.show("ada")
        assert shown is not None
        assert 0 < shown.parked["p"].ttl <= self.short
        self.advance(self.short * 2)
        shown = store.show("ada")
        assert shown is not None
        assert list(shown.parked) == ["q"]
        assert store.end("ada", "p") is False

    # A commit without a claim ----------------------------------------------------------------

    def test_the_fast_path_writes_and_remembers(self, store: Store, other: Store) -> None:
        before = begin(store, ONE)
        made = other.commit(
            "ada", "k", Write(HEAD, (TWO,)), reply=b"2", revision=before.revision, max_age=LONG
        )
        assert made == Committed(done(made).revision, before.journal)
        assert done(made).revision > before.revision
        claim = granted(store.claim("ada", "next", lease=LONG))
        assert (claim.revision, claim.records) == (done(made).revision, (ONE, TWO))
        assert store.claim("ada", "k", lease=LONG) == Answered(b"2")

    @pytest.mark.parametrize(
        "write",
        [
            pytest.param(Write(HEAD, (TWO,), keep=0), id="cut"),
            pytest.param(Write(b""), id="drop"),
            pytest.param(Write(HEAD, data=b"blue", park=Parked("p", b"1")), id="data and parked"),
            pytest.param(Write(HEAD), id="no records"),
            pytest.param(Write(HEAD, (TWO,) * 1500), id="many records"),
        ],
    )
    def test_the_fast_path_writes_what_a_claim_would(self, store: Store, write: Write) -> None:
        revision = begin(store, ONE, user="ada").revision
        done(store.commit("ada", "k", write, reply=b"", revision=revision))
        begin(store, ONE, user="bob")
        fence = granted(store.claim("bob", "k", lease=LONG)).fence
        done(store.commit("bob", "k", write, reply=b"", fence=fence))
        ada, bob = store.show("ada"), store.show("bob")
        assert (ada is None) == (bob is None)
        if ada is not None and bob is not None:
            assert (ada.head, ada.records, ada.data) == (bob.head, bob.records, bob.data)
            assert list(ada.parked) == list(bob.parked)

    def test_the_fast_path_needs_a_revision(self, store: Store) -> None:
        with pytest.raises(ValueError, match="revision"):
            store.commit("ada", "k", Write(HEAD), reply=b"")

    def refused(self, store: Store, revision: int, max_age: float | None = None) -> bool:
        """Whether a fast commit is refused, and then has changed nothing."""
        before = store.show("ada")
        write = Write(b"changed", (TWO,))
        result = store.commit("ada", "fast", write, reply=b"", revision=revision, max_age=max_age)
        after = store.show("ada")
        if before is not None and after is not None and isinstance(result, Conflict):
            assert (before.head, before.records) == (after.head, after.records)
        return isinstance(result, Conflict)

    def test_the_fast_path_is_refused_after_another_write(self, store: Store, other: Store) -> None:
        revision = begin(store, ONE).revision
        done(other.commit("ada", "k", Write(HEAD), reply=b"", revision=revision))
        assert self.refused(store, revision)

    def test_the_fast_path_is_refused_when_nothing_is_left(self, store: Store) -> None:
        revision = begin(store, ONE).revision
        store.end("ada")
        assert self.refused(store, revision)

    def test_the_fast_path_is_refused_after_the_ttl(self, store: Store) -> None:
        revision = begin(store, ONE, ttl=self.short).revision
        self.advance(self.short * 2)
        assert self.refused(store, revision)

    def test_the_fast_path_is_refused_when_too_old(self, store: Store) -> None:
        revision = begin(store, ONE).revision
        self.advance(self.short * 2)
        assert self.refused(store, revision, max_age=self.short)
        assert not self.refused(store, revision, max_age=LONG)

    def test_the_fast_path_is_refused_while_claimed(self, store: Store, other: Store) -> None:
        revision = begin(store, ONE).revision
        fence = granted(other.claim("ada", "k", lease=LONG)).fence
        assert self.refused(store, revision)
        other.release("ada", fence)
        assert not self.refused(store, revision)

    def test_an_expired_claim_does_not_stop_the_fast_path(self, store: Store) -> None:
        revision = begin(store, ONE).revision
        granted(store.claim("ada", "k", lease=self.short))
        self.advance(self.short * 2)
        assert not self.refused(store, revision)

    def test_the_fast_path_is_refused_while_another_message_waits(self, store: Store) -> None:
        revision = begin(store, ONE).revision
        fence = granted(store.claim("ada", "k1", lease=LONG)).fence
        store.claim("ada", "k2", lease=LONG)
        store.release("ada", fence)
        assert self.refused(store, revision)
        self.advance(1.1)
        assert not self.refused(store, revision)

    def test_a_message_that_waits_may_take_the_fast_path(self, store: Store) -> None:
        revision = begin(store, ONE).revision
        fence = granted(store.claim("ada", "k1", lease=LONG)).fence
        store.claim("ada", "fast", lease=LONG)
        store.release("ada", fence)
        assert not self.refused(store, revision)
        granted(store.claim("ada", "k3", lease=LONG))

    def test_the_fast_path_finds_an_answered_message(self, store: Store, other: Store) -> None:
        revision = begin(store, ONE).revision
        made = done(store.commit("ada", "k", Write(HEAD), reply=b"2", revision=revision))
        again = other.commit("ada", "k", Write(b"no"), reply=b"3", revision=made.revision)
        assert again == Answered(b"2")
        shown = store.show("ada")
        assert shown is not None
        assert shown.head == HEAD

    # Losing a claim --------------------------------------------------------------------------

    @pytest.mark.parametrize("how", ["expired", "released", "taken over", "committed", "ended"])
    def test_a_lost_claim_writes_nothing(self, store: Store, other: Store, how: str) -> None:
        begin(store, ONE)
        fence = granted(
            store.claim("ada", "k1", lease=self.short if how in ("expired", "taken over") else LONG)
        ).fence
        if how == "released":
            other.release("ada", fence)
        elif how == "committed":
            other.commit("ada", "k1", Write(HEAD, (TWO,)), reply=b"", fence=fence)
        elif how == "ended":
            assert other.end("ada")
            anew = granted(other.claim("ada", "k2", lease=LONG)).fence
            other.commit("ada", "k2", Write(HEAD, (ONE,)), reply=b"", fence=anew)
        else:
            self.advance(self.short * 2)
        if how == "taken over":
            granted(other.claim("ada", "k2", lease=LONG))
        before = store.show("ada")
        with pytest.raises(ClaimLost):
            store.record("ada", fence, Write(b"no", (THREE,)))
        with pytest.raises(ClaimLost):
            store.commit("ada", "k3", Write(b"no", (THREE,)), reply=b"", fence=fence)
        with pytest.raises(ClaimLost):
            store.renew("ada", fence, LONG)
        after = store.show("ada")
        assert before is not None
        assert after is not None
        assert (before.head, before.records) == (after.head, after.records)
        assert not isinstance(store.claim("ada", "k3", lease=LONG), Answered)

    def test_to_release_a_lost_claim_takes_nothing_from_the_next(self, store: Store) -> None:
        lost = granted(store.claim("ada", "k1", lease=self.short)).fence
        self.advance(self.short * 2)
        granted(store.claim("ada", "k2", lease=LONG))
        store.release("ada", lost)
        assert isinstance(store.claim("ada", "k3", lease=LONG), Running)

    def test_a_released_claim_is_free(self, store: Store, other: Store) -> None:
        store.release("ada", granted(store.claim("ada", "k1", lease=LONG)).fence)
        granted(other.claim("ada", "k2", lease=LONG))

    def test_a_renewed_claim_holds_longer(self, store: Store, other: Store) -> None:
        fence = granted(store.claim("ada", "k1", lease=self.short)).fence
        store.renew("ada", fence, LONG)
        self.advance(self.short * 2)
        assert isinstance(other.claim("ada", "k2", lease=LONG), Running)
        store.record("ada", fence, Write(HEAD))

    # defer -----------------------------------------------------------------------------------

    def test_a_deferred_message_is_committed_only_by_who_knows(
        self, store: Store, other: Store
    ) -> None:
        fence = granted(store.claim("ada", "k", lease=LONG)).fence
        assert other.defer("ada", "k") is None
        write = Write(HEAD, (ONE,))
        assert store.commit("ada", "k", write, reply=b"1", fence=fence) == Deferred()
        assert store.show("ada") is None
        done(store.commit("ada", "k", write, reply=b"1", fence=fence, deferred=True))
        assert store.defer("ada", "k") == Answered(b"1")

    def test_a_deferred_message_is_claimed_as_such(self, store: Store) -> None:
        store.defer("ada", "k")
        assert granted(store.claim("ada", "k", lease=LONG)).deferred
        assert not granted(store.claim("bob", "k", lease=LONG)).deferred

    def test_the_fast_path_sees_a_deferred_message(self, store: Store) -> None:
        revision = begin(store, ONE).revision
        store.defer("ada", "k")
        write = Write(HEAD, (TWO,))
        assert store.commit("ada", "k", write, reply=b"", revision=revision) == Deferred()
        done(store.commit("ada", "k", write, reply=b"", revision=revision, deferred=True))

    # list, show, end -------------------------------------------------------------------------

    def test_what_is_stored_is_listed(self, store: Store, other: Store) -> None:
        begin(store, ONE, TWO, user="a:ada")
        begin(store, ONE, user="b:bob")
        fence = granted(store.claim("a:eve", "k", lease=LONG)).fence
        write = Write(b"", park=Parked("p", b"1", LONG))
        store.commit("a:eve", "k", write, reply=b"", fence=fence)
        granted(store.claim("a:new", "k", lease=LONG))
        lines = {line.user: line for line in other.list()}
        assert sorted(lines) == ["a:ada", "a:eve", "b:bob"]
        assert sorted(line.user for line in store.list("a:")) == ["a:ada", "a:eve"]
        ada, eve = lines["a:ada"], lines["a:eve"]
        assert (ada.head, ada.length, ada.parked) == (HEAD, 2, ())
        assert (eve.head, eve.length, eve.parked) == (b"", 0, ("p",))
        assert 0 < ada.ttl <= LONG
        assert 0 < eve.ttl <= LONG

    def test_a_long_listing_has_everybody_once(self, store: Store) -> None:
        users = [f"user {i}" for i in range(450)]
        for user in users:
            begin(store, user=user)
        assert sorted(line.user for line in store.list("user ")) == sorted(users)

    def test_who_has_nothing_is_not_shown(self, store: Store) -> None:
        assert store.show("nobody") is None
        assert store.end("nobody") is False
        assert store.end("nobody", "p") is False

    def test_an_ended_conversation_is_gone_and_its_claim_with_it(
        self, store: Store, other: Store
    ) -> None:
        fence = granted(store.claim("ada", "k", lease=LONG)).fence
        write = Write(HEAD, (ONE,), data=b"blue", park=Parked("p", b"1", LONG))
        store.record("ada", fence, write)
        assert other.end("ada") is True
        assert other.end("ada") is False
        shown = store.show("ada")
        assert shown is not None
        assert (shown.head, shown.records, shown.data) == (b"", (), b"blue")
        granted(store.claim("ada", "k2", lease=LONG))
        assert other.end("ada", "p") is True
        assert other.end("ada", "p") is False

    # Any text, any bytes, any time -----------------------------------------------------------

    @pytest.mark.parametrize("text", ODD_TEXTS)
    def test_any_text_is_a_key(self, store: Store, text: str) -> None:
        begin(store, ONE, user="ada")
        fence = granted(store.claim(text, text, lease=LONG)).fence
        assert store.claim(text, "k2", lease=LONG) == Running(text, 0.0, 1)
        write = Write(HEAD, (TWO,), park=Parked(text, b"1"))
        store.commit(text, text, write, reply=b"r", fence=fence)
        assert store.claim(text, text, lease=LONG) == Answered(b"r")
        assert [(s.user, s.length, s.parked) for s in store.list(text)] == [(text, 1, (text,))]
        shown = store.show(text)
        assert shown is not None
        assert (shown.records, list(shown.parked)) == ((TWO,), [text])

    def test_an_empty_user_is_an_error(self, store: Store) -> None:
        with pytest.raises(ValueError, match="empty"):
            store.claim("", "k", lease=LONG)

    def test_any_bytes_come_back(self, store: Store) -> None:
        odd = bytes(range(256))
        records = (b"", odd, b"\n", "微信".encode(), b"x" * 100_000)
        fence = granted(store.claim("ada", "k", lease=LONG)).fence
        write = Write(odd, records, data=odd, park=Parked("p", odd))
        store.commit("ada", "k", write, reply=odd, fence=fence)
        shown = store.show("ada")
        assert shown is not None
        assert (shown.head, shown.records, shown.data) == (odd, records, odd)
        assert shown.parked["p"].document == odd
        assert store.claim("ada", "k", lease=LONG) == Answered(odd)
        assert granted(store.claim("ada", "k2", lease=LONG)).records == records

    def test_a_closed_store_opens_again(self, store: Store, other: Store) -> None:
        begin(store, ONE)
        revision = begin(other, user="bob").revision
        other.close()
        other.close()
        done(other.commit("bob", "k", Write(HEAD), reply=b"", revision=revision))

    # Races -----------------------------------------------------------------------------------

    def test_of_claims_at_once_one_is_granted(self, store: Store, other: Store) -> None:
        for turn in range(3):
            user = f"user {turn}"
            results = together(
                [
                    partial(s.claim, user, f"k{i}", lease=LONG)
                    for i, s in enumerate((store, other) * 4)
                ]
            )
            assert sorted(type(r).__name__ for r in results) == ["Claimed"] + ["Running"] * 7

    def test_of_fast_commits_at_once_one_is_done(self, store: Store, other: Store) -> None:
        for turn in range(3):
            user = f"user {turn}"
            revision = begin(store, ONE, user=user).revision
            results = together(
                [
                    partial(
                        s.commit,
                        user,
                        f"k{i}",
                        Write(HEAD, (b"%d" % i,)),
                        reply=b"",
                        revision=revision,
                    )
                    for i, s in enumerate((store, other) * 4)
                ]
            )
            assert sorted(type(r).__name__ for r in results) == ["Committed"] + ["Conflict"] * 7
            winner = next(i for i, r in enumerate(results) if isinstance(r, Committed))
            shown = store.show(user)
            assert shown is not None
            assert shown.records == (ONE, b"%d" % winner)

    def test_copies_on_the_fast_path_at_once_are_one_turn(self, store: Store, other: Store) -> None:
        revision = begin(store, ONE).revision
        results = together(
            [
                partial(
                    s.commit,
                    "ada",
                    "k",
                    Write(HEAD, (b"%d" % i,)),
                    reply=b"%d" % i,
                    revision=revision,
                )
                for i, s in enumerate((store, other) * 4)
            ]
        )
        winner = next(i for i, r in enumerate(results) if isinstance(r, Committed))
        assert results.count(Answered(b"%d" % winner)) == 7

    def test_a_fast_commit_and_a_claim_at_once_do_not_both_think_they_are_first(
        self, store: Store, other: Store
    ) -> None:
        for turn in range(5):
            user = f"user {turn}"
            revision = begin(store, ONE, user=user).revision
            results: list[Any] = together(
                [
                    partial(store.claim, user, "slow", lease=LONG),
                    partial(
                        other.commit,
                        user,
                        "fast",
                        Write(HEAD, (TWO,)),
                        reply=b"",
                        revision=revision,
                    ),
                ]
            )
            claim, commit = results
            assert isinstance(claim, Claimed)
            assert (claim.length == 2) == isinstance(commit, Committed)

    def test_of_commits_under_one_claim_at_once_one_is_done(
        self, store: Store, other: Store
    ) -> None:
        fence = granted(store.claim("ada", "k", lease=LONG)).fence
        results = together(
            [
                partial(s.commit, "ada", f"k{i}", Write(HEAD, (b"%d" % i,)), reply=b"", fence=fence)
                for i, s in enumerate((store, other) * 4)
            ]
        )
        assert sorted(type(r).__name__ for r in results) == ["ClaimLost"] * 7 + ["Committed"]
        shown = store.show("ada")
        assert shown is not None
        assert len(shown.records) == 1

    def test_counting_together_loses_nothing(self, store: Store, other: Store) -> None:
        stuck = threading.Event()

        def turn(client: Store, key: str) -> None:
            while isinstance(claim := client.claim("ada", key, lease=LONG), Running):
                assert not stuck.is_set()
                time.sleep(0.001)
            claim = granted(claim)
            write = Write(HEAD, (b"%d" % claim.length,))
            done(client.commit("ada", key, write, reply=b"", fence=claim.fence))

        def count(client: Store, name: str) -> int:
            try:
                for i in range(5):
                    turn(client, f"{name} {i}")
            except BaseException:
                stuck.set()
                raise
            return 5

        results = together(
            [partial(count, s, f"worker {i}") for i, s in enumerate((store, other) * 2)]
        )
        assert results == [5] * 4
        shown = store.show("ada")
        assert shown is not None
        assert shown.records == tuple(b"%d" % i for i in range(20))

    # The asynchronous face -------------------------------------------------------------------

    def test_the_same_holds_for_event_loops(self, store: Store) -> None:
        async def turns() -> None:
            face = for_async(store)
            try:
                claim = granted(await face.claim("ada", "k1", lease=LONG))
                assert isinstance(await face.claim("ada", "k2", lease=LONG), Running)
                await face.renew("ada", claim.fence, LONG)
                await face.record("ada", claim.fence, Write(HEAD, (ONE,)))
                assert await face.defer("ada", "k1") is None
                write = Write(HEAD, (TWO,))
                refused = await face.commit("ada", "k1", write, reply=b"1", fence=claim.fence)
                assert refused == Deferred()
                made = done(
                    await face.commit(
                        "ada", "k1", write, reply=b"1", fence=claim.fence, deferred=True
                    )
                )
                assert await face.claim("ada", "k1", lease=LONG) == Answered(b"1")
                assert await face.defer("ada", "k1") == Answered(b"1")
                with pytest.raises(ClaimLost):
                    await face.record("ada", claim.fence, Write(HEAD))
                claim = granted(await face.claim("ada", "k2", lease=LONG))
                assert claim.records == (ONE, TWO)
                await face.release("ada", claim.fence)
                fast = await face.commit(
                    "ada", "k3", Write(HEAD, (THREE,)), reply=b"3", revision=made.revision
                )
                stale = await face.commit(
                    "ada", "k4", Write(HEAD), reply=b"", revision=made.revision
                )
                assert isinstance(fast, Committed)
                assert stale == Conflict()
                again = face.commit("ada", "k3", write, reply=b"", revision=made.revision)
                assert await again == Answered(b"3")
            finally:
                await face.close()

        asyncio.run(turns())
        shown = store.show("ada")
        assert shown is not None
        assert shown.records == (ONE, TWO, THREE)

    def test_tasks_at_once_are_told_apart(self, store: Store) -> None:
        async def race() -> list[str]:
            face = for_async(store)
            try:
                claims = [face.claim("ada", f"k{i}", lease=LONG) for i in range(8)]
                return sorted(type(r).__name__ for r in await asyncio.gather(*claims))
            finally:
                await face.close()

        assert asyncio.run(race()) == ["Claimed"] + ["Running"] * 7
        store.end("ada")
        assert asyncio.run(race()) == ["Running"] * 8

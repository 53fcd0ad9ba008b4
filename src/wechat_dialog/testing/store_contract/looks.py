"""Optimistic claims: they return the document without a claim if nobody else is active."""

from __future__ import annotations

from functools import partial

from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.values import (
    Answered,
    Claim,
    Claimed,
    Commit,
    Committed,
    Conflict,
    Have,
    Running,
    Unclaimed,
    Write,
)

from .asking import HEAD, LONG, ONE, TWO, StoreCase, begin, committed, granted, together

__all__ = ["Looks"]


class Looks(StoreCase):
    """`claim` with `optimistic`."""

    def look(self, store: Store, key: str = "k") -> Claimed | Unclaimed | Answered | Running:
        return store.claim(Claim("ada", key, lease=LONG, optimistic=True))

    def test_a_look_is_given_the_document(self, store: Store, other: Store) -> None:
        begun = begin(store, ONE, TWO)
        looked = self.look(other)
        assert isinstance(looked, Unclaimed)
        assert looked.age >= 0
        assert looked == Unclaimed(
            begun.revision, begun.journal, 2, HEAD, (ONE, TWO), b"", looked.age, looked.now
        )

    def test_a_look_gives_the_age_and_the_data(self, store: Store) -> None:
        fence = granted(store.claim(Claim("ada", "first", lease=LONG))).fence
        write = Write(HEAD, ttl=LONG, data=b"blue\n\x00")
        committed(store.commit(Commit("ada", "first", write, reply=b"", fence=fence)))
        self.advance(self.short)
        looked = self.look(store)
        assert isinstance(looked, Unclaimed)
        assert (looked.data, looked.records, looked.length) == (b"blue\n\x00", (), 0)
        assert looked.age >= self.short

    def test_a_look_sees_a_claim_though_its_message_is_answered(
        self, store: Store, other: Store
    ) -> None:
        claim = granted(store.claim(Claim("ada", "k1", lease=LONG)))
        committed(
            store.commit(
                Commit("ada", "k1", Write(HEAD), reply=b"", fence=claim.fence, release=False)
            )
        )
        assert isinstance(self.look(other, "k2"), Running)

    def test_a_look_leaves_nothing_behind(self, store: Store, other: Store) -> None:
        begin(store, ONE)
        assert isinstance(self.look(store), Unclaimed)
        assert isinstance(self.look(other, "another"), Unclaimed)
        claim = granted(other.claim(Claim("ada", "k", lease=LONG)))
        assert (claim.copies, claim.lost, claim.pending) == (1, 0, ())

    def test_one_of_two_that_looked_commits(self, store: Store, other: Store) -> None:
        begin(store, ONE)
        looked, same = self.look(store, "k1"), self.look(other, "k2")
        assert isinstance(looked, Unclaimed)
        assert isinstance(same, Unclaimed)
        write = Write(HEAD, (TWO,))
        committed(store.commit(Commit("ada", "k1", write, reply=b"1", revision=looked.revision)))
        again = other.commit(Commit("ada", "k2", write, reply=b"2", revision=same.revision))
        assert again == Conflict()
        assert self.look(other, "k1") == Answered(b"1")

    def test_a_look_at_nothing_claims(self, store: Store, other: Store) -> None:
        granted(self.look(store))
        assert isinstance(self.look(other, "another"), Running)

    def test_a_look_at_what_is_over_claims(self, store: Store) -> None:
        begin(store, ONE, ttl=self.short)
        self.advance(self.short * 2)
        assert granted(self.look(store)).revision == 0

    def test_a_look_with_a_part_in_hand_claims(self, store: Store) -> None:
        begun = begin(store, ONE, TWO)
        have = Have(begun.journal, 1)
        claim = granted(store.claim(Claim("ada", "k", lease=LONG, have=have, optimistic=True)))
        assert claim.records == (TWO,)

    def test_a_look_waits_for_who_holds_a_claim(self, store: Store, other: Store) -> None:
        begin(store, ONE)
        fence = granted(other.claim(Claim("ada", "k1", lease=LONG))).fence
        assert self.look(store) == Running("k1", 0.0, 1)
        other.release("ada", fence)
        assert granted(self.look(store)).records == (ONE,), "it is known now, and counted"

    def test_a_look_after_a_claim_that_ran_out_claims(self, store: Store) -> None:
        begin(store, ONE)
        granted(store.claim(Claim("ada", "k1", lease=self.short)))
        self.advance(self.short * 2)
        assert granted(self.look(store)).lost == 1

    def test_a_look_while_another_waits_claims(self, store: Store, other: Store) -> None:
        begin(store, ONE)
        fence = granted(store.claim(Claim("ada", "k1", lease=LONG))).fence
        other.claim(Claim("ada", "k2", lease=LONG))
        store.release("ada", fence)
        assert isinstance(self.look(store), Running)

    def test_a_look_while_another_is_pending_claims(self, store: Store, other: Store) -> None:
        begin(store, ONE)
        other.defer("ada", "k1", b"said")
        assert [message.key for message in granted(self.look(store)).pending] == ["k1"]

    def test_a_look_for_a_message_that_was_put_off_claims(self, store: Store, other: Store) -> None:
        begin(store, ONE)
        other.defer("ada", "k")
        assert granted(self.look(store)).deferred

    def test_a_look_after_a_claimed_turn_is_given_the_document(self, store: Store) -> None:
        begin(store, ONE)
        fence = granted(store.claim(Claim("ada", "k1", lease=LONG))).fence
        committed(store.commit(Commit("ada", "k1", Write(HEAD, (TWO,)), reply=b"", fence=fence)))
        looked = self.look(store)
        assert isinstance(looked, Unclaimed)
        assert looked.records == (ONE, TWO)

    def test_looks_at_once_advance_once_each_or_not_at_all(
        self, store: Store, other: Store
    ) -> None:
        begin(store, ONE)

        def turn(at: Store, key: str) -> object:
            looked = self.look(at, key)
            if not isinstance(looked, Unclaimed):
                return looked
            assert looked.length == len(looked.records)
            write = Write(HEAD, (b"%d" % looked.length,))
            return at.commit(Commit("ada", key, write, reply=b"", revision=looked.revision))

        for number in range(5):
            calls = [partial(turn, store, f"{number}a"), partial(turn, other, f"{number}b")]
            results = together(calls)
            assert all(isinstance(result, (Committed, Conflict)) for result in results), results
            assert any(isinstance(result, Committed) for result in results)
        shown = store.show("ada")
        assert shown is not None
        assert shown.records[1:] == tuple(b"%d" % (n + 1) for n in range(len(shown.records) - 1))

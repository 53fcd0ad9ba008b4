"""Optimistic claims: they return the document without a claim if nobody else is active."""

from __future__ import annotations

from functools import partial

from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.values import (
    NOTHING,
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
    checksum,
)

from .asking import HEAD, LONG, ONE, TWO, StoreCase, begin, committed, granted, together

__all__ = ["Looks"]


class Looks(StoreCase):
    """`claim` with `optimistic`."""

    def look(
        self, store: Store, key: str = "k", have: Have = NOTHING
    ) -> Claimed | Unclaimed | Answered | Running:
        """Make an optimistic claim."""
        return store.claim(Claim("ada", key, lease=LONG, have=have, optimistic=True))

    def test_optimistic_claim_returns_the_entry_without_a_claim(
        self, store: Store, other: Store
    ) -> None:
        """If nobody else is active, an optimistic claim is `Unclaimed` and returns the journal."""
        begun = begin(store, ONE, TWO)
        looked = self.look(other)
        assert isinstance(looked, Unclaimed)
        assert looked.age >= 0
        assert looked == Unclaimed(
            begun.revision, begun.journal, 2, HEAD, (ONE, TWO), b"", looked.age, looked.now
        )

    def test_optimistic_claim_returns_age_and_data(self, store: Store) -> None:
        """An optimistic claim returns the entry's age and the user's data."""
        fence = granted(store.claim(Claim("ada", "first", lease=LONG))).fence
        write = Write(HEAD, ttl=LONG, data=b"blue\n\x00")
        committed(store.commit(Commit("ada", "first", write, reply=b"", fence=fence)))
        self.advance(self.short)
        looked = self.look(store)
        assert isinstance(looked, Unclaimed)
        assert (looked.data, looked.records, looked.length) == (b"blue\n\x00", (), 0)
        assert looked.age >= self.short

    def test_optimistic_claim_is_refused_if_a_commit_kept_its_claim(
        self, store: Store, other: Store
    ) -> None:
        """An optimistic claim is `Running` after a commit with `release=False`."""
        claim = granted(store.claim(Claim("ada", "k1", lease=LONG)))
        committed(
            store.commit(
                Commit("ada", "k1", Write(HEAD), reply=b"", fence=claim.fence, release=False)
            )
        )
        assert isinstance(self.look(other, "k2"), Running)

    def test_optimistic_claim_leaves_no_trace(self, store: Store, other: Store) -> None:
        """An `Unclaimed` request is not counted, not kept, and nobody waits for it."""
        begin(store, ONE)
        assert isinstance(self.look(store), Unclaimed)
        assert isinstance(self.look(other, "another"), Unclaimed)
        claim = granted(other.claim(Claim("ada", "k", lease=LONG)))
        assert (claim.copies, claim.lost, claim.pending) == (1, 0, ())

    def test_optimistic_claims_of_two_messages_let_one_commit(
        self, store: Store, other: Store
    ) -> None:
        """Of two messages that got the same revision, one commits; the other is `Conflict`."""
        begin(store, ONE)
        looked, same = self.look(store, "k1"), self.look(other, "k2")
        assert isinstance(looked, Unclaimed)
        assert isinstance(same, Unclaimed)
        write = Write(HEAD, (TWO,))
        committed(store.commit(Commit("ada", "k1", write, reply=b"1", revision=looked.revision)))
        again = other.commit(Commit("ada", "k2", write, reply=b"2", revision=same.revision))
        assert again == Conflict()
        assert self.look(other, "k1") == Answered(b"1")

    def test_optimistic_claim_of_a_new_user_claims(self, store: Store, other: Store) -> None:
        """Without an entry, an optimistic claim is granted as a claim."""
        granted(self.look(store))
        assert isinstance(self.look(other, "another"), Running)

    def test_optimistic_claim_after_the_ttl_claims(self, store: Store) -> None:
        """If the head has expired, an optimistic claim is granted as a claim."""
        begin(store, ONE, ttl=self.short)
        self.advance(self.short * 2)
        assert granted(self.look(store)).revision == 0

    def test_optimistic_claim_with_have_returns_the_records_that_the_caller_lacks(
        self, store: Store, other: Store
    ) -> None:
        """With `have`, an optimistic claim returns the records after those of the caller."""
        begun = begin(store, ONE, TWO)
        for length, lacks in ((1, (TWO,)), (2, ())):
            last = checksum((ONE, TWO)[length - 1])
            looked = self.look(other, have=Have(begun.journal, length, last))
            assert isinstance(looked, Unclaimed)
            assert (looked.revision, looked.length, looked.records) == (begun.revision, 2, lacks)

    def test_optimistic_claim_with_have_of_a_long_journal_returns_what_the_caller_lacks(
        self, store: Store
    ) -> None:
        """Of a long journal, too, an optimistic claim returns only what the caller lacks."""
        records = tuple(b"%d" % number for number in range(200))
        begun = begin(store, *records)
        for length in (49, 50, 51, 199, 200):
            have = Have(begun.journal, length, checksum(records[length - 1]))
            looked = self.look(store, have=have)
            assert isinstance(looked, Unclaimed)
            assert (looked.length, looked.records) == (200, records[length:])

    def test_optimistic_claim_with_have_of_another_journal_returns_the_whole(
        self, store: Store
    ) -> None:
        """If the caller has part of another journal, an optimistic claim returns the whole."""
        begun = begin(store, ONE, TWO)
        for have in (
            Have(begun.journal + 1, 1, checksum(ONE)),
            Have(begun.journal, 1, checksum(TWO)),
            Have(begun.journal, 3, checksum(ONE)),
        ):
            looked = self.look(store, have=have)
            assert isinstance(looked, Unclaimed)
            assert looked.records == (ONE, TWO)

    def test_optimistic_claim_with_much_of_another_journal_returns_the_whole(
        self, store: Store
    ) -> None:
        """If the caller has much of another journal, an optimistic claim may claim instead."""
        begun = begin(store, ONE, TWO)
        for number, length in enumerate((60, 1)):
            have = Have(begun.journal + 1, length, checksum(ONE))
            looked = self.look(store, f"k{number}", have=have)
            assert isinstance(looked, (Claimed, Unclaimed))
            assert looked.records == (ONE, TWO)
            if isinstance(looked, Claimed):
                store.release("ada", looked.fence)

    def test_optimistic_claim_is_refused_while_a_claim_is_valid(
        self, store: Store, other: Store
    ) -> None:
        """An optimistic claim is `Running` while there is a valid claim, and waits from then on."""
        begin(store, ONE)
        fence = granted(other.claim(Claim("ada", "k1", lease=LONG))).fence
        assert self.look(store) == Running("k1", 0.0, 1)
        other.release("ada", fence)
        assert granted(self.look(store)).records == (ONE,), "it is known now, and counted"

    def test_optimistic_claim_after_an_expired_claim_claims(self, store: Store) -> None:
        """After a claim has expired, an optimistic claim is granted as a claim."""
        begin(store, ONE)
        granted(store.claim(Claim("ada", "k1", lease=self.short)))
        self.advance(self.short * 2)
        assert granted(self.look(store)).lost == 1

    def test_optimistic_claim_is_refused_while_another_message_waits(
        self, store: Store, other: Store
    ) -> None:
        """An optimistic claim is `Running` while another message waits for its turn."""
        begin(store, ONE)
        fence = granted(store.claim(Claim("ada", "k1", lease=LONG))).fence
        other.claim(Claim("ada", "k2", lease=LONG))
        store.release("ada", fence)
        assert isinstance(self.look(store), Running)

    def test_optimistic_claim_while_another_message_is_pending_claims(
        self, store: Store, other: Store
    ) -> None:
        """While another message is pending, an optimistic claim is granted as a claim."""
        begin(store, ONE)
        other.defer("ada", "k1", b"said")
        assert [message.key for message in granted(self.look(store)).pending] == ["k1"]

    def test_optimistic_claim_of_a_deferred_message_claims(
        self, store: Store, other: Store
    ) -> None:
        """For a deferred message, an optimistic claim is granted as a claim."""
        begin(store, ONE)
        other.defer("ada", "k")
        assert granted(self.look(store)).deferred

    def test_optimistic_claim_after_a_claimed_turn_is_unclaimed(self, store: Store) -> None:
        """After a turn with a claim was committed, an optimistic claim is `Unclaimed`."""
        begin(store, ONE)
        fence = granted(store.claim(Claim("ada", "k1", lease=LONG))).fence
        committed(store.commit(Commit("ada", "k1", Write(HEAD, (TWO,)), reply=b"", fence=fence)))
        looked = self.look(store)
        assert isinstance(looked, Unclaimed)
        assert looked.records == (ONE, TWO)

    def test_optimistic_claims_at_once_commit_once_per_revision(
        self, store: Store, other: Store
    ) -> None:
        """Concurrent turns without a claim never commit on the same revision twice."""
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

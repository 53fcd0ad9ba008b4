"""What becomes of messages whose worker died, or whose user was told to wait."""

from __future__ import annotations

import pytest

from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.values import (
    Answered,
    Claim,
    Claimed,
    Commit,
    Conflict,
    Deferred,
    Running,
    Write,
)

from .asking import HEAD, LONG, ONE, TWO, StoreCase, begin, committed, granted

__all__ = ["PendingMessages"]


class PendingMessages(StoreCase):
    """`defer`, and the `message` of a claim: `Claimed.pending`."""

    def test_a_deferred_message_is_committed_only_by_who_knows(
        self, store: Store, other: Store
    ) -> None:
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        assert other.defer("ada", "k") is None
        write = Write(HEAD, (ONE,))
        assert store.commit(Commit("ada", "k", write, reply=b"1", fence=fence)) == Deferred()
        assert store.show("ada") is None
        committed(store.commit(Commit("ada", "k", write, reply=b"1", fence=fence, deferred=True)))
        assert store.defer("ada", "k") == Answered(b"1")

    def test_a_deferred_message_is_claimed_as_such(self, store: Store) -> None:
        store.defer("ada", "k")
        assert granted(store.claim(Claim("ada", "k", lease=LONG))).deferred
        assert not granted(store.claim(Claim("bob", "k", lease=LONG))).deferred

    def test_the_fast_path_sees_a_deferred_message(self, store: Store) -> None:
        revision = begin(store, ONE).revision
        store.defer("ada", "k")
        write = Write(HEAD, (TWO,))
        assert store.commit(Commit("ada", "k", write, reply=b"", revision=revision)) == Deferred()
        committed(
            store.commit(Commit("ada", "k", write, reply=b"", revision=revision, deferred=True))
        )

    def test_a_message_deferred_is_told_to_the_next_claim_until_it_has_its_commit(
        self, store: Store, other: Store
    ) -> None:
        begin(store, ONE)
        granted(store.claim(Claim("ada", "k1", lease=self.short)))
        assert other.defer("ada", "k1", b"\x00said\xff") is None
        self.advance(self.short * 2)
        claim = granted(other.claim(Claim("ada", "k2", lease=LONG)))
        assert _stored(claim) == [("k1", b"\x00said\xff")]
        assert granted(store.claim(Claim("bob", "k2", lease=LONG))).pending == ()
        write = Write(HEAD, (TWO,))
        result = other.commit(
            Commit("ada", "k1", write, reply=b"", fence=claim.fence, deferred=True, release=False)
        )
        committed(result)
        committed(other.commit(Commit("ada", "k2", Write(HEAD), reply=b"", fence=claim.fence)))
        assert granted(store.claim(Claim("ada", "k3", lease=LONG))).pending == ()

    def test_only_what_came_before_is_pending_for_a_claim_oldest_first(self, store: Store) -> None:
        for key in ("k1", "k2", "k3"):
            store.claim(Claim("ada", key, lease=self.short))
        for key in ("k3", "k2", "k1"):
            store.defer("ada", key, key.encode())
        self.advance(max(1.1, self.short * 2))
        second = granted(store.claim(Claim("ada", "k2", lease=LONG)))
        assert [pending.key for pending in second.pending] == ["k1"]
        store.release("ada", second.fence)
        last = granted(store.claim(Claim("ada", "k4", lease=LONG)))
        assert [pending.message for pending in last.pending] == [b"k1", b"k2", b"k3"]

    def test_a_pending_message_is_as_old_for_whoever_finishes_it_as_for_its_own_claim(
        self, store: Store, other: Store
    ) -> None:
        revision = begin(store, ONE).revision
        self.advance(self.short)
        first = granted(store.claim(Claim("ada", "k1", lease=self.short, message=b"said")))
        ages = [first.age - first.since]
        self.advance(self.short * 2)
        again = granted(store.claim(Claim("ada", "k1", lease=self.short)))
        ages.append(again.age - again.since)
        self.advance(self.short * 2)
        claim = granted(other.claim(Claim("ada", "k2", lease=LONG)))
        (pending,) = claim.pending
        ages.append(claim.age - pending.since)
        assert claim.revision == revision
        assert ages == pytest.approx([ages[0]] * 3, abs=1e-4)
        assert ages[0] >= self.short

    def test_what_a_deferred_message_answers_is_kept_as_long_as_it(self, store: Store) -> None:
        revision = begin(store, ONE, ttl=self.short).revision
        fence = granted(store.claim(Claim("ada", "k1", lease=LONG))).fence
        store.defer("ada", "k2", b"said")
        write = Write(HEAD, (TWO,), ttl=self.short)
        assert (
            committed(store.commit(Commit("ada", "k1", write, reply=b"", fence=fence))).revision
            > revision
        )
        self.advance(self.short * 3)
        claim = granted(store.claim(Claim("ada", "k3", lease=LONG)))
        assert (claim.records, [message.key for message in claim.pending]) == ((ONE, TWO), ["k2"])

    def test_a_pending_message_goes_with_the_conversation_that_is_ended(
        self, store: Store, other: Store
    ) -> None:
        store.defer("ada", "k1", b"said")
        assert other.end("ada") is True
        assert other.end("ada") is False
        assert granted(store.claim(Claim("ada", "k2", lease=LONG))).pending == ()

    def test_a_message_is_kept_with_its_claim_until_that_is_given_back(
        self, store: Store, other: Store
    ) -> None:
        begin(store, ONE)
        granted(store.claim(Claim("ada", "k1", lease=self.short, message=b"\x00said\xff")))
        assert isinstance(other.claim(Claim("ada", "k1", lease=LONG)), Running)
        self.advance(self.short * 2)
        assert granted(other.claim(Claim("ada", "k1", lease=self.short))).pending == ()
        self.advance(self.short * 2)
        claim = granted(other.claim(Claim("ada", "k2", lease=LONG, message=b"two")))
        assert _stored(claim) == [("k1", b"\x00said\xff")]
        write = Write(HEAD, (TWO,))
        committed(
            store.commit(Commit("ada", "k1", write, reply=b"", fence=claim.fence, release=False))
        )
        store.release("ada", claim.fence)
        assert granted(store.claim(Claim("ada", "k3", lease=LONG))).pending == ()

    def test_giving_a_claim_back_leaves_what_its_user_was_promised(self, store: Store) -> None:
        claim = granted(store.claim(Claim("ada", "k1", lease=LONG, message=b"said")))
        store.defer("ada", "k1", b"said")
        store.release("ada", claim.fence)
        stored = _stored(granted(store.claim(Claim("ada", "k2", lease=LONG))))
        assert stored == [("k1", b"said")]

    def test_no_turn_comes_before_one_that_a_dead_worker_began(self, store: Store) -> None:
        fence = granted(store.claim(Claim("ada", "k1", lease=LONG))).fence
        store.claim(Claim("ada", "early", lease=LONG, message=b"early"))
        committed(store.commit(Commit("ada", "k1", Write(HEAD), reply=b"", fence=fence)))
        self.advance(1.1)  # its place in line is gone
        granted(store.claim(Claim("ada", "late", lease=self.short, message=b"late")))
        self.advance(self.short * 2)
        claim = granted(store.claim(Claim("ada", "early", lease=self.short, message=b"early")))
        assert [message.key for message in claim.pending] == ["late"]
        store.defer("ada", "waits", b"waits")
        self.advance(self.short * 2)
        claim = granted(store.claim(Claim("ada", "early", lease=self.short)))
        assert [message.key for message in claim.pending] == ["late"]
        self.advance(self.short * 2)
        claim = granted(store.claim(Claim("ada", "last", lease=LONG)))
        assert [message.key for message in claim.pending] == ["late", "early", "waits"]

    def test_the_fast_path_does_not_pass_a_turn_that_a_dead_worker_began(
        self, store: Store
    ) -> None:
        revision = begin(store, ONE).revision
        granted(store.claim(Claim("ada", "k1", lease=self.short, message=b"said")))
        self.advance(self.short * 2)
        assert isinstance(
            store.claim(Claim("ada", "k2", lease=self.short, optimistic=True)), Claimed
        )
        self.advance(self.short * 2)
        write = Write(HEAD, (TWO,))
        assert store.commit(Commit("ada", "k2", write, reply=b"", revision=revision)) == Conflict()
        committed(store.commit(Commit("ada", "k1", write, reply=b"", revision=revision)))

    def test_what_a_claimed_message_answers_is_kept_as_long_as_it(self, store: Store) -> None:
        begin(store, ONE, ttl=self.short)
        granted(store.claim(Claim("ada", "k1", lease=self.short, message=b"said")))
        self.advance(self.short * 3)
        claim = granted(store.claim(Claim("ada", "k2", lease=LONG)))
        assert (claim.records, [message.key for message in claim.pending]) == ((ONE,), ["k1"])

    def test_a_claimed_message_goes_with_the_conversation_that_is_ended(
        self, store: Store, other: Store
    ) -> None:
        begin(store, ONE)
        granted(store.claim(Claim("ada", "k1", lease=LONG, message=b"said")))
        assert other.end("ada") is True
        assert (
            granted(store.claim(Claim("ada", "k2", lease=self.short, message=b"two"))).pending == ()
        )
        self.advance(self.short * 2)
        assert [
            message.key for message in granted(store.claim(Claim("ada", "k3", lease=LONG))).pending
        ] == ["k2"]

    def test_a_message_that_somebody_is_at_is_no_conversation_to_end(
        self, store: Store, other: Store
    ) -> None:
        claim = granted(store.claim(Claim("ada", "k1", lease=self.short, message=b"said")))
        assert other.end("ada") is False
        assert isinstance(other.claim(Claim("ada", "k2", lease=LONG)), Running)
        committed(store.commit(Commit("ada", "k1", Write(b""), reply=b"", fence=claim.fence)))
        granted(store.claim(Claim("ada", "k2", lease=self.short, message=b"said")))
        self.advance(self.short * 2)
        assert other.end("ada") is True
        assert granted(store.claim(Claim("ada", "k4", lease=LONG))).pending == ()


def _stored(claim: Claimed) -> list[tuple[str, bytes]]:
    """Return the pending messages that a claim was told of: their keys, and what is kept."""
    return [(pending.key, pending.message) for pending in claim.pending]

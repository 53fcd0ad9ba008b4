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

    def test_commit_of_a_deferred_message_needs_deferred_true(
        self, store: Store, other: Store
    ) -> None:
        """After `defer`, a commit with `deferred=False` is `Deferred` and writes nothing."""
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        assert other.defer("ada", "k") is None
        write = Write(HEAD, (ONE,))
        assert store.commit(Commit("ada", "k", write, reply=b"1", fence=fence)) == Deferred()
        assert store.show("ada") is None
        committed(store.commit(Commit("ada", "k", write, reply=b"1", fence=fence, deferred=True)))
        assert store.defer("ada", "k") == Answered(b"1")

    def test_claim_returns_whether_the_message_was_deferred(self, store: Store) -> None:
        """`Claimed.deferred` is True after `defer` of that message."""
        store.defer("ada", "k")
        assert granted(store.claim(Claim("ada", "k", lease=LONG))).deferred
        assert not granted(store.claim(Claim("bob", "k", lease=LONG))).deferred

    def test_fast_commit_of_a_deferred_message_needs_deferred_true(self, store: Store) -> None:
        """After `defer`, a commit without a fence is `Deferred` unless `deferred` is True."""
        revision = begin(store, ONE).revision
        store.defer("ada", "k")
        write = Write(HEAD, (TWO,))
        assert store.commit(Commit("ada", "k", write, reply=b"", revision=revision)) == Deferred()
        committed(
            store.commit(Commit("ada", "k", write, reply=b"", revision=revision, deferred=True))
        )

    def test_claim_returns_a_deferred_message_as_pending_until_its_commit(
        self, store: Store, other: Store
    ) -> None:
        """A deferred message is pending for claims of other messages until it is committed."""
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

    def test_claim_returns_only_earlier_messages_as_pending_oldest_first(
        self, store: Store
    ) -> None:
        """Deferred messages are pending for later ones only, in the order of their arrival."""
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

    def test_claim_returns_the_same_age_for_a_pending_message_as_its_own_claim(
        self, store: Store, other: Store
    ) -> None:
        """`age` less `since` is the same in a message's own claim and where it is pending."""
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

    def test_defer_keeps_head_and_journal_beyond_their_ttl(self, store: Store) -> None:
        """Head and journal do not expire while a deferred message is kept."""
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

    def test_end_drops_deferred_messages(self, store: Store, other: Store) -> None:
        """`end` drops deferred messages, and returns True if that is all there was."""
        store.defer("ada", "k1", b"said")
        assert other.end("ada") is True
        assert other.end("ada") is False
        assert granted(store.claim(Claim("ada", "k2", lease=LONG))).pending == ()

    def test_claim_keeps_its_message_until_a_commit_or_release(
        self, store: Store, other: Store
    ) -> None:
        """The `message` of an expired claim is pending until it is committed or released."""
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

    def test_release_keeps_deferred_messages(self, store: Store) -> None:
        """`release` does not drop a message that was deferred."""
        claim = granted(store.claim(Claim("ada", "k1", lease=LONG, message=b"said")))
        store.defer("ada", "k1", b"said")
        store.release("ada", claim.fence)
        stored = _stored(granted(store.claim(Claim("ada", "k2", lease=LONG))))
        assert stored == [("k1", b"said")]

    def test_claim_returns_turns_that_were_cut_off_before_all_others(self, store: Store) -> None:
        """Messages that had a claim are pending before earlier ones that had none."""
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

    def test_fast_commit_is_refused_before_a_turn_that_was_cut_off(self, store: Store) -> None:
        """Without a fence, only the message whose turn was cut off may commit."""
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

    def test_claim_with_a_message_keeps_head_and_journal_beyond_their_ttl(
        self, store: Store
    ) -> None:
        """Head and journal do not expire while the message of an expired claim is kept."""
        begin(store, ONE, ttl=self.short)
        granted(store.claim(Claim("ada", "k1", lease=self.short, message=b"said")))
        self.advance(self.short * 3)
        claim = granted(store.claim(Claim("ada", "k2", lease=LONG)))
        assert (claim.records, [message.key for message in claim.pending]) == ((ONE,), ["k1"])

    def test_end_drops_the_message_of_a_claim(self, store: Store, other: Store) -> None:
        """`end` drops the message kept with a claim, and no message claimed after that."""
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

    def test_end_returns_false_if_there_is_only_a_valid_claim(
        self, store: Store, other: Store
    ) -> None:
        """`end` leaves a valid claim if there is no head; an expired one's message it drops."""
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

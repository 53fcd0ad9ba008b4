"""A reply that nobody received is reported to the next turn; a copy of its message may still get
it.
"""

from __future__ import annotations

from typing import Any

import pytest

from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.values import (
    Answered,
    Claim,
    Commit,
    Committed,
    Conflict,
    Unclaimed,
    Write,
)
from wechat_dialog.errors import ClaimLost

from .asking import HEAD, LONG, ONE, TWO, StoreCase, begin, committed, granted

__all__ = ["Taking"]

ASKED = Answered(b"more?")
ELSEWHERE = Answered(b"")


def untaken(store: Store, key: str = "k", *, fast: bool = False, **write: Any) -> Committed:
    """Commit a turn whose reply nobody takes, on a conversation that is running."""
    change = Write(HEAD, (TWO,), ttl=LONG, **write)
    if not fast:
        fence = granted(store.claim(Claim("ada", key, lease=LONG))).fence
        return committed(
            store.commit(Commit("ada", key, change, reply=ASKED.reply, fence=fence, taken=False))
        )
    looked = store.claim(Claim("ada", key, lease=LONG, optimistic=True))
    assert isinstance(looked, Unclaimed)
    return committed(
        store.commit(
            Commit("ada", key, change, reply=ASKED.reply, revision=looked.revision, taken=False)
        )
    )


WAYS = pytest.mark.parametrize("fast", [False, True], ids=["claimed", "fast"])


class Taking(StoreCase):
    """`commit(taken=False)`, `untaken`, `Claimed.untaken`."""

    @WAYS
    def test_claim_returns_an_untaken_reply(self, store: Store, other: Store, fast: bool) -> None:
        """A reply committed with `taken=False` is returned by the next message's claim."""
        begin(store, ONE)
        untaken(store, fast=fast)
        claim = granted(other.claim(Claim("ada", "next", lease=LONG)))
        assert claim.untaken == (ASKED.reply,)
        assert claim.pending == ()
        assert claim.head == HEAD

    def test_claim_does_not_return_a_taken_reply(self, store: Store) -> None:
        """A reply that was taken is not returned by the next claim."""
        begin(store, ONE)
        assert granted(store.claim(Claim("ada", "next", lease=LONG))).untaken == ()

    @WAYS
    def test_claim_of_a_copy_takes_the_untaken_reply(
        self, store: Store, other: Store, fast: bool
    ) -> None:
        """A copy is `Answered` with its untaken reply, and the next claim does not return it."""
        begin(store, ONE)
        untaken(store, fast=fast)
        assert other.claim(Claim("ada", "k", lease=LONG)) == ASKED
        assert store.claim(Claim("ada", "k", lease=LONG, optimistic=True)) == ASKED
        assert granted(other.claim(Claim("ada", "next", lease=LONG))).untaken == ()
        assert store.claim(Claim("ada", "k", lease=LONG)) == ASKED

    def test_defer_of_a_copy_takes_the_untaken_reply(self, store: Store) -> None:
        """`defer` returns the untaken reply, and the next claim does not return it."""
        begin(store, ONE)
        untaken(store)
        assert store.defer("ada", "k") == ASKED
        assert granted(store.claim(Claim("ada", "next", lease=LONG))).untaken == ()

    def test_fast_commit_does_not_take_an_untaken_reply(self, store: Store) -> None:
        """A commit for a message whose reply is untaken is `Conflict`, and leaves the reply."""
        revision = begin(store, ONE).revision
        untaken(store)
        late = store.commit(Commit("ada", "k", Write(HEAD), reply=b"x", revision=revision))
        assert late == Conflict()
        assert granted(store.claim(Claim("ada", "next", lease=LONG))).untaken == (ASKED.reply,)

    def test_untaken_is_too_late_if_more_copies_took_the_reply(
        self, store: Store, other: Store
    ) -> None:
        """`untaken` does nothing if the reply was given out more often than `takes`."""
        revision = begin(store, ONE).revision
        untaken(store)
        assert store.defer("ada", "k") == ASKED, "for a request that has left by now"
        late = Commit("ada", "k", Write(HEAD), reply=b"x", revision=revision)
        assert other.commit(late) == Conflict()
        assert other.claim(Claim("ada", "k", lease=LONG)) == ASKED
        store.untaken("ada", "k", 1)
        assert granted(store.claim(Claim("ada", "next", lease=LONG))).untaken == ()

    def test_claim_of_a_copy_is_empty_while_another_turn_has_the_reply(
        self, store: Store, other: Store
    ) -> None:
        """A copy is `Answered` empty once a later turn's claim was given its reply."""
        begin(store, ONE)
        untaken(store)
        claim = granted(store.claim(Claim("ada", "next", lease=LONG)))
        assert other.claim(Claim("ada", "k", lease=LONG)) == ELSEWHERE
        assert other.defer("ada", "k") == ELSEWHERE
        committed(
            store.commit(Commit("ada", "next", Write(HEAD), reply=b"both", fence=claim.fence))
        )
        assert other.claim(Claim("ada", "k", lease=LONG)) == ELSEWHERE
        assert other.claim(Claim("ada", "next", lease=LONG)) == Answered(b"both")
        assert granted(store.claim(Claim("ada", "third", lease=LONG))).untaken == ()

    def test_record_counts_as_delivering_the_untaken_reply(self, store: Store) -> None:
        """After `record`, the untaken replies of its claim are not returned again."""
        begin(store, ONE)
        untaken(store)
        claim = granted(store.claim(Claim("ada", "next", lease=self.short)))
        store.record("ada", claim.fence, Write(HEAD, (ONE,)))
        self.advance(self.short * 1.5)
        assert granted(store.claim(Claim("ada", "next", lease=LONG))).untaken == ()
        assert store.claim(Claim("ada", "k", lease=LONG)) == ELSEWHERE

    @pytest.mark.parametrize("ends", ["released", "ran out"])
    def test_claim_without_a_write_leaves_the_untaken_reply(
        self, store: Store, other: Store, ends: str
    ) -> None:
        """If a claim ends without a write, the next one returns the untaken reply again."""
        begin(store, ONE)
        untaken(store)
        claim = granted(store.claim(Claim("ada", "next", lease=self.short)))
        if ends == "released":
            store.release("ada", claim.fence)
        self.advance(self.short * 1.5)
        with pytest.raises(ClaimLost):
            store.record("ada", claim.fence, Write(HEAD))
        again = granted(other.claim(Claim("ada", "other", lease=LONG)))
        assert again.untaken == (ASKED.reply,)
        store.release("ada", again.fence)
        assert other.claim(Claim("ada", "k", lease=LONG)) == ASKED

    def test_fast_commit_is_refused_before_an_untaken_reply(self, store: Store) -> None:
        """While a reply is untaken, the next message's turn needs a claim."""
        begin(store, ONE)
        revision = untaken(store, fast=True).revision
        write = Write(HEAD, (ONE,))
        assert (
            store.commit(Commit("ada", "next", write, reply=b"", revision=revision)) == Conflict()
        )
        looked = store.claim(Claim("ada", "next", lease=LONG, optimistic=True))
        assert granted(looked).untaken == (ASKED.reply,)

    def test_commit_taken_false_keeps_head_and_journal_beyond_their_ttl(self, store: Store) -> None:
        """While a reply is untaken, it does not expire, and neither do head and journal."""
        begin(store, ONE)
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        write = Write(HEAD, (TWO,), ttl=self.short)
        store.commit(
            Commit("ada", "k", write, reply=b"more?", fence=fence, taken=False, remember=self.short)
        )
        self.advance(self.short * 2)
        claim = granted(store.claim(Claim("ada", "next", lease=LONG)))
        assert (claim.records, claim.untaken) == ((ONE, TWO), (b"more?",))

    @pytest.mark.parametrize("head", [HEAD, b""])
    def test_claim_of_a_copy_is_answered_as_long_as_its_reply_is_kept(
        self, store: Store, other: Store, head: bytes
    ) -> None:
        """A copy is `Answered` empty after `remember` seconds, while its reply is still kept."""
        revision = begin(store, ONE).revision
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        commit = Commit(
            "ada", "k", Write(head, ttl=LONG), reply=b"more?", fence=fence, taken=False,
            remember=self.short,
        )  # fmt: skip
        revision = committed(store.commit(commit)).revision
        self.advance(self.short * 2)
        assert other.claim(Claim("ada", "k", lease=LONG, optimistic=True)) == ELSEWHERE
        assert other.claim(Claim("ada", "k", lease=LONG)) == ELSEWHERE
        assert other.defer("ada", "k", b"again") == ELSEWHERE
        if revision:
            late = Commit("ada", "k", Write(HEAD), reply=b"x", revision=revision)
            assert other.commit(late) == Conflict()
        claim = granted(store.claim(Claim("ada", "next", lease=LONG)))
        assert (claim.untaken, claim.pending) == ((b"more?",), ())

    def test_commit_taken_false_with_an_empty_head_keeps_the_reply(self, store: Store) -> None:
        """The untaken reply of a commit that drops the head is returned by the next claim."""
        begin(store, ONE)
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        committed(
            store.commit(Commit("ada", "k", Write(b""), reply=b"bye", fence=fence, taken=False))
        )
        claim = granted(store.claim(Claim("ada", "next", lease=LONG)))
        assert (claim.revision, claim.untaken) == (0, (b"bye",))

    def test_claim_returns_untaken_replies_by_arrival_of_their_messages(self, store: Store) -> None:
        """Untaken replies are in the order in which their messages came."""
        fence = granted(store.claim(Claim("ada", "1", lease=LONG))).fence
        for key in ("2", "1"):
            store.commit(
                Commit("ada", key, Write(HEAD), reply=key.encode(), fence=fence, taken=False,
                release=key == "1",
            ))  # fmt: skip
        assert granted(store.claim(Claim("ada", "3", lease=LONG))).untaken == (b"1", b"2")

    def test_commit_does_not_deliver_a_reply_left_under_its_own_claim(self, store: Store) -> None:
        """A reply left untaken under a claim is not delivered by that claim's next commit."""
        begin(store, ONE)
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        store.commit(
            Commit(
                "ada", "earlier", Write(HEAD), reply=b"1", fence=fence, taken=False, release=False
            )
        )
        committed(store.commit(Commit("ada", "k", Write(HEAD), reply=b"2", fence=fence)))
        assert granted(store.claim(Claim("ada", "next", lease=LONG))).untaken == (b"1",)

    def test_end_drops_untaken_replies(self, store: Store) -> None:
        """`end` drops the untaken replies of the conversation."""
        begin(store, ONE)
        untaken(store)
        assert store.end("ada") is True
        assert granted(store.claim(Claim("ada", "next", lease=LONG))).untaken == ()

    # Said after the commit ------------------------------------------------------------------------

    @WAYS
    def test_untaken_makes_the_next_claim_return_the_reply(
        self, store: Store, other: Store, fast: bool
    ) -> None:
        """`untaken` after the commit, also if repeated, is the same as `taken=False` in it."""
        first = begin(store, ONE)
        if fast:
            write = Write(HEAD, (TWO,))
            store.commit(Commit("ada", "k", write, reply=b"more?", revision=first.revision))
        key = "k" if fast else "first"
        reply = b"more?" if fast else b"hello"
        store.untaken("ada", key)
        store.untaken("ada", key)
        assert granted(other.claim(Claim("ada", "next", lease=LONG))).untaken == (reply,)

    def test_untaken_works_after_a_commit_with_an_empty_head(self, store: Store) -> None:
        """`untaken` works after a commit that dropped the head."""
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        store.commit(Commit("ada", "k", Write(b""), reply=b"bye", fence=fence))
        store.untaken("ada", "k")
        assert granted(store.claim(Claim("ada", "next", lease=LONG))).untaken == (b"bye",)

    @WAYS
    def test_untaken_is_too_late_after_a_copy_took_the_reply(
        self, store: Store, fast: bool
    ) -> None:
        """`untaken` does nothing after a copy's claim was `Answered` with the reply."""
        first = begin(store, ONE)
        if fast:
            store.commit(Commit("ada", "first", Write(HEAD), reply=b"", revision=first.revision))
        assert store.claim(Claim("ada", "first", lease=LONG)) == Answered(b"hello")
        store.untaken("ada", "first")
        assert granted(store.claim(Claim("ada", "next", lease=LONG))).untaken == ()

    def test_untaken_does_not_count_the_callers_own_takes(self, store: Store) -> None:
        """`untaken` with `takes` does not count the answers that the caller itself got."""
        begin(store, ONE)
        for _ in range(2):
            assert store.claim(Claim("ada", "first", lease=LONG)) == Answered(b"hello")
        store.untaken("ada", "first", 1)
        claim = granted(store.claim(Claim("ada", "next", lease=LONG)))
        assert claim.untaken == (), "one of the two had it"
        store.release("ada", claim.fence)
        begin(store, user="bob")
        assert store.defer("bob", "first") == Answered(b"hello")
        store.untaken("bob", "first", 1)
        assert store.claim(Claim("bob", "first", lease=LONG)) == Answered(b"hello")
        store.untaken("bob", "first", 1)
        store.untaken("bob", "first", 0)
        assert granted(store.claim(Claim("bob", "next", lease=LONG))).untaken == (b"hello",)

    @pytest.mark.parametrize("since", ["a claim", "a claim given back", "a turn", "a fast turn"])
    def test_untaken_is_too_late_after_another_message_claimed_or_committed(
        self, store: Store, since: str
    ) -> None:
        """`untaken` does nothing after another message had a claim or a commit."""
        revision, fence = begin(store, ONE).revision, 0
        if since == "a fast turn":
            committed(store.commit(Commit("ada", "2", Write(HEAD), reply=b"", revision=revision)))
        else:
            fence = granted(store.claim(Claim("ada", "2", lease=LONG))).fence
        if since == "a turn":
            store.commit(Commit("ada", "2", Write(HEAD), reply=b"", fence=fence))
        elif since == "a claim given back":
            store.release("ada", fence)
        store.untaken("ada", "first")
        if since == "a claim":
            committed(store.commit(Commit("ada", "2", Write(HEAD), reply=b"", fence=fence)))
        assert granted(store.claim(Claim("ada", "next", lease=LONG))).untaken == ()

    def test_untaken_of_an_unanswered_message_does_nothing(self, store: Store) -> None:
        """`untaken` of a message that has no answer changes nothing."""
        claim = granted(store.claim(Claim("ada", "k", lease=LONG)))
        store.untaken("ada", "k")
        store.untaken("ada", "never seen")
        committed(store.commit(Commit("ada", "k", Write(HEAD), reply=b"r", fence=claim.fence)))
        assert store.claim(Claim("ada", "k", lease=LONG)) == Answered(b"r")
        claim = granted(store.claim(Claim("ada", "next", lease=LONG)))
        assert (claim.untaken, claim.pending) == ((), ())

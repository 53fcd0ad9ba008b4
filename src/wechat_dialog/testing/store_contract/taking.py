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
    def test_the_next_claim_is_told_of_a_reply_that_nobody_takes(
        self, store: Store, other: Store, fast: bool
    ) -> None:
        begin(store, ONE)
        untaken(store, fast=fast)
        claim = granted(other.claim(Claim("ada", "next", lease=LONG)))
        assert claim.untaken == (ASKED.reply,)
        assert claim.pending == ()
        assert claim.head == HEAD

    def test_one_that_was_taken_is_told_to_nobody(self, store: Store) -> None:
        begin(store, ONE)
        assert granted(store.claim(Claim("ada", "next", lease=LONG))).untaken == ()

    @WAYS
    def test_a_copy_takes_it_and_it_is_told_no_more(
        self, store: Store, other: Store, fast: bool
    ) -> None:
        begin(store, ONE)
        untaken(store, fast=fast)
        assert other.claim(Claim("ada", "k", lease=LONG)) == ASKED
        assert store.claim(Claim("ada", "k", lease=LONG, optimistic=True)) == ASKED
        assert granted(other.claim(Claim("ada", "next", lease=LONG))).untaken == ()
        assert store.claim(Claim("ada", "k", lease=LONG)) == ASKED

    def test_the_last_copy_takes_it_by_a_deferral(self, store: Store) -> None:
        begin(store, ONE)
        untaken(store)
        assert store.defer("ada", "k") == ASKED
        assert granted(store.claim(Claim("ada", "next", lease=LONG))).untaken == ()

    def test_a_commit_that_comes_too_late_takes_nothing(self, store: Store) -> None:
        revision = begin(store, ONE).revision
        untaken(store)
        late = store.commit(Commit("ada", "k", Write(HEAD), reply=b"x", revision=revision))
        assert late == Conflict()
        assert granted(store.claim(Claim("ada", "next", lease=LONG))).untaken == (ASKED.reply,)

    def test_who_takes_it_is_counted_however_they_come_by_it(
        self, store: Store, other: Store
    ) -> None:
        revision = begin(store, ONE).revision
        untaken(store)
        assert store.defer("ada", "k") == ASKED, "for a request that has left by now"
        late = Commit("ada", "k", Write(HEAD), reply=b"x", revision=revision)
        assert other.commit(late) == Conflict()
        assert other.claim(Claim("ada", "k", lease=LONG)) == ASKED
        store.untaken("ada", "k", 1)
        assert granted(store.claim(Claim("ada", "next", lease=LONG))).untaken == ()

    def test_a_copy_that_comes_while_another_turn_has_it_gets_nothing(
        self, store: Store, other: Store
    ) -> None:
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

    def test_a_record_is_a_write_that_has_it(self, store: Store) -> None:
        begin(store, ONE)
        untaken(store)
        claim = granted(store.claim(Claim("ada", "next", lease=self.short)))
        store.record("ada", claim.fence, Write(HEAD, (ONE,)))
        self.advance(self.short * 1.5)
        assert granted(store.claim(Claim("ada", "next", lease=LONG))).untaken == ()
        assert store.claim(Claim("ada", "k", lease=LONG)) == ELSEWHERE

    @pytest.mark.parametrize("ends", ["released", "ran out"])
    def test_a_turn_that_writes_nothing_leaves_it_where_it_was(
        self, store: Store, other: Store, ends: str
    ) -> None:
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

    def test_nothing_is_looked_at_or_committed_past_it_without_a_claim(self, store: Store) -> None:
        begin(store, ONE)
        revision = untaken(store, fast=True).revision
        write = Write(HEAD, (ONE,))
        assert (
            store.commit(Commit("ada", "next", write, reply=b"", revision=revision)) == Conflict()
        )
        looked = store.claim(Claim("ada", "next", lease=LONG, optimistic=True))
        assert granted(looked).untaken == (ASKED.reply,)

    def test_it_is_kept_and_head_and_journal_with_it_beyond_their_ttl(self, store: Store) -> None:
        begin(store, ONE)
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        write = Write(HEAD, (TWO,), ttl=self.short)
        store.commit(
            Commit("ada", "k", write, reply=b"more?", fence=fence, taken=False, remember=self.short)
        )
        self.advance(self.short * 2)
        claim = granted(store.claim(Claim("ada", "next", lease=LONG)))
        assert (claim.records, claim.untaken) == ((ONE, TWO), (b"more?",))

    def test_it_outlives_a_conversation_that_is_over(self, store: Store) -> None:
        begin(store, ONE)
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        committed(
            store.commit(Commit("ada", "k", Write(b""), reply=b"bye", fence=fence, taken=False))
        )
        claim = granted(store.claim(Claim("ada", "next", lease=LONG)))
        assert (claim.revision, claim.untaken) == (0, (b"bye",))

    def test_several_are_told_by_when_their_messages_came(self, store: Store) -> None:
        fence = granted(store.claim(Claim("ada", "1", lease=LONG))).fence
        for key in ("2", "1"):
            store.commit(
                Commit("ada", key, Write(HEAD), reply=key.encode(), fence=fence, taken=False,
                release=key == "1",
            ))  # fmt: skip
        assert granted(store.claim(Claim("ada", "3", lease=LONG))).untaken == (b"1", b"2")

    def test_one_that_was_left_under_a_turns_own_claim_is_told_to_the_turn_after(
        self, store: Store
    ) -> None:
        begin(store, ONE)
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        store.commit(
            Commit(
                "ada", "earlier", Write(HEAD), reply=b"1", fence=fence, taken=False, release=False
            )
        )
        committed(store.commit(Commit("ada", "k", Write(HEAD), reply=b"2", fence=fence)))
        assert granted(store.claim(Claim("ada", "next", lease=LONG))).untaken == (b"1",)

    def test_who_ends_a_conversation_ends_what_was_said_in_it(self, store: Store) -> None:
        begin(store, ONE)
        untaken(store)
        assert store.end("ada") is True
        assert granted(store.claim(Claim("ada", "next", lease=LONG))).untaken == ()

    # Said after the commit ------------------------------------------------------------------------

    @WAYS
    def test_that_nobody_took_it_may_be_said_later(
        self, store: Store, other: Store, fast: bool
    ) -> None:
        first = begin(store, ONE)
        if fast:
            write = Write(HEAD, (TWO,))
            store.commit(Commit("ada", "k", write, reply=b"more?", revision=first.revision))
        key = "k" if fast else "first"
        reply = b"more?" if fast else b"hello"
        store.untaken("ada", key)
        store.untaken("ada", key)
        assert granted(other.claim(Claim("ada", "next", lease=LONG))).untaken == (reply,)

    def test_it_may_be_said_later_of_a_conversation_that_is_over(self, store: Store) -> None:
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        store.commit(Commit("ada", "k", Write(b""), reply=b"bye", fence=fence))
        store.untaken("ada", "k")
        assert granted(store.claim(Claim("ada", "next", lease=LONG))).untaken == (b"bye",)

    @WAYS
    def test_it_is_too_late_where_a_copy_has_taken_it(self, store: Store, fast: bool) -> None:
        first = begin(store, ONE)
        if fast:
            store.commit(Commit("ada", "first", Write(HEAD), reply=b"", revision=first.revision))
        assert store.claim(Claim("ada", "first", lease=LONG)) == Answered(b"hello")
        store.untaken("ada", "first")
        assert granted(store.claim(Claim("ada", "next", lease=LONG))).untaken == ()

    def test_who_was_answered_for_nobody_may_say_so(self, store: Store) -> None:
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
    def test_it_is_too_late_where_the_next_turn_began(self, store: Store, since: str) -> None:
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

    def test_of_a_message_without_an_answer_it_says_nothing(self, store: Store) -> None:
        claim = granted(store.claim(Claim("ada", "k", lease=LONG)))
        store.untaken("ada", "k")
        store.untaken("ada", "never seen")
        committed(store.commit(Commit("ada", "k", Write(HEAD), reply=b"r", fence=claim.fence)))
        assert store.claim(Claim("ada", "k", lease=LONG)) == Answered(b"r")
        claim = granted(store.claim(Claim("ada", "next", lease=LONG)))
        assert (claim.untaken, claim.pending) == ((), ())

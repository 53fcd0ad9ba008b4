"""What a commit without a claim checks before it writes."""

from __future__ import annotations

import pytest

from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.kept import Parked
from wechat_dialog.core.store.values import (
    Answered,
    Claim,
    Commit,
    Committed,
    Conflict,
    Deferred,
    Write,
)

from .asking import HEAD, LONG, ONE, TWO, StoreCase, begin, committed, granted

__all__ = ["FastPath"]


class FastPath(StoreCase):
    """`commit` without a fence."""

    def test_fast_commit_writes_and_remembers_the_reply(self, store: Store, other: Store) -> None:
        """A commit without a fence writes, gets a greater revision, and remembers the reply."""
        before = begin(store, ONE)
        result = other.commit(
            Commit(
                "ada", "k", Write(HEAD, (TWO,)), reply=b"2", revision=before.revision, max_age=LONG
            )
        )
        assert result == Committed(
            committed(result).revision, before.journal, now=committed(result).now
        )
        assert committed(result).revision > before.revision
        claim = granted(store.claim(Claim("ada", "next", lease=LONG)))
        assert (claim.revision, claim.records) == (committed(result).revision, (ONE, TWO))
        assert store.claim(Claim("ada", "k", lease=LONG)) == Answered(b"2")

    @pytest.mark.parametrize(
        "write",
        [
            pytest.param(Write(HEAD, (TWO,), keep=0), id="cut"),
            pytest.param(Write(b""), id="drop"),
            pytest.param(
                Write(HEAD, data=b"blue", park=(Parked("p", b"1"),)), id="data and parked"
            ),
            pytest.param(Write(HEAD), id="no records"),
            pytest.param(Write(HEAD, (TWO,) * 1500), id="many records"),
        ],
    )
    def test_fast_commit_writes_the_same_as_a_commit_under_a_claim(
        self, store: Store, write: Write
    ) -> None:
        """A write leaves the same entry, whether it is committed with a claim or without."""
        revision = begin(store, ONE, user="ada").revision
        committed(store.commit(Commit("ada", "k", write, reply=b"", revision=revision)))
        begin(store, ONE, user="bob")
        fence = granted(store.claim(Claim("bob", "k", lease=LONG))).fence
        committed(store.commit(Commit("bob", "k", write, reply=b"", fence=fence)))
        ada, bob = store.show("ada"), store.show("bob")
        assert (ada is None) == (bob is None)
        if ada is not None and bob is not None:
            assert (ada.head, ada.records, ada.data) == (bob.head, bob.records, bob.data)
            assert list(ada.parked) == list(bob.parked)

    def test_fast_commit_without_a_revision_raises_value_error(self, store: Store) -> None:
        """A commit with neither fence nor revision raises ValueError."""
        with pytest.raises(ValueError, match="revision"):
            store.commit(Commit("ada", "k", Write(HEAD), reply=b""))

    def refused(self, store: Store, revision: int, max_age: float | None = None) -> bool:
        """Whether a fast commit is refused, and then has changed nothing."""
        before = store.show("ada")
        write = Write(b"changed", (TWO,))
        result = store.commit(
            Commit("ada", "fast", write, reply=b"", revision=revision, max_age=max_age)
        )
        after = store.show("ada")
        if before is not None and after is not None and isinstance(result, Conflict):
            assert (before.head, before.records) == (after.head, after.records)
        return isinstance(result, Conflict)

    def test_fast_commit_is_refused_after_another_write(self, store: Store, other: Store) -> None:
        """A commit without a fence is `Conflict` if the entry was written after `revision`."""
        revision = begin(store, ONE).revision
        committed(other.commit(Commit("ada", "k", Write(HEAD), reply=b"", revision=revision)))
        assert self.refused(store, revision)

    def test_fast_commit_is_refused_if_the_conversation_was_ended(self, store: Store) -> None:
        """A commit without a fence is `Conflict` if `end` dropped the head."""
        revision = begin(store, ONE).revision
        store.end("ada")
        assert self.refused(store, revision)

    def test_fast_commit_is_refused_after_the_ttl(self, store: Store) -> None:
        """A commit without a fence is `Conflict` if the head has expired."""
        revision = begin(store, ONE, ttl=self.short).revision
        self.advance(self.short * 2)
        assert self.refused(store, revision)

    def test_fast_commit_is_refused_if_the_age_exceeds_max_age(self, store: Store) -> None:
        """A commit without a fence is `Conflict` if the entry is older than `max_age`."""
        revision = begin(store, ONE).revision
        self.advance(self.short * 2)
        assert self.refused(store, revision, max_age=self.short)
        assert not self.refused(store, revision, max_age=LONG)

    def test_fast_commit_is_refused_while_a_claim_is_valid(
        self, store: Store, other: Store
    ) -> None:
        """A commit without a fence is `Conflict` while there is a valid claim."""
        revision = begin(store, ONE).revision
        fence = granted(other.claim(Claim("ada", "k", lease=LONG))).fence
        assert self.refused(store, revision)
        other.release("ada", fence)
        assert not self.refused(store, revision)

    def test_fast_commit_is_accepted_after_a_claim_expired(self, store: Store) -> None:
        """A commit without a fence is accepted if the last claim has expired."""
        revision = begin(store, ONE).revision
        granted(store.claim(Claim("ada", "k", lease=self.short)))
        self.advance(self.short * 2)
        assert not self.refused(store, revision)

    def test_fast_commit_is_refused_while_another_message_waits(self, store: Store) -> None:
        """A commit without a fence is `Conflict` while another message waits for its turn."""
        revision = begin(store, ONE).revision
        fence = granted(store.claim(Claim("ada", "k1", lease=LONG))).fence
        store.claim(Claim("ada", "k2", lease=LONG))
        store.release("ada", fence)
        assert self.refused(store, revision)
        self.advance(1.1)
        assert not self.refused(store, revision)

    def test_fast_commit_is_refused_while_another_message_is_pending(
        self, store: Store, other: Store
    ) -> None:
        """A commit without a fence is `Conflict` while another message is kept by `defer`."""
        revision = begin(store, ONE).revision
        other.defer("ada", "k1", b"said")
        assert self.refused(store, revision)
        for write in (Write(HEAD, (TWO,)), Write(HEAD, (TWO,), keep=0)):
            refused = store.commit(Commit("ada", "k1", write, reply=b"", revision=revision))
            assert refused == Deferred(), "and then it is still pending"
        assert store.commit(Commit("ada", "k2", write, reply=b"", revision=revision)) == Conflict()
        committed(
            store.commit(
                Commit("ada", "k1", Write(HEAD), reply=b"", revision=revision, deferred=True)
            )
        )

    def test_fast_commit_of_a_waiting_message_is_accepted(self, store: Store) -> None:
        """A message that waits may commit without a fence, and then waits no more."""
        revision = begin(store, ONE).revision
        fence = granted(store.claim(Claim("ada", "k1", lease=LONG))).fence
        store.claim(Claim("ada", "fast", lease=LONG))
        store.release("ada", fence)
        assert not self.refused(store, revision)
        granted(store.claim(Claim("ada", "k3", lease=LONG)))

    def test_fast_commit_of_an_answered_message_returns_its_reply(
        self, store: Store, other: Store
    ) -> None:
        """A commit without a fence for an answered message is `Answered`, and writes nothing."""
        revision = begin(store, ONE).revision
        result = committed(
            store.commit(Commit("ada", "k", Write(HEAD), reply=b"2", revision=revision))
        )
        again = other.commit(Commit("ada", "k", Write(b"no"), reply=b"3", revision=result.revision))
        assert again == Answered(b"2")
        shown = store.show("ada")
        assert shown is not None
        assert shown.head == HEAD

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

    def test_the_fast_path_writes_and_remembers(self, store: Store, other: Store) -> None:
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
    def test_the_fast_path_writes_what_a_claim_would(self, store: Store, write: Write) -> None:
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

    def test_the_fast_path_needs_a_revision(self, store: Store) -> None:
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

    def test_the_fast_path_is_refused_after_another_write(self, store: Store, other: Store) -> None:
        revision = begin(store, ONE).revision
        committed(other.commit(Commit("ada", "k", Write(HEAD), reply=b"", revision=revision)))
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
        fence = granted(other.claim(Claim("ada", "k", lease=LONG))).fence
        assert self.refused(store, revision)
        other.release("ada", fence)
        assert not self.refused(store, revision)

    def test_an_expired_claim_does_not_stop_the_fast_path(self, store: Store) -> None:
        revision = begin(store, ONE).revision
        granted(store.claim(Claim("ada", "k", lease=self.short)))
        self.advance(self.short * 2)
        assert not self.refused(store, revision)

    def test_the_fast_path_is_refused_while_another_message_waits(self, store: Store) -> None:
        revision = begin(store, ONE).revision
        fence = granted(store.claim(Claim("ada", "k1", lease=LONG))).fence
        store.claim(Claim("ada", "k2", lease=LONG))
        store.release("ada", fence)
        assert self.refused(store, revision)
        self.advance(1.1)
        assert not self.refused(store, revision)

    def test_the_fast_path_is_refused_while_another_message_is_pending(
        self, store: Store, other: Store
    ) -> None:
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

    def test_a_message_that_waits_may_take_the_fast_path(self, store: Store) -> None:
        revision = begin(store, ONE).revision
        fence = granted(store.claim(Claim("ada", "k1", lease=LONG))).fence
        store.claim(Claim("ada", "fast", lease=LONG))
        store.release("ada", fence)
        assert not self.refused(store, revision)
        granted(store.claim(Claim("ada", "k3", lease=LONG)))

    def test_the_fast_path_finds_an_answered_message(self, store: Store, other: Store) -> None:
        revision = begin(store, ONE).revision
        result = committed(
            store.commit(Commit("ada", "k", Write(HEAD), reply=b"2", revision=revision))
        )
        again = other.commit(Commit("ada", "k", Write(b"no"), reply=b"3", revision=result.revision))
        assert again == Answered(b"2")
        shown = store.show("ada")
        assert shown is not None
        assert shown.head == HEAD

"""Outcomes of parts of steps: stored under a claim, read under the next, removed with their
step.
"""

from __future__ import annotations

import asyncio

import pytest

from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.kept import Aside
from wechat_dialog.core.store.parts import PartPut
from wechat_dialog.core.store.times import Wake
from wechat_dialog.core.store.values import Claim, Claimed, Commit, Write
from wechat_dialog.errors import ClaimLost
from wechat_dialog.stores import for_async

from .asking import HEAD, LONG, ODD_TEXTS, ONE, StoreCase, granted

__all__ = ["Parts"]

A, B, ODD = b'["s","a",1,""]', '["s","b","汤"]'.encode(), b"\x00~\n\xff"


def claimed(store: Store, user: str = "ada", key: str = "k", lease: float = LONG) -> Claimed:
    """Return a claim."""
    return granted(store.claim(Claim(user, key, lease=lease)))


def put(
    store: Store,
    fence: int,
    part: str,
    outcome: bytes = A,
    *,
    step: str = "c:m:1",
    user: str = "ada",
    ttl: float = LONG,
) -> None:
    """Keep a part."""
    store.part_put(PartPut(user, fence, step, part, outcome, ttl))


class Parts(StoreCase):
    """`part_put`, `parts`, `Write.ended`."""

    def test_parts_are_returned_by_step_in_the_order_of_storing(
        self, store: Store, other: Store
    ) -> None:
        """`parts` returns the outcomes by step and id, in the order in which they were stored."""
        fence = claimed(store).fence
        assert other.parts("ada") == {}
        put(store, fence, "z", A)
        self.advance(0.01)
        put(store, fence, "a", ODD)
        put(store, fence, "x", B, step="c:m:1:0")
        assert other.parts("ada", "c:m:1") == {"c:m:1": {"z": A, "a": ODD}}
        assert list(other.parts("ada", "c:m:1")["c:m:1"]) == ["z", "a"]
        assert other.parts("ada") == {"c:m:1": {"z": A, "a": ODD}, "c:m:1:0": {"x": B}}
        assert other.parts("ada", "c:m") == {}
        assert other.parts("bob") == {}

    @pytest.mark.parametrize("text", ODD_TEXTS)
    def test_part_put_accepts_any_text_as_user_step_and_id(self, store: Store, text: str) -> None:
        """Users, steps and ids of parts may have any characters."""
        put(store, claimed(store, text).fence, text, step=text, user=text)
        assert store.parts(text, text) == {text: {text: A}}

    def test_part_put_replaces_an_outcome_and_an_empty_one_drops_it(self, store: Store) -> None:
        """`part_put` replaces an earlier outcome; an empty one drops the part."""
        fence = claimed(store).fence
        put(store, fence, "a", A)
        put(store, fence, "b", A)
        put(store, fence, "a", B)
        assert store.parts("ada") == {"c:m:1": {"a": B, "b": A}}
        put(store, fence, "b", b"")
        put(store, fence, "never there", b"")
        assert store.parts("ada") == {"c:m:1": {"a": B}}
        put(store, fence, "a", b"")
        assert store.parts("ada") == {}

    def test_part_put_under_a_lost_claim_raises_claim_lost(
        self, store: Store, other: Store
    ) -> None:
        """`part_put` under a released or replaced claim raises `ClaimLost` and stores nothing."""
        fence = claimed(store).fence
        put(store, fence, "a", A)
        store.release("ada", fence)
        with pytest.raises(ClaimLost):
            put(store, fence, "a", B)
        newer = claimed(other).fence
        with pytest.raises(ClaimLost):
            put(store, fence, "b", B)
        with pytest.raises(ClaimLost):
            put(store, fence, "a", b"")
        assert other.parts("ada") == {"c:m:1": {"a": A}}
        put(other, newer, "b", B)
        assert store.parts("ada") == {"c:m:1": {"a": A, "b": B}}

    def test_part_put_under_an_expired_claim_raises_claim_lost(self, store: Store) -> None:
        """`part_put` under an expired claim raises `ClaimLost` and stores nothing."""
        fence = claimed(store, lease=self.short).fence
        self.advance(self.short * 1.2)
        with pytest.raises(ClaimLost):
            put(store, fence, "a")
        assert store.parts("ada") == {}

    def test_part_put_counts_as_a_write_under_the_claim(self, store: Store) -> None:
        """`part_put` restarts the count of expired claims, `Claimed.lost`."""
        for lost in (0, 1):
            claim = claimed(store, lease=self.short)
            assert claim.lost == lost
            self.advance(self.short * 1.2)
        put(store, claimed(store, lease=self.short).fence, "a")
        self.advance(self.short * 1.2)
        assert claimed(store).lost == 1

    def test_write_ended_drops_the_parts_of_those_steps(self, store: Store) -> None:
        """A write with `ended` drops the parts of those steps, and of no other."""
        fence = claimed(store).fence
        for step in ("c:m:1", "c:m:1:0", "c:m:12"):
            put(store, fence, "a", step=step)
        store.record("ada", fence, Write(HEAD, (ONE,), ttl=LONG, ended=("c:m:1", "none")))
        assert store.parts("ada") == {"c:m:1:0": {"a": A}, "c:m:12": {"a": A}}
        write = Write(HEAD, data=b"blue", ended=("c:m:1:0", "c:m:12"))
        store.commit(Commit("ada", "k", write, reply=b"r", fence=fence))
        assert store.parts("ada") == {}
        shown = store.show("ada")
        assert shown is not None
        assert (shown.records, shown.data) == ((ONE,), b"blue")

    def test_write_ended_with_wake_or_aside_drops_the_parts(self, store: Store) -> None:
        """A write with `ended` drops the parts also if it has `wake` or `aside`."""
        fence = claimed(store).fence
        put(store, fence, "a")
        wake = Wake("gh", 2**42)
        write = Write(HEAD, (ONE,), wake=wake, aside=(Aside("x", b"1"),), ended=("c:m:1",))
        store.record("ada", fence, write)
        assert store.parts("ada") == {}
        put(store, fence, "b")
        store.record("ada", fence, Write(HEAD, aside=(Aside("y", b"2"),), ended=("c:m:1",)))
        assert store.parts("ada") == {}
        shown = store.show("ada")
        assert shown is not None
        assert shown.aside == {"x": b"1", "y": b"2"}

    def test_write_ended_that_is_refused_drops_no_parts(self, store: Store) -> None:
        """A write with `ended` that is refused drops no parts."""
        fence = claimed(store).fence
        put(store, fence, "a")
        with pytest.raises(ClaimLost):
            store.record("ada", fence + 1, Write(HEAD, (ONE,), ended=("c:m:1",)))
        assert store.parts("ada") == {"c:m:1": {"a": A}}

    def test_parts_outlive_the_turn_and_its_conversation(self, store: Store) -> None:
        """Parts stay after a commit that drops the head."""
        fence = claimed(store).fence
        put(store, fence, "a")
        store.commit(Commit("ada", "k", Write(b""), reply=b"r", fence=fence))
        assert store.parts("ada") == {"c:m:1": {"a": A}}
        assert store.end("ada") is False

    def test_part_put_ttl_expires_the_part(self, store: Store) -> None:
        """A part is gone after its own `ttl`."""
        fence = claimed(store).fence
        put(store, fence, "a", ttl=self.short)
        put(store, fence, "b")
        self.advance(self.short * 1.2)
        assert store.parts("ada") == {"c:m:1": {"b": A}}

    def test_forget_drops_parts_of_steps(self, store: Store, other: Store) -> None:
        """`forget` drops all parts of the user's steps, and no other user's."""
        fence = claimed(store).fence
        put(store, fence, "a")
        put(store, claimed(store, "bob").fence, "a", user="bob")
        assert other.forget("ada") is True
        assert store.parts("ada") == {}
        with pytest.raises(ClaimLost):
            put(store, fence, "a")
        assert store.parts("bob") == {"c:m:1": {"a": A}}

    def test_forget_returns_true_if_only_parts_were_stored(self, store: Store) -> None:
        """`forget` returns True if all that was stored of the user are parts."""
        fence = claimed(store, "eve").fence
        put(store, fence, "a", user="eve")
        store.commit(Commit("eve", "k", Write(b""), reply=b"", fence=fence, remember=0.001))
        self.advance(self.short)
        assert store.forget("eve") is True
        assert store.parts("eve") == {}
        assert store.forget("eve") is False

    def test_commit_forget_drops_parts_of_steps(self, store: Store) -> None:
        """A commit with `forget` drops the parts of the user's steps."""
        fence = claimed(store).fence
        put(store, fence, "a")
        store.commit(Commit("ada", "k", Write(b"", forget=True), reply=b"", fence=fence))
        assert store.parts("ada") == {}

    def test_parts_work_through_the_async_store(self, store: Store) -> None:
        """An `AsyncStore` stores and returns parts in the same way."""
        fence = claimed(store).fence

        async def talk() -> dict[str, dict[str, bytes]]:
            face = for_async(store)
            try:
                await face.part_put(PartPut("ada", fence, "c:m:1", "a", A, LONG))
                with pytest.raises(ClaimLost):
                    await face.part_put(PartPut("ada", fence + 1, "c:m:1", "a", B, LONG))
                return await face.parts("ada", "c:m:1")
            finally:
                await face.close()

        assert asyncio.run(talk()) == {"c:m:1": {"a": A}}

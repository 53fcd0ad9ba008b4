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

    def test_parts_are_read_as_they_were_kept_and_in_order(
        self, store: Store, other: Store
    ) -> None:
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
    def test_keys_and_ids_may_be_any_text(self, store: Store, text: str) -> None:
        put(store, claimed(store, text).fence, text, step=text, user=text)
        assert store.parts(text, text) == {text: {text: A}}

    def test_the_last_outcome_counts_and_an_empty_one_drops_the_part(self, store: Store) -> None:
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

    def test_who_has_lost_their_claim_keeps_nothing(self, store: Store, other: Store) -> None:
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

    def test_a_claim_that_ran_out_keeps_nothing(self, store: Store) -> None:
        fence = claimed(store, lease=self.short).fence
        self.advance(self.short * 1.2)
        with pytest.raises(ClaimLost):
            put(store, fence, "a")
        assert store.parts("ada") == {}

    def test_a_part_is_something_that_was_written_under_a_claim(self, store: Store) -> None:
        for lost in (0, 1):
            claim = claimed(store, lease=self.short)
            assert claim.lost == lost
            self.advance(self.short * 1.2)
        put(store, claimed(store, lease=self.short).fence, "a")
        self.advance(self.short * 1.2)
        assert claimed(store).lost == 1

    def test_the_record_that_ends_a_step_takes_its_parts_along(self, store: Store) -> None:
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

    def test_it_does_so_also_where_it_sets_a_time(self, store: Store) -> None:
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

    def test_a_write_that_is_refused_takes_none(self, store: Store) -> None:
        fence = claimed(store).fence
        put(store, fence, "a")
        with pytest.raises(ClaimLost):
            store.record("ada", fence + 1, Write(HEAD, (ONE,), ended=("c:m:1",)))
        assert store.parts("ada") == {"c:m:1": {"a": A}}

    def test_parts_outlast_a_turn_and_its_conversation(self, store: Store) -> None:
        fence = claimed(store).fence
        put(store, fence, "a")
        store.commit(Commit("ada", "k", Write(b""), reply=b"r", fence=fence))
        assert store.parts("ada") == {"c:m:1": {"a": A}}
        assert store.end("ada") is False

    def test_they_are_gone_when_their_time_is(self, store: Store) -> None:
        fence = claimed(store).fence
        put(store, fence, "a", ttl=self.short)
        put(store, fence, "b")
        self.advance(self.short * 1.2)
        assert store.parts("ada") == {"c:m:1": {"b": A}}

    def test_a_forgotten_users_parts_are_gone(self, store: Store, other: Store) -> None:
        fence = claimed(store).fence
        put(store, fence, "a")
        put(store, claimed(store, "bob").fence, "a", user="bob")
        assert other.forget("ada") is True
        assert store.parts("ada") == {}
        with pytest.raises(ClaimLost):
            put(store, fence, "a")
        assert store.parts("bob") == {"c:m:1": {"a": A}}

    def test_parts_alone_are_something_to_forget(self, store: Store) -> None:
        fence = claimed(store, "eve").fence
        put(store, fence, "a", user="eve")
        store.commit(Commit("eve", "k", Write(b""), reply=b"", fence=fence, remember=0.001))
        self.advance(self.short)
        assert store.forget("eve") is True
        assert store.parts("eve") == {}
        assert store.forget("eve") is False

    def test_a_commit_that_forgets_takes_the_parts_along(self, store: Store) -> None:
        fence = claimed(store).fence
        put(store, fence, "a")
        store.commit(Commit("ada", "k", Write(b"", forget=True), reply=b"", fence=fence))
        assert store.parts("ada") == {}

    def test_on_an_event_loop_parts_are_the_same(self, store: Store) -> None:
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

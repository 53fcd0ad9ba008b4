"""Whether the store would take a write now."""

from __future__ import annotations

import asyncio

from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.try_write import try_write
from wechat_dialog.core.store.values import Claim, Commit, Running, Write
from wechat_dialog.stores.asynchronous import close_face, for_async

from .asking import HEAD, LONG, ONE, StoreCase, begin, committed, granted

__all__ = ["Trying"]

WITHIN = 10.0
"""Seconds for what takes milliseconds, or on a busy machine as long as it takes."""


class Trying(StoreCase):
    """`TriesWrites`; a store without it is asked for an account."""

    def test_try_write_returns_for_a_store_that_works(self, store: Store, other: Store) -> None:
        """`try_write` raises nothing: on a store that is empty, in use, or was closed."""
        try_write(store, WITHIN)
        begin(store, ONE)
        try_write(other, WITHIN)
        store.close()
        try_write(store, WITHIN)

    def test_try_write_stores_nothing(self, store: Store, other: Store) -> None:
        """`try_write` leaves nothing behind that could be listed, shown or noted."""
        try_write(store, WITHIN)
        assert list(other.list(everybody=True)) == []
        before = begin(store, ONE)
        shown = other.show("ada")
        try_write(store, WITHIN)
        now = other.show("ada")
        assert shown is not None
        assert now is not None
        assert (now.head, now.records) == (shown.head, shown.records)
        write = Write(HEAD, (ONE,), ttl=LONG)
        commit = Commit("ada", "second", write, reply=b"", fence=0, revision=before.revision)
        committed(store.commit(commit))

    def test_try_write_does_not_wait_for_claims(self, store: Store, other: Store) -> None:
        """`try_write` returns while users are claimed, and their claims stay."""
        fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
        try_write(other, WITHIN)
        assert isinstance(other.claim(Claim("ada", "l", lease=LONG)), Running)
        committed(store.commit(Commit("ada", "k", Write(HEAD), reply=b"", fence=fence)))

    def test_try_write_returns_on_an_event_loop(self, store: Store) -> None:
        """`try_write` does the same on the store's interface for event loops."""

        async def attempts() -> None:
            face = for_async(store)
            try:
                for _ in range(2):
                    await try_write(face, WITHIN)
            finally:
                await close_face(face, with_store=False)

        asyncio.run(attempts())

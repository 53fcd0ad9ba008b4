"""The asynchronous interface of any store, for event loops.

A store with an asynchronous interface of its own provides it. The memory store is called directly,
since it never blocks. Any other store gets a few threads of its own: in asyncio's default pool its
operations would queue behind the slow steps of dialogs.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, Protocol, TypeVar, runtime_checkable

from wechat_dialog.core.store.contract import AsyncStore, Store
from wechat_dialog.core.store.pages import Page, PageAppend, PageOpen
from wechat_dialog.core.store.parts import PartPut
from wechat_dialog.core.store.times import Due, Dues, EndsLeases, Post, Posted
from wechat_dialog.core.store.try_write import try_write
from wechat_dialog.core.store.values import (
    Answered,
    Claim,
    Claimed,
    Commit,
    Committed,
    Conflict,
    Deferred,
    Running,
    Unclaimed,
    Write,
)

from .memory import MemoryStore

__all__ = ["close_face", "for_async", "in_threads"]

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 16
"""Threads of a store, started as needed: the number of writes that SQLite can commit together."""


@runtime_checkable
class _HasFace(Protocol):
    def for_async(self) -> AsyncStore: ...


def for_async(store: Store) -> AsyncStore:
    """Return the asynchronous interface of `store`, for any number of event loops."""
    if isinstance(store, _HasFace):
        return store.for_async()
    if isinstance(store, MemoryStore):
        return _Adapted(store, _Direct())
    return in_threads(store)


async def close_face(face: AsyncStore, *, with_store: bool) -> None:
    """Release what an interface made by `for_async` holds on the running event loop.

    Args:
        face: The interface.
        with_store: Whether to close an adapted store, too; otherwise that is left to its owner.
    """
    if with_store or not isinstance(face, _Adapted):
        await face.close()
    else:
        face.stop()


def in_threads(store: Store) -> AsyncStore:
    """Return an asynchronous interface of `store` that calls it in threads of its own."""
    return _Adapted(store, _Threads())


class _Direct:
    """Calls directly."""

    async def call(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return fn(*args, **kwargs)

    def stop(self) -> None:
        """Do nothing."""


class _Threads:
    """Calls in a small thread pool; a new one after a fork, since the child has no threads."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._process = 0

    async def call(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        pool = self._pool
        if pool is None or self._process != os.getpid():
            pool = self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="wechat-store")
            self._process = os.getpid()
        return await asyncio.get_running_loop().run_in_executor(pool, lambda: fn(*args, **kwargs))

    def stop(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None and self._process == os.getpid():
            pool.shutdown(wait=False)


class _Adapted:
    """An `AsyncStore` over a `Store`."""

    def __init__(self, store: Store, calls: _Direct | _Threads) -> None:
        self._store = store
        self._calls = calls

    async def claim(self, claim: Claim) -> Claimed | Unclaimed | Answered | Running:
        return await self._calls.call(self._store.claim, claim)

    async def record(self, user: str, fence: int, write: Write) -> Committed:
        return await self._calls.call(self._store.record, user, fence, write)

    async def commit(self, commit: Commit) -> Committed | Answered | Conflict | Deferred:
        return await self._calls.call(self._store.commit, commit)

    async def defer(self, user: str, key: str, message: bytes = b"") -> Answered | None:
        return await self._calls.call(self._store.defer, user, key, message)

    async def untaken(self, user: str, key: str, takes: int = 0) -> None:
        await self._calls.call(self._store.untaken, user, key, takes)

    async def renew(self, user: str, fence: int, lease: float) -> None:
        await self._calls.call(self._store.renew, user, fence, lease)

    async def release(self, user: str, fence: int) -> None:
        await self._calls.call(self._store.release, user, fence)

    async def page_open(self, asked: PageOpen) -> None:
        await self._calls.call(self._store.page_open, asked)

    async def page_append(self, asked: PageAppend) -> bool:
        return await self._calls.call(self._store.page_append, asked)

    async def page_read(self, id: str, after: int = 0) -> Page | None:
        return await self._calls.call(self._store.page_read, id, after)

    async def page_secret(self, fresh: bytes) -> bytes:
        return await self._calls.call(self._store.page_secret, fresh)

    async def part_put(self, asked: PartPut) -> None:
        await self._calls.call(self._store.part_put, asked)

    async def parts(self, user: str, step: str = "") -> dict[str, dict[str, bytes]]:
        return await self._calls.call(self._store.parts, user, step)

    async def due(self, account: str, limit: int, lease: float) -> Dues:
        return await self._calls.call(self._store.due, account, limit, lease)

    async def end_leases(self, entries: Sequence[Due]) -> None:
        if isinstance(self._store, EndsLeases):
            await self._calls.call(self._store.end_leases, entries)

    async def undue(self, due: Due) -> None:
        await self._calls.call(self._store.undue, due)

    async def post(self, post: Post) -> Posted:
        return await self._calls.call(self._store.post, post)

    async def note_account(self, name: str, account: str) -> None:
        await self._calls.call(self._store.note_account, name, account)

    async def account(self, name: str) -> str:
        return await self._calls.call(self._store.account, name)

    async def try_write(self, within: float) -> None:
        await self._calls.call(try_write, self._store, within)

    async def close(self) -> None:
        await self._calls.call(self._store.close)
        self.stop()

    def stop(self) -> None:
        """Release the threads; the store is left open."""
        self._calls.stop()

"""Any store for an event loop.

A store with an asynchronous face of its own gives it out. The memory store is called as it is, it
waits for nothing. Any other gets a few threads of its own: in asyncio's default pool its
operations would queue behind the slow steps of dialogs.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, Protocol, TypeVar, runtime_checkable

from wechat_dialog.stores.base import (
    NOTHING,
    Answered,
    AsyncStore,
    Claimed,
    Committed,
    Conflict,
    Deferred,
    Have,
    Running,
    Store,
    Unclaimed,
    Write,
)
from wechat_dialog.stores.memory import MemoryStore

__all__ = ["for_async", "in_threads"]

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 4
"""Threads of a store: enough to hide one slow operation, few enough that SQLite's lock is fair."""


@runtime_checkable
class _HasFace(Protocol):
    def for_async(self) -> AsyncStore: ...


def for_async(store: Store) -> AsyncStore:
    """Return the asynchronous face of `store`, for any number of event loops."""
    if isinstance(store, _HasFace):
        return store.for_async()
    if isinstance(store, MemoryStore):
        return _Adapted(store, _Direct())
    return in_threads(store)


def in_threads(store: Store) -> AsyncStore:
    """Return a face of `store` that calls it in threads of its own."""
    return _Adapted(store, _Threads())


class _Direct:
    """Calls on the spot."""

    async def call(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return fn(*args, **kwargs)

    def stop(self) -> None:
        """Do nothing."""


class _Threads:
    """Calls in a small pool; a new one after a fork, whose child has none of the threads."""

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

    async def claim(
        self,
        user: str,
        key: str,
        *,
        lease: float,
        have: Have = NOTHING,
        arrival: bool = True,
        optimistic: bool = False,
        message: bytes = b"",
    ) -> Claimed | Unclaimed | Answered | Running:
        return await self._calls.call(
            self._store.claim,
            user,
            key,
            lease=lease,
            have=have,
            arrival=arrival,
            optimistic=optimistic,
            message=message,
        )

    async def record(self, user: str, fence: int, write: Write) -> Committed:
        return await self._calls.call(self._store.record, user, fence, write)

    async def commit(
        self,
        user: str,
        key: str,
        write: Write,
        *,
        reply: bytes,
        fence: int = 0,
        revision: int = 0,
        max_age: float | None = None,
        deferred: bool = False,
        release: bool = True,
        remember: float = 60.0,
    ) -> Committed | Answered | Conflict | Deferred:
        return await self._calls.call(
            self._store.commit,
            user,
            key,
            write,
            reply=reply,
            fence=fence,
            revision=revision,
            max_age=max_age,
            deferred=deferred,
            release=release,
            remember=remember,
        )

    async def defer(self, user: str, key: str, message: bytes = b"") -> Answered | None:
        return await self._calls.call(self._store.defer, user, key, message)

    async def renew(self, user: str, fence: int, lease: float) -> None:
        await self._calls.call(self._store.renew, user, fence, lease)

    async def release(self, user: str, fence: int) -> None:
        await self._calls.call(self._store.release, user, fence)

    async def close(self) -> None:
        await self._calls.call(self._store.close)
        self._calls.stop()

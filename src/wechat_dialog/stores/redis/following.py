"""Notices that another server has become the master, behind Sentinel.

A failover that an operator orders, or one during which the old master was only frozen, leaves the
old master running: for some ten seconds it answers over connections that are open, before the
sentinels make it a replica and drop what it was told. With connections to both, a process would
go on from one state of a user and then from the other. So the sentinels are asked once a second,
beside the calls; connections to a server that is the master no more are closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from . import failures

__all__ = ["NO_MASTER", "AsyncFollowing", "Following"]

EVERY = 1.0
"""Seconds between two questions. Without calls there are none."""
NO_MASTER = "the server that answered is the master no more"
"""Says why an answer does not count: the call is repeated at the new master."""


class Following:
    """Asks the sentinels of one pool, for threads.

    Args:
        pool: A connection pool of redis-py, for a master behind Sentinel.
        changed: Called on a thread of its own, when another server has become the master.
    """

    def __init__(self, pool: Any, changed: Callable[[], None]) -> None:
        self._pool = pool
        self._changed = changed
        self._next = 0.0
        self.begin_anew()

    def begin_anew(self) -> None:
        """After a fork: the thread that was asking is the parent's."""
        self._asking = threading.Lock()

    def look(self) -> None:
        """Ask, if it is time to; does not wait for the answer."""
        if time.monotonic() >= self._next and self._asking.acquire(blocking=False):
            self._next = time.monotonic() + EVERY
            asking = threading.Thread(target=self._ask, name="wechat-dialog-master", daemon=True)
            try:
                asking.start()
            except RuntimeError:  # Python is ending, or there are too many threads
                self._asking.release()

    def _ask(self) -> None:
        try:
            known = self._pool.master_address
            with contextlib.suppress(*failures.FAILED):  # calls notice that, too, if it matters
                if self._pool.get_master_address() != known:
                    self._changed()
        finally:
            self._asking.release()


class AsyncFollowing:
    """The same for the tasks of one event loop; see `Following`."""

    def __init__(self, pool: Any, changed: Callable[[], Awaitable[None]]) -> None:
        self._pool = pool
        self._changed = changed
        self._next = 0.0
        self._asking: asyncio.Task[None] | None = None

    def look(self) -> None:
        """See `Following.look`."""
        if time.monotonic() >= self._next and self._asking is None:
            self._next = time.monotonic() + EVERY
            self._asking = asyncio.get_running_loop().create_task(self._ask())

    async def _ask(self) -> None:
        try:
            known = self._pool.master_address
            with contextlib.suppress(*failures.FAILED):
                if await self._pool.get_master_address() != known:
                    await self._changed()
        finally:
            self._asking = None

    async def close(self) -> None:
        """Ask no more."""
        self._next = float("inf")
        asking = self._asking
        if asking is not None:
            asking.cancel()
            await asyncio.wait({asking})

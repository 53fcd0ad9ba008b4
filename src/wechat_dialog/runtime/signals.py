"""An event that happens once, and waiting for it: on a thread or on an event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from threading import Event, Lock
from typing import Any

from wechat_dialog.forks import mind

__all__ = ["NEVER", "Signal", "future_of", "over_or_late", "wait_for"]


class Signal:
    """An event that happens once; safe to use from several threads.

    A future of `concurrent.futures` does the same with two locks and a condition, created at every
    turn for copies that hardly ever come.
    """

    __slots__ = ("_over", "_waiting")

    def __init__(self) -> None:
        self._over = False
        self._waiting: tuple[Callable[[], object], ...] = ()

    def done(self) -> bool:
        """Whether it has happened."""
        return self._over

    def happen(self) -> None:
        """Call everyone who waits for it."""
        with _shared.lock:
            self._over = True
            waiting, self._waiting = self._waiting, ()
        for tell in waiting:
            tell()

    def when_over(self, tell: Callable[[], object]) -> None:
        """Call `tell` when it happens, from the thread that causes it; at once if it has
        happened.
        """
        with _shared.lock:
            if not self._over:
                self._waiting = (*self._waiting, tell)
                return
        tell()


class _Never(Signal):
    """A signal that never happens; it keeps no references to those who wait for it."""

    __slots__ = ()

    def when_over(self, tell: Callable[[], object]) -> None:
        """Ignore the callback."""


NEVER = _Never()


class _Shared:
    """Held for a moment at the end of every turn: one lock for all signals is enough."""

    def __init__(self) -> None:
        self.lock = Lock()

    def begin_anew(self) -> None:
        """See `forks.Forked`."""
        self.lock = Lock()


_shared = _Shared()
mind(_shared)


async def over_or_late(future: asyncio.Future[Any], seconds: float) -> None:
    """Wait until a future is done, `seconds` at most: `asyncio.wait` for one future and nothing
    else, at a third of what that costs.
    """
    loop = asyncio.get_running_loop()
    over = loop.create_future()

    def end(_future: object = None) -> None:
        if not over.done():
            over.set_result(None)

    late = loop.call_later(seconds, end)
    future.add_done_callback(end)
    try:
        await over
    finally:
        late.cancel()
        future.remove_done_callback(end)


def wait_for(when_over: Callable[[Callable[[], object]], None], seconds: float | None) -> None:
    """Block this thread until something is over, `seconds` at most; None: without limit.

    Args:
        when_over: Called with a callback that reports the end, from any thread.
        seconds: The longest time to wait.
    """
    over = Event()
    when_over(over.set)
    over.wait(seconds)


def future_of(when_over: Callable[[Callable[[], object]], None]) -> asyncio.Future[None]:
    """Return a future of the running event loop that is done when something is over.

    Args:
        when_over: Called with a callback that reports the end, from any thread.
    """
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()

    def end() -> None:
        if not over.done():
            over.set_result(None)

    def end_from_anywhere() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(end)

    when_over(end_from_anywhere)
    return over

"""Something that happens once, and who waits for it: on a thread or on an event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from threading import Event, Lock

from wechat_dialog.forks import mind

__all__ = ["NEVER", "Signal", "future_of", "wait_for"]


class Signal:
    """Something that happens once; safe to use from several threads.

    A future of `concurrent.futures` does the same with two locks and a condition, made at every
    turn for copies that hardly ever come.
    """

    __slots__ = ("_over", "_waiting")

    def __init__(self) -> None:
        self._over = False
        self._waiting: list[Callable[[], object]] = []

    def done(self) -> bool:
        """Whether it has happened."""
        return self._over

    def happen(self) -> None:
        """Call everyone who waits for it."""
        with _shared.lock:
            self._over = True
            waiting, self._waiting = self._waiting, []
        for tell in waiting:
            tell()

    def when_over(self, tell: Callable[[], object]) -> None:
        """Call `tell` when it happens, from the thread that lets it happen; at once if it has."""
        with _shared.lock:
            if not self._over:
                self._waiting.append(tell)
                return
        tell()


class _Never(Signal):
    """What never happens, so that nobody is kept who waits for it."""

    __slots__ = ()

    def when_over(self, tell: Callable[[], object]) -> None:
        """Forget it."""


NEVER = _Never()


class _Shared:
    """Held for a moment at the end of every turn: one lock for all of them is enough."""

    def __init__(self) -> None:
        self.lock = Lock()

    def begin_anew(self) -> None:
        """See `forks.Forked`."""
        self.lock = Lock()


_shared = _Shared()
mind(_shared)


def wait_for(when_over: Callable[[Callable[[], object]], None], seconds: float | None) -> None:
    """Keep this thread until something is over, `seconds` at most; None: however long.

    Args:
        when_over: Called with what tells that it is over, from any thread.
        seconds: How long.
    """
    over = Event()
    when_over(over.set)
    over.wait(seconds)


def future_of(when_over: Callable[[Callable[[], object]], None]) -> asyncio.Future[None]:
    """Return a future of the running event loop that is done when something is over.

    Args:
        when_over: Called with what tells that it is over, from any thread.
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

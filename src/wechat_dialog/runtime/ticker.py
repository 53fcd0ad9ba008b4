"""Threads that end with the object for which they work.

A thread that holds a reference to its object would keep it alive forever: a bot that is dropped
without being closed would never be freed. So a thread here holds a weak reference, and ends when
the object is collected.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import TypeVar

from wechat_dialog.core.logs import log

__all__ = ["Ticker"]

T = TypeVar("T")


class _Bell:
    """What the thread waits on: a time, a ring, or its end."""

    def __init__(self) -> None:
        self.stopped = False
        self._rung = threading.Event()

    def ring(self) -> None:
        self._rung.set()

    def stop(self) -> None:
        self.stopped = True
        self._rung.set()

    def wait(self, seconds: float) -> None:
        self._rung.wait(seconds)
        self._rung.clear()


class Ticker:
    """A thread that calls a method of an object again and again, as long as the object exists.

    It is a daemon, so it does not keep the process from exiting.
    """

    def __init__(self, name: str) -> None:
        """Create it; the thread starts later.

        Args:
            name: Name of the thread.
        """
        self._name = name
        self._bell = _Bell()
        self._thread: threading.Thread | None = None
        self._begun = False
        self._ended = False

    def is_alive(self) -> bool:
        """Whether the thread is running."""
        return self._thread is not None and self._thread.is_alive()

    def begin(self, owner: T, tick: Callable[[T], float]) -> None:
        """Start the thread, unless this was done before. If there is no thread to be had now, the
        next call tries again. The arguments are those of `start`.
        """
        if not self._begun:
            self._begun = True  # first, so that two callers at once do not start two threads
            try:
                self.start(owner, tick)
            except RuntimeError:
                self._begun = False
                log.debug("%s: no thread is available; the next turn tries again", self._name)

    def start(self, owner: T, tick: Callable[[T], float]) -> None:
        """Start the thread, again if it was lost in a fork; not after `stop`.

        Args:
            owner: The object.
            tick: Called with the object; returns the seconds until the next call.

        Raises:
            RuntimeError: The system has no thread available, or the interpreter is ending.
        """
        if self._ended:
            return
        self._bell = _Bell()  # a fork may have copied the old one while it was locked
        self._thread = threading.Thread(
            target=_tick, args=(weakref.ref(owner), tick, self._bell), name=self._name,
            daemon=True,
        )  # fmt: skip
        self._thread.start()
        weakref.finalize(owner, self._bell.stop).atexit = False

    def ring(self) -> None:
        """Make the next call now, whatever the pause was to be."""
        self._bell.ring()

    def stop(self) -> None:
        """End the thread."""
        self._ended = True
        self._bell.stop()


def _tick(of: weakref.ref[T], tick: Callable[[T], float], bell: _Bell) -> None:
    pause = 0.0
    while True:
        bell.wait(pause)
        owner = of()
        if bell.stopped or owner is None:
            return
        pause = tick(owner)
        del owner

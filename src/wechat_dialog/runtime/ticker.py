"""Threads that end with what they work for.

A thread that holds a reference to its object keeps it alive for ever: a bot that somebody drops
without closing it would never go. So a thread here holds a weak reference, and is told to end when
the object is collected.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import TypeVar

__all__ = ["Ticker"]

T = TypeVar("T")


class _Bell:
    """What the thread waits at: for its time, for a ring, for its end."""

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
    """A thread that calls something of an object again and again, as long as the object is there.

    It is a daemon: a process that wants to end is not kept by it.
    """

    def __init__(self, name: str) -> None:
        """Start nothing yet.

        Args:
            name: Of the thread.
        """
        self._name = name
        self._bell = _Bell()
        self._thread: threading.Thread | None = None
        self._ended = False

    def is_alive(self) -> bool:
        """Whether the thread is there."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, owner: T, tick: Callable[[T], float]) -> None:
        """Start the thread, anew where a fork left it behind; not after `stop`.

        Args:
            owner: The object.
            tick: Called with it; returns the seconds until the next call.

        Raises:
            RuntimeError: The system has no thread to give, or the interpreter is ending.
        """
        if self._ended:
            return
        self._bell = _Bell()  # a fork may have copied the old one locked
        weakref.finalize(owner, self._bell.stop).atexit = False
        self._thread = threading.Thread(
            target=_tick, args=(weakref.ref(owner), tick, self._bell), name=self._name,
            daemon=True,
        )  # fmt: skip
        self._thread.start()

    def ring(self) -> None:
        """Have the next call made now, whatever the pause was to be."""
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

"""Whether a step is still waited for."""

from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["Attempt", "GivenUp"]


class GivenUp(Exception):
    """The call of a step was given up by the turn that made it, while others had joined it.

    They give up, too. To make the call themselves they would have to know that their claim is still
    valid, and to wait as long again.
    """


class Attempt:
    """A step, or a gathering, that is waited for: until it is over or given up, whichever comes
    first.
    """

    __slots__ = ("_given_up", "_lock", "_over", "_stops")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._over = False
        self._stops: list[Callable[[], object]] = []
        self._given_up = False

    def is_given_up(self) -> bool:
        """Whether nobody waits for it any more. It may be given up at any time."""
        return self._given_up

    def finish(self) -> bool:
        """Note that it is over; returns False if it was given up before, so that another thread
        continues.
        """
        with self._lock:
            self._over = not self._given_up
            return self._over

    def give_up(self) -> bool:
        """Give it up; returns False if it is over."""
        with self._lock:
            if self._over or self._given_up:
                return False
            self._given_up = True
        for stop in self._stops:
            stop()
        return True

    def stops_with(self, stop: Callable[[], object]) -> None:
        """Call `stop` when it is given up, or at once if it has been."""
        with self._lock:
            if not self._given_up:
                self._stops.append(stop)
                return
        stop()

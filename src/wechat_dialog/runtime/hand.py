"""The entries of an index that a process has leased, and how many threads fire them.

A few threads fire one entry after another, as long as that goes quickly: a thread for each would
cost a third of its time, and many threads that compute keep a message's turn from computing. If
firings take long, they wait for a step or for a disk: then more threads get more done.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from threading import Lock

import msgspec

from wechat_dialog.core.store.times import Due

from .signals import Signal

__all__ = ["TICK", "Entry", "Hand"]

FEW = 2
"""How many threads begin, while the entries in hand are done quickly: one computes, one waits for
the store.
"""

TICK = 0.02
"""Seconds between two looks whether more threads are needed, while entries are in hand."""

SLOW = 0.01
"""Seconds for a firing beyond which it mostly waits, for a step or a disk, so that more threads get
more done.
"""


class Entry(msgspec.Struct, frozen=True):
    """An entry of an index, in hand.

    Attributes:
        account: The account.
        due: The entry.
        now: The store's clock, ms since the epoch; 0: the entry is not late.
    """

    account: str
    due: Due
    now: int = 0


class Hand:
    """Entries to be fired, and the threads that fire them; safe to use from several threads.

    A call of `run_due` has one of its own; the sweeper's is the same for the life of the process.

    Attributes:
        entries: Those whose firing has not begun.
        left: How many have not ended.
        threads: How many threads, or tasks, fire them.
        done_there: How many due things were done.
    """

    __slots__ = (
        "_ended", "_lock", "_over", "_since", "done_there", "entries", "left", "threads"
    )  # fmt: skip

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque()
        self.left = self.threads = self.done_there = 0
        self._ended = 0  # since `_since`
        self._since = 0.0  # when threads were last begun, or needed not be
        self._lock = Lock()
        self._over: Signal | None = None

    def take(self, entries: Sequence[Entry]) -> None:
        """Take entries in hand."""
        with self._lock:
            self.entries.extend(entries)
            self.left += len(entries)

    def next_entry(self) -> Entry | None:
        """Return an entry whose firing is to begin now; None: there is none any more."""
        try:
            return self.entries.popleft()
        except IndexError:
            return None

    def leave(self, done_there: int = 0) -> None:
        """Note that the firing of an entry has ended, or never begins.

        Args:
            done_there: How many things were done.
        """
        with self._lock:
            self.left -= 1
            self._ended += 1
            self.done_there += done_there
            over = None if self.left else self._over
        if over is not None:
            over.happen()

    def over(self) -> Signal:
        """Return a new signal that happens when all firings have ended.

        It replaces the one before, which never happens, so that a caller who waits in a loop, for
        a short time each, leaves no callbacks behind.
        """
        with self._lock:
            self._over = over = Signal()
            left = self.left
        if not left:
            over.happen()
        return over

    def begin_thread(self) -> None:
        """Note that one more thread fires entries."""
        with self._lock:
            self.threads += 1

    def end_thread(self) -> None:
        """Note that one has ended."""
        with self._lock:
            self.threads -= 1

    def lacking(self, now: float, most: int) -> int:
        """Return how many more threads to begin: as many again each time, if firings are slow.

        Args:
            now: The process's clock.
            most: How many threads may run at once.
        """
        with self._lock:
            if not self.entries:
                return 0
            count, passed = FEW - self.threads, now - self._since
            if passed >= TICK:
                if passed * self.threads > SLOW * self._ended:
                    count = max(count, self.threads)
                self._ended, self._since = 0, now
            return max(min(count, most - self.threads, len(self.entries)), 0)

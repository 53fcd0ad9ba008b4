"""The entries of an index that a process has leased, and how many threads fire them.

A few threads fire one entry after another, as long as that goes quickly: a thread for each would
cost a third of its time, and many threads that compute keep a message's turn from computing. If
firings take long, they wait for a step or for a disk: then more threads get more done.
"""

from __future__ import annotations

from collections import deque

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


class Hand(Signal):
    """Entries to be fired, by some threads; a signal that happens when all firings have ended.

    Attributes:
        entries: Those whose firing has not begun.
        left: How many have not ended.
        threads: How many threads, or tasks, fire them.
        ended: How many have ended since `since`.
        since: When threads were last begun, or needed not be, by the process's clock.
        done_there: How many due things were done.
    """

    __slots__ = ("done_there", "ended", "entries", "left", "since", "threads")

    def __init__(self) -> None:
        super().__init__()
        self.entries: deque[Entry] = deque()
        self.left = self.threads = self.ended = self.done_there = 0
        self.since = 0.0

    def next_entry(self) -> Entry | None:
        """Take an entry; None: there is none any more."""
        try:
            return self.entries.popleft()
        except IndexError:
            return None

    def lacking(self, now: float, most: int) -> int:
        """Return how many more threads to begin: as many again each time, if firings are slow.

        Args:
            now: The process's clock.
            most: How many threads may run at once.
        """
        if not self.entries:
            return 0
        count, passed = FEW - self.threads, now - self.since
        if passed >= TICK:
            if passed * self.threads > SLOW * self.ended:
                count = max(count, self.threads)
            self.ended, self.since = 0, now
        return max(min(count, most - self.threads, len(self.entries)), 0)

"""One thread, or one task, of a process handles what falls due: it sweeps its account's index.

It is a generator that performs nothing: `sweep` reads what is due, begins a firing for each entry,
and returns how long to wait until the next look. It is rung when something becomes due earlier, or
when there is room for more.

- `Store.due` leases the entries it returns, so no two processes begin the same firing, and the
  entries of a process that died are returned again.
- All times that are compared are the store's (`Dues.now`, `Dues.next`), and no pause is longer than
  `IDLE` while anything waits; so a changed clock, here or there, delays nothing for longer.
- A store that fails is asked again, after growing pauses: what fell due meanwhile is still there.
  The same holds while the system has no thread to give.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

from wechat_dialog.core.logs import log, report
from wechat_dialog.core.store.times import Dues
from wechat_dialog.errors import Closing

from .accounts import Accounts
from .drive import Driving
from .firings import Firings
from .hand import TICK, Entry
from .wanted import AskDue

__all__ = ["BATCH", "Sweeper"]

BATCH = 100
"""How many entries are read at once, at most."""

FIRST = 0.25
"""First pause in seconds; it doubles as long as nothing is due."""

IDLE = 3.0
"""Longest pause between two looks, in seconds, if something waits."""

EMPTY = 60.0
"""Longest pause between two looks, in seconds, as long as no look has found that anything of the
account has a time: most bots set none, and times that this process sets ring. A process that only
sweeps sets none itself, so its longest is `IDLE`.
"""

SPREAD = 0.05
"""Seconds over which processes that wait for the same time are spread."""


class Sweeper:
    """Begins what is due in this process. Used by one thread, or one event loop, at a time."""

    def __init__(
        self, accounts: Accounts, firings: Firings, *, lease: float, chance: Callable[[], float]
    ) -> None:
        """Create it; nothing is read yet.

        Args:
            accounts: The accounts whose index is swept.
            firings: Begins what is due.
            lease: Seconds for which a claim lasts; an entry is hidden for two leases.
            chance: Returns a random number from 0 to 1.
        """
        self._accounts = accounts
        self._firings = firings
        self._hidden = 2 * lease
        self._chance = chance
        self._pause = FIRST
        self._longest = EMPTY
        self._failing = False
        self._now = 0
        self._next = math.inf

    def look_often(self) -> None:
        """Look as often as where something waits, whether that is so or not."""
        self._longest = IDLE

    def is_later(self, at: int) -> bool:
        """Return whether the next look comes later than a time by the store's clock, in ms."""
        return at < self._next

    def sweep(self) -> Driving[float]:
        """Look once; returns the seconds until the next look, unless it is rung for before.

        Raises:
            Closing: The process begins no more turns.
        """
        try:
            self._next = math.inf  # this look may miss what is set from now on
            pause = yield from self._looked()
        except Exception as error:
            if isinstance(error, Closing) and self._firings.closing:
                raise
            # What is due stays in the store.
            pause = self._failed(error)
        # If a clock is put forward in a long pause, what is set then must not wait for its end.
        self._next = math.inf if pause > IDLE else self._now + pause * 1000
        return pause

    def _looked(self) -> Driving[float]:
        any_due, soonest = yield from self._look()
        if self._failing:
            self._failing = False
            log.info("the failure is over: what fell due meanwhile is done now")
        if soonest == 0.0 or self._firings.room() == 0:
            if self._firings.wants_more():
                return 0.0
            return TICK if self._firings.hand.entries else IDLE  # or it is rung for before
        if self._firings.hand.entries:
            return TICK
        return self._until_next(any_due, soonest)

    def _look(self) -> Driving[tuple[bool, float | None]]:
        """Begin what is due; returns whether anything was, and, if known, the seconds until the
        next entry.
        """
        yield from self._accounts.note()
        if not (yield from self._accounts.learn()):
            return False, None
        any_due, soonest, hand = False, math.inf, self._firings.hand
        yield from self._firings.begin(hand)
        for account in list(self._accounts.seen):
            room = min(self._firings.room(), BATCH)
            if room <= 0:
                break
            dues: Dues = yield AskDue(account, room, self._hidden)
            self._now = dues.now
            self._firings.take(hand, [Entry(account, due, dues.now) for due in dues.entries])
            # Before another account is asked, which may fail: these entries are leased.
            yield from self._firings.begin(hand)
            any_due = any_due or bool(dues.entries)
            if len(dues.entries) == room:
                soonest = 0.0
            elif dues.next is not None:
                soonest = min(soonest, (dues.next - dues.now) / 1000)
        return any_due, None if math.isinf(soonest) else soonest

    def _until_next(self, any_due: bool, soonest: float | None) -> float:
        if any_due or soonest is not None:
            self.look_often()  # any process may set more at any time
        self._pause = FIRST if any_due else min(self._pause * 2, self._longest)
        # If the pause were the same in all processes, all of them would always ask at once.
        pause = self._pause * (0.75 + 0.25 * self._chance())
        if soonest is None:
            return pause
        return min(max(soonest, 0.0) + SPREAD * self._chance(), pause)

    def _failed(self, error: Exception) -> float:
        if not self._failing:
            self._failing = True
            self._pause = FIRST
            if isinstance(error, Closing):
                report(logging.WARNING, "what is due waits for a thread", error=error)
            else:
                report(
                    logging.WARNING,
                    "it is not known what is due; what is, waits until the store answers",
                    error=error,
                )
        self._pause = min(self._pause * 2, IDLE)
        return self._pause * (0.75 + 0.25 * self._chance())

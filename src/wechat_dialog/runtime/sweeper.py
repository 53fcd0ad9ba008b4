"""One thread, or one task, of a process sees to what falls due: it sweeps its account's index.

What it does is decided here, once, by a generator that performs nothing: `sweep` looks at what is
due, begins a firing for each, and returns how long to wait until the next look. It is rung where
something becomes due earlier, or where there is room for more.

- `Store.due` leases what it tells, so no two processes begin the same firing, and what a process
  that died had begun is told again.
- All times that are compared are the store's (`Dues.now`, `Dues.next`), and no pause is longer than
  `IDLE` where anything waits; so a clock that is set, here or there, delays nothing for longer.
- A store that fails is asked again, in pauses that grow: what fell due meanwhile is still there.
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
from .wanted import AskDue

__all__ = ["BATCH", "Sweeper"]

BATCH = 100
"""Entries that are asked for at once, at most."""

FIRST = 0.25
"""Seconds of the first pause, which doubles as long as nothing is found."""

IDLE = 3.0
"""Seconds between two looks at most, where something waits."""

EMPTY = 60.0
"""Seconds between two looks at most, where nothing of the account has a time: most bots set none,
and what this process sets rings."""

SPREAD = 0.05
"""Seconds by which processes that wait for the same time look one after another."""


class Sweeper:
    """Looks at what is due in this process. Used by one thread, or one event loop, at a time."""

    def __init__(
        self, accounts: Accounts, firings: Firings, *, lease: float, chance: Callable[[], float]
    ) -> None:
        """Look at nothing yet.

        Args:
            accounts: Whose index is swept.
            firings: Begins what is due.
            lease: Seconds that a claim lasts; an entry is hidden for two of them.
            chance: A number from 0 to 1, another each time.
        """
        self._accounts = accounts
        self._firings = firings
        self._hidden = 2 * lease
        self._chance = chance
        self._pause = FIRST
        self._failing = False
        self._now = 0
        self._next = math.inf

    def is_later(self, at: int) -> bool:
        """Return whether the next look comes later than a time by the store's clock, in ms."""
        return at < self._next

    def sweep(self) -> Driving[float]:
        """Look once; returns the seconds until the next look, unless it is rung for before.

        Raises:
            Closing: The process begins no more turns.
        """
        try:
            self._next = math.inf  # what is set from now on may be missed by this look
            pause = yield from self._looked()
        except Closing:
            raise
        except Exception as error:  # noqa: BLE001 - what is due waits in the store
            pause = self._failed(error)
        self._next = self._now + pause * 1000
        return pause

    def _looked(self) -> Driving[float]:
        found, soonest = yield from self._look()
        if self._failing:
            self._failing = False
            log.info("the store answers again: what fell due meanwhile is seen to now")
        if self._firings.room() == 0:
            return IDLE  # rung for when there is room
        return self._until_next(found, soonest)

    def _look(self) -> Driving[tuple[bool, float | None]]:
        """Begin what is due; returns whether that was anything, and the seconds until more is, as
        far as is known.
        """
        yield from self._accounts.note()
        if not (yield from self._accounts.learn()):
            return False, None
        found, soonest = False, math.inf
        for account in list(self._accounts.seen):
            room = min(self._firings.room(), BATCH)
            if room <= 0:
                break
            dues: Dues = yield AskDue(account, room, self._hidden)
            self._now = dues.now
            for due in dues.entries:
                yield self._firings.fire(account, due, dues.now)
            found = found or bool(dues.entries)
            if len(dues.entries) == room:
                soonest = 0.0
            elif dues.next is not None:
                soonest = min(soonest, (dues.next - dues.now) / 1000)
        return found, None if math.isinf(soonest) else soonest

    def _until_next(self, found: bool, soonest: float | None) -> float:
        longest = EMPTY if soonest is None else IDLE
        self._pause = FIRST if found else min(self._pause * 2, longest)
        # A pause that is the same in all processes would have all of them ask at once, for ever.
        pause = self._pause * (0.75 + 0.25 * self._chance())
        if soonest is None:
            return pause
        return min(max(soonest, 0.0) + SPREAD * self._chance(), pause)

    def _failed(self, error: Exception) -> float:
        if not self._failing:
            self._failing = True
            self._pause = FIRST
            report(
                logging.WARNING,
                "it is not known what is due; what is, waits until the store answers", error=error,
            )  # fmt: skip
        self._pause = min(self._pause * 2, IDLE)
        return self._pause * (0.75 + 0.25 * self._chance())

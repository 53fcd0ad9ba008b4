"""Calls `Bot(on_turn=…)` on a thread of its own, one report after another.

So no reply waits for it, an event loop is not blocked, and it is never called twice at once. While
there are turns, the thread looks every `GAP` seconds at what has come: to wake it for each report
would cost a turn more than the report does.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from contextvars import Context, copy_context
from inspect import isawaitable
from threading import Lock

from wechat_dialog.core.logs import log, place, report
from wechat_dialog.core.turn.turn_report import OnTurn, TurnReport
from wechat_dialog.forks import mind

from .ticker import Ticker

__all__ = ["ReportThread"]

GAP = 0.05
"""Seconds between two looks while there are reports."""

IDLE = 3600.0
"""The same while there are none: it is rung for."""

MOST = 10_000
"""How many reports may wait; further ones are dropped, and counted."""

KINDS = 100
"""How many kinds of errors are told apart."""

LAST = 2.0
"""Seconds that closing a bot spends on reports that still wait."""


class ReportThread:
    """Calls a bot's `on_turn`; `put` may be called from any thread."""

    def __init__(self, on_turn: OnTurn) -> None:
        """Create it; the thread starts with the first report."""
        self._on_turn = on_turn
        self._failures: set[tuple[type[BaseException], str]] = set()
        self._dropped = 0
        self.begin_anew()
        mind(self)

    def begin_anew(self) -> None:
        """See `forks.Forked`: the parent's reports are the parent's."""
        self._waiting: deque[tuple[TurnReport, Context]] = deque()
        self._calling = Lock()
        self._ticker = Ticker("wechat-dialog-report")
        self._idle = True
        self._stopped = False

    def put(self, turn_report: TurnReport) -> None:
        """Have a report passed on soon, in the context of the turn that calls this."""
        if len(self._waiting) >= MOST:
            self._drop()
            return
        self._waiting.append((turn_report, copy_context()))
        if self._stopped:
            self._call_all()
        elif self._idle:
            self._idle = False
            self._ticker.begin(self, ReportThread._tick)
            self._ticker.ring()

    def _drop(self) -> None:
        self._dropped += 1
        if self._dropped == 1:
            log.warning(
                "on_turn is slower than the turns: %d reports wait, and more are dropped", MOST
            )

    def _tick(self) -> float:
        if self._waiting:
            self._call_all()
            return GAP
        self._idle = True
        if self._waiting:  # one came between the look and the line above
            self._idle = False
            return GAP
        if self._dropped:
            log.warning("on_turn did not get %d reports: it was slower than the turns",
                        self._dropped)  # fmt: skip
            self._dropped = 0
        return IDLE

    def _call_all(self, until: float | None = None) -> None:
        """Pass on what waits, until this time by `time.monotonic`; None: all of it."""
        with self._calling:
            while self._waiting and (until is None or time.monotonic() < until):
                turn_report, context = self._waiting.popleft()
                self._call(turn_report, context)

    def _call(self, turn_report: TurnReport, context: Context) -> None:
        try:
            result = context.run(self._on_turn, turn_report)
            if isawaitable(result):
                getattr(result, "close", lambda: None)()
                raise TypeError("on_turn returned an awaitable: a plain function is wanted")
        except BaseException as error:  # noqa: BLE001 - it is not to hurt a turn, nor the next
            self._tell(error)

    def _tell(self, error: BaseException) -> None:
        """Log an error, once for each kind."""
        kind = type(error), place(error)
        if kind in self._failures or len(self._failures) >= KINDS:
            return
        self._failures.add(kind)
        report(
            logging.ERROR, "on_turn failed; the turn is not affected, and the next errors of this "
            "kind are not logged", error=error,
        )  # fmt: skip

    def stop(self) -> None:
        """Pass on what waits, for `LAST` seconds at most, and end the thread."""
        self._stopped = True
        self._ticker.stop()
        until = time.monotonic() + LAST
        if self._calling.acquire(timeout=LAST):
            self._calling.release()
            self._call_all(until)
        if self._waiting:
            log.warning("on_turn did not get the last %d reports", len(self._waiting))

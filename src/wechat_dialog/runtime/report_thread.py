"""Calls `Bot(on_turn=…)` on a thread of its own, one report after another.

So no reply waits for it, an event loop is not blocked, and it is never called twice at once. While
there are turns, the thread looks every `GAP` seconds at what has come: to wake it for each report
would cost a turn more than the report does.
"""

from __future__ import annotations

import logging
from collections import deque
from contextvars import Context, copy_context
from inspect import isawaitable
from threading import Lock

from wechat_dialog.core.logs import log, place, report
from wechat_dialog.core.turn.turn_report import OnTurn, TurnReport

from .signals import Signal
from .ticker import Ticker

__all__ = ["LAST", "ReportThread"]

GAP = 0.05
"""Seconds between two looks while there are reports."""

IDLE = 3600.0
"""The same while there are none: it is rung for."""

MOST = 10_000
"""How many reports may wait; further ones are dropped, and counted."""

KINDS = 100
"""How many kinds of errors are told apart."""

LAST = 2.0
"""Seconds that closing a bot waits for reports to be passed on."""


class ReportThread:
    """Calls a bot's `on_turn`; `put` may be called from any thread."""

    def __init__(self, on_turn: OnTurn) -> None:
        """Create it; the thread starts with the first report."""
        self._on_turn = on_turn
        self._failures: set[tuple[type[BaseException], str]] = set()
        self._dropped = 0
        self._waiting: deque[tuple[TurnReport, Context]] = deque()
        self._calling = Lock()
        self._passed_on = Signal()
        self._without_thread()

    def _without_thread(self) -> None:
        self._ticker = Ticker("wechat-dialog-report")
        self._idle = True

    def put(self, turn_report: TurnReport) -> None:
        """Have a report passed on soon, in the context of the turn that calls this."""
        if len(self._waiting) >= MOST:
            self._drop()
            return
        self._waiting.append((turn_report, copy_context()))
        if self._idle or not self._ticker.is_alive():
            self._wake()

    def _wake(self) -> None:
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

    def _call_all(self) -> None:
        with self._calling:
            while self._waiting:
                self._call(*self._waiting.popleft())
            self._passed_on.happen()

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

    def pass_on(self) -> Signal:
        """Pass on what waits without a pause; returns what happens when that is done. A function
        that hangs may never let it happen.
        """
        self._passed_on = passed_on = Signal()
        if self._waiting or self._calling.locked():
            self._wake()
        else:
            passed_on.happen()
        return passed_on

    def stop(self) -> None:
        """End the thread, once it has passed on what it can. A turn that ends later starts another
        one, since this may hang.
        """
        if self._waiting:
            log.warning("on_turn did not get the last %d reports", len(self._waiting))
        self._ticker.stop()
        self._without_thread()

"""Whether this process would take a message now: one trial of the store, shared by all who ask.

Anybody who can reach the server may ask, as often as they like, and a store may hang. So

- a trial's result holds for a second, and there is never more than one trial;
- a trial has a thread or a task of its own, and nobody waits for it longer than a second;
- a thread that comes while a trial is in progress gets the result of the one before, if that is not
  old: so only one thread of a server waits for a store that hangs.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable

from wechat_dialog.core.logs import log, report
from wechat_dialog.core.store.contract import AsyncStore, Store
from wechat_dialog.core.store.try_write import try_write
from wechat_dialog.errors import Closing, NoThread, StoreError

from .running_turns import RunningTurns
from .signals import Signal, future_of, wait_for

__all__ = ["Readiness"]

HOLDS = 1.0
"""Seconds for which a trial's result holds."""

PATIENCE = 1.0
"""Seconds that anybody waits for a trial."""

OLD = 3.0
"""Seconds after which a result is too old for threads that come while a trial is in progress. If
questions come all the time, it is never older than `HOLDS + PATIENCE`.
"""


class _Trial(Signal):
    """One trial of the store; it happens when the store has answered.

    Attributes:
        began: When it began.
        ended: When it ended.
        error: What was wrong; None: nothing.
        task: Its task, if it is performed on an event loop.
    """

    __slots__ = ("began", "ended", "error", "task")

    def __init__(self, began: float) -> None:
        super().__init__()
        self.began = self.ended = began
        self.error: Exception | None = None
        self.task: asyncio.Task[None] | None = None

    def is_lost(self) -> bool:
        """Whether it may never end: its event loop was stopped."""
        return self.task is not None and not self.done() and not self.task.get_loop().is_running()


class Readiness:
    """Tells whether one bot would take a message in this process; may be asked from any thread and
    event loop.

    Args:
        store: The store.
        asynchronous: Returns the store's interface for event loops.
        turns: The running turns, which know whether the bot is being closed.
        clock: The process's clock.
    """

    def __init__(
        self,
        store: Store,
        asynchronous: Callable[[], AsyncStore],
        turns: RunningTurns,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._asynchronous = asynchronous
        self._turns = turns
        self._clock = clock
        self._lock = threading.Lock()
        self._trial: _Trial | None = None
        self._before: _Trial | None = None
        self._failing = False

    def check(self) -> None:
        """Return if the process would take a message now; wait a second at most.

        Raises:
            Closing: The bot is being closed.
            StoreError: The store fails, or does not answer in time. So do errors of a store that
                are its own.
        """
        trial, begins = self._join(may_wait=False)
        if begins:
            self._begin(trial)
        if not trial.done() and (left := self._left(trial)) > 0:
            wait_for(trial.when_over, left)
        self._conclude(trial)

    async def check_async(self) -> None:
        """Do the same without blocking the event loop; see `check`."""
        trial, begins = self._join(may_wait=True)
        if begins:
            trial.task = asyncio.get_running_loop().create_task(self._perform_async(trial))
        if not trial.done() and (left := self._left(trial)) > 0:
            await asyncio.wait([future_of(trial.when_over)], timeout=left)
        self._conclude(trial)

    async def stop(self) -> None:
        """Give up a trial in progress on the running event loop, whose connections are about to be
        closed.
        """
        task = None if self._trial is None else self._trial.task
        if task is not None and not task.done() and task.get_loop() is asyncio.get_running_loop():
            task.cancel()
            await asyncio.wait([task])

    def _join(self, *, may_wait: bool) -> tuple[_Trial, bool]:
        """Return the trial whose result counts, and whether the caller has to begin it.

        Args:
            may_wait: Whether it costs no thread to wait for a trial that another has begun.
        """
        self._refuse_if_closing()
        now = self._clock()
        with self._lock:
            trial, before = self._trial, self._before
            if trial is None or trial.is_lost() or (trial.done() and now - trial.ended >= HOLDS):
                if trial is not None and trial.done():
                    self._before = trial
                self._trial = trial = _Trial(now)
                return trial, True
            if may_wait or trial.done() or self._left(trial) <= 0:
                return trial, False
            return (trial if before is None or now - before.ended >= OLD else before), False

    def _left(self, trial: _Trial) -> float:
        return PATIENCE - (self._clock() - trial.began)

    def _begin(self, trial: _Trial) -> None:
        try:
            threading.Thread(
                target=self._perform, args=(trial,), name="wechat-dialog-ready", daemon=True
            ).start()
        except RuntimeError as error:  # the system's limit is reached, or the interpreter is ending
            self._end(trial, NoThread(f"no thread can be had: {error}"))

    def _perform(self, trial: _Trial) -> None:
        error: Exception | None = None
        try:
            try_write(self._store, PATIENCE)
        except Exception as failure:  # noqa: BLE001 - it is told to whoever asks
            error = failure
        self._end(trial, error)

    async def _perform_async(self, trial: _Trial) -> None:
        error: Exception | None = StoreError("the trial was given up")  # if it is cancelled
        try:
            await try_write(self._asynchronous(), PATIENCE)
            error = None
        except Exception as failure:  # noqa: BLE001 - see `_perform`
            error = failure
        finally:
            self._end(trial, error)

    def _end(self, trial: _Trial, error: Exception | None) -> None:
        trial.ended, trial.error = self._clock(), error
        trial.happen()

    def _conclude(self, trial: _Trial) -> None:
        """Raise what is wrong, if anything is."""
        self._refuse_if_closing()  # it may have begun meanwhile, and may be why the trial failed
        error = trial.error
        if not trial.done():
            error = StoreError(f"the store has not answered within {PATIENCE:g} s")
        if trial is self._trial:
            self._tell(error)
        if error is not None:
            raise error.with_traceback(None)  # it is raised again and again, and would grow

    def _refuse_if_closing(self) -> None:
        if self._turns.closing:
            raise Closing("the bot is being closed")

    def _tell(self, error: Exception | None) -> None:
        """Log a change: the answers that health checks get do not give the reason."""
        with self._lock:
            changes = self._failing != (error is not None)
            self._failing = error is not None
        if not changes:
            return
        if error is None:
            log.info("ready: the store takes messages again")
        else:
            report(logging.WARNING, "not ready: the store takes no messages", error=error)

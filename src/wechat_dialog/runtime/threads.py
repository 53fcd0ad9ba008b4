"""Performs what `requests` and `drive` ask for, on threads.

A request is answered on its own thread. So is the beginning of its turn; what may take long goes on
with a thread of `thread_pool.py`, which the request can leave. A step that outlasts the turn's
longest time keeps its thread, and another goes on with the turn: nothing can stop a thread.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import partial
from typing import Any

from wechat_dialog.core.logs import log
from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.turn.listening import Deferral, Listen
from wechat_dialog.core.turn.operations import Push, StepOutcome
from wechat_dialog.core.turn.outcome import Outcome
from wechat_dialog.core.turn.running_turn import RunningTurn
from wechat_dialog.errors import Closing, StoreError

from .attempt import Attempt
from .drive import Driver, Driving
from .performing import Elsewhere, hear_late, perform_all
from .pusher import Pusher, none_to_push
from .signals import wait_for
from .steps import Steps
from .thread_pool import Job, ThreadPool
from .wanted import ON_STORE, Begin, BeginBeside, Gather, HandOver, NextOutcome, Step, Wait, Wanted

__all__ = ["OnThreads"]

TURNS = 500
"""Messages' turns on threads of their own at once."""


@dataclass(frozen=True, slots=True)
class _Gathering:
    attempt: Attempt
    following: Callable[[float | None], StepOutcome]


class OnThreads:
    """Performs on threads; safe to use from several."""

    def __init__(
        self,
        store: Store,
        driver: Driver,
        steps: Callable[[], Steps],
        pusher: Pusher | None,
        *,
        name: str = "wechat-dialog-turn",
        at_once: int = TURNS,
    ) -> None:
        """Start nothing yet.

        Args:
            store: The store.
            driver: Says how much time a turn has left.
            steps: Gives what runs steps.
            pusher: Pushes, for bots that may.
            name: Of the threads.
            at_once: Turns that may have one of their own at once, and as many whose step never
                returns.
        """
        self._store = store
        self._driver = driver
        self._steps = steps
        self._pusher = pusher
        self._pool = ThreadPool(name, at_once, at_once)

    def perform(self, wanted: Wanted, wants: Driving[Any]) -> Any:
        """Perform one thing that `wants` asks for; returns its result.

        Raises:
            Elsewhere: Another thread goes on with `wants`.
        """
        if isinstance(wanted, ON_STORE):
            return wanted.on(self._store)
        if isinstance(wanted, Begin):
            return self.begin(wanted.driving)
        if isinstance(wanted, Listen):
            wait_for(wanted.completion.when_over, wanted.seconds)
            return self._driver.clock()
        if isinstance(wanted, Wait):
            wait_for(wanted.when_over, wanted.seconds)
            return None
        if isinstance(wanted, HandOver):
            return self._hand_over(wanted.turn, wants)
        if isinstance(wanted, Deferral):
            return self._defer(wanted)
        if isinstance(wanted, BeginBeside):
            return self.start(wanted.driving, f"a turn of user {wanted.turn.user}")
        return self._take_long(wanted, wants)

    def _take_long(self, wanted: Wanted, wants: Driving[Any]) -> Any:
        if isinstance(wanted, Step):
            return self._step(wanted, wants)
        if isinstance(wanted, Gather):
            attempt, steps = Attempt(), self._steps()
            return _Gathering(attempt, steps.gather(wanted.steps, wanted.turn.user, attempt))
        if isinstance(wanted, NextOutcome):
            return self._next(wanted.turn)
        if isinstance(wanted, Push):
            return (self._pusher or none_to_push()).push(wanted.user, wanted.reply)
        raise AssertionError(f"nobody performs {wanted!r}")

    def begin(self, driving: Driving[Outcome | None]) -> Outcome | None:
        """Drive a turn on this thread until it has ended, or is handed over to another.

        Returns:
            Its outcome; None: it raised, or is another thread's.
        """
        try:
            return perform_all(driving, self.perform)
        except Elsewhere:
            return None

    # Threads of their own -------------------------------------------------------------------------

    def start(self, wants: Driving[Any], name: str) -> Job:
        """Go on with a generator on a thread of its own.

        Raises:
            Closing: No thread can be had: the process is ending.
        """
        return self._pool.start(partial(self._go_on, wants), name)

    def _go_on(self, wants: Driving[Any], error: BaseException | None = None) -> None:
        with contextlib.suppress(Elsewhere):
            perform_all(wants, self.perform, error)

    def _hand_over(self, turn: RunningTurn, wants: Driving[Any]) -> None:
        try:
            self.start(wants, f"a turn of user {turn.user}")
        except Closing:
            return  # no other thread can be had, so this one goes on
        raise Elsewhere

    def close(self) -> None:
        """Let idle threads end; what is under way runs on."""
        self._pool.close()

    # Steps ----------------------------------------------------------------------------------------

    def _step(self, wanted: Step, wants: Driving[Any]) -> StepOutcome:
        """Run a step on this thread, which is given up where that takes too long."""
        turn, attempt = wanted.turn, Attempt()
        turn.give_up = partial(self._give_up, turn, attempt, self._pool.here(), wants)
        try:
            outcome = self._steps().run(wanted.step, turn.user, attempt)
        except BaseException:
            if not attempt.finish():
                raise Elsewhere from None
            turn.give_up = None
            raise
        if not attempt.finish():
            log.warning(
                "user %s: %s, which was given up, has ended after all", turn.user, turn.doing
            )
            raise Elsewhere
        turn.give_up = None
        return outcome

    def _give_up(
        self, turn: RunningTurn, attempt: Attempt, here: Job | None, wants: Driving[Any]
    ) -> bool:
        """Give up the thread that is in a step, and go on with its turn on another."""
        if not attempt.give_up():
            return False
        turn.give_up = None
        if here is not None:
            self._pool.give_up(here)
        go_on = partial(self._go_on, wants, self._driver.too_long(turn))
        try:
            self._pool.start(go_on, f"a turn of user {turn.user}")
        except Closing:
            log.warning("user %s: a turn was given up while the process ends", turn.user)
        return True

    def _next(self, turn: RunningTurn) -> StepOutcome:
        """Wait for one of several steps, each of which has a thread of its own."""
        gathering: _Gathering = turn.gathering
        left = self._driver.time_left(turn)
        try:
            return gathering.following(min(left, threading.TIMEOUT_MAX))
        except queue.Empty:
            gathering.attempt.give_up()
            raise self._driver.too_long(turn) from None

    # Deferrals ------------------------------------------------------------------------------------

    def _defer(self, wanted: Deferral) -> Any:
        """Perform a deferral, on a thread of its own, so that a store that stalls can be left."""
        defer, answered = wanted.defer, Future[Any]()

        def ask() -> None:
            try:
                answered.set_result(defer.on(self._store))
            except Exception as error:  # noqa: BLE001 - told to the request, if it still waits
                answered.set_exception(error)

        threading.Thread(target=ask, name="wechat-dialog-defer", daemon=True).start()
        wait([answered], defer.within)
        if answered.done():
            return answered.result()
        hear_late(answered, wanted)
        raise StoreError("the store says nothing")

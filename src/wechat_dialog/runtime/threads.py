"""Performs on threads what `requests` and `drive` ask for.

A request is answered on its own thread, which also begins its turn; anything that may take long
continues on a thread of `thread_pool.py`, which the request can leave. A step that outlasts the
turn's longest time keeps its thread, and another one continues the turn: nothing can stop a thread.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any

from wechat_dialog.core.hung_up import has_hung_up
from wechat_dialog.core.logs import log
from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.turn.listening import Deferral, Listen
from wechat_dialog.core.turn.operations import Push, StepOutcome
from wechat_dialog.core.turn.outcome import Outcome
from wechat_dialog.core.turn.running_turn import RunningTurn
from wechat_dialog.errors import Closing, StoreError

from .attempt import Attempt
from .drive import Driving, TurnDriver
from .performing import Elsewhere, copy_of, hear_late, perform_all
from .pusher import Pusher, none_to_push
from .signals import wait_for
from .steps import Steps
from .thread_pool import Job, ThreadPool
from .wanted import (
    ON_STORE,
    Begin,
    BeginBeside,
    Gather,
    HandOver,
    NextOutcome,
    NextTurn,
    Step,
    Wait,
    Wanted,
)

__all__ = ["OnThreads"]

TURNS = 500
"""How many messages' turns may have threads of their own at once."""


def _name(turn: RunningTurn) -> str:
    """Return the name of a turn's thread in the log."""
    return f"a turn of user {turn.user}"


@dataclass(frozen=True, slots=True)
class _Gathering:
    attempt: Attempt
    following: Callable[[float | None], StepOutcome]


class OnThreads:
    """Performs operations on threads; safe to use from several threads."""

    def __init__(
        self,
        store: Store,
        driver: TurnDriver,
        steps: Callable[[], Steps],
        pusher: Pusher | None,
        *,
        name: str = "wechat-dialog-turn",
        at_once: int = TURNS,
    ) -> None:
        """Create it; nothing is started yet.

        Args:
            store: The store.
            driver: Says how much time a turn has left.
            steps: Returns what runs steps.
            pusher: Pushes, for bots that may.
            name: Name of the threads.
            at_once: How many turns may have their own thread at once; as many threads with a step
                that never returns are replaced.
        """
        self._store = store
        self._driver = driver
        self._steps = steps
        self._pusher = pusher
        self._pool = ThreadPool(name, at_once, at_once)

    def perform(self, wanted: Wanted, wants: Driving[Any]) -> Any:
        """Perform one operation of the generator `wants`; returns its result.

        Raises:
            Elsewhere: Another thread continues `wants`.
        """
        if isinstance(wanted, ON_STORE):
            return wanted.on(self._store)
        if isinstance(wanted, Begin):
            return self.begin(wanted.driving)
        if isinstance(wanted, Listen):
            return self._listen(wanted)
        if isinstance(wanted, Wait):
            wait_for(wanted.when_over, wanted.seconds)
            return None
        if isinstance(wanted, HandOver):
            return self._hand_over(wanted.turn, wants)
        if isinstance(wanted, Deferral):
            return self._defer(wanted)
        if isinstance(wanted, BeginBeside):
            return self._begin_beside(wanted)
        return self._take_long(wanted, wants)

    def _listen(self, wanted: Listen) -> float | None:
        over = wanted.completion
        wait_for(over.when_over, wanted.seconds)
        asks = None if over.done() else has_hung_up.get()
        return None if asks is not None and asks() else self._driver.clock()

    def _take_long(self, wanted: Wanted, wants: Driving[Any]) -> Any:
        if isinstance(wanted, NextTurn):
            return None
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
        """Drive a turn on this thread until it has ended, or is handed over to another. Context
        variables that its dialog sets (the precision of `decimal` is one) stay in the turn: the
        thread's next request is another user's.

        Returns:
            Its outcome; None: it raised, or another thread continues it.
        """
        try:
            return copy_context().run(perform_all, driving, self.perform)
        except Elsewhere:
            return None

    # Threads of their own -------------------------------------------------------------------------

    def start(self, wants: Driving[Any], name: str) -> Job:
        """Continue a generator on a thread of its own.

        Raises:
            Closing: No thread can be created: the process is ending.
        """
        return self._pool.start(partial(self._go_on, wants), name)

    def _go_on(self, wants: Driving[Any], error: BaseException | None = None) -> None:
        with contextlib.suppress(Elsewhere):
            following = perform_all(wants, self.perform, error)
            while isinstance(following, BeginBeside):
                self._pool.rename(_name(following.turn))
                following = copy_of(following.context).run(
                    perform_all, following.driving, self.perform
                )

    def _begin_beside(self, begins: BeginBeside) -> Job:
        go_on = partial(self._go_on, begins.driving)
        try:
            return copy_of(begins.context).run(self._pool.start, go_on, _name(begins.turn))
        except Closing as error:
            # It never begins: nobody is to wait for it.
            self._driver.turns.finish(begins.turn, error)
            raise

    def _hand_over(self, turn: RunningTurn, wants: Driving[Any]) -> None:
        try:
            self.start(wants, _name(turn))
        except Closing:
            return  # no other thread can be created, so this one continues
        raise Elsewhere

    def close(self) -> None:
        """Let idle threads end; running turns continue."""
        self._pool.close()

    # Steps ----------------------------------------------------------------------------------------

    def _step(self, wanted: Step, wants: Driving[Any]) -> StepOutcome:
        """Run a step on this thread, which is given up if that takes too long."""
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
        self, turn: RunningTurn, attempt: Attempt, stuck_job: Job | None, wants: Driving[Any]
    ) -> bool:
        """Give up the thread that runs a step, and continue its turn on another."""
        if not attempt.give_up():
            return False
        turn.give_up = None
        if stuck_job is not None:
            self._pool.give_up(stuck_job)
        go_on = partial(self._go_on, wants, self._driver.too_long(turn))
        try:
            self._pool.start(go_on, _name(turn))
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
        """Perform a deferral on a thread of its own, so that a stalled store can be abandoned."""
        defer, answered = wanted.defer, Future[Any]()

        def ask() -> None:
            try:
                answered.set_result(defer.on(self._store))
            except Exception as error:  # noqa: BLE001 - passed on to the request, if it still waits
                answered.set_exception(error)

        threading.Thread(target=ask, name="wechat-dialog-defer", daemon=True).start()
        wait([answered], defer.within)
        if answered.done():
            return answered.result()
        hear_late(answered, wanted)
        raise StoreError("the store says nothing")

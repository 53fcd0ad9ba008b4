"""What is done before and after each operation of a turn: decided here, performed elsewhere.

`TurnDriver.drive` is a generator around a turn's own (`core/turn/transaction.py`): it yields the
same operations, preceded by what has to be done first (renew a claim that may be lost, leave a
request's thread), and evaluates their results. It performs none of them: a loop of `performing.py`
does, with `threads.py`, `loops.py` or, for authors' tests, `testing/world.py`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator
from typing import Any, Protocol, TypeVar

from wechat_dialog.core.logs import log
from wechat_dialog.core.store.values import Claimed
from wechat_dialog.core.turn.forgotten import MayBeAnswered
from wechat_dialog.core.turn.operations import (
    STORED,
    Claim,
    Commit,
    Operation,
    Pause,
    Push,
    RecordWrite,
    RunStep,
    RunSteps,
)
from wechat_dialog.core.turn.running_turn import Listener, RunningTurn, tells_copies
from wechat_dialog.core.turn.settings import Settings
from wechat_dialog.core.turn.window import Window
from wechat_dialog.errors import Closing, TurnTooLong

from .attempt import GivenUp
from .running_turns import RunningTurns
from .signals import NEVER
from .wanted import Gather, HandOver, NextOutcome, Renew, Step, Wait, Wanted

__all__ = ["Driving", "Renewals", "TurnDriver", "hand_over"]

T = TypeVar("T")

Driving = Generator[Wanted, Any, T]

BLOCKS = 1.0
"""Seconds of computing between two waits after which a dialog counts as blocking."""


class Renewals(Protocol):
    """Keeps claims alive; see `Heartbeat`."""

    def hold(self, user: str, fence: int) -> int:
        """Renew this claim from now on; returns a handle for `let_go`, not 0."""
        ...

    def let_go(self, renewal: int) -> None:
        """Stop renewing this claim."""
        ...


def hand_over(turn: RunningTurn) -> HandOver:
    """Return the request to continue a turn on another thread, so that its request's thread can
    leave.
    """
    turn.detached = True
    return HandOver(turn)


class TurnDriver:
    """Drives the turns of one process; performs nothing itself.

    Attributes:
        window: The platform's window.
        turns: The running turns.
        clock: A monotonic clock, in seconds.
        wakes: Called after each write that sets a due time of a user, with that time in ms since
            the epoch by the store's clock.
    """

    def __init__(
        self,
        settings: Settings,
        window: Window,
        turns: RunningTurns,
        renewals: Renewals,
        *,
        clock: Callable[[], float],
        longest_turn: float,
        may_push: Callable[[], bool] | None = None,
        began: Callable[[], object] | None = None,
    ) -> None:
        """Create a driver without turns.

        Args:
            settings: How turns are run.
            window: The platform's window.
            turns: The running turns.
            renewals: Keeps claims alive.
            clock: A monotonic clock, in seconds.
            longest_turn: Seconds after which a turn is given up; may be infinite.
            may_push: Returns whether the account may push now; None: as in `settings`.
            began: Called when a turn has got its claim.
        """
        self.window = window
        self.turns = turns
        self.clock = clock
        self.wakes: Callable[[int], object] = lambda _at: None
        rules = dataclasses.replace(settings.rules, may_push=False)
        self._settings = settings
        self._without_pushing = dataclasses.replace(settings, rules=rules)
        self._renewals = renewals
        self._longest = longest_turn
        self._may_push = may_push
        self._began = began

    def settings(self) -> Settings:
        """Return the settings for a turn that begins now: it pushes only if the account may push
        now.
        """
        if self._may_push is None or self._may_push():
            return self._settings
        return self._without_pushing

    def drive(
        self, transaction: Generator[Operation, Any, T], listener: Listener, began: float
    ) -> Driving[T]:
        """Yield a turn's operations, in its order.

        Args:
            transaction: The turn.
            listener: The request that runs it.
            began: The earliest time at which the first operation may have been requested.
        """
        turn = listener.turn
        result: Any = None
        error: Exception | None = None
        try:
            while True:
                try:
                    operation = (
                        transaction.send(result) if error is None else transaction.throw(error)
                    )
                except StopIteration as stop:
                    return stop.value  # type: ignore[no-any-return]
                error = None
                try:
                    if type(operation) is Commit:
                        operation = self._before_commit(operation, turn, began)
                        result = yield operation
                        if operation.write.wake is not None:
                            self.wakes(operation.write.wake.at)
                    elif isinstance(operation, STORED):
                        result = yield operation
                        if type(operation) is RecordWrite and operation.write.wake is not None:
                            self.wakes(operation.write.wake.at)
                    else:
                        result = yield from self._take_long(operation, turn)
                except Exception as failure:  # noqa: BLE001 - the turn decides what it means
                    error = failure
                    continue
                sent, now = began, self.clock()
                turn.learn(operation, result, sent, now, self.window)
                began = now
                if type(operation) is Claim:
                    error = yield from self._after_claim(operation, result, listener, sent, now)
        finally:
            if turn.renewal:
                self._renewals.let_go(turn.renewal)

    def _before_commit(self, commit: Commit, turn: RunningTurn, began: float) -> Commit:
        """Return the commit to perform.

        Note the dialog as blocking if it ran without a claim, and for so long that another process
        may have run a copy of its message.
        """
        now = self.clock()
        if commit.ran and now - began > BLOCKS:
            self._settings.blocking.add(commit.ran)
            log.warning(
                "dialog %r blocks between two questions: what takes long, or does something, "
                "belongs in a step; this process claims its turns from now on, which costs them a "
                "round trip",
                commit.ran,
            )
        if turn.untaken or turn.nobody_waits(now, self.window):
            return turn.addressed(commit, now, self.window)
        return commit

    def _after_claim(
        self, claim: Claim, result: Any, listener: Listener, sent: float, now: float
    ) -> Driving[MayBeAnswered | None]:
        """Do what a claim requires; returns why its turn must not go on."""
        turn = listener.turn
        if turn.may_be_answered(claim, result, sent, now):
            return MayBeAnswered(now - turn.unanswered, turn.fence)
        if type(result) is Claimed:
            self._renewals.let_go(turn.renewal)
            turn.renewal = self._renewals.hold(claim.user, result.fence)
            turn.leave_at_once = False
            if self._began is not None:
                self._began()
        # On the platform's last request, the request has to be answered in time.
        if (
            not turn.detached
            and tells_copies(claim, result)
            and (self.settings().rules.may_push or listener.is_last(self.window))
        ):
            yield hand_over(turn)
        return None

    def _take_long(self, operation: Operation, turn: RunningTurn) -> Driving[Any]:
        """Perform an operation that may take long."""
        if not turn.detached:
            if isinstance(operation, Pause):  # before its request listens
                now = self.clock()
                turn.leave_at_once = self.turns.waits_in_vain(operation, now, self.window)
            yield hand_over(turn)
        if turn.fence and turn.needs_renewal(operation, self.clock(), self._settings.lease):
            yield Renew(turn.user, turn.fence, self._settings.lease)
        if isinstance(operation, (RunStep, RunSteps)):
            return (yield from self._call(operation, turn))
        if isinstance(operation, Push):
            return (yield operation)
        if isinstance(operation, Pause):
            return (yield from self._pause(operation, turn))
        raise AssertionError(f"nobody performs {operation!r}")

    def _call(self, operation: RunStep | RunSteps, turn: RunningTurn) -> Driving[Any]:
        """Run a step, or the steps of a gathering."""
        try:
            if isinstance(operation, RunStep):
                turn.doing = f"step {operation.call.name!r}"
                return (yield Step(turn, operation))
            if operation.steps:
                turn.doing = "a gathering"
                turn.gathering = yield Gather(turn, operation.steps)
            return (yield NextOutcome(turn))
        except GivenUp:
            raise self.too_long(turn) from None

    def _pause(self, pause: Pause, turn: RunningTurn) -> Driving[bool]:
        """Wait for a claim, or for the store; returns whether the turn is to stop waiting."""
        if pause.failing and not turn.failing:
            turn.failing = True
            log.warning(
                "user %s: the store failed a turn after a step had run; its outcome is in hand, "
                "and the turn goes on when the store does",
                turn.user,
            )
        if not pause.user:
            # It waits for nobody's turn, so no other's end or pause is to wake it.
            yield Wait(NEVER.when_over, pause.seconds)
            return False
        with self.turns.waiting(pause, turn.began) as woken:
            self._must_not_close()
            if turn.on_threads:
                now = self.clock()
                turn.leave_at_once = self.turns.waits_in_vain(pause, now, self.window)
            yield Wait(woken.when_over, pause.seconds)
        self._must_not_close()
        return self._stops_waiting(pause, turn)

    def _must_not_close(self) -> None:
        if self.turns.closing:
            raise Closing("the bot is being closed")

    def _stops_waiting(self, pause: Pause, turn: RunningTurn) -> bool:
        now, pushes = self.clock(), self.settings().rules.may_push
        if not turn.is_sure(now):
            return False  # the store says first whether the message is to be kept
        if now - turn.began > self._longest + self.window.requests * self.window.seconds:
            log.warning(
                "user %s: a message has waited %.0f s for its turn, and waits no longer; the "
                "user's next turn handles it first", pause.user, now - turn.began,
            )  # fmt: skip
            return True
        return self.turns.stops_waiting(pause, turn, now, self.window, pushes=pushes)

    # The longest time -----------------------------------------------------------------------------

    def time_left(self, turn: RunningTurn) -> float:
        """Return the seconds that a turn may still take, 0 or more; may be infinite."""
        longest = min(self._longest, turn.longest)
        return max(turn.claimed_since + longest - self.clock(), 0.0)

    def too_long(self, turn: RunningTurn) -> TurnTooLong:
        """Return the exception for a turn whose longest time has passed."""
        # Parking it and committing that may take as long again.
        turn.claimed_since = self.clock()
        if turn.longest < self._longest:
            return TurnTooLong(turn.doing, turn.longest, outside=True)
        return TurnTooLong(turn.doing, self._longest)

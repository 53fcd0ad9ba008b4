"""Steps on the talk's clock: how long each takes, when it times out, retries and is given up."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import CancelledError
from functools import partial

from wechat_dialog.core.turn.operations import RunStep, StepOutcome
from wechat_dialog.core.turn.outcomes_in_hand import Outcomes
from wechat_dialog.core.turn.step_parts import TriedParts
from wechat_dialog.errors import TimedOut
from wechat_dialog.runtime.attempt import Attempt, GivenUp
from wechat_dialog.runtime.ended import called
from wechat_dialog.runtime.step_parts import PartPerformer
from wechat_dialog.runtime.steps import Steps
from wechat_dialog.runtime.wanted import Wait

from .plans import Plan

__all__ = ["Crash", "StepTime", "TimedSteps"]


class Crash(BaseException):
    """The worker dies here."""


class StepTime:
    """The time that one step takes, its retries included.

    Attributes:
        plan: What the test has planned for the step.
        attempt: Whether its turn still waits for it.
        spent: Seconds so far.
        timed_out: Whether the call of its function in progress has outlasted the step's `timeout`.
    """

    def __init__(self, plan: Plan, left: float, pass_time: Callable[[float], object]) -> None:
        """Begin at 0.

        Args:
            plan: What the test has planned for it.
            left: Seconds after which its turn is given up; may be infinite.
            pass_time: Called with the seconds that pass.
        """
        self.plan = plan
        self.attempt = Attempt()
        self.spent = 0.0
        self.timed_out = False
        self._left = left
        self._limit = math.inf
        self._pass_time = pass_time

    def begin_call(self, timeout: float | None) -> None:
        """Note that its function is called, and may take this many seconds; None: no limit."""
        self.timed_out = False
        self._limit = math.inf if timeout is None else self.spent + timeout

    def end_call(self) -> None:
        """Note that its function has returned or raised."""
        self._limit = math.inf

    def pass_time(self, seconds: float) -> None:
        """Let time pass, until the step times out or its turn is given up at most.

        Raises:
            AssertionError: It would take for ever, and has no limit.
        """
        end = self.spent + seconds
        until = min(end, self._limit, self._left)
        if math.isinf(until):
            raise AssertionError(
                "this step would never end: it has no timeout=, and its bot no longest_turn="
            )
        self._pass_time(until - self.spent)
        self.spent = until
        if until < end:
            if self._left < self._limit:
                self.attempt.give_up()
            else:
                self.timed_out = True


class TimedSteps(Steps):
    """Runs steps one after the other, as a test has planned it, on the clock of their `StepTime`.

    What a step that times out or is given up has done, it has done; its result is lost.
    """

    def __init__(self, outcomes: Outcomes, parts: PartPerformer) -> None:
        super().__init__(outcomes, parts=parts)
        self._time: StepTime | None = None

    @property
    def time(self) -> StepTime:
        """The time of the step that runs."""
        if self._time is None:
            raise AssertionError("no step runs")
        return self._time

    def run_on(self, time: StepTime, step: RunStep, user: str) -> StepOutcome:
        """Run one step; see `Steps.run`.

        Raises:
            GivenUp: The time of its turn has passed before it ended.
        """
        self._time = time
        try:
            outcome = self.run(step, user, time.attempt)
        except CancelledError:
            raise GivenUp from None
        finally:
            self._time = None
        if time.attempt.is_given_up():
            raise GivenUp
        return outcome

    def pause(self, wanted: Wait) -> None:
        """See `Steps.pause`."""
        if wanted.seconds is None:
            super().pause(wanted)
        else:
            self.time.pass_time(wanted.seconds)

    def once(self, step: RunStep, parts: TriedParts | None, attempt: Attempt) -> object:
        """See `Steps.once`."""
        time, call = self.time, step.call
        if attempt.is_given_up():
            raise CancelledError
        time.begin_call(call.options.timeout)
        fake = time.plan.fake
        if fake is not None:
            ended = called(partial(fake, *call.args, **call.kwargs))
        else:
            ended = called(partial(super().once, step, parts, attempt))
        if not isinstance(ended.error, Crash):
            time.pass_time(time.plan.takes)
        time.end_call()
        if attempt.is_given_up():
            raise CancelledError
        if time.timed_out and call.options.timeout is not None:
            raise TimedOut(call.name, call.options.timeout)
        return ended.unpack()

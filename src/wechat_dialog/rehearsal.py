"""The world of the testing kit: a bot, a store in memory and the platform, on one clock.

One message goes through the bot's own turn; what it asks for is performed here, where a step may
take its time, or the worker die in it, without anything waiting or dying.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator
from typing import Any

from . import messages
from .bot import Bot
from .cache import LiveDialogs
from .conversation import Rules
from .dispatch import decode_reply, too_late
from .journal import encode_pending, message_key
from .operations import Claim, Pause, Push, RunStep, RunSteps, StepOutcome
from .operations import Record as Recorded
from .performing import Steps
from .replies import Reply
from .stores.base import Answered, Claimed
from .stores.memory import MemoryStore
from .turn import Outcome, turn

__all__ = ["START", "Crash", "Delivery", "Plan", "World"]

START = 1_700_000_000.0
"""When a talk begins, in seconds since 1970: the same at every run, 15 November 2023 in China."""


class Crash(BaseException):
    """The worker dies here."""


@dataclasses.dataclass
class Plan:
    """What the test says of one step."""

    takes: float = 0.0
    crashes: str = ""
    deaths: int = 0
    repeats: bool = True
    fake: Callable[..., Any] | None = None


class World:
    """What the talks of several users with one bot share."""

    def __init__(self, bot: Bot, strict: bool) -> None:
        self.clock = START
        self.store = MemoryStore(clock=lambda: self.clock)
        self.plans: dict[str, Plan] = {}
        self.steps = Steps()
        self.sent = 0
        self.strict = strict
        self.take(bot)

    def take(self, bot: Bot) -> None:
        """Put a bot's code behind the store, as a process does that was just started."""
        bot.check()
        self.bot = bot
        self.rules: Rules = dataclasses.replace(bot.rules, strict=self.strict)
        size = getattr(bot.settings.cache, "_size", 0)
        self.settings = dataclasses.replace(
            bot.settings, rules=self.rules, cache=LiveDialogs(size) if size else None
        )


class Delivery:
    """One message on its way through a turn, on the talk's clock."""

    def __init__(self, world: World, message: messages.Message, began: float) -> None:
        self.world = world
        self.message = message
        self.user = world.bot.user_key(message)
        self.key = message_key(message)
        window = world.bot.window
        self.arrived = int(began * 1000)
        # An account that pushes answers nothing, which ends the platform's repetitions.
        last = 0 if world.rules.pushes.allowed else window.requests - 1
        self.patience = began + last * window.seconds + window.patience
        self.told: Outcome | None = None
        self.fence = 0
        self.dying = False
        self.repeats = True
        self.following: Callable[[], StepOutcome] = _nothing_under_way
        self.then: Generator[Any, Any, None] | None = None
        self.pushed: list[Reply] = []

    def run(self) -> Outcome:
        """Drive the turn; returns what the user sees of it within the window."""
        world = self.world
        outcome: Outcome = self._drive(
            turn(world.settings, self.user, self.message, self.key, int(world.clock * 1000))
        )
        self.then = outcome.then
        return self.told or outcome

    def push(self) -> list[Reply]:
        """Push what the turn left to push; returns that."""
        if self.then is not None:
            self.fence = 0
            self._drive(self.then)
        return self.pushed

    def _drive(self, transaction: Generator[Any, Any, Any]) -> Any:
        result: Any = None
        error: Exception | None = None
        while True:
            try:
                operation = transaction.send(result) if error is None else transaction.throw(error)
            except StopIteration as stop:
                return stop.value
            error = None
            try:
                result = self._perform(operation)
            except Exception as failure:  # noqa: BLE001 - the turn decides what it means
                error = failure
            if isinstance(operation, Claim) and isinstance(result, Claimed):
                self.fence = result.fence

    def _perform(self, operation: Any) -> Any:
        if isinstance(operation, RunStep):
            return self._step(operation)
        if isinstance(operation, RunSteps):
            if operation.steps:
                outcomes = [self._step(step, pass_time=False) for step in operation.steps]
                longest = max(self._plan(step).takes for step in operation.steps)
                self._pass(longest)
                self.following = iter(outcomes).__next__
            return self.following()
        if isinstance(operation, Pause):
            self._pass(operation.seconds)
            return None
        if isinstance(operation, Push):
            self.pushed.append(operation.reply)
            return None
        result = operation.on(self.world.store)
        if self.dying and isinstance(operation, Recorded):
            raise Crash
        return result

    def _plan(self, step: RunStep) -> Plan:
        return self.world.plans.get(step.call.name) or Plan()

    def _step(self, step: RunStep, *, pass_time: bool = True) -> StepOutcome:
        plan = self._plan(step)
        crashes = plan.crashes if plan.deaths > 0 else ""
        plan.deaths -= 1
        self.repeats = plan.repeats or not crashes
        if crashes == "before":
            raise Crash
        if plan.fake is not None:
            try:
                outcome = StepOutcome(step.slot, plan.fake(*step.call.args, **step.call.kwargs))
            except Exception as error:  # noqa: BLE001 - the step's outcome
                outcome = StepOutcome(step.slot, error=error)
        else:
            outcome = self.world.steps.run(step)
        if pass_time:
            self._pass(plan.takes)
        if crashes == "in":
            raise Crash
        self.dying = crashes == "after"
        return outcome

    def _pass(self, seconds: float) -> None:
        """Let time pass, the claim renewed as the heartbeat does, and the platform's patience
        ending if it does.
        """
        world = self.world
        while seconds > 0:
            slice_ = min(seconds, 1.0)
            seconds -= slice_
            world.clock += slice_
            if self.fence:
                world.store.renew(self.user, self.fence, world.settings.lease)
            if self.told is None and world.clock > self.patience:
                kept = encode_pending(self.message, self.arrived)
                answered = world.store.defer(self.user, self.key, kept)
                reply = (
                    decode_reply(answered.reply)
                    if isinstance(answered, Answered)
                    else too_late(world.rules)
                )
                self.told = Outcome(reply, late=True)


def _nothing_under_way() -> StepOutcome:
    raise AssertionError("the rest of a gathering was asked for before any was begun")

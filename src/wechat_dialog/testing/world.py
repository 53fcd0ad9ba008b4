"""The simulated world of the testing kit: a bot, a store in memory and the platform, on one clock.

A message goes through the bot's own turn. The operations it asks for are performed here, where a
step that takes long, or a worker that dies in it, is only simulated.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Generator, Iterator, Sequence
from operator import itemgetter
from typing import Any, TypeVar

from wechat_dialog import messages
from wechat_dialog.bot import Bot
from wechat_dialog.bot_outside import Delivers
from wechat_dialog.core.store.parts import PartPut
from wechat_dialog.core.store.values import Answered
from wechat_dialog.core.turn.notes import Notes
from wechat_dialog.core.turn.operations import Operation, Push, RecordWrite, RunStep, StepOutcome
from wechat_dialog.core.turn.outcome import Outcome
from wechat_dialog.core.turn.outcomes_in_hand import Outcomes
from wechat_dialog.core.turn.outside import LONGEST
from wechat_dialog.core.turn.page_link import link_to_page
from wechat_dialog.core.turn.pending import sealed_pending
from wechat_dialog.core.turn.running_turn import Listener, Request, RunningTurn
from wechat_dialog.core.turn.settings import Rules
from wechat_dialog.core.turn.step_parts import Part, TriedParts
from wechat_dialog.core.turn.transaction import turn
from wechat_dialog.core.turn.waiting_text import too_late
from wechat_dialog.messages.keys import message_key
from wechat_dialog.replies import Reply
from wechat_dialog.replies.stored import decode_reply
from wechat_dialog.runtime.attempt import GivenUp
from wechat_dialog.runtime.drive import TurnDriver
from wechat_dialog.runtime.live_dialogs import LiveDialogs
from wechat_dialog.runtime.performing import perform_all
from wechat_dialog.runtime.reporting import Reporting, firing_notes, observed
from wechat_dialog.runtime.running_turns import RunningTurns
from wechat_dialog.runtime.step_parts import PartPerformer
from wechat_dialog.runtime.wanted import ON_STORE, Gather, NextOutcome, Step, Wait, Wanted
from wechat_dialog.stores.memory import MemoryStore

from .plans import Plan, Plans
from .timed_steps import Crash, StepTime, TimedSteps

__all__ = ["START", "Delivery", "Performer", "World"]

T = TypeVar("T")

START = 1_700_000_000.0
"""When a talk begins, in seconds since 1970: always 15 November 2023, in China."""


class World:
    """What the talks of several users with one bot share."""

    def __init__(self, bot: Bot, strict: bool) -> None:
        self.clock = START
        self.store = MemoryStore(clock=lambda: self.clock)
        self.plans = Plans()
        self.outcomes = Outcomes()
        self.performer: Performer | None = None
        self.steps = TimedSteps(self.outcomes, _Parts(self))
        self.claims = Claims()
        self.sent = 0
        self.strict = strict
        self.broken: list[BaseException] = []
        self._delivers: Callable[[], Delivers | None] = lambda: None
        self.take(bot)

    def deliver_to(self, delivers: Callable[[], Delivers | None]) -> None:
        """Deliver here what the bot's own code sends; `delivers` returns None once the talk is
        gone.
        """
        self._delivers = self.bot.delivers = delivers

    def take(self, bot: Bot) -> None:
        """Run a bot's code on the store from now on, as a newly started process does."""
        bot.check()
        self.bot = bot
        bot.delivers = self._delivers
        self.plans.names.add(bot.router.collected.dialogs.values(), bot.rules.review)
        self.outcomes.begin_anew()
        pages = None if bot.rules.pages is None else bot.rules.pages.anew()
        self.rules: Rules = dataclasses.replace(
            bot.rules, strict=self.strict, broke=self.broken.append, pages=pages
        )
        size = getattr(bot.settings.cache, "_size", 0)
        self.settings = dataclasses.replace(
            bot.settings, rules=self.rules, cache=LiveDialogs(size) if size else None,
            outcomes=self.outcomes,
        )  # fmt: skip
        self.reporting = None
        if bot.on_turn is not None:
            self.reporting = Reporting(bot.on_turn, lambda: self.clock, lambda: self.clock)
        self.driver = TurnDriver(
            self.settings, bot.window, RunningTurns(), self.claims, clock=lambda: self.clock,
            longest_turn=bot.longest_turn or math.inf,
        )  # fmt: skip


class _Parts(PartPerformer):
    """Runs parts of steps as a test has planned it."""

    def __init__(self, world: World) -> None:
        super().__init__(world.store)
        self._world = world
        self._tried: TriedParts | None = None

    def begins(self, tried: TriedParts) -> None:
        """See `PartPerformer.begins`."""
        self._tried = tried

    def call(self, part: Part) -> Any:
        """See `PartPerformer.call`."""
        planned = self._planned(part)
        next(planned)
        fake = self._plan(part).fake
        result = super().call(part) if fake is None else fake(*part.args, **part.kwargs)
        next(planned)
        return result

    async def call_async(self, part: Part) -> Any:
        """See `PartPerformer.call_async`."""
        planned = self._planned(part)
        next(planned)
        fake = self._plan(part).fake
        if fake is None:
            result = await super().call_async(part)
        else:
            result = fake(*part.args, **part.kwargs)
        next(planned)
        return result

    def asked(self, wanted: Any) -> Any:
        """See `PartPerformer.asked`."""
        answer = super().asked(wanted)
        if isinstance(wanted, PartPut) and self._performer.dying:
            self._die()
        return answer

    @property
    def _performer(self) -> Performer:
        if self._world.performer is None:
            raise AssertionError("a part runs in a step")
        return self._world.performer

    def _plan(self, part: Part) -> Plan:
        return self._world.plans.begin(part.name)

    def _planned(self, part: Part) -> Generator[None, None, None]:
        """Carry out the plan: what comes before the part runs and, when resumed, what comes
        after.
        """
        performer, plan = self._performer, self._plan(part)
        crashes = performer.crashes(plan)
        if crashes == "before":
            self._die()
        yield
        time = self._world.steps.time
        time.pass_time(plan.takes)
        if time.timed_out and self._tried is not None:
            self._tried.stop()  # what its function still asks for raises `StepEnded`
        if crashes == "in":
            self._die()
        performer.dying = crashes == "after"
        yield

    def _die(self) -> None:
        """Let the worker die, whatever the step makes of it."""
        crash = Crash()
        if self._tried is not None:
            self._tried.lost = crash
        raise crash


class Claims:
    """The claims of the running turns, which the heartbeat of a process would renew."""

    def __init__(self) -> None:
        self.held: dict[int, tuple[str, int]] = {}

    def hold(self, user: str, fence: int) -> int:
        """See `drive.Renewals`."""
        self.held[fence] = user, fence
        return fence

    def let_go(self, renewal: int) -> None:
        """See `drive.Renewals`."""
        self.held.pop(renewal, None)


class Performer:
    """Performs the operations of one turn, on the talk's clock.

    Attributes:
        world: The world.
        user: The user's key in the store.
        pushed: What was pushed.
        dying: Whether the worker dies at the next record.
        repeats: Whether the platform's repetitions reach another worker.
    """

    def __init__(self, world: World, user: str) -> None:
        self.world = world
        self.user = user
        self.pushed: list[Reply] = []
        self.dying = False
        self.repeats = True

    def drive(self, begin: Callable[[Notes | None], Generator[Operation, Any, T]], key: str) -> T:
        """Drive a turn that no message began to its end; `begin` returns it."""
        listener = self._joined(key)
        listener.turn.longest = LONGEST
        account, _, openid = self.user.partition(":")
        notes = firing_notes(self.world.reporting, listener.turn, account, openid)
        return self._drive(begin(notes), listener, notes)

    def _joined(self, key: str) -> Listener:
        world = self.world
        return world.driver.turns.join((self.user, key), world.clock)

    def _drive(
        self, transaction: Generator[Operation, Any, T], listener: Listener, notes: Notes | None
    ) -> T:
        world, driver, outcome = self.world, self.world.driver, Outcome(None)
        driving = driver.drive(transaction, listener, world.clock)
        if notes is not None:
            driving = observed(driving, notes, lambda: world.clock)
        try:
            result = perform_all(driving, self._perform)
            outcome = result if isinstance(result, Outcome) else outcome
        finally:
            driver.turns.finish(listener.turn, outcome)
        return result

    def _perform(self, operation: Wanted, _wants: object) -> Any:
        if isinstance(operation, Step):
            time = self._time_of(operation.step, operation.turn, self.pass_time)
            outcome, self.dying = self._step(operation.step, time)
            return outcome
        if isinstance(operation, Gather):
            return self._gathered(operation.steps, operation.turn)
        if isinstance(operation, NextOutcome):
            return next(operation.turn.gathering)
        if isinstance(operation, Wait):
            return self.pass_time(operation.seconds or 0.0)
        if isinstance(operation, Push):
            self.pushed.append(operation.reply)
            return None
        if not isinstance(operation, ON_STORE):
            raise AssertionError(f"nobody performs {operation!r}")
        result = operation.on(self.world.store)
        if self.dying and isinstance(operation, RecordWrite):
            raise Crash
        return result

    def _time_of(
        self, step: RunStep, turn: RunningTurn, pass_time: Callable[[float], object]
    ) -> StepTime:
        left = self.world.driver.time_left(turn) if turn.claimed_since else math.inf
        return StepTime(self.world.plans.begin(step.call.name), left, pass_time)

    def _step(self, step: RunStep, time: StepTime) -> tuple[StepOutcome, bool]:
        """Run a step; returns its outcome, and whether the worker dies when it has been recorded.

        Raises:
            GivenUp: The time of its turn has passed before it ended.
        """
        self.world.performer = self
        crashes = self.crashes(time.plan)
        if crashes == "before":
            raise Crash
        outcome = self.world.steps.run_on(time, step, self.user)
        if crashes == "in":
            raise Crash
        return outcome, crashes == "after"

    def _gathered(self, steps: Sequence[RunStep], turn: RunningTurn) -> Iterator[StepOutcome]:
        """Run the steps of a gathering, and return their outcomes in the order of their ends."""
        ended: list[tuple[float, tuple[StepOutcome, bool] | None]] = []
        for step in steps:
            # They run at once, so the time of each is counted for itself, and passes below.
            time = self._time_of(step, turn, lambda _: None)
            try:
                outcome = self._step(step, time)
            except GivenUp:
                outcome = None
            ended.append((time.spent, outcome))
        return self._in_order(sorted(ended, key=itemgetter(0)))

    def _in_order(
        self, ended: Sequence[tuple[float, tuple[StepOutcome, bool] | None]]
    ) -> Iterator[StepOutcome]:
        now = 0.0
        for end, outcome in ended:
            self.pass_time(end - now)
            now = end
            if outcome is None:
                raise GivenUp
            self.dying = outcome[1]
            yield outcome[0]

    def crashes(self, plan: Plan) -> str:
        """Return where the worker dies now; "" if it lives."""
        crashes = plan.crash()
        self.repeats = plan.repeats or not crashes
        return crashes

    def pass_time(self, seconds: float) -> None:
        """Let time pass: claims are renewed."""
        world = self.world
        while seconds > 0:
            slice_ = min(seconds, 1.0)
            seconds -= slice_
            world.clock += slice_
            for user, fence in world.claims.held.values():
                world.store.renew(user, fence, world.settings.lease)
            self._tick()

    def _tick(self) -> None:
        """Do what happens as time passes."""


class Delivery(Performer):
    """One message on its way through a turn, on the talk's clock."""

    def __init__(self, world: World, message: messages.Message, began: float) -> None:
        super().__init__(world, world.bot.user_key(message))
        self.message = message
        self.key = message_key(message)
        window = world.bot.window
        self.began = began
        self.arrived = int(began * 1000)
        # An account that pushes answers nothing, which ends the platform's repetitions.
        last = 0 if world.rules.may_push else window.requests - 1
        self.patience = began + last * window.seconds + window.patience
        self.listener = self._joined(self.key)
        self.answered: Outcome | None = None
        self.then: Generator[Any, Any, None] | None = None

    def run(self) -> Outcome:
        """Drive the turn. Return what the user sees of it within the window."""
        world, now = self.world, int(self.world.clock * 1000)
        running = self.listener.turn
        if world.reporting is not None:
            request = Request(self.user, self.message, self.key, now)
            world.reporting.message(request, running, world.clock)
        transaction = turn(
            world.settings, self.user, self.message, self.key, now, notes=running.notes
        )
        outcome = self._drive(transaction, self.listener, running.notes)
        self.then = outcome.pushes
        return self.answered or outcome

    def push(self) -> list[Reply]:
        """Push what the turn left to push, and return it; empty if it left nothing."""
        running, reporting = self.listener.turn, self.world.reporting
        if self.then is not None:
            self._drive(self.then, self._joined(f"push {self.key}"), running.notes)
        if reporting is not None and running.notes is not None:
            reporting.over(running, running.notes)
        return self.pushed

    def _tick(self) -> None:
        """The platform repeats its request, then gives up."""
        self._ask_again()
        if self.answered is None and self.world.clock > self.patience:
            self._defer()

    def _ask_again(self) -> None:
        """Deliver the platform's repetitions that are due, unless it has an answer."""
        world, turn, window = self.world, self.listener.turn, self.world.bot.window
        while (
            self.answered is None
            and turn.copies < window.requests
            and world.clock >= self.began + turn.copies * window.seconds
        ):
            world.driver.turns.join(turn.id, world.clock)

    def _defer(self) -> None:
        """Answer the platform's last request: its patience is over."""
        world, turn = self.world, self.listener.turn
        sealed = sealed_pending(world.rules.seal, self.message, self.arrived)
        answered = world.store.defer(self.user, self.key, sealed)
        if isinstance(answered, Answered):
            reply = decode_reply(answered.reply)
        else:
            asking = link_to_page(world.rules, self.user, self.message, self.key)
            page = perform_all(asking, lambda operation, _: operation.on(world.store))
            reply, turn.deferred = too_late(world.rules, page), True
        turn.departed = turn.copies
        self.answered = Outcome(reply, late=True)

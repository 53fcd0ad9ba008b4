"""Steps with parts in a simulated world. Each part, and each call to the store, is an event of its
own, and between these the worker may stop or die.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextvars import copy_context
from typing import Any, Protocol

from wechat_dialog.core.store.parts import PartPut
from wechat_dialog.core.turn.operations import RunStep, StepOutcome
from wechat_dialog.core.turn.outcomes_in_hand import Call
from wechat_dialog.core.turn.step_parts import Part, StepParts
from wechat_dialog.errors import StoreError

from .judge import Judge
from .network import Network
from .parts import Flying, Worker

__all__ = ["Parted", "tool"]

PARTS = 3


def tool(number: int, part: int) -> int:
    """Stands for a paid call."""
    raise NotImplementedError


class World(Protocol):
    """A request of a step with parts to its world."""

    now: float
    judge: Judge
    network: Network
    store: Any

    def later(self, seconds: float, worker: Worker | None, what: Callable[[], object]) -> None:
        """Do something after a while."""
        ...

    def say(self, text: str) -> None:
        """Tell of it."""
        ...

    def lasts(self, flying: Flying) -> float:
        """Return how long a call takes."""
        ...

    def receipt(self) -> int:
        """Return a value that no other call returns."""
        ...


class Parted:
    """One call of a step that runs parts and says marks.

    Attributes:
        lost: What the store failed its parts with; None: it did not.
    """

    def __init__(self, world: World, flying: Flying, step: RunStep, call: Call) -> None:
        assert step.parts is not None, "a step with parts"
        self._world, self._flying, self._step, self._call = world, flying, step, call
        self.lost: StoreError | None = None
        self._outcomes = flying.worker.settings.outcomes
        in_hand = self._outcomes.parts(flying.user, step.key)
        self._tried = StepParts(step.call.name, step.parts, in_hand).attempt()
        self._body = self._run()
        # A model says the same in other words when it is asked again.
        self._words = world.receipt()
        # Parts of other steps, under way at the same time, are not within those of this one.
        self._context = copy_context()

    def begin(self) -> None:
        """Run up to the first event that takes time."""
        self._go_on(None, None)

    def _run(self) -> Generator[Any, Any, list[int]]:
        number, count, serial = self._step.call.args
        conversation = self._step.key.split(":", 1)[0]
        results: list[int] = []
        for part in range(PARTS):
            results.append((yield from self._tried.run(f"p{part}", tool, (number, part), {})))
            if part:
                mark = f"⟨{serial}.{conversation}.{count + part - 1}⟩ {self._words}"
                yield from self._tried.say(mark)
        return results

    def _go_on(self, result: Any, error: Exception | None) -> None:
        world, flying, step = self._world, self._flying, self._step
        if self._call.over:
            return  # it was cancelled
        try:
            if error is None:
                wanted = self._context.run(self._body.send, result)
            else:
                wanted = self._context.run(self._body.throw, error)
        except StopIteration as stop:
            self._tried.end(returned=True)
            world.judge.parts_returned(flying.user, step, stop.value)
            outcome = StepOutcome(step.slot, sum(stop.value), said=tuple(self._tried.said))
            world.judge.step_returned(flying, step)
            self._outcomes.finish(self._call, outcome, world.now)
        except StoreError as lost:
            world.say(f"    {flying.serial} the parts of {step.key} are given up: {lost}")
            world.judge.step_given_up(flying, step)
            self.lost = lost
            self._outcomes.finish(self._call, None, world.now)
        else:
            self._perform(wanted)

    def _perform(self, wanted: Any) -> None:
        world, flying, step = self._world, self._flying, self._step
        if isinstance(wanted, Part):
            world.judge.part_started(flying, step, wanted.args, world.now)
            receipt = world.receipt()

            def ended() -> None:
                if not self._call.over:
                    world.judge.part_returned(flying, step, wanted.args)
                    self._go_on(receipt, None)

            world.later(world.lasts(flying), flying.worker, ended)
            return
        error: StoreError | None = None
        answer: Any = None
        if world.network.silence(flying.user, world.now) is not None:
            error = StoreError("away")
            flying.worker.failed[flying.user] = world.now
        else:
            try:
                answer = wanted.on(world.store)
            except StoreError as lost:
                error = lost
        world.say(f"    {flying.serial} {wanted!r} -> {error!r}")
        if isinstance(wanted, PartPut) and error is None:
            world.judge.part_recorded(flying, step, wanted)
        world.later(0.001, flying.worker, lambda: self._go_on(answer, error))

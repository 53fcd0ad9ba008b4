"""What a test has planned for its bot's steps, and whether it happened."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable
from typing import Any

from wechat_dialog.core.blame import line_at_hand

from .arguments import must_be_step
from .step_names import StepNames, name_of

__all__ = ["Plan", "Plans", "crashes_that_never_happened", "forget", "plans_for_no_step"]


@dataclasses.dataclass
class Plan:
    """What a test has planned for one step, or for a part of one.

    Attributes:
        takes: Seconds that it takes.
        crashes: Where the worker dies: "before", "in" or "after" it; "" if it lives.
        deaths: How many more workers die.
        crashed: Whether one has died.
        repeats: See `Talk.crashes`.
        fake: Called instead of the step.
    """

    takes: float = 0.0
    crashes: str = ""
    deaths: int = 0
    crashed: bool = False
    repeats: bool = True
    fake: Callable[..., Any] | None = None

    def crash(self) -> str:
        """Return where the worker that begins the step dies; "" if it lives."""
        crashes = self.crashes if self.deaths > 0 else ""
        self.crashed = self.crashed or bool(crashes)
        self.deaths -= 1
        return crashes


class Plans:
    """The plans of a talk, by the names of steps."""

    def __init__(self) -> None:
        self.names = StepNames()
        self._plans: dict[str, Plan] = {}
        self._ran: set[str] = set()

    def of(self, step: str | Callable[..., Any], call: str) -> Plan:
        """Return the plan for a step, or for all of that name.

        Args:
            step: The step, or its name.
            call: What plans something for it, such as "fake".

        Raises:
            LookupError: It is a name that the bot's code does not show, and one is similar.
        """
        must_be_step(step, call)
        name = name_of(step)
        if isinstance(step, str) and (meant := self._meant(name)):
            raise LookupError(
                f"talk.{call}({name!r}): the bot has no step of that name; did you mean {meant!r}?"
            )
        plan = self._plans.setdefault(name, Plan())
        if not any(known.plan is plan and known.call == call for known in _planned):
            _planned.append(_Planned(call, name, line_at_hand(), plan, self))
        return plan

    def _meant(self, name: str) -> str:
        """Return the name that was probably misspelled as this one; "" if it may be right."""
        return "" if self.may_run(name) else self.names.nearest(name)

    def may_run(self, name: str) -> bool:
        """Whether a step of this name has run, or may."""
        return name in self._ran or name in _ever_ran or self.names.know(name)

    def begin(self, name: str) -> Plan:
        """Note that a step of this name runs; returns the plan for it."""
        self._ran.add(name)
        _ever_ran.add(name)
        return self._plans.get(name) or Plan()

    def crash(
        self, step: str | Callable[..., Any], when: str, *, times: int, repeats: bool
    ) -> None:
        """Plan what `Talk.crashes` says."""
        plan = self.of(step, "crashes")
        plan.crashes, plan.deaths, plan.repeats, plan.crashed = when, times, repeats, times <= 0

    @property
    def ran(self) -> str:
        """The names of the steps that ran, for a sentence."""
        return ", ".join(map(repr, sorted(self._ran))) or "none"


@dataclasses.dataclass(frozen=True, eq=False)
class _Planned:
    """One call of a test that planned something, with its line and its plan."""

    call: str
    name: str
    where: str
    plan: Plan
    plans: Plans

    @property
    def is_mistaken(self) -> bool:
        """Whether the bot has no such step: none ran, and its code shows none. One that is there
        need not run, since a plan may be made for several tests.
        """
        return not self.plans.may_run(self.name)

    @property
    def never_crashed(self) -> bool:
        """Whether it is a crash that did not happen."""
        return self.call == "crashes" and not self.plan.crashed

    def told(self, why: str) -> str:
        """Return a sentence that says what did not happen."""
        call = f"talk.{self.call}({self.name!r})"
        return f"{self.where}: {call}: {why}; in the whole talk ran: {self.plans.ran}"


_planned: deque[_Planned] = deque(maxlen=100)
"""What the current test has planned last."""

_ever_ran: set[str] = set()
"""The names of all steps that have run in this process's talks."""


def plans_for_no_step() -> list[str]:
    """Return a sentence for each plan of the current test that is for no step of its bot, for the
    pytest plugin; usually empty.
    """
    why = "no step of that name ran, and the bot's code shows none"
    return [planned.told(why) for planned in _planned if planned.is_mistaken]


def crashes_that_never_happened() -> list[str]:
    """Return a sentence for each crash that the current test planned and that did not happen, for
    the pytest plugin; usually empty.
    """
    why = "no worker died, since no step of that name ran after that"
    return [planned.told(why) for planned in _planned if planned.never_crashed]


def forget() -> None:
    """Forget the plans of a finished test (pytest plugin)."""
    _planned.clear()

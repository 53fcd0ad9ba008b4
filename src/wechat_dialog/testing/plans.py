"""What a test has planned for its bot's steps, and whether it happened."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable
from typing import Any

__all__ = ["Plan", "Plans", "crashes_that_never_happened", "forget"]


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
        self._plans: dict[str, Plan] = {}
        self._ran: set[str] = set()

    def of(self, step: str | Callable[..., Any]) -> Plan:
        """Return the plan for a step, or for all of that name."""
        return self._plans.setdefault(_name(step), Plan())

    def begin(self, name: str) -> Plan:
        """Note that a step of this name runs; returns the plan for it."""
        self._ran.add(name)
        return self._plans.get(name) or Plan()

    def crash(
        self, step: str | Callable[..., Any], when: str, *, times: int, repeats: bool
    ) -> None:
        """Plan what `Talk.crashes` says."""
        plan = self.of(step)
        plan.crashes, plan.deaths, plan.repeats, plan.crashed = when, times, repeats, False
        known = any(plan is planned for _, planned, _ in _crashing)
        if times > 0 and not known:
            _crashing.append((_name(step), plan, self._ran))


_crashing: deque[tuple[str, Plan, set[str]]] = deque(maxlen=100)
"""The latest planned crashes: name of the step, its plan, and the names of those that ran."""


def crashes_that_never_happened() -> list[str]:
    """Return a sentence for each crash that the current test planned and that did not happen, for
    the pytest plugin; usually empty.
    """
    return [
        f"talk.crashes({name!r}): no worker died, since no step of that name ran after that; "
        f"in the whole talk ran: {', '.join(map(repr, sorted(ran))) or 'none'}"
        for name, plan, ran in _crashing
        if not plan.crashed
    ]


def forget() -> None:
    """Forget the plans of a finished test (pytest plugin)."""
    _crashing.clear()


def _name(step: str | Callable[..., Any]) -> str:
    if isinstance(step, str):
        return step
    options = getattr(step, "options", None)
    return getattr(options, "name", "") or getattr(step, "__qualname__", type(step).__name__)

"""The search for a world in which something goes wrong, and for the shortest plan that shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from wechat_dialog.stores.memory import MemoryStore

from .plan import Action, Plan, plan_of
from .world import run

__all__ = ["Failed", "failure_of", "kept", "run_seeds", "shortest"]

TRIES = 400
"""Worlds that are run at most to shorten one plan; each takes some 20 ms."""


class Failed(AssertionError):
    """A world went wrong; the text says what happened in it, and how to see it again."""


def failure_of(plan: Plan, store: type[MemoryStore] = MemoryStore) -> Exception | None:
    """Return what goes wrong in the world of a plan, or None."""
    try:
        run(plan, store)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what was looked for
        return error
    return None


def kept(plan: Plan, indices: Iterable[int]) -> Plan:
    """Return the plan with only these of its actions, by index."""
    return replace(plan, actions=tuple(plan.actions[index] for index in sorted(indices)))


def shortest(plan: Plan, fails: Callable[[Plan], bool]) -> list[int]:
    """Return the indices of a small set of actions with which the plan still fails.

    Whole stretches are left out first, then ever smaller ones, down to single actions; the set is
    such that no single one of them can be left out, unless the tries are used up.
    """
    left = list(range(len(plan.actions)))
    size, tries = max(1, len(left) // 2), 0
    while True:
        shorter = False
        at = len(left)
        while at > 0 and tries < TRIES:
            begin = max(0, at - size)
            without = left[:begin] + left[at:]
            tries += 1
            if fails(kept(plan, without)):
                left, shorter = without, True
            at = begin
        if tries >= TRIES or (size == 1 and not shorter):
            return left
        size = max(1, size // 2)


def run_seeds(seeds: Iterable[int], store: type[MemoryStore] = MemoryStore) -> int:
    """Run a world for each seed; returns the number of turns that were committed.

    Raises:
        Failed: One went wrong.
    """
    turns = 0
    for seed in seeds:
        plan = plan_of(seed)
        try:
            turns += run(plan, store).judge.turns
        except Exception as error:
            raise Failed(report(plan, error, store)) from error
    return turns


def report(plan: Plan, error: Exception, store: type[MemoryStore] = MemoryStore) -> str:
    """Return what went wrong in words: the shortest plan, and the command that runs it."""
    left = shortest(plan, lambda shorter: type(failure_of(shorter, store)) is type(error))
    final = failure_of(kept(plan, left), store) or error
    actions: tuple[Action, ...] = kept(plan, left).actions
    lines = [
        f"seed {plan.seed}: {error}",
        f"shortest plan, {len(left)} of {len(plan.actions)} actions, which ends with: {final}",
        *(f"    {action}" for action in actions),
        f"run it: python -m tests.simulation {plan.seed} --keep {','.join(map(str, left))}",
    ]
    return "\n".join(lines)

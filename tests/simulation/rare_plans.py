"""Plans for situations that random plans seldom lead to."""

from __future__ import annotations

from random import Random

from .plan import Action, Operate, Outage, Plan, Say, secret_of

__all__ = ["crowd_of", "ended_of", "refused_of"]


def crowd_of(seed: int) -> Plan:
    """Make up a plan in which several users of one process are in steps while half of the store
    does not answer.
    """
    chance = Random(seed)
    actions: list[Action] = []
    for user in range(16):
        actions += [
            Say(chance.random(), 2 * user + 1, user, "加1s"),
            Say(5 + chance.random(), 2 * user + 2, user, str(2 * user + 2)),
        ]
    actions.append(Outage(5.5 + chance.random() * 2, 10.0, chance.randrange(2), 3.0))
    return Plan(
        seed, cache=True, fast=True, requests=3, workers=1, latency=0.0, slow=True,
        actions=tuple(actions),
    )  # fmt: skip


def refused_of(seed: int) -> Plan:
    """Make up a plan in which the store refuses all outcomes for a while, just when several steps
    end.
    """
    chance = Random(seed)
    actions: list[Action] = [
        Say(chance.random(), user + 1, user, f"加{user + 1}a") for user in range(16)
    ]
    actions.append(Outage(1 + chance.random() * 2, 5.0))
    return Plan(
        seed, cache=True, fast=True, requests=3, workers=2, latency=0.0, slow=True,
        actions=tuple(actions),
    )  # fmt: skip


def ended_of(seed: int) -> Plan:
    """Make up a plan in which an operator ends conversations while a step has a secret answer."""
    chance = Random(seed)
    actions: list[Action] = []
    for user in range(16):
        actions += [
            Say(chance.random(), 2 * user + 1, user, "密a"),
            Say(25 + chance.random(), 2 * user + 2, user, secret_of(2 * user + 2)),
            Operate(26 + chance.random() * 4, user, "drop"),
        ]
    return Plan(
        seed, cache=True, fast=True, requests=3, workers=2, latency=0.0, slow=True,
        actions=tuple(actions),
    )  # fmt: skip

"""Plans for what chance seldom brings about."""

from __future__ import annotations

from random import Random

from .plan import Action, Operate, Outage, Plan, Say, secret_of

__all__ = ["crowd_of", "ended_of", "refused_of"]


def crowd_of(seed: int) -> Plan:
    """Make a plan up in which one process has several users in their steps, and half of the store
    falls silent: chance seldom brings that about.
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
    """Make a plan up in which the store refuses everybody's outcome for a while: chance seldom has
    several steps end just then.
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
    """Make a plan up in which an operator ends conversations while a step has what was told in
    secret: chance seldom brings that about.
    """
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

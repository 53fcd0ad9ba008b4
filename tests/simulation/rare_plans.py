"""Plans for situations that random plans seldom lead to."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from .changed import CHANGES
from .plan import Action, Deploy, Freeze, Hang, Jump, Operate, Outage, Plan, Say, plan_of, secret_of

__all__ = ["crowd_of", "deployed_of", "ended_of", "jumping_of", "refused_of", "stopped_of"]


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


def stopped_of(seed: int) -> Plan:
    """Make up a plan in which a process stops for longer than the store remembers a reply, with a
    request that it has read, while another one answers its copies.

    On an event loop the requests that wait at its door meanwhile belong to it. On threads there are
    none: a process does not hear that the platform had closed them before it read them.
    """
    chance = Random(seed)
    on_threads = seed % 3 != 1  # one of the two processes
    actions: list[Action] = []
    for user in range(8):
        first, count = 4 * user + 1, chance.choice((1, 2))
        flags = "".join(flag for flag in "asc" if chance.random() < 0.3)
        texts = [f"加{count}{flags}", *(str(first + nth) for nth in range(1, count + 1)), "帮助"]
        if on_threads:
            texts = [chance.choice((str(first), "帮助"))]
        at = user * 120 + chance.random()
        for nth, text in enumerate(texts):
            lost = frozenset((1, 2)) if chance.random() < 0.3 else frozenset((2,))
            actions.append(Say(at, first + nth, user, text, lost))
            at += 12 + chance.random()
        stops_at, seconds = first + chance.randrange(len(texts)), 62 + chance.random() * 30
        actions.append(Freeze(stops_at, chance.choice((1, 1, 2)), seconds, before=True))
    return Plan(
        seed, cache=bool(seed & 1), fast=bool(seed & 2), requests=3, workers=2, latency=0.0,
        slow=False, actions=tuple(actions),
    )  # fmt: skip


def deployed_of(seed: int) -> Plan:
    """Make up the plan of a seed in which workers are replaced, one by one, by such with changed
    code, or with the old code again; for a while both handle the messages of a user.
    """
    plan, chance = plan_of(seed), Random(~seed << 3)
    actions: list[Action] = []
    for action in plan.actions:
        if isinstance(action, Say) and action.text.startswith("加"):
            flags = "".join(flag for flag in CHANGES if chance.random() < 0.4)
            actions.append(replace(action, text=action.text + flags))
        else:
            actions.append(action)
        if isinstance(action, Say) and chance.random() < 0.15:
            actions.append(Deploy(action.at + chance.random() * 4, chance.randrange(3)))
    return replace(plan, actions=tuple(actions))


def jumping_of(seed: int) -> Plan:
    """Make up the plan of a seed in which the store's clock is set now and then: forward by more
    than a lease, but not so far that it forgets replies while copies come, or back.

    No step hangs. Where one does for longer than replies are remembered, and the clock is set back
    meanwhile, the store does not tell that it has known the message all along, so that the turn
    ends as one that may have been answered.
    """
    plan, chance = plan_of(seed), Random(~seed << 4)
    actions = tuple(action for action in plan.actions if not isinstance(action, Hang))
    said = [action for action in actions if isinstance(action, Say)]
    seconds = (1.0, 3.5, 8.0, -1.0, -3.5, -30.0, -4000.0)
    jumps = [
        Jump(say.at + chance.random() * 3, chance.choice(seconds))
        for say in chance.sample(said, chance.choice((1, 2, 4)))
    ]
    return replace(plan, actions=(*actions, *jumps))

"""What happens in one simulated world, as a list that can be read, shortened and run again.

Nothing in a plan depends on what happened before it, and chance in a world is rolled per message
and copy, not from one common stream: so any action can be left out, and the rest stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

__all__ = [
    "Desert", "Dice", "Fault", "Freeze", "Kill", "Operate", "Outage", "Plan", "Say", "plan_of",
]  # fmt: skip

MASK = (1 << 64) - 1


class Dice:
    """A tiny source of chance: a linear congruential generator, since worlds make thousands."""

    __slots__ = ("_state",)

    def __init__(self, *seed: int) -> None:
        state = 0x9E3779B97F4A7C15
        for part in seed:
            state = ((state ^ part) * 0xD6E8FEB86659FD93 + 0x632BE59BD9B4E019) & MASK
            state ^= state >> 32
        self._state = state

    def roll(self) -> float:
        """Return a number from 0 up to 1."""
        self._state = (self._state * 6364136223846793005 + 1442695040888963407) & MASK
        return (self._state >> 11) / (1 << 53)

    def delay(self) -> float:
        """Return the seconds one round trip takes: milliseconds, now and then more than a lease."""
        kind, size = self.roll(), self.roll()
        if kind < 0.85:
            return 0.001 + size * 0.015
        if kind < 0.97:
            return size * 0.3
        return size * 1.5 if kind < 0.995 else size * 6


@dataclass(frozen=True, slots=True)
class Say:
    """A user sends a message; `text` begins with `!` for an event's name.

    Attributes:
        at: When, seconds after the world began.
        serial: Its number; unique.
        user: Whose.
        text: What he types.
        lost: Copies lost on their way.
        doubled: Copies that arrive twice.
    """

    at: float
    serial: int
    user: int
    text: str
    lost: frozenset[int] = frozenset()
    doubled: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Kill:
    """Whichever worker performs the `nth` operation for a message dies before or after it."""

    serial: int
    nth: int
    after: bool


@dataclass(frozen=True, slots=True)
class Freeze:
    """Whichever worker performs the `nth` operation for a message stops after it, for a while."""

    serial: int
    nth: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Desert:
    """Whoever runs a message's turn dies this long after the waiting text for it was asked for."""

    serial: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Fault:
    """The store fails at the `nth` operation for a message, before or after it took effect."""

    serial: int
    nth: int
    after: bool


@dataclass(frozen=True, slots=True)
class Outage:
    """The store cannot be reached for a while."""

    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Operate:
    """An operator does something to a user: "end", "resume" or "drop"."""

    at: float
    user: int
    what: str


Action = Say | Kill | Freeze | Desert | Fault | Outage | Operate


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that happens in one world.

    Attributes:
        seed: Of the dice.
        cache: Whether workers keep live dialogs.
        fast: Whether the fast path is open.
        requests: How often the platform asks: 3, sometimes 4.
        workers: How many processes there are.
        actions: What happens.
    """

    seed: int
    cache: bool
    fast: bool
    requests: int
    workers: int
    actions: tuple[Action, ...]


WORDS = ("继续", "取消", "返回", "帮助", "客服", "嗯", "!CLICK", "!LOCATION", "!unsubscribe")
WEIGHTS = (6, 4, 6, 4, 5, 3, 5, 1, 1)
FLAGS = "asgeubcltf"
MESSAGES = 40


def plan_of(seed: int) -> Plan:
    """Make the plan of a seed up."""
    chance = Random(seed)
    roll = chance.random
    users = chance.choice((1, 2, 3))
    calm = roll() < 0.15
    actions: list[Action] = []
    clocks = [roll() * 3 for _ in range(users)]
    left = [0] * users
    for serial in range(1, MESSAGES + 1):
        user = chance.randrange(users)
        clocks[user] += _gap(chance)
        text, left[user] = _text(chance, serial, left[user])
        lost = frozenset(c for c in range(3) if roll() < 0.06)
        doubled = frozenset(c for c in range(3) if roll() < 0.04)
        actions.append(Say(round(clocks[user], 3), serial, user, text, lost, doubled))
        if not calm:
            actions += _mishap(chance, serial, user, clocks[user])
    return Plan(
        seed, bool(seed & 1), bool(seed & 2), 4 if roll() < 0.15 else 3, chance.choice((1, 2, 3)),
        tuple(actions),
    )  # fmt: skip


def _gap(chance: Random) -> float:
    kind, size = chance.random(), chance.random()
    if kind < 0.4:
        return size * 0.2
    if kind < 0.7:
        return 0.2 + size * 3
    if kind < 0.92:
        return 3 + size * 9
    return 10 + size * 55


def _text(chance: Random, serial: int, left: int) -> tuple[str, int]:
    """Return what a user types, and how many numbers he still has to give."""
    roll = chance.random()
    if roll < 0.25:
        return chance.choices(WORDS, WEIGHTS)[0], left
    if left and roll < 0.93:
        return str(serial), left - 1
    if roll > 0.9 and left == 0:
        return str(serial), 0
    count = chance.choice((1, 1, 2, 2, 3, 4))
    flags = "".join(flag for flag in FLAGS if chance.random() < 0.22)
    return f"加{count}{flags}", count


def _mishap(chance: Random, serial: int, user: int, at: float) -> list[Action]:
    roll, nth = chance.random(), chance.choice((1, 1, 2, 2, 3, 4, 5, 6))
    if roll < 0.11:
        return [Kill(serial, nth, chance.random() < 0.6)]
    if roll < 0.15:
        return [Freeze(serial, nth, chance.choice((0.5, 2.9, 3.5, 6.0, 12.0)))]
    if roll < 0.19:
        return [Fault(serial, nth, chance.random() < 0.5)]
    if roll < 0.195:
        return [Outage(at, chance.choice((0.3, 3.0)))]
    if roll < 0.23:
        return [
            Operate(at + chance.random(), user, chance.choice(("end", "resume", "resume", "drop")))
        ]
    # Of interest only where a turn takes that long, so nearly every turn that does is deserted.
    return [Desert(serial, chance.choice((0.0, 0.01, 0.5, 3.0)))]

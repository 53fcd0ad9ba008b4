"""The events of one simulated world, as a list that can be read, shortened and run again.

No action of a plan depends on earlier ones, and random numbers are drawn for each message and copy
separately, not from one common stream. So any action can be left out, and the others stay the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

__all__ = [
    "SECRET", "Close", "Deploy", "Desert", "Dice", "Fault", "Freeze", "Hang", "Jump", "Kill",
    "Operate", "Outage", "Plan", "Say", "Stall", "plan_of", "secret_of",
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
        text: What they type.
        lost: Copies lost on their way.
        doubled: Copies that arrive twice.
        again: Seconds after an apology, or after no answer at all, until the user writes the same
            again; None: they do not.
    """

    at: float
    serial: int
    user: int
    text: str
    lost: frozenset[int] = frozenset()
    doubled: frozenset[int] = frozenset()
    again: float | None = None


@dataclass(frozen=True, slots=True)
class Kill:
    """Whichever worker performs the `nth` operation for a message dies before or after it."""

    serial: int
    nth: int
    after: bool


@dataclass(frozen=True, slots=True)
class Freeze:
    """Whichever worker performs the `nth` operation for a message stops after it, for a while; or
    before it.
    """

    serial: int
    nth: int
    seconds: float
    before: bool = False


@dataclass(frozen=True, slots=True)
class Desert:
    """The worker that runs a message's turn dies this long after its waiting text was requested."""

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
    """The store cannot be reached for a while.

    Attributes:
        at: When it begins.
        seconds: How long it lasts.
        shard: Which of the store's two servers is away; None: all of it.
        silence: Seconds until a question to it fails: none where the connection is refused.
    """

    at: float
    seconds: float
    shard: int | None = None
    silence: float = 0.0


@dataclass(frozen=True, slots=True)
class Stall:
    """The store accepts calls and does nothing for a while; then it carries all of them out.

    Attributes:
        at: When it begins.
        seconds: How long it lasts.
        patience: Seconds after which whoever asked gives up, though it will be carried out.
    """

    at: float
    seconds: float
    patience: float


@dataclass(frozen=True, slots=True)
class Close:
    """A worker is told to end: it accepts no new requests, and lets its turns end.

    Attributes:
        at: When.
        worker: Which one.
        drain: Seconds after which it ends whatever is under way.
    """

    at: float
    worker: int
    drain: float


@dataclass(frozen=True, slots=True)
class Deploy:
    """A worker is told to end, and the one that replaces it has the changed code; or the old code
    again, if this one had the changed code.

    Attributes:
        at: When.
        worker: Which one.
    """

    at: float
    worker: int


@dataclass(frozen=True, slots=True)
class Hang:
    """The steps of a message's turn never return, whichever worker runs them, until an operator
    resumes the conversation.
    """

    serial: int


@dataclass(frozen=True, slots=True)
class Jump:
    """The store's clock is set.

    Attributes:
        at: When.
        seconds: By how much; negative: back.
    """

    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Operate:
    """An operator does something to a user: "end", "resume", "drop" or "forget"."""

    at: float
    user: int
    what: str


Action = (
    Say | Kill | Freeze | Desert | Fault | Outage | Stall | Close | Deploy | Hang | Jump | Operate
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that happens in one world.

    Attributes:
        seed: Of the dice.
        cache: Whether workers keep live dialogs.
        fast: Whether the fast path is open.
        requests: How often the platform asks: 3, sometimes 4.
        workers: How many processes there are.
        latency: Seconds that every round trip takes besides.
        slow: Whether most steps take seconds.
        actions: What happens.
        forgetful: Whether the bot keeps nothing of a user who unsubscribed.
    """

    seed: int
    cache: bool
    fast: bool
    requests: int
    workers: int
    latency: float
    slow: bool
    actions: tuple[Action, ...]
    forgetful: bool = False


WORDS = ("继续", "取消", "返回", "帮助", "客服", "嗯", "!CLICK", "!LOCATION", "!unsubscribe")
WEIGHTS = (6, 4, 6, 4, 5, 3, 5, 1, 1)
FLAGS = "asgeubcltf"
SECRET = 10**15
"""Secret answers are numbers from this one on."""
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
        again = 0.5 + roll() * 4 if roll() < 0.7 else None
        actions.append(Say(round(clocks[user], 3), serial, user, text, lost, doubled, again))
        if not calm:
            actions += _mishap(chance, serial, user, clocks[user])
    if not calm:
        actions += _forgetting(seed, actions)
    actions = _in_secret(seed, actions)
    if not calm:
        actions += _hanging(seed, actions)
    return Plan(
        seed, bool(seed & 1), bool(seed & 2), 4 if roll() < 0.15 else 3, chance.choice((1, 2, 3)),
        0.0 if roll() < 0.8 else roll() * 0.1, roll() < 0.15, tuple(actions),
        bool(seed & 4),
    )  # fmt: skip


def _forgetting(seed: int, actions: Sequence[Action]) -> list[Action]:
    """Let an operator forget a user now and then, mostly while a message is being handled, and let
    users unsubscribe, with workers that often die in that turn. The random numbers come from a
    separate source, so that everything else in a world stays the same.
    """
    chance = Random(~seed)
    said = [action for action in actions if isinstance(action, Say)]
    some = chance.sample(said, chance.choice((0, 0, 0, 1, 2)))
    found: list[Action] = [
        Operate(say.at + chance.random() * 3, say.user, "forget") for say in some
    ]
    leaving = chance.sample(said, chance.choice((0, 1, 2)))
    for serial, say in enumerate(leaving, MESSAGES + 1):
        found.append(Say(say.at + chance.random() * 3, serial, say.user, "!unsubscribe"))
        found.append(Kill(serial, chance.choice((2, 3, 3, 3, 4)), after=chance.random() < 0.8))
    return found


def _in_secret(seed: int, actions: list[Action]) -> list[Action]:
    """Return a plan in which some questions are secret, in one world of three. Its random numbers
    have a separate source, too.
    """
    chance = Random(~seed << 1)
    if chance.random() > 1 / 3:
        return actions
    asked: set[int] = set()
    found: list[Action] = []
    for action in actions:
        if isinstance(action, Say) and action.text.startswith("加"):
            asked.discard(action.user)
            if chance.random() < 0.4:
                asked.add(action.user)
                flags = "".join(flag for flag in action.text[2:] if flag in "agec")
                found.append(replace(action, text=f"密{flags}"))
                continue
        elif isinstance(action, Say) and action.text.isdigit() and action.user in asked:
            found.append(replace(action, text=secret_of(action.serial)))
            continue
        found.append(action)
    return found


def _hanging(seed: int, actions: Sequence[Action]) -> list[Action]:
    """Let steps hang in one world of six, and an operator resume what was given up."""
    chance = Random(~seed << 2)
    if chance.random() > 1 / 6:
        return []
    said = [action for action in actions if isinstance(action, Say)]
    said = [say for say in said if say.text not in WORDS[:4]]
    leaving = [say for say in said if say.text == "!unsubscribe"]
    found: list[Action] = []
    for say in [*chance.sample(said, min(3, len(said))), *leaving[:1]]:
        found.append(Hang(say.serial))
        if chance.random() < 0.5:
            found.append(Operate(say.at + 125 + chance.random() * 20, say.user, "resume"))
    return found


def secret_of(serial: int) -> str:
    """Return the secret answer of a message: it appears nowhere else, not even as a sum."""
    return str(SECRET + serial * 7_919_333_777)


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
    """Return what a user types, and how many numbers they still have to give."""
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
    if roll < 0.22:
        return [_trouble(chance, at)]
    if roll < 0.255:
        return [
            Operate(at + chance.random(), user, chance.choice(("end", "resume", "resume", "drop")))
        ]
    if roll < 0.265:
        return [Close(at + chance.random() * 2, chance.randrange(3), chance.choice((2.0, 15.0)))]
    # Of interest only where a turn takes that long, so nearly every turn that does is deserted.
    return [Desert(serial, chance.choice((0.0, 0.01, 0.5, 3.0)))]


def _trouble(chance: Random, at: float) -> Action:
    """Return something that happens to the store."""
    at, roll = at + chance.random() * 2, chance.random()
    if roll < 0.3:
        return Stall(at, chance.choice((1.0, 3.5, 4.5, 7.0)), chance.choice((2.0, 60.0)))
    seconds = chance.choice((0.3, 3.0, 3.5, 5.0))
    if roll < 0.6:
        return Outage(at, seconds)
    return Outage(at, seconds + 4.0, chance.randrange(2), 3.0)

"""What moves in a simulated world: messages on their way, requests, turns, processes."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from wechat_dialog import messages
from wechat_dialog.flights import Flights, Seat
from wechat_dialog.operations import Operation, StepOutcome
from wechat_dialog.turn import Outcome, Settings
from wechat_dialog.window import Window

from .plan import Dice, Say

__all__ = ["BEGIN", "LEASE", "WINDOW", "Chain", "Connection", "Flying", "Worker"]

BEGIN = 1_700_000_000.0
"""When every world begins, in seconds since 1970."""
LEASE = 3.0
WINDOW = Window()


@dataclass(eq=False, slots=True)
class Connection:
    """One request of the platform.

    Attributes:
        serial: Of its message.
        opened: When it reached its worker.
        closes: When the platform hangs up.
        slow: Whether its worker stopped or the store failed meanwhile.
    """

    serial: int
    opened: float
    closes: float
    slow: bool = False


@dataclass(eq=False, slots=True)
class Chain:
    """All requests of one message."""

    say: Say
    message: messages.Message
    user: str
    key: str
    asks: int
    answered: bool = False
    answers: list[Outcome | None] = field(default_factory=list[Outcome | None])
    connections: list[Connection] = field(default_factory=list[Connection])


@dataclass(eq=False, slots=True)
class Flying:
    """A turn under way in a worker.

    Attributes:
        serial: Of its message; 0 for an operator's.
        text: What the user typed.
        over: Whether it came to an end.
        dead: Whether its worker died.
        excused: Whether its worker stopped, or the store failed it: it may have lost its claim.
        dropped: Whether an operator took its claim away.
    """

    worker: Worker
    user: str
    key: str
    serial: int
    text: str
    turn: Generator[Operation, Any, Outcome]
    seat: Seat | None
    dice: Dice
    fence: int = 0
    over: bool = False
    dead: bool = False
    excused: bool = False
    dropped: bool = False
    left: bool = False
    connection: Connection | None = None
    chain: Chain | None = None
    outcomes: list[StepOutcome] = field(default_factory=list[StepOutcome])
    gathering: int = 0
    waits: bool = False


@dataclass(eq=False, slots=True)
class Worker:
    """One process; a killed one is replaced by another of its number.

    Attributes:
        told: When the store told a flight which copy of its message it is, by the flight's `id`.
    """

    number: int
    settings: Settings
    synchronous: bool
    flights: Flights = field(default_factory=Flights)
    alive: bool = True
    frozen: float = 0.0
    flying: set[Flying] = field(default_factory=set[Flying])
    listeners: dict[int, list[Callable[[], None]]] = field(
        default_factory=dict[int, list[Callable[[], None]]]
    )
    connections: list[Connection] = field(default_factory=list[Connection])
    told: dict[int, float] = field(default_factory=dict[int, float])

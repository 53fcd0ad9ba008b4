"""The moving parts of a simulated world: messages, requests, turns, processes."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from wechat_dialog import messages
from wechat_dialog.core.turn.notes import Notes
from wechat_dialog.core.turn.operations import Commit, StepOutcome
from wechat_dialog.core.turn.outcome import Outcome
from wechat_dialog.core.turn.outcomes_in_hand import Call
from wechat_dialog.core.turn.running_turn import RunningTurn
from wechat_dialog.core.turn.settings import Settings
from wechat_dialog.core.turn.staleness import Staleness
from wechat_dialog.core.turn.turn_report import TurnReport
from wechat_dialog.core.turn.window import Window
from wechat_dialog.runtime.drive import TurnDriver
from wechat_dialog.runtime.reporting import Reporting
from wechat_dialog.runtime.requests import Requests
from wechat_dialog.runtime.running_turns import RunningTurns

from .plan import Dice, Say

__all__ = [
    "BEGIN", "LEASE", "LONGEST", "WINDOW", "Asking", "Chain", "Connection", "Flying", "Reports",
    "Worker",
]  # fmt: skip

BEGIN = 1_700_000_000.0
"""When every world begins, in seconds since 1970."""
LEASE = 3.0
AHEAD = 60.0
LONGEST = 120.0
"""Seconds that a turn may take: no turn without a hung step takes as long."""
WINDOW = Window()


class Doubtful(Staleness):
    """What a process has learned among many others: it looks before it runs a live dialog."""

    @property
    def often(self) -> bool:
        return True


def staleness_of(seed: int) -> Staleness:
    """Return what a process of a world has learned, for every second seed `Doubtful`."""
    return Doubtful() if seed & 4 else Staleness()


@dataclass(eq=False, slots=True)
class Connection:
    """One request of the platform.

    Attributes:
        serial: Of its message.
        opened: When it reached its worker.
        closes: When the platform hangs up.
        dice: Its share of chance.
        slow: Whether its worker stopped meanwhile.
        early: Whether it is told to leave before its time, since it would wait in vain.
    """

    serial: int
    opened: float
    closes: float
    dice: Dice
    slow: bool = False
    early: bool = False


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
class Asking:
    """A request that waits for its answer.

    Attributes:
        wants: What it asks for.
        waits: How often it has waited so far: what it waited for earlier is of no interest.
        listens: Whether it waits for the turn's end.
    """

    worker: Worker
    chain: Chain
    connection: Connection
    turn: RunningTurn
    wants: Generator[Any, Any, Outcome]
    waits: int = 0
    listens: bool = False


def nothing(_: object) -> None:
    """Nobody waits for an outcome."""


@dataclass(eq=False, slots=True)
class Flying:
    """A turn under way in a worker.

    Attributes:
        serial: Of its message; 0 for an operator's.
        text: What the user typed.
        since: When it got its claim.
        first: When it got its first claim, or gave up a step since.
        asked: When it asked for what it waits for.
        confirmed: When the store gave it its claim.
        over: Whether it came to an end.
        dropped: Whether an operator took its claim away.
        failing: Since when the store has failed all that it asked; 0: it has not.
        operator: Whether an operator asked for it.
        leaves: Has the request on whose thread it is driven leave it; None: it is on none.
        calls: How often it has waited for a step's outcome so far.
        calls_since: When it began to wait for the one it waits for; 0: it waits for none.
        hears: What the outcome is told that it waits for in a gathering.
        gives_up: Has it give up what it waits for.
        made: The calls of steps that it has made.
        given_up: Conversations that it has given up a step of, and not parked so far.
        committed: The commits that it knows the store has.
    """

    worker: Worker
    user: str
    key: str
    serial: int
    text: str
    driving: Generator[Any, Any, object]
    turn: RunningTurn
    dice: Dice
    fence: int = 0
    since: float = 0.0
    first: float = 0.0
    asked: float = 0.0
    confirmed: float = 0.0
    over: bool = False
    dropped: bool = False
    failing: float = 0.0
    operator: bool = False
    leaves: Callable[[], object] | None = None
    chain: Chain | None = None
    outcomes: list[StepOutcome] = field(default_factory=list[StepOutcome])
    gathering: int = 0
    waits: bool = False
    calls: int = 0
    calls_since: float = 0.0
    hears: Callable[[StepOutcome], object] = nothing
    gives_up: Callable[[Exception], object] = nothing
    made: list[Call] = field(default_factory=list[Call])
    given_up: set[str] = field(default_factory=set[str])
    committed: list[Commit] = field(default_factory=list[Commit])


class Reports(Reporting):
    """Keeps the reports of a process."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(self._put, clock, clock)
        self._new: list[TurnReport] = []
        self._of: dict[int, list[TurnReport]] = {}

    def _put(self, report: TurnReport) -> None:
        self._new.append(report)

    def over(self, turn: RunningTurn, notes: Notes) -> None:
        super().over(turn, notes)
        self._of[id(turn)], self._new = self._new, []

    def of(self, turn: RunningTurn) -> list[TurnReport]:
        """Return the reports of a turn that has ended, once."""
        return self._of.pop(id(turn), [])


@dataclass(eq=False, slots=True)
class Worker:
    """One process; a killed one is replaced by another of its number.

    Attributes:
        flying: Its turns under way, in their order. In a set's order, which differs from run to
            run, one seed would be many worlds.
        told: When the store told a turn which copy of its message it has, by `id(turn)`.
        closing: Whether it was told to end, and takes no new request.
        beating: Whether its heartbeat has begun.
        stopped: When it last went on after it was stopped.
        sure: When the store last gave or renewed its claim of a user's turn, by user, as it heard.
        failed: When the store last failed it over a user, by user.
        jumps: When the store's clock was set, and by how much.
        changed: Whether it has the changed code.
        left: When a turn here last waited no longer for its claim, by its message's serial number.
        reporting: Has the reports of its turns.
    """

    number: int
    settings: Settings
    synchronous: bool
    turns: RunningTurns
    requests: Requests
    driver: TurnDriver
    reporting: Reports
    changed: bool = False
    alive: bool = True
    frozen: float = 0.0
    flying: dict[Flying, None] = field(default_factory=dict[Flying, None])
    connections: list[Connection] = field(default_factory=list[Connection])
    told: dict[int, float] = field(default_factory=dict[int, float])
    closing: bool = False
    beating: bool = False
    stopped: float = 0.0
    sure: dict[str, float] = field(default_factory=dict[str, float])
    failed: dict[str, float] = field(default_factory=dict[str, float])
    left: dict[int, float] = field(default_factory=dict[int, float])
    jumps: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])

    def jumped(self, user: str) -> float:
        """Return by how many seconds claims of a user's turns were shortened, since one was last
        confirmed, by setting the store's clock. One that would last for a minute or more, since the
        clock was set back, counts for nothing.
        """
        jumps = [seconds for at, seconds in self.jumps if at >= self.sure.get(user, 0.0)]
        forward = sum(seconds for seconds in jumps if seconds > 0)
        return forward + (LEASE if sum(jumps) - forward < LEASE - AHEAD else 0.0)

    def was_cut_off(self, user: str, now: float) -> bool:
        """Whether it was stopped, or the store failed or its clock was set, so that for longer than
        a lease no claim or renewal of a user's turn was confirmed: another process may then take
        the turn over without knowing what was done here.
        """
        sure, jumped = self.sure.get(user, 0.0), self.jumped(user)
        disturbed = jumped > 0 or max(self.stopped, self.failed.get(user, 0.0)) > sure
        return now - sure + jumped >= LEASE and disturbed

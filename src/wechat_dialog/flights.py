"""Requests and turns of one process: who runs a message's turn, who joins it, who stops waiting.

The first request with a message boards its *flight* and runs the turn; a copy that comes while it
is in the air boards the same one and only listens. How long a request listens depends on whether it
is the platform's last for its message, and that is a property of the request: fixed when it
arrives, by what this process and the store had seen by then. The turn may go on for longer than its
first request lives, and copies that come later elsewhere make that one no last one.

No clock, thread, event loop or store here: `listen` is a generator of what to wait for, so that the
two drivers of `runner.py` and the simulation in `tests/simulation/` run the same rules.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Generator
from contextlib import contextmanager
from operator import itemgetter
from threading import Event, Lock
from typing import Any

import msgspec

from .conversation import Rules
from .dispatch import decode_reply, too_late
from .forks import mind
from .journal import encode_pending
from .messages import Message
from .operations import Claim, Operation, Pause, Push, RunStep, RunSteps
from .stores.base import Answered, AsyncStore, Claimed, Committed, Running, Store, Unclaimed
from .turn import Outcome
from .window import Window

__all__ = [
    "Defer",
    "Flight",
    "Flights",
    "Landing",
    "Listen",
    "Request",
    "Seat",
    "listen",
    "tells_copies",
]

LOOK_AGAIN = 0.25
"""Seconds after which a request looks again whether the store has told by now which copy it is."""

SLACK = 0.5
"""Seconds beyond the window that a request listens: a clock a bit ahead must not end the platform's
retries with an early `success`."""


class Landing:
    """A turn's outcome, once there is one; safe to use from several threads.

    A future of `concurrent.futures` does the same with two locks and a condition, made at every
    turn for copies that hardly ever come.
    """

    __slots__ = ("_error", "_outcome", "_over", "_waiting")

    def __init__(self) -> None:
        self._over = False
        self._outcome: Outcome | None = None
        self._error: BaseException | None = None
        self._waiting: list[Callable[[], object]] = []

    def done(self) -> bool:
        """Whether there is one."""
        return self._over

    def result(self) -> Outcome:
        """Return it.

        Raises:
            BaseException: What the turn raised.
        """
        if self._error is not None:
            raise self._error
        if self._outcome is None:
            raise AssertionError("the turn is not over")
        return self._outcome

    def set_result(self, outcome: Outcome) -> None:
        """End the turn."""
        self._outcome = outcome
        self._tell()

    def set_exception(self, error: BaseException) -> None:
        """End the turn with what it raised."""
        self._error = error
        self._tell()

    def _tell(self) -> None:
        with _landing.lock:
            self._over = True
            waiting, self._waiting = self._waiting, []
        for tell in waiting:
            tell()

    def when_over(self, tell: Callable[[], object]) -> None:
        """Call `tell` when the turn is over, from the thread that ends it; at once if it is."""
        with _landing.lock:
            if not self._over:
                self._waiting.append(tell)
                return
        tell()

    def wait(self, seconds: float) -> None:
        """Wait until the turn is over, at most this long."""
        over = Event()
        self.when_over(over.set)
        over.wait(seconds)


class _Landing:
    """Held for a moment at the end of every turn: one for all of them is enough."""

    def __init__(self) -> None:
        self.lock = Lock()

    def begin_anew(self) -> None:
        """See `forks.Forked`."""
        self.lock = Lock()


_landing = _Landing()
mind(_landing)


def tells_copies(operation: Operation, result: object) -> bool:
    """Whether the store has told which copy of its message a request is.

    It does so at the request's first question for a claim; a look (`Unclaimed`) is none, since
    other copies may have been looking too.
    """
    return type(operation) is Claim and operation.arrival and type(result) is not Unclaimed


class Flight(msgspec.Struct, eq=False):
    """One message's turn in this process.

    Attributes:
        began: When the message was first seen, here or elsewhere, on the process's clock.
        copies: Requests of this process with the message, the first included.
        elsewhere: Requests of other processes with it, before this one's first.
        known: Whether the store has told `began` and `elsewhere`.
        done: Its outcome.
        claim: What the heartbeat knows its claim by; 0 if there is none.
        user: Whose claim it has, by his key in the store; "" if there is none.
        fence: Number of that claim in the store; 0 if there is none.
        sure: When the claim was last known to be its own, on the process's clock.
        gone: Requests of this process that stopped listening before it was done.
    """

    began: float
    copies: int = 0
    elsewhere: int = 0
    known: bool = False
    done: Landing = msgspec.field(default_factory=Landing)
    claim: int = 0
    user: str = ""
    fence: int = 0
    sure: float = 0.0
    gone: int = 0

    def heard(self, operation: Operation, result: object, now: float, window: Window) -> None:
        """Take over what the store tells of the claim, and of the message's other copies.

        Of the copies, only the answer to a request's first question counts: what later ones tell
        includes copies that came after it. So does an answer that came when the request's own
        window was over (its process was stopped, or the store was); then time alone tells.

        Args:
            operation: What was asked.
            result: What the store answered.
            now: The process's clock.
            window: The platform's.
        """
        if type(result) is Committed or type(result) is Claimed:
            self.sure = now
        if type(operation) is not Claim:
            return
        if type(result) is Claimed:
            self.user, self.fence = operation.user, result.fence
        if not tells_copies(operation, result):
            return
        if isinstance(result, (Claimed, Running)):
            if now - self.began <= window.seconds:
                self.elsewhere = max(self.elsewhere, result.copies - 1)
            self.began = min(self.began, now - result.since)
        self.known = True

    def doubts(self, operation: Operation, now: float, lease: float) -> bool:
        """Whether to renew the claim before an operation, and to leave it be if that fails.

        It is so before a step or a push where nothing was heard of the claim for half a lease: a
        process that was stopped and wakes up must not do what another has done meanwhile.
        """
        runs = isinstance(operation, (RunStep, Push)) or (
            isinstance(operation, RunSteps) and bool(operation.steps)
        )
        return runs and self.fence != 0 and now - self.sure > lease / 2


class Seat(msgspec.Struct, frozen=True):
    """One request on a flight.

    Attributes:
        flight: The flight.
        number: Which of this process's requests with the message it is, counted from 1.
        arrived: When it arrived, on the process's clock.
    """

    flight: Flight
    number: int
    arrived: float

    @property
    def runs(self) -> bool:
        """Whether the turn is this request's to run."""
        return self.number == 1

    def is_last(self, window: Window) -> bool:
        """Whether it is the platform's last request for its message, as far as is known."""
        flight = self.flight
        return window.last(flight.elsewhere + self.number, self.arrived - flight.began)


class Request(msgspec.Struct, frozen=True):
    """One push of a message.

    Attributes:
        user: The user's key in the store.
        message: The message.
        key: Its key; see `journal.message_key`.
        arrived: When this push of it arrived, ms since the epoch.
    """

    user: str
    message: Message
    key: str
    arrived: int

    @property
    def mark(self) -> tuple[str, str]:
        """What makes pushes copies of one message."""
        return self.user, self.key


class Flights:
    """The flights of one process, by user and message key; safe to use from several threads."""

    def __init__(self) -> None:
        self._flights: dict[tuple[str, str], Flight] = {}
        self._waiting: dict[str, list[tuple[float, str, Callable[[], object]]]] = {}
        self._lock = Lock()

    def board(self, mark: tuple[str, str], now: float) -> Seat:
        """Give a request its seat; on a flight of its own if there is none in the air.

        Args:
            mark: The user's key and the message's.
            now: The process's clock.
        """
        with self._lock:
            flight = self._flights.get(mark)
            if flight is None:
                flight = self._flights[mark] = Flight(now)
            flight.copies += 1
            return Seat(flight, flight.copies, now)

    def land(self, mark: tuple[str, str], flight: Flight, outcome: Outcome | BaseException) -> None:
        """End a flight and tell everyone on it."""
        with self._lock:
            self._flights.pop(mark, None)
            waiting = self._waiting.get(mark[0])
            following = waiting.pop(0)[2] if waiting else None
        if isinstance(outcome, BaseException):
            flight.done.set_exception(outcome)
        else:
            flight.done.set_result(outcome)
        if following is not None:
            following()

    @contextmanager
    def waiting(self, pause: Pause, came: float, tell: Callable[[], object]) -> Generator[None]:
        """Call `tell` when it is time to ask for the claim again: once, and only within the block.

        It is when a turn of the user lands and, of those who wait for one here, this one came
        first; or when another learns from the store that this one is the next. All of them asking
        at every landing would be a crowd at the store; each by itself, after a while, makes a
        crowd of one user's messages slow, and keeps a thread for each that long.

        Args:
            pause: What for.
            came: When the message that waits was first seen, on the process's clock.
            tell: What to call, from whichever thread finds that it is time.
        """
        entry = came, pause.key, tell
        with self._lock:
            waiting = self._waiting.setdefault(pause.user, [])
            following = next((other for _, key, other in waiting if key == pause.before), None)
            insort(waiting, entry, key=itemgetter(0))
        if following is not None:
            following()
        try:
            yield
        finally:
            with self._lock:
                waiting = self._waiting.get(pause.user, [])
                if entry in waiting:
                    waiting.remove(entry)
                if not waiting:
                    self._waiting.pop(pause.user, None)


class Listen(msgspec.Struct, frozen=True):
    """Wait until the flight has landed, at most this long.

    Attributes:
        seconds: How long; 0 or more.
    """

    seconds: float


class Defer(msgspec.Struct, frozen=True):
    """Say that nobody will take the message's reply, and have it kept; see `Store.defer`."""

    user: str
    key: str
    message: bytes

    def on(self, store: Store | AsyncStore) -> Any:
        """Perform it."""
        return store.defer(self.user, self.key, self.message)


def listen(
    seat: Seat, request: Request, window: Window, rules: Rules, now: float
) -> Generator[Listen | Defer, Answered | float | None, Outcome]:
    """Wait for a flight's outcome, as long as the request's connection is open.

    A `Listen` is answered with the process's clock, landed or not; a `Defer` with what the store
    says.

    Args:
        seat: The request's.
        request: What it asks.
        window: The platform's.
        rules: The bot's: where it pushes, every request is the last, since its answer ends the
            platform's repetitions.
        now: The process's clock: later than the request's arrival where it ran the turn so far.

    Returns:
        The flight's outcome; for the platform's last request, if that takes too long, what
        `too_late` says; for any other, nothing: its connection is closed by then.

    Raises:
        BaseException: What the turn raised.
    """
    done = seat.flight.done
    while not done.done():
        last = rules.pushes.allowed or seat.is_last(window)
        until = seat.arrived + (window.patience if last else window.seconds + SLACK)
        left = until - now
        if left <= 0:
            if not last:
                seat.flight.gone += 1
                return Outcome(None)
            # When the first of its copies came: what it answers may be over since.
            since = int((seat.arrived - seat.flight.began) * 1000)
            kept = encode_pending(request.message, request.arrived - since)
            answered = yield Defer(request.user, request.key, kept)
            if isinstance(answered, Answered):
                return Outcome(decode_reply(answered.reply))
            seat.flight.gone += 1
            return Outcome(too_late(rules), late=True)
        heard = yield Listen(left if seat.flight.known or last else min(left, LOOK_AGAIN))
        now = heard if isinstance(heard, float) else now
    return done.result()

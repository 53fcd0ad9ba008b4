"""Turns in this process: who runs one, who joins it, and who stops waiting.

The first request with a message runs its turn, to the end, whatever becomes of the connection. A
copy that comes meanwhile joins it. The platform's last copy does not wait beyond its patience: it
says that the reply will be held (`Store.defer`), answers the waiting text, and the turn goes on
without it. Where the account pushes what is held, every request does so and answers nothing, and
what a turn leaves to push is pushed by a thread or task of its own.

There are two drivers, `drive` and `drive_async`, and each performs operations in the order the turn
asks for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar, overload

from .flights import Flight, Flights, Landing, Listen, Request, Seat, listen, tells_copies
from .heartbeat import Heartbeat
from .logs import log, report
from .messages import Message
from .operations import STORED, Claim, Commit, Operation, Pause, Push, RunStep, RunSteps
from .performing import Steps
from .replies import Reply
from .stores.base import AsyncStore, Claimed, Store
from .turn import Outcome, Settings, Transaction, turn
from .window import Window

__all__ = ["Pusher", "Runner"]

T = TypeVar("T")

BLOCKS = 1.0
"""Seconds of computing between two waits after which a dialog counts as one that blocks."""


class Pusher(Protocol):
    """What parts of answers are pushed with."""

    def push(self, user: str, reply: Reply) -> Exception | None:
        """Push one to a user by his OpenID; returns why it did not go out."""
        ...

    def push_async(self, user: str, reply: Reply) -> Awaitable[Exception | None]:
        """Do so on an event loop."""
        ...


class Runner:
    """Runs a bot's turns on a store."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        asynchronous: Callable[[], AsyncStore],
        window: Window,
        pusher: Pusher | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            settings: How turns are run.
            store: The store.
            asynchronous: Gives the store's face for event loops.
            window: The platform's.
            pusher: Pushes, for bots that may.
        """
        self.settings = settings
        self.store = store
        self.window = window
        self.pusher = pusher
        self.steps = Steps()
        self._asynchronous = asynchronous
        self._heartbeat = Heartbeat(store, settings.lease)
        self._flights = Flights()

    # On threads -----------------------------------------------------------------------------------

    def run(self, user: str, message: Message, key: str, arrived: int) -> Outcome:
        """Answer one request with a message: by running its turn, or by joining it.

        Raises:
            StoreError: The store failed.
        """
        request = Request(user, message, key, arrived)
        seat = self._flights.board(request.mark, time.monotonic())
        if not seat.runs:
            return self._join(request, seat)
        return self._fly(request, seat, turn(self.settings, user, message, key, arrived))

    def _join(self, request: Request, seat: Seat) -> Outcome:
        rules = self.settings.rules
        listening = listen(seat, request, self.window, rules, time.monotonic())
        result: Any = None
        while True:
            try:
                wanted = listening.send(result)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]
            if isinstance(wanted, Listen):
                seat.flight.done.wait(wanted.seconds)
                result = time.monotonic()
            else:
                result = wanted.on(self.store)

    def _fly(self, request: Request, seat: Seat, transaction: Transaction) -> Outcome:
        """Drive a turn; where this request is the platform's last, on a thread of its own, so that
        it can be left.
        """
        flight, mark = seat.flight, request.mark
        try:
            outcome = self._drive(transaction, seat, may_leave=True)
        except BaseException as error:
            self._flights.land(mark, flight, error)
            raise
        if isinstance(outcome, Outcome):
            self._flights.land(mark, flight, outcome)
            self._afterwards(mark, outcome)
            return outcome
        threading.Thread(
            target=self._fly_on,
            args=(mark, seat, transaction, outcome),
            name="wechat-dialog-turn",
            daemon=True,
        ).start()
        return self._join(request, seat)

    def _fly_on(
        self, mark: tuple[str, str], seat: Seat, transaction: Transaction, result: _Handed
    ) -> None:
        try:
            outcome = self._drive(transaction, seat, result.result)
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for the turn
            self._flights.land(mark, seat.flight, error)
            _tell_if_alone(mark, seat.flight, error)
        else:
            self._flights.land(mark, seat.flight, outcome)
            self._push(mark, outcome)

    def _afterwards(self, mark: tuple[str, str], outcome: Outcome) -> None:
        """Push what is to be pushed after the reply, on a thread of its own."""
        if outcome.then is not None:
            threading.Thread(
                target=self._push, args=(mark, outcome), name="wechat-dialog-push", daemon=True
            ).start()

    def _push(self, mark: tuple[str, str], outcome: Outcome) -> None:
        if outcome.then is None:
            return
        try:
            self._drive(outcome.then, Seat(Flight(time.monotonic()), 1, time.monotonic()))
        except Exception as error:  # noqa: BLE001 - nobody waits for it any more
            report(
                logging.ERROR,
                "user %s: what is held was not pushed; it comes with his next message",
                mark[0], error=error,
            )  # fmt: skip

    @overload
    def _drive(
        self, transaction: Generator[Operation, Any, T], seat: Seat, result: object = None
    ) -> T: ...
    @overload
    def _drive(
        self,
        transaction: Generator[Operation, Any, T],
        seat: Seat,
        *,
        may_leave: Literal[True],
    ) -> T | _Handed: ...
    def _drive(
        self,
        transaction: Generator[Operation, Any, T],
        seat: Seat,
        result: Any = None,
        *,
        may_leave: bool = False,
    ) -> T | _Handed:
        """Perform a turn's operations.

        Args:
            transaction: The turn.
            seat: The place of the request that runs it.
            result: What the turn is waiting for.
            may_leave: Whether the request may turn out to be the platform's last, and leave.

        Returns:
            The outcome; or, if the request turns out to be the platform's last, the result at hand,
            for another thread to go on with.
        """
        error: Exception | None = None
        following: Callable[[], Any] = _nothing_under_way
        flight, lease, began = seat.flight, self.settings.lease, seat.arrived
        left = False
        try:
            while True:
                try:
                    operation = (
                        transaction.send(result) if error is None else transaction.throw(error)
                    )
                except StopIteration as stop:
                    return stop.value  # type: ignore[no-any-return]
                self._look_at(operation, began)
                error = None
                try:
                    if flight.fence and flight.doubts(operation, time.monotonic(), lease):
                        self.store.renew(flight.user, flight.fence, lease)
                    if isinstance(operation, STORED):
                        result = operation.on(self.store)
                    elif isinstance(operation, RunStep):
                        result = self.steps.run(operation)
                    elif isinstance(operation, RunSteps):
                        following = (
                            self.steps.gather(operation.steps) if operation.steps else following
                        )
                        result = following()
                    else:
                        result = self._outside(operation, flight)
                except Exception as failure:  # noqa: BLE001 - the turn decides what it means
                    error = failure
                    continue
                began = self._note(flight, operation, result)
                if may_leave and tells_copies(operation, result):
                    left = self.settings.rules.pushes.allowed or seat.is_last(self.window)
                    if left:
                        return _Handed(result)
        finally:
            if not left:
                self._heartbeat.let_go(seat.flight.claim)

    def _look_at(self, operation: Operation, began: float) -> None:
        """Note a dialog that was run without a claim, and took so long that a copy of its message
        may have been run beside it by another process.
        """
        if type(operation) is Commit and operation.ran and time.monotonic() - began > BLOCKS:
            self.settings.blocking.add(operation.ran)
            log.warning(
                "dialog %r blocks between two questions: what takes long, or does something, "
                "belongs in a step; this process claims its turns from now on, which costs them a "
                "round trip",
                operation.ran,
            )

    def _outside(self, operation: Pause | Push, flight: Flight) -> Exception | None:
        if isinstance(operation, Push):
            return self._pushes().push(operation.user, operation.reply)
        over = threading.Event()
        with self._flights.waiting(operation, flight.began, over.set):
            over.wait(operation.seconds)
        return None

    def _note(self, flight: Flight, operation: Operation, result: object) -> float:
        """Take over what an operation's result tells; returns the time."""
        now = time.monotonic()
        flight.heard(operation, result, now, self.window)
        if type(operation) is Claim and type(result) is Claimed:
            self._heartbeat.let_go(flight.claim)
            flight.claim = self._heartbeat.hold(operation.user, result.fence)
        return now

    def operate(self, user: str, transaction: Transaction) -> Outcome:
        """Drive an operator's transaction on one user, and push what it leaves to push.

        Raises:
            StoreError: The store failed.
        """
        mark = user, f"operator {id(transaction)}"
        seat = self._flights.board(mark, time.monotonic())
        try:
            outcome = self._drive(transaction, seat, None)
        except BaseException as error:
            self._flights.land(mark, seat.flight, error)
            raise
        self._flights.land(mark, seat.flight, outcome)
        self._push(mark, outcome)
        return outcome

    # On an event loop -----------------------------------------------------------------------------

    async def run_async(self, user: str, message: Message, key: str, arrived: int) -> Outcome:
        """See `run`."""
        request = Request(user, message, key, arrived)
        seat = self._flights.board(request.mark, time.monotonic())
        if seat.runs:
            transaction = turn(self.settings, user, message, key, arrived)
            # A task of its own: a server may cancel the request's when its connection is closed,
            # and the turn goes on.
            task = asyncio.ensure_future(self._fly_async(request.mark, seat.flight, transaction))
            _background.add(task)
            task.add_done_callback(_background.discard)
            return await self._join_async(request, seat, task)
        return await self._join_async(request, seat, _on_loop(seat.flight.done))

    async def _join_async(self, request: Request, seat: Seat, done: asyncio.Future[Any]) -> Outcome:
        """Listen for the flight's outcome; `done` is over when it is there.

        Who runs the turn waits for its task: a future shared between threads would wake the event
        loop through a socket at every turn.
        """
        rules = self.settings.rules
        listening = listen(seat, request, self.window, rules, time.monotonic())
        result: Any = None
        while True:
            try:
                wanted = listening.send(result)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]
            if isinstance(wanted, Listen):
                await asyncio.wait([done], timeout=wanted.seconds)
                result = time.monotonic()
            else:
                result = await wanted.on(self._asynchronous())

    async def _fly_async(
        self, mark: tuple[str, str], flight: Flight, transaction: Transaction
    ) -> None:
        try:
            outcome = await self._drive_async(transaction, flight)
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for the turn
            self._flights.land(mark, flight, error)
            _tell_if_alone(mark, flight, error)
        else:
            self._flights.land(mark, flight, outcome)
            await self._push_async(mark, outcome)

    async def _push_async(self, mark: tuple[str, str], outcome: Outcome) -> None:
        if outcome.then is None:
            return
        try:
            await self._drive_async(outcome.then, Flight(time.monotonic()))
        except Exception as error:  # noqa: BLE001 - nobody waits for it any more
            report(
                logging.ERROR,
                "user %s: what is held was not pushed; it comes with his next message",
                mark[0], error=error,
            )  # fmt: skip

    async def _drive_async(self, transaction: Generator[Operation, Any, T], flight: Flight) -> T:
        """See `_drive`; here the request is told apart from the turn anyway, so nothing is handed
        over.
        """
        store = self._asynchronous()
        result: Any = None
        error: Exception | None = None
        following: Callable[[], Any] = _nothing_under_way
        lease, began = self.settings.lease, flight.began
        try:
            while True:
                try:
                    operation = (
                        transaction.send(result) if error is None else transaction.throw(error)
                    )
                except StopIteration as stop:
                    return stop.value  # type: ignore[no-any-return]
                self._look_at(operation, began)
                error = None
                try:
                    if flight.fence and flight.doubts(operation, time.monotonic(), lease):
                        await store.renew(flight.user, flight.fence, lease)
                    if isinstance(operation, STORED):
                        result = await operation.on(store)
                    elif isinstance(operation, RunStep):
                        result = await self.steps.run_async(operation)
                    elif isinstance(operation, RunSteps):
                        following = (
                            self.steps.gather_async(operation.steps)
                            if operation.steps
                            else following
                        )
                        result = await following()
                    else:
                        result = await self._outside_async(operation, flight)
                except Exception as failure:  # noqa: BLE001 - the turn decides what it means
                    error = failure
                    continue
                began = self._note(flight, operation, result)
        finally:
            self._heartbeat.let_go(flight.claim)

    async def _outside_async(self, operation: Pause | Push, flight: Flight) -> Exception | None:
        if isinstance(operation, Push):
            return await self._pushes().push_async(operation.user, operation.reply)
        over, end = _ended_from_anywhere()
        with self._flights.waiting(operation, flight.began, end):
            await asyncio.wait([over], timeout=operation.seconds)
        return None

    def _pushes(self) -> Pusher:
        if self.pusher is None:
            raise AssertionError("a bot that pushes has something to push with")
        return self.pusher

    def close(self) -> None:
        """Stop the threads; turns under way go on to their end."""
        self._heartbeat.stop()
        self.steps.close()


@dataclass(frozen=True, slots=True)
class _Handed:
    """A turn's next result, handed to another thread."""

    result: object


def _on_loop(landing: Landing) -> asyncio.Future[None]:
    """Return a future of the running loop that is over when the turn is."""
    over, end = _ended_from_anywhere()
    landing.when_over(end)
    return over


def _ended_from_anywhere() -> tuple[asyncio.Future[None], Callable[[], None]]:
    """Return a future of the running loop, and what ends it, for any thread to call."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()

    def end() -> None:
        if not over.done():
            over.set_result(None)

    def end_from_anywhere() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(end)

    return over, end_from_anywhere


def _tell_if_alone(mark: tuple[str, str], flight: Flight, error: BaseException) -> None:
    """Tell the log of a failure where no request is left that would."""
    if flight.gone >= flight.copies and isinstance(error, Exception):
        report(
            logging.ERROR,
            "user %s: a turn failed after its last request; the next message tries it again",
            mark[0], error=error,
        )  # fmt: skip


def _nothing_under_way() -> Any:
    raise AssertionError("the rest of a gathering was asked for before any was begun")


_background: set[asyncio.Future[None]] = set()

"""Turns in this process: who runs one, who joins it, and who stops waiting.

The first request with a message runs its turn, to the end, whatever becomes of the connection. A
copy that comes meanwhile joins it. The platform's last copy does not wait beyond its patience: it
says that the reply will be held (`Store.defer`), answers the waiting text, and the turn goes on
without it.

There are two drivers, `drive` and `drive_async`, and each performs operations in the order the turn
asks for them.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from typing import Any

from .dispatch import decode_reply, waiting
from .heartbeat import Heartbeat
from .messages import Message
from .operations import Claim, Operation, Pause, RunStep, RunSteps
from .performing import Steps
from .stores.base import AsyncStore, Claimed, Store
from .turn import Outcome, Settings, Transaction, turn
from .window import Window

__all__ = ["Runner"]


@dataclass(eq=False)
class _Flight:
    """One message's turn in this process.

    Attributes:
        began: When the request that runs it arrived, monotonic seconds.
        copies: Requests of this process with the message, the first included.
        done: Its outcome.
    """

    began: float
    copies: int = 1
    done: Future[Outcome] = field(default_factory=Future[Outcome])
    mark: int = 0


class Runner:
    """Runs a bot's turns on a store."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        asynchronous: Callable[[], AsyncStore],
        window: Window,
    ) -> None:
        """Start nothing yet.

        Args:
            settings: How turns are run.
            store: The store.
            asynchronous: Gives the store's face for event loops.
            window: The platform's.
        """
        self.settings = settings
        self.store = store
        self.window = window
        self.steps = Steps()
        self._asynchronous = asynchronous
        self._heartbeat = Heartbeat(store, settings.lease)
        self._flights: dict[tuple[str, str], _Flight] = {}
        self._lock = threading.Lock()

    # Joining --------------------------------------------------------------------------------------

    def _board(self, mark: tuple[str, str]) -> tuple[_Flight, bool, float]:
        """Return the message's flight, whether it is the caller's to run, and when the caller arrived."""
        now = time.monotonic()
        with self._lock:
            flight = self._flights.get(mark)
            if flight is None:
                flight = self._flights[mark] = _Flight(now)
                return flight, True, now
            flight.copies += 1
            return flight, False, now

    def _land(
        self, mark: tuple[str, str], flight: _Flight, outcome: Outcome | BaseException
    ) -> None:
        with self._lock:
            self._flights.pop(mark, None)
        if isinstance(outcome, BaseException):
            flight.done.set_exception(outcome)
        else:
            flight.done.set_result(outcome)

    def _patience(self, flight: _Flight, arrived: float) -> tuple[float, bool]:
        """Return how long a copy waits for the flight, in seconds, and whether it is the platform's last."""
        last = self.window.last(flight.copies, arrived - flight.began)
        # Beyond the window nobody listens; a little longer, so that no clock a bit ahead ends the
        # platform's retries.
        until = arrived + (self.window.patience if last else self.window.seconds + 0.5)
        return max(0.0, until - time.monotonic()), last

    # On threads -----------------------------------------------------------------------------------

    def run(self, user: str, message: Message, key: str, arrived: int) -> Outcome:
        """Answer one request with a message: by running its turn, or by joining it.

        Raises:
            StoreError: The store failed.
        """
        mark = user, key
        flight, mine, now = self._board(mark)
        if not mine:
            return self._join(mark, flight, now)
        transaction = turn(self.settings, user, message, key, arrived)
        return self._fly(mark, flight, transaction, now)

    def _join(self, mark: tuple[str, str], flight: _Flight, arrived: float) -> Outcome:
        patience, last = self._patience(flight, arrived)
        try:
            return flight.done.result(patience)
        except FutureTimeout:
            if not last:
                return Outcome(None)
        answered = self.store.defer(*mark)
        if answered is not None:
            return Outcome(decode_reply(answered.reply))
        return Outcome(waiting(self.settings.rules.texts), late=True)

    def _fly(
        self, mark: tuple[str, str], flight: _Flight, transaction: Transaction, arrived: float
    ) -> Outcome:
        """Drive a turn; where this request is the platform's last, on a thread of its own, so that it can be left."""
        try:
            outcome = self._drive(transaction, flight, arrived)
        except BaseException as error:
            self._land(mark, flight, error)
            raise
        if isinstance(outcome, Outcome):
            self._land(mark, flight, outcome)
            return outcome
        threading.Thread(
            target=self._fly_on,
            args=(mark, flight, transaction, outcome),
            name="wechat-dialog-turn",
            daemon=True,
        ).start()
        flight.copies = self.window.requests
        return self._join(mark, flight, arrived)

    def _fly_on(
        self, mark: tuple[str, str], flight: _Flight, transaction: Transaction, result: _Handed
    ) -> None:
        try:
            outcome = self._drive(transaction, flight, None, result.result)
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for the turn
            self._land(mark, flight, error)
        else:
            assert isinstance(outcome, Outcome)
            self._land(mark, flight, outcome)

    def _drive(
        self, transaction: Transaction, flight: _Flight, arrived: float | None, result: Any = None
    ) -> Outcome | _Handed:
        """Perform a turn's operations.

        Args:
            transaction: The turn.
            flight: Its flight.
            arrived: When the request arrived; None: the turn is driven to its end in any case.
            result: What the turn is waiting for.

        Returns:
            The outcome; or, if the request turns out to be the platform's last, the result at hand,
            for another thread to go on with.
        """
        error: Exception | None = None
        following: Callable[[], Any] | None = None
        try:
            while True:
                try:
                    operation = (
                        transaction.send(result) if error is None else transaction.throw(error)
                    )
                except StopIteration as stop:
                    return stop.value  # type: ignore[no-any-return]
                error = None
                try:
                    if isinstance(operation, RunStep):
                        result = self.steps.run(operation)
                    elif isinstance(operation, RunSteps):
                        following = (
                            self.steps.gather(operation.steps) if operation.steps else following
                        )
                        assert following is not None
                        result = following()
                    elif isinstance(operation, Pause):
                        time.sleep(operation.seconds)
                        result = None
                    else:
                        result = operation.on(self.store)
                except Exception as failure:  # noqa: BLE001 - the turn decides what it means
                    error = failure
                    continue
                if isinstance(operation, (Claim, Pause)):
                    self._note(flight, operation, result)
                    if arrived is not None and self._is_last(operation, result):
                        return _Handed(result)
        finally:
            self._heartbeat.let_go(flight.mark)

    def _note(self, flight: _Flight, operation: Operation, result: object) -> None:
        if isinstance(operation, Claim) and isinstance(result, Claimed):
            self._heartbeat.let_go(flight.mark)
            flight.mark = self._heartbeat.hold(operation.user, result.fence)

    def _is_last(self, operation: Operation, result: object) -> bool:
        if isinstance(operation, Pause):
            return self.window.last(operation.copies, operation.since)
        return isinstance(result, Claimed) and self.window.last(result.copies, result.since)

    # On an event loop -----------------------------------------------------------------------------

    async def run_async(self, user: str, message: Message, key: str, arrived: int) -> Outcome:
        """See `run`."""
        mark = user, key
        flight, mine, now = self._board(mark)
        if mine:
            transaction = turn(self.settings, user, message, key, arrived)
            # A task of its own: a server may cancel the request's when its connection is closed,
            # and the turn goes on.
            task = asyncio.ensure_future(self._fly_async(mark, flight, transaction))
            _background.add(task)
            task.add_done_callback(_background.discard)
        return await self._join_async(mark, flight, now, mine)

    async def _join_async(
        self, mark: tuple[str, str], flight: _Flight, arrived: float, mine: bool
    ) -> Outcome:
        done = asyncio.wrap_future(flight.done)
        while True:
            patience, last = self._patience(flight, arrived)
            if mine and not last:
                # The copies of other processes become known as the turn goes on, so look again now
                # and then.
                patience = 0.25
            try:
                return await asyncio.wait_for(asyncio.shield(done), patience)
            except TimeoutError:
                if done.done():
                    raise
                if last:
                    break
                if not mine:
                    return Outcome(None)
        answered = await self._asynchronous().defer(*mark)
        if answered is not None:
            return Outcome(decode_reply(answered.reply))
        return Outcome(waiting(self.settings.rules.texts), late=True)

    async def _fly_async(
        self, mark: tuple[str, str], flight: _Flight, transaction: Transaction
    ) -> None:
        try:
            outcome = await self._drive_async(transaction, flight)
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for the turn
            self._land(mark, flight, error)
        else:
            self._land(mark, flight, outcome)

    async def _drive_async(self, transaction: Transaction, flight: _Flight) -> Outcome:
        """See `_drive`; here the request is told apart from the turn anyway, so nothing is handed over."""
        store = self._asynchronous()
        result: Any = None
        error: Exception | None = None
        following: Callable[[], Any] | None = None
        try:
            while True:
                try:
                    operation = (
                        transaction.send(result) if error is None else transaction.throw(error)
                    )
                except StopIteration as stop:
                    return stop.value  # type: ignore[no-any-return]
                error = None
                try:
                    if isinstance(operation, RunStep):
                        result = await self.steps.run_async(operation)
                    elif isinstance(operation, RunSteps):
                        following = (
                            self.steps.gather_async(operation.steps)
                            if operation.steps
                            else following
                        )
                        assert following is not None
                        result = await following()
                    elif isinstance(operation, Pause):
                        await asyncio.sleep(operation.seconds)
                        result = None
                    else:
                        result = await operation.on(store)
                except Exception as failure:  # noqa: BLE001 - the turn decides what it means
                    error = failure
                    continue
                if isinstance(operation, (Claim, Pause)):
                    self._note(flight, operation, result)
                    if self._is_last(operation, result):
                        flight.copies = max(flight.copies, self.window.requests)
        finally:
            self._heartbeat.let_go(flight.mark)

    def close(self) -> None:
        """Stop the threads; turns under way go on to their end."""
        self._heartbeat.stop()
        self.steps.close()


@dataclass(frozen=True, slots=True)
class _Handed:
    """A turn's next result, handed to another thread."""

    result: object


_background: set[asyncio.Future[None]] = set()

"""Lets calls wait for a free connection when all connections to a server are in use.

The number of connections is limited, by default to 100. Beyond that, redis-py raises an error at
once, and trying again meets the same load. Here further calls wait, first come first served, and
fail with `Crowded` after `LONGEST` seconds. `Queue` is for connections that the store keeps itself
(see `connections`); `Gates` is for a cluster, whose redis-py client keeps its own connections to
each server.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import Any

from redis.exceptions import MaxConnectionsError

from wechat_dialog.core.logs import log

from .failures import Crowded

__all__ = ["LONGEST", "AsyncGates", "AsyncQueue", "Gates", "Queue"]

LONGEST = 10.0
"""Longest time in seconds that a call waits for a connection. After that, two of the platform's
three requests for its message are over.
"""
_QUIET = 60.0
"""Seconds between two log lines about the same problem."""
_NONE = (IndexError, MaxConnectionsError)
"""Exceptions of `get` if there is neither a free connection nor room for another one."""


class _Notice:
    """Logs that calls have to wait, once a minute at most."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._logged_at = -_QUIET

    def say(self) -> None:
        """Log it, unless that was done less than a minute ago."""
        now = time.monotonic()
        if now - self._logged_at >= _QUIET:
            self._logged_at = now
            log.warning(
                "all %d connections to Redis are in use, and calls wait for one; "
                "max_connections=… in the store's URL allows more",
                self._limit,
            )

    def give_up(self) -> Crowded:
        """Return the error that a call raises when it has waited too long."""
        return Crowded(
            f"all {self._limit} connections have been in use for {LONGEST:g} s: allow more with "
            "max_connections=… in the store's URL, or run more processes"
        )


class _Ticket:
    """The place in the queue of one thread that waits.

    Attributes:
        called: Set when it is this thread's turn.
        connection: The connection that it was given; None: it may open a new one.
    """

    def __init__(self) -> None:
        self.called = threading.Event()
        self.connection: Any = None


class Queue:
    """The threads that wait for a connection, in the order in which they came.

    Args:
        limit: The number of connections, for the log.
        back: Called with a connection that was given to a thread which no longer needs it.

    Attributes:
        waiting: A ticket for each thread; the first one is next.
    """

    def __init__(self, limit: int, back: Callable[[Any], None]) -> None:
        self.waiting: deque[_Ticket] = deque()
        self._back = back
        self._notice = _Notice(limit)

    def give(self, connection: Any) -> bool:
        """Give the first thread in the queue a connection, or with None leave to open a new one.

        Returns:
            Whether there was a thread.
        """
        try:
            ticket = self.waiting.popleft()
        except IndexError:
            return False
        ticket.connection = connection
        ticket.called.set()
        return True

    def take(self, get: Callable[[], Any]) -> Any:
        """Wait for a connection and return it.

        Args:
            get: Returns a free connection or opens a new one; raises `IndexError` or
                `MaxConnectionsError` if neither is possible. Called each time it is this thread's
                turn, and before it begins to wait.

        Raises:
            Crowded: There was none within `LONGEST` seconds.
        """
        self._notice.say()
        end = time.monotonic() + LONGEST
        stand = self.waiting.append
        while True:
            ticket = _Ticket()
            stand(ticket)
            try:
                # A connection may have been given back just before this thread joined the queue.
                connection = get()
            except _NONE:
                pass
            except BaseException:
                self._leave(ticket)
                raise
            else:
                self._leave(ticket)
                return connection
            if not ticket.called.wait(max(0.0, end - time.monotonic())) and self._is_out(ticket):
                raise self._notice.give_up()
            if ticket.connection is not None:
                return ticket.connection
            stand = self.waiting.appendleft

    def _is_out(self, ticket: _Ticket) -> bool:
        """Take a ticket out of the queue. Returns False if it was not there any more, since it has
        been called.
        """
        try:
            self.waiting.remove(ticket)
        except ValueError:
            ticket.called.wait()
            return False
        return True

    def _leave(self, ticket: _Ticket) -> None:
        """Leave the queue. If the ticket was called meanwhile, pass on what it was called for."""
        if self._is_out(ticket):
            return
        if ticket.connection is not None:
            self._back(ticket.connection)
        else:
            self.give(None)


class AsyncQueue:
    """The tasks of one event loop that wait for a connection; see `Queue`."""

    def __init__(self, limit: int, back: Callable[[Any], None]) -> None:
        self.waiting: deque[asyncio.Future[Any]] = deque()
        self._back = back
        self._notice = _Notice(limit)

    def give(self, connection: Any) -> bool:
        """See `Queue.give`."""
        while self.waiting:
            first = self.waiting.popleft()
            if not first.done():
                first.set_result(connection)
                return True
        return False

    async def take(self, get: Callable[[], Awaitable[Any]]) -> Any:
        """See `Queue.take`. A connection that was given to a task which is then cancelled goes to
        the next one.
        """
        self._notice.say()
        end = time.monotonic() + LONGEST
        stand = self.waiting.append
        while True:
            place: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            stand(place)
            try:
                async with asyncio.timeout(max(0.0, end - time.monotonic())):
                    connection = await place
            except BaseException as error:
                place.cancel()
                if not place.cancelled():
                    self._unneeded(place.result())
                if isinstance(error, TimeoutError):
                    raise self._notice.give_up() from None
                raise
            if connection is not None:
                return connection
            with contextlib.suppress(*_NONE):
                return await get()
            stand = self.waiting.appendleft

    def _unneeded(self, connection: Any) -> None:
        if connection is None:
            self.give(None)
        else:
            self._back(connection)


class Gates:
    """Limits how many calls of all threads are made to each server at the same time.

    Args:
        limit: How many.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._gates: dict[str, threading.Semaphore] = {}
        self._notice = _Notice(limit)

    @contextlib.contextmanager
    def through(self, server: str) -> Generator[None]:
        """Wait until one more call may be made to a server, and count it for the `with` block.

        Args:
            server: The server's name.

        Raises:
            Crowded: That took longer than `LONGEST` seconds.
        """
        gate = self._gates.get(server)
        if gate is None:
            gate = self._gates.setdefault(server, threading.Semaphore(self._limit))
        if not gate.acquire(blocking=False):
            self._notice.say()
            if not gate.acquire(timeout=LONGEST):
                raise self._notice.give_up()
        try:
            yield
        finally:
            gate.release()


class AsyncGates:
    """The same for the tasks of one event loop; see `Gates`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._gates: dict[str, asyncio.Semaphore] = {}
        self._notice = _Notice(limit)

    @contextlib.asynccontextmanager
    async def through(self, server: str) -> AsyncGenerator[None, Any]:
        """See `Gates.through`."""
        gate = self._gates.get(server)
        if gate is None:
            gate = self._gates[server] = asyncio.Semaphore(self._limit)
        if gate.locked():
            self._notice.say()
            try:
                async with asyncio.timeout(LONGEST):
                    await gate.acquire()
            except TimeoutError:
                raise self._notice.give_up() from None
        else:
            await gate.acquire()
        try:
            yield
        finally:
            gate.release()

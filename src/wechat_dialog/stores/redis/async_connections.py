"""Sends one command and reads its answer, on an event loop; see `connections`."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import MaxConnectionsError, RedisError, ResponseError

from .connections import Answers, Words, may_be_direct, pack
from .following import NO_MASTER, AsyncFollowing
from .master_pool import is_current
from .queue import AsyncQueue

__all__ = ["AsyncLines"]


class AsyncLines:
    """The connections of one client, for one event loop.

    Args:
        client: The client. Its connections must be made without a timeout, since redis-py creates a
            task at every call for one; `limit` takes its place.
        limit: Seconds that an answer may take; None: no limit.
        greeting: Seconds that opening a connection may take, the answers to its first commands
            included; None: no limit.
    """

    def __init__(self, client: Any, limit: float | None, greeting: float | None) -> None:
        self._pool = client.connection_pool
        self._limit = limit
        self._greeting = greeting
        self._idle: list[_Line] = []
        self._queue = AsyncQueue(self._pool.max_connections, self._give_back)
        behind = hasattr(self._pool, "get_master_address")
        self._following = AsyncFollowing(self._pool, self._close_idle) if behind else None

    async def ask(self, words: Words, *beside: Words) -> Any:
        """See `Lines.ask`.

        Raises:
            TimeoutError: There was no answer within the limit.
        """
        if self._following is not None:
            self._following.look()
        try:
            line = self._idle.pop()
        except IndexError:
            line = await self._further()
        try:
            answers = await line.ask(pack(line.connection, (words, *beside)), 1 + len(beside))
            if self._following is not None and not is_current(self._pool, line.connection):
                raise Disconnected(NO_MASTER)
        except BaseException as error:
            await self._end(line)
            self._queue.give(None)
            if isinstance(error, Disconnected):
                await self._close_idle()
            raise
        self._give_back(line)
        for answer in answers:
            if isinstance(answer, ResponseError):
                raise answer
        return answers if beside else answers[0]

    async def _further(self) -> _Line:
        try:
            return await self._new()
        except MaxConnectionsError:
            return cast(_Line, await self._queue.take(self._next))

    async def _new(self) -> _Line:
        try:
            async with asyncio.timeout(self._greeting):
                connection = await self._pool.get_connection()
        except MaxConnectionsError:
            raise
        except BaseException:
            self._queue.give(None)
            raise
        direct = may_be_direct(connection, "_writer", "_parser")
        return (_DirectLine if direct else _Line)(connection, self._limit)

    async def _next(self) -> _Line:
        return self._idle.pop() if self._idle else await self._new()

    def _give_back(self, line: _Line) -> None:
        if not self._queue.waiting or not self._queue.give(line):
            self._idle.append(line)

    async def _end(self, line: _Line) -> None:
        await line.connection.disconnect(nowait=True)
        await self._pool.release(line.connection)

    async def close(self) -> None:
        """See `Lines.close`."""
        if self._following is not None:
            await self._following.close()
        await self._close_idle()

    async def _close_idle(self) -> None:
        idle, self._idle = self._idle, []
        while idle:
            await self._end(idle.pop())


class _Line:
    """A connection of redis-py, used as redis-py does.

    Args:
        connection: The connection; it is open.
        limit: Seconds that an answer may take; None: no limit.
    """

    def __init__(self, connection: Any, limit: float | None) -> None:
        self.connection = connection
        self._limit = limit

    async def ask(self, packed: bytes, count: int) -> list[Any]:
        """Send commands, and return the answers to all of them: values, or `ResponseError`s.

        Raises:
            redis.ConnectionError: The connection is closed, or the server refuses all commands.
            TimeoutError: Not all answers came within the limit.
        """
        async with asyncio.timeout(self._limit):
            await self.connection.send_packed_command([packed])
            return [await self._read() for _ in range(count)]

    async def _read(self) -> Any:
        try:
            return await self.connection.read_response()
        except ResponseError as error:
            return error


class _DirectLine(_Line):
    """A connection that redis-py has opened, read without its streams: they and a timeout of their
    own take an event loop longer than everything else about a call.
    """

    def __init__(self, connection: Any, limit: float | None) -> None:
        super().__init__(connection, limit)
        transport = connection._writer.transport  # noqa: SLF001
        self._calls = _Calls(transport, Answers(connection), limit)

    async def ask(self, packed: bytes, count: int) -> list[Any]:
        """See `_Line.ask`."""
        return await self._calls.answers(packed, count)


class _Calls(asyncio.Protocol):
    """Sends on a transport and reads the answers, in place of the protocol that has opened it.

    The event loop holds it for as long as the transport is open. So it does not hold the
    connection: that closes the transport when nobody has it any more.

    Args:
        transport: The transport; nothing is to be read.
        answers: Reads the answers.
        limit: Seconds that an answer may take; None: no limit.
    """

    def __init__(self, transport: asyncio.Transport, answers: Answers, limit: float | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._answers = answers
        self._waits: asyncio.Future[list[Any]] | None = None
        self._limit = limit
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._transport = transport
        self._streams = transport.get_protocol()
        transport.set_protocol(self)

    def answers(self, packed: bytes, count: int) -> asyncio.Future[list[Any]]:
        """Send commands, and return a future of their answers; see `_Line.ask`."""
        if self._transport.is_closing():
            raise Disconnected("the server has closed the connection")
        self._answers.expect(count)
        self._waits = self._loop.create_future()
        if self._limit is not None:
            self._until = self._loop.time() + self._limit
            if self._timer is None:
                self._timer = self._loop.call_at(self._until, self._look)
        self._transport.write(packed)
        return self._waits

    def data_received(self, data: bytes) -> None:
        """Take what has arrived."""
        try:
            if not self._answers.feed(data):
                return
        except RedisError as error:
            self._fail(error)
            return
        waits, self._waits = self._waits, None
        if waits is not None and not waits.done():
            waits.set_result(self._answers.read)

    def _look(self) -> None:
        """Give up if the answers are late. One timer does for the calls of a whole time limit."""
        self._timer = None
        if self._waits is None:
            return
        if self._loop.time() >= self._until:
            self._fail(TimeoutError())
        else:
            self._timer = self._loop.call_at(self._until, self._look)

    def _fail(self, error: Exception) -> None:
        waits, self._waits = self._waits, None
        if waits is not None and not waits.done():
            waits.set_exception(error)

    def eof_received(self) -> None:
        """Give up at once: closing would wait until all is sent, which the server may not read."""
        self._fail(Disconnected("the server has closed the connection"))
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the call that waits, and redis-py, which waits for it when it disconnects."""
        if self._timer is not None:
            self._timer.cancel()
        self._fail(Disconnected("the server has closed the connection"))
        self._streams.connection_lost(exc)

"""One command and its answer, over connections of redis-py that are kept in hand.

redis-py's pool does at every call what matters rarely: its lock, a look whether the server has
closed the connection, counters; its clients add retries, callbacks and metrics. Together that is a
third of what a live turn costs. Here a connection is taken from the pool once, and one that is in
nobody's hands goes to the next call as it is. That the server has closed it meanwhile shows at
that call, which its caller may repeat (`redis_calls.Call`); the others in hand are then as old, and
are not tried one by one: after a crowd there are more of them than tries.

For one server, or the master behind Sentinel; a cluster's calls go through its client.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from typing import Any, cast

from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import ResponseError

__all__ = ["AsyncLines", "Lines"]

Words = tuple[str | bytes | int, ...]

_pack: Callable[[Words], bytes] | None = None
with contextlib.suppress(ImportError):  # redis-py may be there without its extra
    import hiredis

    _pack = cast(Any, hiredis).pack_command


def _packed(connection: Any, words: Words, beside: Words | None) -> list[bytes]:
    # As redis-py does, but for its look at each word; two commands in one piece, to be sent so.
    if _pack is not None:
        return [_pack(words) if beside is None else _pack(words) + _pack(beside)]
    packed: list[bytes] = connection.pack_command(*words)
    return packed if beside is None else [b"".join((*packed, *connection.pack_command(*beside)))]


def _read_both(connection: Any) -> tuple[Any, Any]:
    try:
        first = connection.read_response()
    except ResponseError:
        with contextlib.suppress(ResponseError):
            connection.read_response()
        raise
    return first, connection.read_response()


async def _read_both_async(connection: Any) -> tuple[Any, Any]:
    try:
        first = await connection.read_response()
    except ResponseError:
        with contextlib.suppress(ResponseError):
            await connection.read_response()
        raise
    return first, await connection.read_response()


class Lines:
    """The connections of one client, for any number of threads."""

    def __init__(self, client: Any) -> None:
        self._pool = client.connection_pool
        self._idle: list[Any] = []
        self._process = os.getpid()

    def ask(self, words: Words, beside: Words | None = None) -> Any:
        """Send one command and return the answer; or two in one go, and return both.

        Nothing keeps others from being served between the two.

        Raises:
            ResponseError: One of them is an error.
            ConnectionError: There is none; of redis-py, as others of its errors.
        """
        if self._process != os.getpid():  # a fork's child has the descriptors, not the connections
            self._idle, self._process = [], os.getpid()
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._pool.get_connection()
        try:
            connection.send_packed_command(_packed(connection, words, beside))
            answer = connection.read_response() if beside is None else _read_both(connection)
        except ResponseError:
            self._idle.append(connection)
            raise
        except BaseException as error:
            # What is still to come answers this call, not the next one.
            connection.disconnect()
            self._pool.release(connection)
            if isinstance(error, Disconnected):
                self.close()
            raise
        self._idle.append(connection)
        return answer

    def close(self) -> None:
        """Close the connections that are in nobody's hands."""
        idle, self._idle = self._idle, []
        # One by one, as calls take them: a call of another thread may still have this list in hand.
        with contextlib.suppress(IndexError):
            while True:
                connection = idle.pop()
                connection.disconnect()
                self._pool.release(connection)


class AsyncLines:
    """The connections of one client, for one event loop.

    Args:
        client: The client; its connections have no time limit of their own, which costs redis-py a
            task at every call.
        limit: Seconds an answer may take; None: any.
        greeting: Seconds until a new connection has its first answer; None: any.
    """

    def __init__(self, client: Any, limit: float | None, greeting: float | None) -> None:
        self._pool = client.connection_pool
        self._limit = limit
        self._greeting = greeting
        self._idle: list[Any] = []

    async def ask(self, words: Words, beside: Words | None = None) -> Any:
        """See `Lines.ask`.

        Raises:
            TimeoutError: There is no answer within the limit.
        """
        try:
            connection = self._idle.pop()
        except IndexError:
            async with asyncio.timeout(self._greeting):
                connection = await self._pool.get_connection()
        try:
            async with asyncio.timeout(self._limit):
                await connection.send_packed_command(_packed(connection, words, beside))
                answer = await (
                    connection.read_response() if beside is None else _read_both_async(connection)
                )
        except ResponseError:
            self._idle.append(connection)
            raise
        except BaseException as error:
            await connection.disconnect(nowait=True)
            await self._pool.release(connection)
            if isinstance(error, Disconnected):
                await self.close()
            raise
        self._idle.append(connection)
        return answer

    async def close(self) -> None:
        """See `Lines.close`."""
        idle, self._idle = self._idle, []
        while idle:
            connection = idle.pop()
            await connection.disconnect(nowait=True)
            await self._pool.release(connection)

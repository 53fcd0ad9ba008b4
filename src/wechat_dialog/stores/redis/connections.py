"""Sends one command and reads its answer, over redis-py connections that are kept open.

At every call, redis-py's connection pool does work that is rarely needed: it takes a lock, checks
whether the server has closed the connection, and counts; its clients add retries, callbacks and
metrics. Together that is a third of the cost of a live turn. Here a connection is taken from the
pool once, and when a call is done with it, the next call uses it without any check. If the server
has closed it meanwhile, that call fails, and its caller may retry it (see `calls.Call`). All other
idle connections are then closed, too: they are as old, and there may be more of them than retries.

For a single server, or the master behind Sentinel; a cluster's calls go through redis-py's client.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable
from typing import Any, cast

import redis
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import MaxConnectionsError, RedisError, ResponseError

from wechat_dialog.forks import mind

from .following import NO_MASTER, Following
from .master_pool import is_current
from .queue import Queue

__all__ = ["Answers", "Line", "Lines", "Words", "may_be_direct", "pack"]

Words = tuple[str | bytes | int, ...]
"""A command and its arguments."""

_pack: Callable[[Words], bytes] | None = None
_reader: Any = None
with contextlib.suppress(ImportError):  # redis-py may be there without its extra
    import hiredis

    _pack = cast(Any, hiredis).pack_command
    _reader = cast(Any, hiredis).Reader

_PART = object()
"""Read instead of an answer that has not arrived as a whole."""
_AT_ONCE = 65_536  # bytes


def pack(connection: Any, commands: Iterable[Words]) -> bytes:
    """Return several commands as the bytes to send.

    All become one piece, so that they are sent in one system call. Arguments are not looked at, as
    redis-py's own packing does, for their types and lengths.
    """
    if _pack is not None:
        return b"".join(map(_pack, commands))
    return b"".join(piece for words in commands for piece in connection.pack_command(*words))


def may_be_direct(connection: Any, *names: str) -> bool:
    """Whether a connection can be read without redis-py: it has what that takes of it, though
    redis-py does not promise it, and needs nothing else of redis-py. In RESP3 the server may say
    what nobody has asked, and a connection with `health_check_interval` is checked when it was
    idle.

    Args:
        connection: The connection; it is open.
        names: The attributes that it must have.
    """
    has = _reader is not None and all(hasattr(connection, name) for name in names)
    return has and connection.protocol == 2 and not connection.health_check_interval


class Answers:
    """Reads the answers of a connection.

    Args:
        connection: The connection, of redis-py. Nothing keeps it.

    Attributes:
        read: The answers to the last call, as many as have come: values, or `ResponseError`s.
    """

    def __init__(self, connection: Any) -> None:
        # redis-py knows which class an error reply is.
        parse_error = connection._parser.parse_error  # noqa: SLF001
        self._reader = _reader(
            protocolError=Disconnected, replyError=parse_error, notEnoughData=_PART
        )
        self.read: list[Any] = []
        self._count = 0

    def expect(self, count: int) -> None:
        """Begin a call with so many answers."""
        self.read, self._count = [], count

    def feed(self, data: bytes) -> bool:
        """Take what has arrived; returns whether all answers are there.

        Raises:
            RedisError: The connection is closed, or the server refuses all commands.
        """
        if not data:
            raise Disconnected("the server has closed the connection")
        self._reader.feed(data)
        while (answer := self._reader.gets()) is not _PART:
            if isinstance(answer, RedisError) and not isinstance(answer, ResponseError):
                raise answer
            self.read.append(answer)
        return len(self.read) >= self._count


class Line:
    """A connection of redis-py, used as redis-py does.

    Args:
        connection: The connection; it is open.
    """

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def ask(self, packed: bytes, count: int) -> list[Any]:
        """Send commands, and return the answers to all of them: values, or `ResponseError`s.

        Raises:
            redis.ConnectionError: The connection is closed, or the server refuses all commands.
            redis.TimeoutError: Not all answers came within redis-py's limit.
        """
        self.connection.send_packed_command([packed])
        return [self._read() for _ in range(count)]

    def _read(self) -> Any:
        try:
            return self.connection.read_response()
        except ResponseError as error:
            return error


class _DirectLine(Line):
    """A connection that redis-py has opened, whose answers are read without it: its checks around
    each of them take as long as reading it.
    """

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        self._socket = connection._sock  # noqa: SLF001
        self._answers = Answers(connection)

    def ask(self, packed: bytes, count: int) -> list[Any]:
        """See `Line.ask`."""
        answers, receive = self._answers, self._socket.recv
        answers.expect(count)
        try:
            self._socket.sendall(packed)
            while not answers.feed(receive(_AT_ONCE)):
                pass
        except TimeoutError as error:
            raise redis.TimeoutError("there was no answer in time") from error
        except OSError as error:
            raise Disconnected(f"the connection is lost: {error}") from error
        return answers.read


class Lines:
    """The connections of one client, for any number of threads."""

    def __init__(self, client: Any) -> None:
        self._pool = client.connection_pool
        self._idle: list[Line] = []
        self._queue = Queue(self._pool.max_connections, self._give_back)
        self._process = os.getpid()
        behind = hasattr(self._pool, "get_master_address")
        self._following = Following(self._pool, self.close) if behind else None
        mind(self)

    def begin_anew(self) -> None:
        """See `forks.Forked`: another thread of the parent may have held a lock of the pool, which
        redis-py takes to empty the pool in the child.
        """
        for name in ("_lock", "_fork_lock"):
            if hasattr(self._pool, name):
                setattr(self._pool, name, threading.RLock())
        if self._following is not None:
            self._following.begin_anew()

    def ask(self, words: Words, *beside: Words) -> Any:
        """Send one command and return the answer; or several at once, and return a list of all
        answers.

        Several are not a transaction: the server may serve other clients in between.

        Args:
            words: The command.
            beside: The others.

        Raises:
            ResponseError: The server answered one of them with an error.
            redis.ConnectionError: There was no answer. Other errors of redis-py are passed on.
        """
        if self._process != os.getpid():  # after a fork: the connections are the parent's
            self._idle, self._process = [], os.getpid()
            self._queue = Queue(self._pool.max_connections, self._give_back)
        if self._following is not None:
            self._following.look()
        try:
            line = self._idle.pop()
        except IndexError:
            line = self._further()
        try:
            answers = line.ask(pack(line.connection, (words, *beside)), 1 + len(beside))
            if self._following is not None and not is_current(self._pool, line.connection):
                raise Disconnected(NO_MASTER)
        except BaseException as error:
            # An answer that still comes would be taken for the next call's.
            self._end(line)
            self._queue.give(None)
            if isinstance(error, Disconnected):
                self.close()
            raise
        self._give_back(line)
        for answer in answers:
            if isinstance(answer, ResponseError):
                raise answer
        return answers if beside else answers[0]

    def _further(self) -> Line:
        """Return a connection if none is idle: a new one or, at the limit, the next one that
        another call gives back.
        """
        try:
            return self._new()
        except MaxConnectionsError:
            return cast("Line", self._queue.take(self._next))

    def _new(self) -> Line:
        try:
            connection = self._pool.get_connection()
        except MaxConnectionsError:
            raise
        except BaseException:
            # It failed and does not count any more, so the next in the queue may try to connect.
            self._queue.give(None)
            raise
        direct = may_be_direct(connection, "_sock", "_parser")
        return _DirectLine(connection) if direct else Line(connection)

    def _next(self) -> Line:
        with contextlib.suppress(IndexError):
            return self._idle.pop()
        return self._new()

    def _end(self, line: Line) -> None:
        line.connection.disconnect()
        self._pool.release(line.connection)

    def _give_back(self, line: Line) -> None:
        self._idle.append(line)
        if self._queue.waiting:
            self._feed()

    def _feed(self) -> None:
        with contextlib.suppress(IndexError):  # another call has just taken it
            spare = self._idle.pop()
            if not self._queue.give(spare):
                self._idle.append(spare)

    def close(self) -> None:
        """Close the idle connections."""
        idle, self._idle = self._idle, []
        # Taken out one by one, as calls do: another thread may be about to take one of this list.
        with contextlib.suppress(IndexError):
            while True:
                self._end(idle.pop())

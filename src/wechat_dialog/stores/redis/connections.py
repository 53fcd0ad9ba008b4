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

from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import MaxConnectionsError, ResponseError

from wechat_dialog.forks import mind

from .queue import Queue

__all__ = ["Lines", "Words", "pack"]

Words = tuple[str | bytes | int, ...]
"""A command and its arguments."""

_pack: Callable[[Words], bytes] | None = None
with contextlib.suppress(ImportError):  # redis-py may be there without its extra
    import hiredis

    _pack = cast(Any, hiredis).pack_command


def pack(connection: Any, commands: Iterable[Words]) -> bytes:
    """Return several commands as the bytes to send."""
    if _pack is not None:
        return b"".join(map(_pack, commands))
    return b"".join(piece for words in commands for piece in connection.pack_command(*words))


def _packed(connection: Any, words: Words, beside: tuple[Words, ...]) -> list[bytes]:
    # Like redis-py's own packing, without its check of each argument's type and length. All
    # commands become one piece, so that they are sent in one system call.
    if beside:
        return [pack(connection, (words, *beside))]
    packed: list[bytes] = connection.pack_command(*words) if _pack is None else [_pack(words)]
    return packed


def _read_all(connection: Any, count: int) -> list[Any]:
    """Read all answers, so that none is left for the next call, before an error is raised."""
    answers: list[Any] = []
    failed: ResponseError | None = None
    for _ in range(count):
        try:
            answers.append(connection.read_response())
        except ResponseError as error:
            failed = failed or error
    if failed is not None:
        raise failed
    return answers


class Lines:
    """The connections of one client, for any number of threads."""

    def __init__(self, client: Any) -> None:
        self._pool = client.connection_pool
        self._idle: list[Any] = []
        self._queue = Queue(self._pool.max_connections, self._give_back)
        self._process = os.getpid()
        mind(self)

    def begin_anew(self) -> None:
        """See `forks.Forked`: another thread of the parent may have held a lock of the pool, which
        redis-py takes to empty the pool in the child.
        """
        for name in ("_lock", "_fork_lock"):
            if hasattr(self._pool, name):
                setattr(self._pool, name, threading.RLock())

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
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._further()
        try:
            connection.send_packed_command(_packed(connection, words, beside))
            answer = (
                _read_all(connection, 1 + len(beside)) if beside else connection.read_response()
            )
        except ResponseError:
            self._give_back(connection)
            raise
        except BaseException as error:
            # An answer that still comes would be taken for the next call's.
            connection.disconnect()
            self._pool.release(connection)
            self._queue.give(None)
            if isinstance(error, Disconnected):
                self.close()
            raise
        self._give_back(connection)
        return answer

    def _further(self) -> Any:
        """Return a connection if none is idle: a new one or, at the limit, the next one that
        another call gives back.
        """
        try:
            return self._new()
        except MaxConnectionsError:
            return self._queue.take(self._next)

    def _new(self) -> Any:
        try:
            return self._pool.get_connection()
        except MaxConnectionsError:
            raise
        except BaseException:
            # It failed and does not count any more, so the next in the queue may try to connect.
            self._queue.give(None)
            raise

    def _next(self) -> Any:
        with contextlib.suppress(IndexError):
            return self._idle.pop()
        return self._new()

    def _give_back(self, connection: Any) -> None:
        self._idle.append(connection)
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
                connection = idle.pop()
                connection.disconnect()
                self._pool.release(connection)

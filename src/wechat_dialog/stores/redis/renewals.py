"""Renews many claims at once, with one pipeline for each server that holds some of them.

A claim that is not renewed in time may be taken by another worker, so no server may delay the
renewals on another one. All servers are asked at the same time, each by a thread of its own, over
a connection that is used for nothing else and stays open from round to round. `Renewals.send`
returns what is known when its time is up. A server that has not answered by then is left out of the
following rounds, until its answer arrives or its connection fails.

redis-py's own pipeline for a cluster is not an alternative: it sends to all servers, but reads
their answers one after another, and when one server fails it sends everything again to all of them.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import redis
from redis.exceptions import AskError, ResponseError, TryAgainError

from wechat_dialog.errors import ClaimLost

from .calls import Call
from .connections import Words, pack
from .failures import FAILED

__all__ = ["Renewals"]

_ELSEWHERE = (AskError, TryAgainError)
"""The errors with which a node of a cluster says that a key's slot is on another node, or is just
being moved to one."""
_ASKS_AROUND = 4
"""After this many consecutive failed rounds, the cluster is asked which server has taken over.
Asking earlier would do harm and no good: a replica takes over only after some seconds, and while
redis-py reads the cluster's layout again, calls to the healthy servers are delayed.
"""

Result = Exception | None
"""The result of one renewal: its exception, or None if it was done."""


class Renewals:
    """Sends the renewals of one store.

    Args:
        ask: Makes one call in the store's usual way, through redis-py's client, which follows keys
            that have moved to another server of a cluster.
    """

    def __init__(self, ask: Callable[[Call[None]], None]) -> None:
        self._ask = ask
        self._lines: dict[str, _Line] = {}
        self._process = os.getpid()

    def send(self, client: Any, calls: Sequence[Call[None]], within: float) -> list[Result]:
        """Make the calls, and return the result of each, in their order.

        Args:
            client: The redis-py client, of a server or of a cluster.
            calls: The renewals.
            within: Seconds after which calls without an answer count as failed.
        """
        if self._process != os.getpid():  # the connections are the parent's
            self._lines, self._process = {}, os.getpid()
        end = time.monotonic() + within
        results: list[Result] = [redis.TimeoutError(f"no answer within {within:.2f} s")] * len(
            calls
        )
        rounds: list[_Round] = []
        for name, (pool, numbers) in _by_server(client, calls, results).items():
            line = self._lines.setdefault(name, _Line())
            if line.taken.acquire(blocking=False):
                rounds.append(_Round(line, pool, self._ask, calls, numbers, within))
        for thread in rounds:
            thread.start()
        for thread in rounds:
            thread.join(max(0.0, end - time.monotonic()))
            for number, result in (thread.results or {}).items():
                results[number] = result
        return results

    def close(self) -> None:
        """Close the connections; one that a round is using is closed when that round ends."""
        lines, self._lines = self._lines, {}
        for line in lines.values():
            line.over = True
            line.drop_if_over()


def _by_server(
    client: Any, calls: Sequence[Call[None]], results: list[Result]
) -> dict[str, tuple[Callable[[], Any], list[int]]]:
    """Sort the calls by server.

    Returns:
        By the server's name: a function that returns the server's connection pool, and the indexes
        of its calls in `calls`. A call whose key no server holds is left out; its error is put into
        `results`.
    """
    if not hasattr(client, "get_node_from_key"):
        # Behind Sentinel, the connection to a master that was replaced is left (see `following`).
        name = str(getattr(client.connection_pool, "master_address", ""))
        return {name: (lambda: client.connection_pool, list(range(len(calls))))} if calls else {}
    by_server: dict[str, tuple[Callable[[], Any], list[int]]] = {}
    for number, call in enumerate(calls):
        try:
            node = client.get_node_from_key(call.arguments[1])
        except FAILED as error:
            results[number] = error
            continue
        by_server.setdefault(node.name, (partial(_pool_of, client, node), []))[1].append(number)
    return by_server


def _pool_of(client: Any, node: Any) -> Any:
    return client.get_redis_connection(node).connection_pool


class _Line:
    """The connection to one server, opened when it is first needed.

    Attributes:
        taken: A lock that a round holds while it uses the connection.
        over: Whether the store was closed, so that the connection is no longer needed.
        failures: How many consecutive rounds got no answer.
    """

    def __init__(self) -> None:
        self.taken = threading.Lock()
        self.over = False
        self.failures = 0
        self._connection: Any = None

    def ask(self, pool: Callable[[], Any], calls: Sequence[Call[None]], limit: float) -> list[Any]:
        """Send the calls in one pipeline and return the answers, in their order. An answer that is
        an error of a single call is returned like the others.

        Args:
            pool: Returns the connection pool that says how to connect.
            calls: The calls.
            limit: Seconds that connecting or reading may take.

        Raises:
            RedisError: The server could not be reached, or did not answer.
        """
        self.failures += 1
        if self._connection is not None:
            # The server may have closed it since the last round; then a new one is opened.
            with contextlib.suppress(redis.ConnectionError):
                return self._exchange(calls)
        connection = _connection(pool(), limit)
        # Called explicitly: with Sentinel this asks for the master's address, which sending a
        # command over an unconnected connection would not do.
        connection.connect()
        self._connection = connection
        return self._exchange(calls)

    def _exchange(self, calls: Sequence[Call[None]]) -> list[Any]:
        script = calls[0].script
        # The script is loaded every time: the server may have been restarted and lost it, and
        # finding that out by an error would cost a second round trip.
        words: list[Words] = [("SCRIPT", "LOAD", script.source)]
        words += [("EVALSHA", script.sha, *call.arguments) for call in calls]
        try:
            self._connection.send_packed_command([pack(self._connection, words)])
            answers = [self._read() for _ in words][1:]
        except BaseException:
            self.drop()
            raise
        self.failures = 0
        return answers

    def _read(self) -> Any:
        try:
            return self._connection.read_response()
        except ResponseError as error:
            return error

    def drop(self) -> None:
        """Close the connection, if there is one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()

    def drop_if_over(self) -> None:
        """Close the connection if it is no longer needed, unless a round is using it; that round
        calls this when it ends.
        """
        if self.over and self.taken.acquire(blocking=False):
            self.drop()
            self.taken.release()


def _connection(pool: Any, limit: float) -> Any:
    """Return a new connection that does not count as one of the pool's, and on which neither
    connecting nor reading takes longer than `limit` seconds.
    """
    connection = pool.connection_class(**pool.connection_kwargs)
    for name in ("socket_timeout", "socket_connect_timeout"):
        longest = getattr(connection, name, None)
        setattr(connection, name, limit if longest is None else min(longest, limit))
    return connection


class _Round(threading.Thread):
    """The thread that makes one server's calls of one round.

    Attributes:
        results: The result of each call by its index; None until all of them are known.
    """

    def __init__(
        self,
        line: _Line,
        pool: Callable[[], Any],
        ask: Callable[[Call[None]], None],
        calls: Sequence[Call[None]],
        numbers: list[int],
        within: float,
    ) -> None:
        super().__init__(name="wechat-dialog-renewals", daemon=True)
        self._line = line
        self._pool = pool
        self._ask = ask
        self._calls = {number: calls[number] for number in numbers}
        self._within = within
        self.results: Mapping[int, Result] | None = None

    def run(self) -> None:
        """Make the calls; those whose keys have moved are repeated at the new location."""
        try:
            self.results = self._renew()
        finally:
            self._line.taken.release()
            self._line.drop_if_over()

    def _renew(self) -> dict[int, Result]:
        end = time.monotonic() + self._within
        answers: list[Any]
        try:
            answers = self._line.ask(self._pool, list(self._calls.values()), self._within)
        except FAILED as error:
            answers = [error] * len(self._calls)
        results: dict[int, Result] = {}
        for (number, call), answer in zip(self._calls.items(), answers, strict=True):
            results[number] = (
                answer if isinstance(answer, Exception) else _raised(call.read, answer)
            )
        moved = [number for number, result in results.items() if isinstance(result, _ELSEWHERE)]
        if not moved and self._line.failures and not self._line.failures % _ASKS_AROUND:
            # One call is enough: through the client, it makes redis-py look for the new master.
            moved = list(results)[:1]
        for number in moved:
            results[number] = _raised(self._ask, self._calls[number])
            if time.monotonic() > end:
                break
        return results


def _raised(call: Callable[[Any], object], argument: Any) -> Result:
    """Make a call, and return the error that it raises, or None."""
    try:
        call(argument)
    except (ClaimLost, *FAILED) as error:
        return error
    return None

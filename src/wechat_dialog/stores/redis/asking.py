"""Handles calls whose first attempt brings no answer, and operations that consist of several calls:
generators that are driven by both stores, one blocking and one asynchronous.

A call that succeeds at once does not come here: the store sends it, and decodes the answer.
Otherwise `settle` decides: a server that does not know a script is sent its text, one that does not
answer is asked again for a while, and a call that has to be made in another way is. What a
generator yields is performed, and the result is sent back or the exception thrown in.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Generator
from typing import Any, TypeVar

import msgspec

from . import clients, failures
from .answers import AskOtherwise
from .calls import Call

# The guard against a missing redis-py is in `failures`, so it is imported before.
from redis.exceptions import NoScriptError  # isort: skip

__all__ = ["UNSETTLED", "Asker", "Asking", "AsyncAsker", "Nodes", "Scan", "attempt", "settle"]

T = TypeVar("T")

Asking = Generator[Any, Any, Any]
"""Yields calls and the other steps defined here; is sent the result of each, and returns the result
of the operation.
"""

UNSETTLED = (AskOtherwise, *failures.FAILED)
"""Exceptions that mean that the first attempt has not settled a call."""


class Question(msgspec.Struct, frozen=True):
    """One request to a server.

    Attributes:
        command: EVALSHA, or EVAL.
        script: The script's SHA-1, or its text.
        call: The call.
    """

    command: str
    script: str
    call: Call[Any]


class Pause(msgspec.Struct, frozen=True):
    """A pause before the next attempt, in seconds."""

    seconds: float


class Anew(msgspec.Struct, frozen=True):
    """Close all connections: another server has become the master at this address."""


class Nodes(msgspec.Struct, frozen=True):
    """Asks for the servers that together have all keys."""


class Scan(msgspec.Struct, frozen=True):
    """Scans some keys of one server.

    Attributes:
        node: One of `Nodes`.
        cursor: Where the last scan ended; 0 in the beginning, and again at the end.
        pattern: The pattern that the keys have to match.
    """

    node: Any
    cursor: int
    pattern: str


_Step = Call[Any] | Question | Pause | Anew | Nodes | Scan


def settle(
    call: Call[T], error: Exception, patience: float, *, through_stalls: bool = True
) -> Generator[Any, Any, T]:
    """Settle a call whose first attempt failed.

    Args:
        call: The call.
        error: The error of the first attempt.
        patience: Seconds for which it is retried.
        through_stalls: Whether to retry even if the server stalls.

    Raises:
        StoreError: It was not settled.
    """
    try:
        return (yield from _finish(call, error))
    except failures.FAILED as failed:
        error = failed
    if through_stalls or not failures.stalls(error):
        for pause in clients.pauses(patience):
            if not failures.passes(error):
                break
            if failures.is_replica(error):
                yield Anew()
            yield Pause(pause)
            try:
                return (yield from attempt(call))
            except failures.FAILED as again:
                error = again
    raise failures.explain(error, call.script.source) from error


def attempt(call: Call[T]) -> Generator[Any, Any, T]:
    """Make a call once.

    Raises:
        RedisError: It failed. So do the other errors of `failures.FAILED`.
    """
    try:
        return call.read((yield Question("EVALSHA", call.script.sha, call)))
    except UNSETTLED as error:
        return (yield from _finish(call, error))


def _finish(call: Call[T], error: Exception) -> Generator[Any, Any, T]:
    """Continue an attempt whose first request failed."""
    if isinstance(error, NoScriptError):
        # A server that is new, restarted or promoted learns the script from its text.
        answer = yield Question("EVAL", call.script.source, call)
        try:
            return call.read(answer)
        except AskOtherwise as otherwise:
            error = otherwise
    if isinstance(error, AskOtherwise) and call.instead is not None:
        return (yield from attempt(call.instead()))
    raise error


class Asker(ABC):
    """Makes calls for the blocking store."""

    _patience: float

    @abstractmethod
    def _ask(self, command: str, script: str, call: Call[Any]) -> Any:
        """Send a script with a call's arguments, and return the answer."""

    @abstractmethod
    def _connected(self) -> Any:
        """Return the client, made if there is none."""

    @abstractmethod
    def close(self) -> None:
        """See `Store.close`."""

    def _call(self, call: Call[T]) -> T:
        try:
            return call.read(self._ask("EVALSHA", call.script.sha, call))
        except UNSETTLED as error:
            return self._perform(settle(call, error, self._patience))  # type: ignore[no-any-return]

    def _perform(self, asking: Asking) -> Any:
        answer: Any = None
        failed: Exception | None = None
        while True:
            try:
                step = asking.send(answer) if failed is None else asking.throw(failed)
            except StopIteration as stop:
                return stop.value
            answer = failed = None
            try:
                answer = self._do(step)
            except Exception as error:  # noqa: BLE001 - the generator decides what it means
                failed = error

    def _do(self, step: _Step) -> Any:
        match step:
            case Call():
                return self._call(step)
            case Question():
                return self._ask(step.command, step.script, step.call)
            case Pause():
                return time.sleep(step.seconds)
            case Anew():
                return self.close()
            case Scan():
                client = self._connected()
                node = client if step.node is None else client.get_redis_connection(step.node)
                return node.scan(step.cursor, match=step.pattern, count=SCANNED)
            case _:
                client = self._connected()
                return client.get_primaries() if hasattr(client, "get_primaries") else [None]


class AsyncAsker(ABC):
    """Makes calls for the asynchronous store."""

    _patience: float

    @abstractmethod
    async def _ask(self, command: str, script: str, call: Call[Any]) -> Any:
        """Send a script with a call's arguments, and return the answer."""

    @abstractmethod
    def _connected(self) -> Any:
        """Return the client of the running event loop, made if there is none."""

    @abstractmethod
    async def close(self) -> None:
        """See `Store.close`."""

    async def _call(self, call: Call[T]) -> T:
        try:
            return call.read(await self._ask("EVALSHA", call.script.sha, call))
        except UNSETTLED as error:
            return await self._perform(settle(call, error, self._patience))  # type: ignore[no-any-return]

    async def _perform(self, asking: Asking) -> Any:
        answer: Any = None
        failed: Exception | None = None
        while True:
            try:
                step = asking.send(answer) if failed is None else asking.throw(failed)
            except StopIteration as stop:
                return stop.value
            answer = failed = None
            try:
                answer = await self._do(step)
            except Exception as error:  # noqa: BLE001 - see `Asker`
                failed = error

    async def _do(self, step: _Step) -> Any:
        match step:
            case Call():
                return await self._call(step)
            case Question():
                return await self._ask(step.command, step.script, step.call)
            case Pause():
                return await asyncio.sleep(step.seconds)
            case Anew():
                return await self.close()
            case Scan():
                node = self._connected() if step.node is None else step.node
                words = ("SCAN", step.cursor, "MATCH", step.pattern, "COUNT", SCANNED)
                return await node.execute_command(*words)
            case _:
                client = self._connected()
                if not hasattr(client, "get_primaries"):
                    return [None]
                await client.initialize()
                return client.get_primaries()


SCANNED = 1000
"""How many keys a server scans per call."""

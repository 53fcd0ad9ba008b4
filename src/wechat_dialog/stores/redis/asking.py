"""How a call gets its answer where the first question brings none, and how several calls make one
operation: generators that both stores drive, one waiting and one awaiting.

A call whose answer is there at once never comes here but for its end: a store asks, and reads. What
it does otherwise is decided by `settle`: a server that does not know a script is sent its text, one
that does not answer is asked again for a while, and a call that has to be made otherwise is made
so. What a generator yields is done for it, and it is sent what that came to, or has thrown at it
what failed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from typing import Any, TypeVar

import msgspec

from . import clients
from .answers import AskOtherwise
from .calls import Call

# The guard against a missing redis-py is in `clients`, so it is imported before.
from redis.exceptions import NoScriptError  # isort: skip

__all__ = ["UNSETTLED", "Asker", "Asking", "AsyncAsker", "Nodes", "Scan", "attempt", "settle"]

T = TypeVar("T")

Asking = Generator[Any, Any, Any]
"""Yields calls, and what else stands here; is sent what each came to, and returns the result."""

UNSETTLED = (AskOtherwise, *clients.FAILED)
"""What is raised where a question has not settled a call."""


class Question(msgspec.Struct, frozen=True):
    """One question for a server.

    Attributes:
        command: EVALSHA, or EVAL.
        script: The script's SHA-1, or its text.
        call: The call.
    """

    command: str
    script: str
    call: Call[Any]


class Pause(msgspec.Struct, frozen=True):
    """So many seconds until the next question."""

    seconds: float


class Anew(msgspec.Struct, frozen=True):
    """Close all connections: behind this address another server has become the master."""


class Nodes(msgspec.Struct, frozen=True):
    """Asks for the servers whose keys together are all there are."""


class Scan(msgspec.Struct, frozen=True):
    """Looks through some keys of one server.

    Attributes:
        node: One of `Nodes`.
        cursor: Where the last look ended; 0 in the beginning, and again at the end.
        pattern: What the keys have to match.
    """

    node: Any
    cursor: int
    pattern: str


_Step = Call[Any] | Question | Pause | Anew | Nodes | Scan


def settle(
    call: Call[T], error: Exception, patience: float, *, through_stalls: bool = True
) -> Generator[Any, Any, T]:
    """Settle a call whose first question failed.

    Args:
        call: The call.
        error: What it failed with.
        patience: Seconds for which it is asked again.
        through_stalls: Whether a server that stalls is asked again too.

    Raises:
        StoreError: It was not settled.
    """
    try:
        return (yield from _finish(call, error))
    except clients.FAILED as failed:
        error = failed
    if through_stalls or not clients.stalls(error):
        for pause in clients.pauses(patience):
            if not clients.passes(error):
                break
            if clients.is_replica(error):
                yield Anew()
            yield Pause(pause)
            try:
                return (yield from attempt(call))
            except clients.FAILED as again:
                error = again
    raise clients.explain(error) from error


def attempt(call: Call[T]) -> Generator[Any, Any, T]:
    """Make a call once.

    Raises:
        RedisError: It failed. Other errors of `clients.FAILED` too.
    """
    try:
        return call.read((yield Question("EVALSHA", call.script.sha, call)))
    except UNSETTLED as error:
        return (yield from _finish(call, error))


def _finish(call: Call[T], error: Exception) -> Generator[Any, Any, T]:
    """Go on where the first question of an attempt failed."""
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


class Asker:
    """What a waiting store does with calls."""

    _patience: float

    def _ask(self, command: str, script: str, call: Call[Any]) -> Any:
        raise NotImplementedError

    def _connected(self) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        """See `Store.close`."""
        raise NotImplementedError

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
            except Exception as error:  # noqa: BLE001 - it is whoever asked who knows what it means
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


class AsyncAsker:
    """What an awaiting store does with calls."""

    _patience: float

    async def _ask(self, command: str, script: str, call: Call[Any]) -> Any:
        raise NotImplementedError

    def _connected(self) -> Any:
        raise NotImplementedError

    async def close(self) -> None:
        """See `Store.close`."""
        raise NotImplementedError

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
"""Keys that a server looks through in one go."""

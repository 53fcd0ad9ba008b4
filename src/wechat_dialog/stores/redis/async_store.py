"""Redis as a store, for event loops."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any, TypeVar

from wechat_dialog.core.quantities import require_seconds
from wechat_dialog.core.secrecy import hidden
from wechat_dialog.core.store.values import (
    Answered,
    Claim,
    Claimed,
    Commit,
    Committed,
    Conflict,
    Deferred,
    Running,
    Unclaimed,
    Write,
)
from wechat_dialog.stores.redis import clients, failures
from wechat_dialog.stores.redis.address import Address
from wechat_dialog.stores.redis.asking import UNSETTLED, settle
from wechat_dialog.stores.redis.async_connections import AsyncLines
from wechat_dialog.stores.redis.calls import PREFIX, Call, Calls
from wechat_dialog.stores.redis.keys import Keys
from wechat_dialog.stores.redis.pages import AsyncPages, PageCalls
from wechat_dialog.stores.redis.parts import AsyncParts, PartCalls
from wechat_dialog.stores.redis.peeks import Peeks
from wechat_dialog.stores.redis.queue import AsyncGates
from wechat_dialog.stores.redis.replicas import Replicas, replicas_of
from wechat_dialog.stores.redis.scripts import Scripts
from wechat_dialog.stores.redis.times import AsyncTimes, TimeCalls
from wechat_dialog.stores.redis.try_write import AsyncTries, TryCalls
from wechat_dialog.stores.redis.writes import Writes, says_time

# The guard against a missing redis-py is in `failures`, so it is imported before.
import redis.asyncio  # isort: skip

__all__ = ["AsyncRedisStore"]

T = TypeVar("T")


class AsyncRedisStore(AsyncPages, AsyncParts, AsyncTimes, AsyncTries):
    """See `AsyncStore`; the arguments are those of `RedisStore`.

    Connections belong to an event loop, so each loop gets a client of its own. A client passed in
    serves only the loop in which it was made.
    """

    def __init__(
        self,
        server: str | redis.asyncio.Redis | redis.asyncio.RedisCluster,
        *,
        prefix: str = PREFIX,
        key_format: str | None = None,
        patience: float = 2.5,
        _clock: str | None = None,
    ) -> None:
        require_seconds("patience", patience, zero=True)
        server = hidden(server)
        self._patience = patience
        self._url = server if isinstance(server, str) else None
        self._own = None if isinstance(server, str) else server
        self._clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = (
            weakref.WeakKeyDictionary()
        )
        self._lines: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncLines] = (
            weakref.WeakKeyDictionary()
        )
        self._direct = False
        self._gates: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncGates] = (
            weakref.WeakKeyDictionary()
        )
        self._crowd = 0
        self._replicas: Replicas | None = None
        self._limits: tuple[float | None, float | None] = None, None
        if isinstance(server, str):
            address = Address.parse(server)
            clients.check(address)
            self._direct = address.kind != "cluster"
            self._crowd = clients.crowd(address)
            self._limits = clients.limits(address)
            self._replicas = replicas_of(address)
        else:
            clients.require_bytes(server)
        keys, scripts = Keys(prefix, key_format), Scripts(_clock)
        self._calls = Calls(keys, scripts)
        self._peeks = Peeks(keys, _clock)
        self._writes = Writes(keys, scripts, patience, learns=_clock is None)
        self._pages = PageCalls(keys, _clock)
        self._parts = PartCalls(keys, _clock, self._confirmed)
        self._try_calls = TryCalls(keys, _clock)
        spread = hasattr(self._own, "get_primaries") if self._url is None else not self._direct
        self._times = TimeCalls(keys, scripts, self._writes, self._confirmed, spread=spread)

    def _confirmed(self, call: Call[T]) -> Call[T]:
        return call if self._replicas is None else self._replicas.confirmed(call)

    def _connected(self) -> Any:
        if self._url is None:
            return self._own
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = clients.async_client(Address.parse(self._url))
        return client

    async def _ask(self, command: str, script: str, call: Call[Any]) -> Any:
        words = (command, script, *call.arguments)
        if self._direct:
            beside = () if call.beside is None else (call.beside,)
            return await self._line().ask(words, *beside)
        client = self._connected()
        try:
            if self._url is None:
                return await client.execute_command(*words)
            async with self._gate().through(clients.server_of(client, words[3])):
                return await client.execute_command(*words)
        except (AttributeError, RuntimeError) as error:
            # If one task finds a node of the cluster missing, redis-py closes connections that
            # other tasks are just opening or have just taken, and these then write to None, or to
            # a closed transport, for which uvloop raises RuntimeError. See also `RedisStore._ask`.
            raise redis.ConnectionError("the connection was closed meanwhile") from error

    def _gate(self) -> AsyncGates:
        loop = asyncio.get_running_loop()
        gates = self._gates.get(loop)
        if gates is None:
            gates = self._gates[loop] = AsyncGates(self._crowd)
        return gates

    def _line(self) -> AsyncLines:
        loop = asyncio.get_running_loop()
        lines = self._lines.get(loop)
        if lines is None:
            lines = self._lines[loop] = AsyncLines(self._connected(), *self._limits)
        return lines

    async def claim(self, claim: Claim) -> Claimed | Unclaimed | Answered | Running:
        """See `Store.claim`."""
        if self._direct and self._peeks.fits(claim):
            try:
                answers = await self._line().ask(*self._peeks.commands(claim))
            except failures.FAILED as error:
                if not self._peeks.is_refused(error):
                    call = self._calls.claim(claim, beside=self._direct)
                    return await self._perform(settle(call, error, self._patience))  # type: ignore[no-any-return]
            else:
                unclaimed = self._peeks.read(claim, answers)
                if unclaimed is not None:
                    return unclaimed
        return await self._call(self._calls.claim(claim, beside=self._direct))

    async def record(self, user: str, fence: int, write: Write) -> Committed:
        """See `Store.record`."""
        if says_time(write):
            return await self._perform(self._times.record(user, fence, write))  # type: ignore[no-any-return]
        call = self._writes.record(user, fence, write)
        return await self._call(call if self._replicas is None else self._replicas.confirmed(call))

    async def commit(self, commit: Commit) -> Committed | Answered | Conflict | Deferred:
        """See `Store.commit`."""
        if commit.write.forget:  # see `RedisStore.commit`
            await self._perform(self._pages.forget(commit.user))
            await self._call(self._parts.forget(commit.user))
        if commit.fires is not None or says_time(commit.write):
            return await self._perform(self._times.commit(commit))  # type: ignore[no-any-return]
        call = self._writes.commit(commit)
        return await self._call(call if self._replicas is None else self._replicas.confirmed(call))

    async def defer(self, user: str, key: str, message: bytes = b"") -> Answered | None:
        """See `Store.defer`."""
        return await self._call(self._calls.defer(user, key, message))

    async def untaken(self, user: str, key: str, takes: int = 0) -> None:
        """See `Store.untaken`."""
        await self._call(self._calls.untaken(user, key, takes))

    async def renew(self, user: str, fence: int, lease: float) -> None:
        """See `Store.renew`."""
        await self._call(self._calls.renew(user, fence, lease))

    async def release(self, user: str, fence: int) -> None:
        """See `RedisStore.release`."""
        call = self._calls.release(user, fence)
        try:
            call.read(await self._ask("EVALSHA", call.script.sha, call))
        except UNSETTLED as error:
            await self._perform(settle(call, error, self._patience, through_stalls=False))

    async def close(self) -> None:
        """See `Store.close`; closes what belongs to the running loop."""
        client = self._connected()
        lines = self._lines.pop(asyncio.get_running_loop(), None)
        if lines is not None:
            await lines.close()
        if self._url is not None:
            self._clients.pop(asyncio.get_running_loop(), None)
        await client.aclose()
        for node in clients.nodes(client):
            await node.disconnect()
        for sentinel in clients.sentinels(client):
            await sentinel.aclose()

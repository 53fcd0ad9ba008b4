"""Conversations in Redis or Valkey, for any number of machines: alone, as a cluster, with Sentinel.

The waiting and the awaiting store; what they send is made and read in `stores.redis_calls`. A call
that got no answer (a restart, a failover, a stalled server) is sent again for `patience` seconds,
which its scripts allow; then it is a `StoreError`, and the next call tries anew.
"""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import Iterator
from typing import Any, TypeVar

from wechat_dialog.stores import redis_clients as clients
from wechat_dialog.stores.asynchronous import in_threads
from wechat_dialog.stores.base import (
    NOTHING,
    Answered,
    AsyncStore,
    Claimed,
    Committed,
    Conflict,
    Deferred,
    Have,
    Running,
    Shown,
    Stored,
    Unclaimed,
    Write,
)
from wechat_dialog.stores.redis_address import Address
from wechat_dialog.stores.redis_calls import Call, Calls, Torn
from wechat_dialog.stores.redis_lines import AsyncLines, Lines

# The guard against a missing redis-py is in `redis_clients`, so it is imported before.
import redis.asyncio  # isort: skip
from redis.exceptions import NoScriptError  # isort: skip

__all__ = ["AsyncRedisStore", "RedisStore"]

T = TypeVar("T")

PREFIX = "wechat-dialog"


class RedisStore:
    """See `Store`.

    Args:
        server: A URL (`stores.open_store` lists the forms; options of redis-py may follow as a
            query) or a client of redis-py that does not decode responses.
        prefix: First part of every key.
        key_format: What the hash tag of a user's keys contains, with `%(user)s` in it once; None
            is `<prefix>:%(user)s`, so that keys look like `{wechat-dialog:<user>}:h`.
        patience: Seconds for which a call without an answer is repeated.

    Raises:
        ConfigurationError: The URL cannot be read, the client decodes, or redis-py is missing.

    Nothing is connected before the first operation.
    """

    def __init__(
        self,
        server: str | redis.Redis | redis.RedisCluster,
        *,
        prefix: str = PREFIX,
        key_format: str | None = None,
        patience: float = 2.5,
        _clock: str | None = None,
    ) -> None:
        self._calls = Calls(prefix, key_format, patience, _clock)
        self._options: dict[str, Any] = {
            "prefix": prefix,
            "key_format": key_format,
            "patience": patience,
            "_clock": _clock,
        }
        self._patience = patience
        self._url = server if isinstance(server, str) else None
        self._client: Any = None if isinstance(server, str) else server
        self._lines: Lines | None = None
        self._direct = False
        if isinstance(server, str):
            address = Address.parse(server)
            clients.check(address)
            self._direct = address.kind != "cluster"
        else:
            clients.require_bytes(server)

    def for_async(self) -> AsyncStore:
        """Return a store on the same data for event loops."""
        if self._url is None:
            return in_threads(self)
        return AsyncRedisStore(self._url, **self._options)

    def _connected(self) -> Any:
        if self._client is None and self._url is not None:
            # Two threads may both make one; the loser's is dropped.
            self._client = clients.client(Address.parse(self._url))
        return self._client

    def _call(self, call: Call[T]) -> T:
        try:
            return self._send(call)
        except clients.FAILED as error:
            return self._insist(call, error)

    def _send(self, call: Call[T]) -> T:
        try:
            answer = self._ask("EVALSHA", call.script.sha, call)
        except NoScriptError:
            # A server that is new, restarted or promoted learns the script from its text.
            answer = self._ask("EVAL", call.script.source, call)
        try:
            return call.read(answer)
        except Torn:
            if call.instead is None:
                raise
            return self._send(call.instead)

    def _ask(self, command: str, script: str, call: Call[Any]) -> Any:
        words = (command, script, *call.arguments)
        if not self._direct:
            return (self._client or self._connected()).execute_command(*words)
        lines = self._lines
        if lines is None:
            lines = self._lines = Lines(self._connected())
        return lines.ask(words, call.beside)

    def _insist(self, call: Call[T], error: Exception) -> T:
        for pause in clients.pauses(self._patience):
            if not clients.passes(error):
                break
            if clients.is_replica(error):
                self.close()  # behind this address another server has become the master
            time.sleep(pause)
            try:
                return self._send(call)
            except clients.FAILED as again:
                error = again
        raise clients.explain(error) from error

    def claim(
        self,
        user: str,
        key: str,
        *,
        lease: float,
        have: Have = NOTHING,
        arrival: bool = True,
        optimistic: bool = False,
        message: bytes = b"",
    ) -> Claimed | Unclaimed | Answered | Running:
        """See `Store.claim`."""
        call = self._calls.claim(
            user,
            key,
            lease=lease,
            have=have,
            arrival=arrival,
            optimistic=optimistic,
            message=message,
            beside=self._direct,
        )
        return self._call(call)

    def record(self, user: str, fence: int, write: Write) -> Committed:
        """See `Store.record`."""
        return self._call(self._calls.record(user, fence, write))

    def commit(
        self,
        user: str,
        key: str,
        write: Write,
        *,
        reply: bytes,
        fence: int = 0,
        revision: int = 0,
        max_age: float | None = None,
        deferred: bool = False,
        release: bool = True,
        remember: float = 60.0,
    ) -> Committed | Answered | Conflict | Deferred:
        """See `Store.commit`."""
        call = self._calls.commit(
            user,
            key,
            write,
            reply=reply,
            fence=fence,
            revision=revision,
            max_age=max_age,
            deferred=deferred,
            release=release,
            remember=remember,
        )
        return self._call(call)

    def defer(self, user: str, key: str, message: bytes = b"") -> Answered | None:
        """See `Store.defer`."""
        return self._call(self._calls.defer(user, key, message))

    def renew(self, user: str, fence: int, lease: float) -> None:
        """See `Store.renew`."""
        self._call(self._calls.renew(user, fence, lease))

    def release(self, user: str, fence: int) -> None:
        """See `Store.release`. A server that stalls is not asked again: a claim ends by itself, and
        whoever gives it up has somebody to tell.
        """
        call = self._calls.release(user, fence)
        try:
            self._send(call)
        except clients.FAILED as error:
            if clients.stalls(error):
                raise clients.explain(error) from error
            self._insist(call, error)

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """See `Store.list`."""
        listed: set[str] = set()
        try:
            for key in self._connected().scan_iter(match=self._calls.pattern(prefix), count=1000):
                found = self._calls.user(key)
                # A user is found by its head or by its parked conversations, and SCAN repeats.
                if found is None or found[1] not in ("h", "p") or found[0] in listed:
                    continue
                listed.add(found[0])
                line = self._call(self._calls.line(found[0]))
                if line is not None:
                    yield line
        except clients.FAILED as error:
            raise clients.explain(error) from error

    def show(self, user: str) -> Shown | None:
        """See `Store.show`."""
        return self._call(self._calls.show(user))

    def end(self, user: str, id: str | None = None) -> bool:
        """See `Store.end`."""
        return self._call(self._calls.end(user, id))

    def close(self) -> None:
        """See `Store.close`."""
        client, lines = self._client, self._lines
        if lines is not None:
            self._lines = None
            lines.close()
        if client is not None:
            if self._url is not None:
                self._client = None
            client.close()
            for sentinel in clients.sentinels(client):
                sentinel.close()


class AsyncRedisStore:
    """See `AsyncStore`; the arguments are those of `RedisStore`.

    Connections belong to an event loop, so each loop gets a client of its own. A client handed in
    serves the one loop it was made in.
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
        self._calls = Calls(prefix, key_format, patience, _clock)
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
        self._limits: tuple[float | None, float | None] = None, None
        if isinstance(server, str):
            address = Address.parse(server)
            clients.check(address)
            self._direct = address.kind != "cluster"
            self._limits = clients.limits(address)
        else:
            clients.require_bytes(server)

    def _connected(self) -> Any:
        if self._url is None:
            return self._own
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = clients.async_client(Address.parse(self._url))
        return client

    async def _call(self, call: Call[T]) -> T:
        try:
            return await self._send(call)
        except clients.FAILED as error:
            return await self._insist(call, error)

    async def _send(self, call: Call[T]) -> T:
        try:
            answer = await self._ask("EVALSHA", call.script.sha, call)
        except NoScriptError:
            answer = await self._ask("EVAL", call.script.source, call)
        try:
            return call.read(answer)
        except Torn:
            if call.instead is None:
                raise
            return await self._send(call.instead)

    async def _ask(self, command: str, script: str, call: Call[Any]) -> Any:
        words = (command, script, *call.arguments)
        if self._direct:
            return await self._line().ask(words, call.beside)
        try:
            return await self._connected().execute_command(*words)
        except AttributeError as error:
            # Where one task finds a node of the cluster gone, redis-py closes connections
            # that other tasks are just opening, and these then write to None.
            raise redis.ConnectionError("the connection was closed meanwhile") from error

    def _line(self) -> AsyncLines:
        loop = asyncio.get_running_loop()
        lines = self._lines.get(loop)
        if lines is None:
            lines = self._lines[loop] = AsyncLines(self._connected(), *self._limits)
        return lines

    async def _insist(self, call: Call[T], error: Exception) -> T:
        for pause in clients.pauses(self._patience):
            if not clients.passes(error):
                break
            if clients.is_replica(error):
                await self.close()
            await asyncio.sleep(pause)
            try:
                return await self._send(call)
            except clients.FAILED as again:
                error = again
        raise clients.explain(error) from error

    async def claim(
        self,
        user: str,
        key: str,
        *,
        lease: float,
        have: Have = NOTHING,
        arrival: bool = True,
        optimistic: bool = False,
        message: bytes = b"",
    ) -> Claimed | Unclaimed | Answered | Running:
        """See `Store.claim`."""
        call = self._calls.claim(
            user,
            key,
            lease=lease,
            have=have,
            arrival=arrival,
            optimistic=optimistic,
            message=message,
            beside=self._direct,
        )
        return await self._call(call)

    async def record(self, user: str, fence: int, write: Write) -> Committed:
        """See `Store.record`."""
        return await self._call(self._calls.record(user, fence, write))

    async def commit(
        self,
        user: str,
        key: str,
        write: Write,
        *,
        reply: bytes,
        fence: int = 0,
        revision: int = 0,
        max_age: float | None = None,
        deferred: bool = False,
        release: bool = True,
        remember: float = 60.0,
    ) -> Committed | Answered | Conflict | Deferred:
        """See `Store.commit`."""
        call = self._calls.commit(
            user,
            key,
            write,
            reply=reply,
            fence=fence,
            revision=revision,
            max_age=max_age,
            deferred=deferred,
            release=release,
            remember=remember,
        )
        return await self._call(call)

    async def defer(self, user: str, key: str, message: bytes = b"") -> Answered | None:
        """See `Store.defer`."""
        return await self._call(self._calls.defer(user, key, message))

    async def renew(self, user: str, fence: int, lease: float) -> None:
        """See `Store.renew`."""
        await self._call(self._calls.renew(user, fence, lease))

    async def release(self, user: str, fence: int) -> None:
        """See `RedisStore.release`."""
        call = self._calls.release(user, fence)
        try:
            await self._send(call)
        except clients.FAILED as error:
            if clients.stalls(error):
                raise clients.explain(error) from error
            await self._insist(call, error)

    async def close(self) -> None:
        """See `Store.close`; gives back what belongs to the running loop."""
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

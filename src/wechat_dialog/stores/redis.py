"""Conversations in Redis or Valkey, for any number of machines: alone, as a cluster, with Sentinel.

The waiting and the awaiting store; what they send is made and read in `stores.redis_calls`. A call
that got no answer (a restart, a failover, a stalled server) is sent again for `patience` seconds,
which its scripts allow; then it is a `StoreError`, and the next call tries anew. Connections are
redis-py's business, but not repeating: its own retries are switched off, else both would multiply.
"""

from __future__ import annotations

import asyncio
import random
import time
import weakref
from collections.abc import Generator, Iterator
from typing import Any, TypeVar

from wechat_dialog.errors import ConfigurationError, StoreError
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
    Write,
)
from wechat_dialog.stores.redis_address import Address
from wechat_dialog.stores.redis_calls import Call, Calls

try:
    import redis
    import redis.asyncio
    from redis.asyncio.retry import Retry as AsyncRetry
    from redis.asyncio.sentinel import Sentinel as AsyncSentinel
    from redis.backoff import NoBackoff
    from redis.connection import parse_url
    from redis.exceptions import (
        AuthenticationError,
        AuthorizationError,
        ClusterError,
        NoScriptError,
        ReadOnlyError,
        RedisClusterException,
        RedisError,
        ResponseError,
        TryAgainError,
    )
    from redis.retry import Retry
    from redis.sentinel import Sentinel
except ImportError as _error:
    raise ConfigurationError(
        "a Redis store needs redis-py: pip install 'wechat-dialog[redis]'"
    ) from _error

__all__ = ["AsyncRedisStore", "RedisStore"]

T = TypeVar("T")

PREFIX = "wechat-dialog"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.25
_DEFAULTS: dict[str, Any] = {
    # A server that says nothing for this long is stalled. Two tries fit into the default patience.
    "socket_timeout": 1.5,
    "socket_connect_timeout": 1.5,
    # RESP3 brings pushes, which nobody here waits for, and HELLO, which Redis 5 does not know.
    "protocol": 2,
}
_ASYNC_CONNECTIONS: dict[Any, Any] = {
    redis.connection.SSLConnection: redis.asyncio.SSLConnection,
    redis.connection.UnixDomainSocketConnection: redis.asyncio.UnixDomainSocketConnection,
}
_FAILED = (RedisError, RedisClusterException, OSError)
_REFUSED = (AuthenticationError, AuthorizationError)
_PASSING = (
    redis.ConnectionError,
    redis.TimeoutError,
    OSError,
    ClusterError,
    TryAgainError,
    RedisClusterException,
)


def _is_replica(error: Exception) -> bool:
    """Whether a server refused to write because another one has become the master."""
    # Raised inside a script, the code is in the middle of the text, and the class is lost.
    return isinstance(error, ReadOnlyError) or (
        isinstance(error, ResponseError) and "READONLY" in str(error)
    )


def _passes(error: Exception) -> bool:
    """Whether trying again may help."""
    if isinstance(error, _REFUSED):
        return False
    return isinstance(error, _PASSING) or _is_replica(error)


def _explain(error: Exception) -> StoreError:
    """Turn the driver's error into ours, with a sentence that says what to do."""
    if isinstance(error, ResponseError) and "OOM" in str(error):
        advice = "it has no memory left: raise maxmemory (with maxmemory-policy noeviction)"
    elif isinstance(error, ResponseError) and "MISCONF" in str(error):
        advice = "it cannot save to its disk and so takes no writes: see its log"
    elif isinstance(error, _REFUSED):
        advice = f"it refuses us: check user and password of the store's URL ({error})"
    elif _is_replica(error):
        advice = f"it is a replica: give the master's URL, or the sentinels' ({error})"
    elif _passes(error):
        advice = f"it does not answer: check that it runs and can be reached ({error})"
    else:
        advice = f"it refuses the command: {error}"
    return StoreError(f"Redis store: {advice}")


def _pauses(patience: float) -> Generator[float]:
    """Yield how long to pause before each further try, until `patience` is used up."""
    end = time.monotonic() + patience
    pause = _FIRST_PAUSE
    while (left := end - time.monotonic()) > 0:
        # Workers that lost one server together shall not come back in step.
        yield min(pause * random.uniform(0.5, 1.0), left)
        pause = min(pause * 2, _LONGEST_PAUSE)


def _settings(address: Address) -> dict[str, Any]:
    """Return redis-py's keyword arguments for what follows the host in a URL."""
    try:
        return {**_DEFAULTS, **parse_url(address.url), "decode_responses": False}
    except ValueError as error:
        raise ConfigurationError(f"the URL of the Redis store: {error}") from error


def _client(address: Address) -> Any:
    """Make a client; it connects when first used."""
    settings = _settings(address)
    settings["retry"] = Retry(NoBackoff(), 0)
    if address.kind == "server":
        return redis.Redis(connection_pool=redis.ConnectionPool(**settings))
    _spread(settings, address)
    if address.kind == "cluster":
        nodes = [redis.cluster.ClusterNode(host, port) for host, port in address.nodes]
        return redis.RedisCluster(startup_nodes=nodes, **settings)
    sentinel = Sentinel(address.nodes, sentinel_kwargs=_sentinel_settings(settings), **settings)
    return sentinel.master_for(address.service)


def _async_client(address: Address) -> Any:
    """Make a client for the running loop; it connects when first used."""
    settings = _settings(address)
    settings["retry"] = AsyncRetry(NoBackoff(), 0)
    kind = settings.pop("connection_class", None)
    if address.kind == "server":
        if kind is not None:
            settings["connection_class"] = _ASYNC_CONNECTIONS[kind]
        return redis.asyncio.Redis.from_pool(redis.asyncio.ConnectionPool(**settings))
    if kind is not None:
        settings["ssl"] = True
    _spread(settings, address)
    if address.kind == "cluster":
        nodes = [redis.asyncio.cluster.ClusterNode(host, port) for host, port in address.nodes]
        return redis.asyncio.RedisCluster(startup_nodes=nodes, **settings)
    own = _sentinel_settings(settings)
    sentinel = AsyncSentinel(list(address.nodes), sentinel_kwargs=own, **settings)
    return sentinel.master_for(address.service)


def _spread(settings: dict[str, Any], address: Address) -> None:
    """Take out what stands for one host only."""
    del settings["host"]
    if settings.pop("connection_class", None) is not None:
        settings["ssl"] = True
    if address.kind == "cluster":
        del settings["db"]


def _sentinel_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return what the connections to the sentinels themselves take; the password is another one.

    `sentinel_username` and `sentinel_password` of the URL's query are theirs.
    """
    own = {name: value for name, value in settings.items() if name not in ("db", "username")}
    own.pop("password", None)
    for name in ("username", "password"):
        value = settings.pop(f"sentinel_{name}", None)
        own.pop(f"sentinel_{name}", None)
        if value is not None:
            own[name] = value
    return own


def _sentinels(client: Any) -> list[Any]:
    """Return the clients of the sentinels, which closing the master's client leaves open."""
    pool = getattr(client, "connection_pool", None)
    manager = getattr(pool, "sentinel_manager", None)
    return [] if manager is None else manager.sentinels


def _require_bytes(client: Any) -> None:
    if client.get_encoder().decode_responses:
        raise ConfigurationError(
            "the Redis client decodes responses, and a journal is bytes: decode_responses=False"
        )


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
        self._calls = Calls(prefix, key_format, _clock)
        self._options: dict[str, Any] = {"prefix": prefix, "key_format": key_format}
        self._options["patience"] = patience
        self._patience = patience
        self._url = server if isinstance(server, str) else None
        self._client: Any = None if isinstance(server, str) else server
        self._direct = False
        if isinstance(server, str):
            address = Address.parse(server)
            _settings(address)
            self._direct = address.kind != "cluster"
        else:
            _require_bytes(server)

    def for_async(self) -> AsyncStore:
        """Return a store on the same data for event loops."""
        if self._url is None:
            return in_threads(self)
        face = AsyncRedisStore(self._url, **self._options)
        face._calls = self._calls
        return face

    def _connected(self) -> Any:
        if self._client is None:
            assert self._url is not None
            # Two threads may both make one; the loser's is dropped unconnected.
            self._client = _client(Address.parse(self._url))
        return self._client

    def _call(self, call: Call[T]) -> T:
        try:
            return self._send(call)
        except _FAILED as error:
            return self._insist(call, error)

    def _send(self, call: Call[T]) -> T:
        try:
            answer = self._ask("EVALSHA", call.script.sha, *call.arguments)
        except NoScriptError:
            # A server that is new, restarted or promoted learns the script from its text.
            answer = self._ask("EVAL", call.script.source, *call.arguments)
        return call.read(answer)

    def _ask(self, *words: str | bytes | int) -> Any:
        client = self._client or self._connected()
        if not self._direct:
            return client.execute_command(*words)
        # A sixth of the time of a turn is what execute_command does around these four calls
        # (metrics, retries, callbacks), none of which is wanted here.
        pool = client.connection_pool
        connection = pool.get_connection()
        try:
            connection.send_command(*words)
            return connection.read_response()
        except ResponseError:
            raise
        except BaseException:
            connection.disconnect()  # what is still to come answers this call, not the next one
            raise
        finally:
            pool.release(connection)

    def _insist(self, call: Call[T], error: Exception) -> T:
        for pause in _pauses(self._patience):
            if not _passes(error):
                break
            if _is_replica(error):
                self.close()  # behind this address another server has become the master
            time.sleep(pause)
            try:
                return self._send(call)
            except _FAILED as again:
                error = again
        raise _explain(error) from error

    def claim(
        self, user: str, key: str, *, lease: float, have: Have = NOTHING, arrival: bool = True
    ) -> Claimed | Answered | Running:
        """See `Store.claim`."""
        return self._call(self._calls.claim(user, key, lease=lease, have=have, arrival=arrival))

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

    def defer(self, user: str, key: str) -> Answered | None:
        """See `Store.defer`."""
        return self._call(self._calls.defer(user, key))

    def renew(self, user: str, fence: int, lease: float) -> None:
        """See `Store.renew`."""
        self._call(self._calls.renew(user, fence, lease))

    def release(self, user: str, fence: int) -> None:
        """See `Store.release`."""
        self._call(self._calls.release(user, fence))

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
        except _FAILED as error:
            raise _explain(error) from error

    def show(self, user: str) -> Shown | None:
        """See `Store.show`."""
        return self._call(self._calls.show(user))

    def end(self, user: str, id: str | None = None) -> bool:
        """See `Store.end`."""
        return self._call(self._calls.end(user, id))

    def close(self) -> None:
        """See `Store.close`."""
        client = self._client
        if client is not None:
            if self._url is not None:
                self._client = None
            client.close()
            for sentinel in _sentinels(client):
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
    ) -> None:
        self._calls = Calls(prefix, key_format)
        self._patience = patience
        self._url = server if isinstance(server, str) else None
        self._own = None if isinstance(server, str) else server
        self._clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = (
            weakref.WeakKeyDictionary()
        )
        self._direct = False
        if isinstance(server, str):
            address = Address.parse(server)
            _settings(address)
            self._direct = address.kind != "cluster"
        else:
            _require_bytes(server)

    def _connected(self) -> Any:
        if self._url is None:
            return self._own
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = _async_client(Address.parse(self._url))
        return client

    async def _call(self, call: Call[T]) -> T:
        try:
            return await self._send(call)
        except _FAILED as error:
            return await self._insist(call, error)

    async def _send(self, call: Call[T]) -> T:
        try:
            answer = await self._ask("EVALSHA", call.script.sha, *call.arguments)
        except NoScriptError:
            answer = await self._ask("EVAL", call.script.source, *call.arguments)
        return call.read(answer)

    async def _ask(self, *words: str | bytes | int) -> Any:
        client = self._connected()
        if not self._direct:
            try:
                return await client.execute_command(*words)
            except AttributeError as error:
                # Where one task finds a node of the cluster gone, redis-py closes connections
                # that other tasks are just opening, and these then write to None.
                raise redis.ConnectionError("the connection was closed meanwhile") from error
        pool = client.connection_pool
        connection = await pool.get_connection()
        try:
            await connection.send_command(*words)
            return await connection.read_response()
        except ResponseError:
            raise
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        finally:
            await pool.release(connection)

    async def _insist(self, call: Call[T], error: Exception) -> T:
        for pause in _pauses(self._patience):
            if not _passes(error):
                break
            if _is_replica(error):
                await self.close()
            await asyncio.sleep(pause)
            try:
                return await self._send(call)
            except _FAILED as again:
                error = again
        raise _explain(error) from error

    async def claim(
        self, user: str, key: str, *, lease: float, have: Have = NOTHING, arrival: bool = True
    ) -> Claimed | Answered | Running:
        """See `Store.claim`."""
        call = self._calls.claim(user, key, lease=lease, have=have, arrival=arrival)
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

    async def defer(self, user: str, key: str) -> Answered | None:
        """See `Store.defer`."""
        return await self._call(self._calls.defer(user, key))

    async def renew(self, user: str, fence: int, lease: float) -> None:
        """See `Store.renew`."""
        await self._call(self._calls.renew(user, fence, lease))

    async def release(self, user: str, fence: int) -> None:
        """See `Store.release`."""
        await self._call(self._calls.release(user, fence))

    async def close(self) -> None:
        """See `Store.close`; gives back what belongs to the running loop."""
        client = self._connected()
        if self._url is not None:
            self._clients.pop(asyncio.get_running_loop(), None)
        await client.aclose()
        for sentinel in _sentinels(client):
            await sentinel.aclose()

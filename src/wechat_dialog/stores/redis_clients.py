"""Clients of redis-py as a Redis store wants them, and what their errors mean to an operator.

Connections are redis-py's business, but not repeating a call: its own retries are switched off,
else both would multiply.
"""

from __future__ import annotations

import random
import time
from collections.abc import Generator
from typing import Any

from wechat_dialog.errors import ConfigurationError, StoreError
from wechat_dialog.stores.redis_address import Address

try:
    import redis
    import redis.asyncio
    from redis.asyncio.cluster import ClusterNode as AsyncClusterNode
    from redis.asyncio.retry import Retry as AsyncRetry
    from redis.asyncio.sentinel import Sentinel as AsyncSentinel
    from redis.backoff import NoBackoff
    from redis.cluster import ClusterNode
    from redis.connection import (
        SSLConnection,
        UnixDomainSocketConnection,
        parse_url,  # pyright: ignore[reportUnknownVariableType]
    )
    from redis.exceptions import (
        AuthenticationError,
        AuthorizationError,
        ClusterError,
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

__all__ = [
    "FAILED",
    "async_client",
    "check",
    "client",
    "explain",
    "is_replica",
    "limits",
    "nodes",
    "passes",
    "pauses",
    "require_bytes",
    "sentinels",
    "stalls",
]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.25
_DEFAULTS: dict[str, Any] = {
    # A server that says nothing for this long is stalled. Two tries fit into the default patience.
    "socket_timeout": 1.5,
    "socket_connect_timeout": 1.5,
    # RESP3 brings pushes, which nobody here waits for, and HELLO, which Redis 5 does not know.
    "protocol": 2,
}
_ASYNC_CONNECTIONS: dict[Any, Any] = {
    SSLConnection: redis.asyncio.SSLConnection,
    UnixDomainSocketConnection: redis.asyncio.UnixDomainSocketConnection,
}
FAILED = (RedisError, RedisClusterException, OSError)
"""What a driver raises if a call fails."""
_REFUSED = (AuthenticationError, AuthorizationError)
_PASSING = (
    redis.ConnectionError,
    redis.TimeoutError,
    OSError,
    ClusterError,
    TryAgainError,
    RedisClusterException,
)


def is_replica(error: Exception) -> bool:
    """Whether a server refused to write because another one has become the master."""
    # Raised inside a script, the code is in the middle of the text, and the class is lost.
    return isinstance(error, ReadOnlyError) or (
        isinstance(error, ResponseError) and "READONLY" in str(error)
    )


def stalls(error: Exception) -> bool:
    """Whether the server took the call and said nothing."""
    return isinstance(error, (redis.TimeoutError, TimeoutError))


def passes(error: Exception) -> bool:
    """Whether trying again may help."""
    if isinstance(error, _REFUSED):
        return False
    return isinstance(error, _PASSING) or is_replica(error)


def explain(error: Exception) -> StoreError:
    """Turn the driver's error into ours, with a sentence that says what to do."""
    if isinstance(error, ResponseError) and "OOM" in str(error):
        advice = "it has no memory left: raise maxmemory (with maxmemory-policy noeviction)"
    elif isinstance(error, ResponseError) and "MISCONF" in str(error):
        advice = "it cannot save to its disk and so takes no writes: see its log"
    elif isinstance(error, _REFUSED):
        advice = f"it refuses us: check user and password of the store's URL ({error})"
    elif is_replica(error):
        advice = f"it is a replica: give the master's URL, or the sentinels' ({error})"
    elif passes(error):
        advice = f"it does not answer: check that it runs and can be reached ({error})"
    else:
        advice = f"it refuses the command: {error}"
    return StoreError(f"Redis store: {advice}")


def pauses(patience: float) -> Generator[float]:
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


def check(address: Address) -> None:
    """Find out what is wrong with a URL without connecting.

    Raises:
        ConfigurationError: An option is none of redis-py's, or no value of its kind.
    """
    settings = _settings(address)
    _sentinel_settings(settings)
    try:
        redis.ConnectionPool(**settings).make_connection()
    except TypeError as error:
        raise ConfigurationError(f"the URL of the Redis store: {error}") from error


def client(address: Address) -> Any:
    """Make a client; that of a cluster connects at once, the others when first used."""
    settings = _settings(address)
    settings["retry"] = Retry(NoBackoff(), 0)
    if address.kind == "server":
        return redis.Redis(connection_pool=redis.ConnectionPool(**settings))
    _spread(settings, address)
    if address.kind == "cluster":
        nodes = [ClusterNode(host, port) for host, port in address.nodes]
        return redis.RedisCluster(startup_nodes=nodes, **settings)
    own = _sentinel_settings(settings)
    sentinel: Any = Sentinel(address.nodes, sentinel_kwargs=own, **settings)
    return sentinel.master_for(address.service)


def limits(address: Address) -> tuple[float | None, float | None]:
    """Return the seconds an answer may take, and those of a new connection's first; None: any."""
    settings = _settings(address)
    answer, connected = settings["socket_timeout"], settings["socket_connect_timeout"]
    return answer, None if answer is None or connected is None else connected + answer


def async_client(address: Address) -> Any:
    """Make a client for the running loop; it connects when first used.

    But in a cluster its connections have no limit on how long an answer takes: `AsyncLines` has.
    """
    settings = _settings(address)
    settings["retry"] = AsyncRetry(NoBackoff(), 0)
    if address.kind == "server":
        settings["socket_timeout"] = None
    kind = settings.pop("connection_class", None)
    if address.kind == "server":
        if kind is not None:
            settings["connection_class"] = _ASYNC_CONNECTIONS[kind]
        return redis.asyncio.Redis.from_pool(redis.asyncio.ConnectionPool(**settings))
    if kind is not None:
        settings["ssl"] = True
    _spread(settings, address)
    if address.kind == "cluster":
        nodes = [AsyncClusterNode(host, port) for host, port in address.nodes]
        return redis.asyncio.RedisCluster(startup_nodes=nodes, **settings)
    own = _sentinel_settings(settings)
    settings["socket_timeout"] = None
    sentinel: Any = AsyncSentinel(list(address.nodes), sentinel_kwargs=own, **settings)
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


def sentinels(client: Any) -> list[Any]:
    """Return the clients of the sentinels, which closing the master's client leaves open."""
    pool = getattr(client, "connection_pool", None)
    manager = getattr(pool, "sentinel_manager", None)
    return [] if manager is None else manager.sentinels


def nodes(client: Any) -> list[Any]:
    """Return the nodes of a cluster's client for event loops, none of another's.

    Closing that client leaves them connected where a call has just failed: it then counts itself as
    not connected yet.
    """
    manager = getattr(client, "nodes_manager", None)
    if manager is None:
        return []
    return [*manager.nodes_cache.values(), *manager.startup_nodes.values()]


def require_bytes(client: Any) -> None:
    """Refuse a client that would try to read bytes as text.

    Raises:
        ConfigurationError: It was made with `decode_responses=True`.
    """
    if client.get_encoder().decode_responses:
        raise ConfigurationError(
            "the Redis client decodes responses, and a journal is bytes: decode_responses=False"
        )

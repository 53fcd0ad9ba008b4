"""Makes redis-py clients with the settings that a Redis store needs, and explains their errors to
operators.

redis-py opens the connections. It does not retry calls: its retries are switched off, since the
store retries calls itself, and each of its attempts would become several.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from wechat_dialog.core.secrecy import Secret
from wechat_dialog.errors import ConfigurationError, StoreError

from .address import Address

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
        RedisClusterException,
        RedisError,
        ResponseError,
        TryAgainError,
    )
    from redis.retry import Retry
    from redis.sentinel import Sentinel

    from .master_pool import MasterPool
except ImportError as _error:
    raise ConfigurationError(
        "a Redis store needs redis-py: pip install 'wechat-dialog[redis]'"
    ) from _error

__all__ = [
    "FAILED",
    "Crowded",
    "async_client",
    "check",
    "client",
    "crowd",
    "explain",
    "is_replica",
    "limits",
    "nodes",
    "passes",
    "pauses",
    "replicas",
    "require_bytes",
    "sentinels",
    "server_of",
    "stalls",
]

_chance = random.SystemRandom()
"""Not the module's own generator: what an application seeds is the application's."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.25
_DEFAULTS: dict[str, Any] = {
    # Seconds without an answer after which a call fails. Two tries fit into the store's default
    # patience of 2.5 s.
    "socket_timeout": 1.5,
    "socket_connect_timeout": 1.5,
    # Not RESP3: it needs the command HELLO, which Redis 5 does not know, and adds nothing we use.
    "protocol": 2,
    # redis-py's own default of today; older versions had no limit.
    "max_connections": 100,
}
_ASYNC_CONNECTIONS: dict[Any, Any] = {
    SSLConnection: redis.asyncio.SSLConnection,
    UnixDomainSocketConnection: redis.asyncio.UnixDomainSocketConnection,
}
_SECRETS = ("password", "sentinel_password", "ssl_password")
_ANY = 2**31
"""No limit for a cluster's client: `queue.Gates` limits the calls, and lets them wait instead of
failing.
"""
FAILED = (RedisError, RedisClusterException, OSError)
"""The errors that redis-py raises when a call fails."""
_REFUSED = (AuthenticationError, AuthorizationError)
_PASSING = (
    redis.ConnectionError,
    redis.TimeoutError,
    OSError,
    ClusterError,
    TryAgainError,
    RedisClusterException,
)


class Crowded(RedisError):
    """A call waited too long for a connection."""


@dataclass(frozen=True)
class _Meaning:
    """The meaning of an error answered by the server. The call was not carried out.

    Attributes:
        advice: The sentence for the operator.
        passes: Whether the cause may be gone in a moment, so that the call is repeated for a while.
    """

    advice: str
    passes: bool = False


_REPLICA = _Meaning("it is a replica: give the master's URL, or the sentinels'", passes=True)
_MEANINGS = {
    "OOM": _Meaning("it has no memory left: raise maxmemory (with maxmemory-policy noeviction)"),
    "MISCONF": _Meaning("it cannot save to its disk and so takes no writes: see its log"),
    "BUSY": _Meaning(
        "it is busy with a script that takes long, none of ours: see its SLOWLOG", passes=True
    ),
    "NOREPLICAS": _Meaning(
        "too few replicas follow it (min-replicas-to-write) and so it takes no writes", passes=True
    ),
    "READONLY": _REPLICA,
    "MASTERDOWN": _REPLICA,
    "LOADING": _Meaning("it has just started and still loads its data", passes=True),
    "CLUSTERDOWN": _Meaning("its cluster is down: some keys have no master", passes=True),
    "NOPERM": _Meaning("its user may not do all that is needed: see docs/redis.md"),
}
_CODE = re.compile(rf"(?:^|\s-)({'|'.join(_MEANINGS)})\s")
_CLASSES = {
    "OutOfMemoryError": "OOM",
    "ReadOnlyError": "READONLY",
    "MasterDownError": "MASTERDOWN",
    "BusyLoadingError": "LOADING",
    "ClusterDownError": "CLUSTERDOWN",
    "NoPermissionError": "NOPERM",
}


def _code(error: Exception) -> str:
    """Return the error code at the beginning of the server's answer, such as "OOM"; "" if it is not
    in `_MEANINGS`.

    redis-py removes some codes from the text and raises a class of its own instead; which ones
    depends on its version. An error inside a script has its code in the middle of the text in
    Redis 6, and at the beginning from Redis 7 on.
    """
    code = _CLASSES.get(type(error).__name__, "")
    if not code and isinstance(error, ResponseError):
        match = _CODE.search(str(error))
        code = match[1] if match else ""
    return code


def is_replica(error: Exception) -> bool:
    """Whether the server refused a write because it is a replica (now)."""
    return _MEANINGS.get(_code(error)) is _REPLICA


def stalls(error: Exception) -> bool:
    """Whether the server did not answer in time, though it accepted the call."""
    return isinstance(error, (redis.TimeoutError, TimeoutError))


def passes(error: Exception) -> bool:
    """Whether the call may succeed if it is repeated."""
    if isinstance(error, _REFUSED):
        return False
    meaning = _MEANINGS.get(_code(error))
    return isinstance(error, _PASSING) if meaning is None else meaning.passes


def explain(error: Exception) -> StoreError:
    """Return a `StoreError` for an error of redis-py, whose sentence says what to do."""
    meaning = _MEANINGS.get(_code(error))
    if isinstance(error, Crowded):
        advice = str(error)
    elif meaning is not None:
        advice = f"{meaning.advice} ({error})"
    elif isinstance(error, _REFUSED):
        advice = f"it refuses us: check user and password of the store's URL ({error})"
    elif passes(error):
        advice = f"it does not answer: check that it runs and can be reached ({error})"
    else:
        advice = f"it refuses the command: {error}"
    return StoreError(f"Redis store: {advice}")


def pauses(patience: float) -> Generator[float]:
    """Yield the seconds to wait before each repetition of a call, until `patience` seconds are
    over.
    """
    end = time.monotonic() + patience
    pause = _FIRST_PAUSE
    while (left := end - time.monotonic()) > 0:
        # Random, so that workers that lost the same server do not all repeat at the same moment.
        yield min(pause * _chance.uniform(0.5, 1.0), left)
        pause = min(pause * 2, _LONGEST_PAUSE)


def _settings(address: Address) -> dict[str, Any]:
    """Return the options of a URL as keyword arguments of redis-py's connections."""
    try:
        options = cast("dict[str, Any]", parse_url(address.url))
    except ValueError as error:  # not chained: its text quotes a value, which may be a password
        option = re.match(r"Invalid value for '(\w+)'", str(error))
        why = f"the value of {option[1]} is invalid" if option else "it cannot be read"
        raise ConfigurationError(f"the URL of the Redis store: {why}") from None
    options.pop("wait", None)
    secret = {name: Secret(options[name]) for name in _SECRETS if name in options}
    return {**_DEFAULTS, **options, **secret, "decode_responses": False}


def check(address: Address) -> None:
    """Check the options of a URL without connecting.

    Raises:
        ConfigurationError: redis-py has no such option, or its value is of the wrong type.
    """
    settings = _settings(address)
    _sentinel_settings(settings)
    try:
        redis.ConnectionPool(**settings).make_connection()
    except TypeError as error:
        raise ConfigurationError(f"the URL of the Redis store: {error}") from None


def client(address: Address) -> Any:
    """Make a client. A cluster's connects at once, any other at its first call."""
    settings = _settings(address)
    settings["retry"] = Retry(NoBackoff(), 0)
    if address.kind == "server":
        return redis.Redis(connection_pool=redis.ConnectionPool(**settings))
    _spread(settings, address)
    if address.kind == "cluster":
        settings["max_connections"] = _ANY
        nodes = [ClusterNode(host, port) for host, port in address.nodes]
        return redis.RedisCluster(startup_nodes=nodes, **settings)
    own = _sentinel_settings(settings)
    sentinel: Any = Sentinel(address.nodes, sentinel_kwargs=own, **settings)
    return sentinel.master_for(address.service, connection_pool_class=MasterPool)


def replicas(address: Address) -> int:
    """Return how many replicas must have confirmed a write: `?wait=` of the URL, by default 0.

    Raises:
        ConfigurationError: It is not a number; or the URL is a cluster's: WAIT must follow a write
            on the same connection, and a cluster's client does not tell which one it used.
    """
    count = parse_qs(urlsplit(address.url).query).get("wait", ["0"])[-1]
    if not (count.isascii() and count.isdigit()):
        raise ConfigurationError("the URL of the Redis store: wait= is a number of replicas")
    if int(count) and address.kind == "cluster":
        raise ConfigurationError(
            "the URL of the Redis store: wait= does not go with a cluster; set its "
            "min-replicas-to-write"
        )
    return int(count)


def crowd(address: Address) -> int:
    """Return the limit of connections to one server."""
    return int(_settings(address)["max_connections"])


def limits(address: Address) -> tuple[float | None, float | None]:
    """Return two time limits in seconds: for an answer, and for opening a connection with its first
    answers. None: no limit.
    """
    settings = _settings(address)
    answer, connected = settings["socket_timeout"], settings["socket_connect_timeout"]
    return answer, None if answer is None or connected is None else connected + answer


def async_client(address: Address) -> Any:
    """Make a client for the running event loop; it connects at its first call.

    Except in a cluster, its connections have no time limit for an answer; `AsyncLines` has one.
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
        settings["max_connections"] = _ANY
        nodes = [AsyncClusterNode(host, port) for host, port in address.nodes]
        # By default it closes all connections, those in use included, whenever it has been told for
        # the fifth time that a slot has moved, and reads the layout anew. While slots are moved,
        # that fails calls of all users. It notes each moved slot as it is told, which is enough.
        settings["reinitialize_steps"] = 0
        return redis.asyncio.RedisCluster(startup_nodes=nodes, **settings)
    own = _sentinel_settings(settings)
    settings["socket_timeout"] = None
    sentinel: Any = AsyncSentinel(list(address.nodes), sentinel_kwargs=own, **settings)
    return sentinel.master_for(address.service)


def _spread(settings: dict[str, Any], address: Address) -> None:
    """Remove the settings that belong to a single host, for a client with several."""
    del settings["host"]
    if settings.pop("connection_class", None) is not None:
        settings["ssl"] = True
    if address.kind == "cluster":
        del settings["db"]


def _sentinel_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings for the connections to the sentinels themselves.

    User and password of the URL are the server's. The sentinels have `sentinel_username` and
    `sentinel_password` of its query, which are removed from `settings`.
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
    """Return a client's clients of the sentinels, which it does not close when it is closed; empty
    without Sentinel.
    """
    pool = getattr(client, "connection_pool", None)
    manager = getattr(pool, "sentinel_manager", None)
    return [] if manager is None else manager.sentinels


def nodes(client: Any) -> list[Any]:
    """Return the nodes of a cluster's client for event loops; empty for any other client.

    They have to be disconnected one by one: after a failed call the client regards itself as not
    connected yet, and closing it then closes nothing.
    """
    manager = getattr(client, "nodes_manager", None)
    if manager is None:
        return []
    return [*manager.nodes_cache.values(), *manager.startup_nodes.values()]


def server_of(client: Any, key: str | bytes | int) -> str:
    """Return the name of the cluster node that holds a key, as far as its client knows; "" if it
    knows none.
    """
    try:
        return str(client.get_node_from_key(key).name)
    except FAILED:
        return ""


def require_bytes(client: Any) -> None:
    """Refuse a client that decodes the server's answers into text.

    Raises:
        ConfigurationError: It was made with `decode_responses=True`.
    """
    if client.get_encoder().decode_responses:
        raise ConfigurationError(
            "the Redis client decodes responses, and a journal is bytes: decode_responses=False"
        )

"""Makes redis-py clients with the settings that a Redis store needs.

redis-py opens the connections. It does not retry calls: its retries are switched off, since the
store retries calls itself, and each of its attempts would become several.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Generator
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from wechat_dialog.core.secrecy import Secret
from wechat_dialog.errors import ConfigurationError

from .address import Address
from .failures import FAILED

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
    from redis.retry import Retry
    from redis.sentinel import Sentinel

    from .master_pool import MasterPool
except ImportError as _error:
    raise ConfigurationError(
        "a Redis store needs redis-py: pip install 'wechat-dialog[redis]'"
    ) from _error

__all__ = [
    "async_client",
    "check",
    "client",
    "crowd",
    "limits",
    "nodes",
    "pauses",
    "replicas",
    "require_bytes",
    "sentinels",
    "server_of",
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

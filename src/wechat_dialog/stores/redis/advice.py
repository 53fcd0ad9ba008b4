"""Checks the settings of a Redis server, as far as they are visible, and what they cost: see
docs/redis.md.

INFO shows most of them; CONFIG, which managed Redis services do not allow, the rest. An invisible
setting is neither an error nor worth advice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from redis.exceptions import ResponseError

__all__ = ["advice"]


def advice(client: Any) -> list[str]:
    """Return a sentence for each setting that may lose what users were told.

    Args:
        client: The client of one server, or of a cluster, all of whose masters are asked.

    Raises:
        RedisError: A server does not answer.
    """
    if not hasattr(client, "get_primaries"):
        return list(_of_server(client))
    sentences = [
        sentence
        for node in client.get_primaries()
        for sentence in _of_server(client.get_redis_connection(node))
    ]
    return list(dict.fromkeys(sentences))


def _of_server(client: Any) -> Iterator[str]:
    try:
        info: dict[str, Any] = client.info()
    except ResponseError:
        return
    if not info.get("aof_enabled", 1):
        yield (
            "appendonly is no: a crash of Redis loses what was written since its last snapshot, "
            "and steps that had ended run again; set appendonly yes"
        )
    elif _setting(client, "appendfsync") == "no":
        yield (
            "appendfsync is no: a machine that goes down loses what its system had not written "
            "yet, half a minute or more; set appendfsync everysec"
        )
    policy = info.get("maxmemory_policy", "noeviction")
    if info.get("maxmemory") and policy != "noeviction":
        yield (
            f"maxmemory-policy is {policy}: where memory is short, Redis drops claims and "
            "remembered replies, and a repeated message is taken for a new answer; set "
            "maxmemory-policy noeviction"
        )
    replicas = info.get("connected_slaves", 0)
    if replicas and _setting(client, "min-replicas-to-write") == "0":
        yield (
            f"min-replicas-to-write is 0, with {replicas} replica(s): a master that is cut off "
            "from them goes on taking writes, and a failover loses them; set "
            "min-replicas-to-write 1"
        )


def _setting(client: Any, name: str) -> str:
    """Return a setting; "" if the server does not tell."""
    with suppress(ResponseError):
        for value in client.config_get(name).values():
            return value.decode() if isinstance(value, bytes) else str(value)
    return ""

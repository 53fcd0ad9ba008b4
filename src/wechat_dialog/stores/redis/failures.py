"""What an error of redis-py means: whether the call may succeed if it is repeated, and what its
operator has to do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from wechat_dialog.errors import ConfigurationError, StoreError

try:
    import redis
    from redis.exceptions import (
        AuthenticationError,
        AuthorizationError,
        ClusterError,
        RedisClusterException,
        RedisError,
        ResponseError,
        TryAgainError,
    )
except ImportError as _error:
    raise ConfigurationError(
        "a Redis store needs redis-py: pip install 'wechat-dialog[redis]'"
    ) from _error

__all__ = ["FAILED", "Crowded", "explain", "is_replica", "passes", "stalls"]

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
_FORBIDDEN = _Meaning("its user may not do all that is needed: see docs/redis.md")
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
    "NOPERM": _FORBIDDEN,
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
_TEXTS = (
    # Inside a script the code is ERR: Redis 7 and Valkey, then Redis 6.
    (re.compile("ACL failure in script|user executing the script can't"), _FORBIDDEN),
    (
        re.compile("unknown (?:redis )?command", re.IGNORECASE),
        _Meaning(
            "it does not know a command that is needed: look for rename-command in its "
            "configuration, or for a proxy before it"
        ),
    ),
    (
        re.compile("cluster support disabled"),
        _Meaning("it is no cluster: begin the URL of the store with redis:// or rediss://"),
    ),
)
"""Meanings of errors that have no code of their own, by their text."""
_CLIENTS = re.compile(r" : <.*", re.DOTALL)
"""What redis-py adds if no sentinel knows a master: how it represents each client that it asked."""
_LINE = re.compile(r"user_script:\s?(\d+)")
_CALLED = re.compile(r"redis\.call\('([A-Z]+)'")


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


def _meaning(error: Exception) -> _Meaning | None:
    meaning = _MEANINGS.get(_code(error))
    if meaning is None and isinstance(error, ResponseError):
        return next((meaning for text, meaning in _TEXTS if text.search(str(error))), None)
    return meaning


def _reason(error: Exception) -> Exception:
    """Return why a cluster's client could not read the layout of its cluster. It raises an error of
    its own, whose text takes every refusal for "Cluster mode is not enabled on this node".
    """
    while isinstance(error, RedisClusterException):
        below = error.__cause__ or error.__context__
        if not isinstance(below, FAILED):
            break
        error = below
    return error


def is_replica(error: Exception) -> bool:
    """Whether the server refused a write because it is a replica (now)."""
    return _meaning(error) is _REPLICA


def stalls(error: Exception) -> bool:
    """Whether the server did not answer in time, though it accepted the call."""
    return isinstance(error, (redis.TimeoutError, TimeoutError))


def passes(error: Exception) -> bool:
    """Whether the call may succeed if it is repeated."""
    error = _reason(error)
    if isinstance(error, _REFUSED):
        return False
    meaning = _meaning(error)
    return isinstance(error, _PASSING) if meaning is None else meaning.passes


def explain(error: Exception, script: str = "") -> StoreError:
    """Return a `StoreError` for an error of redis-py, whose sentence says what to do.

    Args:
        error: The error.
        script: The text of the script that was called; "": none was. Most servers do not say which
            of its commands they refuse, but on which line it is.
    """
    error = _reason(error)
    meaning = _meaning(error)
    if isinstance(error, Crowded):
        advice = str(error)
    elif meaning is not None:
        advice = f"{meaning.advice} ({_commands(str(error), script)}{error})"
    elif isinstance(error, _REFUSED):
        advice = f"it refuses us: check user and password of the store's URL ({error})"
    elif passes(error):
        why = _CLIENTS.sub("", str(error))
        advice = f"it does not answer: check that it runs and can be reached ({why})"
    else:
        advice = f"it refuses the command: {error}"
    return StoreError(f"Redis store: {advice}")


def _commands(text: str, script: str) -> str:
    """Return the commands on the line of a script that an error names, to precede its text; "" if
    it names none.
    """
    line = _LINE.search(text)
    lines = script.splitlines()
    if line is None or int(line[1]) > len(lines):
        return ""
    called = " or ".join(_CALLED.findall(lines[int(line[1]) - 1]))
    return f"{called}: " if called else ""

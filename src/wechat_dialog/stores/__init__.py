"""Where conversations and claims are kept between two messages; the contract is in
`core.store.contract`.

    open_store("memory://")                    one process, nothing kept
    open_store("sqlite:///wechat-dialog.db")   one machine; a fourth slash makes the path absolute
    open_store("redis://host:6379/0")          many machines; TLS, cluster, sentinel, sockets too

A driver's package is imported when a URL asks for it, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wechat_dialog.core.secrecy import Secret, without_secrets
from wechat_dialog.core.store.contract import AsyncStore, Store
from wechat_dialog.core.store.kept import Aside, Parked, Shown, Stored
from wechat_dialog.core.store.times import Due, Dues, Mail, Post, Posted, Wake
from wechat_dialog.core.store.values import (
    NOTHING,
    Answered,
    Claim,
    Claimed,
    Commit,
    Committed,
    Conflict,
    Deferred,
    Have,
    Pending,
    Running,
    Unclaimed,
    Write,
)
from wechat_dialog.errors import ConfigurationError

if TYPE_CHECKING:
    from .asynchronous import for_async

__all__ = [
    "DEFAULT_FILE",
    "NOTHING",
    "Answered",
    "Aside",
    "AsyncStore",
    "Claim",
    "Claimed",
    "Commit",
    "Committed",
    "Conflict",
    "Deferred",
    "Due",
    "Dues",
    "Have",
    "Mail",
    "Parked",
    "Pending",
    "Post",
    "Posted",
    "Running",
    "Shown",
    "Store",
    "Stored",
    "Unclaimed",
    "Wake",
    "Write",
    "for_async",
    "open_store",
]

DEFAULT_FILE = "wechat-dialog.db"
"""The embedded store's file, in the working directory."""

_REDIS = ("redis", "rediss", "unix")
_ALLOWED = (
    "memory://, sqlite:///file.db (sqlite:////absolute/file.db), redis://host:port/db, rediss://…, "
    "unix:///path.sock, redis+cluster://host:port[,host:port], "
    "redis+sentinel://host:port[,host:port]/service/db (rediss+… with TLS)"
)


def open_store(url: str | None = None) -> Store:
    """Return the store of `url`; nothing is opened or connected yet.

    Args:
        url: One of the forms above; None: the embedded store in the working directory.

    Raises:
        ConfigurationError: The URL has none of these forms, or its driver is not installed.
    """
    from urllib.parse import unquote

    url = Secret(f"sqlite:///{DEFAULT_FILE}" if url is None else url)
    scheme = Secret(url.partition("://")[0])
    rest = Secret(url[len(scheme) + 3 :])
    if scheme.partition("+")[0] in _REDIS and rest:
        from .redis import RedisStore

        return RedisStore(url)
    if url == "memory://":
        from .memory import MemoryStore

        return MemoryStore()
    if scheme == "sqlite" and len(rest) > 1 and rest[0] == "/" and not set("?#") & set(rest):
        from .sqlite import SQLiteStore

        return SQLiteStore(unquote(rest[1:]))
    raise ConfigurationError(f"store={without_secrets(url)!r} is no store: use {_ALLOWED}")


def __getattr__(name: str) -> object:
    # Imported late: it imports asyncio, which a bot behind a WSGI server never needs.
    if name == "for_async":
        from .asynchronous import for_async

        return for_async
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Where conversations and claims live between two messages: the contract is `stores.base`.

    open_store("memory://")                    one process, nothing kept
    open_store("sqlite:///wechat-dialog.db")   one machine; a fourth slash makes the path absolute
    open_store("redis://host:6379/0")          many machines; TLS, cluster, sentinel, sockets too

A driver's package is imported when a URL asks for it, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wechat_dialog.errors import ConfigurationError
from wechat_dialog.stores.base import Store

if TYPE_CHECKING:
    from wechat_dialog.stores.asynchronous import for_async

__all__ = ["DEFAULT_FILE", "for_async", "open_store"]

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
        url: One of the forms above; None is the embedded store in the working directory.

    Raises:
        ConfigurationError: The URL is none of these forms, or its driver is not installed.
    """
    from urllib.parse import unquote, urlsplit

    if url is None:
        url = f"sqlite:///{DEFAULT_FILE}"
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ConfigurationError(f"store={_shown(url)!r}: {error}; use {_ALLOWED}") from error
    if parts.scheme.partition("+")[0] in _REDIS:
        from wechat_dialog.stores.redis import RedisStore

        return RedisStore(url)
    if parts.scheme == "memory" and url == "memory://":
        from wechat_dialog.stores.memory import MemoryStore

        return MemoryStore()
    if parts.scheme == "sqlite" and not parts.netloc and not parts.query and len(parts.path) > 1:
        from wechat_dialog.stores.sqlite import SQLiteStore

        return SQLiteStore(unquote(parts.path[1:]))
    raise ConfigurationError(f"store={_shown(url)!r} is no store: use {_ALLOWED}")


def __getattr__(name: str) -> object:
    # It brings asyncio, which a bot behind a WSGI server never needs.
    if name == "for_async":
        from wechat_dialog.stores.asynchronous import for_async

        return for_async
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _shown(url: str) -> str:
    """Return `url` without what may be a password."""
    scheme, separator, rest = url.partition("://")
    _, at, host = rest.rpartition("@")
    return f"{scheme}{separator}…@{host}" if at else url

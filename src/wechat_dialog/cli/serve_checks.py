"""The checks of `wechat-dialog serve` before it opens a port, and a filter for its access log."""

from __future__ import annotations

import enum
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from wechat_dialog.core.wire.signature import is_token
from wechat_dialog.errors import StoreError
from wechat_dialog.web.health import health_check_in

__all__ = ["AccessFilter", "LogLevel", "advice", "cause_of", "doubts", "log_to_stderr"]

NOBODY = "nobody"
"""A user who cannot exist, looked up to see whether the store answers."""


class LogLevel(enum.StrEnum):
    """The lowest level of log records that `serve` and `work` print."""

    debug = "debug"
    info = "info"
    warning = "warning"
    error = "error"
    critical = "critical"


def doubts(bot: Any) -> Iterator[str]:
    """Yield a warning for each setting that will probably not work.

    Raises:
        ConfigurationError: The store's URL is invalid.
        StoreError: The embedded store cannot be written to. (A store's server that is not
            reachable yet is only a warning.)
    """
    if not is_token(bot.token):
        yield (
            f"the console takes no such token ({len(bot.token)} characters), only 3 to 32 letters "
            "and digits: copy the console's"
        )
    if missing := getattr(bot, "missing", list[str])():
        yield f"ROUTER names functions that the module does not have: {', '.join(missing)}"
    try:
        bot.store.show(NOBODY)
    except StoreError as error:
        # `simulate` has checks of this module, and no store.
        from wechat_dialog.stores.sqlite import SQLiteStore

        if isinstance(bot.store, SQLiteStore):
            raise
        yield f"{error}; until it is there, users get no answer but an apology"
    else:
        yield from advice(bot.store)


def advice(store: Any) -> Iterator[str]:
    """Yield a warning for each setting of the store's server that may lose conversations."""
    advise: Callable[[], list[str]] = getattr(store, "advice", list[str])
    with suppress(StoreError):  # not a reason to fail
        for sentence in advise():
            yield f"Redis store: {sentence} (docs/redis.md)"


def cause_of(error: OSError | UnicodeError) -> str:
    """Return why an address cannot be listened on. Python 3.11 repeats the address in its text."""
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number and number > 0 else str(error)


def log_to_stderr(level: str) -> None:
    """Print the library's log records of this level and above, with the time; do nothing if the
    application has configured its logging.
    """
    log = logging.getLogger("wechat_dialog")
    log.setLevel(level)
    if not (log.handlers or logging.getLogger().handlers):
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        log.addHandler(handler)


class AccessFilter(logging.Filter):
    """Removes the query from each address in uvicorn's access log, and leaves out health checks.

    The query holds the signature, which does not cover the body (protocol reference 2): in
    plaintext mode, anybody who reads one can send messages of their own with it. Health checks come
    every few seconds, and what they find is in the log when it changes.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Shorten a record; returns whether it is logged."""
        match record.args:
            case (client, str(method), str(address), *rest):
                path, _, query = address.partition("?")
                record.args = (client, method, path, *rest)
                return not health_check_in(method, path, "", query)
            case _:
                return True

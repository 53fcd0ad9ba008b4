"""Limits on connections whose request `serve` has not received completely: in time and number.

Without limits, a client that opens connections and sends nothing, or one header an hour, could use
up the server's file descriptors. The platform sends a request in one piece and hangs up after five
seconds (protocol reference 5.3), so these limits do not affect it:

- A connection is closed if a request's head is not complete `SECONDS` after the connection was
  made or, on a kept-alive connection, after the head's first byte.
- A quarter of the process's descriptors, and 1000 at most, may belong to connections whose request
  is not complete, idle ones included. Beyond that, the one that has waited longest is closed. A
  request that arrives in one piece is never counted.

The body has `web.asgi.PATIENCE`, an idle connection uvicorn's `timeout_keep_alive`.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import sys
import time
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from wechat_dialog.core.logs import log

from .no_delay import send_at_once

if TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import H11Protocol as _Base
else:
    from uvicorn.protocols.http.auto import AutoHTTPProtocol as _Base

__all__ = ["BoundedProtocol", "options"]

SECONDS = 5.0
FEWEST, MOST = 16, 1000
"""Bounds of the number of connections that may wait at once, a quarter of the descriptors."""
DESCRIPTORS = 8192
LOG_EVERY = 60.0

_resource: Any = importlib.import_module("resource") if sys.platform != "win32" else None
_waiting: WeakKeyDictionary[Any, dict[Any, None]] = WeakKeyDictionary()
"""By server: connections with an incomplete request, in the order in which they began to wait."""
_last_logged = -LOG_EVERY


def _descriptors() -> int:
    """Return how many file descriptors this process may have."""
    if _resource is None:
        return 512
    soft, _ = _resource.getrlimit(_resource.RLIMIT_NOFILE)
    return DESCRIPTORS if soft == _resource.RLIM_INFINITY else soft


def _most() -> int:
    """Return how many connections may wait at once."""
    return min(max(_descriptors() // 4, FEWEST), MOST)


def options() -> dict[str, Any]:
    """Return options for uvicorn, and raise the limit of descriptors of this process.

    Many systems set the soft limit to 256 or 1024, with a higher hard limit. asyncio accepts up to
    `backlog` connections in one go, and logs an error for each one that it has no descriptor for;
    so the backlog is limited, too. Workers inherit the limit.
    """
    if _resource is not None:
        soft, hard = _resource.getrlimit(_resource.RLIMIT_NOFILE)
        limit = DESCRIPTORS if hard == _resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
        if soft != _resource.RLIM_INFINITY and soft < limit:
            with contextlib.suppress(ValueError, OSError):
                _resource.setrlimit(_resource.RLIMIT_NOFILE, (limit, hard))
    return {
        "http": BoundedProtocol,
        "ws": "none",  # no bot has WebSockets, and the limits cover only HTTP
        "backlog": min(2048, _descriptors() // 8),
    }


class BoundedProtocol(_Base):
    """uvicorn's HTTP protocol (httptools or h11) with both limits."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection as waiting, and start the timer for its first head."""
        super().connection_made(cast("asyncio.Transport", transport))
        send_at_once(transport)
        self._wait()
        self._expect_a_head()

    def data_received(self, data: bytes) -> None:
        """Stop counting the connection once its request is complete."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Wait for the next request, which may have arrived already."""
        super().on_response_complete()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._stop_waiting()
        self._head_is_whole()

    def _look(self) -> None:
        cycle: Any = self.cycle  # None before the first request, despite its annotation
        between = not cycle or cycle.response_complete
        if not between:
            self._head_is_whole()
        elif self.timeout_keep_alive_task is None:  # otherwise it is idle, which uvicorn limits
            self._expect_a_head()
        if between or cycle.more_body:
            self._wait()
        else:
            self._stop_waiting()

    # The head's time ------------------------------------------------------------------------------

    def _expect_a_head(self) -> None:
        if self._late is None and not self.transport.is_closing():
            self._late = self.loop.call_later(SECONDS, self.end, "whose request had not come")

    def _head_is_whole(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    # Their number ---------------------------------------------------------------------------------

    def _wait(self) -> None:
        waiting = _waiting.setdefault(self.server_state, {})
        if self in waiting or self.transport.is_closing():
            return
        waiting[self] = None
        while len(waiting) > _most():
            oldest = cast("BoundedProtocol", next(iter(waiting)))
            oldest.end("whose request was not whole, for there were too many")

    def _stop_waiting(self) -> None:
        _waiting.get(self.server_state, {}).pop(self, None)

    def end(self, why: str) -> None:
        """Close the connection at once."""
        global _last_logged  # noqa: PLW0603 - one time for all connections limits the log
        self._stop_waiting()
        self._head_is_whole()
        self.transport.abort()
        if time.monotonic() - _last_logged > LOG_EVERY:
            _last_logged = time.monotonic()
            log.warning("ended a connection %s; logged once a minute at most", why)

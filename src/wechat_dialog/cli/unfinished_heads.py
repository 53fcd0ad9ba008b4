"""Limits on connections whose request `serve` has not received completely: in time and number.

A server waits for a request as long as its client likes, so anybody who opens connections and sends
nothing, or one header an hour, can use up its file descriptors. The platform sends a request in one
piece and hangs up after five seconds (protocol reference 5.3), so nobody loses anything here:

- a request's head that is not whole `SECONDS` after its connection was made, or after its first
  byte on a connection that is kept, ends the connection;
- a quarter of the process's descriptors, and 1000 at most, may belong to connections whose request
  is not whole, idle ones included. One more ends the one that has waited longest; what comes in one
  piece never waits.

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
"""Connections that may wait at once: a quarter of the descriptors, within these."""
DESCRIPTORS = 8192
TOLD_EVERY = 60.0

_resource: Any = importlib.import_module("resource") if sys.platform != "win32" else None
_waiting: WeakKeyDictionary[Any, dict[Any, None]] = WeakKeyDictionary()
"""By server: connections whose request is not whole, in the order in which they began to wait."""
_told = -TOLD_EVERY


def _descriptors() -> int:
    """Return how many this process may have."""
    if _resource is None:
        return 512
    soft, _ = _resource.getrlimit(_resource.RLIMIT_NOFILE)
    return DESCRIPTORS if soft == _resource.RLIM_INFINITY else soft


def _most() -> int:
    """Return how many connections may wait at once."""
    return min(max(_descriptors() // 4, FEWEST), MOST)


def options() -> dict[str, Any]:
    """Return what uvicorn is told, and allow this process and its workers more descriptors.

    Many systems give 256 or 1024 where they would give more. asyncio takes as many connections at
    once as its backlog says before it looks at any of them, and where it has no descriptor left it
    logs that for each. So the backlog has to fit, too.
    """
    if _resource is not None:
        soft, hard = _resource.getrlimit(_resource.RLIMIT_NOFILE)
        wanted = DESCRIPTORS if hard == _resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
        if soft != _resource.RLIM_INFINITY and soft < wanted:
            with contextlib.suppress(ValueError, OSError):
                _resource.setrlimit(_resource.RLIMIT_NOFILE, (wanted, hard))
    return {
        "http": BoundedProtocol,
        "ws": "none",  # the bounds are on HTTP, and no bot speaks anything else
        "backlog": min(2048, _descriptors() // 8),
    }


class BoundedProtocol(_Base):
    """uvicorn's protocol, whichever it is, with both bounds."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        super().connection_made(cast("asyncio.Transport", transport))
        send_at_once(transport)
        self._wait()
        self._expect_a_head()

    def data_received(self, data: bytes) -> None:
        """Stop waiting once the request is whole."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Wait for the next request; another one may have come with the last."""
        super().on_response_complete()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        super().connection_lost(exc)
        self._stop_waiting()
        self._head_is_whole()

    def _look(self) -> None:
        cycle: Any = self.cycle  # None before the first request, whatever its annotation says
        between = not cycle or cycle.response_complete
        if not between:
            self._head_is_whole()
        elif self.timeout_keep_alive_task is None:  # else it is idle, which uvicorn ends
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
        """End the connection at once."""
        global _told  # noqa: PLW0603 - one for all, so that a flood is no flood of lines
        self._stop_waiting()
        self._head_is_whole()
        self.transport.abort()
        if time.monotonic() - _told > TOLD_EVERY:
            _told = time.monotonic()
            log.warning("ended a connection %s; told once a minute at most", why)

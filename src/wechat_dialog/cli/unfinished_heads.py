"""Limits on connections whose request `serve` has not received completely, or whose response nobody
reads: in time, number and bytes.

Without limits, a client that opens connections and sends nothing, or one header an hour, or reads
no response, could use up the server's file descriptors; and one that sends headers without end, or
requests without waiting for their responses, its memory. The platform sends a request in one piece,
waits for its response and hangs up after five seconds (protocol reference 5.3), so these limits do
not affect it:

- A connection is closed if a request's head is not complete `SECONDS` after the connection was
  made or, on a kept-alive connection, after the head's first byte.
- A connection is closed if its client reads so slowly that the response does not fit into the
  buffers for `UNREAD` seconds.
- A quarter of the process's descriptors, and 1000 at most, may belong to connections whose request
  is not complete, idle ones included, or whose response does not fit into the buffers. Beyond that,
  the one that has waited longest is closed. A request that arrives in one piece is never counted.
- A connection is closed if a head has more than `HEAD` bytes, or if more than `REQUEST` bytes come
  before a response is complete. Of the requests that do not wait for the response to an earlier
  one, `PIPELINED` are answered at most. uvicorn takes in headers without end, and further requests
  at each response: one connection could fill the machine's memory.

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
UNREAD = 30.0
HEAD = 65536
REQUEST = 524288
"""A request that is too large is read so far, that its sender learns it (413)."""
PIPELINED = 16
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
    """uvicorn's HTTP protocol (httptools or h11) with these limits."""

    pipeline: Any = ()
    """Requests that wait for the response to an earlier one; h11 reads only one at a time."""
    _late: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _received = 0
    """Bytes since the last response was complete."""
    _all_waiting: dict[Any, None]
    """The server's waiting connections, see `_waiting`."""
    _most = 0
    """How many of them there may be."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection as waiting, and start the timer for its first head."""
        super().connection_made(cast("asyncio.Transport", transport))
        send_at_once(transport)
        # Asked once a connection, since every request on it needs both twice.
        self._all_waiting = _waiting.setdefault(self.server_state, {})
        self._most = _most()
        self._wait()
        self._expect_a_head()

    def data_received(self, data: bytes) -> None:
        """Stop counting the connection once its request is complete; refuse too much of it."""
        super().data_received(data)
        self._received += len(data)
        if self.pipeline:
            self._bound_pipeline()
        between = self._is_between
        if self._received > (HEAD if between else REQUEST):
            self.end("that had sent too much before its response")
        else:
            self._look(between)

    def on_response_complete(self) -> None:
        """Wait for the next request, which may have arrived already."""
        super().on_response_complete()
        self._received = 0
        if self.transport.is_closing():  # once its client has read what is in the buffers
            self._expect_a_reader()
        if self.pipeline:
            self._bound_pipeline()
        self._look(self._is_between)

    def _bound_pipeline(self) -> None:
        """Read no more as long as requests wait for the response to an earlier one, and drop those
        that are too many: the last that is left ends the connection.
        """
        self.flow.pause_reading()
        waiting = self.pipeline
        if len(waiting) > PIPELINED:
            while len(waiting) > PIPELINED:
                waiting.popleft()
            waiting[0][0].keep_alive = False

    def pause_writing(self) -> None:
        """Count the connection as waiting, and start the timer for its client to read."""
        super().pause_writing()
        self._expect_a_reader()
        self._wait()

    def resume_writing(self) -> None:
        """Stop the timer."""
        super().resume_writing()
        self._is_read()
        self._look(self._is_between)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._stop_waiting()
        self._head_is_whole()
        self._is_read()

    @property
    def _is_between(self) -> bool:
        """Whether no request is being answered: the head of the next is not complete."""
        cycle: Any = self.cycle  # None before the first request, despite its annotation
        return not cycle or cycle.response_complete

    def _look(self, between: bool) -> None:
        if not between:
            self._head_is_whole()
        elif self.timeout_keep_alive_task is None:  # otherwise it is idle, which uvicorn limits
            self._expect_a_head()
        if between or self.cycle.more_body or self._unread is not None:
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

    # The reader's time ----------------------------------------------------------------------------

    def _expect_a_reader(self) -> None:
        if self._unread is None:
            self._unread = self.loop.call_later(UNREAD, self.end, "whose client read no response")

    def _is_read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    # Their number ---------------------------------------------------------------------------------

    def _wait(self) -> None:
        waiting = self._all_waiting
        if self in waiting or self.transport.is_closing():
            return
        waiting[self] = None
        while len(waiting) > self._most:
            oldest = cast("BoundedProtocol", next(iter(waiting)))
            oldest.end("that waited longest, for there were too many")

    def _stop_waiting(self) -> None:
        self._all_waiting.pop(self, None)

    def end(self, why: str) -> None:
        """Close the connection at once."""
        global _last_logged  # noqa: PLW0603 - one time for all connections limits the log
        self._stop_waiting()
        self._head_is_whole()
        self._is_read()
        self.transport.abort()
        if time.monotonic() - _last_logged > LOG_EVERY:
            _last_logged = time.monotonic()
            log.warning("ended a connection %s; logged once a minute at most", why)

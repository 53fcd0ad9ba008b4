"""The ASGI application: `uvicorn module:bot.asgi`."""

from __future__ import annotations

import asyncio
import contextlib
import types
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Generator, MutableMapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from wechat_dialog.core.hung_up import hung_up
from wechat_dialog.errors import StoreError, TooLarge, TooSlow

from .handling import (
    LIMIT,
    Answers,
    PageAnswers,
    Served,
    check_length,
    page_in,
    serve_async,
    serve_page_async,
)
from .health import health_check_in, serve_health_check_async

if TYPE_CHECKING:
    from .streams import Streams

__all__ = ["Application"]

T = TypeVar("T")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


PATIENCE = 5.0
"""Seconds after which the platform has hung up (protocol reference 5.3)."""


class Application:
    """An ASGI 3 application that answers the platform's GET and POST on any path, and on their own
    paths requests for answer pages and health checks.

    Attributes:
        announced: Whether the server announces its shutdown to the application (the lifespan
            protocol).
    """

    def __init__(self, bot: Answers, *, patience: float = PATIENCE) -> None:
        """Wrap a bot.

        Args:
            bot: The bot.
            patience: Seconds within which a body must have arrived. Servers themselves wait for
                ever, and a client could use up all their file descriptors.
        """
        self._bot = bot
        self._patience = patience
        self.announced = False
        self._streams: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Streams] = (
            weakref.WeakKeyDictionary()
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or take part in the server's startup and shutdown."""
        kind = scope["type"]
        if kind == "lifespan":
            self.announced = True
            await _lifespan(receive, send, self._bot)
        elif kind == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
        elif kind == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = scope.get("query_string", b"").decode("latin-1")
        path, root = scope.get("path", ""), scope.get("root_path", "")
        if id := page_in(self._bot, path, root):
            await self._page(scope, receive, send, id, query)
            return
        method = scope["method"]
        if method != "POST" and (check := health_check_in(method, path, root, query)):
            served = await serve_health_check_async(self._bot, method, check)
            await _respond(send, served, last=False)
            return

        async def read() -> bytes:
            try:
                return await _within(self._patience, _read(scope, receive))
            except TimeoutError:
                raise TooSlow(f"no whole body after {self._patience:g} s") from None

        token = hung_up.set(partial(_hangs_up, receive))
        try:
            served = await serve_async(self._bot, method, query, read)
        except _Gone:
            return
        finally:
            hung_up.reset(token)
        # HTTP/2 has no such header, and its connection carries other requests.
        await _respond(send, served, last=scope.get("http_version", "1.1").startswith("1"))
        if not self.announced:
            # The server does not announce its shutdown (it has lifespan off, or the application is
            # mounted in another one), but it waits for its requests.
            await self._bot.settle()

    # Answer pages --------------------------------------------------------------------------------

    async def _page(self, scope: Scope, receive: Receive, send: Send, id: str, query: str) -> None:
        method = scope["method"]
        places = [pair[7:] for pair in query.split("&") if pair.startswith("stream=")]
        if places and method == "GET":
            # A browser that reconnects to a stream sends the id of the last event it received.
            place = _header(scope, b"last-event-id") or places[0]
            served = await self._stream(receive, send, id, place)
        else:
            served = await serve_page_async(self._bot, method, id, query, streams=True)
        if served is not None:
            await _respond(send, served, last=False)

    async def _stream(self, receive: Receive, send: Send, id: str, place: str) -> Served | None:
        """Let a reader follow a page; return the answer instead if they cannot follow it."""
        from .streams import Streams

        pages = self._bot.pages
        if pages is None:
            return Served(404, b"")
        streams = self._streams.setdefault(asyncio.get_running_loop(), Streams(pages))
        if streams.full:
            return Served(503, b"", headers=pages.headers)
        with streams.reader():
            try:
                heard = await pages.hear(id, place, comes=True)
            except StoreError:
                return Served(503, b"", headers=pages.headers)
            if heard.over and not heard.news:
                return Served(204, b"", headers=pages.headers)

            await send({"type": "http.response.start", "status": 200, "headers": _streamed(pages)})
            async with contextlib.aclosing(streams.follow(id, heard, _hangs_up(receive))) as events:
                async for event in events:
                    await send({"type": "http.response.body", "body": event, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        return None


async def _within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Await a coroutine, `seconds` at most.

    Nearly every body is there when its request is, and a timeout that nothing waits for would cost
    a tenth of a turn. So the coroutine is first run to where it waits.
    """
    try:
        future = work.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    async with asyncio.timeout(seconds):
        return await _further(work, future)


@types.coroutine
def _further(work: Coroutine[Any, Any, T], future: Any) -> Generator[Any, Any, T]:
    """Await a coroutine that already waits for a future."""
    try:
        while True:
            try:
                sent = yield future
            except BaseException as error:  # noqa: BLE001 - it is the coroutine's
                future = work.throw(error)
            else:
                future = work.send(sent)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


def _header(scope: Scope, name: bytes) -> str:
    values = [value for key, value in scope.get("headers", ()) if key == name]
    return values[0].decode("latin-1") if values else ""


def _streamed(pages: PageAnswers) -> list[tuple[bytes, bytes]]:
    headers = {
        **pages.headers, "Content-Type": "text/event-stream; charset=utf-8",
        "X-Accel-Buffering": "no",  # a proxy must not buffer the stream
    }  # fmt: skip
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


class _Gone(BaseException):
    """The client hung up before its whole request had arrived."""


async def _hangs_up(receive: Receive) -> None:
    """Wait until the client of a request that was read has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _lifespan(receive: Receive, send: Send, bot: Answers) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            bot.sweep_here()
        if message["type"] == "lifespan.shutdown":
            await bot.close_async()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _read(scope: Scope, receive: Receive) -> bytes:
    """Read the body, but no more bytes than a message can have.

    Raises:
        TooLarge: The body has more.
        _Gone: The connection was closed meanwhile.
    """
    for name, value in scope.get("headers", ()):
        if name == b"content-length":
            check_length(value.decode("latin-1"))
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > LIMIT:
            raise TooLarge(f"more than {LIMIT} bytes")
        if not message.get("more_body", False):
            return b"".join(pieces)


async def _respond(send: Send, served: Served, *, last: bool) -> None:
    length = b"%d" % len(served.body)
    headers = [(b"content-type", served.kind.encode()), (b"content-length", length)]
    if served.status in (408, 413) and last:  # later events are of no interest
        headers.append((b"connection", b"close"))
    if served.allow:
        headers.append((b"allow", served.allow.encode()))
    headers += [(name.lower().encode(), text.encode()) for name, text in served.headers.items()]
    await send({"type": "http.response.start", "status": served.status, "headers": headers})
    await send({"type": "http.response.body", "body": served.body})

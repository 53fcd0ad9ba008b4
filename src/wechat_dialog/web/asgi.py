"""The ASGI face: `uvicorn module:bot.asgi`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from wechat_dialog.errors import TooLarge
from wechat_dialog.web.face import LIMIT, Answers, Served, check_length, serve_async

__all__ = ["Application"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Application:
    """An ASGI 3 application that answers GET and POST on any path."""

    def __init__(self, bot: Answers) -> None:
        self._bot = bot

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or take part in the server's start and end."""
        kind = scope["type"]
        if kind == "lifespan":
            await _lifespan(receive, send)
        elif kind == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
        elif kind == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = scope.get("query_string", b"").decode("latin-1")

        async def read() -> bytes:
            return await _read(scope, receive)

        try:
            served = await serve_async(self._bot, scope["method"], query, read)
        except _Gone:
            return
        await _respond(send, served)


class _Gone(BaseException):
    """The client hung up before its request was whole."""


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _read(scope: Scope, receive: Receive) -> bytes:
    """Read the body, and no more of it than a message can have.

    Raises:
        TooLarge: It has more.
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


async def _respond(send: Send, served: Served) -> None:
    length = b"%d" % len(served.body)
    headers = [(b"content-type", served.kind.encode()), (b"content-length", length)]
    if served.allow:
        headers.append((b"allow", served.allow.encode()))
    await send({"type": "http.response.start", "status": served.status, "headers": headers})
    await send({"type": "http.response.body", "body": served.body})

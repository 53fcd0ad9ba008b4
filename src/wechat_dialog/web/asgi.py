"""The ASGI face: `uvicorn module:bot.asgi`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from wechat_dialog.errors import TooLarge, TooSlow
from wechat_dialog.web.face import LIMIT, Answers, Served, check_length, serve_async

__all__ = ["Application"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


PATIENCE = 5.0
"""Seconds after which the platform has hung up (protocol reference 5.3)."""


class Application:
    """An ASGI 3 application that answers GET and POST on any path."""

    def __init__(self, bot: Answers, *, patience: float = PATIENCE) -> None:
        """Wrap a bot.

        Args:
            bot: The bot.
            patience: Seconds a body may take to be whole. Servers wait for ever, so that anybody
                could hold as many connections as there are descriptors.
        """
        self._bot = bot
        self._patience = patience

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
            try:
                async with asyncio.timeout(self._patience):
                    return await _read(scope, receive)
            except TimeoutError:
                raise TooSlow(f"no whole body after {self._patience:g} s") from None

        try:
            served = await serve_async(self._bot, scope["method"], query, read)
        except _Gone:
            return
        # HTTP/2 has no such header, and other requests on its connection.
        await _respond(send, served, last=scope.get("http_version", "1.1").startswith("1"))


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


async def _respond(send: Send, served: Served, *, last: bool) -> None:
    length = b"%d" % len(served.body)
    headers = [(b"content-type", served.kind.encode()), (b"content-length", length)]
    if served.status in (408, 413) and last:  # what else would come is of no interest
        headers.append((b"connection", b"close"))
    if served.allow:
        headers.append((b"allow", served.allow.encode()))
    await send({"type": "http.response.start", "status": served.status, "headers": headers})
    await send({"type": "http.response.body", "body": served.body})

"""The ASGI face: `uvicorn module:bot.asgi`."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from wechat_dialog.errors import Refused, TooLarge
from wechat_dialog.web.face import LIMIT, Answers, refusal

__all__ = ["Application"]

log = logging.getLogger("wechat_dialog")

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
        method = scope["method"]
        try:
            if method == "POST":
                body = await _read(scope, receive)
                if body is None:
                    return
                answer = await self._bot.answer_async(body, query)
                await _respond(send, 200, answer, b"application/xml; charset=utf-8")
            elif method in ("GET", "HEAD"):
                echo = self._bot.echo(query).encode("utf-8", "surrogatepass")
                await _respond(
                    send, 200, echo if method == "GET" else b"", b"text/plain; charset=utf-8"
                )
            else:
                await _respond(send, 405, b"", b"text/plain", [(b"allow", b"GET, HEAD, POST")])
        except Refused as error:
            await _respond(send, refusal(error), b"", b"text/plain")
        except Exception:
            log.exception("the request could not be answered")
            await _respond(send, 500, b"", b"text/plain")


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _read(scope: Scope, receive: Receive) -> bytes | None:
    """Read the body, and no more of it than a message can have; None if the connection was closed
    meanwhile.

    Raises:
        TooLarge: It has more.
    """
    for name, value in scope.get("headers", ()):
        if name == b"content-length" and not (value.isdigit() and int(value[:20]) <= LIMIT):
            raise TooLarge("more bytes announced than a message can have")
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > LIMIT:
            raise TooLarge(f"more than {LIMIT} bytes")
        if not message.get("more_body", False):
            return b"".join(pieces)


async def _respond(
    send: Send, status: int, body: bytes, kind: bytes, more: list[tuple[bytes, bytes]] | None = None
) -> None:
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), *(more or [])]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

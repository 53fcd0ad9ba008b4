"""The simulator's web application: its page, its events, its commands, the simulated
API, and the bot's answer pages.

For this machine only. A request with an unknown `Host` is refused, because any site can have its
own host name resolve to the loopback address (DNS rebinding), and so is a request from another
origin. A command has to be JSON, which no form of another site can send.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .active_side import ActiveSide, ApiCall
from .answer_pages import AnswerPages
from .commands import refusal, run
from .simulator import Simulator
from .user_screens import NotPossible

__all__ = ["application", "is_loopback"]

PAGE = Path(__file__).parent / "page"
LIMIT = 16 * 1024 * 1024
"""Most bytes of a command: a picture may have 10 MB, and a third more in Base64."""

HEARTBEAT = 15.0
"""Seconds after which an idle stream of events sends a heartbeat."""

LOGGED = 20_000
"""Most bytes of an API call's body that are shown."""

SHOWN = frozenset({"type", "media_id", "openid"})
"""The parameters of an API call's query that are shown."""

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".json": "application/json",
}

_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; "
    b"img-src 'self' data: blob: http: https:; media-src 'self'; connect-src 'self'; "
    b"frame-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = [
    (
        b"content-security-policy",
        _POLICY,
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
]


class _Guard:
    """Refuses requests of other hosts and origins, and adds the headers that restrict the page."""

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        self._app = app
        self._names = {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        if not self._ours(host):
            refused = PlainTextResponse(
                f"not for {host!r}: open the address as printed\n"
                f"这里不认 {host!r}：请打开程序输出的那个网址\n",
                403,
            )
            await refused(scope, receive, send)
            return
        if origin is not None and origin != f"{request.url.scheme}://{host}":
            await PlainTextResponse(
                f"not from {origin!r}\n这里不接受来自 {origin!r} 的请求\n", 403
            )(scope, receive, send)
            return

        async def say(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = [name for name, _ in message["headers"]]
                more = [header for header in HEADERS if header[0] not in present]
                message["headers"] = [*message["headers"], *more]
            await send(message)

        await self._app(scope, receive, say)

    def _ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self._names:
            return True
        # Another site's host name can resolve to this machine; its address cannot be theirs.
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or "*" in self._names


def application(simulator: Simulator, host: str = "127.0.0.1") -> ASGIApp:
    """Return the ASGI application.

    Args:
        simulator: What it shows.
        host: The address it listens on. Requests for that name, for `localhost` and the loopback
            address are accepted; if it is not the loopback, those for any IP address, too.
    """
    face = _Face(simulator)
    routes = [
        Route("/", face.page),
        Route("/assets/{name:path}", face.asset),
        Route("/media/{id}", face.media),
        Route("/events", face.events),
        Route("/do/{command}", face.command, methods=["POST"]),
        Route("/pages/{path:path}", face.answer_page),
        Route("/cgi-bin/{path:path}", face.active, methods=["GET", "POST"]),
    ]
    names = {"localhost", host}
    if not is_loopback(host):
        names.add("*")
    return _Guard(Starlette(routes=routes), names)


def is_loopback(host: str) -> bool:
    """Whether a host is the loopback, which only this machine can reach."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Face:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._active = ActiveSide(simulator.desk)
        self._pages = AnswerPages()

    async def page(self, _: Request) -> Response:
        return _file("index.html")

    async def asset(self, request: Request) -> Response:
        return _file(request.path_params["name"])

    async def media(self, request: Request) -> Response:
        file = self._simulator.desk.media.get(request.path_params["id"])
        if file is None:
            return PlainTextResponse("no such file", 404)
        # An uploaded file is served as a picture or not at all, never as a page of this origin.
        kind = file.kind if file.kind.startswith(("image/", "audio/", "video/")) else ""
        if kind == "image/svg+xml":
            kind = ""
        return Response(file.data, media_type=kind or "application/octet-stream")

    async def answer_page(self, request: Request) -> Response:
        """Show one of the bot's answer pages."""
        process = self._simulator.process
        if process is None:
            return PlainTextResponse("no such page", 404)
        return await self._pages.answer(request, process.url)

    async def events(self, _: Request) -> Response:
        return StreamingResponse(
            self._stream(), media_type="text/event-stream", headers={"x-accel-buffering": "no"}
        )

    async def _stream(self) -> AsyncIterator[bytes]:
        with self._simulator.desk.feed.listening(self._simulator.state) as listener:
            while True:
                try:
                    event = await listener.next(HEARTBEAT)
                except TimeoutError:
                    yield b": alive\n\n"
                    continue
                if event is None:
                    return
                number, data = event
                yield b"id: %d\ndata: %b\n\n" % (number, data)

    async def active(self, request: Request) -> Response:
        """Answer a call of the bot to the platform's API."""
        body = await _read(request)
        if body is None:
            return JSONResponse({"errcode": 40006, "errmsg": "too much"})
        began = time.monotonic()
        call = ApiCall(
            request.method,
            request.url.path,
            dict(request.query_params),
            body,
            request.headers.get("content-type", ""),
        )
        response = self._active.answer(call)
        content = response.body[:LOGGED] if "json" in response.content_type else b""
        # Tokens and secrets are not shown.
        query = {name: value for name, value in call.query.items() if name in SHOWN}
        exchange = {
            "url": f"{request.method} {call.path}",
            "query": query,
            "body": _shown_body(call),
            "status": response.status,
            "answer": content.decode("utf-8", "replace"),
            "seconds": time.monotonic() - began,
            "problem": f"errcode {response.code}" if response.code else "",
        }
        self._simulator.desk.api_called(response.user, exchange)
        return Response(response.body, response.status, media_type=response.content_type)

    async def command(self, request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            return JSONResponse(refusal(NotPossible("a command is application/json")), 415)
        body = await _read(request)
        if body is None:
            return JSONResponse(refusal(NotPossible(f"more than {LIMIT} bytes")), 413)
        status, answer = await run(self._simulator, request.path_params["command"], body)
        return JSONResponse(answer, status)


def _shown_body(call: ApiCall) -> str:
    """Return a call's body for display; "" if it has secrets or is not text."""
    if "json" not in call.content_type or call.path.endswith("token"):
        return ""
    return call.body[:LOGGED].decode("utf-8", "replace")


async def _read(request: Request) -> bytes | None:
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > LIMIT:
            return None
        pieces.append(piece)
    return b"".join(pieces)


def _file(name: str) -> Response:
    path = (PAGE / name).resolve()
    if not path.is_relative_to(PAGE.resolve()) or path.suffix not in TYPES or not path.is_file():
        return PlainTextResponse("no such page", 404)
    return FileResponse(path, media_type=TYPES[path.suffix])

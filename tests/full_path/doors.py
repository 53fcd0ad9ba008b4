"""The ways into a bot: its WSGI and its ASGI application, called as a server calls them, and HTTP.

A door takes one HTTP request and gives the response. The two in process hold the applications to
their standards: WSGI through the standard library's validator, ASGI by the checks below.
"""

from __future__ import annotations

import asyncio
import http.client
import io
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

from wechat_dialog import Bot

PATIENCE = 30.0  # seconds for anything that takes milliseconds

Body = bytes | Iterable[bytes]
"""Bytes are announced with their length; pieces are sent as they come ("chunked")."""


@dataclass(frozen=True)
class Response:
    """What came back; header names in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Door(Protocol):
    """One way in; may be used from several threads."""

    def request(
        self,
        method: str,
        query: str = "",
        body: Body = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Response: ...

    def close(self) -> None: ...


def _headers(body: Body, given: Mapping[str, str] | None) -> dict[str, str]:
    headers = {"content-type": "text/xml"}
    if isinstance(body, bytes):
        headers["content-length"] = str(len(body))
    headers |= {name.lower(): value for name, value in (given or {}).items()}
    if "content-length" not in headers:
        headers["transfer-encoding"] = "chunked"
    return headers


class WsgiDoor:
    """The WSGI application, called by a server that knows PEP 3333 to the letter."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    def request(
        self,
        method: str,
        query: str = "",
        body: Body = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        environ: dict[str, Any] = {"REQUEST_METHOD": method, "QUERY_STRING": query}
        setup_testing_defaults(environ)
        for name, value in _headers(body, headers).items():
            known = name in ("content-type", "content-length")
            environ[("" if known else "HTTP_") + name.upper().replace("-", "_")] = value
        stream = io.BytesIO(body) if isinstance(body, bytes) else io.BufferedReader(_Pieces(body))
        environ["wsgi.input"] = stream
        environ["wsgi.input_terminated"] = not isinstance(body, bytes)
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Any:
            started.append((status, headers))
            return lambda _: None

        # The validator itself fails at a length that is none; servers have let such pass.
        length = environ.get("CONTENT_LENGTH", "0")
        sound = length.isascii() and length.isdecimal() and len(length) < 20
        app = validator(self._bot.wsgi) if sound else self._bot.wsgi
        result = app(environ, start_response)
        answer = b"".join(result)
        if close := getattr(result, "close", None):
            close()
        [(status, sent)] = started
        return Response(int(status[:3]), answer, {name.lower(): value for name, value in sent})

    def close(self) -> None:
        """Nothing to give back."""


class _Pieces(io.RawIOBase):
    """A stream that takes its pieces one by one, when they are asked for."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._left = self._left or next(self._pieces, b"")
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size


class AsgiDoor:
    """The ASGI application on an event loop of its own, called by a server that checks it."""

    def __init__(self, bot: Bot) -> None:
        self._app = bot.asgi
        self._bot = bot
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._lifespan = asyncio.run_coroutine_threadsafe(self._live(), self._loop)

    async def _live(self) -> None:
        """Announce the start; the end of a bot is its test's business."""
        announced = asyncio.Queue[MutableMapping[str, Any]]()
        announced.put_nowait({"type": "lifespan.startup"})

        async def send(_message: MutableMapping[str, Any]) -> None:
            """Take note."""

        await self._app({"type": "lifespan"}, announced.get, send)

    def request(
        self,
        method: str,
        query: str = "",
        body: Body = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": "/any/path",
            "raw_path": b"/any/path",
            "root_path": "",
            "query_string": query.encode("ascii"),
            "headers": [
                (name.encode("ascii"), value.encode("latin-1"))
                for name, value in _headers(body, headers).items()
            ],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 80),
        }
        pieces = iter([body] if isinstance(body, bytes) else body)
        return asyncio.run_coroutine_threadsafe(self._exchange(scope, pieces), self._loop).result(
            PATIENCE
        )

    async def _exchange(self, scope: dict[str, Any], pieces: Iterator[bytes]) -> Response:
        sent: list[MutableMapping[str, Any]] = []
        ended = False

        async def receive() -> dict[str, Any]:
            nonlocal ended
            if ended:  # and the client waits for its answer
                await asyncio.Event().wait()
            piece = next(pieces, None)
            if piece is None:
                ended = True
            return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        kinds = [message["type"] for message in sent]
        assert kinds == ["http.response.start", "http.response.body"], kinds
        start, end = sent
        assert not end.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        assert all(name == name.lower() for name in headers)
        return Response(start["status"], end["body"], headers)

    def close(self) -> None:
        """End the loop; the bot's asynchronous store, which lives on it, first."""
        self._lifespan.cancel()
        asyncio.run_coroutine_threadsafe(self._end_turns(), self._loop).result(PATIENCE)
        if "async_store" in self._bot.__dict__:
            asyncio.run_coroutine_threadsafe(self._bot.async_store.close(), self._loop).result(
                PATIENCE
            )
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    async def _end_turns(self) -> None:
        """End what is still tried again for requests that have left: Python would tell the log of
        it, in the middle of some other test.
        """
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


class HttpDoor:
    """A server on 127.0.0.1; a connection a request, as the platform makes them."""

    def __init__(self, port: int, path: str = "/any/path", *, timeout: float = PATIENCE) -> None:
        self.port = port
        self.path = path
        self.timeout = timeout

    def request(
        self,
        method: str,
        query: str = "",
        body: Body = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        try:
            all_headers = _headers(body, headers)
            connection.request(
                method,
                f"{self.path}?{query}",
                None if method == "GET" else body,
                all_headers,
                encode_chunked="transfer-encoding" in all_headers,
            )
            response = connection.getresponse()
            received = {name.lower(): value for name, value in response.getheaders()}
            return Response(response.status, response.read(), received)
        finally:
            connection.close()

    def close(self) -> None:
        """Nothing to give back."""


OpenDoor = Callable[[Bot], Door]
DOORS: dict[str, OpenDoor] = {"WSGI": WsgiDoor, "ASGI": AsgiDoor}

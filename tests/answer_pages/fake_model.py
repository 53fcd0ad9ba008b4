"""A language model on this machine, at an address that speaks OpenAI's protocol: it answers what a
test tells it, as fast as that tells it to.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, NamedTuple

__all__ = ["CUT", "END", "FakeModel", "Status", "Wish", "fake_model"]


class Status(NamedTuple):
    """It answers with this HTTP status, and nothing else."""

    code: int


class Wish(NamedTuple):
    """It calls for a tool."""

    id: str
    arguments: str


CUT = object()
"""The connection is lost."""

END = object()
"""The answer ends without saying that it is whole."""


class FakeModel:
    """What it is told, and what it was asked.

    Attributes:
        url: Its address, for `MODEL_URL`.
        asked: The body of each request so far.
        keys: The `Authorization` of each.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self._answers: list[Iterable[object]] = []

    def says(self, *pieces: object) -> None:
        """Answer the next request that has no answer yet with these: texts as they are, an event
        waits for it to be set; `Status`, `Wish`, `CUT` and `END` as they say.
        """
        self.goes_on(pieces)

    def goes_on(self, pieces: Iterable[object]) -> None:
        """See `says`; they may never end."""
        self._answers.append(pieces)

    def answer(self, body: dict[str, Any], key: str) -> Iterator[object]:
        """Hear a request; gives what it is answered."""
        self.asked.append(body)
        self.keys.append(key)
        return iter(self._answers.pop(0) if self._answers else [Status(500)])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        """Answer one request for an answer."""
        self.close_connection = True
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.path == "/v1/chat/completions"
        assert body["stream"] is True
        pieces = self.server.model.answer(body, self.headers["Authorization"])
        with suppress(ConnectionError, TimeoutError):  # who asked has gone
            self._answer(pieces)

    def _answer(self, pieces: Iterator[object]) -> None:
        begun = False
        for piece in pieces:
            if isinstance(piece, Status):
                self.send_response(piece.code)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if not begun:
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self._event({"role": "assistant", "content": ""})
                begun = True
            if piece is CUT:
                return
            if piece is END:
                self._chunk(b"")
                return
            self._tell(piece)
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _tell(self, piece: object) -> None:
        if isinstance(piece, Event):
            piece.wait(60)
        elif isinstance(piece, Wish):
            # As models do: the name first, then the arguments piece by piece.
            call = {"index": 0, "id": piece.id, "type": "function"}
            first = {**call, "function": {"name": "refund", "arguments": ""}}
            self._event({"content": None, "tool_calls": [first]})
            for letter in piece.arguments:
                more = {"index": 0, "function": {"arguments": letter}}
                self._event({"tool_calls": [more]})
        else:
            self._event({"content": piece})

    def _event(self, delta: dict[str, Any]) -> None:
        chunk = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]}
        self._chunk(f"data: {json.dumps(chunk)}\n\n".encode())

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    model: FakeModel


@contextmanager
def fake_model() -> Iterator[FakeModel]:
    """A model for the length of a block."""
    server = _Server(("127.0.0.1", 0), _Handler)
    model = server.model = FakeModel(f"http://127.0.0.1:{server.server_port}/v1")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield model
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

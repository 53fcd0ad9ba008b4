"""The WSGI face: `application = bot.wsgi`, then `gunicorn module:application`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from wechat_dialog.errors import Refused, TooLarge
from wechat_dialog.web.face import LIMIT, Answers, refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["Application"]

log = logging.getLogger("wechat_dialog")


class Application:
    """A WSGI application that answers GET and POST on any path."""

    def __init__(self, bot: Answers) -> None:
        self._bot = bot

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        query = environ.get("QUERY_STRING", "")
        method = environ.get("REQUEST_METHOD", "GET")
        try:
            if method == "POST":
                body = self._bot.answer(_read(environ), query)
                return _respond(start_response, 200, body, "application/xml; charset=utf-8")
            if method in ("GET", "HEAD"):
                echo = self._bot.echo(query).encode("utf-8", "surrogatepass")
                return _respond(
                    start_response,
                    200,
                    echo if method == "GET" else b"",
                    "text/plain; charset=utf-8",
                )
            return _respond(start_response, 405, b"", "text/plain", [("Allow", "GET, HEAD, POST")])
        except Refused as error:
            return _respond(start_response, refusal(error), b"", "text/plain")
        except Exception:
            log.exception("the request could not be answered")
            return _respond(start_response, 500, b"", "text/plain")


def _read(environ: dict[str, Any]) -> bytes:
    """Read the body, and no more of it than a message can have.

    Raises:
        TooLarge: It has more.
    """
    stream = environ["wsgi.input"]
    length = environ.get("CONTENT_LENGTH") or ""
    if length:
        # Twenty digits say enough: `int` itself refuses more than 4300.
        size = int(length[:20]) if length.isascii() and length.isdecimal() else LIMIT + 1
        if size > LIMIT:
            raise TooLarge("more bytes announced than a message can have")
        return _read_up_to(stream.read, size)
    if (
        environ.get("wsgi.input_terminated")
        or environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked"
    ):
        body = _read_up_to(stream.read, LIMIT + 1)
        if len(body) > LIMIT:
            raise TooLarge(f"more than {LIMIT} bytes")
        return body
    return b""


def _read_up_to(read: Callable[[int], bytes], size: int) -> bytes:
    pieces: list[bytes] = []
    while size > 0 and (piece := read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _respond(
    start_response: StartResponse,
    status: int,
    body: bytes,
    kind: str,
    more: list[tuple[str, str]] | None = None,
) -> list[bytes]:
    headers = [("Content-Type", kind), ("Content-Length", str(len(body))), *(more or [])]
    start_response(f"{status} {HTTPStatus(status).phrase}", headers)
    return [body]

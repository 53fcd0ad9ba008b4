"""The WSGI application: `application = bot.wsgi`, then `gunicorn module:application`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from wechat_dialog.errors import TooLarge

from .handling import LIMIT, Answers, check_length, page_in, serve, serve_page
from .health import health_check_in, serve_health_check

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["Application"]


class Application:
    """A WSGI application that answers the platform's GET and POST on any path, and on their own
    paths requests for answer pages and health checks.
    """

    def __init__(self, bot: Answers) -> None:
        self._bot = bot

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        method = environ.get("REQUEST_METHOD", "GET")
        query = environ.get("QUERY_STRING", "")
        root, path = environ.get("SCRIPT_NAME", ""), environ.get("PATH_INFO", "")
        if id := page_in(self._bot, path, root):
            served = serve_page(self._bot, method, id, query)
        elif method != "POST" and (check := health_check_in(method, path, root, query)):
            served = serve_health_check(self._bot, method, check)
        else:
            served = serve(self._bot, method, query, lambda: _read(environ), environ)
        headers = [("Content-Type", served.kind), ("Content-Length", str(len(served.body)))]
        if served.allow:
            headers.append(("Allow", served.allow))
        headers += served.headers.items()
        start_response(f"{served.status} {HTTPStatus(served.status).phrase}", headers)
        return [served.body]


def _read(environ: dict[str, Any]) -> bytes:
    """Read the body, but no more bytes than a message can have.

    Raises:
        TooLarge: The body has more.
    """
    stream = environ["wsgi.input"]
    size = check_length(environ.get("CONTENT_LENGTH"))
    if size is not None:
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

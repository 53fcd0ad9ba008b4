"""The Flask face: `app.add_url_rule("/wx", view_func=view(bot))`."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response, request

from wechat_dialog.errors import TooLarge
from wechat_dialog.web.face import LIMIT, METHODS, Answers, check_length, serve

__all__ = ["view"]


def view(bot: Answers, name: str = "wechat") -> Callable[[], Response]:
    """Return a view that answers the platform.

    It takes GET and POST without being told; a plain function, since Flask runs a coroutine in a
    thread all the same.

    Args:
        bot: The bot.
        name: The endpoint's name; another one where an application has several bots.
    """

    def wechat() -> Response:
        query = request.query_string.decode("latin-1")
        served = serve(bot, request.method, query, _read)
        response = Response(served.body, served.status, content_type=served.kind)
        if served.allow:
            response.headers["Allow"] = served.allow
        return response

    wechat.__name__ = name
    wechat.methods = METHODS  # type: ignore[attr-defined]
    return wechat


def _read() -> bytes:
    """Read the body, and no more of it than a message can have.

    Raises:
        TooLarge: It has more.
    """
    if check_length(request.headers.get("Content-Length")) is None:
        body = request.stream.read(LIMIT + 1)
        if len(body) > LIMIT:
            raise TooLarge(f"more than {LIMIT} bytes")
        return body
    return request.get_data()

"""The Flask view: `app.add_url_rule("/wx", view_func=view(bot))`.

If the bot has answer pages, the same view serves their path:

    wechat = view(bot)
    app.add_url_rule("/wx", view_func=wechat)
    app.add_url_rule("/wx/p/<id>", view_func=wechat)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, request

from wechat_dialog.errors import TooLarge

from .handling import LIMIT, METHODS, Answers, check_length, page_in, serve, serve_page

__all__ = ["view"]


def view(bot: Answers, name: str = "wechat") -> Callable[..., Response]:
    """Return a view that answers the platform.

    The view itself names GET and POST as its methods. It is a plain function, since Flask runs a
    coroutine on a thread anyway.

    Args:
        bot: The bot.
        name: The endpoint's name; bots of one application need different names.
    """

    def wechat(**_: Any) -> Response:
        query = request.query_string.decode("latin-1")
        if id := page_in(bot, request.path, request.root_path):
            served = serve_page(bot, request.method, id, query)
        else:
            served = serve(bot, request.method, query, _read, request.environ)
        response = Response(served.body, served.status, content_type=served.kind)
        if served.allow:
            response.headers["Allow"] = served.allow
        response.headers.extend(served.headers)
        return response

    wechat.__name__ = name
    wechat.methods = METHODS  # type: ignore[attr-defined]
    return wechat


def _read() -> bytes:
    """Read the body, but no more bytes than a message can have.

    Raises:
        TooLarge: The body has more.
    """
    if check_length(request.headers.get("Content-Length")) is None:
        body = request.stream.read(LIMIT + 1)
        if len(body) > LIMIT:
            raise TooLarge(f"more than {LIMIT} bytes")
        return body
    return request.get_data()

"""The Django view: `path("wx", view(bot))`, or `async_view(bot)` where ASGI serves it.

Where the bot has answer pages, it is the view of their path, too: `path("wx/p/<id>", …)`. They ask
for what is new every two seconds.

Both are exempt from the CSRF check: the platform sends no token of Django's, and every push is
verified by its signature.

Under ASGI Django reads the whole body before it calls a view, large ones onto disk; there a body
that is too long is refused only after that.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

# Django brings no types, and its stubs would tie its users to one version of it.
from django.http import HttpRequest, HttpResponse  # pyright: ignore[reportMissingTypeStubs]

from wechat_dialog.errors import TooLarge

from .handling import (
    LIMIT,
    Answers,
    Served,
    check_length,
    page_in,
    serve,
    serve_async,
    serve_page,
    serve_page_async,
)

__all__ = ["async_view", "view"]

F = TypeVar("F", bound=Callable[..., Any])


def view(bot: Answers) -> Callable[..., HttpResponse]:
    """Return a view that answers the platform, for WSGI."""

    def wechat(request: HttpRequest, **_: Any) -> HttpResponse:
        if id := page_in(bot, request.path):
            method, query = _asked(request)
            return _response(serve_page(bot, method, id, query))
        return _response(serve(bot, *_asked(request), lambda: _read(request)))

    return _exempt(wechat)


def async_view(bot: Answers) -> Callable[..., Awaitable[HttpResponse]]:
    """Return a view that answers the platform, for ASGI."""

    async def wechat(request: HttpRequest, **_: Any) -> HttpResponse:
        if id := page_in(bot, request.path):
            method, query = _asked(request)
            return _response(await serve_page_async(bot, method, id, query))

        async def read() -> bytes:
            return _read(request)

        return _response(await serve_async(bot, *_asked(request), read))

    return _exempt(wechat)


def _exempt(view: F) -> F:
    """Mark a view as Django's own decorator does, without wrapping it."""
    view.csrf_exempt = True  # type: ignore[attr-defined]
    return view


def _asked(request: Any) -> tuple[str, str]:
    return request.method or "GET", request.META.get("QUERY_STRING", "")


def _read(request: Any) -> bytes:
    """Read the body, but no more bytes than a message can have.

    Raises:
        TooLarge: The body has more.
    """
    check_length(request.META.get("CONTENT_LENGTH"))
    body: bytes = request.read(LIMIT + 1)
    if len(body) > LIMIT:
        raise TooLarge(f"more than {LIMIT} bytes")
    return body


def _response(served: Served) -> Any:
    response = HttpResponse(served.body, status=served.status, content_type=served.kind)
    if served.allow:
        response["Allow"] = served.allow
    for name, value in served.headers.items():
        response[name] = value
    return response

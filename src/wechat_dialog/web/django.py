"""The Django view: `path("wx", view(bot))`, or `async_view(bot)` where ASGI serves it.

If the bot has answer pages, the same view serves their path: `path("wx/p/<id>", …)`. A page then
polls every two seconds.

Both views are exempt from the CSRF check: the platform has no CSRF token, and every push is
verified by its signature.

Under ASGI, Django reads the whole body before it calls a view (a large one into a file), so a body
that is too long is refused only after it was read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

# Django has no type annotations, and stubs would require one version of Django.
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
            method, query = _method_and_query(request)
            return _response(serve_page(bot, method, id, query))
        environ = getattr(request, "environ", {})  # ASGI has none
        return _response(serve(bot, *_method_and_query(request), lambda: _read(request), environ))

    return _exempt(wechat)


def async_view(bot: Answers) -> Callable[..., Awaitable[HttpResponse]]:
    """Return a view that answers the platform, for ASGI."""

    async def wechat(request: HttpRequest, **_: Any) -> HttpResponse:
        if id := page_in(bot, request.path):
            method, query = _method_and_query(request)
            return _response(await serve_page_async(bot, method, id, query))

        async def read() -> bytes:
            return _read(request)

        return _response(await serve_async(bot, *_method_and_query(request), read))

    return _exempt(wechat)


def _exempt(view: F) -> F:
    """Mark a view as `csrf_exempt` does, without wrapping it."""
    view.csrf_exempt = True  # type: ignore[attr-defined]
    return view


def _method_and_query(request: Any) -> tuple[str, str]:
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

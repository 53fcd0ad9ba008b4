"""The Django face: `path("wx", view(bot))`, or `async_view(bot)` where ASGI serves it.

Both are exempt from the CSRF check: the platform sends no token of Django's, and every push is
verified by its signature.

Under ASGI Django itself takes a whole body in before a view is asked, on disk where it is large;
there a body that is too long is refused, but not unread.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

# Django brings no types, and its stubs would tie its users to one version of it.
from django.http import HttpRequest, HttpResponse  # pyright: ignore[reportMissingTypeStubs]

from wechat_dialog.errors import TooLarge
from wechat_dialog.web.face import LIMIT, Answers, Served, check_length, serve, serve_async

__all__ = ["async_view", "view"]

F = TypeVar("F", bound=Callable[..., Any])


def view(bot: Answers) -> Callable[[HttpRequest], HttpResponse]:
    """Return a view that answers the platform, for WSGI."""

    def wechat(request: HttpRequest) -> HttpResponse:
        return _response(serve(bot, *_asked(request), lambda: _read(request)))

    return _exempt(wechat)


def async_view(bot: Answers) -> Callable[[HttpRequest], Awaitable[HttpResponse]]:
    """Return a view that answers the platform, for ASGI."""

    async def wechat(request: HttpRequest) -> HttpResponse:
        async def read() -> bytes:
            return _read(request)

        return _response(await serve_async(bot, *_asked(request), read))

    return _exempt(wechat)


def _exempt(view: F) -> F:
    """Say what Django's own decorator says, without its wrapper."""
    view.csrf_exempt = True  # type: ignore[attr-defined]
    return view


def _asked(request: Any) -> tuple[str, str]:
    return request.method or "GET", request.META.get("QUERY_STRING", "")


def _read(request: Any) -> bytes:
    """Read the body, and no more of it than a message can have.

    Raises:
        TooLarge: It has more.
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
    return response

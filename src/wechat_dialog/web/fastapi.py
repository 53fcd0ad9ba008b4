"""The FastAPI face: `app.include_router(router(bot, "/wx"))`.

A router and no mount: a mount answers `/wx` with a redirect to `/wx/`, which the platform does not
follow. The route stands in no schema, takes the body as it comes, and no dependency of the
application is in its way: the platform signs its requests.
"""

from __future__ import annotations

from fastapi import APIRouter

from wechat_dialog.web.asgi import Application
from wechat_dialog.web.face import Answers

__all__ = ["router"]


def router(bot: Answers, path: str = "/wx") -> APIRouter:
    """Return a router with one route that answers the platform.

    Args:
        bot: The bot.
        path: The route's path.
    """
    found = APIRouter()
    found.add_route(path, Application(bot), include_in_schema=False)  # type: ignore[arg-type]
    return found

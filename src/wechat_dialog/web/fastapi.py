"""The FastAPI router: `app.include_router(router(bot, "/wx"))`.

It is a router and not a mounted application: a mount answers `/wx` with a redirect to `/wx/`, which
the platform does not follow. If the bot has answer pages, it has a route for their path, too.
The routes are left out of the OpenAPI schema, read the raw body, and ignore the application's
dependencies: the platform signs its requests.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator

from fastapi import APIRouter

from .asgi import Application
from .handling import Answers

__all__ = ["router"]


def router(bot: Answers, path: str = "/wx") -> APIRouter:
    """Return a router that answers the platform, and readers of answer pages.

    Args:
        bot: The bot.
        path: The path of the platform's route. The path of pages is part of `Bot(pages=…)`.
    """
    application = Application(bot)

    @contextlib.asynccontextmanager
    async def lifespan(_app: object) -> AsyncGenerator[None]:
        # FastAPI runs the lifespan of an included router, but not that of a route's application.
        application.announced = True
        yield
        await bot.close_async()

    routes = APIRouter(lifespan=lifespan)
    paths = [path] if bot.pages is None else [path, f"{bot.pages.path}/{{id}}"]
    for each in paths:
        routes.add_route(each, application, include_in_schema=False)  # type: ignore[arg-type]
    return routes

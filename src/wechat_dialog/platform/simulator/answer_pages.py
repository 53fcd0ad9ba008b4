"""The bot's answer pages, as the phone on the desk opens them.

A page's address is one that readers reach over the internet, and may not exist yet. Here it is
asked of the bot's own process, and shown within the simulator's page, which no other site may do.
"""

from __future__ import annotations

import re

import httpx
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

__all__ = ["AnswerPages"]

_PATH = re.compile(r"[A-Za-z0-9._~-]{1,80}/[0-9a-f]{32}")
_KEPT = ("content-type", "content-security-policy", "referrer-policy", "cache-control")
PATIENCE = 20.0
"""Seconds that the bot's process has to answer."""


class AnswerPages:
    """Asks the bot's process for its pages."""

    def __init__(self) -> None:
        """Open nothing yet."""
        self._client = httpx.AsyncClient(trust_env=False, timeout=PATIENCE)

    async def answer(self, request: Request, bot: str) -> Response:
        """Answer a reader on the desk.

        Args:
            request: Their request; its path ends in the two segments that name a page.
            bot: Where the bot's process listens.
        """
        path = request.path_params["path"]
        if not _PATH.fullmatch(path):
            return PlainTextResponse("no such page", 404)
        # A stream would be held for every window; the page asks every two seconds instead.
        query = request.url.query.replace("stream=", "after=")
        try:
            response = await self._client.get(f"{bot}{path}?{query}".rstrip("?"))
        except httpx.HTTPError as error:
            return PlainTextResponse(
                f"机器人没有回答（{type(error).__name__}）\nThe bot does not answer.\n", 502
            )
        headers = {name: response.headers[name] for name in _KEPT if name in response.headers}
        policy = headers.get("content-security-policy", "default-src 'none'")
        headers["content-security-policy"] = policy.replace(
            "frame-ancestors 'none'", "frame-ancestors 'self'"
        )
        # By its script a page that is streamed would wait for events that do not come.
        body = response.content.replace(b'data-streams="1"', b'data-streams=""')
        return Response(body, response.status_code, headers)

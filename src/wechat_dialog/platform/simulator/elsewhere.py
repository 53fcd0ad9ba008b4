"""Whether a server elsewhere answers: asked at the beginning, and again until it does.

Nothing that the simulator did not start tells it that it has ended. So its door is tried every few
seconds: with the platform's GET until that is answered, which says what is wrong; from then on by
opening a connection alone, which fills no log of requests. Each message says more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx

from wechat_dialog.platform.emulator import AsyncPlatform
from wechat_dialog.platform.language import in_chinese

__all__ = ["Elsewhere"]

AGAIN = 3.0
"""Seconds between two looks."""

_UNHEARD = ("no connection", "no answer")


class Elsewhere:
    """A server that the simulator did not start.

    Attributes:
        status: "unknown" (not asked yet), "running" (it answered), "unreachable" (it did not), or
            "faulty" (it answered something else than the platform expects).
        problem: Why it is unreachable or faulty; "" otherwise.
    """

    def __init__(self, platform: AsyncPlatform, changed: Callable[[], Any]) -> None:
        """Know nothing yet; `changed` is called when an attribute has changed."""
        self.status = "unknown"
        self.problem = ""
        self._platform = platform
        self._changed = changed

    def told(self) -> dict[str, Any]:
        """Return the fields of the bot's state that the page is told."""
        return {
            "managed": False,
            "pages": "",
            "status": self.status,
            "pid": None,
            "error": self.problem,
            "error_zh": in_chinese(self.problem),
            "log": [],
        }

    def heard(self, problem: str) -> None:
        """Note what came of the last thing that it was asked: what was wrong, or ""."""
        status = "faulty" if problem else "running"
        if problem.startswith(_UNHEARD):
            status = "unreachable"
        if (status, problem) != (self.status, self.problem):
            self.status, self.problem = status, problem
            self._changed()

    async def watch(self) -> None:
        """Look whether it answers until cancelled."""
        while True:
            if self.status in ("unknown", "unreachable"):
                self.heard(await self._platform.verify())
            elif problem := await self._closed():
                self.heard(problem)
            await asyncio.sleep(AGAIN)

    async def _closed(self) -> str:
        """Return why no connection can be opened; "" if one can."""
        try:
            url = httpx.URL(self._platform.url)
            port = url.port or (443 if url.scheme == "https" else 80)
            async with asyncio.timeout(self._platform.window):
                _, writer = await asyncio.open_connection(url.host, port)
        except TimeoutError:
            return self._platform.late().problem
        except (OSError, httpx.InvalidURL) as error:
            return self._platform.broken(error).problem
        writer.close()
        return ""

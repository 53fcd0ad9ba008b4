"""Whether the bot's own process answers the simulator, and what the page is told of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import msgspec

from wechat_dialog.platform.language import chinese_of_error

from .bot_process import BotProcess
from .not_running import NotRunning
from .values import Place

__all__ = ["OwnProcess"]

AGAIN = 5.0
"""Seconds between two questions to a process that nobody else asks for anything."""


class OwnProcess:
    """The standing of a process that the simulator has started.

    Attributes:
        answers: Whether it has answered what it was asked last.
    """

    def __init__(self, process: BotProcess, changed: Callable[[], Any]) -> None:
        """Believe that it answers; `changed` is called when that has changed."""
        self._process = process
        self._changed = changed
        self._silence: NotRunning | None = None

    @property
    def answers(self) -> bool:
        """Whether it has answered what it was asked last."""
        return self._silence is None

    def told(self) -> dict[str, Any]:
        """Return the fields of the bot's state that the page is told."""
        process = self._process
        # One that has ended is told so by its status.
        silence = self._silence if process.status == "running" else None
        return {
            "managed": True,
            "pages": "" if process.info is None else process.info.pages,
            "status": process.status if silence is None else "unreachable",
            "pid": process.pid,
            "error": process.error if silence is None else str(silence),
            "error_zh": process.error_zh if silence is None else chinese_of_error(silence),
            "log": list(process.log),
        }

    async def watch(self) -> None:
        """Ask it every few seconds, until cancelled."""
        while True:
            await asyncio.sleep(AGAIN)
            if self._process.status == "running":
                with contextlib.suppress(NotRunning):
                    await self.ask(self._process.ask, "ping")

    async def where(self) -> list[Place]:
        """Return what the bot's code is doing; nothing if it does not say."""
        with contextlib.suppress(NotRunning):
            return msgspec.convert(await self.ask(self._process.ask, "where"), list[Place])
        return []

    async def ask(self, request: Callable[..., Any], *arguments: Any) -> Any:
        """Make a request to it on a thread.

        Args:
            request: A method of `BotProcess`.
            arguments: Its arguments.

        Raises:
            NotRunning: It does not answer, or refuses.
        """
        silence: NotRunning | None = None
        try:
            return await asyncio.to_thread(request, *arguments)
        except NotRunning as error:
            # One that has ended is not silent: its status says so in a moment.
            silence = None if error.refused or self._process.pid is None else error
            raise
        finally:
            if str(silence) != str(self._silence):
                self._silence = silence
                self._changed()

"""What happens on a desk, as one numbered stream that any number of pages listen to.

A listener that cannot keep up is let go: it comes back, and gets the whole state in place of what
it missed. So nothing is kept for anybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager
from typing import Any

import msgspec

__all__ = ["Feed", "Listener"]

PATIENCE = 1000
"""Events a listener may be behind."""

_encode = msgspec.json.Encoder().encode


class Listener:
    """One listener's events, in order; iterate over it until the feed ends."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue(PATIENCE)

    def put(self, event: tuple[int, bytes]) -> bool:
        """Hand it an event; returns whether it could be taken."""
        try:
            self._waiting.put_nowait(event)
        except asyncio.QueueFull:
            return False
        return True

    def end(self) -> None:
        """Let the iteration end once what was handed over is read; at once if that is too much."""
        while not self._try_end():
            self._waiting.get_nowait()

    def _try_end(self) -> bool:
        try:
            self._waiting.put_nowait(None)
        except asyncio.QueueFull:
            return False
        return True

    async def next(self, patience: float) -> tuple[int, bytes] | None:
        """Return the next event.

        Args:
            patience: Seconds to wait for it.

        Returns:
            Its number and its JSON; None if the feed has ended.

        Raises:
            TimeoutError: Nothing happened for so long.
        """
        async with asyncio.timeout(patience):
            return await self._waiting.get()

    async def __aiter__(self) -> AsyncIterator[tuple[int, bytes]]:
        while (event := await self._waiting.get()) is not None:
            yield event


class Feed:
    """The stream. To be used on one event loop.

    Attributes:
        number: Number of the last event; 0 if there was none.
        ended: Whether it has ended.
    """

    def __init__(self) -> None:
        self.number = 0
        self.ended = False
        self._listeners: set[Listener] = set()

    def emit(self, type: str, **fields: Any) -> None:
        """Tell every listener of an event.

        Args:
            type: Its type.
            fields: What else is in it; anything msgspec encodes.
        """
        self.number += 1
        if not self._listeners:
            return
        event = self.number, _encode({"type": type, **fields})
        for listener in [one for one in self._listeners if not one.put(event)]:
            self._listeners.discard(listener)
            listener.end()

    @contextmanager
    def listening(self, state: Callable[[], dict[str, Any]]) -> Generator[Listener]:
        """Listen for as long as the block lasts.

        Args:
            state: Gives all there is, which is the first event.
        """
        listener = Listener()
        listener.put((self.number, _encode({"type": "state", **state()})))
        if self.ended:
            listener.end()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def end(self) -> None:
        """End the stream for every listener, and for those to come."""
        self.ended = True
        for listener in self._listeners:
            listener.end()

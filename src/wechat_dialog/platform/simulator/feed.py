"""Everything that happens on a desk, as one numbered stream of events for any number of pages.

Past events are not kept. A listener that is too slow is dropped; it connects again and gets the
whole state in place of the events that it missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager
from typing import Any

import msgspec

__all__ = ["Feed", "Listener"]

PATIENCE = 1000
"""Unread events after which a listener is dropped."""

_encode = msgspec.json.Encoder().encode


class Listener:
    """One listener's events, in order; iterate over it until the feed ends."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue(PATIENCE)

    def put(self, event: tuple[int, bytes]) -> bool:
        """Add an event; return False if too many are unread."""
        try:
            self._waiting.put_nowait(event)
        except asyncio.QueueFull:
            return False
        return True

    def end(self) -> None:
        """End the iteration after the unread events; drop the oldest if there are too many."""
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
            TimeoutError: There was no event within `patience`.
        """
        async with asyncio.timeout(patience):
            return await self._waiting.get()

    async def __aiter__(self) -> AsyncIterator[tuple[int, bytes]]:
        while (event := await self._waiting.get()) is not None:
            yield event


class Feed:
    """The stream of events. For use on one event loop.

    Attributes:
        number: Number of the last event; 0 if there was none.
        ended: Whether it has ended.
    """

    def __init__(self) -> None:
        self.number = 0
        self.ended = False
        self._listeners: set[Listener] = set()

    def emit(self, type: str, **fields: Any) -> None:
        """Send an event to every listener.

        Args:
            type: Its type.
            fields: Its other fields; anything that msgspec encodes.
        """
        self.number += 1
        if not self._listeners:
            return
        event = self.number, _encode({"type": type, **fields})
        for listener in [each for each in self._listeners if not each.put(event)]:
            self._listeners.discard(listener)
            listener.end()

    @contextmanager
    def listening(self, state: Callable[[], dict[str, Any]]) -> Generator[Listener]:
        """Listen inside a `with` block.

        Args:
            state: Returns the whole state of the desk, which is the first event.
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
        """End the stream for every listener, later ones included."""
        self.ended = True
        for listener in self._listeners:
            listener.end()

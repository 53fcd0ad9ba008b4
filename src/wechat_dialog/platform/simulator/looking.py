"""Looks at what a bot's code is doing while it does not answer, for a chat in the terminal.

The simulator's page shows the same; see `Desk`.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator
from typing import Any

import msgspec

from .not_running import NotRunning
from .values import Place

__all__ = ["LATE", "looking", "places_of"]

LATE = 1.5
"""Seconds after which the developer is told that there is no answer yet, of a window that is long
enough: a bot that works answers within tenths of one.
"""


def places_of(ask: Callable[[str], Any]) -> list[Place]:
    """Return what a bot's code is doing; nothing if its process does not say.

    Args:
        ask: Makes a request to the process; see `BotProcess.ask`.
    """
    with contextlib.suppress(NotRunning):
        return msgspec.convert(ask("where"), list[Place])
    return []


@contextlib.contextmanager
def looking(
    where: Callable[[], list[Place]], tell: Callable[[list[Place]], object]
) -> Generator[None]:
    """Tell what the bot's code is doing if the block takes long, and again if it does something
    else then.

    Args:
        where: Returns what it is doing; called on a thread.
        tell: Called with that, on the same thread, and not after the block has ended. Another line
            of the same function is no news.
    """
    over, telling = threading.Event(), threading.Lock()

    def look() -> None:
        known: set[tuple[str, str]] = set()
        while not over.wait(LATE):
            places = where()
            functions = {(place.at.rpartition(":")[0], place.name) for place in places}
            with telling:
                if functions - known and not over.is_set():
                    tell(places)
            known |= functions

    threading.Thread(target=look, daemon=True).start()
    try:
        yield
    finally:
        with telling:
            over.set()

"""What happens to a request whose turn the store failed.

It is then unknown whether its commit was applied, so any answer might be false: an apology would
end the platform's retries, and the user's next message would be taken for the answer to a question
that was never shown. A retry finds out: it gets the reply that was committed, or runs the turn. So
a failed request is not answered, unless it is the platform's last one for its message; that one
retries until its patience is over.

There is no clock, thread or event loop here; see `requests.py`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec

from wechat_dialog.core.turn.running_turn import TurnId

__all__ = ["Failed", "pauses"]

_chance = random.SystemRandom()
"""Not the module's own generator: what an application seeds is the application's."""

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 0.8

REMEMBERED = 60.0
"""Seconds for which the requests of a failed message are counted: as long as a store counts
them.
"""


def pauses() -> Iterator[float]:
    """Yield how long to wait before each further try."""
    pause = FIRST_PAUSE
    while True:
        # Randomized, so that clients that lost a store together do not come back at the same time.
        yield pause * _chance.uniform(0.5, 1.0)
        pause = min(pause * 2, LONGEST_PAUSE)


class Failed:
    """The messages whose turns failed recently, and how many requests each of them had.

    The store counts a message's requests, which identifies the platform's last one; but not while
    it is unavailable. The process does so meanwhile.
    """

    def __init__(self) -> None:
        self._known: dict[TurnId, _Message] = {}

    def __bool__(self) -> bool:
        return bool(self._known)

    def note(self, id: TurnId, began: float, requests: int, now: float) -> None:
        """Remember a message: when its first request came, and how many there were."""
        old = now - REMEMBERED
        # The oldest come first: what is noted again is moved to the end.
        self._known.pop(id, None)
        for expired_id in [
            noted_id for noted_id, known in self._known.items() if known.noted < old
        ]:
            del self._known[expired_id]
        self._known[id] = _Message(began, requests, now)

    def take(self, id: TurnId, now: float) -> tuple[float, int]:
        """Return what was noted of a message, and forget it; (now, 0) if nothing is noted."""
        known = self._known.pop(id, None)
        if known is None or known.noted < now - REMEMBERED:
            return now, 0
        return known.began, known.requests


class _Message(msgspec.Struct, frozen=True):
    began: float
    requests: int
    noted: float

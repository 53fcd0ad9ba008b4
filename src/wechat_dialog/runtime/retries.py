"""What becomes of a request whose turn the store failed.

Whether its commit was carried out is not known then, so nothing that could be said is true: an
apology ends the platform's repetitions, and what the user writes next would be taken for the answer
to a question that was never shown. A repetition finds out: it gets the reply that was committed, or
has the turn done. So a failed request is no answer, unless it is the platform's last one for its
message; that one tries again until its patience is over.

No clock, thread or event loop here; see `requests.py`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec

from wechat_dialog.core.turn.running_turn import TurnId

__all__ = ["Failed", "pauses"]

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 0.8

REMEMBERED = 60.0
"""Seconds for which a failed message's requests are counted on: as long as a store counts them."""


def pauses() -> Iterator[float]:
    """Yield how long to wait before each further try."""
    pause = FIRST_PAUSE
    while True:
        # All who lost one store together shall not come back in step.
        yield pause * random.uniform(0.5, 1.0)
        pause = min(pause * 2, LONGEST_PAUSE)


class Failed:
    """The messages whose turns failed lately, and how many requests each of them had.

    The store counts a message's requests, which tells the platform's last one; but not while it is
    away. Their process does so meanwhile.
    """

    def __init__(self) -> None:
        self._known: dict[TurnId, _Message] = {}

    def __bool__(self) -> bool:
        return bool(self._known)

    def note(self, id: TurnId, began: float, requests: int, now: float) -> None:
        """Remember a message: when its first request came, and how many there were."""
        old = now - REMEMBERED
        # The oldest stand first: what is noted again is put behind the others.
        self._known.pop(id, None)
        for other in [one for one, known in self._known.items() if known.noted < old]:
            del self._known[other]
        self._known[id] = _Message(began, requests, now)

    def take(self, id: TurnId, now: float) -> tuple[float, int]:
        """Return what was noted of a message, and forget it; (now, 0) if nothing is."""
        known = self._known.pop(id, None)
        if known is None or known.noted < now - REMEMBERED:
            return now, 0
        return known.began, known.requests


class _Message(msgspec.Struct, frozen=True):
    began: float
    requests: int
    noted: float

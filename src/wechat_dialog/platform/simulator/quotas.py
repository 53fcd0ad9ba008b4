"""How many customer messages a user may be sent, and until when (protocol reference 7.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

__all__ = ["Quotas"]

HOURS_48 = 48 * 3600.0

RULES = {
    "message": (5, HOURS_48),
    "menu": (3, 60.0),
    "follow": (3, 60.0),
    "scan": (3, 60.0),
}
"""By what the user did: how many messages, and for how many seconds."""


@dataclass(slots=True)
class _Quota:
    left: int
    until: float


class Quotas:
    """The quotas of all users. A new deed opens a new one beside those still open."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin without any; `clock` gives the time in seconds."""
        self._clock = clock
        self._open: dict[str, list[_Quota]] = {}

    def allow(self, user: str, deed: str) -> None:
        """Open a user's quota for what they did: "message", "menu", "follow" or "scan"."""
        number, seconds = RULES[deed]
        now = self._clock()
        kept = [one for one in self._open.get(user, ()) if one.until > now]
        # What a later message opens covers what an earlier one had left.
        if deed == "message":
            kept = [one for one in kept if one.until - now <= RULES["menu"][1]]
        self._open[user] = [*kept, _Quota(number, now + seconds)]

    def forget(self, user: str) -> None:
        """Close all of a user's quotas."""
        self._open.pop(user, None)

    def take(self, user: str) -> Literal["", "closed", "used up"]:
        """Use one message of a user's quotas, of the one that ends first.

        Returns:
            "" if there was one; "closed" if nothing the user did is recent enough; "used up" if it
            is, and all its messages are sent.
        """
        now = self._clock()
        quotas = [one for one in self._open.get(user, ()) if one.until > now]
        if not quotas:
            return "closed"
        for quota in sorted(quotas, key=lambda one: one.until):
            if quota.left:
                quota.left -= 1
                return ""
        return "used up"

    def open(self, user: str) -> bool:
        """Whether anything the user did is recent enough."""
        return any(one.until > self._clock() for one in self._open.get(user, ()))

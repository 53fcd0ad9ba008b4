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
"""What each action of a user allows: how many messages, within how many seconds."""


@dataclass(slots=True)
class _Quota:
    remaining: int
    until: float


class Quotas:
    """The quotas of all users. Each action opens a new quota beside those that are still open."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin without quotas; `clock` returns the time in seconds."""
        self._clock = clock
        self._open: dict[str, list[_Quota]] = {}

    def allow(self, user: str, action: str) -> None:
        """Open a quota for an action of the user: "message", "menu", "follow" or "scan"."""
        number, seconds = RULES[action]
        now = self._clock()
        quotas = [quota for quota in self._open.get(user, ()) if quota.until > now]
        # A new message replaces the rest of the quota that an earlier one opened.
        if action == "message":
            quotas = [quota for quota in quotas if quota.until - now <= RULES["menu"][1]]
        self._open[user] = [*quotas, _Quota(number, now + seconds)]

    def forget(self, user: str) -> None:
        """Close all of a user's quotas."""
        self._open.pop(user, None)

    def take(self, user: str) -> Literal["", "closed", "used up"]:
        """Use one message of the user's quota that ends first.

        Returns:
            "" if there was one; "closed" if no quota is open; "used up" if quotas are open, and all
            their messages have been sent.
        """
        now = self._clock()
        quotas = [quota for quota in self._open.get(user, ()) if quota.until > now]
        if not quotas:
            return "closed"
        for quota in sorted(quotas, key=lambda quota: quota.until):
            if quota.remaining:
                quota.remaining -= 1
                return ""
        return "used up"

    def open(self, user: str) -> bool:
        """Whether the user has an open quota, even if it is used up."""
        return any(quota.until > self._clock() for quota in self._open.get(user, ()))

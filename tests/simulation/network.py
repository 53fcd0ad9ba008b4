"""Failures between the workers and the store: it is away, a part of it is, or it stalls."""

from __future__ import annotations

from .plan import Outage, Stall

__all__ = ["SHARDS", "Network"]

SHARDS = 2
"""Servers that the store consists of; a user's conversations lie on one of them."""


class Network:
    """When the store cannot be asked, and when it does not answer."""

    def __init__(self) -> None:
        self._outages: list[tuple[float, Outage]] = []
        self._stalls: list[tuple[float, Stall]] = []

    def add(self, begin: float, trouble: Outage | Stall) -> None:
        """Let something happen, in a world that began at this time."""
        if isinstance(trouble, Outage):
            self._outages.append((begin + trouble.at, trouble))
        else:
            self._stalls.append((begin + trouble.at, trouble))

    def clear(self) -> None:
        """Let nothing happen any more."""
        self._outages.clear()
        self._stalls.clear()

    @property
    def is_troubled(self) -> bool:
        """Whether anything happens to the store in this world."""
        return bool(self._outages or self._stalls)

    def silence(self, user: str, now: float) -> float | None:
        """Return the seconds until a call for a user fails; None if it does not."""
        shard = int(user.rpartition("u")[2]) % SHARDS
        for since, outage in self._outages:
            if since <= now < since + outage.seconds and outage.shard in (None, shard):
                return outage.silence
        return None

    def stall(self, now: float) -> tuple[float, float] | None:
        """Return the seconds until the store carries out a call, and those until the caller gives
        up; None if it carries it out at once.
        """
        for since, stall in self._stalls:
            if since <= now < since + stall.seconds:
                return since + stall.seconds - now, stall.patience
        return None

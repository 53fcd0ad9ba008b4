"""Which message has a user's turn, and for how long, as observed by those who wait for it.

On a server with eight threads, each waiting request occupies one of them, and a user whose step
hangs may send eight messages. So a request does not wait if that is hopeless.
"""

from __future__ import annotations

from collections import OrderedDict

from wechat_dialog.core.turn.window import Window

__all__ = ["Holders"]

BUSY = 1.0
"""Seconds after which a turn counts as long."""

CROWD = 4
"""How many requests of one user wait for such a turn, each on a thread."""

REMEMBERED = 10_000
"""How many users' holders are remembered."""


class Holders:
    """The message that has each user's turn, and since when; not thread-safe by itself."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def age(self, user: str, key: str, now: float) -> float:
        """Note that a message has its user's turn; returns the seconds since that was first
        observed.

        Args:
            user: The user's key.
            key: The message's key.
            now: The process's clock.
        """
        seen = self._seen.get(user)
        if seen is None or seen[0] != key:
            seen = self._seen[user] = key, now
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
        self._seen.move_to_end(user)
        return now - seen[1]

    def in_vain(self, age: float, before: int, window: Window) -> bool:
        """Whether a request should not wait.

        Args:
            age: For how long the turn has been running; see `age`.
            before: How many of the user's requests already wait.
            window: The platform's window.
        """
        # A turn that has not ended within the whole window will not end within a part of it.
        return age > window.requests * window.seconds or (age > BUSY and before >= CROWD)

"""The order of a user's messages, as the judge records it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Line"]

PLACE_KEPT = 1.0
SEEN_KEPT = 60.0


@dataclass(slots=True)
class Line:
    """What the judge knows of the order in which one user's messages came.

    Attributes:
        seen: When a message first asked, by key, as long as the store has to remember that: for a
            minute after it last asked, and while it is kept.
        asked: When a message last asked, or was deferred, by key; by the store's clock, which may
            be set.
        waits: When a waiting message, which was refused, last asked or was deferred.
        kept: The messages that the store keeps until they are answered, by key, and whether it does
            so although a claim for them is released.
        fence: Of the last claim.
    """

    seen: dict[str, float] = field(default_factory=dict[str, float])
    asked: dict[str, float] = field(default_factory=dict[str, float])
    waits: dict[str, float] = field(default_factory=dict[str, float])
    kept: dict[str, bool] = field(default_factory=dict[str, bool])
    fence: int = 0

    def asks(self, key: str, now: float, clock: float) -> None:
        """A message asks for its turn, or is deferred; `clock` is the store's time."""
        # An operator comes with the same key hours later. A message whose turn has begun may be
        # asked for as late, by a process that was stopped; but that one is kept.
        if key not in self.kept and clock - self.asked.get(key, clock) > SEEN_KEPT:
            self.seen.pop(key, None)
        self.asked[key] = clock
        if key in self.waits:
            self.waits[key] = clock
        self.seen.setdefault(key, now)

    def grants(self, key: str, fence: int, message: bytes) -> None:
        """A claim is granted, and the store keeps the message that came with it, if any."""
        self.fence = fence
        if message:
            self.kept.setdefault(key, False)

    def defers(self, key: str, message: bytes) -> None:
        """A message is deferred."""
        if message:
            self.kept[key] = True

    def releases(self, key: str, fence: int) -> None:
        """A message's claim is released, unless it was lost before."""
        if fence == self.fence and not self.kept.get(key):
            self.kept.pop(key, None)

    def answers(self, key: str) -> None:
        """A message is answered."""
        self.waits.pop(key, None)
        self.kept.pop(key, None)

    def drops(self, keys: Sequence[str] | None = None) -> None:
        """An operator ended the turns of messages; None: of all, also of those that wait."""
        self.kept.clear()
        for key in [*self.waits] if keys is None else keys:
            self.waits.pop(key, None)

    def overtaken(self, key: str, first: float, clock: float) -> str | None:
        """Return a message that waits and came before the one that has its turn; None if there is
        none.

        Args:
            key: The message that has its turn.
            first: When it came.
            clock: The store's time.
        """
        for other, last in self.waits.items():
            if other != key and self.seen[other] < first and abs(clock - last) < PLACE_KEPT:
                return other
        return None

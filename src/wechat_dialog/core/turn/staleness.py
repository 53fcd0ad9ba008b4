"""How often a live dialog of this process is out of date."""

from __future__ import annotations

__all__ = ["Staleness"]

WEIGHT = 1 / 16
"""How much one more turn counts beside those before it."""

OFTEN = 1 / 4
"""The share of turns from which a look costs less than what is done in vain. A turn that finds out
at its commit has run the dialog for nothing, asked the store once more, and replays the journal; a
look is one question to the store more, and returns only the records that are lacking.
"""


class Staleness:
    """How often a live dialog of this process was behind the store, of late: another process had
    handled a message of the same user.

    With several processes, and a load balancer that hands a user's messages to any of them, it is
    so in most turns; in a process alone it never is. A race between threads costs one turn its
    weight.
    """

    __slots__ = ("_share",)

    def __init__(self) -> None:
        self._share = 0.0

    def note(self, *, behind: bool) -> None:
        """Note a turn: whether its live dialog was behind the store."""
        self._share += (behind - self._share) * WEIGHT

    @property
    def often(self) -> bool:
        """Whether a turn should look first, before it runs its live dialog."""
        return self._share > OFTEN

"""The window: the seconds in which the platform still takes a reply to a message (protocol
reference 5.3).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Window"]

APART = 1.0
"""Seconds by which the platform's clock and ours are apart, as a rule, with its times in whole
seconds."""

LONG_AGO = 60.0
"""Seconds after which nobody asks for an answer to a message: what seems older came by another
clock."""


@dataclass(frozen=True, slots=True)
class Window:
    """How long the platform waits, and how often it asks.

    Attributes:
        seconds: It hangs up this long after a request began.
        requests: Requests it makes for one message, the first included.
        patience: Seconds after the arrival of its last request at which the waiting text goes out.
    """

    seconds: float = 5.0
    requests: int = 3
    patience: float = 4.6

    def last(self, copies: int, since: float) -> bool:
        """Whether a request is the platform's last for its message.

        There is no retry counter on the wire, so both signs count: how many copies were seen, and
        how long ago the first was; a copy may have been lost on its way, and a refused connection
        is retried at once.

        Args:
            copies: Requests with this message seen so far, this one included.
            since: Seconds between the first of them and this one.
        """
        return copies >= self.requests or since >= (self.requests - 1.1) * self.seconds

    def may_be_over(self, age: float) -> bool:
        """Return whether a request may have been hung up on before it was heard.

        It may have waited at the door of a process that was starting, stopped or busy; how long,
        nothing tells but its message's own time.

        Args:
            age: Seconds from its message's creation, by the platform's clock, to its arrival, by
                ours.
        """
        return self.seconds - APART <= age < LONG_AGO

"""The window: the seconds in which the platform accepts a reply to a message (protocol reference
5.3).
"""

from __future__ import annotations

from dataclasses import dataclass

from wechat_dialog.core.quantities import as_text, is_count, is_seconds
from wechat_dialog.errors import ConfigurationError

__all__ = ["LONGEST_WAY", "Window"]

APART = 1.0
"""Seconds by which the platform's clock usually differs from ours; its times are in whole
seconds.
"""

LONGEST_WAY = 3600.0
"""Seconds that a message may be in transit while later ones of its user are answered. What seems
older was timed by another clock, and no message is to be rejected for that.
"""


@dataclass(frozen=True, slots=True)
class Window:
    """How long the platform waits, and how often it tries.

    Attributes:
        seconds: It hangs up this long after a request began.
        requests: How many requests it makes for one message, including the first.
        patience: Seconds after the arrival of its last request at which the waiting text is sent.
    """

    seconds: float = 5.0
    requests: int = 3
    patience: float = 4.6

    def __post_init__(self) -> None:
        """Check them where they are set.

        Raises:
            ConfigurationError: One of them is no number, or not above 0.
        """
        for name in ("seconds", "patience"):
            value = getattr(self, name)
            if not is_seconds(value):
                raise ConfigurationError(f"Window({name}={as_text(value)}): seconds above 0")
        if not is_count(self.requests):
            raise ConfigurationError(
                f"Window(requests={as_text(self.requests)}): a whole number, 1 or more"
            )

    def last(self, copies: int, since: float) -> bool:
        """Whether a request is the platform's last for its message.

        There is no retry counter on the wire, so there are two signs: how many copies were seen,
        and how long ago the first one was. A copy may have been lost on its way, and a refused
        connection is retried at once.

        Args:
            copies: Requests with this message seen so far, including this one.
            since: Seconds between the first of them and this one.
        """
        return copies >= self.requests or since >= (self.requests - 1.1) * self.seconds

    def may_be_over(self, age: float) -> bool:
        """Return whether the platform may have hung up on a request before it was accepted.

        It may have waited in the accept queue of a process that was starting, stopped or busy; the
        only hint how long is the creation time of its message.

        Args:
            age: Seconds from the message's creation, by the platform's clock, to its arrival, by
                ours.
        """
        return self.seconds - APART <= age < LONGEST_WAY

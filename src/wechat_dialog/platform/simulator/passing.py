"""Lets time pass for a bot whose clock the simulator sets."""

from __future__ import annotations

import time
from typing import Any, Protocol

__all__ = ["Clocked", "let_pass"]

STOPS = 1000
"""Times at which the clock stops at most while it is put forward, for what falls due then."""


class Clocked(Protocol):
    """A bot's process; see `BotProcess`.

    Attributes:
        offset: Seconds its clock is ahead.
    """

    offset: float

    def ask(self, command: str, **fields: Any) -> Any:
        """Send it a request; see `BotProcess.ask`."""
        ...


def let_pass(process: Clocked, until: float) -> int:
    """Put a clock forward; return how many things fell due on the way.

    They are done in their order, each when the clock shows its time.

    Args:
        process: The bot's process.
        until: The offset of its clock at the end.

    Raises:
        NotRunning: There is no process, or it does not answer.
    """
    count = 0
    for _ in range(STOPS):
        due = process.ask("next_due")
        if due is None or due - time.time() > until:
            break
        # A millisecond more, so that the time is over to which the due time was rounded.
        process.offset = max(process.offset, min(due - time.time() + 0.001, until))
        count += process.ask("run_due", offset=process.offset)
    return count

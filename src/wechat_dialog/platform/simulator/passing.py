"""Time that is let pass for a bot whose clock is ours."""

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
        """Ask it something."""
        ...


def let_pass(process: Clocked, until: float) -> int:
    """Put a clock forward; returns how much fell due on the way.

    That is done in its order, each thing when the clock shows its time.

    Args:
        process: Whose clock.
        until: Its offset in the end.

    Raises:
        NotRunning: Nobody is there to be asked.
    """
    done = 0
    for _ in range(STOPS):
        due = process.ask("next_due")
        if due is None or due - time.time() > until:
            break
        # A millisecond more, so that the time it is rounded to is over.
        process.offset = max(process.offset, min(due - time.time() + 0.001, until))
        process.ask("clock", offset=process.offset)
        done += process.ask("run_due")
    return done

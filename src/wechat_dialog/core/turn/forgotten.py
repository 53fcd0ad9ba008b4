"""Messages that may have been answered so long ago that the store has forgotten it.

The store remembers a reply for a minute. To a process that was stopped for longer, with a request
that it had read, its message then looks new, although another process may have answered a copy: the
turn would be run again. So each turn notes since when its message may have an answer, by a clock
that goes on while the process is stopped. If the store's answer to a claim comes too long after
that, only the store can show that there is no answer yet: it has known the message all along, or
nothing was committed for the user since. Otherwise the turn ends, and does nothing. A commit
without a claim needs no such check, and neither does a claim for a step to which the dialog has run
without one: whoever answers the message changes the revision.
"""

from __future__ import annotations

from wechat_dialog.core.store.values import Answered, Claimed, Running, Unclaimed

__all__ = ["COPIES", "SURE", "MayBeAnswered", "may_be_answered"]

SURE = 50.0
"""Seconds for which no answer is forgotten: the store remembers them for a minute at least."""

COPIES = 15.0
"""Seconds by which a copy may have come before a request: the platform's whole patience."""


class MayBeAnswered(Exception):
    """Raised in a message's turn if the message may have been answered and forgotten.

    Attributes:
        fence: Fencing token of the claim to be released; 0: there is none.
        seconds: For how long it may have been answered.
    """

    def __init__(self, seconds: float, fence: int = 0) -> None:
        super().__init__(seconds, fence)
        self.seconds = seconds
        self.fence = fence


def may_be_answered(
    seconds: float, result: Claimed | Unclaimed | Answered | Running, ran_at: int = 0
) -> bool:
    """Return whether a message may have been answered although the store does not know it.

    Args:
        seconds: For how long the message may have had an answer.
        result: The store's answer to a claim for it.
        ran_at: See `Claim.ran_at`.
    """
    if isinstance(result, Answered):
        return False
    known = 0.0 if isinstance(result, Unclaimed) else result.since
    if seconds - known <= SURE:
        return False
    if isinstance(result, Running) or not result.revision:
        return True
    return result.revision != ran_at and result.age <= seconds

"""While a new release of a bot is deployed, processes with other code run beside this one. What no
user has asked for, and does not fit the code at hand, is left to them for a while.
"""

from __future__ import annotations

from wechat_dialog.core.replay.header import Frame
from wechat_dialog.core.turn.results import Differs
from wechat_dialog.core.turn.settings import dialog_of
from wechat_dialog.core.turn.work import Work

__all__ = ["is_left_to_others", "is_recent"]

OVERDUE = 900.0
"""Seconds after which any process does what is due, whatever its release; until then, a process
with another release may be the right one.
"""


def is_recent(work: Work, since: int) -> bool:
    """Whether what is due since then, in ms since the epoch, may still be left to others."""
    return work.doc.now - since < OVERDUE * 1000


def is_left_to_others(work: Work, frame: Frame, since: int, woken: object = None) -> bool:
    """Whether a conversation does not fit the code of this process, and is left to others, which it
    may fit.

    Args:
        work: The current work.
        frame: The conversation.
        since: Since when something is to be done with it, ms since the epoch.
        woken: What `wake` returned for it; None: it was not woken.
    """
    if not isinstance(woken, Differs) and dialog_of(work.rules.routes, frame) is not None:
        return False
    return is_recent(work, since)

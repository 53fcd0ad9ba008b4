"""While a new release of a bot is deployed, processes with other code run beside this one. What no
user has asked for, and does not fit the code at hand, is left to them for a while.
"""

from __future__ import annotations

from wechat_dialog.core.replay.header import Frame
from wechat_dialog.core.turn.results import Differs
from wechat_dialog.core.turn.settings import dialog_of
from wechat_dialog.core.turn.work import Work

__all__ = ["OVERDUE", "has_no_dialog", "may_fit"]

OVERDUE = 900.0
"""Seconds after which any process does what is due, whatever its release; until then, a process
with another release may be the right one.
"""


def has_no_dialog(work: Work, frame: Frame) -> bool:
    """Whether this process does not know the dialog of a conversation."""
    return dialog_of(work.rules.routes, frame) is None


def may_fit(work: Work, frame: Frame, woken: object) -> bool:
    """Whether a conversation does not fit the code of this process, but may fit other code.

    Args:
        work: The current work.
        frame: The conversation.
        woken: What `wake` returned for it.
    """
    return isinstance(woken, Differs) or has_no_dialog(work, frame)

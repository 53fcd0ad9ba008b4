"""What a dialog has said in this turn and was not delivered yet: the contents of its chat's
outbox.
"""

from __future__ import annotations

from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.turn.settings import Rules
from wechat_dialog.replies import Reply, to_reply

__all__ = ["said", "take_said"]


def said(run: Run) -> list[Reply]:
    """Return it as the dialog said it."""
    return [reply for value in run.chat.outbox if (reply := to_reply(value)) is not None]


def take_said(run: Run, rules: Rules) -> list[Reply]:
    """Remove it from the outbox, and return it as the replies to send.

    Raises:
        TypeError: A reply was changed after it was said, and cannot be sent any more.
    """
    outbox = run.chat.outbox
    parts = [reply for value in outbox if (reply := rules.reply_of(value)) is not None]
    run.chat.outbox = ()
    return parts

"""What a dialog has said in this turn and was not sent yet: in its chat's outbox."""

from __future__ import annotations

from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.turn.settings import Rules
from wechat_dialog.replies import Reply, to_reply

__all__ = ["said", "take_said"]


def said(run: Run) -> list[Reply]:
    """Return it as it was said."""
    return [reply for value in run.chat.outbox if (reply := to_reply(value)) is not None]


def take_said(run: Run, rules: Rules) -> list[Reply]:
    """Take it, as it goes out.

    Raises:
        TypeError: A reply was changed after it was said, into nothing that can be said.
    """
    outbox = run.chat.outbox
    parts = [reply for value in outbox if (reply := rules.reply_of(value)) is not None]
    outbox.clear()
    return parts

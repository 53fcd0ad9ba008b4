"""What a user sees of an answer, as a text that a test can compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wechat_dialog.core.wire.render import ARTICLES_FOR_EVENTS, fields
from wechat_dialog.platform.display import Shown, show
from wechat_dialog.replies import Reply

__all__ = ["Seen"]


class Seen(str):  # noqa: SLOT000 - it has two attributes of its own
    """What the user sees: a text as it is shown, links as their labels; "" is nothing.

    Attributes:
        reply: The reply itself; None if there was none.
        pushed: What was pushed after it, for a bot with customer messages.
        taps: What tapping a link sends, by its label.
    """

    reply: Reply | None
    pushed: Sequence[Reply]
    taps: Mapping[str, str]

    def __new__(cls, reply: Reply | None, pushed: Sequence[Reply] = ()) -> Seen:
        """Show a reply, and what was pushed after it."""
        all_ = [_shown(part) for part in (reply, *pushed) if part is not None]
        seen = super().__new__(cls, "\n".join(shown.text for shown in all_ if shown.text))
        seen.reply = reply
        seen.pushed = pushed
        seen.taps = {label: word for shown in all_ for label, word in shown.taps.items()}
        return seen


def _shown(reply: Reply) -> Shown:
    return show(fields(reply, ARTICLES_FOR_EVENTS), to_event=True)

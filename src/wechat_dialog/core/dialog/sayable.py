"""Checks that something can be said: a text, a reply, or what `replies.to_reply` converts."""

from __future__ import annotations

from wechat_dialog.core.blame import line_at_hand, told
from wechat_dialog.errors import NotSayable
from wechat_dialog.replies import to_reply

__all__ = ["sayable"]


def sayable(said: object, call: str) -> None:
    """Refuse a value that cannot be said.

    Raises:
        NotSayable: Names the author's line.
    """
    try:
        to_reply(said)
    except TypeError as error:
        raise NotSayable(call, line_at_hand(), told(error)) from None

"""A message's answer page: its link, for a user who is told to wait, and how answers are written to
it.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from wechat_dialog import replies
from wechat_dialog.core.pages import pieces
from wechat_dialog.core.pages.address import KEPT, Pages
from wechat_dialog.core.pages.pieces import Piece
from wechat_dialog.core.store.pages import PageOpen, PageSecret
from wechat_dialog.core.turn.settings import Rules
from wechat_dialog.messages import Message
from wechat_dialog.replies import Reply

__all__ = ["link_to_page", "open_page", "pieces_of"]


def link_to_page(
    rules: Rules, user: str, message: Message, key: str
) -> Generator[PageSecret | PageOpen, Any, str]:
    """Create a message's answer page, empty, unless it exists.

    Args:
        rules: The bot's rules.
        user: The user's key in the store.
        message: The message.
        key: Its key.

    Returns:
        Its address; "" if the bot has no pages, or pushes late answers.
    """
    if rules.pages is None or rules.may_push:
        return ""
    _, address = yield from open_page(rules.pages, user, message.account, message.user, key)
    return address


def open_page(
    pages: Pages, user: str, account: str, openid: str, key: str, fence: int = 0
) -> Generator[PageSecret | PageOpen, Any, tuple[str, str]]:
    """Create a message's answer page, empty, unless it exists.

    Args:
        pages: The bot's pages.
        user: The user's key in the store.
        account: The account's id.
        openid: The user's OpenID.
        key: The message's key.
        fence: Fencing token of the claim under which it is created; 0 if there is none.

    Returns:
        The store's id of the page, and its address.
    """
    id, stored = yield from pages.ids_of(account, openid, key)
    yield PageOpen(user, stored, KEPT, fence)
    return stored, pages.address(id)


def pieces_of(parts: Sequence[Reply]) -> list[Piece]:
    """Return what a turn says as the pieces of its page, without the piece that ends it."""
    written: list[Piece] = []
    for part in parts:
        if not isinstance(part, replies.Text):
            if not (written and written[-1].kind == pieces.OTHER):
                written.append(Piece(pieces.OTHER))
        elif part.content.strip():
            text = part.markdown or part.content
            written.append(Piece(pieces.TEXT, text, bool(part.ai_generated)))
    return written

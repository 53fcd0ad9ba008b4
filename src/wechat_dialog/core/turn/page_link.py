"""The link to a message's page, for whoever is told to wait for its answer."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from wechat_dialog.core.pages.address import KEPT, Pages
from wechat_dialog.core.store.pages import PageOpen, PageSecret
from wechat_dialog.core.turn.settings import Rules
from wechat_dialog.messages import Message

__all__ = ["link_to_page", "open_page"]


def link_to_page(
    rules: Rules, user: str, message: Message, key: str
) -> Generator[PageSecret | PageOpen, Any, str]:
    """Make a message's page, with nothing on it yet, unless it is there.

    Args:
        rules: The bot's.
        user: The user's key in the store.
        message: The message.
        key: Its key.

    Returns:
        Its address; "" if the bot has no pages, or pushes what is late.
    """
    if rules.pages is None or rules.may_push:
        return ""
    _, address = yield from open_page(rules.pages, user, message.account, message.user, key)
    return address


def open_page(
    pages: Pages, user: str, account: str, openid: str, key: str, fence: int = 0
) -> Generator[PageSecret | PageOpen, Any, tuple[str, str]]:
    """Make the page of a message, with nothing on it yet, unless it is there.

    Args:
        pages: The bot's.
        user: The user's key in the store.
        account: The account's id.
        openid: The user's OpenID.
        key: The message's key.
        fence: Number of the claim under which it is made; 0: there is none.

    Returns:
        What the store knows it by, and its address.
    """
    id = yield from pages.id_of(account, openid, key)
    stored = yield from pages.stored(id)
    yield PageOpen(user, stored, KEPT, fence)
    return stored, pages.address(id)

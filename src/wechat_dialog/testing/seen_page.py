"""What the reader of an answer page sees, as a text that a test can compare."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any

from wechat_dialog.core.pages import document, pieces
from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.pages import Page, PageRead
from wechat_dialog.core.turn.settings import Rules
from wechat_dialog.replies import Reply, Text
from wechat_dialog.runtime.performing import perform_all

__all__ = ["SeenPage", "link_in", "read"]


class SeenPage(str):  # noqa: SLOT000 - it has attributes of its own
    """What stands on a page: its texts as they were written, an empty line between two of them.

    Attributes:
        url: Its address.
        html: The whole document.
        complete: Whether nothing will follow.
        asks: Whether the answer ends with a question, which is only in the chat.
    """

    url: str
    html: str
    complete: bool
    asks: bool


def link_in(rules: Rules, reply: Reply | None) -> str:
    """Return the address of the page that a reply links to; "" if it links to none."""
    if rules.pages is None or not isinstance(reply, Text):
        return ""
    match = re.search(re.escape(rules.pages.url) + "/[0-9a-f]{32}", reply.content)
    return match[0] if match else ""


def read(rules: Rules, store: Store, url: str) -> SeenPage | None:
    """Read a page; None if it is not there, or not any more."""
    page = perform_all(_read(rules, url), lambda operation, _: operation.on(store))
    if page is None:
        return None
    decoded = pieces.decode(page.pieces)
    seen = SeenPage("\n\n".join(piece.text for piece in decoded if piece.kind == pieces.TEXT))
    seen.url = url
    seen.html = document.document(page, rules.texts, streams=False).decode()
    seen.complete = any(piece.kind == pieces.END for piece in decoded)
    seen.asks = any(piece.kind == pieces.QUESTION for piece in decoded)
    return seen


def _read(rules: Rules, url: str) -> Generator[Any, Any, Page | None]:
    if rules.pages is None:
        return None
    stored = yield from rules.pages.stored(url.rpartition("/")[2])
    page: Page | None = yield PageRead(stored)
    return page

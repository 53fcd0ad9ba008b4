"""What a request is answered if its turn takes longer than the platform waits."""

from __future__ import annotations

from wechat_dialog import replies
from wechat_dialog.core.dialog.texts import Texts
from wechat_dialog.core.turn.settings import Rules
from wechat_dialog.replies import Reply
from wechat_dialog.replies.links import anchor, link

__all__ = ["too_late", "waiting"]


def too_late(rules: Rules, page: str = "") -> Reply | None:
    """Return what a request is answered if its turn takes longer than the platform waits.

    None ends the platform's retries, if the answer will be pushed.

    Args:
        rules: The bot's rules.
        page: Address of the page on which the answer will be; "" if there is none.
    """
    return None if rules.may_push else waiting(rules.texts, page)


def waiting(texts: Texts, page: str = "") -> Reply:
    """Return the waiting text with the tappable word that fetches the answer, and the link to its
    page, if there is one.
    """
    lines = [texts.waiting, link(texts.more)]
    if page:
        lines.insert(1, anchor(texts.page_wait, page))
    return replies.Text("\n".join(lines))

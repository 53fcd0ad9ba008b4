"""What stands for a message where a conversation was begun by none.

The platform sends no such message. But a journal begins with a message, and a dialog may read
`chat.message`; so a conversation that `chat.start` or `bot.begin` began has this one.
"""

from __future__ import annotations

from typing import ClassVar

from .base import Message, register


@register(kind="begun")
class Begun(Message, frozen=True, kw_only=True):
    """A conversation began that no message began; `created` is when, by the store's clock."""

    kind: ClassVar[str] = "begun"

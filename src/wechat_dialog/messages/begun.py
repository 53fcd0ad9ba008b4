"""The placeholder for the first message of a conversation that no message began.

The platform never sends it. But a journal begins with a message, and a dialog may read
`chat.message`; so a conversation that `chat.start` or `bot.begin` began has this one.
"""

from __future__ import annotations

from typing import ClassVar

from .base import Message, register


@register(kind="begun")
class Begun(Message, frozen=True, kw_only=True):
    """Stands for the first message; `created` is the start of the conversation, by the store's
    clock.
    """

    kind: ClassVar[str] = "begun"

"""The text of a message, typed or spoken."""

from __future__ import annotations

from wechat_dialog import messages

__all__ = ["text_of"]


def text_of(message: messages.Message) -> str | None:
    """Return what the user wrote, or the recognised words of a recording; None if there are none.

    A sticker arrives as a text that the platform wrote (protocol reference 3), not the user.
    """
    if type(message) is messages.Text:
        return message.text
    if isinstance(message, messages.Unsupported):
        return None
    if isinstance(message, messages.Text):
        return message.text
    if isinstance(message, messages.Voice):
        return message.recognition or None
    return None

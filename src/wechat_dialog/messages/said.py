"""What a message says as a text."""

from __future__ import annotations

from wechat_dialog import messages

__all__ = ["text_of"]


def text_of(message: messages.Message) -> str | None:
    """Return what the user wrote, or said as far as it was recognised; None if they did neither.

    Stickers arrive as a text of the platform's (protocol reference 3) and are none of the user's.
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

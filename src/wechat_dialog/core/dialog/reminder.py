"""The dialog behind `chat.remind`: it waits for its time, and says its text."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from wechat_dialog.core.dialog.registered import RegisteredDialog
from wechat_dialog.replies import Reply
from wechat_dialog.replies.stored import decode_reply, encode_reply

if TYPE_CHECKING:
    from wechat_dialog.core.dialog.chat_times import ChatTimes

__all__ = ["REMINDER", "arguments_of"]


def _remind(chat: ChatTimes[Any], at: Any, reply: Any) -> Generator[Any, Any, Reply | None]:
    # In a redacted journal the time is withheld, and not a number.
    yield from chat.sleep(datetime.fromtimestamp(at / 1000, chat.zone) if type(at) is int else at)
    return decode_reply(msgspec.json.encode(reply))


REMINDER = RegisteredDialog("chat.remind", _remind)
"""Its name cannot be an author's, and it needs no route."""


def arguments_of(reply: Reply, at: int) -> dict[str, Any]:
    """Return the reminder's arguments.

    Args:
        reply: What to say.
        at: When to say it, ms since the epoch.
    """
    return {"at": at, "reply": msgspec.json.decode(encode_reply(reply))}

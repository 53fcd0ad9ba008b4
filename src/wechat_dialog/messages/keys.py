"""The key of a message: the idempotency key by which copies of one message are recognised."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import msgspec

from wechat_dialog import messages
from wechat_dialog.messages.base import as_text

__all__ = ["IN_A_SECOND", "message_key", "message_number"]

IN_A_SECOND = 10_000_000
"""How many numbers the messages of one second may have; see `message_number`."""


def message_key(message: messages.Message) -> str:
    """Return the key of a message: equal for its copies, different for two messages of one user.

    It does not contain user and account, since it is used under the user's own key. A message is
    identified by `MsgId` and `CreateTime` (protocol reference 5.4; the platform has no retry
    counter). An event has no id, and two events of one name may occur in one second: it is
    identified by a checksum of all its fields, which are the same in a copy.
    """
    if isinstance(message, messages.Event):
        return f"{message.created}:{message.event.lower()[:_NAME]}:{_checksum(message)}"
    if message.msg_id:
        return f"{message.created}:{message.msg_id}"
    return f"{message.created}:{message.kind[:_NAME]}:{_checksum(message)}"


def message_number(created: int, key: str) -> int:
    """Return a number that begins with the time of a message, and ends with seven digits made of
    its key: shorter than both, and enough to tell apart what one user writes within a second.
    """
    return created * IN_A_SECOND + crc32(key.encode()) % IN_A_SECOND


_NAME = 40
"""Most letters of an event's name in a key, for people to read; the checksum covers all of it."""


def _checksum(message: messages.Message) -> str:
    """Return a checksum of a message's fields, eight hexadecimal digits.

    Numbers count as text, so that XML and JSON give the same. The ciphertext that compatible mode
    sends beside the fields is left out: each copy may have another (protocol reference 5.3).
    """
    raw: dict[str, Any] = message.raw or msgspec.to_builtins(
        message
    )  # a message constructed without fields
    fields = {name: as_text(value) for name, value in raw.items() if name != "Encrypt"}
    return f"{crc32(msgspec.json.encode(fields, order='deterministic')):08x}"

"""A message stored with a claim, for the worker that finishes its turn after a death, or later."""

from __future__ import annotations

from typing import Any

import msgspec

from wechat_dialog import messages
from wechat_dialog.core.replay.records import encoder
from wechat_dialog.core.wire.crypto import Seal

__all__ = ["decode_pending", "encode_pending", "sealed_pending"]


class _Pending(msgspec.Struct, array_like=True):
    """A message whose turn has not ended: when it arrived, and its raw fields."""

    arrived: int
    raw: dict[str, Any]


_pending_decoder = msgspec.json.Decoder(_Pending)


def encode_pending(message: messages.Message, arrived: int) -> bytes:
    """Encode a whole message as JSON, for a store to keep until its turn.

    Args:
        message: The message.
        arrived: Milliseconds since the epoch.
    """
    fields = {"ToUserName": message.account, "FromUserName": message.user, **message.raw}
    return encoder.encode(_Pending(arrived, fields))


def sealed_pending(seal: Seal, message: messages.Message, arrived: int) -> bytes:
    """Encode and encrypt a whole message: it is not known yet whether it answers a secret question.

    Args:
        seal: The bot's seal.
        message: The message.
        arrived: Milliseconds since the epoch.
    """
    return seal.close(encode_pending(message, arrived))


def decode_pending(pending: bytes) -> tuple[messages.Message, int]:
    """Decode what `encode_pending` made: the message, and when it arrived.

    Raises:
        msgspec.DecodeError: It cannot be decoded.
    """
    decoded = _pending_decoder.decode(pending)
    return messages.from_fields(decoded.raw), decoded.arrived

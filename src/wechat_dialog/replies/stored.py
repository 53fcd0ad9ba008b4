"""A reply as bytes, and back."""

from __future__ import annotations

import msgspec

from wechat_dialog.replies.kinds import Reply, Text

__all__ = ["NO_REPLY", "decode_reply", "encode_reply"]

NO_REPLY = b"null"
"""Encoding of "no reply"."""


_reply_decoder: msgspec.json.Decoder[Reply | str | None] = msgspec.json.Decoder(Reply | str | None)


def encode_reply(reply: Reply | None) -> bytes:
    """Return a reply as JSON for a store: a text without further fields as a string; `null`
    for None.
    """
    if type(reply) is Text and reply.ai_generated is None and not reply.markdown:
        return msgspec.json.encode(reply.content)
    return msgspec.json.encode(reply)


def decode_reply(reply: bytes) -> Reply | None:
    """Return the reply that `encode_reply` encoded, in this version or an earlier one; None for
    b"", which a store has for a forgotten user.
    """
    decoded = _reply_decoder.decode(reply) if reply else None
    return Text(decoded) if isinstance(decoded, str) else decoded

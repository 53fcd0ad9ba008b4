"""What scripts unpack in one go, with `cmsgpack.unpack`.

MessagePack as Redis' Lua reads it: it knows no type for bytes, and its texts are bytes to Lua. What
takes several values so costs the server less than an argument for each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

__all__ = ["Packable", "packed"]

Packable: TypeAlias = "int | bytes | str | Sequence[Packable] | Mapping[str, Packable]"


def packed(value: Packable) -> bytes:
    """Return a value as bytes that a script unpacks; whole numbers are not negative."""
    pieces: list[bytes] = []
    _add(pieces, value)
    return b"".join(pieces)


def _add(pieces: list[bytes], value: Packable) -> None:
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, int):
        pieces.append(b"\xcf" + int(value).to_bytes(8, "big"))
    elif isinstance(value, bytes):
        size = len(value)
        # No text of 8 bits' length, which cmsgpack of Redis 6 does not know.
        pieces.append(
            bytes([0xA0 | size])
            if size < 32
            else (b"\xda" + size.to_bytes(2, "big"))
            if size < 0x10000
            else (b"\xdb" + size.to_bytes(4, "big"))
        )
        pieces.append(value)
    elif isinstance(value, Mapping):
        pieces.append(b"\xde" + len(value).to_bytes(2, "big"))
        for name, one in value.items():
            _add(pieces, name)
            _add(pieces, one)
    else:
        pieces.append(b"\xdc" + len(value).to_bytes(2, "big"))
        for one in value:
            _add(pieces, one)

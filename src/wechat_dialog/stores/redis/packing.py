"""Values that scripts unpack in one step, with `cmsgpack.unpack`.

It is MessagePack as Redis' Lua reads it, which has no type for bytes; texts are bytes in Lua.
Several values packed into one cost the server less than an argument for each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

__all__ = ["Packable", "packed"]

Packable: TypeAlias = "int | bytes | str | Sequence[Packable] | Mapping[str, Packable]"


def packed(value: Packable) -> bytes:
    """Return a value as bytes that a script unpacks; integers must not be negative."""
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
        # Without the type for lengths of 8 bits, which cmsgpack of Redis 6 does not know.
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
        for name, item in value.items():
            _add(pieces, name)
            _add(pieces, item)
    else:
        pieces.append(b"\xdc" + len(value).to_bytes(2, "big"))
        for item in value:
            _add(pieces, item)

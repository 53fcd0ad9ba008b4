"""The pieces that a turn writes to its page; each is independent of the others.

A piece is JSON, `[kind, text, made]`. Unknown kinds are skipped, so that later versions may add
some.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from wechat_dialog.core.store.pages import ROOM

__all__ = ["CUT", "END", "OTHER", "QUESTION", "TEXT", "Piece", "decode", "encode", "fitting"]

TEXT = "t"
"""A text, in Markdown."""
OTHER = "o"
"""Stands for a part of the answer that is not a text, and is only in the chat."""
QUESTION = "q"
"""The answer ends with a question, which is only in the chat."""
CUT = "c"
"""The rest was omitted, since a page has no room for it."""
END = "e"
"""The page is complete."""

TEXTS = ROOM - 4096
"""Bytes that the texts of one page may have in stored form; the rest is reserved for what ends
it.
"""

MOST = 1000
"""How many pieces one page has at most, without those that end it."""


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """One piece.

    Attributes:
        kind: One of the kinds above.
        text: Its text; "" if the kind has none.
        made: Whether it is AI-generated.
    """

    kind: str
    text: str = ""
    made: bool = False


_decoder = msgspec.json.Decoder(Piece)


def encode(pieces: Iterable[Piece]) -> tuple[bytes, ...]:
    """Return pieces in stored form."""
    return tuple(msgspec.json.encode(piece) for piece in pieces)


def decode(stored: Iterable[bytes]) -> list[Piece]:
    """Return stored pieces in order, without unknown kinds."""
    pieces: list[Piece] = []
    for stored_piece in stored:
        try:
            piece = _decoder.decode(stored_piece)
        except msgspec.DecodeError:
            continue
        if piece.kind in (TEXT, OTHER, QUESTION, CUT, END):
            pieces.append(piece)
    return pieces


def fitting(pieces: Sequence[Piece]) -> list[Piece]:
    """Return the pieces for which a page has room: a text that is too long ends early."""
    left, chosen = TEXTS, list[Piece]()
    for piece in pieces:
        size = len(msgspec.json.encode(piece))
        if piece.kind == TEXT and (size > left or len(chosen) >= MOST):
            if len(chosen) < MOST:
                chosen.append(msgspec.structs.replace(piece, text=_cut(piece.text, left)))
            chosen.append(Piece(CUT))
            chosen += [each for each in pieces if each.kind in (QUESTION, END)]
            return chosen
        left -= size
        chosen.append(piece)
    return chosen


def _cut(text: str, room: int) -> str:
    """Return the beginning of a text that fits as JSON, cut at the end of a line if possible.

    JSON takes at most six bytes for one character.
    """
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if len(msgspec.json.encode(text[:middle])) + 16 <= room:
            low = middle
        else:
            high = middle - 1
    line = text.rfind("\n", low // 2, low)
    return text[: low if line < 0 else line]

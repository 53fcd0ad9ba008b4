"""What a turn writes on its page: pieces, each whole in itself.

A piece is JSON, `[kind, text, made]`. A kind that this version does not know is left out, so that a
later one may have more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from wechat_dialog.core.store.pages import ROOM

__all__ = ["CUT", "END", "OTHER", "QUESTION", "TEXT", "Piece", "decode", "encode", "fitting"]

TEXT = "t"
"""A text, in Markdown."""
OTHER = "o"
"""Stands for a part of the answer that is no text, and is only in the chat."""
QUESTION = "q"
"""The answer ends with a question, which is only in the chat."""
CUT = "c"
"""There was more, for which a page has no room."""
END = "e"
"""The page is complete."""

TEXTS = ROOM - 4096
"""Bytes that the texts of one page may have, as they are stored; the rest is for what ends it."""

MOST = 1000
"""Pieces of one page, but for those that end it."""


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """One piece.

    Attributes:
        kind: See above.
        text: What it says; "" where the kind says it all.
        made: Whether an AI made it.
    """

    kind: str
    text: str = ""
    made: bool = False


_decoder = msgspec.json.Decoder(Piece)


def encode(pieces: Iterable[Piece]) -> tuple[bytes, ...]:
    """Return pieces as they are stored."""
    return tuple(msgspec.json.encode(piece) for piece in pieces)


def decode(stored: Iterable[bytes]) -> list[Piece]:
    """Return the pieces that are stored, in order; without those of a kind that is not known."""
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
    """Return pieces for which a page has room: where a text goes too far, it ends there."""
    left, kept = TEXTS, list[Piece]()
    for piece in pieces:
        size = len(msgspec.json.encode(piece))
        if piece.kind == TEXT and (size > left or len(kept) >= MOST):
            if len(kept) < MOST:
                kept.append(msgspec.structs.replace(piece, text=_cut(piece.text, left)))
            kept.append(Piece(CUT))
            kept += [each for each in pieces if each.kind in (QUESTION, END)]
            return kept
        left -= size
        kept.append(piece)
    return kept


def _cut(text: str, room: int) -> str:
    """Return the beginning of a text that has room as JSON, cut at a line's end where there is one.

    JSON writes at most six bytes for a character of one.
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

"""Stored conversations in a file: for `check` where the store cannot be reached, or may not be.

One JSON object a line. The first says what the file is; every other one is a conversation, its
header and its records as the store has them. See `redaction.py` for files without what was said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

import msgspec

from .errors import DialogError, NewerJournal
from .head import FLAGS, Frame
from .journal import FORMAT

__all__ = ["BadExport", "Exported", "Header", "read", "write"]


class BadExport(DialogError):
    """A file is no export of conversations, or a line of it is none.

    Attributes:
        line: Number of the line, counted from 1.
        why: What is wrong with it.
    """

    def __init__(self, line: int, why: str) -> None:
        super().__init__(line, why)
        self.line = line
        self.why = why

    def __str__(self) -> str:
        return (
            f"line {self.line} of the file: {self.why}; write it with "
            "`wechat-dialog conversations export`"
        )


class Header(msgspec.Struct, omit_defaults=True):
    """The first line.

    Attributes:
        kind: What the file is.
        format: `journal.FORMAT` of the library that wrote it.
        redacted: Whether what was said was left out.
    """

    kind: str = msgspec.field(default="", name="wechat-dialog")
    format: int = FORMAT
    redacted: bool = False


KIND = "conversations"


class Exported(msgspec.Struct, omit_defaults=True):
    """One conversation.

    Attributes:
        frame: Its header; `base` is 0.
        records: Its records.
        state: See `operators.Summary`.
        user: The user's key in the store; a number in a redacted file.
        openid: The user's OpenID; "" in a redacted file.
        account: The account's id.
        error: What it broke with; "" unless it is parked.
        traceback: Where, likewise.
    """

    frame: Frame
    records: list[msgspec.Raw]
    state: str = "waiting"
    user: str = ""
    openid: str = ""
    account: str = ""
    error: str = ""
    traceback: str = ""


_encoder = msgspec.json.Encoder()
_header = msgspec.json.Decoder(Header)
_line = msgspec.json.Decoder(Exported)


def write(file: BinaryIO, conversations: Iterable[Exported], *, redacted: bool) -> int:
    """Write conversations; returns how many there were."""
    file.write(
        _encoder.encode({"wechat-dialog": KIND, "format": FORMAT, "redacted": redacted}) + b"\n"
    )
    count = 0
    for one in conversations:
        file.write(_encoder.encode(one) + b"\n")
        count += 1
    return count


def read(lines: Iterable[bytes]) -> Iterator[tuple[Header, Exported]]:
    """Yield the conversations of a file, each with what the first line said.

    Raises:
        BadExport: A line is none of an export.
        NewerJournal: A newer version of the library wrote it.
    """
    header: Header | None = None
    for number, line in enumerate(lines, 1):
        try:
            if header is None:
                header = _header.decode(line)
                if header.kind != KIND:
                    raise BadExport(number, "it is no export of conversations")
                if header.format > FORMAT:
                    raise NewerJournal(header.format)
                continue
            one = _line.decode(line)
        except msgspec.DecodeError as error:
            raise BadExport(number, str(error)) from error
        unknown = tuple(flag for flag in one.frame.flags if flag not in FLAGS)
        if unknown:
            raise NewerJournal(header.format, unknown)
        yield header, one
    if header is None:
        raise BadExport(1, "it is empty")

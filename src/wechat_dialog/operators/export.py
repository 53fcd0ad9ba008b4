"""Stored conversations in a file: for `check` where the store cannot, or must not, be reached.

One JSON object a line. The first identifies the file; each other one is a conversation, with its
header and records as the store has them. For files without what users wrote see
`core/replay/redacted_records.py`.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from wechat_dialog.core.replay.header import FLAGS, Frame
from wechat_dialog.core.replay.records import FORMAT, NEWEST
from wechat_dialog.errors import DialogError, NewerJournal

__all__ = ["BadExport", "Exported", "Header", "IsALink", "private_file", "read", "write"]


class BadExport(DialogError):
    """A file is not an export of conversations, or a line of it is not a conversation.

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


class IsALink(DialogError):
    """A file to be written is a symbolic link, which may lead to anybody's file.

    Attributes:
        name: Its name.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"{self.name} is a symbolic link: name the file itself, or - for the output"


class Header(msgspec.Struct, omit_defaults=True):
    """The first line.

    Attributes:
        kind: `KIND`, by which the file is recognised.
        format: `records.FORMAT` of the library that wrote it; a conversation of a newer format says
            so by its flags.
        redacted: Whether what users wrote was left out.
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
        state: See `listing.Summary`.
        user: The user's key in the store; a number in a redacted file.
        openid: The user's OpenID; "" in a redacted file.
        account: The account's id.
        error: The error that it broke with; "" unless it is parked.
        traceback: The error's traceback; "" unless it is parked.
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
    """Write conversations; return their number."""
    file.write(
        _encoder.encode({"wechat-dialog": KIND, "format": FORMAT, "redacted": redacted}) + b"\n"
    )
    count = 0
    for conversation in conversations:
        file.write(_encoder.encode(conversation) + b"\n")
        count += 1
    return count


@contextlib.contextmanager
def private_file(name: str) -> Generator[BinaryIO]:
    """Open a file for writing that only its owner may read, even if the name is taken already.

    A temporary file is written beside it, and renamed when it is complete: a process that has the
    old file open does not read the new one, and a failure leaves the old file as it is. A pipe or a
    device is written to directly.

    Raises:
        OSError: The file cannot be written.
        IsALink: The name is a symbolic link.
    """
    path = Path(name)
    there = path.lstat().st_mode if os.path.lexists(name) else stat.S_IFREG
    if stat.S_ISLNK(there):
        raise IsALink(name)
    if not stat.S_ISREG(there):
        descriptor = os.open(name, os.O_WRONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "wb") as file:
            yield file
        return
    descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def read(lines: Iterable[bytes]) -> Iterator[tuple[Header, Exported]]:
    """Yield the conversations of a file, each with the file's header.

    Raises:
        BadExport: A line is not one of an export.
        NewerJournal: A newer version of the library wrote it.
    """
    header: Header | None = None
    for number, line in enumerate(lines, 1):
        try:
            if header is None:
                header = _header.decode(line)
                if header.kind != KIND:
                    raise BadExport(number, "it is not an export of conversations")
                if header.format > NEWEST:
                    raise NewerJournal(header.format)
                continue
            conversation = _line.decode(line)
        except msgspec.DecodeError as error:
            raise BadExport(number, str(error)) from error
        unknown = tuple(flag for flag in conversation.frame.flags if flag not in FLAGS)
        if unknown:
            raise NewerJournal(header.format, unknown)
        yield header, conversation
    if header is None:
        raise BadExport(1, "it is empty")

"""Conversations that are put aside, and continued later.

Each is stored as a document of its own, beside the head. To be continued it is put on top of the
stack, so that the code that drives conversations works for it unchanged, and a turn that is cut off
is found there. If its turn leaves it waiting, it is put aside again.
"""

from __future__ import annotations

import msgspec

from wechat_dialog.core.replay.header import ENDS, AsideConversation, AsideNote, Frame
from wechat_dialog.core.replay.records import Record, decode_records, encode_record
from wechat_dialog.core.replay.rivals import first_due
from wechat_dialog.core.turn.document import Document
from wechat_dialog.core.turn.settings import REMINDS

__all__ = ["MOST", "add", "drop", "has_begun", "lift", "put_aside"]

MOST = 20
"""How many conversations of one user may be aside."""


def put_aside(doc: Document, frame: Frame, *, asks: bool) -> None:
    """Put the conversation on top aside."""
    records = doc.records[frame.base :]
    doc.pop(frame)
    add(doc, frame, records, asks=asks)


def add(
    doc: Document, frame: Frame, records: list[Record], *, asks: bool = False, wake: int = 0
) -> None:
    """Put aside a conversation that is not on the stack.

    Args:
        doc: The user's document.
        frame: Its header.
        records: Its records.
        asks: Whether it stands at a question that the user was not asked yet.
        wake: When it is to begin, ms since the epoch; 0: its rivals decide when it continues.
    """
    head = doc.head
    stored_frame = msgspec.structs.replace(frame, base=0, length=len(records))
    raw = [msgspec.Raw(encode_record(record)) for record in records]
    doc.beside = doc.beside.own()
    doc.beside.put(AsideConversation(stored_frame, raw, head.user, head.account, frame.key, asks))
    ends, first = ENDS in frame.flags, first_due(frame.rivals)
    if ends:
        wake = doc.now
    elif first is not None and not asks:
        wake = first.due
    head.aside = (*head.aside, AsideNote(frame.id, frame.key, wake, asks, ends))


def lift(doc: Document, id: str) -> Frame:
    """Put a conversation that was aside on top of the stack, and return it."""
    conversation = doc.beside.read(id)
    drop(doc, id)
    doc.put_away()
    frame = msgspec.structs.replace(conversation.frame, base=len(doc.records))
    doc.head.stack = (*doc.head.stack, frame)
    for record in decode_records([bytes(raw) for raw in conversation.records]):
        doc.append(record)
    return frame


def has_begun(doc: Document, id: str) -> bool:
    """Whether a conversation that is aside has begun, so that there may be something to clean
    up.
    """
    conversation = doc.beside.read(id)
    return bool(conversation.records) and conversation.frame.dialog != REMINDS


def drop(doc: Document, id: str) -> None:
    """Remove a conversation that is aside, without running its clean-up."""
    doc.beside.remove(id)
    doc.head.aside = tuple([note for note in doc.head.aside if note.id != id])

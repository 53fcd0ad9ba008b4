"""The stored conversations of a user, as values for listings, transcripts and checks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

import msgspec

from wechat_dialog.core.replay.header import (
    Frame,
    ParkedConversation,
    decode_aside,
    decode_head,
    decode_parked,
)
from wechat_dialog.core.replay.records import Record, decode_records, encode_record
from wechat_dialog.core.replay.redacted_records import decode_redacted
from wechat_dialog.core.replay.rivals import first_due
from wechat_dialog.core.store.kept import Shown
from wechat_dialog.errors import NewerJournal

from .export import Exported

__all__ = [
    "StoredConversation",
    "Summary",
    "conversation_of_line",
    "conversations_of",
    "exported",
]


@dataclass(frozen=True, slots=True)
class Summary:
    """One conversation in a listing.

    Attributes:
        id: Its id.
        user: Its user's key in the store.
        openid: The user's OpenID.
        dialog: Name of its dialog.
        version: The version of the dialog it began on; "" if the dialog has no versions.
        state: "waiting", "interrupted" (by another one above it), "unfinished" (a turn was cut
            off), "parked", or "unreadable" (written by a newer version of the library, or by
            something else). Of one put aside: "asleep", "waits for paid" where it waits for a
            signal (or "waits for paid, sent"), "waits to ask" where it has a question its user was
            not asked, "waits to begin" where it was started just now.
        records: Number of its records.
        begun: When it began, in the bot's time zone.
        why: The error it broke with, or why it cannot be read; else "".
        due: When the earliest time comes that it waits for, a limit included, in the bot's time
            zone; None: it waits for no time, or is parked.
    """

    id: str
    user: str
    openid: str
    dialog: str
    version: str
    state: str
    records: int
    begun: datetime
    why: str = ""
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class StoredConversation:
    """One conversation with its records.

    Attributes:
        summary: Its line in a listing.
        frame: Its header.
        records: Its own records, rewinds included.
        account: The account's id.
        parked: The document it is parked in; None if it is running, or cannot be read.
        redacted: Whether its records lack what users wrote.
        is_parked: Whether it is parked, readable or not.
        aside: Whether it is put aside until a time or a signal comes, readable or not.
    """

    summary: Summary
    frame: Frame
    records: list[Record]
    account: str
    parked: ParkedConversation | None = None
    redacted: bool = False
    is_parked: bool = False
    aside: bool = False

    @property
    def checkable(self) -> bool:
        """Whether it is running, and can be checked; a parked one waits for an operator."""
        return self.summary.state != "parked"


def conversations_of(user: str, shown: Shown, zone: tzinfo) -> Iterator[StoredConversation]:
    """Yield a user's conversations: those on their stack, those put aside, the parked ones."""
    try:
        yield from _running(user, shown, zone)
    except (NewerJournal, msgspec.DecodeError) as error:
        yield _unreadable(user, len(shown.records), error, zone)
    for id, encoded in shown.aside.items():
        yield _aside(user, id, encoded, zone)
    for parked in shown.parked.values():
        try:
            document = decode_parked(parked.document)
            own = decode_records([bytes(raw) for raw in document.records])
        except (NewerJournal, msgspec.DecodeError) as error:
            yield replace(_unreadable(user, 0, error, zone, parked.id), is_parked=True)
            continue
        summary = _summary(
            user, document.user, document.frame, "parked", len(own), zone, document.error
        )
        yield StoredConversation(
            summary, document.frame, own, document.account, document, is_parked=True
        )


def _aside(user: str, id: str, encoded: bytes, zone: tzinfo) -> StoredConversation:
    try:
        document = decode_aside(encoded)
        own = decode_records([bytes(raw) for raw in document.records])
    except (NewerJournal, msgspec.DecodeError) as error:
        return replace(_unreadable(user, 0, error, zone, id), aside=True)
    frame = document.frame
    names = ", ".join(dict.fromkeys(rival.name for rival in frame.rivals if rival.name))
    state = f"waits for {names}" if names else "asleep"
    if document.asks or not own:
        state = "waits to ask" if own else "waits to begin"
    summary = _summary(user, document.user, frame, state, len(own), zone)
    return StoredConversation(summary, frame, own, document.account, aside=True)


def conversation_of_line(line: Exported, redacted: bool, zone: tzinfo) -> StoredConversation:
    """Return the conversation of a line of an export."""
    frame = line.frame
    try:
        records = decode_redacted(line.records)
    except msgspec.DecodeError as error:
        return _unreadable(line.user, len(line.records), error, zone, frame.id)
    count = len(records)
    summary = _summary(line.user, line.openid, frame, line.state, count, zone, line.error)
    return StoredConversation(summary, frame, records, line.account, None, redacted)


def _unreadable(
    user: str, records: int, error: Exception, zone: tzinfo, id: str = ""
) -> StoredConversation:
    frame = Frame(id or "-", "")
    summary = _summary(user, user, frame, "unreadable", records, zone, str(error))
    return StoredConversation(summary, frame, [], "")


def _running(user: str, shown: Shown, zone: tzinfo) -> Iterator[StoredConversation]:
    state = decode_head(shown.head)
    records = decode_records(shown.records)
    ends = [*(frame.base for frame in state.stack[1:]), len(records)]
    for frame, end in zip(state.stack, ends, strict=False):
        own = records[frame.base : end]
        status = "waiting" if frame is state.stack[-1] else "interrupted"
        if len(own) > frame.length:
            status = "unfinished"
        yield StoredConversation(
            _summary(user, state.user, frame, status, len(own), zone), frame, own, state.account
        )


def _summary(
    user: str, openid: str, frame: Frame, state: str, records: int, zone: tzinfo, why: str = ""
) -> Summary:
    begun = datetime.fromtimestamp(frame.begun / 1000, zone)
    first = None if state == "parked" else first_due(frame.rivals)
    due = None if first is None else datetime.fromtimestamp(first.due / 1000, zone)
    return Summary(
        frame.id, user, openid, frame.dialog, frame.version, state, records, begun, why, due
    )


def exported(stored: StoredConversation) -> Exported:
    """Return a conversation as a line of an export."""
    return Exported(
        msgspec.structs.replace(stored.frame, base=0),
        [msgspec.Raw(encode_record(record)) for record in stored.records],
        stored.summary.state,
        stored.summary.user,
        stored.summary.openid,
        stored.account,
        stored.summary.why,
        stored.parked.traceback if stored.parked is not None else "",
    )

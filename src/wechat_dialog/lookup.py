"""What is stored of a user, conversation by conversation, for people to look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo

import msgspec

from . import journal
from .errors import NewerJournal
from .exports import Exported
from .head import Frame, ParkedConversation, decode_parked, decode_state
from .journal import Record
from .redaction import decode_redacted
from .stores.base import Shown

__all__ = ["Found", "Summary", "found_in", "found_in_line"]


@dataclass(frozen=True, slots=True)
class Summary:
    """One conversation in a listing.

    Attributes:
        id: Its id.
        user: Its user's key in the store.
        openid: The user's OpenID.
        dialog: Name of its dialog.
        version: The version it began on; "" for the only one.
        state: "waiting", "interrupted" (by another one above it), "unfinished" (a turn was cut
            off), "parked", or "unreadable" (of a newer version of the library, or not ours).
        records: Number of its records.
        begun: When it began, in the bot's time zone.
        why: What it broke with, or why it cannot be read; else "".
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


@dataclass(frozen=True, slots=True)
class Found:
    """One conversation with its records.

    Attributes:
        summary: Its line in a listing.
        frame: Its header.
        records: Its own records, rewinds among them.
        account: The account's id.
        parked: What else is known of it if it is parked.
        redacted: Whether its records lack what was said.
    """

    summary: Summary
    frame: Frame
    records: list[Record]
    account: str
    parked: ParkedConversation | None = None
    redacted: bool = False

    @property
    def checkable(self) -> bool:
        """Whether it is running: a parked one goes on by an operator's hand alone."""
        return self.summary.state != "parked"


def found_in(user: str, shown: Shown, zone: tzinfo) -> Iterator[Found]:
    """Yield what a store has of a user, parked conversations after running ones."""
    try:
        yield from _running(user, shown, zone)
    except (NewerJournal, msgspec.DecodeError) as error:
        yield _unreadable(user, len(shown.records), error, zone)
    for parked in shown.parked.values():
        try:
            one = decode_parked(parked.document)
            own = journal.decode_records([bytes(raw) for raw in one.records])
        except (NewerJournal, msgspec.DecodeError) as error:
            yield _unreadable(user, 0, error, zone, parked.id)
            continue
        summary = _summary(user, one.user, one.frame, "parked", len(own), zone, one.error)
        yield Found(summary, one.frame, own, one.account, one)


def found_in_line(line: Exported, redacted: bool, zone: tzinfo) -> Found:
    """Return the conversation of a line of an export."""
    frame = line.frame
    try:
        records = decode_redacted(line.records)
    except msgspec.DecodeError as error:
        return _unreadable(line.user, len(line.records), error, zone, frame.id)
    count = len(records)
    summary = _summary(line.user, line.openid, frame, line.state, count, zone, line.error)
    return Found(summary, frame, records, line.account, None, redacted)


def _unreadable(user: str, records: int, error: Exception, zone: tzinfo, id: str = "") -> Found:
    frame = Frame(id or "-", "")
    summary = _summary(user, user, frame, "unreadable", records, zone, str(error))
    return Found(summary, frame, [], "")


def _running(user: str, shown: Shown, zone: tzinfo) -> Iterator[Found]:
    state = decode_state(shown.head)
    records = journal.decode_records(shown.records)
    ends = [*(frame.base for frame in state.stack[1:]), len(records)]
    for frame, end in zip(state.stack, ends, strict=False):
        own = records[frame.base : end]
        what = "waiting" if frame is state.stack[-1] else "interrupted"
        if len(own) > frame.length:
            what = "unfinished"
        yield Found(
            _summary(user, state.user, frame, what, len(own), zone), frame, own, state.account
        )


def _summary(
    user: str, openid: str, frame: Frame, state: str, records: int, zone: tzinfo, why: str = ""
) -> Summary:
    begun = datetime.fromtimestamp(frame.begun / 1000, zone)
    return Summary(frame.id, user, openid, frame.dialog, frame.version, state, records, begun, why)

"""What a claim, a commit and the other operations mean, as functions on a small value and `now`.

Memory and SQLite call them inside their own lock or transaction; the Lua scripts of Redis say the
same in Lua, and a test walks all of them through the same random histories. A `Document` here is
all of a user but the bulk: records, data and parked conversations are only counted or passed on,
so that a store can keep them where it likes.

Times and durations are whole microseconds. No function reads a clock; each raises before it
changes anything, or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wechat_dialog.errors import ClaimLost
from wechat_dialog.stores.base import (
    Answered,
    Claimed,
    Committed,
    Conflict,
    Deferred,
    Have,
    Pending,
    Running,
    Unclaimed,
    Write,
)

__all__ = [
    "AHEAD",
    "DEFERRED_KEPT",
    "PLACE_KEPT",
    "SEEN_KEPT",
    "Document",
    "Granted",
    "Mark",
    "Seen",
    "claim",
    "claimed",
    "commit",
    "defer",
    "end",
    "forget_expired",
    "is_quiet",
    "lacking",
    "micros",
    "record",
    "release",
    "renew",
    "seconds",
    "unclaimed",
]

PLACE_KEPT = 1_000_000
"""A message that waits keeps its place for this long after it last asked."""
AHEAD = 60_000_000
"""A claim may hold for so long, or two leases, and no longer: the clock was set back."""
SEEN_KEPT = 60_000_000
"""When a message was first seen is forgotten this long after it last asked."""
DEFERRED_KEPT = 86_400_000_000
"""How long a `defer`, and a message that is kept, waits for its commit: as long as an interrupted
turn and a held answer wait for their user."""


@dataclass(slots=True)
class Seen:
    """A message that asked for its turn and is not answered yet.

    Attributes:
        first: When it was first seen; unique for its user, so that it is the order of arrival too.
        copies: How many requests carried it.
        asked: When it last asked, or was deferred.
        waits: Whether its last answer was `Running`.
        message: What is kept of it for another worker; empty if nothing.
        began: Number of the claim under which its turn may first have done something, its own or
            one that had to see to it: no other's may come before the rest of it. 0: none.
        promised: Whether its user was told that an answer will come; else it goes when its claim is
            given up.
    """

    first: int
    copies: int = 0
    asked: int = 0
    waits: bool = False
    message: bytes = b""
    began: int = 0
    promised: bool = False

    @property
    def rank(self) -> tuple[bool, int, int]:
        """Whose turn comes first where workers have died: the least of these."""
        return not self.began, self.began, self.first

    @property
    def until(self) -> int:
        """When it is forgotten."""
        return self.asked + (DEFERRED_KEPT if self.message else SEEN_KEPT)


@dataclass(frozen=True, slots=True)
class Mark:
    """What is known under a message's key.

    Attributes:
        reply: The reply remembered, or None if the message was deferred.
        expires: When it is forgotten.
    """

    reply: bytes | None
    expires: int


@dataclass(slots=True)
class Document:
    """All of a user but records, data, parked conversations and replies.

    Attributes:
        head: The head; empty if nothing is running.
        length: Number of records.
        revision: 0 if nothing is running.
        journal: Id of the journal; 0 if nothing is running.
        committed: When it was last committed (or begun, if it never was).
        expires: When head and journal are dropped.
        last: The greatest number given out as revision or fence so far.
        fence: The claim's number; 0 if there is none.
        holder: Key of the message that holds the claim.
        until: When the claim expires.
        lost: How many claims in a row ran out before the one that holds.
        seen: The messages that are not answered yet, by key.
    """

    head: bytes = b""
    length: int = 0
    revision: int = 0
    journal: int = 0
    committed: int = 0
    expires: int = 0
    last: int = 0
    fence: int = 0
    holder: str = ""
    until: int = 0
    lost: int = 0
    seen: dict[str, Seen] = field(default_factory=dict[str, Seen])

    def is_claimed(self, now: int) -> bool:
        """Whether somebody's claim holds at `now`."""
        return self.fence != 0 and now < self.until

    def keeps_out(self, now: int, lease: int) -> bool:
        """Whether a claim holds that others have to wait for.

        One that would hold much longer than a lease was granted before the clock was set back; a
        worker that is alive renews it to what it should be.
        """
        return self.is_claimed(now) and self.until - now <= max(2 * lease, AHEAD)

    @property
    def idle(self) -> int:
        """When neither its numbers nor its claim have to be known any more."""
        # A claim that ran out counts as lost when the next one is granted.
        return max(self.last + SEEN_KEPT, self.until + DEFERRED_KEPT if self.fence else 0)

    def number(self, now: int) -> int:
        """Give out the next number: the time, but above any before even if the clock jumps back."""
        self.last = max(self.last + 1, now)
        return self.last

    def drop(self) -> None:
        """Forget head and journal."""
        self.head = b""
        self.length = self.revision = self.journal = self.committed = self.expires = 0


@dataclass(frozen=True, slots=True)
class Granted:
    """The part of a `Claimed` that `claim` decides."""

    fence: int
    since: int
    copies: int
    deferred: bool
    pending: tuple[Pending, ...]


def micros(duration: float) -> int:
    """Turn seconds into microseconds."""
    return round(duration * 1e6)


def seconds(duration: int) -> float:
    """Turn microseconds into seconds; a negative duration (a clock set back) is 0."""
    return max(duration, 0) / 1e6


def forget_expired(document: Document, now: int) -> None:
    """Drop what ran out: head and journal after their ttl, messages that stopped asking.

    Every other function expects that this was called with the same `now`.
    """
    if document.revision and document.expires <= now:
        document.drop()
    for key in [k for k, seen in document.seen.items() if seen.until <= now]:
        del document.seen[key]


def _see(document: Document, key: str, now: int) -> Seen:
    """Return what is known of a message that asks, or is deferred."""
    seen = document.seen.get(key)
    if seen is None:
        latest = max((other.first for other in document.seen.values()), default=0)
        seen = document.seen[key] = Seen(first=max(now, latest + 1))
    seen.asked = now
    return seen


def _first_in_line(seen: Mapping[str, Seen], key: str, first: int | None, now: int) -> str | None:
    """Return the key of the earliest other message that waits and came before `first`, if any."""
    earlier = [
        (other.first, name)
        for name, other in seen.items()
        if name != key
        and other.waits
        and abs(now - other.asked) <= PLACE_KEPT
        and (first is None or other.first < first)
    ]
    return min(earlier)[1] if earlier else None


def claim(
    document: Document,
    mark: Mark | None,
    key: str,
    now: int,
    *,
    lease: int,
    arrival: bool,
    message: bytes,
) -> Granted | Answered | Running:
    """See `Store.claim`.

    Args:
        document: Changed in place.
        mark: What is known under `key`, None if nothing or expired.
        key: The message's key.
        now: The store's time.
        lease: How long the claim holds.
        arrival: Whether a new request asks.
        message: What to keep of the message with its claim.
    """
    if mark is not None and mark.reply is not None:
        return Answered(mark.reply)
    seen = _see(document, key, now)
    seen.copies += arrival or not seen.copies
    since = max(now - seen.first, 0)
    holder: str | None = document.holder
    if not document.keeps_out(now, lease):
        holder = _first_in_line(document.seen, key, seen.first, now)
    if holder is not None:
        seen.waits = True
        return Running(holder, seconds(since), seen.copies)
    seen.waits = False
    if document.fence:
        document.lost += 1
    document.fence = document.number(now)
    document.holder = key
    document.until = now + lease
    pending = _pending(document, key, seen)
    for one in (seen, *(document.seen[other.key] for other in pending)):
        one.began = one.began or document.fence
    seen.message = seen.message or message
    _outlive_claim(document)
    _outlive_pending(document)
    return Granted(document.fence, since, seen.copies, mark is not None, pending)


def is_quiet(document: Document, mark: Mark | None) -> bool:
    """Return whether a turn may do without a claim; `optimistic` in `Store.claim` says when."""
    return not (mark is not None or not document.revision or document.fence or document.seen)


def unclaimed(
    document: Document, now: int, *, records: tuple[bytes, ...], data: bytes
) -> Unclaimed:
    """Put an `Unclaimed` together."""
    return Unclaimed(
        revision=document.revision,
        journal=document.journal,
        length=document.length,
        head=document.head,
        records=records,
        data=data,
        age=seconds(now - document.committed),
    )


def _pending(document: Document, key: str, seen: Seen) -> tuple[Pending, ...]:
    """Return the kept messages without an answer whose turns come before that of `key`."""
    found = sorted(
        (other.rank, name, other.message)
        for name, other in document.seen.items()
        if other.message and name != key and other.rank < seen.rank
    )
    return tuple(Pending(name, message) for _, name, message in found)


def claimed(
    document: Document, granted: Granted, now: int, *, records: tuple[bytes, ...], data: bytes
) -> Claimed:
    """Put a `Claimed` together from what `claim` granted and what only the store has."""
    return Claimed(
        fence=granted.fence,
        revision=document.revision,
        journal=document.journal,
        length=document.length,
        head=document.head,
        records=records,
        data=data,
        age=seconds(now - document.committed) if document.revision else 0.0,
        deferred=granted.deferred,
        since=seconds(granted.since),
        copies=granted.copies,
        pending=granted.pending,
        lost=document.lost,
    )


def lacking(document: Document, have: Have) -> int:
    """Return how many leading records of the journal the caller holds already."""
    return have.length if have.journal == document.journal else 0


def _outlive_claim(document: Document) -> None:
    """Keep head and journal at least as long as the claim on them.

    Else a turn that began just before the ttl would append its records to a journal that is gone.
    """
    if document.revision:
        document.expires = max(document.expires, document.until)


def _outlive_pending(document: Document) -> None:
    """Keep head and journal as long as a message that may be an answer to them."""
    if document.revision:
        until = [seen.until for seen in document.seen.values() if seen.message]
        document.expires = max([document.expires, *until])


def _require_claim(document: Document, fence: int, now: int) -> None:
    if fence == 0 or document.fence != fence or not document.is_claimed(now):
        raise ClaimLost(
            f"claim {fence} was taken over, released or ran out; nothing was written: "
            "start the turn again"
        )


def _check(write: Write) -> None:
    if write.keep is not None and write.keep < 0:
        raise ValueError(f"Write.keep must not be negative, is {write.keep}")


def _write(document: Document, write: Write, now: int, *, commits: bool) -> Committed:
    """Change the document; what becomes of the records follows from its `length`, old and new."""
    revision = document.number(now)
    if not write.head:
        document.drop()
        return Committed(0, 0)
    if not document.revision:
        document.journal = revision
        document.committed = now
    kept = document.length if write.keep is None else min(write.keep, document.length)
    if kept < document.length:
        document.journal = revision
    if commits:
        document.committed = now
    document.length = kept + len(write.records)
    document.head = write.head
    document.revision = revision
    document.expires = now + micros(write.ttl)
    _outlive_pending(document)
    return Committed(revision, document.journal)


def record(document: Document, fence: int, write: Write, now: int) -> Committed:
    """See `Store.record`."""
    _check(write)
    _require_claim(document, fence, now)
    committed = _write(document, write, now, commits=False)
    document.lost = 0
    _outlive_claim(document)
    return committed


def commit(
    document: Document,
    mark: Mark | None,
    key: str,
    write: Write,
    now: int,
    *,
    fence: int,
    revision: int,
    max_age: float | None,
    deferred: bool,
    release: bool,
) -> Committed | Answered | Conflict | Deferred:
    """See `Store.commit`; remembering the reply is the store's, if the result is `Committed`."""
    _check(write)
    if fence:
        _require_claim(document, fence, now)
    else:
        if not revision:
            raise ValueError("a commit without a fence needs the revision it is based on")
        if mark is not None and mark.reply is not None:
            return Answered(mark.reply)
        if (
            document.is_claimed(now)
            or document.revision != revision
            or (max_age is not None and now - document.committed > micros(max_age))
            or _first_in_line(document.seen, key, None, now) is not None
            or any(seen.message and name != key for name, seen in document.seen.items())
        ):
            return Conflict()
    if mark is not None and mark.reply is None and not deferred:
        return Deferred()
    document.seen.pop(key, None)
    committed = _write(document, write, now, commits=True)
    if fence:
        document.lost = 0
    if fence and release:
        document.fence = 0
    elif fence:
        _outlive_claim(document)
    return committed


def defer(
    document: Document, mark: Mark | None, key: str, message: bytes, now: int
) -> Answered | Mark:
    """See `Store.defer`; a `Mark` is what to remember under the message's key."""
    if mark is not None and mark.reply is not None:
        return Answered(mark.reply)
    if message:
        seen = _see(document, key, now)
        seen.message, seen.promised = message, True
        _outlive_pending(document)
    return Mark(None, now + DEFERRED_KEPT)


def renew(document: Document, fence: int, now: int, *, lease: int) -> None:
    """See `Store.renew`."""
    _require_claim(document, fence, now)
    document.until = now + lease
    _outlive_claim(document)


def release(document: Document, fence: int) -> None:
    """See `Store.release`."""
    if document.fence == fence:
        seen = document.seen.get(document.holder)
        if seen is not None:
            seen.began = 0
            if not seen.promised:
                seen.message = b""
        document.fence = document.lost = 0


def end(document: Document, now: int) -> bool:
    """Drop the running conversation and what waits to be heard, and with them the claim.

    Else the turn that holds it would bring a part of the conversation back.
    """
    # What somebody is at right now is no conversation yet, and does not wait.
    held = document.holder if document.is_claimed(now) else None
    pending = [
        seen
        for key, seen in document.seen.items()
        if seen.message and (seen.promised or key != held)
    ]
    if not document.revision and not pending:
        return False
    for seen in document.seen.values():
        seen.message, seen.began = b"", 0
    document.drop()
    document.fence = document.lost = 0
    return True

"""The decisions of claim, commit and the other operations, as functions on a small value and `now`.

The memory and SQLite stores call them inside their own lock or transaction; the Lua scripts of
Redis repeat them in Lua, and a test runs the same random histories on all of them. An `Entry` is
everything about a user except the bulk data.

Times and durations are whole microseconds. No function reads a clock, and each requires an entry
without anything expired at that time (`Entry.forget_expired`). If a function raises, it has not
changed anything.
"""

from __future__ import annotations

from collections.abc import Sequence

from wechat_dialog.core.store.entry import (
    DEFERRED_KEPT,
    Entry,
    Granted,
    Remembered,
    Seen,
    micros,
    seconds,
)
from wechat_dialog.errors import ClaimLost, TooManyWaiting

from . import waking
from .checks import check, check_commit
from .kept import Parked
from .looks import is_as_expected
from .values import (
    Answered,
    Claim,
    Commit,
    Committed,
    Conflict,
    Deferred,
    Running,
    Write,
)

__all__ = [
    "MESSAGES_KEPT",
    "MESSAGES_ROOM",
    "claim",
    "commit",
    "crowded_out",
    "defer",
    "end",
    "forget",
    "put_part",
    "record",
    "release",
    "renew",
    "too_many",
    "untaken",
]

MESSAGES_KEPT = 100
"""How many messages of one user `defer` keeps: nobody writes more while they wait."""
MESSAGES_ROOM = 256 * 1024
"""Their size in bytes: they are read and written with every claim."""


def claim(
    entry: Entry, remembered: Remembered | None, requested: Claim, now: int
) -> Granted | Answered | Running:
    """See `Store.claim`.

    Args:
        entry: Changed in place.
        remembered: What is stored under the message's key, None if nothing or expired.
        requested: The requested claim.
        now: The store's time.
    """
    key, lease = requested.key, micros(requested.lease)
    if remembered is not None and remembered.reply is not None:
        return _take(entry, key, remembered.reply, now)
    if requested.fires is None and _is_answered(entry, key):
        return Answered(b"")
    replaced = requested.instead != 0 and entry.fence == requested.instead
    if not (replaced or waking.stands_in_line(entry, requested)):
        held = entry.keeps_out(now, lease)
        busy = entry.holder if held else waking.in_the_way(entry, requested, now)
        if busy is not None:
            return Running(busy, 0.0, 1)
    seen = entry.see(key, now)
    known = seen.copies > 0
    seen.copies += requested.arrival or not known
    # Never 0 for one that is known, though the clock was set back: the turn would end as forgotten.
    since = max(now - seen.first, int(known and now < seen.first))
    holder = None if replaced else _whose(entry, requested, seen.first, now)
    if holder is not None:
        seen.waits = True
        return Running(holder, seconds(since), seen.copies)
    seen.waits = False
    if entry.fence and not replaced:
        entry.lost += 1
    waking.begin(entry, requested, replaced=replaced)
    entry.fence = entry.number(max(now, seen.first))
    entry.holder = key
    entry.until = now + lease
    pending = entry.pending_before(key, seen, now)
    for seen_message in (seen, *(entry.seen[other.key] for other in pending)):
        seen_message.began = seen_message.began or entry.fence
    left = entry.untaken(key) if requested.fires is None else []
    for seen_message in left:
        seen_message.given_to = entry.fence
    seen.message = seen.message or requested.message
    entry.outlive_claim()
    entry.outlive_pending()
    replies = tuple([seen_message.reply for seen_message in left if seen_message.reply])
    return Granted(entry.fence, since, seen.copies, remembered is not None, pending, replies)


def _whose(entry: Entry, requested: Claim, first: int, now: int) -> str | None:
    """Return the key of the message whose turn comes before that of a claim; None: there is none.

    Args:
        entry: The entry.
        requested: The claim.
        first: When its message was first seen.
        now: The store's time.
    """
    if entry.keeps_out(now, micros(requested.lease)):
        return entry.holder
    holder = entry.first_in_line(requested.key, first, now)
    if holder is None and requested.fires is not None:
        in_line = waking.stands_in_line(entry, requested)
        holder = waking.in_the_way(entry, requested, now, first if in_line else None)
    return holder


def _take(entry: Entry, key: str, reply: bytes, now: int) -> Answered:
    """Give a copy of an answered message its reply, unless another message's turn delivers it."""
    seen = entry.seen.get(key)
    if seen is not None and seen.reply is not None:
        has_it = seen.given_to == entry.fence and entry.is_claimed(now)
        if has_it or not seen.reply:
            return Answered(b"")
        del entry.seen[key]
    if entry.was_last(key):
        entry.see(key, now).copies += 1
    return Answered(reply)


def _is_answered(entry: Entry, key: str) -> bool:
    """Return whether a message has its answer with another one's: nobody took its reply, or it was
    ended by `end`.
    """
    seen = entry.seen.get(key)
    return seen is not None and seen.reply is not None


def _answer(entry: Entry, key: str, left: bytes, now: int) -> None:
    """Note that a message is answered. `left` is its reply if no request takes it, else empty."""
    if left:
        seen = entry.see(key, now)
        entry.seen[key] = Seen(seen.first, 0, now, reply=left)
    else:
        entry.seen.pop(key, None)


def _silence(entry: Entry) -> None:
    """Drop the replies that were not taken."""
    for seen in entry.seen.values():
        seen.reply = seen.reply and b""


def _wrote(entry: Entry, fence: int, now: int) -> None:
    """Note that a claim's write contains the untaken replies it was given."""
    for seen in entry.seen.values():
        if seen.reply and seen.given_to == fence:
            seen.reply, seen.last_asked = b"", now


def _write(entry: Entry, write: Write, now: int, *, commits: bool) -> Committed:
    """Change the entry; which records are removed follows from its old and new `length`."""
    revision = entry.number(now)
    if not write.head:
        entry.drop()
        return Committed(0, 0)
    if not entry.revision:
        entry.journal = revision
        entry.committed = now
    keep = entry.length if write.keep is None else min(write.keep, entry.length)
    if keep < entry.length:
        entry.journal = revision
    if commits:
        entry.committed = now
    entry.length = keep + len(write.records)
    entry.head = write.head
    entry.revision = revision
    entry.expires = now + micros(write.ttl)
    entry.outlive_pending()
    waking.wake(entry, write, commits=commits)
    return Committed(revision, entry.journal)


def record(entry: Entry, fence: int, write: Write, now: int) -> Committed:
    """See `Store.record`."""
    check(write, commits=False)
    entry.require_claim(fence, now)
    _wrote(entry, fence, now)
    committed = _write(entry, write, now, commits=False)
    entry.lost = 0
    entry.outlive_claim()
    return committed


def commit(
    entry: Entry, remembered: Remembered | None, requested: Commit, now: int
) -> Committed | Answered | Conflict | Deferred:
    """See `Store.commit`; if the result is `Committed`, the store has to remember the reply.

    Args:
        entry: Changed in place.
        remembered: What is stored under the message's key, None if nothing or expired.
        requested: The requested commit.
        now: The store's time.
    """
    key, write, fence = requested.key, requested.write, requested.fence
    check_commit(requested)
    if fence:
        entry.require_claim(fence, now)
    else:
        if remembered is not None and remembered.reply is not None:
            # The store counts who takes a reply that nobody took; a commit counts nobody.
            return Conflict() if key in entry.seen else Answered(remembered.reply)
        if (
            entry.is_claimed(now)
            or not is_as_expected(entry, requested, now)
            or entry.first_in_line(key, None, now) is not None
            or any(seen.pends and name != key for name, seen in entry.seen.items())
            or _is_answered(entry, key)
            or entry.mail
            or waking.sets_a_time(entry, write)
        ):
            return Conflict()
    if remembered is not None and remembered.reply is None and not requested.deferred:
        return Deferred()
    if fence:
        _wrote(entry, fence, now)
        entry.lost = 0
        waking.answer(entry, requested)
    _answer(entry, key, b"" if requested.taken else requested.reply, now)
    if write.forget:
        _silence(entry)
        entry.empty_mailbox()
    committed = _write(entry, write, now, commits=requested.fires is None)
    if fence and requested.release:
        entry.fence = 0
    elif fence:
        entry.outlive_claim()
    if not entry.fence:
        waking.end(entry, key)
    return committed


def defer(
    entry: Entry, remembered: Remembered | None, key: str, message: bytes, now: int
) -> Answered | Remembered:
    """See `Store.defer`; a `Remembered` is to be stored under the message's key."""
    if remembered is not None and remembered.reply is not None:
        return _take(entry, key, remembered.reply, now)
    if _is_answered(entry, key):
        return Answered(b"")
    if message:
        _require_room(entry, key, message)
        seen = entry.see(key, now)
        seen.message, seen.promised = message, True
        entry.outlive_pending()
    return Remembered(None, now + DEFERRED_KEPT)


def _require_room(entry: Entry, key: str, message: bytes) -> None:
    sizes = [len(seen.message) for name, seen in entry.seen.items() if seen.message and name != key]
    if len(sizes) >= MESSAGES_KEPT or sum(sizes) + len(message) > MESSAGES_ROOM:
        raise too_many(len(sizes))


def too_many(count: int) -> TooManyWaiting:
    """Return the error for a user with so many kept messages."""
    return TooManyWaiting(
        f"{count} messages of this user wait for a turn that does not end; this one is not kept"
    )


def crowded_out(parked: Sequence[tuple[str, int]], park: Parked) -> tuple[str, ...]:
    """Return the ids of parked conversations to drop to make room for another one.

    Args:
        parked: Id and size of each except the new one, oldest first.
        park: The new one.
    """
    count, total = len(parked) + 1, sum(size for _, size in parked) + len(park.document)
    dropped: list[str] = []
    for id, size in parked:
        if count <= park.most and total <= park.room:
            break
        dropped.append(id)
        count, total = count - 1, total - size
    return tuple(dropped)


def untaken(entry: Entry, remembered: Remembered | None, key: str, takes: int, now: int) -> None:
    """See `Store.untaken`."""
    seen = entry.seen.get(key)
    took = 0 if seen is None else seen.copies
    if remembered is not None and remembered.reply and entry.was_last(key) and took == takes:
        seen = entry.see(key, now)
        seen.reply, seen.copies = remembered.reply, 0
        entry.outlive_pending()


def renew(entry: Entry, fence: int, now: int, *, lease: int) -> None:
    """See `Store.renew`."""
    entry.require_claim(fence, now)
    entry.until = now + lease
    entry.outlive_claim()


def renewed(entry: Entry, fence: int, now: int, *, lease: int) -> ClaimLost | None:
    """Call `renew`, and return the exception that it raises; for `RenewsAll.renew_all`."""
    try:
        renew(entry, fence, now, lease=lease)
    except ClaimLost as lost:
        return lost
    return None


def put_part(entry: Entry, fence: int, now: int) -> None:
    """See `Store.part_put`; the store has to keep the part."""
    entry.require_claim(fence, now)
    entry.lost = 0


def release(entry: Entry, fence: int) -> None:
    """See `Store.release`."""
    if entry.fence == fence:
        seen = entry.seen.get(entry.holder)
        if not waking.dismiss(entry) and seen is not None:
            seen.began = 0
            if not seen.promised:
                seen.message = b""
        entry.fence = entry.lost = 0


def end(entry: Entry, now: int) -> bool:
    """Drop the running conversation and what waits to be delivered, and with them the claim.

    Otherwise the turn that holds the claim would restore a part of the conversation; and a worker
    with a copy of a message whose turn had begun would begin another conversation with what was
    said to this one, perhaps in secret.
    """
    # A message being handled right now has no conversation yet, and does not wait.
    held = entry.holder if entry.is_claimed(now) else None
    pending = [
        seen for key, seen in entry.seen.items() if seen.pends and (seen.promised or key != held)
    ]
    if not entry.revision and not pending:
        return False
    _silence(entry)
    for seen in entry.seen.values():
        if seen.message and seen.began:
            seen.reply, seen.last_asked, seen.waits = b"", now, False
        seen.message, seen.began = b"", 0
    entry.drop()
    entry.fence = entry.lost = 0
    entry.holder, entry.before = "", None
    return True


def forget(entry: Entry, now: int) -> frozenset[str]:
    """Drop everything but the issued numbers. One more is issued, so that no turn which has looked
    at the user's data without a claim can be committed.

    Returns:
        Keys of the messages that were not answered, for the store to remember as answered with
        nothing: otherwise a worker with such a message, or a waiting copy, would start over with
        it.
    """
    entry.number(now)
    unanswered = frozenset(entry.seen)
    if entry.fence:
        unanswered |= {entry.holder}
    entry.seen = {}
    entry.drop()
    entry.empty_mailbox()
    entry.fence = entry.lost = 0
    entry.holder, entry.before = "", None
    return unanswered

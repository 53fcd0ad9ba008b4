"""What a claim, a commit and the other operations mean, as functions on a small value and `now`.

Memory and SQLite call them inside their own lock or transaction; the Lua scripts of Redis say the
same in Lua, and a test walks all of them through the same random histories. An
`Entry` is all of a user but the bulk.

Times and durations are whole microseconds. No function reads a clock, and each expects an entry
that was freed of what ran out by then (`Entry.forget_expired`); each raises before it changes
anything, or not at all.
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
from .values import Answered, Claim, Commit, Committed, Conflict, Deferred, Running, Write

__all__ = [
    "MESSAGES_KEPT",
    "MESSAGES_ROOM",
    "claim",
    "commit",
    "crowded_out",
    "defer",
    "end",
    "forget",
    "is_quiet",
    "may_look",
    "put_part",
    "record",
    "release",
    "renew",
    "too_many",
    "untaken",
]

MESSAGES_KEPT = 100
"""Messages of one user that `defer` keeps at a time: nobody writes more while they wait."""
MESSAGES_ROOM = 256 * 1024
"""Bytes of them: they are read and written with every claim."""


def claim(
    entry: Entry, remembered: Remembered | None, asked: Claim, now: int
) -> Granted | Answered | Running:
    """See `Store.claim`.

    Args:
        entry: Changed in place.
        remembered: What is known under the message's key, None if nothing or expired.
        asked: The claim that is asked for.
        now: The store's time.
    """
    key, lease = asked.key, micros(asked.lease)
    if remembered is not None and remembered.reply is not None:
        return _take(entry, key, remembered.reply, now)
    replaced = asked.instead != 0 and entry.fence == asked.instead
    if not (replaced or waking.stands_in_line(entry, asked)):
        held = entry.keeps_out(now, lease)
        busy = entry.holder if held else waking.in_the_way(entry, asked, now)
        if busy is not None:
            return Running(busy, 0.0, 1)
    seen = entry.see(key, now)
    seen.copies += asked.arrival or not seen.copies
    since = max(now - seen.first, 0)
    holder = None if replaced else _whose(entry, asked, seen.first, now)
    if holder is not None:
        seen.waits = True
        return Running(holder, seconds(since), seen.copies)
    seen.waits = False
    if entry.fence and not replaced:
        entry.lost += 1
    waking.begin(entry, asked, replaced=replaced)
    entry.fence = entry.number(now)
    entry.holder = key
    entry.until = now + lease
    pending = entry.pending_before(key, seen, now)
    for one in (seen, *(entry.seen[other.key] for other in pending)):
        one.began = one.began or entry.fence
    left = entry.untaken(key) if asked.fires is None else []
    for one in left:
        one.told = entry.fence
    seen.message = seen.message or asked.message
    entry.outlive_claim()
    entry.outlive_pending()
    replies = tuple([one.reply for one in left if one.reply])
    return Granted(entry.fence, since, seen.copies, remembered is not None, pending, replies)


def _whose(entry: Entry, asked: Claim, first: int, now: int) -> str | None:
    """Return the key of the message whose turn it is, before that of a claim; None: there is none.

    Args:
        entry: The entry.
        asked: The claim.
        first: When its message was first seen.
        now: The store's time.
    """
    if entry.keeps_out(now, micros(asked.lease)):
        return entry.holder
    holder = entry.first_in_line(asked.key, first, now)
    if holder is None and asked.fires is not None:
        in_line = waking.stands_in_line(entry, asked)
        holder = waking.in_the_way(entry, asked, now, first if in_line else None)
    return holder


def may_look(asked: Claim) -> bool:
    """Return whether a claim may be answered with an `Unclaimed`."""
    return asked.optimistic and not asked.have.journal


def is_quiet(entry: Entry, remembered: Remembered | None) -> bool:
    """Return whether a turn may do without a claim; `optimistic` in `Store.claim` says when."""
    something = remembered is not None or entry.fence or entry.seen or entry.mail
    return bool(entry.revision and not something)


def _take(entry: Entry, key: str, reply: bytes, now: int) -> Answered:
    """Give a copy of an answered message its reply, unless another message's turn has it by now."""
    seen = entry.seen.get(key)
    if seen is not None and seen.reply is not None:
        has_it = seen.told == entry.fence and entry.is_claimed(now)
        if has_it or not seen.reply:
            return Answered(b"")
        del entry.seen[key]
    if entry.was_last(key):
        entry.see(key, now).copies += 1
    return Answered(reply)


def _answer(entry: Entry, key: str, left: bytes, now: int) -> None:
    """Note that a message is answered. `left` is its reply if no request takes it, else empty."""
    if left:
        seen = entry.see(key, now)
        entry.seen[key] = Seen(seen.first, 0, now, reply=left)
    else:
        entry.seen.pop(key, None)


def _silence(entry: Entry) -> None:
    """Drop the replies that nobody took."""
    for seen in entry.seen.values():
        seen.reply = seen.reply and b""


def _wrote(entry: Entry, fence: int, now: int) -> None:
    """Note that a claim's write contains the untaken replies it was given."""
    for seen in entry.seen.values():
        if seen.reply and seen.told == fence:
            seen.reply, seen.asked = b"", now


def _write(entry: Entry, write: Write, now: int, *, commits: bool) -> Committed:
    """Change the entry; what becomes of the records follows from its `length`, old and new."""
    revision = entry.number(now)
    if not write.head:
        entry.drop()
        return Committed(0, 0)
    if not entry.revision:
        entry.journal = revision
        entry.committed = now
    kept = entry.length if write.keep is None else min(write.keep, entry.length)
    if kept < entry.length:
        entry.journal = revision
    if commits:
        entry.committed = now
    entry.length = kept + len(write.records)
    entry.head = write.head
    entry.revision = revision
    entry.expires = now + micros(write.ttl)
    entry.outlive_pending()
    waking.wake(entry, write)
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


def _is_older(entry: Entry, age: float | None, now: int) -> bool:
    """Return whether the last commit is longer ago than `age` in seconds; None is for ever."""
    return age is not None and now - entry.committed > micros(age)


def commit(
    entry: Entry, remembered: Remembered | None, asked: Commit, now: int
) -> Committed | Answered | Conflict | Deferred:
    """See `Store.commit`; remembering the reply is the store's, if the result is `Committed`.

    Args:
        entry: Changed in place.
        remembered: What is known under the message's key, None if nothing or expired.
        asked: The commit.
        now: The store's time.
    """
    key, write, fence = asked.key, asked.write, asked.fence
    check_commit(asked)
    if fence:
        entry.require_claim(fence, now)
    else:
        if remembered is not None and remembered.reply is not None:
            in_doubt = key in entry.seen and entry.seen[key].reply is not None
            return Conflict() if in_doubt else Answered(remembered.reply)
        if (
            entry.is_claimed(now)
            or entry.revision != asked.revision
            or _is_older(entry, asked.max_age, now)
            or entry.first_in_line(key, None, now) is not None
            or any(seen.pends and name != key for name, seen in entry.seen.items())
            or entry.mail
            or waking.sets_a_time(entry, write)
        ):
            return Conflict()
    if remembered is not None and remembered.reply is None and not asked.deferred:
        return Deferred()
    if fence:
        _wrote(entry, fence, now)
        entry.lost = 0
        waking.answer(entry, asked)
    _answer(entry, key, b"" if asked.taken else asked.reply, now)
    if write.forget:
        _silence(entry)
        entry.empty_mailbox()
    committed = _write(entry, write, now, commits=asked.fires is None)
    if fence and asked.release:
        entry.fence = 0
    elif fence:
        entry.outlive_claim()
    if not entry.fence:
        waking.end(entry, key)
    return committed


def defer(
    entry: Entry, remembered: Remembered | None, key: str, message: bytes, now: int
) -> Answered | Remembered:
    """See `Store.defer`; a `Remembered` is what to remember under the message's key."""
    if remembered is not None and remembered.reply is not None:
        return _take(entry, key, remembered.reply, now)
    if message:
        _require_room(entry, key, message)
        seen = entry.see(key, now)
        seen.message, seen.promised = message, True
        entry.outlive_pending()
    return Remembered(None, now + DEFERRED_KEPT)


def _require_room(entry: Entry, key: str, message: bytes) -> None:
    kept = [len(seen.message) for name, seen in entry.seen.items() if seen.message and name != key]
    if len(kept) >= MESSAGES_KEPT or sum(kept) + len(message) > MESSAGES_ROOM:
        raise too_many(len(kept))


def too_many(kept: int) -> TooManyWaiting:
    """Return the error for a user of whom so many messages are kept."""
    return TooManyWaiting(
        f"{kept} messages of this user wait for a turn that does not end; this one is not kept"
    )


def crowded_out(parked: Sequence[tuple[str, int]], park: Parked) -> tuple[str, ...]:
    """Return the ids of parked conversations that go to make room for one more.

    Args:
        parked: Id and size of each but the new one, oldest first.
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
    """Do as `renew` does, and return what it raises; for `RenewsAll.renew_all`."""
    try:
        renew(entry, fence, now, lease=lease)
    except ClaimLost as lost:
        return lost
    return None


def put_part(entry: Entry, fence: int, now: int) -> None:
    """See `Store.part_put`; to keep the part is the store's."""
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
    """Drop the running conversation and what waits to be heard, and with them the claim.

    Else the turn that holds it would bring a part of the conversation back.
    """
    # What somebody is at right now is no conversation yet, and does not wait.
    held = entry.holder if entry.is_claimed(now) else None
    pending = [
        seen for key, seen in entry.seen.items() if seen.pends and (seen.promised or key != held)
    ]
    if not entry.revision and not pending:
        return False
    for seen in entry.seen.values():
        seen.message, seen.began = b"", 0
    _silence(entry)
    entry.drop()
    entry.fence = entry.lost = 0
    entry.holder, entry.before = "", None
    return True


def forget(entry: Entry) -> frozenset[str]:
    """Drop everything but the numbers given out.

    Returns:
        Keys of the messages that were not answered, for the store to remember as answered with
        nothing: whoever works for one, or has one wait, would else begin anew with it.
    """
    unanswered = frozenset(entry.seen)
    if entry.fence:
        unanswered |= {entry.holder}
    entry.seen = {}
    entry.drop()
    entry.empty_mailbox()
    entry.fence = entry.lost = 0
    entry.holder, entry.before = "", None
    return unanswered

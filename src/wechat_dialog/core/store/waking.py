"""The rules of a store about time and the mailbox; a part of `rules`."""

from __future__ import annotations

from wechat_dialog.errors import MailboxFull

from .entry import LEFT_ALONE, Entry, micros, millis
from .times import Due, Post
from .values import Claim, Commit, Write

__all__ = [
    "answer",
    "begin",
    "dismiss",
    "end",
    "end_lease",
    "in_the_way",
    "lease",
    "post",
    "sets_a_time",
    "stands_in_line",
    "took",
    "wake",
]


def wake(entry: Entry, write: Write, *, commits: bool) -> None:
    """Note the time that a write sets; a firing's record leaves the lease of its entry."""
    time = 0 if write.wake is None else write.wake.at * 1000
    if write.wake is not None:
        entry.account = write.wake.account
    if time != entry.wake and (commits or entry.before is None):
        entry.hidden = 0
    entry.wake = time
    entry.outlive_wake()


def sets_a_time(entry: Entry, write: Write) -> bool:
    """Return whether a write sets a time that the index might not know."""
    if write.wake is None:
        return False
    return not entry.wake or write.wake.at * 1000 < entry.wake


# The claim of a turn that no message began --------------------------------------------------------


def stands_in_line(entry: Entry, requested: Claim) -> bool:
    """Return whether a claim queues if it is refused."""
    seen = entry.seen.get(requested.key)
    return requested.fires is None or requested.arrival or (seen is not None and seen.waits)


def in_the_way(entry: Entry, requested: Claim, now: int, first: int | None = None) -> str | None:
    """Return the key of the message to which a firing has to yield, although no claim is held.

    That is a message that is cut off or kept, and may be retried, or one that waits. A firing that
    queues yields only to messages that came before it: later ones wait for the firing, and both
    would block each other for as long as messages come. None: there is no such message.

    Args:
        entry: The entry.
        requested: The firing's claim.
        now: The store's time.
        first: When it was first seen, if it queues.
    """

    def is_before(key: str) -> bool:
        seen = entry.seen.get(key)
        return first is None or seen is None or seen.first < first

    cut_off = entry.fence and entry.before is None and entry.holder != requested.key
    cut_off = cut_off and is_before(entry.holder)
    if cut_off and entry.until <= now < entry.until + LEFT_ALONE:
        return entry.holder
    waiting = [
        (seen.first, key)
        for key, seen in entry.seen.items()
        if key != requested.key
        and (seen.message or (first is None and seen.waits))
        and abs(now - seen.last_asked) <= LEFT_ALONE
        and is_before(key)
    ]
    return min(waiting)[1] if waiting else None


def begin(entry: Entry, requested: Claim, *, replaced: bool) -> None:
    """Note whose claim is granted, before it is."""
    if requested.fires is None:
        entry.before = None
    elif not replaced or entry.before is None:
        entry.before = "" if entry.fence else entry.holder
    entry.mail_claimed = entry.mail


def answer(entry: Entry, requested: Commit) -> None:
    """Note that a turn is committed."""
    if requested.fires is not None:
        entry.read, entry.hidden = entry.mail_claimed, 0
    elif entry.before is not None:
        entry.before = requested.key


def end(entry: Entry, key: str) -> None:
    """Note whose commit was the last event, if no claim remains."""
    entry.holder = key if entry.before is None else entry.before
    entry.before = None


def dismiss(entry: Entry) -> bool:
    """Remove the traces of a firing's claim that is released; returns whether it is a firing's."""
    if entry.before is None:
        return False
    entry.seen.pop(entry.holder, None)
    entry.holder, entry.before = entry.before, None
    return True


# The index and the mailbox ------------------------------------------------------------------------


def lease(user: str, entry: Entry, now: int, *, span: int) -> Due:
    """Lease the user's index entry, which is due."""
    entry.hidden = now + span
    return Due(user, millis(entry.due), entry.hidden, entry.account)


def end_lease(entry: Entry, due: Due) -> bool:
    """End the lease of an entry; returns whether it was still leased to whoever got this result."""
    if entry.hidden != due.until:
        return False
    entry.hidden = 0
    return True


def post(entry: Entry, letter: Post, count: int, now: int) -> Due:
    """Put a signal into the mailbox; the store has to keep its body and id.

    Args:
        entry: Changed in place; its `mail` is then the signal's number.
        letter: The signal.
        count: How many signals are in the mailbox.
        now: The store's time.
    """
    if count >= letter.most:
        raise MailboxFull(letter.user, letter.most)
    if not letter.account:
        raise ValueError("Post.account must not be empty")
    entry.mail = max(now, 1 + max(entry.mail, entry.mail_claimed, entry.read))
    entry.mail_until = max(entry.mail_until, now + micros(letter.kept))
    entry.account = letter.account
    entry.hidden = now + micros(letter.lease) if letter.lease else 0
    return Due(letter.user, millis(entry.due), entry.hidden, entry.account)


def took(entry: Entry, left: dict[int, int]) -> None:
    """Note the remaining signals of the mailbox: until when each is kept, by number."""
    if left:
        entry.mail, entry.mail_until = max(left), max(left.values())
    else:
        entry.empty_mailbox()

"""What the rules of a store say of time and of the mailbox; see `rules`, whose part this is."""

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
    "in_the_way",
    "lease",
    "post",
    "sets_a_time",
    "stands_in_line",
    "took",
    "wake",
]


def wake(entry: Entry, write: Write) -> None:
    """Note what a write says of time."""
    time = 0 if write.wake is None else write.wake.at * 1000
    if write.wake is not None:
        entry.account = write.wake.account
    if time != entry.wake:
        entry.hidden = 0
    entry.wake = time
    entry.outlive_wake()


def sets_a_time(entry: Entry, write: Write) -> bool:
    """Return whether a write says a time that the index might not know."""
    if write.wake is None:
        return False
    return not entry.wake or write.wake.at * 1000 < entry.wake


# The claim of a turn that no message began --------------------------------------------------------


def stands_in_line(entry: Entry, asked: Claim) -> bool:
    """Return whether a claim is one that waits where it is refused."""
    seen = entry.seen.get(asked.key)
    return asked.fires is None or asked.arrival or (seen is not None and seen.waits)


def in_the_way(entry: Entry, asked: Claim, now: int, first: int | None = None) -> str | None:
    """Return the key of the message to which a firing leaves the turn, though nobody holds it.

    That is one that is cut off or kept, and may be repeated, or one that waits. A firing that
    stands in line leaves it only to those that came before it: those behind wait for it, and each
    would be in the way of the other for as long as messages come. None: there is none.

    Args:
        entry: The entry.
        asked: The firing's claim.
        now: The store's time.
        first: When it was first seen, if it stands in line.
    """

    def is_before(key: str) -> bool:
        seen = entry.seen.get(key)
        return first is None or seen is None or seen.first < first

    cut_off = entry.fence and entry.before is None and entry.holder != asked.key
    cut_off = cut_off and is_before(entry.holder)
    if cut_off and entry.until <= now < entry.until + LEFT_ALONE:
        return entry.holder
    found = [
        (seen.first, key)
        for key, seen in entry.seen.items()
        if key != asked.key
        and (seen.message or (first is None and seen.waits))
        and abs(now - seen.asked) <= LEFT_ALONE
        and is_before(key)
    ]
    return min(found)[1] if found else None


def begin(entry: Entry, asked: Claim, *, replaced: bool) -> None:
    """Note whose claim is granted, before it is."""
    if asked.fires is None:
        entry.before = None
    elif not replaced or entry.before is None:
        entry.before = "" if entry.fence else entry.holder
    entry.told = entry.mail


def answer(entry: Entry, asked: Commit) -> None:
    """Note that a turn is committed."""
    if asked.fires is not None:
        entry.read, entry.hidden = entry.told, 0
    elif entry.before is not None:
        entry.before = asked.key


def end(entry: Entry, key: str) -> None:
    """Note whose commit was the last thing to happen, where no claim is left."""
    entry.holder = key if entry.before is None else entry.before
    entry.before = None


def dismiss(entry: Entry) -> bool:
    """Leave no trace of a firing's claim that is given back; returns whether it is a firing's."""
    if entry.before is None:
        return False
    entry.seen.pop(entry.holder, None)
    entry.holder, entry.before = entry.before, None
    return True


# The index and the mailbox ------------------------------------------------------------------------


def lease(user: str, entry: Entry, now: int, *, span: int) -> Due:
    """Lease the user's entry of the index, which is due."""
    entry.hidden = now + span
    return Due(user, millis(entry.due), entry.hidden, entry.account)


def post(entry: Entry, asked: Post, there: int, now: int) -> Due:
    """Put a signal into the mailbox; to keep its body and id is the store's.

    Args:
        entry: Changed in place; its `mail` is then the signal's number.
        asked: The signal.
        there: How many are in the mailbox.
        now: The store's time.
    """
    if there >= asked.most:
        raise MailboxFull(asked.user, asked.most)
    if not asked.account:
        raise ValueError("Post.account must not be empty")
    entry.mail = max(now, 1 + max(entry.mail, entry.told, entry.read))
    entry.mail_until = max(entry.mail_until, now + micros(asked.kept))
    entry.account = asked.account
    entry.hidden = now + micros(asked.lease) if asked.lease else 0
    return Due(asked.user, millis(entry.due), entry.hidden, entry.account)


def took(entry: Entry, left: dict[int, int]) -> None:
    """Note what is left in the mailbox: until when each is kept, by number."""
    if left:
        entry.mail, entry.mail_until = max(left), max(left.values())
    else:
        entry.empty_mailbox()

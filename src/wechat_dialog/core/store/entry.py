"""Everything that a store's rules know of one user, without the bulk data.

Records, data and parked conversations are only counted or passed on, so that a store can keep them
anywhere. Times and durations are whole microseconds; nothing here reads a clock.

`Remembered` is not tracked by the garbage collector (`gc=False`): it holds bytes and a number. An
`Entry` is a dataclass, because a commit sets ten of its fields, and setting one of a
`msgspec.Struct` takes four times as long.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from wechat_dialog.core.store.values import Pending
from wechat_dialog.errors import ClaimLost

__all__ = [
    "AHEAD",
    "DEFERRED_KEPT",
    "LEFT_ALONE",
    "OUTLIVES_WAKE",
    "PLACE_KEPT",
    "SEEN_KEPT",
    "Entry",
    "Granted",
    "Remembered",
    "Seen",
    "micros",
    "millis",
    "seconds",
]


PLACE_KEPT = 1_000_000
"""A waiting message keeps its place in line for this long after it last asked."""
AHEAD = 60_000_000
"""A claim that expires further ahead than this (or than two leases) excludes nobody: it was granted
before the clock was set back.
"""
SEEN_KEPT = 60_000_000
"""A message is forgotten this long after it last asked."""
DEFERRED_KEPT = 86_400_000_000
"""How long a `defer`, and a message that is kept, waits for its commit: as long as a cut-off turn
and a held answer wait for their user.
"""
LEFT_ALONE = 20_000_000
"""For this long a firing yields to a message that is cut off or waits: the platform's last retry
comes within 15 s.
"""
OUTLIVES_WAKE = 7 * 86_400_000_000
"""Head and journal are kept for this long after something fell due: the processes that handle it
may have been down.
"""


@dataclass(slots=True)
class Seen:
    """A message that asked for its turn and is not answered yet, or whose reply may not have been
    delivered.

    Attributes:
        first: When it was first seen; unique per user, so that it is also the order of arrival.
        copies: How many requests carried it; once it is answered, how many were `Answered`.
        last_asked: When it last asked, or was deferred.
        waits: Whether its last answer was `Running`.
        message: What is kept of it for another worker; empty if nothing is.
        began: Fence of the first claim under which its turn may have had effects (its own claim, or
            a later one told to finish it). Such turns are finished before any other. 0: no effects
            yet.
        promised: Whether its user was told that an answer will come; if not, `message` is dropped
            when the claim is released.
        reply: Its reply, if it is answered and no request took the reply; empty if the reply became
            part of another message's answer, or `end` ended its turn without one. None: it is not
            answered yet.
        given_to: Fence of the last claim that was given the reply to deliver; 0: none.
    """

    first: int
    copies: int = 0
    last_asked: int = 0
    waits: bool = False
    message: bytes = b""
    began: int = 0
    promised: bool = False
    reply: bytes | None = None
    given_to: int = 0

    @property
    def pends(self) -> bool:
        """Whether its user is still to be told something: the message is kept, or its reply is."""
        return bool(self.message or self.reply)

    @property
    def rank(self) -> tuple[bool, int, int]:
        """Sort key: after workers died, the message with the smallest rank is finished first."""
        return not self.began, self.began, self.first

    @property
    def until(self) -> int:
        """When it is forgotten."""
        return self.last_asked + (DEFERRED_KEPT if self.pends else SEEN_KEPT)


class Remembered(msgspec.Struct, frozen=True, gc=False):
    """What is stored under a message's key.

    Attributes:
        reply: The reply to repeat, or None if the message was deferred.
        expires: When it is forgotten.
    """

    reply: bytes | None
    expires: int


@dataclass(slots=True)
class Entry:
    """Everything about one user except records, data, parked conversations and replies.

    Attributes:
        head: The head; empty if nothing is running.
        length: Number of records.
        revision: 0 if nothing is running.
        journal: Id of the journal; 0 if nothing is running.
        committed: When it was last committed (or begun, if it never was).
        expires: When head and journal are dropped.
        last: The greatest number issued so far as revision or fence.
        fence: The claim's fencing token; 0 if there is no claim.
        holder: Key of the message that holds the claim; without a claim, key of the message whose
            commit was the last event.
        until: When the claim expires.
        lost: How many consecutive claims expired before the current one.
        seen: The messages that are not answered yet, by key.
        before: Value to restore to `holder` when a firing's claim (`Claim.fires`) ends; None: the
            claim is a message's, or there is none.
        wake: When something of the head is due, in whole milliseconds; 0: never.
        account: The account whose index has the user, for the head or the mailbox.
        hidden: Until when the index does not return the user.
        mail: The greatest number in the mailbox, which is the time when it was posted, or slightly
            more; 0: the mailbox is empty.
        mail_until: When all signals in it have expired.
        aside: How many conversations are aside; counted by the store.
        mail_claimed: Value of `mail` when the claim was granted.
        read: The greatest number returned with a firing's claim whose turn was committed.
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
    before: str | None = None
    wake: int = 0
    account: str = ""
    hidden: int = 0
    mail: int = 0
    mail_until: int = 0
    aside: int = 0
    mail_claimed: int = 0
    read: int = 0

    def is_claimed(self, now: int) -> bool:
        """Whether there is an unexpired claim at `now`."""
        return self.fence != 0 and now < self.until

    def keeps_out(self, now: int, lease: int) -> bool:
        """Whether there is a claim for which others have to wait.

        One that would be valid for much longer than a lease was granted before the clock was set
        back; a worker that is alive will renew it to the proper time.
        """
        return self.is_claimed(now) and self.until - now <= max(2 * lease, AHEAD)

    @property
    def idle(self) -> int:
        """When neither the issued numbers nor the claim have to be remembered any more."""
        # An expired claim counts as lost when the next one is granted.
        return max(
            self.last + SEEN_KEPT, self.until + DEFERRED_KEPT if self.fence else 0, self.mail_until
        )

    def number(self, now: int) -> int:
        """Issue the next number: the time, but always greater than before, even if the clock jumps
        back.
        """
        self.last = max(self.last + 1, now)
        return self.last

    def drop(self) -> None:
        """Forget head and journal, and the head's times."""
        self.head = b""
        self.length = self.revision = self.journal = self.committed = self.expires = 0
        self.wake = self.aside = 0

    @property
    def rings(self) -> int:
        """From when on the index returns the user; 0: it does not."""
        first = self.due
        return first and max(first, self.hidden)

    @property
    def due(self) -> int:
        """From when on something of the user is due; 0: nothing is."""
        # A signal's number may be a few microseconds ahead of the time when it was posted.
        unread = self.mail // 1000 * 1000 if self.mail > self.read else 0
        return min(self.wake or unread, unread or self.wake)

    @property
    def is_timed(self) -> bool:
        """Whether there is anything about time to be stored."""
        noteworthy = self.wake or self.mail or self.aside or (self.mail_claimed and self.fence)
        return bool(noteworthy) or self.before is not None

    def empty_mailbox(self) -> None:
        """Note that the mailbox is empty."""
        self.mail = self.mail_until = self.read = 0

    def forget_expired(self, now: int) -> None:
        """Drop what has expired: head and journal after their ttl, messages that stopped asking.

        Every other function requires that this was called with the same `now`.
        """
        if self.revision and self.expires <= now:
            self.drop()
            if not self.fence:
                self.holder = ""
        if self.mail and self.mail_until <= now:
            self.empty_mailbox()
        for key in [k for k, seen in self.seen.items() if seen.until <= now]:
            del self.seen[key]

    def see(self, key: str, now: int) -> Seen:
        """Note that a message asks, or is deferred, and return it."""
        seen = self.seen.get(key)
        if seen is None:
            latest = max((other.first for other in self.seen.values()), default=0)
            seen = self.seen[key] = Seen(first=max(now, latest + 1))
        seen.last_asked = now
        return seen

    def first_in_line(self, key: str, first: int | None, now: int) -> str | None:
        """Return the key of the earliest other message that waits and came before `first`.

        None if there is none. If `first` is None, all waiting messages count.
        """
        earlier = [
            (other.first, name)
            for name, other in self.seen.items()
            if name != key
            and other.waits
            and abs(now - other.last_asked) <= PLACE_KEPT
            and (first is None or other.first < first)
        ]
        return min(earlier)[1] if earlier else None

    def pends(self) -> bool:
        """Return whether a message is kept that has no answer, or a reply that was not taken."""
        return any(seen.pends for seen in self.seen.values())

    def was_last(self, key: str) -> bool:
        """Whether nothing has happened since the message of `key` was answered."""
        return not self.fence and self.holder == key

    def outlive_claim(self) -> None:
        """Keep head and journal at least as long as the claim on them.

        Otherwise a turn that began just before the ttl would append its records to a journal that
        no longer exists.
        """
        if self.revision:
            self.expires = max(self.expires, self.until)

    def outlive_pending(self) -> None:
        """Keep head and journal as long as a message that may answer them, or a reply that ends
        with their question.
        """
        if self.revision:
            until = [seen.until for seen in self.seen.values() if seen.pends]
            self.expires = max([self.expires, *until])

    def outlive_wake(self) -> None:
        """Keep head and journal beyond the time when something of them is due."""
        if self.wake:
            self.expires = max(self.expires, self.wake + OUTLIVES_WAKE)

    def require_claim(self, fence: int, now: int) -> None:
        """Raise `ClaimLost` unless the claim of `fence` holds."""
        if fence == 0 or self.fence != fence or not self.is_claimed(now):
            raise ClaimLost(
                f"claim {fence} was taken over, released or ran out; nothing was written: "
                "start the turn again"
            )

    def pending_before(self, key: str, seen: Seen, now: int) -> tuple[Pending, ...]:
        """Return the kept messages whose turns come before that of `key`, in order."""
        earlier = sorted(
            (other.rank, name, other)
            for name, other in self.seen.items()
            if other.message and name != key and other.rank < seen.rank
        )
        return tuple(
            Pending(name, other.message, seconds(now - other.first)) for _, name, other in earlier
        )

    def untaken(self, key: str) -> list[Seen]:
        """Return the other messages whose replies were not taken, by arrival."""
        untaken = [seen for name, seen in self.seen.items() if seen.reply and name != key]
        return sorted(untaken, key=lambda seen: seen.first)


@dataclass(frozen=True, slots=True)
class Granted:
    """The part of a `Claimed` that `claim` decides."""

    fence: int
    since: int
    copies: int
    deferred: bool
    pending: tuple[Pending, ...]
    untaken: tuple[bytes, ...]


def micros(duration: float) -> int:
    """Turn seconds into microseconds."""
    return round(duration * 1e6)


def millis(time: int) -> int:
    """Turn a time in microseconds into milliseconds."""
    return time // 1000


def seconds(duration: int) -> float:
    """Turn microseconds into seconds; a negative duration (after a clock was set back) is 0."""
    return max(duration, 0) / 1e6

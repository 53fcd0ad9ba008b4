"""All that a store's rules know of one user, but the bulk.

Records, data and parked conversations are only counted or passed on, so that a store can keep them
where it likes. Times and durations are whole microseconds; nothing here reads a clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field

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
"""A waiting message keeps its place in line this long after it last asked."""
AHEAD = 60_000_000
"""A claim that expires further ahead than this (or than two leases) keeps nobody out: it was
granted before the clock was set back."""
SEEN_KEPT = 60_000_000
"""What is known of a message is forgotten this long after it last asked."""
DEFERRED_KEPT = 86_400_000_000
"""How long a `defer`, and a message that is kept, waits for its commit: as long as a cut-off
turn and a held answer wait for their user."""
LEFT_ALONE = 20_000_000
"""For so long a turn that no message began leaves one alone that is cut off or waits: the
platform's last repetition comes within 15 s."""
OUTLIVES_WAKE = 7 * 86_400_000_000
"""Head and journal are there for so long after something fell due: whoever takes it up may have
been away."""


@dataclass(slots=True)
class Seen:
    """A message that asked for its turn and is not answered yet, or whose reply may be in doubt.

    Attributes:
        first: When it was first seen; unique for its user, so that it is the order of arrival too.
        copies: How many requests carried it; once it is answered, how many were `Answered`.
        asked: When it last asked, or was deferred.
        waits: Whether its last answer was `Running`.
        message: What is kept of it for another worker; empty if nothing.
        began: Fence of the first claim under which its turn may have had effects (its own claim, or
            a later one told to finish it). Such turns are finished before any other. 0: no effects
            yet.
        promised: Whether its user was told that an answer will come; if not, `message` is dropped
            when the claim is released.
        reply: Its reply, where it is answered and no request took the reply; empty if the reply
            went into another message's answer. None: it is not answered yet.
        told: Fence of the last claim that was given the reply to deliver; 0: none.
    """

    first: int
    copies: int = 0
    asked: int = 0
    waits: bool = False
    message: bytes = b""
    began: int = 0
    promised: bool = False
    reply: bytes | None = None
    told: int = 0

    @property
    def pends(self) -> bool:
        """Whether its user still has to be told something: it is kept, or its reply is."""
        return bool(self.message or self.reply)

    @property
    def rank(self) -> tuple[bool, int, int]:
        """Sort key: after workers died, the message with the smallest rank is finished first."""
        return not self.began, self.began, self.first

    @property
    def until(self) -> int:
        """When it is forgotten."""
        return self.asked + (DEFERRED_KEPT if self.pends else SEEN_KEPT)


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is known under a message's key.

    Attributes:
        reply: The reply remembered, or None if the message was deferred.
        expires: When it is forgotten.
    """

    reply: bytes | None
    expires: int


@dataclass(slots=True)
class Entry:
    """Everything of one user except records, data, parked conversations and replies.

    Attributes:
        head: The head; empty if nothing is running.
        length: Number of records.
        revision: 0 if nothing is running.
        journal: Id of the journal; 0 if nothing is running.
        committed: When it was last committed (or begun, if it never was).
        expires: When head and journal are dropped.
        last: The greatest number issued as revision or fence so far.
        fence: The claim's fencing token; 0 if there is no claim.
        holder: Key of the message that holds the claim; if there is no claim, key of the message
            whose commit was the last thing to happen.
        until: When the claim expires.
        lost: How many claims in a row ran out before the one that holds.
        seen: The messages that are not answered yet, by key.
        before: What `holder` was when a firing's claim (`Claim.fires`) was granted, or is to be
            when it is given back; None: the claim is a message's, or there is none.
        wake: When something of the head can be done, in whole milliseconds; 0: nothing.
        account: The account whose index tells of it, or of the mailbox.
        hidden: Until when the index tells nobody of it.
        mail: The greatest number in the mailbox, which is the time when it was posted, or a little
            more; 0: the mailbox is empty.
        mail_until: When everything in it is over.
        aside: How many conversations are put aside beside the head; the store's own to count.
        told: What `mail` was when the claim was granted.
        read: The greatest number of which a firing's claim was told whose turn was committed.
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
    told: int = 0
    read: int = 0

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
        """When neither the numbers it issued nor its claim have to be remembered any more."""
        # A claim that ran out counts as lost when the next one is granted.
        return max(
            self.last + SEEN_KEPT, self.until + DEFERRED_KEPT if self.fence else 0, self.mail_until
        )

    def number(self, now: int) -> int:
        """Issue the next number: the time, but above all before it even if the clock jumps back."""
        self.last = max(self.last + 1, now)
        return self.last

    def drop(self) -> None:
        """Forget head and journal, and what the head said of time."""
        self.head = b""
        self.length = self.revision = self.journal = self.committed = self.expires = 0
        self.wake = self.aside = 0

    @property
    def rings(self) -> int:
        """From when on the index tells of the user; 0: it does not."""
        first = self.due
        return first and max(first, self.hidden)

    @property
    def due(self) -> int:
        """From when on something of the user can be done; 0: nothing can."""
        # A signal's number may be some microseconds ahead of the time when it was posted.
        unread = self.mail // 1000 * 1000 if self.mail > self.read else 0
        return min(self.wake or unread, unread or self.wake)

    @property
    def is_timed(self) -> bool:
        """Whether anything of this has to be remembered."""
        kept = self.wake or self.mail or self.aside or (self.told and self.fence)
        return bool(kept) or self.before is not None

    def empty_mailbox(self) -> None:
        """Know of no signal."""
        self.mail = self.mail_until = self.read = 0

    def forget_expired(self, now: int) -> None:
        """Drop what ran out: head and journal after their ttl, messages that stopped asking.

        Every other function expects that this was called with the same `now`.
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
        """Note that a message asks, or is deferred; return what is known of it."""
        seen = self.seen.get(key)
        if seen is None:
            latest = max((other.first for other in self.seen.values()), default=0)
            seen = self.seen[key] = Seen(first=max(now, latest + 1))
        seen.asked = now
        return seen

    def first_in_line(self, key: str, first: int | None, now: int) -> str | None:
        """Return the key of the earliest other message that waits and came before `first`.

        None if there is none. With None for `first`, whenever it came.
        """
        earlier = [
            (other.first, name)
            for name, other in self.seen.items()
            if name != key
            and other.waits
            and abs(now - other.asked) <= PLACE_KEPT
            and (first is None or other.first < first)
        ]
        return min(earlier)[1] if earlier else None

    def pends(self) -> bool:
        """Return whether a message is kept that has no answer, or a reply that nobody took."""
        return any(seen.pends for seen in self.seen.values())

    def was_last(self, key: str) -> bool:
        """Whether nothing has happened since the message of `key` was answered."""
        return not self.fence and self.holder == key

    def outlive_claim(self) -> None:
        """Keep head and journal at least as long as the claim on them.

        Else a turn that began just before the ttl would append its records to a journal that is
        gone.
        """
        if self.revision:
            self.expires = max(self.expires, self.until)

    def outlive_pending(self) -> None:
        """Keep head and journal as long as a message that may be an answer to them, or a reply that
        ends with their question.
        """
        if self.revision:
            until = [seen.until for seen in self.seen.values() if seen.pends]
            self.expires = max([self.expires, *until])

    def outlive_wake(self) -> None:
        """Keep head and journal beyond the time when something of them can be done."""
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
        """Return the kept messages whose turns come before that of `key`, first the first."""
        found = sorted(
            (other.rank, name, other)
            for name, other in self.seen.items()
            if other.message and name != key and other.rank < seen.rank
        )
        return tuple(
            Pending(name, other.message, seconds(now - other.first)) for _, name, other in found
        )

    def untaken(self, key: str) -> list[Seen]:
        """Return the other messages whose replies nobody took, by arrival."""
        found = [seen for name, seen in self.seen.items() if seen.reply and name != key]
        return sorted(found, key=lambda seen: seen.first)


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
    """Turn microseconds into seconds; a negative duration (a clock set back) is 0."""
    return max(duration, 0) / 1e6

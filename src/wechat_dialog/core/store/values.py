"""The values of the store's contract, and the underlying model of a store. Its methods are in
`core/store/contract.py`.

A store keeps one *entry* per user: a `head` (opaque bytes), a *journal* (a list of records, bytes,
only ever appended to or cut at its end), conversations *aside* or *parked*, the user's `data`, a
*mailbox* of signals, the replies of the last minute by message key, and at most one *claim*. It
knows nothing of dialogs. Every write gets a new *revision*, a number that is never used twice for
one user, not even after the entry was dropped; so one comparison shows that nothing has changed. An
*index* by account has the users for whom something is due, because their head says so
(`Write.wake`) or a signal came that no firing has seen.

All times are by the store's own clock. Every sentence of this file, of `times` and of `kept` is a
test in `wechat_dialog.testing.StoreContract`, races included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import msgspec

from wechat_dialog.errors import StoreError

from .kept import Aside, Parked
from .times import Due, Mail, Wake

__all__ = [
    "LOOK_HOLDS",
    "NOTHING",
    "Answered",
    "Claim",
    "Claimed",
    "Commit",
    "Committed",
    "Conflict",
    "Deferred",
    "Have",
    "Pending",
    "RenewsAll",
    "Running",
    "Unclaimed",
    "Write",
    "checksum",
]


class Have(msgspec.Struct, frozen=True):
    """The part of a journal that a caller has already.

    Attributes:
        journal: `Claimed.journal` or `Committed.journal` at the time of reading; 0 if the caller
            has nothing.
        length: Number of records that the caller has.
        last: Checksum of the last of them; "" is not compared. It shows that the store was reset to
            an earlier state (a failover that lost writes, a restored snapshot), and that other
            records have replaced those that the caller has.
    """

    journal: int = 0
    length: int = 0
    last: str = ""


def checksum(record: bytes) -> str:
    """Return a record's checksum for `Have.last`: the first eight hexadecimal digits of its SHA-1.
    Redis' Lua has no CRC32.
    """
    import hashlib  # brings OpenSSL, which nothing else needs when a bot is made

    return hashlib.sha1(record, usedforsecurity=False).hexdigest()[:8]


NOTHING = Have()

LOOK_HOLDS = 30.0
"""Seconds for which a commit may rely on a look that found no entry; see `Commit.looked`."""


class Claim(msgspec.Struct, frozen=True):
    """A request for the user's turn for one message; see `Store.claim`.

    Attributes:
        user: The user's key.
        key: The message's key.
        lease: Seconds until the claim expires unless renewed.
        have: The part of the journal that the caller has, so that only the rest is sent.
        arrival: True for the first claim of a request, which counts as one more copy of the
            message; False for the same request asking again.
        optimistic: True: the caller would rather read than claim. If an entry exists, nothing is
            known of this message, and no other message asks, waits, is pending or has left a claim
            behind, the answer is `Unclaimed`: nothing is written, and the same request may ask
            again as if for the first time. A store may claim nevertheless if the caller has part of
            another journal. False: never.
        absent: Whether an optimistic claim is also `Unclaimed` if there is no entry, and nothing of
            the above is the case. A store that still has what has expired may claim.
        message: What to keep of the message while it is claimed, opaque bytes: if its worker dies,
            the next claim for another message returns it (`Claimed.pending`), and head and journal
            are kept for a day. It is removed by the commit and by `release`. Empty: it is not kept.
        instead: Fence of a claim of the caller that is in doubt because the store failed. If nobody
            has claimed since, the new claim replaces it at once: whether it is still valid or has
            expired, before any waiting message, and without counting as a lost claim. Writes still
            on their way under the old fence are then refused. 0: there is none.
        fires: The index entry for which the turn is requested, if no message began it; None for a
            message's turn. Such a claim does not queue, and leaves no trace if it is refused,
            unless `arrival` says that it queues from now on. It is also refused for 20 s after
            another message that is kept or waits has asked, and after the claim of a message's turn
            has expired, because a retry of that message should find the turn free. For
            `Store.untaken` it does not count as an event, and it is not given replies that were not
            taken.
    """

    user: str
    key: str
    lease: float
    have: Have = NOTHING
    arrival: bool = True
    optimistic: bool = False
    absent: bool = False
    message: bytes = b""
    instead: int = 0
    fires: Due | None = None


class Write(msgspec.Struct, frozen=True):
    """One atomic change of a user's entry.

    Attributes:
        head: The new head. Empty: the user has nothing running; head and journal are dropped, and
            with them conversations aside, while data, parked conversations, the mailbox and
            remembered replies stay.
        records: Records to append, in order. May be empty.
        keep: How many leading records of the journal stay before `records` are appended; None: all
            of them.
        ttl: Seconds after which the store itself may drop head and journal, counted from this
            write; never while a claim on them is valid, nor until a week after `wake`.
        data: New value of the user's data; None leaves it unchanged, empty removes it. Data never
            expires.
        park: Conversations to park, each under its id, replacing one with the same id. Those of one
            write count as parked in the order of their ids.
        unpark: Ids of parked conversations to remove; a missing one is not an error.
        forget: Whether this write removes everything about the user, including data, mailbox and
            parked conversations. `head` is then empty, and nothing else is set; only with `commit`.
            Replies stay for as long as they are remembered, and so do the issued numbers. Messages
            that came later and wait for their turn are those of a new user.
        wake: When something of the user is due next; it is a property of the whole head, so each
            write sets it again. None: never, and always with an empty head.
        aside: Conversations to put aside, each under its id, replacing one with the same id. Empty
            if `head` is empty.
        unaside: Ids of conversations aside to remove, before those of `aside` are added; a missing
            one is not an error.
        taken: Numbers of signals to remove from the mailbox; a missing one is not an error. Only
            under a claim.
        refused: The ids of those of them whose senders are told that they were refused: the same
            ids may be posted again.
        ended: Idempotency keys of steps that have ended: their parts are removed.
    """

    head: bytes
    records: tuple[bytes, ...] = ()
    keep: int | None = None
    ttl: float = 60.0
    data: bytes | None = None
    park: tuple[Parked, ...] = ()
    unpark: tuple[str, ...] = ()
    forget: bool = False
    wake: Wake | None = None
    aside: tuple[Aside, ...] = ()
    unaside: tuple[str, ...] = ()
    taken: tuple[int, ...] = ()
    refused: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()


class Commit(msgspec.Struct, frozen=True):
    """The end of a turn; see `Store.commit`.

    Attributes:
        user: The user's key.
        key: The message's key.
        write: The change.
        reply: What copies of the message get for `remember` seconds.
        fence: Fencing token of the claim. 0: there is none (the fast path); the write is then done
            only if `revision` is the entry's, its age is at most `max_age`, there is no claim and
            nobody waits for one, no other message is pending, no other's reply is untaken, the
            mailbox is empty, and the index knows `write.wake`: it is not earlier than the stored
            one. A turn that sets a time has to claim.
        revision: Only with `fence` 0. 0: there was no entry. The write is then done only if there
            is still none, and the next two hold.
        issued: `Unclaimed.issued`, still the greatest number; only with `revision` 0.
        looked: `Unclaimed.now`, at most `LOOK_HOLDS` seconds ago; only with `revision` 0.
        max_age: Seconds; only with `fence` 0; None sets no limit.
        deferred: Whether the caller knows that the reply has to be held for later.
        release: False keeps the claim for another message's turn.
        remember: Seconds for which the reply is remembered.
        taken: False: no request waits for the reply. It is then kept, with head and journal, for a
            day, and every claim for another message returns it (`Claimed.untaken`), until something
            was written under one of them, or a copy of this message is `Answered` with it. A copy
            that comes under such a claim, or later, or after `remember` seconds, gets an empty one.
        fires: The index entry for which the turn was, if no message began it: no reply is
            remembered, `age` is not changed, and after the write that entry is removed from the
            index, unless `write.wake` needs it. The signals that the claim returned count as seen:
            they make nothing due any more. Only with a `fence`. None: the turn of a message.
    """

    user: str
    key: str
    write: Write
    reply: bytes
    fence: int = 0
    revision: int = 0
    issued: int = 0
    looked: int = 0
    max_age: float | None = None
    deferred: bool = False
    release: bool = True
    remember: float = 60.0
    taken: bool = True
    fires: Due | None = None


class Pending(msgspec.Struct, frozen=True):
    """A message whose worker died, and that has no answer yet.

    Attributes:
        key: Its key.
        message: What was given to `claim` or `defer`.
        since: Seconds since it was first seen, as in `Claimed`: the worker that finishes its turn
            must consider the same conversations expired as the one that began it.
    """

    key: str
    message: bytes
    since: float = 0.0


class Claimed(msgspec.Struct, frozen=True):
    """The turn is granted to the caller.

    Attributes:
        fence: Fencing token, above any of the user's before, not below the message's first sight.
        revision: Revision of the entry; 0 if there is none.
        journal: Id of the journal: it changes whenever records are dropped from it, and is never
            reused. 0 if there is none.
        length: Number of records in the journal.
        head: The head; empty if there is none.
        records: The records after those of `Have`; all of them if `Have` was of another journal, of
            more records than there are, or of other records.
        data: The user's data; empty if there is none.
        age: Seconds since the last commit of the entry (a `record` does not count, unless it began
            the entry and no commit followed); 0.0 if there is no entry.
        deferred: Whether `defer` was called for this message: its reply has to be held, since no
            request listens.
        since: Seconds since the message was first seen; see `Running`.
        copies: How many requests with this message were seen, this one included.
        pending: Other messages of the user that were kept at their claim or by `defer` and have no
            answer, because their worker died. Their turns come first, each committed under its own
            key. First those that had a claim before, or were pending for one, since a part of their
            turn may be done (this message comes first, too, if it had one); then the others, by
            arrival.
        lost: How many consecutive claims before this one expired without a write under them: a turn
            that kills its worker at each attempt.
        untaken: Replies to other messages that were not taken, by the arrival of these; the caller
            has to deliver them. The first write under this claim is assumed to contain them;
            without a write, the next claim returns them again.
        now: The store's clock at its answer, in ms since the epoch.
        signals: The mailbox, oldest first.
        aside: The conversations aside, in the order of their ids.
    """

    fence: int
    revision: int
    journal: int
    length: int
    head: bytes
    records: tuple[bytes, ...]
    data: bytes
    age: float
    deferred: bool
    since: float
    copies: int
    pending: tuple[Pending, ...] = ()
    lost: int = 0
    untaken: tuple[bytes, ...] = ()
    now: int = 0
    signals: tuple[Mail, ...] = ()
    aside: tuple[Aside, ...] = ()


class Unclaimed(msgspec.Struct, frozen=True):
    """The entry, for a turn that commits without a claim; nothing was written.

    Attributes:
        revision: As in `Claimed`: to be passed to `commit`. 0 only if `Claim.absent` allowed it.
        journal: As in `Claimed`.
        length: As in `Claimed`.
        head: As in `Claimed`.
        records: As in `Claimed`: those that the caller lacks.
        data: As in `Claimed`.
        age: As in `Claimed`.
        now: As in `Claimed`.
        issued: If there is no entry, the greatest number issued for the user; 0: none is known.
    """

    revision: int
    journal: int
    length: int
    head: bytes
    records: tuple[bytes, ...]
    data: bytes
    age: float
    now: int = 0
    issued: int = 0


class Answered(msgspec.Struct, frozen=True):
    """This very message was answered already. The caller of `claim` or `defer` has to deliver the
    reply.

    Attributes:
        reply: The reply given to `commit`; empty if it comes with another message's answer.
    """

    reply: bytes


class Running(msgspec.Struct, frozen=True):
    """The user's turn belongs to another request now: ask again soon.

    Attributes:
        key: Key of the message whose turn it is (the caller's own, or an earlier one's).
        since: Seconds since the caller's message was first seen; above 0 unless that is now.
        copies: How many requests with the caller's message were seen, this one included.
    """

    key: str
    since: float
    copies: int


class Committed(msgspec.Struct, frozen=True):
    """The write is done.

    Attributes:
        revision: The entry's new revision; 0 if the write left no head.
        journal: Id of its journal.
        dropped: Ids of parked conversations that were dropped for lack of room, oldest first.
        now: The store's clock at the write, in ms since the epoch; 0 if it left no head.
        mail: Whether the mailbox has a signal that came after the claim, and was therefore not
            returned by it. Always False without a claim.
    """

    revision: int
    journal: int
    dropped: tuple[str, ...] = ()
    now: int = 0
    mail: bool = False


class Conflict(msgspec.Struct, frozen=True):
    """A commit without a claim was refused: the entry is not, or not certainly, as expected.

    Nothing was written.
    """


class Deferred(msgspec.Struct, frozen=True):
    """A commit was refused: `defer` was called for its message, and the caller did not know.

    Nothing was written.
    """


@runtime_checkable
class RenewsAll(Protocol):
    """An optional ability of a `Store`: to renew the claims of many turns at once.

    A process with hundreds of turns in their steps has to renew as many claims every second. For a
    store without this, `renew` is called for each of them, one after another, which is sufficient
    if it takes no round trip.
    """

    def renew_all(
        self, claims: Sequence[tuple[str, int]], lease: float, within: float
    ) -> list[StoreError | None]:
        """Let each claim expire `lease` seconds from now, in as few round trips as there are
        servers.

        A server that does not answer must not keep claims on other servers from being renewed. An
        empty list is allowed, too: it is an opportunity to find out where the servers are.

        Args:
            claims: User and fence of each.
            lease: Seconds.
            within: Seconds after which it returns, with the answers so far.

        Returns:
            For each claim, in their order: None, or what `renew` would have raised.
        """
        ...

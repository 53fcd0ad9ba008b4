"""The values of the store's contract, and the model of a store behind them. Its methods are in
`core/store/contract.py`.

A store keeps one *entry* per user: a `head` (bytes the store never reads), a *journal* (a list
of records, bytes, only ever appended to or cut at its end), conversations put *aside* or *parked*,
the user's `data`, a *mailbox* of signals from outside, the replies of the last minute by message
key, and at most one *claim*. It knows nothing of dialogs. Every write gets a new *revision*, a
number that is never used twice for one user, not even after the entry was dropped; so "nobody moved
it meanwhile" is one comparison. An *index* by account tells of whom something is due: their head
says so (`Write.wake`), or a signal came that nobody has looked at.

Times are the store's own clock throughout. Every sentence of this file, of `times` and of `kept` is
a test in `wechat_dialog.testing.StoreContract`, races included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import msgspec

from wechat_dialog.errors import StoreError

from .kept import Aside, Parked
from .times import Due, Mail, Wake

__all__ = [
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
    """The part of a journal that a caller holds already.

    Attributes:
        journal: `Claimed.journal` or `Committed.journal` of when it was read; 0 if nothing is held.
        length: Number of records held.
        last: Checksum of the last of them; "" is not compared. It tells that a store went back in
            time (a failover that lost writes, a restored snapshot), and that other records have
            come since in the place of those that are held.
    """

    journal: int = 0
    length: int = 0
    last: str = ""


def checksum(record: bytes) -> str:
    """Return a record's checksum for `Have.last`: the first eight hexadecimal digits of its SHA-1.

    Not CRC32, which Redis' Lua does not have.
    """
    import hashlib  # brings OpenSSL, which nothing else needs when a bot is made

    return hashlib.sha1(record, usedforsecurity=False).hexdigest()[:8]


NOTHING = Have()


class Claim(msgspec.Struct, frozen=True):
    """A question for the user's turn for one message; see `Store.claim`.

    Attributes:
        user: The user's key.
        key: The message's key.
        lease: Seconds until the claim expires unless renewed.
        have: What of the journal the caller holds, so that only the rest is sent.
        arrival: True for the first question of a request, which counts as one more copy of the
            message; False for the same request asking again.
        optimistic: True: the caller would rather read than claim. Where an entry is there,
            nothing is known of this message, and no other asks, waits, is pending or has left a
            claim behind, the answer is `Unclaimed`: nothing is written, and the same request may
            ask again as if for the first time. False, or `have` of any journal: never.
        message: What to keep of the message while it is claimed, bytes the store never reads:
            should its worker die, the next claim for another message is told of it
            (`Claimed.pending`), and head and journal are there for a day. It goes with the commit,
            and with `release`. Empty: it is not kept.
        instead: Fence of a claim that the caller had and cannot be sure of any more, since the
            store failed it. Where nobody has claimed since, the new claim is given for it at once:
            whether it still holds or ran out, before any message that waits, and without counting
            as one that was lost. What is still on its way under the old number is refused from then
            on. 0: there is none.
        fires: The entry of the index for which the turn is asked, where no message began it; None
            for a message's. Such a claim never stands in line, and leaves no trace where it is
            refused, unless `arrival` says that it does stand in line from now on. It is refused
            also for 20 s after another message that is kept has asked, or one that waits, and after
            the claim of a message's turn ran out: whoever repeats that one is to find it. It counts
            as nothing that happened, for `Store.untaken`, and no reply that nobody took is told to
            it.
    """

    user: str
    key: str
    lease: float
    have: Have = NOTHING
    arrival: bool = True
    optimistic: bool = False
    message: bytes = b""
    instead: int = 0
    fires: Due | None = None


class Write(msgspec.Struct, frozen=True):
    """One change of a user's entry, all of it or nothing.

    Attributes:
        head: The new head. Empty: the user has nothing running; head and journal are dropped, and
            with them what is put aside, while data, parked conversations, the mailbox and
            remembered replies stay.
        records: Records to append, in order. May be empty.
        keep: How many leading records of the journal stay before `records` are appended; None keeps
            all of them.
        ttl: Seconds after which head and journal may be dropped by the store itself, counted from
            this write; never while a claim on them holds, nor before `wake` is a week ago.
        data: New value of the user's data; None leaves it, empty removes it. Data never expires.
        park: Conversations to put away, each under its id; it replaces one of the same id. Those of
            one write count as put away in the order of their ids.
        unpark: Ids of parked conversations to remove; one that is not there is no error.
        forget: Whether everything of the user goes, data, mailbox and parked conversations
            included, with this very write. `head` is empty then, and nothing else is set; only with
            `commit`. What stays: replies, for as long as they are remembered, and the numbers given
            out. Messages that came later and wait for their turn are a new user's.
        wake: When something of the user can be done next; of the whole head, and so said anew by
            each write. None: nothing, and always so with an empty head.
        aside: Conversations to put aside, each under its id; it replaces one of the same id. None
            with an empty head.
        unaside: Ids of conversations put aside to remove, before those of `aside` are added; one
            that is not there is no error.
        taken: Numbers of signals to remove from the mailbox; one that is not there is no error.
            Only under a claim.
        ended: Idempotency keys of steps that have ended: their parts go.
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
    ended: tuple[str, ...] = ()


class Commit(msgspec.Struct, frozen=True):
    """The end of a turn; see `Store.commit`.

    Attributes:
        user: The user's key.
        key: The message's key.
        write: The change.
        reply: What copies of the message get for `remember` seconds.
        fence: Fencing token of the claim. 0: there is none (the fast path); then the write is done
            only if `revision` is the entry's, its age is at most `max_age`, nobody holds a claim,
            nobody waits for one, no other message is pending, no other's reply is untaken, the
            mailbox is empty, and `write.wake` is none that the index might not know: not earlier
            than the one there, if there is one. A turn that sets a time claims.
        revision: Only with `fence` 0; never 0 then.
        max_age: Seconds; only with `fence` 0; None sets no limit.
        deferred: Whether the caller knows that the reply has to be held for later.
        release: False keeps the claim for another message's turn.
        remember: Seconds the reply is remembered.
        taken: False: no request waits for the reply. Then it is kept, with head and journal, for a
            day, and every claim for another message is told of it (`Claimed.untaken`), until
            something was written under one of them, or a copy of this message is `Answered` with
            it. A copy that comes while such a claim holds, or later, gets an empty reply.
        fires: The entry of the index for which the turn was, where no message began it: no reply is
            remembered, `age` is left as it was, and after the write that very entry leaves the
            index, if it is not needed for `write.wake` too. What the claim was told of the mailbox
            counts as looked at: it makes nothing due any more. Only with a `fence`. None: the turn
            of a message.
    """

    user: str
    key: str
    write: Write
    reply: bytes
    fence: int = 0
    revision: int = 0
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
        message: What `claim` or `defer` was given of it.
        since: Seconds since it was first seen, as in `Claimed`: whoever finishes its turn is to
            find the same conversations over as whoever began it.
    """

    key: str
    message: bytes
    since: float = 0.0


class Claimed(msgspec.Struct, frozen=True):
    """The turn is the caller's.

    Attributes:
        fence: Fencing token of this claim, greater than any before it for this user.
        revision: Revision of the entry; 0 if there is none.
        journal: Id of the journal: it changes whenever records are dropped from it, and never comes
            back. 0 if there is none.
        length: Number of records in the journal.
        head: The head; empty if there is none.
        records: The records after those of `Have`; all of them if `Have` was of another journal, of
            more records than there are, or of others.
        data: The user's data; empty if there is none.
        age: Seconds since the last commit of the entry (a `record` does not count, unless it began
            the entry and no commit followed); 0.0 if there is no entry.
        deferred: Whether `defer` was called for this message: its reply has to be held, nobody is
            listening.
        since: Seconds since the message was first seen.
        copies: How many requests with this message were seen, this one included.
        pending: Other messages of the user that were kept at their claim or by `defer` and have no
            answer: their worker is gone. Their turns come first, each committed under its own key.
            First those that had a claim before, or were pending for one, since part of their turn
            may be done (this one too, if it had); then the others, by arrival.
        lost: How many claims in a row ran out before this one, with nothing written under them
            since: a turn that kills its worker each time it is tried.
        untaken: Replies to other messages that nobody took, by the arrival of these; they are the
            caller's to deliver. The first write under this claim is taken to keep them; where there
            is none, the next claim is told of them again.
        now: The store's clock at its answer, in ms since the epoch.
        signals: The mailbox, oldest first.
        aside: The conversations that are put aside, in the order of their ids.
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
        revision: As in `Claimed`, but never 0: to be handed to `commit`.
        journal: As in `Claimed`.
        length: As in `Claimed`.
        head: As in `Claimed`.
        records: The whole journal.
        data: As in `Claimed`.
        age: As in `Claimed`.
        now: As in `Claimed`.
    """

    revision: int
    journal: int
    length: int
    head: bytes
    records: tuple[bytes, ...]
    data: bytes
    age: float
    now: int = 0


class Answered(msgspec.Struct, frozen=True):
    """This very message was answered already. Whoever called `claim` or `defer` has to deliver the
    reply.

    Attributes:
        reply: What `commit` was given; empty if it comes with another message's answer.
    """

    reply: bytes


class Running(msgspec.Struct, frozen=True):
    """The user's turn belongs to another request now: ask again soon.

    Attributes:
        key: Key of the message whose turn it is (the caller's own, or an earlier one's).
        since: Seconds since the caller's message was first seen.
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
        dropped: Ids of parked conversations for which there was no room any more, oldest first.
        now: The store's clock at the write, in ms since the epoch; 0 if it left no head.
        mail: Whether the mailbox has a signal that came after the claim, and of which it was
            therefore not told. Without a claim always False.
    """

    revision: int
    journal: int
    dropped: tuple[str, ...] = ()
    now: int = 0
    mail: bool = False


class Conflict(msgspec.Struct, frozen=True):
    """A commit without a claim was refused: the entry is not, or not safely, as expected.

    Nothing was written.
    """


class Deferred(msgspec.Struct, frozen=True):
    """A commit was refused: `defer` was called for its message, and the write does not know.

    Nothing was written.
    """


@runtime_checkable
class RenewsAll(Protocol):
    """What a `Store` may be able to do besides: renew the claims of many turns at once.

    A process with hundreds of turns in their steps has that many claims to renew every second. A
    store without this has `renew` called for each of them, one after another; enough where that
    takes no round trip.
    """

    def renew_all(
        self, claims: Sequence[tuple[str, int]], lease: float, within: float
    ) -> list[StoreError | None]:
        """Let each claim expire `lease` seconds from now, in as few round trips as there are
        servers to ask.

        A server that does not answer keeps none of the others' claims from being renewed. Nothing
        at all to renew is allowed too: a chance to find out where the servers are.

        Args:
            claims: User and fence of each.
            lease: Seconds.
            within: Seconds after which it returns, whatever was answered by then.

        Returns:
            For each claim, in their order: None, or what `renew` would have raised.
        """
        ...

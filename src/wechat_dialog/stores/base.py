"""The store's contract: where conversations and claims live between two messages.

A store keeps one *document* per user: a `head` (bytes the store never reads), a *journal* (a list
of records, bytes, only ever appended to or cut at its end), the user's `data`, the replies of the
last minute by message key, and at most one *claim*. It knows nothing of dialogs. Every write gets a
new *revision*, a number that is never used twice for one user, not even after the document was
dropped; so "nobody moved it meanwhile" is one comparison.

Times are the store's own clock throughout; callers only ever see durations, in seconds. Every
sentence of this file is a test in `wechat_dialog.testing.StoreContract`, races included. There is
nothing to inherit: any object with these methods is a store.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import msgspec

__all__ = [
    "NOTHING",
    "Answered",
    "AsyncStore",
    "Claimed",
    "Committed",
    "Conflict",
    "Deferred",
    "Have",
    "Parked",
    "Pending",
    "Running",
    "Shown",
    "Store",
    "Stored",
    "Unclaimed",
    "Write",
]


class Have(msgspec.Struct, frozen=True):
    """The part of a journal that a caller holds already.

    Attributes:
        journal: `Claimed.journal` or `Committed.journal` of when it was read; 0 if nothing is held.
        length: Number of records held.
    """

    journal: int = 0
    length: int = 0


NOTHING = Have()


class Write(msgspec.Struct, frozen=True):
    """One change of a user's document, all of it or nothing.

    Attributes:
        head: The new head. Empty: the user has nothing running; head and journal are dropped, while
            data, parked conversations and remembered replies stay.
        records: Records to append, in order. May be empty.
        keep: How many leading records of the journal stay before `records` are appended; None keeps
            all of them.
        ttl: Seconds after which head and journal may be dropped by the store itself, counted from
            this write; never while a claim on them holds.
        data: New value of the user's data; None leaves it, empty removes it. Data never expires.
        park: A conversation to put aside under its id; it replaces one of the same id.
        unpark: Id of a parked conversation to remove; one that is not there is no error.
    """

    head: bytes
    records: tuple[bytes, ...] = ()
    keep: int | None = None
    ttl: float = 60.0
    data: bytes | None = None
    park: Parked | None = None
    unpark: str | None = None


class Parked(msgspec.Struct, frozen=True):
    """A conversation put aside.

    Attributes:
        id: Id of the conversation, unique for its user.
        document: Everything of it, bytes the store never reads.
        ttl: Seconds it is kept.
    """

    id: str
    document: bytes
    ttl: float = 7 * 86400.0


class Pending(msgspec.Struct, frozen=True):
    """A message whose worker died, and that has no answer yet.

    Attributes:
        key: Its key.
        message: What `claim` or `defer` was given of it.
    """

    key: str
    message: bytes


class Claimed(msgspec.Struct, frozen=True):
    """The turn is the caller's.

    Attributes:
        fence: Number of this claim, greater than any before it for this user.
        revision: Revision of the document; 0 if there is none.
        journal: Id of the journal: it changes whenever records are dropped from it, and never comes
            back. 0 if there is none.
        length: Number of records in the journal.
        head: The head; empty if there is none.
        records: The records after those of `Have`; all of them if `Have` was of another journal.
        data: The user's data; empty if there is none.
        age: Seconds since the last commit of the document (a `record` does not count, unless it
            began the document and no commit followed); 0.0 if there is no document.
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


class Unclaimed(msgspec.Struct, frozen=True):
    """The document, for a turn that commits without a claim; nothing was noted down.

    Attributes:
        revision: As in `Claimed`, but never 0: to be handed to `commit`.
        journal: As in `Claimed`.
        length: As in `Claimed`.
        head: As in `Claimed`.
        records: The whole journal.
        data: As in `Claimed`.
        age: As in `Claimed`.
    """

    revision: int
    journal: int
    length: int
    head: bytes
    records: tuple[bytes, ...]
    data: bytes
    age: float


class Answered(msgspec.Struct, frozen=True):
    """This very message was answered already.

    Attributes:
        reply: What `commit` was given.
    """

    reply: bytes


class Running(msgspec.Struct, frozen=True):
    """The user's turn is somebody else's now: ask again soon.

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
        revision: The document's new revision, 0 if the write left none.
        journal: Id of its journal.
    """

    revision: int
    journal: int


class Conflict(msgspec.Struct, frozen=True):
    """A commit without a claim was refused: the document is not, or not safely, as expected.

    Nothing was written.
    """


class Deferred(msgspec.Struct, frozen=True):
    """A commit was refused: `defer` was called for its message, and the write does not know.

    Nothing was written.
    """


class Stored(msgspec.Struct, frozen=True):
    """One line of a listing.

    Attributes:
        user: The user's key.
        head: The head; empty if only parked conversations are there.
        length: Number of records.
        age: Seconds since the last commit; 0.0 if only parked conversations are there.
        ttl: Seconds until the store drops head and journal, else the last of the parked
            conversations.
        parked: Ids of parked conversations, oldest first.
    """

    user: str
    head: bytes
    length: int
    age: float
    ttl: float
    parked: tuple[str, ...] = ()


class Shown(msgspec.Struct, frozen=True):
    """Everything of one user.

    Attributes:
        head: The head; empty if there is none.
        records: The whole journal.
        data: The user's data; empty if there is none.
        age: Seconds since the last commit; 0.0 if there is no head.
        ttl: Seconds until head and journal are dropped; 0.0 if there is no head.
        parked: Parked conversations by id, oldest first, each with the seconds it is still kept as
            its `ttl`.
    """

    head: bytes
    records: tuple[bytes, ...]
    data: bytes
    age: float
    ttl: float
    parked: dict[str, Parked] = msgspec.field(default_factory=dict[str, Parked])


class Store(Protocol):
    """What every store promises.

    `user` is a key made of account and OpenID (not empty, any text); `key` is the key of a message.
    Every method raises `errors.StoreError`, the driver's error chained, if the store itself fails;
    then the write was either done or not, never half. Methods may be called from any thread and any
    process, after a fork too.
    """

    def claim(
        self,
        user: str,
        key: str,
        *,
        lease: float,
        have: Have = NOTHING,
        arrival: bool = True,
        optimistic: bool = False,
        message: bytes = b"",
    ) -> Claimed | Unclaimed | Answered | Running:
        """Ask for the user's turn for one message. One round trip.

        Granted if nobody holds an unexpired claim and no other message of this user waits with a
        fresher right: a message refused with `Running` keeps its place in order of arrival as long
        as it asks again at least once a second. Granted too if an expired claim was for another
        message: that turn was interrupted.

        Args:
            user: The user's key.
            key: The message's key.
            lease: Seconds until the claim expires unless renewed.
            have: What of the journal the caller holds, so that only the rest is sent.
            arrival: True for the first question of a request, which counts as one more copy of the
                message; False for the same request asking again.
            optimistic: True: the caller would rather read than claim. Where a document is there,
                nothing is known of this message, and no other asks, waits, is pending or has left a
                claim behind, the answer is `Unclaimed`: nothing is written, and the same request
                may ask again as if for the first time. False, or `have` of any journal: never.
            message: What to keep of the message while it is claimed, bytes the store never reads:
                should its worker die, the next claim for another message is told of it
                (`Claimed.pending`), and head and journal are there for a day. It goes with the
                commit, and with `release`. Empty: it is not kept.
        """
        ...

    def record(self, user: str, fence: int, write: Write) -> Committed:
        """Write in the middle of a turn, so that a crash repeats less.

        The claim stays, and `age` is left as it was.

        Raises:
            ClaimLost: The claim is not, or no longer, that of `fence`: taken over, released or
                expired.
        """
        ...

    def commit(
        self,
        user: str,
        key: str,
        write: Write,
        *,
        reply: bytes,
        fence: int = 0,
        revision: int = 0,
        max_age: float | None = None,
        deferred: bool = False,
        release: bool = True,
        remember: float = 60.0,
    ) -> Committed | Answered | Conflict | Deferred:
        """End a turn: write, remember the reply under the message's key, release the claim.

        One round trip.

        Args:
            user: The user's key.
            key: The message's key.
            write: The change.
            reply: What copies of the message get for `remember` seconds.
            fence: Number of the claim. 0: there is none (the fast path); then the write is done
                only if `revision` is the document's, its age is at most `max_age`, nobody holds a
                claim, nobody waits for one, and no other message is pending.
            revision: Only with `fence` 0; never 0 then.
            max_age: Seconds; only with `fence` 0; None sets no limit.
            deferred: Whether the caller knows that the reply has to be held for later.
            release: False keeps the claim for another message's turn.
            remember: Seconds the reply is remembered.

        Returns:
            `Committed`; `Answered` if this message was answered meanwhile (nothing written; only
            with `fence` 0); `Conflict` (only with `fence` 0); `Deferred` if `defer` was called for
            the message and `deferred` is False.

        Raises:
            ClaimLost: The claim is not, or no longer, that of `fence`. Nothing was written.
        """
        ...

    def defer(self, user: str, key: str, message: bytes = b"") -> Answered | None:
        """Say that no request of this message will take its reply.

        Whoever commits its turn has to hold the reply for later. No copy of the message will come
        any more, so it is kept itself: should its worker die, the next claim is told of it
        (`Claimed.pending`). Head and journal are kept as long as it is: a day, or until its commit.

        Args:
            user: The user's key.
            key: The message's key.
            message: The message, bytes the store never reads. Empty: it is not kept.

        Returns:
            `Answered` if the turn is done already (then nothing is marked), else None.
        """
        ...

    def renew(self, user: str, fence: int, lease: float) -> None:
        """Let the claim expire `lease` seconds from now.

        Raises:
            ClaimLost: The claim is not, or no longer, that of `fence`.
        """
        ...

    def release(self, user: str, fence: int) -> None:
        """Give the claim up without a commit, and with it what it kept of its message; what `defer`
        keeps stays. A claim lost already is no error.
        """
        ...

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """Yield what is stored, user by user, for keys that start with `prefix`.

        In no order, and not a snapshot.
        """
        ...

    def show(self, user: str) -> Shown | None:
        """Return everything of one user, or None if there is nothing."""
        ...

    def end(self, user: str, id: str | None = None) -> bool:
        """Drop one parked conversation, or without `id` the running one whatever claim is held.

        A claim on a conversation that is dropped is lost with it: its turn would else bring a part
        of it back. Pending messages are dropped likewise.

        Returns:
            Whether there was one.
        """
        ...

    def close(self) -> None:
        """Give back connections and files; an operation after that opens new ones."""
        ...


class AsyncStore(Protocol):
    """The same promises as `Store`, for an event loop: no method blocks it."""

    async def claim(
        self,
        user: str,
        key: str,
        *,
        lease: float,
        have: Have = NOTHING,
        arrival: bool = True,
        optimistic: bool = False,
        message: bytes = b"",
    ) -> Claimed | Unclaimed | Answered | Running:
        """See `Store.claim`."""
        ...

    async def record(self, user: str, fence: int, write: Write) -> Committed:
        """See `Store.record`."""
        ...

    async def commit(
        self,
        user: str,
        key: str,
        write: Write,
        *,
        reply: bytes,
        fence: int = 0,
        revision: int = 0,
        max_age: float | None = None,
        deferred: bool = False,
        release: bool = True,
        remember: float = 60.0,
    ) -> Committed | Answered | Conflict | Deferred:
        """See `Store.commit`."""
        ...

    async def defer(self, user: str, key: str, message: bytes = b"") -> Answered | None:
        """See `Store.defer`."""
        ...

    async def renew(self, user: str, fence: int, lease: float) -> None:
        """See `Store.renew`."""
        ...

    async def release(self, user: str, fence: int) -> None:
        """See `Store.release`."""
        ...

    async def close(self) -> None:
        """See `Store.close`."""
        ...

"""The store's contract: the methods of every store, as the protocols `Store` and `AsyncStore`.

There is nothing to inherit: any object with these methods is a store. What they take and return is
in `core/store/values.py`, how a store written in Python decides in `core/store/rules.py`. Every
promise is a test in `wechat_dialog.testing.StoreContract`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from wechat_dialog.core.store.kept import Shown, Stored
from wechat_dialog.core.store.pages import Page, PageAppend, PageOpen
from wechat_dialog.core.store.parts import PartPut
from wechat_dialog.core.store.times import Due, Dues, Post, Posted
from wechat_dialog.core.store.values import (
    Answered,
    Claim,
    Claimed,
    Commit,
    Committed,
    Conflict,
    Deferred,
    Running,
    Unclaimed,
    Write,
)

__all__ = ["AsyncStore", "Store"]


class Store(Protocol):
    """What every store promises.

    `user` is a key made of account and OpenID (not empty, any text); `key` is the key of a message.
    Every method raises `errors.StoreError`, the driver's error chained, if the store itself fails;
    then the write was either done or not, never half. Methods may be called from any thread and any
    process, after a fork too.
    """

    def claim(self, claim: Claim) -> Claimed | Unclaimed | Answered | Running:
        """Ask for the user's turn for one message. One round trip.

        Granted if nobody holds an unexpired claim and no other message of this user waits with a
        fresher right: a message refused with `Running` keeps its place in order of arrival as long
        as it asks again at least once a second. Granted too if an expired claim was for another
        message: that turn was cut off.
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

    def commit(self, commit: Commit) -> Committed | Answered | Conflict | Deferred:
        """End a turn: write, remember the reply under the message's key, release the claim.

        One round trip.

        Returns:
            `Committed`; `Answered` if this message was answered meanwhile (nothing written; only
            with `fence` 0; where its reply is or was untaken, it is a `Conflict`: a `claim` is told
            who has it); `Conflict` (only with `fence` 0); `Deferred` if `defer` was called for the
            message and `deferred` is False.

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

        Raises:
            TooManyWaiting: A hundred messages of the user, or 256 KiB of them, are kept already.
                Nothing was marked, and nothing that was promised is dropped for this one.
        """
        ...

    def untaken(self, user: str, key: str, takes: int = 0) -> None:
        """Say that nobody took the reply of a message that is answered.

        It is as if its `commit` had said `taken=False`; unless somebody else's `claim` or `defer`
        was `Answered` with it since, or another message had a claim or a commit: then it is too
        late, and nothing happens. Who committed does not count: they may have died since, so it is
        better told once more than not at all.

        Args:
            user: The user's key.
            key: The message's key.
            takes: How often the caller itself was `Answered` with it, for nobody.
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

    def due(self, account: str, limit: int, lease: float) -> Dues:
        """Return entries of an account's index that are due, and lease them: each is hidden from
        further calls for `lease` seconds, or until its user's time is set anew.

        An entry tells of whom to look at. It may be there though nothing of the user is due, and a
        user may have several; but of whom something is due, there is one: `Write.wake` is over, or
        the mailbox has a signal that came after the last firing's claim (`Claim.fires`).

        Args:
            account: The account.
            limit: How many at most.
            lease: Seconds.
        """
        ...

    def undue(self, due: Due) -> None:
        """Say that a look at the user found nothing due, and nobody at it.

        The store sees for itself; if it is so, the entry leaves the index when it is a minute
        overdue (sooner, whoever writes the index before the head may still be about to write that),
        and the index has one for what becomes due later.
        """
        ...

    def post(self, post: Post) -> Posted:
        """Put a signal into a user's mailbox, whatever claim is held; there need be no entry.

        Something of the user is due then, until a firing's claim was told of the signal and its
        turn committed, or the signal was taken.

        Raises:
            MailboxFull: There is no room in the mailbox. Nothing was kept.
        """
        ...

    def note_account(self, name: str, account: str) -> None:
        """Remember an account for processes that have not seen it yet.

        Args:
            name: What they ask for it by.
            account: The account; empty: it is forgotten.
        """
        ...

    def account(self, name: str) -> str:
        """Return the account last noted under a name; empty if none was."""
        ...

    def list(self, prefix: str = "", *, everybody: bool = False) -> Iterator[Stored]:
        """Yield what is stored, user by user, for keys that start with `prefix`.

        In no order, and not a snapshot.

        Args:
            prefix: What the keys start with.
            everybody: True: also users of whom there is no conversation, running or parked, but
                something else: data, a signal, or a message without an answer.
        """
        ...

    def show(self, user: str) -> Shown | None:
        """Return everything of one user, or None if there is nothing."""
        ...

    def end(self, user: str, id: str | None = None) -> bool:
        """Drop one conversation that is parked or aside, or without `id` the running one, whatever
        claim is held.

        A claim on a conversation that is dropped is lost with it: its turn would else bring a part
        of it back. Pending messages are dropped likewise, and what was put aside beside it; the
        mailbox stays. An `id` may also be of one that is put aside: that one alone is dropped, as
        far as the store knows it; the head goes on naming it.

        Returns:
            Whether there was one.
        """
        ...

    def forget(self, user: str) -> bool:
        """Drop everything of a user, whatever claim is held: conversation, journal, what is aside
        or parked, data, mailbox, messages without an answer, answer pages, parts of steps, and what
        replies said.

        Whoever works for the user has no claim, and a revision that will not come again, so nothing
        that anybody has in hand is written back. Every message the store knows of counts as
        answered with `b""`, as does each copy of it: what was said before is not heard after. For a
        minute that is all there is, and the numbers given out; then nothing.

        Returns:
            Whether there was anything, such remains included.
        """
        ...

    def page_open(self, asked: PageOpen) -> None:
        """Make an answer page with nothing on it, unless it is there: then it is kept as it is, for
        as long as is asked. A user's oldest page goes for the fifty-first.

        Raises:
            ClaimLost: The claim is not, or no longer, that of `asked.fence`. No page was made.
        """
        ...

    def page_append(self, asked: PageAppend) -> bool:
        """Write on a page that is there, at a place in it.

        What is there already, piece for piece, stays; from the first that differs on, the page is
        cut back, and has another edition. So it may be written twice.

        Returns:
            Whether it was written: not where there is no such page, where the place lies behind its
            end, or where it would have more than 256 KiB.

        Raises:
            ClaimLost: It was written under a newer claim than `asked.fence`.
        """
        ...

    def page_read(self, id: str, after: int = 0) -> Page | None:
        """Return what a page has from a place on; None if there is no such page."""
        ...

    def page_secret(self, fresh: bytes) -> bytes:
        """Return the secret by which pages have their ids, the same for all who work on this store;
        where it has none yet, that is `fresh` from now on.
        """
        ...

    def part_put(self, asked: PartPut) -> None:
        """Keep how a part of a step ended, in the place of what was kept of it before; an empty
        outcome drops it. It is something that was written under the claim (`Claimed.lost`).

        Raises:
            ClaimLost: The claim is not, or no longer, that of `asked.fence`. Nothing was written.
        """
        ...

    def parts(self, user: str, step: str = "") -> dict[str, dict[str, bytes]]:
        """Return the parts that are kept of a user's steps: by the step's idempotency key, and then
        by their ids, in the order in which they were kept.

        Args:
            user: The user's key.
            step: Of this step alone; empty: of all.
        """
        ...

    def close(self) -> None:
        """Give back connections and files; an operation after that opens new ones."""
        ...


class AsyncStore(Protocol):
    """The same promises as `Store`, for an event loop: no method blocks it."""

    async def claim(self, claim: Claim) -> Claimed | Unclaimed | Answered | Running:
        """See `Store.claim`."""
        ...

    async def record(self, user: str, fence: int, write: Write) -> Committed:
        """See `Store.record`."""
        ...

    async def commit(self, commit: Commit) -> Committed | Answered | Conflict | Deferred:
        """See `Store.commit`."""
        ...

    async def defer(self, user: str, key: str, message: bytes = b"") -> Answered | None:
        """See `Store.defer`."""
        ...

    async def untaken(self, user: str, key: str, takes: int = 0) -> None:
        """See `Store.untaken`."""
        ...

    async def renew(self, user: str, fence: int, lease: float) -> None:
        """See `Store.renew`."""
        ...

    async def release(self, user: str, fence: int) -> None:
        """See `Store.release`."""
        ...

    async def page_open(self, asked: PageOpen) -> None:
        """See `Store.page_open`."""
        ...

    async def page_append(self, asked: PageAppend) -> bool:
        """See `Store.page_append`."""
        ...

    async def page_read(self, id: str, after: int = 0) -> Page | None:
        """See `Store.page_read`."""
        ...

    async def page_secret(self, fresh: bytes) -> bytes:
        """See `Store.page_secret`."""
        ...

    async def part_put(self, asked: PartPut) -> None:
        """See `Store.part_put`."""
        ...

    async def parts(self, user: str, step: str = "") -> dict[str, dict[str, bytes]]:
        """See `Store.parts`."""
        ...

    async def due(self, account: str, limit: int, lease: float) -> Dues:
        """See `Store.due`."""
        ...

    async def undue(self, due: Due) -> None:
        """See `Store.undue`."""
        ...

    async def post(self, post: Post) -> Posted:
        """See `Store.post`."""
        ...

    async def note_account(self, name: str, account: str) -> None:
        """See `Store.note_account`."""
        ...

    async def account(self, name: str) -> str:
        """See `Store.account`."""
        ...

    async def close(self) -> None:
        """See `Store.close`."""
        ...

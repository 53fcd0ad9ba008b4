"""The store's contract: the methods of every store, as the protocols `Store` and `AsyncStore`.

There is nothing to inherit: any object with these methods is a store. Their arguments and results
are in `core/store/values.py`, the decisions of stores written in Python in `core/store/rules.py`.
Every promise is a test in `wechat_dialog.testing.StoreContract`.
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
    Every method raises `errors.StoreError`, with the driver's error chained, if the store itself
    fails; the write was then either done or not, never half. Methods may be called from any thread
    and any process, also after a fork.
    """

    def claim(self, claim: Claim) -> Claimed | Unclaimed | Answered | Running:
        """Ask for the user's turn for one message. One round trip.

        Granted if there is no unexpired claim and no other message of this user waits that came
        first: a message refused with `Running` keeps its place in order of arrival as long as it
        asks again at least once a second. Also granted if an expired claim was for another message:
        that turn was cut off.
        """
        ...

    def record(self, user: str, fence: int, write: Write) -> Committed:
        """Write in the middle of a turn, so that less is repeated after a crash.

        The claim stays, and `age` is not changed.

        Raises:
            ClaimLost: The claim is not, or no longer, that of `fence`: taken over, released or
                expired.
        """
        ...

    def commit(self, commit: Commit) -> Committed | Answered | Conflict | Deferred:
        """End a turn: write, remember the reply under the message's key, release the claim.

        One round trip.

        Returns:
            `Committed`; `Answered` if this message was answered in the meantime (nothing written;
            only with `fence` 0; if its reply is or was untaken, the result is `Conflict`, and a
            `claim` returns who has the reply); `Conflict` (only with `fence` 0); `Deferred` if
            `defer` was called for the message and `deferred` is False.

        Raises:
            ClaimLost: The claim is not, or no longer, that of `fence`. Nothing was written.
        """
        ...

    def defer(self, user: str, key: str, message: bytes = b"") -> Answered | None:
        """Note that no request of this message will take its reply.

        Whoever commits its turn has to hold the reply for later. The platform will not send the
        message again, so the store keeps it: if its worker dies, the next claim returns it
        (`Claimed.pending`). Head and journal are kept as long as the message: a day, or until its
        commit.

        Args:
            user: The user's key.
            key: The message's key.
            message: The message, opaque bytes. Empty: it is not kept.

        Returns:
            `Answered` if the turn has ended (then nothing is noted), else None.

        Raises:
            TooManyWaiting: A hundred messages of the user, or 256 KiB of them, are kept already.
                Nothing was noted, and no message kept before is dropped for this one.
        """
        ...

    def untaken(self, user: str, key: str, takes: int = 0) -> None:
        """Note that the reply of an answered message was not taken.

        This is as if its `commit` had said `taken=False`; unless a `claim` or `defer` of another
        caller was `Answered` with the reply since, or another message had a claim or a commit: then
        it is too late, and nothing happens. Who committed does not count, because they may have
        died since: delivering twice is better than not at all.

        Args:
            user: The user's key.
            key: The message's key.
            takes: How often the caller itself was `Answered` with the reply, without using it.
        """
        ...

    def renew(self, user: str, fence: int, lease: float) -> None:
        """Let the claim expire `lease` seconds from now.

        Raises:
            ClaimLost: The claim is not, or no longer, that of `fence`.
        """
        ...

    def release(self, user: str, fence: int) -> None:
        """Release the claim without a commit, and with it the message that it kept; messages kept
        by `defer` stay. A claim that was lost already is not an error.
        """
        ...

    def due(self, account: str, limit: int, lease: float) -> Dues:
        """Return due entries of an account's index, and lease them: each is hidden from further
        calls for `lease` seconds, or until its user's time is set again (or `EndsLeases`); a record
        of the firing that is begun for it leaves it hidden, whatever time it sets.

        An entry names a user to look at. It may exist although nothing of the user is due, and a
        user may have several; but if something is due, there is one. Something is due when
        `Write.wake` has passed, or the mailbox has a signal that came after the last firing's claim
        (`Claim.fires`).

        Args:
            account: The account.
            limit: How many entries at most.
            lease: Duration of the lease in seconds.
        """
        ...

    def undue(self, due: Due) -> None:
        """Report that a check of the user found nothing due, and no turn in progress.

        The store verifies that; if it is true, the entry is removed from the index, and the index
        has an entry for what becomes due later. Where callers write the index before the head, the
        entry is removed only once it is a minute overdue: earlier, one of them may still be about
        to write the head.
        """
        ...

    def post(self, post: Post) -> Posted:
        """Put a signal into a user's mailbox, whatever claim is held; the user need not have an
        entry.

        Something of the user is then due, until a firing's claim has returned the signal and its
        turn was committed, or the signal was taken.

        Raises:
            MailboxFull: There is no room in the mailbox. Nothing was stored.
        """
        ...

    def note_account(self, name: str, account: str) -> None:
        """Remember an account for processes that have not seen it yet.

        Args:
            name: The name under which they look it up.
            account: The account; empty: forget it.
        """
        ...

    def account(self, name: str) -> str:
        """Return the account last noted under a name; empty if none was."""
        ...

    def list(self, prefix: str = "", *, everybody: bool = False) -> Iterator[Stored]:
        """Yield what is stored, user by user, for keys that start with `prefix`.

        In no particular order, and not as a snapshot.

        Args:
            prefix: Prefix of the keys.
            everybody: True: include users without a conversation, running or parked, who have
                something else: data, a signal, or a message without an answer.
        """
        ...

    def show(self, user: str) -> Shown | None:
        """Return everything stored for one user, or None if there is nothing."""
        ...

    def end(self, user: str, id: str | None = None) -> bool:
        """Drop one conversation that is parked or aside, or without `id` the running one, whatever
        claim is held.

        A claim on a dropped conversation is lost with it, because its turn would otherwise restore
        a part of it. Pending messages are dropped, too, and conversations aside; the mailbox stays.
        A stored message whose turn had begun counts as answered with `b""` for a minute after its
        last request, because it was meant for a conversation that no longer exists.
        `id` may also name a conversation that is aside: only that one is then dropped from the
        store; the head still lists it.

        Returns:
            Whether it existed.
        """
        ...

    def forget(self, user: str, remember: float = 60.0) -> bool:
        """Drop everything about a user, whatever claim is held: conversation, journal,
        conversations aside and parked, data, mailbox, messages without an answer, answer pages,
        parts of steps, and the contents of replies.

        Workers with a turn of this user lose their claim, or have a revision that is never issued
        again, or looked before this issued a number: nothing that a process has in memory is
        written back. Every message that the store knows counts as answered with `b""`, and so do
        its copies, so that earlier messages have no effect later: for `remember` seconds, but one
        that had an answer no longer than that. The issued numbers remain for a minute; then
        nothing.

        Args:
            user: The user's key.
            remember: How long copies may come.

        Returns:
            Whether there was anything, including such remains.
        """
        ...

    def page_open(self, asked: PageOpen) -> None:
        """Create an empty answer page, unless it exists; an existing page keeps its content, and
        its time is extended. The oldest page of a user is dropped for the fifty-first.

        Raises:
            ClaimLost: The claim is not, or no longer, that of `asked.fence`. No page was created.
        """
        ...

    def page_append(self, asked: PageAppend) -> bool:
        """Write to an existing page, from a place on.

        Pieces that are equal to those already there stay; from the first that differs on, the page
        is truncated, and gets another edition. So the same may be written twice.

        Returns:
            Whether it was written: not if the page does not exist, if the place is beyond its end,
            or if it would exceed 256 KiB.

        Raises:
            ClaimLost: The page was written under a newer claim than `asked.fence`.
        """
        ...

    def page_read(self, id: str, after: int = 0) -> Page | None:
        """Return a page from a place on; None if the page does not exist."""
        ...

    def page_secret(self, fresh: bytes) -> bytes:
        """Return the secret from which the ids of pages are computed, the same for all processes on
        this store; if the store has none yet, it keeps and returns `fresh`.
        """
        ...

    def part_put(self, asked: PartPut) -> None:
        """Store the outcome of a part of a step, replacing an earlier one; an empty outcome drops
        it. This counts as a write under the claim (`Claimed.lost`).

        Raises:
            ClaimLost: The claim is not, or no longer, that of `asked.fence`. Nothing was written.
        """
        ...

    def parts(self, user: str, step: str = "") -> dict[str, dict[str, bytes]]:
        """Return the stored parts of a user's steps: by the step's idempotency key, and then by
        their ids, in the order in which they were stored.

        Args:
            user: The user's key.
            step: Only of this step; empty: of all steps.
        """
        ...

    def close(self) -> None:
        """Close connections and files; an operation after that opens new ones."""
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

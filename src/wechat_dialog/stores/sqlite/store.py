"""The embedded store: one SQLite file, shared by the threads and processes of one machine.

Every operation (`operations.py`) is in a transaction that takes the write lock first (BEGIN
IMMEDIATE); those of several threads at the same time share one (`group.py`), and each succeeds or
fails by itself. With write-ahead logging, `conversations list` can read while the bot writes. A
journal has one row per record, JSON as the caller made it: `sqlite3 wechat-dialog.db 'select record
from records'` shows it.

Durability: a commit or record is on the disk before the reply is sent (synchronous=FULL, one fsync
of the log for all that share it). With NORMAL a machine that loses power could forget the last
turns, although users have seen their answers and their steps have run. What only concerns running
processes (claims, their renewal, waiting, deferring) is written with NORMAL: after a power failure
nobody holds a claim.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from wechat_dialog.core.store.kept import Shown, Stored
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
from wechat_dialog.errors import StoreError

from .database import Database
from .disk import check_disk
from .kept import Kept
from .operations import Operations

__all__ = ["SQLiteStore"]

T = TypeVar("T")

PAGE = 200
"""How many users' lines a listing reads in one transaction."""


class SQLiteStore(Kept):
    """See `Store`.

    Args:
        path: The database file, relative to the present working directory; created with mode 0600
            if it does not exist; its folder has to exist.
        clock: Returns the time in seconds since 1970; the same in all processes.
        patience: Seconds to wait for a lock that another process holds.

    The file is opened by the first operation.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        clock: Callable[[], float] = time.time,
        *,
        patience: float = 3.0,
    ) -> None:
        self._database = Database(path, clock, patience)
        self.path = self._database.path

    def use_clock(self, clock: Callable[[], float]) -> None:
        """Use another clock from now on; for simulators, which set theirs forward."""
        self._database.use_clock(clock)

    def _do(self, do: Callable[[Operations], T], *, durable: bool = False) -> T:
        """Do one operation; with `durable` it is on the disk when this returns."""
        return self._database.run(lambda rows, now: do(Operations(rows, now)), durable=durable)

    def claim(self, claim: Claim) -> Claimed | Unclaimed | Answered | Running:
        """See `Store.claim`."""
        return self._do(lambda operations: operations.claim(claim))

    def record(self, user: str, fence: int, write: Write) -> Committed:
        """See `Store.record`."""
        return self._do(lambda operations: operations.record(user, fence, write), durable=True)

    def commit(self, commit: Commit) -> Committed | Answered | Conflict | Deferred:
        """See `Store.commit`."""
        return self._do(lambda operations: operations.commit(commit), durable=True)

    def defer(self, user: str, key: str, message: bytes = b"") -> Answered | None:
        """See `Store.defer`."""
        # The message is on the disk before its user is promised an answer.
        return self._do(
            lambda operations: operations.defer(user, key, message), durable=bool(message)
        )

    def untaken(self, user: str, key: str, takes: int = 0) -> None:
        """See `Store.untaken`."""
        self._do(lambda operations: operations.untaken(user, key, takes), durable=True)

    def renew(self, user: str, fence: int, lease: float) -> None:
        """See `Store.renew`."""
        self._do(lambda operations: operations.renew(user, fence, lease))

    def renew_all(
        self, claims: Sequence[tuple[str, int]], lease: float, within: float
    ) -> list[StoreError | None]:
        """See `RenewsAll.renew_all`. One transaction for all of them."""
        try:
            return self._database.run(
                lambda rows, now: Operations(rows, now).renew_all(claims, lease),
                durable=False,
                patience=within,
            )
        except StoreError as error:
            return [error] * len(claims)

    def release(self, user: str, fence: int) -> None:
        """See `Store.release`."""
        self._do(lambda operations: operations.release(user, fence))

    def due(self, account: str, limit: int, lease: float) -> Dues:
        """See `Store.due`."""
        return self._do(lambda operations: operations.due(account, limit, lease))

    def end_leases(self, entries: Sequence[Due]) -> None:
        """See `EndsLeases.end_leases`."""
        self._do(lambda operations: operations.end_leases(entries))

    def undue(self, due: Due) -> None:
        """Do nothing: the index consists of the users' own rows."""

    def post(self, post: Post) -> Posted:
        """See `Store.post`."""
        return self._do(lambda operations: operations.post(post), durable=True)

    def note_account(self, name: str, account: str) -> None:
        """See `Store.note_account`."""
        self._do(lambda operations: operations.note_account(name, account), durable=True)

    def account(self, name: str) -> str:
        """See `Store.account`."""
        return self._do(lambda operations: operations.account(name))

    def list(self, prefix: str = "", *, everybody: bool = False) -> Iterator[Stored]:
        """See `Store.list`."""
        after: str | None = None
        while True:
            lines = partial(
                Operations.lines, prefix=prefix, after=after, limit=PAGE, everybody=everybody
            )
            page = self._do(lines)
            for user, line in page:
                if not user.startswith(prefix):
                    return
                if line is not None:
                    yield line
            if len(page) < PAGE:
                return
            after = page[-1][0]

    def show(self, user: str) -> Shown | None:
        """See `Store.show`."""
        return self._do(lambda operations: operations.show(user))

    def end(self, user: str, id: str | None = None) -> bool:
        """See `Store.end`."""
        return self._do(lambda operations: operations.end(user, id), durable=True)

    def forget(self, user: str, remember: float = 60.0) -> bool:
        """See `Store.forget`."""
        existed = self._do(lambda operations: operations.forget(user, remember), durable=True)
        self._database.empty_the_log()
        return existed

    def try_write(self, within: float) -> None:
        """See `TriesWrites.try_write`. It waits half of the time for other threads, and half of it
        for the database's lock.
        """
        self._database.run(
            lambda rows, now: Operations(rows, now).account(""),
            durable=False,
            patience=within / 2,
        )
        check_disk(self.path)

    def close(self) -> None:
        """See `Store.close`."""
        self._database.close()

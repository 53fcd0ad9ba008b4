"""The SQLite file: opened, locked, and abandoned when something is wrong with it.

Each process has one connection, and its threads that want to write form a queue (`group.py`).
SQLite has one writer at a time anyway, and threads that meet in its busy handler sleep in growing
steps up to 100 ms, while a queue passes the lock on at once.
"""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from wechat_dialog.core.quantities import require_seconds
from wechat_dialog.errors import StoreError
from wechat_dialog.forks import leave_behind, mind, wait_for

from .group import Group, Line, Work
from .rows import Rows
from .tables import is_busy, prepare

__all__ = ["Database"]

_chance = random.SystemRandom()
"""Not the module's own generator: what an application seeds is the application's."""

T = TypeVar("T")

PURGE_EVERY = 60_000_000

_FULL = "the disk is full: make room; nothing of this turn was written"
_ADVICE = {
    "SQLITE_FULL": _FULL,
    "SQLITE_IOERR_SHMSIZE": _FULL,  # there is no room even for the log's index, of 32 KiB
    "SQLITE_BUSY": "another process keeps it locked: look for one that holds a transaction open",
    "SQLITE_LOCKED": "another process keeps it locked: look for one that holds a transaction open",
    "SQLITE_READONLY": "it may not be written to: check owner and mode of the file, "
    "of -wal and -shm beside it, and of their folder",
    "SQLITE_NOTADB": "it is not an SQLite database: give another path, or move that file away",
    "SQLITE_CORRUPT": "it is damaged: move it away (`sqlite3 FILE .recover` may save its rows)",
    "SQLITE_CANTOPEN": "it cannot be opened: check that its folder exists and may be written to",
    "SQLITE_IOERR": "the disk failed: check the system's log; the turn may not have been written",
}

_STAYS_OPEN = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL")
"""Temporary errors, after which the connection can still be used."""

Identity = tuple[int, int] | None
"""Device and inode of a file; None if it does not exist."""


def _identity(path: str) -> Identity:
    try:
        status = os.stat(path)  # noqa: PTH116 - at every operation; a Path would double its cost
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _is_of_the_moment(error: sqlite3.Error) -> bool:
    """Return whether an error is temporary, so that its connection can still be used."""
    return (getattr(error, "sqlite_errorname", None) or "").startswith(_STAYS_OPEN)


def _is_of_one(error: sqlite3.Error) -> bool:
    """Return whether an error concerns only the work that caused it, and no other in the
    transaction.
    """
    return isinstance(error, (sqlite3.DataError, sqlite3.IntegrityError)) or _is_of_the_moment(
        error
    )


def _explain(path: str, error: sqlite3.Error) -> StoreError:
    """Turn SQLite's error into a `StoreError` whose text says what to do."""
    name = getattr(error, "sqlite_errorname", None) or ""
    # Extended codes begin with the primary one: SQLITE_IOERR_FSYNC, …
    advice = next((text for code, text in _ADVICE.items() if name.startswith(code)), str(error))
    explained = StoreError(f"SQLite store {path}: {advice}")
    explained.__cause__ = error
    return explained


def _explain_file(path: str, error: OSError) -> StoreError:
    explained = StoreError(
        f"SQLite store {path}: {error.strerror}: check that its folder exists and may be written to"
    )
    explained.__cause__ = error
    return explained


def _empty_the_log(connection: sqlite3.Connection) -> None:
    """Write the log into the file and truncate it.

    The log contains deleted data in its former state; SQLite restarts it at its own pace, and
    truncates nothing. This is done with each purge, once a minute at most. It fails if another
    process does the same, or reads; then the next purge does it. Whatever fails here, committed
    data stays committed.
    """
    with contextlib.suppress(sqlite3.Error):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


class Database:
    """One file, for the threads of this process; opened by the first transaction.

    Args:
        path: The file, relative to the present working directory.
        clock: Returns the time in seconds since 1970; the same in all processes.
        patience: Seconds to wait for a lock that another process holds.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        clock: Callable[[], float],
        patience: float,
    ) -> None:
        require_seconds("patience", patience, zero=True)
        self.path = str(Path(path).absolute())
        self._clock = clock
        self._patience = patience
        self._line = Line()
        self.gate = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._files: dict[str, Identity] = {}
        self._durable = True
        self._purged = 0
        mind(self)
        wait_for(self)

    def begin_anew(self) -> None:
        """See `forks.Forked`: open a connection of its own, and never close the parent's.

        SQLite forbids both: using a connection across a fork, and closing it in the child, which
        would remove the log that the parent uses. The parent serves the threads in its queue
        itself.
        """
        leave_behind(self._connection)
        self._connection = None
        self._line = Line()
        self.gate = threading.Lock()

    def use_clock(self, clock: Callable[[], float]) -> None:
        """Use another clock from now on; for simulators, which set theirs forward."""
        self._clock = clock

    def _connect(self) -> sqlite3.Connection:
        identity = _identity(self.path)
        # The same file had tables before and has none now: another file is being copied into it.
        had_tables = identity is not None and identity == self._files.get("")
        if identity is None:
            # SQLite gives the log and its index the mode of the database.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            self._files = {}  # a new file may have the inode of the old one
        elif not os.access(self.path, os.W_OK):
            # SQLite would open it, and leave an index beside it that nobody may write to, which
            # would still be in the way after the file's mode was corrected.
            raise StoreError(f"SQLite store {self.path}: {_ADVICE['SQLITE_READONLY']}")
        # SQLite must not create the file, which may just have been deleted: anybody could read the
        # new one, and if it got the inode of an emptied file, it would count as emptied for ever.
        connection = sqlite3.connect(
            f"{Path(self.path).as_uri()}?mode=rw",
            uri=True,
            timeout=0,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=64,
        )
        try:
            prepare(connection, self.path, self._patience, may_be_new=not had_tables)
        except BaseException:
            connection.close()
            raise
        self._durable = True
        self._files = {end: _identity(self.path + end) for end in ("", "-wal", "-shm")}
        return connection

    def _opened(self) -> sqlite3.Connection:
        """Return the connection; open it if there is none.

        Raises:
            StoreError: The file is not the one that was opened: it was deleted, moved or replaced.
                SQLite would continue to write to a file that nobody can find any more.
        """
        if self._connection is not None and _identity(self.path) != self._files[""]:
            self.give_up()
            for end in ("-wal", "-shm"):
                # The log of the file that was removed. A file opened in its place must not use it;
                # a new log, which another process may have made by now, is kept.
                if self._files[end] is not None and _identity(self.path + end) == self._files[end]:
                    Path(self.path + end).unlink(missing_ok=True)
            raise StoreError(
                f"SQLite store {self.path}: the file was deleted, moved or replaced while it was "
                "in use: stop the bot before you do that; from now on the file that is there now "
                "is used"
            )
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def give_up(self) -> None:
        """Close the connection; the next transaction opens another. The caller leads the queue."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):  # it is closed because something is wrong
                connection.close()

    def _begin(self, connection: sqlite3.Connection, patience: float) -> None:
        """Take the database's lock.

        SQLite's own waiting pauses longer and longer, up to 100 ms, and so may find the lock taken
        for seconds while another busy process passes it on among its own threads.
        """
        end = 0.0
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                end = end or time.monotonic() + patience
                if not is_busy(error) or time.monotonic() > end:
                    raise
                time.sleep(_chance.uniform(0.0001, 0.001))
            else:
                return

    def _set_durable(self, connection: sqlite3.Connection, *, durable: bool) -> None:
        """Choose whether a commit waits for the disk."""
        if self._durable != durable:
            mode = "FULL" if durable else "NORMAL"
            connection.execute(f"PRAGMA synchronous={mode}")
            self._durable = durable

    def run(
        self, do: Callable[[Rows, int], T], *, durable: bool, patience: float | None = None
    ) -> T:
        """Do a work in a transaction, which it may share with other threads' works.

        Args:
            do: Does it, given the rows and the time. Its exception is raised here, and its changes
                are undone. It may be called again, if the transaction has to be repeated.
            durable: Whether it has to be on the disk at the end.
            patience: Seconds to wait for other threads and for the database's lock; None: the
                store's own patience for the lock, and no limit for the threads.

        Returns:
            The result of `do`.
        """
        work = Work(do, durable=durable)
        try:
            leads = self._line.enter(work, patience)
        except TimeoutError:
            raise StoreError(
                f"SQLite store {self.path}: other threads have kept it busy for {patience} s"
            ) from None
        if leads:
            line = self._line
            try:
                with self.gate:
                    self._lead(Group(line, work), self._patience if patience is None else patience)
            finally:
                line.leave()
        return work.outcome()

    def _lead(self, group: Group, patience: float) -> None:
        """Do the works of a group, and notify their threads. The caller leads the queue."""
        try:
            connection = self._opened()
            self._set_durable(connection, durable=group.durable)
            self._begin(connection, patience)
            self._transact(connection, group)
        except sqlite3.Error as error:
            # SQLite's cache may hold damaged pages, and a file that was opened read-only stays so:
            # a repaired file would be refused until the process ends.
            if not _is_of_the_moment(error):
                self.give_up()
            group.fail(partial(_explain, self.path, error))
        except OSError as error:
            group.fail(partial(_explain_file, self.path, error))

    def _transact(self, connection: sqlite3.Connection, group: Group) -> None:
        """Do the works of a group in the open transaction, and commit it."""
        commits = False
        try:
            purges = self._purge(connection)
            # An exception of the first work ends the transaction, which contains no other work yet.
            group.first.result = group.first.do(Rows(connection), self._now())
            for work in group.others():
                self._take_along(connection, work)
            commits = True
            connection.execute("COMMIT")
        except BaseException as error:
            failed = isinstance(error, (sqlite3.Error, OSError))  # `_lead` notifies all threads
            # SQLite has rolled back by itself after some errors (a full disk).
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            elif commits and not failed:
                group.tell()  # interrupted after the commit
            if not failed:
                group.give_up()
            raise
        group.tell()
        if purges:
            _empty_the_log(connection)

    def _take_along(self, connection: sqlite3.Connection, work: Work[Any]) -> None:
        """Do another thread's work in the open transaction; if it fails, only its changes are
        undone.
        """
        connection.execute("SAVEPOINT work")
        try:
            work.result = work.do(Rows(connection), self._now())
        except Exception as error:
            if isinstance(error, sqlite3.Error):
                # The others' works stay, unless SQLite rolled all of them back, or cannot be
                # trusted.
                if not (connection.in_transaction and _is_of_one(error)):
                    raise
                work.error = _explain(self.path, error)
            else:
                work.error = error
            connection.execute("ROLLBACK TO work")
        connection.execute("RELEASE work")

    def _now(self) -> int:
        return int(self._clock() * 1e6)

    def _purge(self, connection: sqlite3.Connection) -> bool:
        """Delete what has expired, unless that was done recently; returns whether it was done."""
        now = self._now()
        if self._purged + PURGE_EVERY > now:
            return False
        self._purged = now
        Rows(connection).purge(now)
        return True

    @contextlib.contextmanager
    def _alone(self) -> Generator[None]:
        """Hold the queue, after all earlier works are done and their threads notified."""
        line = self._line
        work = Work(lambda _rows, _now: None, alone=True)
        line.enter(work)
        try:
            with self.gate:
                yield
        finally:
            line.leave()

    def empty_the_log(self) -> None:
        """Remove deleted data from the log, unless another process is using it."""
        with self._alone():
            if self._connection is not None:
                _empty_the_log(self._connection)

    def close(self) -> None:
        """Close the connection when earlier works are done; the next `run` opens another."""
        with self._alone():
            self.give_up()

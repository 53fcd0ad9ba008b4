"""The SQLite file: opened, locked, and given up when something is wrong with it.

One connection a process, and a line of the threads that want to write (`group.py`): SQLite has one
writer at a time anyway, and threads that meet in its busy handler sleep in growing steps up to
100 ms, where a line hands over at once.
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

from wechat_dialog.errors import StoreError
from wechat_dialog.forks import leave_behind, mind, wait_for

from .group import Group, Line, Work
from .rows import Rows
from .tables import is_busy, prepare

__all__ = ["Database"]

T = TypeVar("T")

PURGE_EVERY = 60_000_000

_ADVICE = {
    "SQLITE_FULL": "the disk is full: make room; nothing of this turn was written",
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
"""Errors of the moment, which say nothing against the connection that met them."""

Identity = tuple[int, int] | None
"""Device and inode of a file; None if it is not there."""


def _identity(path: str) -> Identity:
    try:
        found = os.stat(path)  # noqa: PTH116 - at every operation; a Path would double its cost
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _is_of_the_moment(error: sqlite3.Error) -> bool:
    """Return whether an error says nothing against the connection that met it."""
    return (getattr(error, "sqlite_errorname", None) or "").startswith(_STAYS_OPEN)


def _is_of_one(error: sqlite3.Error) -> bool:
    """Return whether an error is about the work that met it, and says nothing of its neighbours."""
    return isinstance(error, (sqlite3.DataError, sqlite3.IntegrityError)) or _is_of_the_moment(
        error
    )


def _explain(path: str, error: sqlite3.Error) -> StoreError:
    """Turn SQLite's error into ours, with a sentence that says what to do."""
    name = getattr(error, "sqlite_errorname", None) or ""
    # Extended codes carry the primary one as their beginning: SQLITE_IOERR_FSYNC, …
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
    """Bring the log into the file and cut it to nothing.

    It holds what was deleted as it was before: SQLite starts it anew, at its own pace, and cuts
    nothing off. This is done with each purge, once a minute at most. Another process that is at it,
    or reads, stands in its way; then the next purge does it. What was committed stays committed
    whatever fails here.
    """
    with contextlib.suppress(sqlite3.Error):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


class Database:
    """One file, for the threads of this process; opened by the first transaction.

    Args:
        path: The file, relative to the working directory of now.
        clock: Returns the time in seconds since 1970; the same in all processes.
        patience: Seconds to wait for a lock that another process holds.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        clock: Callable[[], float],
        patience: float,
    ) -> None:
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
        """See `forks.Forked`: open an own connection, and never close the parent's.

        SQLite forbids both: using a connection across a fork, and closing it in the child, which
        would remove the log under the parent's feet. Whoever stands in line there is served there.
        """
        leave_behind(self._connection)
        self._connection = None
        self._line = Line()
        self.gate = threading.Lock()

    def use_clock(self, clock: Callable[[], float]) -> None:
        """Go by another clock from now on; for simulators, which put theirs forward."""
        self._clock = clock

    def _connect(self) -> sqlite3.Connection:
        there = _identity(self.path)
        # The very file that had the tables, and has none now: somebody copies another one into it.
        had_tables = there is not None and there == self._files.get("")
        if there is None:
            # The log and its index, made by SQLite, get the mode of the database.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            self._files = {}  # a new file may have the inode of the old one
        elif not os.access(self.path, os.W_OK):
            # SQLite would open it, and leave an index beside it that nobody may write to, which
            # then stands in the way of a file whose mode was put right.
            raise StoreError(f"SQLite store {self.path}: {_ADVICE['SQLITE_READONLY']}")
        # SQLite must not make the file, which may have been deleted just now: everybody could read
        # it, and if it got the number of an emptied one, it would be taken for that for ever.
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
        """Return the connection, made if there is none.

        Raises:
            StoreError: The file is not the one that was opened: it was deleted, moved or replaced.
                SQLite would go on writing into what nobody can find any more.
        """
        if self._connection is not None and _identity(self.path) != self._files[""]:
            self.give_up()
            for end in ("-wal", "-shm"):
                # The log of the file that is gone. Whatever is opened in its place must not take it
                # for its own; a new one, which another process has made by now, is left alone.
                if self._files[end] is not None and _identity(self.path + end) == self._files[end]:
                    Path(self.path + end).unlink(missing_ok=True)
            raise StoreError(
                f"SQLite store {self.path}: the file was deleted, moved or replaced while it was "
                "in use: stop the bot before you do that; from now on what is there is used"
            )
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def give_up(self) -> None:
        """Close the connection; the next transaction opens another. Needs to lead the line."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):  # it is given up because something is wrong
                connection.close()

    def _begin(self, connection: sqlite3.Connection, patience: float) -> None:
        """Take the database's lock.

        SQLite's own waiting pauses longer and longer, up to 100 ms, and so finds the lock taken
        for seconds while another busy process hands it over and over to its own threads.
        """
        end = 0.0
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                end = end or time.monotonic() + patience
                if not is_busy(error) or time.monotonic() > end:
                    raise
                time.sleep(random.uniform(0.0001, 0.001))
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
        """Do something in a transaction, that of other threads' works perhaps.

        Args:
            do: Does it, given the rows and the time. What it raises is raised here, and undone. It
                may be called again, where the transaction has to be repeated.
            durable: Whether it has to be on the disk at the end.
            patience: Seconds to wait for other threads and for the database's lock; None is the
                store's own patience for the lock, and as long as it takes for the threads.

        Returns:
            What it returned.
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
        """Do the works of a group, and tell their threads. Needs to lead the line."""
        try:
            connection = self._opened()
            self._set_durable(connection, durable=group.durable)
            self._begin(connection, patience)
            self._transact(connection, group)
        except sqlite3.Error as error:
            # Its cache may hold what was damaged, and a file that was opened read-only stays
            # so: a file that is mended would be refused until the process ends.
            if not _is_of_the_moment(error):
                self.give_up()
            group.fail(partial(_explain, self.path, error))
        except OSError as error:
            group.fail(partial(_explain_file, self.path, error))

    def _transact(self, connection: sqlite3.Connection, group: Group) -> None:
        """Do the works of a group in the transaction that is open, and commit it."""
        commits = False
        try:
            purges = self._purge(connection)
            # What the first raises ends the transaction: there is nobody else's work in it yet.
            group.first.result = group.first.do(Rows(connection), self._now())
            for work in group.others():
                self._take_along(connection, work)
            commits = True
            connection.execute("COMMIT")
        except BaseException as error:
            failed = isinstance(error, (sqlite3.Error, OSError))  # which `_lead` tells to all
            # SQLite has rolled back by itself after some errors (a full disk).
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            elif commits and not failed:
                group.tell()  # interrupted when it had committed
            if not failed:
                group.give_up()
            raise
        group.tell()
        if purges:
            _empty_the_log(connection)

    def _take_along(self, connection: sqlite3.Connection, work: Work[Any]) -> None:
        """Do another thread's work in the transaction that is open; what it refuses is undone."""
        connection.execute("SAVEPOINT work")
        try:
            work.result = work.do(Rows(connection), self._now())
        except Exception as error:
            if isinstance(error, sqlite3.Error):
                # The others' works stand, unless SQLite gave up all of them, or cannot be trusted.
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
        """Delete what ran out, if that was not done lately; returns whether it was done."""
        now = self._now()
        if self._purged + PURGE_EVERY > now:
            return False
        self._purged = now
        Rows(connection).purge(now)
        return True

    @contextlib.contextmanager
    def _alone(self) -> Generator[None]:
        """Hold the line, when everybody who came before has been told."""
        line = self._line
        work = Work(lambda _rows, _now: None, alone=True)
        line.enter(work)
        try:
            with self.gate:
                yield
        finally:
            line.leave()

    def empty_the_log(self) -> None:
        """Leave nothing in the log of what was deleted, unless another process is at it."""
        with self._alone():
            if self._connection is not None:
                _empty_the_log(self._connection)

    def close(self) -> None:
        """Close the connection when what came before is done; the next `run` opens another."""
        with self._alone():
            self.give_up()

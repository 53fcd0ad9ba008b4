"""The embedded store: one SQLite file, shared by the threads and processes of one machine.

Every operation is one transaction that takes the write lock first (BEGIN IMMEDIATE), reads the
document's row, asks `stores.rules`, and writes what changed. Write-ahead logging, so that
`conversations list` reads while the bot writes. A journal is one row a record, JSON as the caller
made it: `sqlite3 wechat-dialog.db 'select record from records'` reads it.

Durability: a commit or record is on the disk before the reply leaves the house (synchronous=FULL,
one fsync of the log). With NORMAL a machine that loses power could forget the last turns, though
the user has seen their answers and their steps have run. What only concerns the living (claims,
their renewal, waiting, deferring) is written with NORMAL: after a power cut nobody holds a claim.

One connection and one lock a process: SQLite has one writer at a time anyway, and threads that
meet in its busy handler sleep in growing steps up to 100 ms, where a lock hands over at once.
"""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

from wechat_dialog.errors import StoreError
from wechat_dialog.forks import leave_behind, mind
from wechat_dialog.stores import rules
from wechat_dialog.stores.base import (
    NOTHING,
    Answered,
    Claimed,
    Committed,
    Conflict,
    Deferred,
    Have,
    Running,
    Shown,
    Stored,
    Unclaimed,
    Write,
)
from wechat_dialog.stores.sqlite_rows import Rows, is_busy, prepare

__all__ = ["SQLiteStore"]

PURGE_EVERY = 60_000_000
PAGE = 200

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


def _explain(path: str, error: sqlite3.Error) -> StoreError:
    """Turn SQLite's error into ours, with a sentence that says what to do."""
    name = getattr(error, "sqlite_errorname", None) or ""
    # Extended codes carry the primary one as their beginning: SQLITE_IOERR_FSYNC, …
    advice = next((text for code, text in _ADVICE.items() if name.startswith(code)), str(error))
    return StoreError(f"SQLite store {path}: {advice}")


class SQLiteStore:
    """See `Store`.

    Args:
        path: The database file, relative to the working directory of now; made with mode 0600 if
            it is not there; its folder has to be.
        clock: Returns the time in seconds since 1970; the same in all processes.
        patience: Seconds to wait for a lock that another process holds.

    The file is opened by the first operation, not here.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        clock: Callable[[], float] = time.time,
        *,
        patience: float = 3.0,
    ) -> None:
        self.path = str(Path(path).absolute())
        self._clock = clock
        self._patience = patience
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._files: dict[str, Identity] = {}
        self._durable = True
        self._purged = 0
        mind(self)

    def begin_anew(self) -> None:
        """See `forks.Forked`: open an own connection, and never close the parent's.

        SQLite forbids both: using a connection across a fork, and closing it in the child, which
        would remove the log under the parent's feet.
        """
        leave_behind(self._connection)
        self._connection = None
        self._lock = threading.Lock()

    def use_clock(self, clock: Callable[[], float]) -> None:
        """Go by another clock from now on; for simulators, which put theirs forward."""
        self._clock = clock

    def _connect(self) -> sqlite3.Connection:
        if not Path(self.path).exists():
            # The log and its index, made by SQLite, get the mode of the database.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        elif not os.access(self.path, os.W_OK):
            # SQLite would open it, and leave an index beside it that nobody may write to, which
            # then stands in the way of a file whose mode was put right.
            raise StoreError(f"SQLite store {self.path}: {_ADVICE['SQLITE_READONLY']}")
        connection = sqlite3.connect(
            self.path,
            timeout=0,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=64,
        )
        try:
            prepare(connection, self.path, self._patience)
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
            self._give_up()
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

    def _give_up(self) -> None:
        """Close the connection; the next operation opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):  # it is given up because something is wrong
                connection.close()

    def _begin(self, connection: sqlite3.Connection) -> None:
        """Take the database's lock.

        SQLite's own waiting pauses longer and longer, up to 100 ms, and so finds the lock taken
        for seconds while another busy process hands it over and over to its own threads.
        """
        end = 0.0
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                end = end or time.monotonic() + self._patience
                if not is_busy(error) or time.monotonic() > end:
                    raise
                time.sleep(random.uniform(0.0001, 0.001))
            else:
                return

    @contextlib.contextmanager
    def _transaction(self, *, durable: bool) -> Generator[tuple[Rows, int]]:
        """Hold the process's lock and the database's; commit unless the block raises.

        Yields:
            The rows, and the time.
        """
        with self._lock:
            try:
                connection = self._opened()
                if self._durable != durable:
                    mode = "FULL" if durable else "NORMAL"
                    connection.execute(f"PRAGMA synchronous={mode}")
                    self._durable = durable
                self._begin(connection)
                try:
                    now = int(self._clock() * 1e6)
                    rows = Rows(connection)
                    if self._purged + PURGE_EVERY <= now:
                        self._purged = now
                        rows.purge(now)
                    yield rows, now
                    connection.execute("COMMIT")
                except BaseException:
                    # SQLite has rolled back by itself after some errors (a full disk).
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                # Its cache may hold what was damaged, and a file that was opened read-only stays
                # so: a file that is mended would be refused until the process ends.
                if not (getattr(error, "sqlite_errorname", None) or "").startswith(_STAYS_OPEN):
                    self._give_up()
                raise _explain(self.path, error) from error
            except OSError as error:
                raise StoreError(
                    f"SQLite store {self.path}: {error.strerror}: check that its folder exists "
                    "and may be written to"
                ) from error

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
        """See `Store.claim`."""
        with self._transaction(durable=False) as (rows, now):
            document = rows.open(user, now)
            mark = rows.mark(user, key, now)
            if optimistic and not have.journal and rules.is_quiet(document, mark):
                everything = rows.records(user, 0)
                return rules.unclaimed(document, now, records=everything, data=rows.data(user))
            granted = rules.claim(
                document,
                mark,
                key,
                now,
                lease=rules.micros(lease),
                arrival=arrival,
                message=message,
            )
            if isinstance(granted, Answered):
                return granted
            rows.save(user, document)
            if isinstance(granted, Running):
                return granted
            records = rows.records(user, rules.lacking(document, have))
            return rules.claimed(document, granted, now, records=records, data=rows.data(user))

    def record(self, user: str, fence: int, write: Write) -> Committed:
        """See `Store.record`."""
        with self._transaction(durable=True) as (rows, now):
            document = rows.open(user, now)
            done = rules.record(document, fence, write, now)
            rows.write(user, document, write, now)
            return done

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
        """See `Store.commit`."""
        with self._transaction(durable=True) as (rows, now):
            document = rows.open(user, now)
            done = rules.commit(
                document,
                rows.mark(user, key, now),
                key,
                write,
                now,
                fence=fence,
                revision=revision,
                max_age=max_age,
                deferred=deferred,
                release=release,
            )
            if isinstance(done, Committed):
                rows.write(user, document, write, now)
                rows.set_mark(user, key, rules.Mark(reply, now + rules.micros(remember)))
            return done

    def defer(self, user: str, key: str, message: bytes = b"") -> Answered | None:
        """See `Store.defer`."""
        # The message is on the disk before its user is promised an answer.
        with self._transaction(durable=bool(message)) as (rows, now):
            document = rows.open(user, now)
            mark = rules.defer(document, rows.mark(user, key, now), key, message, now)
            if isinstance(mark, Answered):
                return mark
            rows.set_mark(user, key, mark)
            if message:
                rows.save(user, document)
            return None

    def renew(self, user: str, fence: int, lease: float) -> None:
        """See `Store.renew`."""
        with self._transaction(durable=False) as (rows, now):
            document = rows.open(user, now)
            rules.renew(document, fence, now, lease=rules.micros(lease))
            rows.save(user, document)

    def release(self, user: str, fence: int) -> None:
        """See `Store.release`."""
        with self._transaction(durable=False) as (rows, now):
            document = rows.open(user, now)
            rules.release(document, fence)
            rows.save(user, document)

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """See `Store.list`."""
        after: str | None = None
        while True:
            with self._transaction(durable=False) as (rows, now):
                page = [rows.line(user, now) for user in rows.users(prefix, after, PAGE, now)]
            for line in page:
                if not line.user.startswith(prefix):
                    return
                yield line
            if len(page) < PAGE:
                return
            after = page[-1].user

    def show(self, user: str) -> Shown | None:
        """See `Store.show`."""
        with self._transaction(durable=False) as (rows, now):
            document = rows.open(user, now)
            data, parked = rows.data(user), rows.parked(user, now)
            if not (document.revision or data or parked):
                return None
            return Shown(
                head=document.head,
                records=rows.records(user, 0) if document.revision else (),
                data=data,
                age=rules.seconds(now - document.committed) if document.revision else 0.0,
                ttl=rules.seconds(document.expires - now) if document.revision else 0.0,
                parked=parked,
            )

    def end(self, user: str, id: str | None = None) -> bool:
        """See `Store.end`."""
        with self._transaction(durable=True) as (rows, now):
            document = rows.open(user, now)
            if id is not None:
                return rows.unpark(user, id, now)
            ended = rules.end(document, now)
            if ended:
                rows.save(user, document)
            return ended

    def close(self) -> None:
        """See `Store.close`."""
        with self._lock:
            self._give_up()

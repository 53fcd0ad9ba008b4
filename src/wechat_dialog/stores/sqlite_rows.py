"""The tables of the SQLite store, and how a document is read from and written to them.

Everything happens inside the caller's transaction. Bytes that are UTF-8, as journals are, are
stored as text, so that any SQLite tool shows them; others as blobs.
"""

from __future__ import annotations

import json
import sqlite3
import time
from typing import Any

from wechat_dialog.errors import StoreError
from wechat_dialog.stores import rules
from wechat_dialog.stores.base import Parked, Stored, Write

__all__ = ["FORMAT", "Rows", "is_busy", "prepare"]

FORMAT = 3
"""Version of the tables, kept in the file as its `user_version`."""

# `idle` is when a row says nothing any more, not even which numbers were given out lately.
_TABLES = """
CREATE TABLE documents (
    user TEXT PRIMARY KEY, head, length INTEGER, revision INTEGER, journal INTEGER,
    committed INTEGER, expires INTEGER, last INTEGER, fence INTEGER, holder TEXT, until INTEGER,
    seen TEXT, idle INTEGER, lost INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX documents_idle ON documents (idle);
CREATE TABLE records (
    user TEXT, position INTEGER, record, PRIMARY KEY (user, position)
) WITHOUT ROWID;
CREATE TABLE replies (
    user TEXT, key TEXT, reply, expires INTEGER, PRIMARY KEY (user, key)
) WITHOUT ROWID;
CREATE INDEX replies_expires ON replies (expires);
CREATE TABLE data (user TEXT PRIMARY KEY, data) WITHOUT ROWID;
CREATE TABLE parked (
    user TEXT, id TEXT, document, stamp INTEGER, expires INTEGER, PRIMARY KEY (user, id)
) WITHOUT ROWID;
CREATE INDEX parked_expires ON parked (expires);
"""
_CHANGES = {
    # Format 1 kept no deferred messages, and did not count the claims that ran out.
    1: "ALTER TABLE documents ADD COLUMN lost INTEGER NOT NULL DEFAULT 0",
    # Format 2 did not keep messages with their claims.
    2: "UPDATE documents SET seen = '{}'",
}
"""What makes tables of an earlier format those of the next."""


def is_busy(error: sqlite3.Error) -> bool:
    """Whether waiting may help: another process holds the lock."""
    return error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def prepare(connection: sqlite3.Connection, path: str, patience: float) -> None:
    """Switch to write-ahead logging and make the tables, unless another process just did.

    Raises:
        StoreError: The file was made by a later version of this library.
    """
    end = time.monotonic() + patience
    while True:
        # Where several processes open a new file at once, SQLite refuses without waiting.
        try:
            connection.execute("PRAGMA journal_mode=WAL").fetchone()
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("BEGIN IMMEDIATE")
            break
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > end:
                raise
            time.sleep(0.001)
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > FORMAT:
        raise StoreError(
            f"SQLite store {path}: its tables are of format {found}, this version of wechat-dialog "
            f"knows format {FORMAT}: upgrade wechat-dialog, or give another path"
        )
    if found < FORMAT:
        steps = [_CHANGES[old] for old in range(found, FORMAT)] if found else [_TABLES]
        for statement in ";".join(steps).split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={FORMAT}")
    connection.execute("COMMIT")


_TEXT = "utf-8", "surrogateescape"
"""How any bytes stand in JSON."""


def _out(value: bytes) -> str | bytes:
    """Return text where the bytes are text."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _in(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


class Rows:
    """One transaction's view of the tables."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection.execute
        self._many = connection.executemany
        self._stored = 0
        """Number of records of the document last opened, dropped ones included."""
        self._left = 0
        """How many of them still count."""

    def open(self, user: str, now: int) -> rules.Document:
        """Return the document of `user`, a new one if there is none, freed of what ran out."""
        if not user:
            raise ValueError("a user's key must not be empty")
        row = self._sql(
            "SELECT head, length, revision, journal, committed, expires, last, fence, holder, "
            "until, lost, seen FROM documents WHERE user = ?",
            (user,),
        ).fetchone()
        if row is None:
            self._stored = self._left = 0
            return rules.Document()
        head, length, revision, journal, committed, expires, last, fence, holder, until, lost, _ = (
            row
        )
        seen = {
            key: rules.Seen(
                *(first, copies, asked, bool(waits), message.encode(*_TEXT)),
                *(began, bool(promised)),
            )
            for key, (first, copies, asked, waits, message, began, promised) in json.loads(
                row[11]
            ).items()
        }
        document = rules.Document(
            *(_in(head), length, revision, journal, committed, expires, last),
            *(fence, holder, until, lost, seen),
        )
        self._stored = document.length
        rules.forget_expired(document, now)
        self._left = document.length
        return document

    def save(self, user: str, document: rules.Document) -> None:
        """Write the document; of its records only remove those it no longer has."""
        if not document.revision:
            self._left = 0
        if self._left < self._stored:
            self._sql("DELETE FROM records WHERE user = ? AND position >= ?", (user, self._left))
        d = document
        seen = {
            key: [
                *(s.first, s.copies, s.asked, int(s.waits), s.message.decode(*_TEXT)),
                *(s.began, int(s.promised)),
            ]
            for key, s in d.seen.items()
        }
        idle = max([d.expires, d.idle, *(s.until for s in d.seen.values())])
        self._sql(
            "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(user, _out(d.head), d.length, d.revision, d.journal, d.committed, d.expires),
                *(d.last, d.fence, d.holder, d.until, json.dumps(seen), idle, d.lost),
            ),
        )

    def write(self, user: str, document: rules.Document, write: Write, now: int) -> None:
        """Do with the rows what the rules did with the document."""
        kept = document.length - len(write.records) if document.revision else 0
        self._left = min(self._left, kept)
        self.save(user, document)
        if document.revision and write.records:
            self._many(
                "INSERT INTO records VALUES (?, ?, ?)",
                [(user, kept + i, _out(record)) for i, record in enumerate(write.records)],
            )
        if write.data:
            self._sql("INSERT OR REPLACE INTO data VALUES (?, ?)", (user, _out(write.data)))
        elif write.data is not None:
            self._sql("DELETE FROM data WHERE user = ?", (user,))
        if write.unpark is not None:
            self.unpark(user, write.unpark, now)
        if write.park is not None:
            park = write.park
            self._sql(
                "INSERT OR REPLACE INTO parked VALUES (?, ?, ?, ?, ?)",
                (user, park.id, _out(park.document), document.last, now + rules.micros(park.ttl)),
            )

    def records(self, user: str, start: int) -> tuple[bytes, ...]:
        """Return the journal from position `start`."""
        found = self._sql(
            "SELECT record FROM records WHERE user = ? AND position >= ? ORDER BY position",
            (user, start),
        )
        return tuple([_in(record) for (record,) in found])

    def data(self, user: str) -> bytes:
        """Return the user's data; empty if there is none."""
        row = self._sql("SELECT data FROM data WHERE user = ?", (user,)).fetchone()
        return b"" if row is None else _in(row[0])

    def mark(self, user: str, key: str, now: int) -> rules.Mark | None:
        """Return what is known under a message's key."""
        row = self._sql(
            "SELECT reply, expires FROM replies WHERE user = ? AND key = ? AND expires > ?",
            (user, key, now),
        ).fetchone()
        if row is None:
            return None
        return rules.Mark(None if row[0] is None else _in(row[0]), row[1])

    def set_mark(self, user: str, key: str, mark: rules.Mark) -> None:
        """Remember a mark."""
        reply = None if mark.reply is None else _out(mark.reply)
        self._sql(
            "INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?)", (user, key, reply, mark.expires)
        )

    def parked(self, user: str, now: int) -> dict[str, Parked]:
        """Return parked conversations, oldest first, with what is left of their ttl."""
        found = self._sql(
            "SELECT id, document, expires FROM parked WHERE user = ? AND expires > ? "
            "ORDER BY stamp",
            (user, now),
        )
        return {
            id: Parked(id, _in(document), rules.seconds(expires - now))
            for id, document, expires in found
        }

    def unpark(self, user: str, id: str, now: int) -> bool:
        """Remove a parked conversation and say whether there was one."""
        there = self._sql(
            "SELECT 1 FROM parked WHERE user = ? AND id = ? AND expires > ?", (user, id, now)
        ).fetchone()
        self._sql("DELETE FROM parked WHERE user = ? AND id = ?", (user, id))
        return there is not None

    def users(self, prefix: str, after: str | None, limit: int, now: int) -> list[str]:
        """Return the next users, in the order of their keys, from `prefix` on or `after` a key."""
        found = self._sql(
            "SELECT user FROM documents WHERE user >= :start AND user IS NOT :after "
            "AND revision > 0 AND expires > :now UNION "
            "SELECT user FROM parked WHERE user >= :start AND user IS NOT :after "
            "AND expires > :now ORDER BY user LIMIT :limit",
            {"start": after or prefix, "after": after, "now": now, "limit": limit},
        )
        return [user for (user,) in found]

    def line(self, user: str, now: int) -> Stored:
        """Return a user's line of a listing."""
        document = self.open(user, now)
        parked = self.parked(user, now)
        longest = max((p.ttl for p in parked.values()), default=0.0)
        return Stored(
            user=user,
            head=document.head,
            length=document.length,
            age=rules.seconds(now - document.committed) if document.revision else 0.0,
            ttl=rules.seconds(document.expires - now) if document.revision else longest,
            parked=tuple(parked),
        )

    def purge(self, now: int) -> None:
        """Delete what ran out, some of it at a time so that no turn waits long for it."""
        found: list[Any] = self._sql(
            "SELECT user FROM documents WHERE idle <= ? LIMIT 1000", (now,)
        ).fetchall()
        self._many("DELETE FROM records WHERE user = ?", found)
        self._many("DELETE FROM documents WHERE user = ?", found)
        self._sql("DELETE FROM replies WHERE expires <= ?", (now,))
        self._sql("DELETE FROM parked WHERE expires <= ?", (now,))

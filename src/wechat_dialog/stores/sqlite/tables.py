"""The tables of the SQLite store: created, and migrated from earlier formats."""

from __future__ import annotations

import sqlite3
import time

from wechat_dialog.errors import StoreError

from .pages import make_tables

__all__ = ["FORMAT", "as_bytes", "as_stored", "is_busy", "prepare"]

FORMAT = 3
"""Version of the tables, stored in the file as its `user_version`."""

# `idle`: time after which the row may be deleted. A row of `documents` holds an `Entry`.
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
# Tables that earlier versions of this format do not know, and so do not touch; they may have the
# same file open. So none of this is in `documents`, whose rows they write as a whole. A row of
# `times` has the times and mailbox of an `Entry`; most users have none. `rings`: from when on the
# index returns the user; 0: it does not.
_TIMES = """
CREATE TABLE times (
    user TEXT PRIMARY KEY, account TEXT, rings INTEGER, wake INTEGER, hidden INTEGER, mail INTEGER,
    mail_until INTEGER, aside INTEGER, told INTEGER, read INTEGER, before TEXT
) WITHOUT ROWID;
CREATE INDEX times_rings ON times (account, rings) WHERE rings > 0;
CREATE TABLE aside (user TEXT, id TEXT, document, PRIMARY KEY (user, id)) WITHOUT ROWID;
CREATE TABLE mail (
    user TEXT, number INTEGER, body, expires INTEGER, PRIMARY KEY (user, number)
) WITHOUT ROWID;
CREATE INDEX mail_expires ON mail (expires);
CREATE TABLE mail_ids (
    user TEXT, id TEXT, expires INTEGER, PRIMARY KEY (user, id)
) WITHOUT ROWID;
CREATE INDEX mail_ids_expires ON mail_ids (expires);
CREATE TABLE accounts (name TEXT PRIMARY KEY, account TEXT) WITHOUT ROWID;
"""
# This table is unknown to them, too; it is created if it is missing, whatever the file's format.
_PARTS = """
CREATE TABLE IF NOT EXISTS step_parts (
    user TEXT, step TEXT, part TEXT, outcome, number INTEGER, expires INTEGER,
    PRIMARY KEY (user, step, part)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS step_parts_expires ON step_parts (expires)
"""
_HAS_TIMES = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'accounts'"
_CHANGES = {
    # Format 1 had no deferred messages, and did not count expired claims.
    1: "ALTER TABLE documents ADD COLUMN lost INTEGER NOT NULL DEFAULT 0",
    # Format 2 did not store messages with their claims.
    2: "UPDATE documents SET seen = '{}'",
}
"""Statements that migrate tables of a format to the next."""


def as_stored(value: bytes) -> str | bytes:
    """Return bytes as text if they are UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def as_bytes(value: str | bytes) -> bytes:
    """Return the bytes that were given to `as_stored`."""
    return value.encode() if isinstance(value, str) else value


def is_busy(error: sqlite3.Error) -> bool:
    """Return whether waiting may help, because another process holds the lock."""
    return error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def _format(connection: sqlite3.Connection, path: str, *, may_be_new: bool) -> int:
    """Return the format of a file's tables; 0 if it has none. See `prepare`."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > FORMAT:
        raise StoreError(
            f"SQLite store {path}: its tables are of format {version}, this version of "
            f"wechat-dialog knows format {FORMAT}: upgrade wechat-dialog, or give another path"
        )
    if not (version or may_be_new):
        raise StoreError(
            f"SQLite store {path}: the file was emptied; if another one is being copied into it, "
            "it is used once it is complete; to begin with an empty store, delete the file"
        )
    return int(version)


def prepare(
    connection: sqlite3.Connection, path: str, patience: float, *, may_be_new: bool = True
) -> None:
    """Switch to write-ahead logging and create the tables, unless another process just did.

    Args:
        connection: The connection to the file.
        path: The file, for errors.
        patience: Seconds to wait for another process.
        may_be_new: False: the file had tables before. If they are missing, none are created: `cp`
            empties a file before it fills it, and the log of new tables would hide, and then
            destroy, what is copied.

    Raises:
        StoreError: The file was made by a later version of this library, or was emptied.
    """
    end = time.monotonic() + patience
    while True:
        # If several processes open a new file at the same time, SQLite fails without waiting.
        try:
            _format(connection, path, may_be_new=may_be_new)  # before anything is written
            connection.execute("PRAGMA journal_mode=WAL").fetchone()
            connection.execute("PRAGMA synchronous=FULL")
            # Deleted data is overwritten, including free pages (FAST would leave those).
            connection.execute("PRAGMA secure_delete=ON").fetchone()
            connection.execute("BEGIN IMMEDIATE")
            break
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > end:
                raise
            time.sleep(0.001)
    version = _format(connection, path, may_be_new=may_be_new)
    steps = [_CHANGES[old] for old in range(version, FORMAT)] if version else [_TABLES]
    if connection.execute(_HAS_TIMES).fetchone() == (0,):
        steps.append(_TIMES)
    steps.append(_PARTS)
    for statement in ";".join(steps).split(";"):
        connection.execute(statement)
    if version < FORMAT:
        connection.execute(f"PRAGMA user_version={FORMAT}")
    make_tables(connection)
    connection.execute("COMMIT")

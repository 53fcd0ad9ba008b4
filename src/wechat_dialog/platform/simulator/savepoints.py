"""Savepoints of a conversation: copies of a user's rows in the bot's SQLite file.

The file is the simulator's own; its tables are those of `stores.sqlite.rows`. A restored row gets a
new revision, so that to the bot the conversation was changed by another process. Its times are
moved forward by the time since the savepoint, so that the conversation has not expired meanwhile.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Points"]

LIMIT = 2000
"""Savepoints that are kept; beyond that the oldest is dropped."""

# The columns of each table that hold times, which are moved forward.
TABLES = {
    "documents": ("committed", "expires", "idle"),
    "records": (),
    "replies": ("expires",),
    "data": (),
    "parked": ("expires",),
    # The due time of a timer is part of the conversation and stays as it is, even if it is over.
    "times": (),
    "aside": (),
    "mail": ("expires",),
    "mail_ids": ("expires",),
}

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Point:
    user: str
    at: float
    rows: dict[str, list[Row]] = field(default_factory=dict[str, "list[Row]"])


class Points:
    """The savepoints of all users."""

    def __init__(self, path: str) -> None:
        """Begin without savepoints; `path` is the SQLite file, which need not exist yet."""
        self._path = path
        self._points: dict[int, _Point] = {}
        self._numbers = itertools.count(1)

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=5, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            yield connection

    def mark(self, user: str, now: float) -> int:
        """Make a savepoint of a user's conversation.

        Args:
            user: The user's OpenID.
            now: The bot's time, in seconds since 1970.

        Returns:
            The savepoint's number.
        """
        point = _Point(user, now)
        if Path(self._path).exists():
            with self._open() as connection:
                connection.execute("BEGIN")  # one snapshot of all tables
                if _tables_exist(connection):
                    for table in TABLES:
                        point.rows[table] = _rows(connection, table, user)
        number = next(self._numbers)
        self._points[number] = point
        while len(self._points) > LIMIT:
            del self._points[next(iter(self._points))]
        return number

    def restore(self, number: int, now: float) -> bool:
        """Put a user's conversation back to a savepoint.

        Args:
            number: What `mark` returned.
            now: The bot's time.

        Returns:
            False if the savepoint is no longer kept; nothing is changed then.
        """
        point = self._points.get(number)
        if point is None:
            return False
        if not Path(self._path).exists():
            return True
        passed = round((now - point.at) * 1e6)
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            if not _tables_exist(connection):
                return True
            there = _rows(connection, "documents", point.user)
            rows = {name: [dict(row) for row in point.rows.get(name, [])] for name in TABLES}
            for table, times in TABLES.items():
                for row in rows[table]:
                    for column in times:
                        row[column] += passed
            rows["documents"] = _under_new_numbers(rows["documents"], there, round(now * 1e6))
            for table in TABLES:
                _replace(connection, table, point.user, rows[table])
            connection.execute("COMMIT")
        return True

    def drop(self, user: str) -> None:
        """Delete everything that is stored of a user."""
        if not Path(self._path).exists():
            return
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            for table in TABLES if _tables_exist(connection) else ():
                _replace(connection, table, user, [])
            connection.execute("COMMIT")


def _tables_exist(connection: sqlite3.Connection) -> bool:
    """Return whether the tables exist: the bot's process may be about to create them."""
    # This table is created last.
    query = "SELECT count(*) FROM sqlite_master WHERE name = 'accounts'"
    (number,) = connection.execute(query).fetchone()
    return bool(number)


# The store's key of a user is `account:openid`, or the OpenID alone for a 2017 module.
_OF_USER = "(user = :user OR substr(user, -length(:user) - 1) = ':' || :user)"


def _rows(connection: sqlite3.Connection, table: str, user: str) -> list[Row]:
    rows = connection.execute(f"SELECT * FROM {table} WHERE {_OF_USER}", {"user": user})  # noqa: S608
    return [dict(row) for row in rows]


def _replace(connection: sqlite3.Connection, table: str, user: str, rows: list[Row]) -> None:
    connection.execute(f"DELETE FROM {table} WHERE {_OF_USER}", {"user": user})  # noqa: S608
    for row in rows:
        places = ", ".join(f":{name}" for name in row)
        connection.execute(f"INSERT INTO {table} VALUES ({places})", row)  # noqa: S608


def _under_new_numbers(saved: list[Row], present: list[Row], now: int) -> list[Row]:
    """Give documents revisions and fences that were never used, and no claim.

    A document that did not exist at the savepoint becomes an empty one: it keeps the numbers that
    were given out meanwhile.
    """
    documents = {row["user"]: row for row in saved}
    for row in present:
        if row["user"] not in documents:
            empty = {"head": "", "length": 0, "revision": 0, "journal": 0}
            documents[row["user"]] = {**row, **empty, "committed": 0, "expires": 0}
    last = {row["user"]: row["last"] for row in present}
    for user, row in documents.items():
        number = max(last.get(user, 0), row["last"], now) + 1
        running = bool(row["revision"])
        row |= {"revision": number if running else 0, "journal": number + 1 if running else 0}
        row |= {"last": number + 1, "fence": 0, "holder": "", "until": 0, "seen": "{}"}
    return list(documents.values())

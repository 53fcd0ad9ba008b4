"""Answer pages in the SQLite file, in tables of their own, which earlier versions do not touch.

They are created when the file is opened, whatever its format: after a return to an earlier version
the rest of the file is unchanged.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import msgspec

from wechat_dialog.core.store.page_rules import PageEntry, append, opened, shown
from wechat_dialog.core.store.pages import PAGES, Page, PageAppend, PageOpen

__all__ = ["PageRows", "make_tables"]

_TABLES = """
CREATE TABLE IF NOT EXISTS pages (
    id TEXT PRIMARY KEY, user TEXT, expires INTEGER, changed INTEGER, edition INTEGER,
    fence INTEGER, size INTEGER, length INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS pages_user ON pages (user);
CREATE INDEX IF NOT EXISTS pages_expires ON pages (expires);
CREATE TABLE IF NOT EXISTS page_pieces (
    id TEXT, place INTEGER, piece, PRIMARY KEY (id, place)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, secret BLOB) WITHOUT ROWID
"""


def make_tables(connection: sqlite3.Connection) -> None:
    """Create missing tables, in the open transaction."""
    for statement in _TABLES.split(";"):
        connection.execute(statement)


class PageRows:
    """One transaction's view of the pages; `sql` executes a statement in it."""

    def __init__(self, sql: Callable[..., sqlite3.Cursor]) -> None:
        self._sql = sql

    def open(self, asked: PageOpen, now: int) -> None:
        """See `Store.page_open`; the caller has to check the claim."""
        entry = opened(self._entry(asked.id, now), asked, now)
        self._save(asked.id, entry)
        self._sql("UPDATE pages SET user = ? WHERE id = ?", (asked.user, asked.id))
        rows = self._sql(
            "SELECT id FROM pages WHERE user = ? ORDER BY expires DESC, id = ? DESC LIMIT -1 "
            "OFFSET ?",
            (asked.user, asked.id, PAGES),
        )
        self._drop([id for (id,) in rows.fetchall()])

    def append(self, asked: PageAppend, now: int) -> bool:
        """See `Store.page_append`."""
        entry = self._entry(asked.id, now)
        if entry is None:
            return False
        new = append(entry, self._pieces(asked.id, asked.place), asked, now)
        if new is None:
            return False
        length, pieces = new
        self._sql("DELETE FROM page_pieces WHERE id = ? AND place >= ?", (asked.id, length))
        for place, piece in enumerate(pieces, length):
            self._sql("INSERT INTO page_pieces VALUES (?, ?, ?)", (asked.id, place, piece))
        self._save(asked.id, entry)
        return True

    def read(self, id: str, after: int, now: int) -> Page | None:
        """See `Store.page_read`."""
        entry = self._entry(id, now)
        return None if entry is None else shown(entry, self._pieces(id, max(after, 0)), now)

    def secret(self, fresh: bytes) -> bytes:
        """See `Store.page_secret`."""
        self._sql("INSERT OR IGNORE INTO secrets VALUES ('pages', ?)", (fresh,))
        (secret,) = self._sql("SELECT secret FROM secrets WHERE name = 'pages'").fetchone()
        return bytes(secret)

    def forget(self, user: str, now: int) -> bool:
        """Drop a user's pages; returns whether there were any."""
        rows = self._sql("SELECT id, expires > ? FROM pages WHERE user = ?", (now, user))
        pages: list[tuple[str, int]] = rows.fetchall()
        self._drop([id for id, _ in pages])
        return any(unexpired for _, unexpired in pages)

    def purge(self, now: int) -> None:
        """Drop expired pages, a limited number at a time, so that no turn waits long for it."""
        rows = self._sql("SELECT id FROM pages WHERE expires <= ? LIMIT 200", (now,))
        self._drop([id for (id,) in rows.fetchall()])

    def _drop(self, ids: list[str]) -> None:
        for id in ids:
            self._sql("DELETE FROM page_pieces WHERE id = ?", (id,))
            self._sql("DELETE FROM pages WHERE id = ?", (id,))

    def _entry(self, id: str, now: int) -> PageEntry | None:
        row: Any = self._sql(
            "SELECT expires, changed, edition, fence, size, length FROM pages "
            "WHERE id = ? AND expires > ?",
            (id, now),
        ).fetchone()
        if row is None:
            self._drop([id])
            return None
        return PageEntry(*row)

    def _pieces(self, id: str, place: int) -> tuple[bytes, ...]:
        rows = self._sql(
            "SELECT piece FROM page_pieces WHERE id = ? AND place >= ? ORDER BY place", (id, place)
        )
        return tuple([bytes(piece) for (piece,) in rows])

    def _save(self, id: str, entry: PageEntry) -> None:
        row = msgspec.structs.astuple(entry)
        self._sql(
            "INSERT INTO pages (id, expires, changed, edition, fence, size, length) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET expires = ?, changed = ?, "
            "edition = ?, fence = ?, size = ?, length = ?",
            (id, *row, *row),
        )

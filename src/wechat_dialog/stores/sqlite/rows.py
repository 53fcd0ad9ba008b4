"""Reads and writes an entry from and to the tables of the SQLite store.

Everything happens inside the caller's transaction. Bytes that are UTF-8, as journals are, are
stored as text, so that any SQLite tool can show them; others as blobs.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from wechat_dialog.core.store import results, rules, waking
from wechat_dialog.core.store.entry import Entry, Remembered, Seen, micros, seconds
from wechat_dialog.core.store.kept import Parked, Stored
from wechat_dialog.core.store.times import Due, Dues
from wechat_dialog.core.store.values import Write

from .pages import PageRows
from .parts import PartRows
from .tables import as_bytes, as_stored
from .times import Times

__all__ = ["Rows"]

_HAS_CONVERSATIONS = (
    "SELECT user FROM documents WHERE user >= :start AND user IS NOT :after "
    "AND revision > 0 AND expires > :now UNION "
    "SELECT user FROM parked WHERE user >= :start AND user IS NOT :after AND expires > :now "
)
_HAS_ANYTHING_ELSE = (
    "UNION SELECT user FROM data WHERE user >= :start AND user IS NOT :after UNION "
    "SELECT user FROM mail WHERE user >= :start AND user IS NOT :after AND expires > :now UNION "
    "SELECT user FROM documents WHERE user >= :start AND user IS NOT :after AND seen <> '{}' "
)

_TEXT = "utf-8", "surrogateescape"
"""Encoding of arbitrary bytes as text in JSON."""


def _seen(
    first: int,
    copies: int,
    last_asked: int,
    waits: int,
    message: str,
    began: int,
    promised: int,
    reply: str | None = None,
    given_to: int = 0,
) -> Seen:
    """Read a message as `Rows.save` writes it; the last two fields are only there if set."""
    return Seen(
        *(first, copies, last_asked, bool(waits), message.encode(*_TEXT), began, bool(promised)),
        *(None if reply is None else reply.encode(*_TEXT), given_to),
    )


class Rows:
    """One transaction's view of the tables."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.pages = PageRows(connection.execute)
        self.parts = PartRows(connection.execute)
        self._sql = connection.execute
        self._many = connection.executemany
        self.times = Times(connection)
        self._stored = 0
        """Number of records of the entry last opened, including dropped ones."""
        self._left = 0
        """How many of them are still part of the journal."""

    def open(self, user: str, now: int, *, timed: bool = False) -> Entry:
        """Return the entry of `user`, without anything expired; a new one if there is none.

        Args:
            user: The user's key.
            now: The time.
            timed: Whether to read times and mailbox even without an entry: an earlier version,
                which does not know them, may have dropped the entry.
        """
        if not user:
            raise ValueError("a user's key must not be empty")
        row = self._sql(
            "SELECT head, length, revision, journal, committed, expires, last, fence, holder, "
            "until, lost, seen, EXISTS (SELECT 1 FROM times WHERE times.user = documents.user) "
            "FROM documents WHERE user = ?",
            (user,),
        ).fetchone()
        if row is None:
            self._stored = self._left = 0
            entry = Entry()
            self.times.open(user, entry, has_row=timed)
            entry.forget_expired(now)
            return entry
        head, length, revision, journal, committed, expires, last, fence, holder, until, lost = row[
            :11
        ]
        seen = {key: _seen(*fields) for key, fields in json.loads(row[11]).items()}
        entry = Entry(
            *(as_bytes(head), length, revision, journal, committed, expires, last),
            *(fence, holder, until, lost, seen),
        )
        self._stored = entry.length
        self.times.open(user, entry, has_row=row[12])
        entry.forget_expired(now)
        self._left = entry.length
        return entry

    def save(self, user: str, entry: Entry) -> None:
        """Write the entry; of its records only delete those that it no longer has."""
        if not entry.revision:
            self._left = 0
        if self._left < self._stored:
            self._sql("DELETE FROM records WHERE user = ? AND position >= ?", (user, self._left))
        d = entry
        seen = {
            key: [
                *(s.first, s.copies, s.last_asked, int(s.waits), s.message.decode(*_TEXT)),
                *(s.began, int(s.promised)),
                *(() if s.reply is None else (s.reply.decode(*_TEXT), s.given_to)),
            ]
            for key, s in d.seen.items()
        }
        idle = max([d.expires, d.idle, *(s.until for s in d.seen.values())])
        self._sql(
            "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(user, as_stored(d.head), d.length, d.revision, d.journal, d.committed, d.expires),
                *(d.last, d.fence, d.holder, d.until, json.dumps(seen), idle, d.lost),
            ),
        )
        self.times.save(user, entry)

    def write(self, user: str, entry: Entry, write: Write, now: int) -> tuple[str, ...]:
        """Apply to the rows what the rules did with the entry.

        Returns:
            Ids of parked conversations that were dropped for a new one.
        """
        remaining = entry.length - len(write.records) if entry.revision else 0
        self._left = min(self._left, remaining)
        self.times.write(user, entry, write, now)
        self.save(user, entry)
        if entry.revision and write.records:
            self._many(
                "INSERT INTO records VALUES (?, ?, ?)",
                [
                    (user, remaining + i, as_stored(record))
                    for i, record in enumerate(write.records)
                ],
            )
        if write.forget:
            self._drop_the_rest(user)
            self.times.forget(user, now)
            self.parts.forget(user, now)
        self.parts.drop(user, write.ended)
        if write.data:
            self._sql("INSERT OR REPLACE INTO data VALUES (?, ?)", (user, as_stored(write.data)))
        elif write.data is not None:
            self._sql("DELETE FROM data WHERE user = ?", (user,))
        for id in write.unpark:
            self.unpark(user, id, now)
        dropped: tuple[str, ...] = ()
        for parked in sorted(write.park, key=lambda parked: parked.id):
            dropped += self._park(user, parked, entry.last, now)
        return dropped

    def _park(self, user: str, park: Parked, stamp: int, now: int) -> tuple[str, ...]:
        others = self._sql(
            "SELECT id, length(CAST(document AS BLOB)) FROM parked "
            "WHERE user = ? AND expires > ? AND id IS NOT ? ORDER BY stamp, id",
            (user, now, park.id),
        )
        dropped = rules.crowded_out(others.fetchall(), park)
        for id in dropped:
            self._sql("DELETE FROM parked WHERE user = ? AND id = ?", (user, id))
        self._sql(
            "INSERT OR REPLACE INTO parked VALUES (?, ?, ?, ?, ?)",
            (user, park.id, as_stored(park.document), stamp, now + micros(park.ttl)),
        )
        return dropped

    def records(self, user: str, start: int) -> tuple[bytes, ...]:
        """Return the journal from position `start`."""
        rows = self._sql(
            "SELECT record FROM records WHERE user = ? AND position >= ? ORDER BY position",
            (user, start),
        )
        return tuple([as_bytes(record) for (record,) in rows])

    def record(self, user: str, position: int) -> bytes:
        """Return one record of the journal."""
        (record,) = self._sql(
            "SELECT record FROM records WHERE user = ? AND position = ?", (user, position)
        ).fetchone()
        return as_bytes(record)

    def data(self, user: str) -> bytes:
        """Return the user's data; empty if there is none."""
        row = self._sql("SELECT data FROM data WHERE user = ?", (user,)).fetchone()
        return b"" if row is None else as_bytes(row[0])

    def remembered(self, user: str, key: str, now: int) -> Remembered | None:
        """Return what is stored under a message's key."""
        row = self._sql(
            "SELECT reply, expires FROM replies WHERE user = ? AND key = ? AND expires > ?",
            (user, key, now),
        ).fetchone()
        if row is None:
            return None
        return Remembered(None if row[0] is None else as_bytes(row[0]), row[1])

    def remember(self, user: str, key: str, remembered: Remembered) -> None:
        """Store something under a message's key."""
        reply = None if remembered.reply is None else as_stored(remembered.reply)
        self._sql(
            "INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?)",
            (user, key, reply, remembered.expires),
        )

    def parked(self, user: str, now: int) -> dict[str, Parked]:
        """Return parked conversations, oldest first, with their remaining ttl."""
        rows = self._sql(
            "SELECT id, document, expires FROM parked WHERE user = ? AND expires > ? "
            "ORDER BY stamp, id",
            (user, now),
        )
        return {
            id: Parked(id, as_bytes(document), seconds(expires - now))
            for id, document, expires in rows
        }

    def unpark(self, user: str, id: str, now: int) -> bool:
        """Remove a parked conversation; returns whether it existed."""
        existing = self._sql(
            "SELECT 1 FROM parked WHERE user = ? AND id = ? AND expires > ?", (user, id, now)
        ).fetchone()
        self._sql("DELETE FROM parked WHERE user = ? AND id = ?", (user, id))
        return existing is not None

    def _drop_the_rest(self, user: str) -> bool:
        """Delete a user's data and parked conversations; returns whether there were any."""
        data = self._sql("DELETE FROM data WHERE user = ?", (user,)).rowcount
        return bool(self._sql("DELETE FROM parked WHERE user = ?", (user,)).rowcount + data)

    def forget(self, user: str, unanswered: Iterable[str], now: int, until: int) -> bool:
        """Delete everything beside the entry, and keep of replies only that there was one.

        Args:
            user: The user's key.
            unanswered: Keys of messages that count as answered, with nothing.
            now: The time.
            until: How long it is kept that a message was answered, at most.

        Returns:
            Whether there was anything.
        """
        self._sql("DELETE FROM parked WHERE user = ? AND expires <= ?", (user, now))
        existed = self._drop_the_rest(user)
        self._sql("DELETE FROM replies WHERE user = ? AND expires <= ?", (user, now))
        existed = self.times.forget(user, now) or existed
        existed = self.parts.forget(user, now) or existed
        existed |= bool(
            self._sql(
                "UPDATE replies SET reply = '', expires = min(expires, ?) "
                "WHERE user = ? AND reply IS NOT ''",
                (until, user),
            ).rowcount
        )
        for key in unanswered:
            self.remember(user, key, Remembered(b"", until))
        # If nothing has to be remembered, the row is deleted, too.
        self._sql("DELETE FROM documents WHERE user = ? AND idle <= ?", (user, now))
        return existed

    def users(
        self, prefix: str, after: str | None, limit: int, now: int, *, everybody: bool
    ) -> list[str]:
        """Return the next users, in the order of their keys, from `prefix` on or `after` a key.

        With `everybody` there may be users without anything; `line` returns None for these.
        """
        tables = _HAS_CONVERSATIONS + (_HAS_ANYTHING_ELSE if everybody else "")
        rows = self._sql(
            tables + "ORDER BY user LIMIT :limit",
            {"start": after or prefix, "after": after, "now": now, "limit": limit},
        )
        return [user for (user,) in rows]

    def line(self, user: str, now: int) -> Stored | None:
        """Return a user's line of a listing; None if there is nothing to list."""
        entry = self.open(user, now)
        parked = self.parked(user, now)
        has_something = entry.revision or parked or entry.pends() or entry.mail
        if not (has_something or self.data(user)):
            return None
        ttls = {id: conversation.ttl for id, conversation in parked.items()}
        aside = tuple([conversation.id for conversation in self.times.aside(user, entry)])
        return results.listed(user, entry, now, parked=ttls, aside=aside)

    def due(self, account: str, limit: int, now: int, *, span: int) -> Dues:
        """Lease and return due entries of an account's index."""
        leased: list[Due] = []
        for user in self.times.ringing(account, limit, now):
            entry = self.open(user, now, timed=True)
            if entry.due:
                leased.append(waking.lease(user, entry, now, span=span))
            self.times.save(user, entry)
        return results.dues(leased, now, self.times.next(account))

    def purge(self, now: int) -> None:
        """Delete what has expired, a limited number at a time, so that no turn waits long for
        it.
        """
        idle: list[Any] = self._sql(
            "SELECT user FROM documents WHERE idle <= ? LIMIT 1000", (now,)
        ).fetchall()
        self._many("DELETE FROM records WHERE user = ?", idle)
        self._many("DELETE FROM documents WHERE user = ?", idle)
        self._many("DELETE FROM aside WHERE user = ?", idle)
        self.times.purge(now)
        self._sql("DELETE FROM replies WHERE expires <= ?", (now,))
        self._sql("DELETE FROM parked WHERE expires <= ?", (now,))
        self.pages.purge(now)
        self.parts.purge(now)

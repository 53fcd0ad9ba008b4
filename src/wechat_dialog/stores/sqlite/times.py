"""The tables of the SQLite store for times: the index, conversations aside, the mailbox.

A user without any of these costs nothing: the query for their entry says that they have no row in
`times`.
"""

from __future__ import annotations

import sqlite3

from wechat_dialog.core.store import waking
from wechat_dialog.core.store.entry import Entry, micros
from wechat_dialog.core.store.kept import Aside
from wechat_dialog.core.store.times import Mail, Post, Posted
from wechat_dialog.core.store.values import Write

from .tables import as_bytes, as_stored

__all__ = ["Times"]


class Times:
    """One transaction's view of these tables, for the user whose entry was opened last."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection.execute
        self._has_row = False
        """Whether the user has a row in `times`."""
        self._aside = 0
        """How many rows the user has in `aside`."""

    def open(self, user: str, entry: Entry, *, has_row: bool) -> None:
        """Read times and mailbox into an entry. `has_row` is False if it is known that there are
        none.
        """
        row = None
        if has_row:
            row = self._sql(
                "SELECT account, wake, hidden, mail, mail_until, aside, told, read, before "
                "FROM times WHERE user = ?",
                (user,),
            ).fetchone()
        self._has_row, self._aside = row is not None, 0
        if row is None:
            return
        entry.account, entry.wake, entry.hidden, entry.mail, entry.mail_until = row[:5]
        entry.aside, entry.mail_claimed, entry.read, entry.before = row[5:]
        self._aside = entry.aside
        if not entry.revision:  # an earlier version dropped the head
            entry.wake = entry.aside = 0

    def save(self, user: str, entry: Entry) -> None:
        """Write an entry's times, and delete conversations aside if their head no longer exists."""
        self._drop_aside(user, entry)
        e = entry
        if entry.is_timed:
            self._sql(
                "INSERT OR REPLACE INTO times VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(user, e.account, e.rings, e.wake, e.hidden, e.mail, e.mail_until),
                    *(e.aside, e.mail_claimed, e.read, e.before),
                ),
            )
        elif self._has_row:
            self._sql("DELETE FROM times WHERE user = ?", (user,))
        self._has_row = entry.is_timed

    def _drop_aside(self, user: str, entry: Entry) -> None:
        if self._aside and not entry.aside:
            self._sql("DELETE FROM aside WHERE user = ?", (user,))
            self._aside = 0

    def write(self, user: str, entry: Entry, write: Write, now: int) -> None:
        """Apply to the rows what the rules did with the entry; the caller then has to save the
        entry.
        """
        self._drop_aside(user, entry)
        for id in write.unaside:
            self.take_up(user, entry, id)
        for conversation in write.aside:
            self._sql(
                "INSERT OR REPLACE INTO aside VALUES (?, ?, ?)",
                (user, conversation.id, as_stored(conversation.document)),
            )
        if write.aside:
            self._count(user, entry)
        for number in write.taken:
            self._sql("DELETE FROM mail WHERE user = ? AND number = ?", (user, number))
        for id in write.refused:
            self._sql("DELETE FROM mail_ids WHERE user = ? AND id = ?", (user, id))
        if write.taken:
            left = self._sql(
                "SELECT number, expires FROM mail WHERE user = ? AND expires > ?", (user, now)
            )
            waking.took(entry, dict(left.fetchall()))

    def take_up(self, user: str, entry: Entry, id: str) -> bool:
        """Remove the conversation aside with an id; returns whether it existed.

        The caller then has to save the entry.
        """
        if not entry.aside:
            return False
        removed = self._sql("DELETE FROM aside WHERE user = ? AND id = ?", (user, id)).rowcount
        self._count(user, entry)
        return bool(removed)

    def _count(self, user: str, entry: Entry) -> None:
        (entry.aside,) = self._sql("SELECT count(*) FROM aside WHERE user = ?", (user,)).fetchone()
        self._aside = entry.aside

    def aside(self, user: str, entry: Entry) -> tuple[Aside, ...]:
        """Return the conversations aside."""
        if not entry.aside:
            return ()
        rows = self._sql("SELECT id, document FROM aside WHERE user = ? ORDER BY id", (user,))
        return tuple([Aside(id, as_bytes(document)) for id, document in rows])

    def signals(self, user: str, entry: Entry, now: int) -> tuple[Mail, ...]:
        """Return the mailbox."""
        if not entry.mail:
            return ()
        rows = self._sql(
            "SELECT number, body FROM mail WHERE user = ? AND expires > ? ORDER BY number",
            (user, now),
        )
        return tuple([Mail(number, as_bytes(body)) for number, body in rows])

    def post(self, entry: Entry, post: Post, now: int) -> Posted:
        """See `Store.post`; the caller then has to save the entry."""
        user, expires = post.user, now + micros(post.kept)
        remembered = "SELECT 1 FROM mail_ids WHERE user = ? AND id = ? AND expires > ?"
        if post.id and self._sql(remembered, (user, post.id, now)).fetchone() is not None:
            return Posted("repeated")
        counted = "SELECT count(*) FROM mail WHERE user = ? AND expires > ?"
        (count,) = self._sql(counted, (user, now)).fetchone()
        due = waking.post(entry, post, count, now)
        self._sql(
            "INSERT INTO mail VALUES (?, ?, ?, ?)",
            (user, entry.mail, as_stored(post.body), expires),
        )
        if post.id:
            self._sql("INSERT OR REPLACE INTO mail_ids VALUES (?, ?, ?)", (user, post.id, expires))
        return Posted("kept", entry.mail, due)

    def ringing(self, account: str, limit: int, now: int) -> list[str]:
        """Return the users that the index returns at this time, in order."""
        rows = self._sql(
            "SELECT user FROM times WHERE account = ? AND rings > 0 AND rings <= ? "
            "ORDER BY rings, user LIMIT ?",
            (account, now, limit),
        )
        return [user for (user,) in rows]

    def next(self, account: str) -> int | None:
        """Return from when on the index returns its first user; None if it has none."""
        (first,) = self._sql(
            "SELECT min(rings) FROM times WHERE account = ? AND rings > 0", (account,)
        ).fetchone()
        return None if first is None else int(first)

    def forget(self, user: str, now: int) -> bool:
        """Delete everything except the entry's own values; returns whether there was a signal."""
        self._sql("DELETE FROM aside WHERE user = ?", (user,))
        self._sql("DELETE FROM mail_ids WHERE user = ?", (user,))
        self._sql("DELETE FROM mail WHERE user = ? AND expires <= ?", (user, now))
        return bool(self._sql("DELETE FROM mail WHERE user = ?", (user,)).rowcount)

    def purge(self, now: int) -> None:
        """Delete expired signals."""
        self._sql("DELETE FROM mail_ids WHERE expires <= ?", (now,))
        users = self._sql("SELECT DISTINCT user FROM mail WHERE expires <= ?", (now,)).fetchall()
        self._sql("DELETE FROM mail WHERE expires <= ?", (now,))
        for (user,) in users:
            self._sql(
                "DELETE FROM times WHERE user = ? AND wake = 0 AND aside = 0 AND before IS NULL "
                "AND NOT EXISTS (SELECT 1 FROM mail WHERE mail.user = times.user)",
                (user,),
            )

    def note_account(self, name: str, account: str) -> None:
        """See `Store.note_account`."""
        self._sql("INSERT OR REPLACE INTO accounts VALUES (?, ?)", (name, account))

    def account(self, name: str) -> str:
        """See `Store.account`."""
        row = self._sql("SELECT account FROM accounts WHERE name = ?", (name,)).fetchone()
        return "" if row is None else str(row[0])

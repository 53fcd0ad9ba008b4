"""What the tables of the SQLite store keep of time: the index, what is put aside, the mailbox.

A user who has none of it costs nothing: that they have no row in `times` comes with their entry.
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
    """One transaction's view of them, for the user whose entry was opened last."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection.execute
        self._there = False
        """Whether the user has a row in `times`."""
        self._aside = 0
        """How many rows in `aside`."""

    def open(self, user: str, entry: Entry, *, there: bool) -> None:
        """Read into an entry what there is. `there` is False where it is known that nothing is."""
        row = None
        if there:
            row = self._sql(
                "SELECT account, wake, hidden, mail, mail_until, aside, told, read, before "
                "FROM times WHERE user = ?",
                (user,),
            ).fetchone()
        self._there, self._aside = row is not None, 0
        if row is None:
            return
        entry.account, entry.wake, entry.hidden, entry.mail, entry.mail_until = row[:5]
        entry.aside, entry.mail_claimed, entry.read, entry.before = row[5:]
        self._aside = entry.aside
        if not entry.revision:  # an earlier version dropped the head
            entry.wake = entry.aside = 0

    def save(self, user: str, entry: Entry) -> None:
        """Write what an entry says, and remove what was aside of a head that is gone."""
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
        elif self._there:
            self._sql("DELETE FROM times WHERE user = ?", (user,))
        self._there = entry.is_timed

    def _drop_aside(self, user: str, entry: Entry) -> None:
        if self._aside and not entry.aside:
            self._sql("DELETE FROM aside WHERE user = ?", (user,))
            self._aside = 0

    def write(self, user: str, entry: Entry, write: Write, now: int) -> None:
        """Do with the rows what the rules did with the entry, which is to be saved after."""
        self._drop_aside(user, entry)
        for id in write.unaside:
            self.take_up(user, entry, id)
        for one in write.aside:
            self._sql(
                "INSERT OR REPLACE INTO aside VALUES (?, ?, ?)",
                (user, one.id, as_stored(one.document)),
            )
        if write.aside:
            self._count(user, entry)
        for number in write.taken:
            self._sql("DELETE FROM mail WHERE user = ? AND number = ?", (user, number))
        if write.taken:
            left = self._sql(
                "SELECT number, expires FROM mail WHERE user = ? AND expires > ?", (user, now)
            )
            waking.took(entry, dict(left.fetchall()))

    def take_up(self, user: str, entry: Entry, id: str) -> bool:
        """Remove what is put aside under an id, and say whether there was something.

        The entry is to be saved after.
        """
        if not entry.aside:
            return False
        gone = self._sql("DELETE FROM aside WHERE user = ? AND id = ?", (user, id)).rowcount
        self._count(user, entry)
        return bool(gone)

    def _count(self, user: str, entry: Entry) -> None:
        (entry.aside,) = self._sql("SELECT count(*) FROM aside WHERE user = ?", (user,)).fetchone()
        self._aside = entry.aside

    def aside(self, user: str, entry: Entry) -> tuple[Aside, ...]:
        """Return what is put aside."""
        if not entry.aside:
            return ()
        found = self._sql("SELECT id, document FROM aside WHERE user = ? ORDER BY id", (user,))
        return tuple([Aside(id, as_bytes(document)) for id, document in found])

    def signals(self, user: str, entry: Entry, now: int) -> tuple[Mail, ...]:
        """Return the mailbox."""
        if not entry.mail:
            return ()
        found = self._sql(
            "SELECT number, body FROM mail WHERE user = ? AND expires > ? ORDER BY number",
            (user, now),
        )
        return tuple([Mail(number, as_bytes(body)) for number, body in found])

    def post(self, entry: Entry, post: Post, now: int) -> Posted:
        """See `Store.post`; the entry is to be saved after."""
        user, expires = post.user, now + micros(post.kept)
        remembered = "SELECT 1 FROM mail_ids WHERE user = ? AND id = ? AND expires > ?"
        if post.id and self._sql(remembered, (user, post.id, now)).fetchone() is not None:
            return Posted("repeated")
        counted = "SELECT count(*) FROM mail WHERE user = ? AND expires > ?"
        (there,) = self._sql(counted, (user, now)).fetchone()
        due = waking.post(entry, post, there, now)
        self._sql(
            "INSERT INTO mail VALUES (?, ?, ?, ?)",
            (user, entry.mail, as_stored(post.body), expires),
        )
        if post.id:
            self._sql("INSERT OR REPLACE INTO mail_ids VALUES (?, ?, ?)", (user, post.id, expires))
        return Posted("kept", entry.mail, due)

    def ringing(self, account: str, limit: int, now: int) -> list[str]:
        """Return the users of whom the index tells, the first first."""
        found = self._sql(
            "SELECT user FROM times WHERE account = ? AND rings > 0 AND rings <= ? "
            "ORDER BY rings, user LIMIT ?",
            (account, now, limit),
        )
        return [user for (user,) in found]

    def next(self, account: str) -> int | None:
        """Return from when on the index tells of the first user; None: of none."""
        (first,) = self._sql(
            "SELECT min(rings) FROM times WHERE account = ? AND rings > 0", (account,)
        ).fetchone()
        return None if first is None else int(first)

    def forget(self, user: str, now: int) -> bool:
        """Delete all but what an entry says; return whether there was a signal."""
        self._sql("DELETE FROM aside WHERE user = ?", (user,))
        self._sql("DELETE FROM mail_ids WHERE user = ?", (user,))
        self._sql("DELETE FROM mail WHERE user = ? AND expires <= ?", (user, now))
        return bool(self._sql("DELETE FROM mail WHERE user = ?", (user,)).rowcount)

    def purge(self, now: int) -> None:
        """Delete what ran out of mailboxes."""
        self._sql("DELETE FROM mail_ids WHERE expires <= ?", (now,))
        found = self._sql("SELECT DISTINCT user FROM mail WHERE expires <= ?", (now,)).fetchall()
        self._sql("DELETE FROM mail WHERE expires <= ?", (now,))
        for (user,) in found:
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

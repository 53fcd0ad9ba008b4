"""The operations of the SQLite store within a transaction: read the entry, call `core.store.rules`,
write what changed.

Other threads' operations may share the transaction, so nothing here begins or ends one, and the
caller undoes the changes if an exception is raised. An operation may be repeated if its transaction
was rolled back: it changes nothing but the rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from wechat_dialog.core.store import results, rules, waking
from wechat_dialog.core.store.entry import Entry, Granted, Remembered, micros
from wechat_dialog.core.store.kept import Shown, Stored
from wechat_dialog.core.store.looks import may_look
from wechat_dialog.core.store.pages import Page, PageAppend, PageOpen
from wechat_dialog.core.store.parts import PartPut
from wechat_dialog.core.store.times import Due, Dues, Post, Posted
from wechat_dialog.core.store.values import (
    Answered,
    Claim,
    Claimed,
    Commit,
    Committed,
    Conflict,
    Deferred,
    Running,
    Unclaimed,
    Write,
)
from wechat_dialog.errors import StoreError

from .rows import Rows

__all__ = ["Operations"]


class Operations:
    """The operations, at one time and in one transaction; see `Store` for their promises.

    Args:
        rows: The transaction's view of the tables.
        now: The time.
    """

    __slots__ = ("_now", "_rows")

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def claim(self, claim: Claim) -> Claimed | Unclaimed | Answered | Running:
        """See `Store.claim`."""
        rows, now, user = self._rows, self._now, claim.user
        entry = rows.open(user, now, timed=claim.fires is not None)
        remembered = rows.remembered(user, claim.key, now)
        if may_look(entry, remembered, claim):
            records = self._lacking(entry, claim)
            return results.unclaimed(entry, now, records=records, data=rows.data(user))
        granted = rules.claim(entry, remembered, claim, now)
        rows.save(user, entry)
        if not isinstance(granted, Granted):
            return granted
        return results.claimed(
            entry,
            granted,
            now,
            records=self._lacking(entry, claim),
            data=rows.data(user),
            signals=rows.times.signals(user, entry, now),
            aside=rows.times.aside(user, entry),
        )

    def _lacking(self, entry: Entry, claim: Claim) -> tuple[bytes, ...]:
        """Return the records that a caller does not have."""
        rows, user = self._rows, claim.user
        held = results.lacking(entry, claim.have, lambda position: rows.record(user, position))
        return rows.records(user, held)

    def record(self, user: str, fence: int, write: Write) -> Committed:
        """See `Store.record`."""
        entry = self._rows.open(user, self._now)
        committed = rules.record(entry, fence, write, self._now)
        dropped = self._rows.write(user, entry, write, self._now)
        return results.written(entry, committed, dropped, self._now)

    def commit(self, commit: Commit) -> Committed | Answered | Conflict | Deferred:
        """See `Store.commit`."""
        rows, now, user, key = self._rows, self._now, commit.user, commit.key
        entry = rows.open(user, now)
        result = rules.commit(entry, rows.remembered(user, key, now), commit, now)
        if isinstance(result, Committed):
            if commit.write.forget:
                rows.pages.forget(user, now)
            dropped = rows.write(user, entry, commit.write, now)
            result = results.written(entry, result, dropped, now)
            if commit.fires is None:
                expires = now + micros(commit.remember)
                rows.remember(user, key, Remembered(commit.reply, expires))
        return result

    def defer(self, user: str, key: str, message: bytes) -> Answered | None:
        """See `Store.defer`."""
        rows, now = self._rows, self._now
        entry = rows.open(user, now)
        remembered = rules.defer(entry, rows.remembered(user, key, now), key, message, now)
        if isinstance(remembered, Answered):
            rows.save(user, entry)
            return remembered
        rows.remember(user, key, remembered)
        if message:
            rows.save(user, entry)
        return None

    def untaken(self, user: str, key: str, takes: int) -> None:
        """See `Store.untaken`."""
        rows, now = self._rows, self._now
        entry = rows.open(user, now)
        rules.untaken(entry, rows.remembered(user, key, now), key, takes, now)
        rows.save(user, entry)

    def renew(self, user: str, fence: int, lease: float) -> None:
        """See `Store.renew`."""
        entry = self._rows.open(user, self._now)
        rules.renew(entry, fence, self._now, lease=micros(lease))
        self._rows.save(user, entry)

    def renew_all(self, claims: Sequence[tuple[str, int]], lease: float) -> list[StoreError | None]:
        """See `RenewsAll.renew_all`."""
        results: list[StoreError | None] = []
        for user, fence in claims:
            entry = self._rows.open(user, self._now)
            lost = rules.renewed(entry, fence, self._now, lease=micros(lease))
            if lost is None:
                self._rows.save(user, entry)
            results.append(lost)
        return results

    def release(self, user: str, fence: int) -> None:
        """See `Store.release`."""
        entry = self._rows.open(user, self._now)
        rules.release(entry, fence)
        self._rows.save(user, entry)

    def due(self, account: str, limit: int, lease: float) -> Dues:
        """See `Store.due`."""
        return self._rows.due(account, limit, self._now, span=micros(lease))

    def end_leases(self, entries: Sequence[Due]) -> None:
        """See `EndsLeases.end_leases`."""
        for due in entries:
            entry = self._rows.open(due.user, self._now, timed=True)
            if waking.end_lease(entry, due):
                self._rows.times.save(due.user, entry)

    def post(self, post: Post) -> Posted:
        """See `Store.post`."""
        entry = self._rows.open(post.user, self._now, timed=True)
        posted = self._rows.times.post(entry, post, self._now)
        if posted.number:
            self._rows.save(post.user, entry)
        return posted

    def note_account(self, name: str, account: str) -> None:
        """See `Store.note_account`."""
        self._rows.times.note_account(name, account)

    def account(self, name: str) -> str:
        """See `Store.account`."""
        return self._rows.times.account(name)

    def lines(
        self, prefix: str, after: str | None, limit: int, *, everybody: bool
    ) -> list[tuple[str, Stored | None]]:
        """Return a page of `Store.list`, including users without anything to list."""
        users = self._rows.users(prefix, after, limit, self._now, everybody=everybody)
        return [(user, self._rows.line(user, self._now)) for user in users]

    def show(self, user: str) -> Shown | None:
        """See `Store.show`."""
        rows, now = self._rows, self._now
        entry = rows.open(user, now)
        return results.shown(
            entry,
            now,
            records=rows.records(user, 0) if entry.revision else (),
            data=rows.data(user),
            parked=rows.parked(user, now),
            aside={
                conversation.id: conversation.document
                for conversation in rows.times.aside(user, entry)
            },
            mail=rows.times.signals(user, entry, now),
        )

    def end(self, user: str, id: str | None) -> bool:
        """See `Store.end`."""
        rows, now = self._rows, self._now
        entry = rows.open(user, now)
        if id is not None:
            aside = rows.times.take_up(user, entry, id)
            if aside:
                rows.times.save(user, entry)
            return rows.unpark(user, id, now) or aside
        ended = rules.end(entry, now)
        if ended:
            rows.save(user, entry)
        return ended

    def forget(self, user: str, remember: float) -> bool:
        """See `Store.forget`."""
        rows, now = self._rows, self._now
        entry = rows.open(user, now)
        existed = bool(entry.revision or entry.seen)
        unanswered = rules.forget(entry, now)
        rows.save(user, entry)
        existed = rows.forget(user, unanswered, now, now + micros(remember)) or existed
        return rows.pages.forget(user, now) or existed

    def page_open(self, asked: PageOpen) -> None:
        """See `Store.page_open`."""
        if asked.fence:
            self._rows.open(asked.user, self._now).require_claim(asked.fence, self._now)
        self._rows.pages.open(asked, self._now)

    def page_append(self, asked: PageAppend) -> bool:
        """See `Store.page_append`."""
        return self._rows.pages.append(asked, self._now)

    def page_read(self, id: str, after: int) -> Page | None:
        """See `Store.page_read`."""
        return self._rows.pages.read(id, after, self._now)

    def page_secret(self, fresh: bytes) -> bytes:
        """See `Store.page_secret`."""
        return self._rows.pages.secret(fresh)

    def part_put(self, asked: PartPut) -> None:
        """See `Store.part_put`."""
        entry = self._rows.open(asked.user, self._now)
        lost = entry.lost
        rules.put_part(entry, asked.fence, self._now)
        if lost:
            self._rows.save(asked.user, entry)
        self._rows.parts.put(asked, self._now)

    def parts(self, user: str, step: str) -> dict[str, dict[str, bytes]]:
        """See `Store.parts`."""
        return self._rows.parts.of(user, step, self._now)

"""The embedded store: one SQLite file, shared by the threads and processes of one machine.

Every operation is one transaction that takes the write lock first (BEGIN IMMEDIATE), reads the
entry's row, asks `core.store.rules`, and writes what changed. Write-ahead logging, so that
`conversations list` reads while the bot writes. A journal is one row a record, JSON as the caller
made it: `sqlite3 wechat-dialog.db 'select record from records'` reads it.

Durability: a commit or record is on the disk before the reply leaves the house (synchronous=FULL,
one fsync of the log). With NORMAL a machine that loses power could forget the last turns, though
the user has seen their answers and their steps have run. What only concerns the living (claims,
their renewal, waiting, deferring) is written with NORMAL: after a power cut nobody holds a claim.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence

from wechat_dialog.core.store import results, rules
from wechat_dialog.core.store.entry import Granted, Remembered, micros
from wechat_dialog.core.store.kept import Shown, Stored
from wechat_dialog.core.store.pages import Page, PageAppend, PageOpen
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

from .database import Database

__all__ = ["SQLiteStore"]

PAGE = 200
"""Users whose lines a listing reads in one transaction."""


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
        self._database = Database(path, clock, patience)
        self.path = self._database.path

    def use_clock(self, clock: Callable[[], float]) -> None:
        """Go by another clock from now on; for simulators, which put theirs forward."""
        self._database.use_clock(clock)

    def claim(self, claim: Claim) -> Claimed | Unclaimed | Answered | Running:
        """See `Store.claim`."""
        with self._database.transaction(durable=False) as (rows, now):
            user = claim.user
            entry = rows.open(user, now, timed=claim.fires is not None)
            remembered = rows.remembered(user, claim.key, now)
            if rules.may_look(claim) and rules.is_quiet(entry, remembered):
                everything = rows.records(user, 0)
                return results.unclaimed(entry, now, records=everything, data=rows.data(user))
            granted = rules.claim(entry, remembered, claim, now)
            rows.save(user, entry)
            if not isinstance(granted, Granted):
                return granted
            held = results.lacking(entry, claim.have, lambda position: rows.record(user, position))
            return results.claimed(
                entry,
                granted,
                now,
                records=rows.records(user, held),
                data=rows.data(user),
                signals=rows.times.signals(user, entry, now),
                aside=rows.times.aside(user, entry),
            )

    def record(self, user: str, fence: int, write: Write) -> Committed:
        """See `Store.record`."""
        with self._database.transaction(durable=True) as (rows, now):
            entry = rows.open(user, now)
            done = rules.record(entry, fence, write, now)
            return results.written(entry, done, rows.write(user, entry, write, now), now)

    def commit(self, commit: Commit) -> Committed | Answered | Conflict | Deferred:
        """See `Store.commit`."""
        with self._database.transaction(durable=True) as (rows, now):
            user, key = commit.user, commit.key
            entry = rows.open(user, now)
            done = rules.commit(entry, rows.remembered(user, key, now), commit, now)
            if isinstance(done, Committed):
                if commit.write.forget:
                    rows.pages.forget(user, now)
                dropped = rows.write(user, entry, commit.write, now)
                done = results.written(entry, done, dropped, now)
                if commit.fires is None:
                    expires = now + micros(commit.remember)
                    rows.remember(user, key, Remembered(commit.reply, expires))
            return done

    def defer(self, user: str, key: str, message: bytes = b"") -> Answered | None:
        """See `Store.defer`."""
        # The message is on the disk before its user is promised an answer.
        with self._database.transaction(durable=bool(message)) as (rows, now):
            entry = rows.open(user, now)
            remembered = rules.defer(entry, rows.remembered(user, key, now), key, message, now)
            if isinstance(remembered, Answered):
                rows.save(user, entry)
                return remembered
            rows.remember(user, key, remembered)
            if message:
                rows.save(user, entry)
            return None

    def untaken(self, user: str, key: str, takes: int = 0) -> None:
        """See `Store.untaken`."""
        with self._database.transaction(durable=True) as (rows, now):
            entry = rows.open(user, now)
            rules.untaken(entry, rows.remembered(user, key, now), key, takes, now)
            rows.save(user, entry)

    def renew(self, user: str, fence: int, lease: float) -> None:
        """See `Store.renew`."""
        with self._database.transaction(durable=False) as (rows, now):
            entry = rows.open(user, now)
            rules.renew(entry, fence, now, lease=micros(lease))
            rows.save(user, entry)

    def renew_all(
        self, claims: Sequence[tuple[str, int]], lease: float, within: float
    ) -> list[StoreError | None]:
        """See `RenewsAll.renew_all`. One transaction for all of them."""
        results: list[StoreError | None] = []
        try:
            with self._database.transaction(durable=False, patience=within) as (rows, now):
                for user, fence in claims:
                    entry = rows.open(user, now)
                    lost = rules.renewed(entry, fence, now, lease=micros(lease))
                    if lost is None:
                        rows.save(user, entry)
                    results.append(lost)
        except StoreError as error:
            return [error] * len(claims)
        return results

    def release(self, user: str, fence: int) -> None:
        """See `Store.release`."""
        with self._database.transaction(durable=False) as (rows, now):
            entry = rows.open(user, now)
            rules.release(entry, fence)
            rows.save(user, entry)

    def due(self, account: str, limit: int, lease: float) -> Dues:
        """See `Store.due`."""
        with self._database.transaction(durable=False) as (rows, now):
            return rows.due(account, limit, now, span=micros(lease))

    def undue(self, due: Due) -> None:
        """Do nothing: the index is the users' own rows."""

    def post(self, post: Post) -> Posted:
        """See `Store.post`."""
        with self._database.transaction(durable=True) as (rows, now):
            entry = rows.open(post.user, now, timed=True)
            posted = rows.times.post(entry, post, now)
            if posted.number:
                rows.save(post.user, entry)
            return posted

    def note_account(self, name: str, account: str) -> None:
        """See `Store.note_account`."""
        with self._database.transaction(durable=True) as (rows, _):
            rows.times.note_account(name, account)

    def account(self, name: str) -> str:
        """See `Store.account`."""
        with self._database.transaction(durable=False) as (rows, _):
            return rows.times.account(name)

    def list(self, prefix: str = "", *, everybody: bool = False) -> Iterator[Stored]:
        """See `Store.list`."""
        after: str | None = None
        while True:
            with self._database.transaction(durable=False) as (rows, now):
                users = rows.users(prefix, after, PAGE, now, everybody=everybody)
                page = [rows.line(user, now) for user in users]
            for user, line in zip(users, page, strict=True):
                if not user.startswith(prefix):
                    return
                if line is not None:
                    yield line
            if len(users) < PAGE:
                return
            after = users[-1]

    def show(self, user: str) -> Shown | None:
        """See `Store.show`."""
        with self._database.transaction(durable=False) as (rows, now):
            entry = rows.open(user, now)
            return results.shown(
                entry,
                now,
                records=rows.records(user, 0) if entry.revision else (),
                data=rows.data(user),
                parked=rows.parked(user, now),
                aside={one.id: one.document for one in rows.times.aside(user, entry)},
                mail=rows.times.signals(user, entry, now),
            )

    def end(self, user: str, id: str | None = None) -> bool:
        """See `Store.end`."""
        with self._database.transaction(durable=True) as (rows, now):
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

    def forget(self, user: str) -> bool:
        """See `Store.forget`."""
        with self._database.transaction(durable=True) as (rows, now):
            entry = rows.open(user, now)
            there = bool(entry.revision or entry.seen)
            unanswered = rules.forget(entry)
            rows.save(user, entry)
            there = rows.forget(user, unanswered, now) or there
            there = rows.pages.forget(user, now) or there
        self._database.empty_the_log()
        return there

    def page_open(self, asked: PageOpen) -> None:
        """See `Store.page_open`."""
        with self._database.transaction(durable=True) as (rows, now):
            if asked.fence:
                rows.open(asked.user, now).require_claim(asked.fence, now)
            rows.pages.open(asked, now)

    def page_append(self, asked: PageAppend) -> bool:
        """See `Store.page_append`."""
        with self._database.transaction(durable=False) as (rows, now):
            return rows.pages.append(asked, now)

    def page_read(self, id: str, after: int = 0) -> Page | None:
        """See `Store.page_read`."""
        with self._database.transaction(durable=False) as (rows, now):
            return rows.pages.read(id, after, now)

    def page_secret(self, fresh: bytes) -> bytes:
        """See `Store.page_secret`."""
        with self._database.transaction(durable=True) as (rows, _):
            return rows.pages.secret(fresh)

    def close(self) -> None:
        """See `Store.close`."""
        self._database.close()

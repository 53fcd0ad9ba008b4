"""A store in the memory of one process, for tests and experiments: its contents end with the
process.

It consists of the rules of `core.store.rules` under one lock. After a fork each process has a copy
of its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

from msgspec.structs import replace

from wechat_dialog.core.store import results, rules, waking
from wechat_dialog.core.store.entry import Granted, Remembered, micros, seconds
from wechat_dialog.core.store.kept import Shown, Stored
from wechat_dialog.core.store.looks import may_look
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
from wechat_dialog.forks import mind
from wechat_dialog.stores.memory_pages import MemoryPages

from .memory_kept import KeptInMemory
from .memory_users import Letter, User

__all__ = ["MemoryStore"]

SWEEP_EVERY = 60_000_000


class MemoryStore(KeptInMemory):
    """See `Store`. Bytes passed in and out are shared, not copied.

    Args:
        clock: Returns the time in seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._users: dict[str, User] = {}
        self._pages = MemoryPages()
        self._accounts: dict[str, str] = {}
        self._swept = 0
        mind(self)

    def use_clock(self, clock: Callable[[], float]) -> None:
        """Use another clock from now on; for simulators, which set theirs forward."""
        self._clock = clock

    def begin_anew(self) -> None:
        """See `forks.Forked`: a lock held by another thread would stay locked."""
        self._lock = threading.Lock()

    def _now(self) -> int:
        return int(self._clock() * 1e6)

    def _open(self, user: str, now: int) -> User:
        """Return everything of `user` that has not expired. The caller holds the lock."""
        if not user:
            raise ValueError("a user's key must not be empty")
        if self._swept + SWEEP_EVERY <= now:
            self._sweep(now)
        known = self._users.get(user)
        if known is None:
            known = self._users[user] = User()
        known.forget_expired(now)
        return known

    def _sweep(self, now: int) -> None:
        self._swept = now
        for known in self._users.values():
            known.forget_expired(now)
            known.forget_replies(now)
            known.forget_ids(now)
            known.forget_parts(now)
        self._pages.forget_expired(now)
        self._users = {user: known for user, known in self._users.items() if not known.is_idle(now)}

    def claim(self, claim: Claim) -> Claimed | Unclaimed | Answered | Running:
        """See `Store.claim`."""
        with self._lock:
            now = self._now()
            known = self._open(claim.user, now)
            remembered = known.remembered(claim.key, now)
            if may_look(known.entry, remembered, claim):
                records = known.lacking(claim.have)
                return results.unclaimed(known.entry, now, records=records, data=known.data)
            granted = rules.claim(known.entry, remembered, claim, now)
            if not isinstance(granted, Granted):
                return granted
            return results.claimed(
                known.entry,
                granted,
                now,
                records=known.lacking(claim.have),
                data=known.data,
                signals=known.signals(),
                aside=known.put_aside(),
            )

    def record(self, user: str, fence: int, write: Write) -> Committed:
        """See `Store.record`."""
        with self._lock:
            now = self._now()
            known = self._open(user, now)
            before = known.entry.revision
            committed = rules.record(known.entry, fence, write, now)
            return results.written(known.entry, committed, known.apply(write, before, now), now)

    def commit(self, commit: Commit) -> Committed | Answered | Conflict | Deferred:
        """See `Store.commit`."""
        with self._lock:
            now = self._now()
            known = self._open(commit.user, now)
            before = known.entry.revision
            result = rules.commit(known.entry, known.remembered(commit.key, now), commit, now)
            if isinstance(result, Committed):
                if commit.write.forget:
                    self._pages.forget(commit.user, now)
                dropped = known.apply(commit.write, before, now)
                result = results.written(known.entry, result, dropped, now)
                if commit.fires is None:
                    expires = now + micros(commit.remember)
                    known.replies[commit.key] = Remembered(commit.reply, expires)
            return result

    def defer(self, user: str, key: str, message: bytes = b"") -> Answered | None:
        """See `Store.defer`."""
        with self._lock:
            now = self._now()
            known = self._open(user, now)
            remembered = rules.defer(known.entry, known.remembered(key, now), key, message, now)
            if isinstance(remembered, Answered):
                return remembered
            known.replies[key] = remembered
            return None

    def untaken(self, user: str, key: str, takes: int = 0) -> None:
        """See `Store.untaken`."""
        with self._lock:
            now = self._now()
            known = self._open(user, now)
            rules.untaken(known.entry, known.remembered(key, now), key, takes, now)

    def renew(self, user: str, fence: int, lease: float) -> None:
        """See `Store.renew`."""
        with self._lock:
            now = self._now()
            rules.renew(self._open(user, now).entry, fence, now, lease=micros(lease))

    def renew_all(
        self,
        claims: Sequence[tuple[str, int]],
        lease: float,
        within: float,  # noqa: ARG002 - nothing here takes time
    ) -> list[StoreError | None]:
        """See `RenewsAll.renew_all`."""
        with self._lock:
            now, span = self._now(), micros(lease)
            return [
                rules.renewed(self._open(user, now).entry, fence, now, lease=span)
                for user, fence in claims
            ]

    def release(self, user: str, fence: int) -> None:
        """See `Store.release`."""
        with self._lock:
            rules.release(self._open(user, self._now()).entry, fence)

    def due(self, account: str, limit: int, lease: float) -> Dues:
        """See `Store.due`."""
        with self._lock:
            now = self._now()
            ringing: list[tuple[int, str]] = []
            for user, known in self._users.items():
                if known.entry.account == account:
                    known.forget_expired(now)
                    if known.entry.rings:
                        ringing.append((known.entry.rings, user))
            first = [user for at, user in sorted(ringing)[:limit] if at <= now]
            leased = [
                waking.lease(user, self._users[user].entry, now, span=micros(lease))
                for user in first
            ]
            following = min((self._users[user].entry.rings for _, user in ringing), default=None)
            return results.dues(leased, now, following)

    def end_leases(self, entries: Sequence[Due]) -> None:
        """See `EndsLeases.end_leases`."""
        with self._lock:
            for due in entries:
                if due.user in self._users:
                    waking.end_lease(self._users[due.user].entry, due)

    def undue(self, due: Due) -> None:
        """Do nothing: the index consists of the users themselves."""

    def post(self, post: Post) -> Posted:
        """See `Store.post`."""
        with self._lock:
            now = self._now()
            known = self._open(post.user, now)
            if post.id and known.ids.get(post.id, 0) > now:
                return Posted("repeated")
            due = waking.post(known.entry, post, len(known.mail), now)
            number, expires = known.entry.mail, now + micros(post.kept)
            known.mail[number] = Letter(post.body, expires)
            if post.id:
                known.ids[post.id] = expires
            return Posted("kept", number, due)

    def note_account(self, name: str, account: str) -> None:
        """See `Store.note_account`."""
        with self._lock:
            self._accounts[name] = account

    def account(self, name: str) -> str:
        """See `Store.account`."""
        with self._lock:
            return self._accounts.get(name, "")

    def list(self, prefix: str = "", *, everybody: bool = False) -> Iterator[Stored]:
        """See `Store.list`."""
        with self._lock:
            users = [user for user in self._users if user.startswith(prefix)]
        for user in users:
            with self._lock:
                now = self._now()
                known = self._users.get(user)
                if known is None:
                    continue
                known.forget_expired(now)
                entry = known.entry
                has_conversation = entry.revision or known.parked
                if not (
                    has_conversation or (everybody and (known.data or known.mail or entry.pends()))
                ):
                    continue
                parked = {id: seconds(s.expires - now) for id, s in known.parked.items()}
                aside = tuple(sorted(known.aside))
                line = results.listed(user, entry, now, parked=parked, aside=aside)
            yield line

    def show(self, user: str) -> Shown | None:
        """See `Store.show`."""
        with self._lock:
            now = self._now()
            known = self._open(user, now)
            parked = {
                id: replace(shelf.parked, ttl=seconds(shelf.expires - now))
                for id, shelf in known.parked.items()
            }
            return results.shown(
                known.entry,
                now,
                records=tuple(known.records),
                data=known.data,
                parked=parked,
                aside={
                    conversation.id: conversation.document for conversation in known.put_aside()
                },
                mail=known.signals(),
            )

    def end(self, user: str, id: str | None = None) -> bool:
        """See `Store.end`."""
        with self._lock:
            now = self._now()
            known = self._open(user, now)
            if id is not None:
                parked = known.parked.pop(id, None) is not None
                aside = known.aside.pop(id, None) is not None
                known.entry.aside = len(known.aside)
                return aside or parked
            ended = rules.end(known.entry, now)
            if ended:
                known.records, known.aside = [], {}
            return ended

    def forget(self, user: str, remember: float = 60.0) -> bool:
        """See `Store.forget`."""
        with self._lock:
            now = self._now()
            known = self._open(user, now)
            known.forget_replies(now)
            entry, replies = known.entry, known.replies.values()
            known.forget_parts(now)
            existed = bool(entry.revision or entry.seen or known.data or known.parked or known.mail)
            existed = bool(existed or known.parts) or any(
                remembered.reply != b"" for remembered in replies
            )
            until = now + micros(remember)
            known.replies = {
                key: Remembered(b"", min(remembered.expires, until))
                for key, remembered in known.replies.items()
            }
            for key in rules.forget(entry, now):
                known.replies[key] = Remembered(b"", until)
            known.records, known.data, known.parked = [], b"", {}
            known.aside, known.mail, known.ids, known.parts = {}, {}, {}, {}
            return self._pages.forget(user, now) or existed

    def close(self) -> None:
        """Do nothing: there is nothing to close."""

"""A store in the memory of one process, for tests and toys: it is gone when the process ends.

The rules of `stores.rules` under one lock, nothing else. After a fork each process goes on with a
copy of its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from msgspec.structs import replace

from wechat_dialog.forks import mind
from wechat_dialog.stores import rules
from wechat_dialog.stores.base import (
    NOTHING,
    Answered,
    Claimed,
    Committed,
    Conflict,
    Deferred,
    Have,
    Parked,
    Running,
    Shown,
    Stored,
    Unclaimed,
    Write,
)

__all__ = ["MemoryStore"]

SWEEP_EVERY = 60_000_000


@dataclass(slots=True)
class _Shelf:
    """A parked conversation and when it is dropped."""

    parked: Parked
    expires: int


@dataclass(slots=True)
class _User:
    """Everything of one user."""

    document: rules.Document = field(default_factory=rules.Document)
    records: list[bytes] = field(default_factory=list[bytes])
    data: bytes = b""
    parked: dict[str, _Shelf] = field(default_factory=dict[str, _Shelf])
    marks: dict[str, rules.Mark] = field(default_factory=dict[str, rules.Mark])

    def forget_expired(self, now: int) -> None:
        rules.forget_expired(self.document, now)
        if not self.document.revision:
            self.records = []
        for id in [i for i, shelf in self.parked.items() if shelf.expires <= now]:
            del self.parked[id]

    def mark(self, key: str, now: int) -> rules.Mark | None:
        """Return what is known under `key`; what ran out is only deleted by the sweep."""
        mark = self.marks.get(key)
        return mark if mark is not None and now < mark.expires else None

    def forget_marks(self, now: int) -> None:
        for key in [k for k, mark in self.marks.items() if mark.expires <= now]:
            del self.marks[key]

    def is_idle(self, now: int) -> bool:
        """Whether nothing would be missed, the numbers given out a moment ago included."""
        document = self.document
        nothing = not (document.revision or document.seen or self.data or self.parked or self.marks)
        return nothing and document.idle <= now

    def apply(self, write: Write, before: int, now: int) -> None:
        """Do with records, data and parked conversations what the rules did with the document."""
        document = self.document
        if not document.revision:
            self.records = []
        else:
            kept = document.length - len(write.records)
            if not before:
                self.records = []
            del self.records[kept:]
            self.records.extend(write.records)
        if write.data is not None:
            self.data = write.data
        if write.unpark is not None:
            self.parked.pop(write.unpark, None)
        if write.park is not None:
            self.parked.pop(write.park.id, None)
            expires = now + rules.micros(write.park.ttl)
            self.parked[write.park.id] = _Shelf(write.park, expires)


class MemoryStore:
    """See `Store`. Bytes handed in and out are shared, not copied.

    Args:
        clock: Returns the time in seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._users: dict[str, _User] = {}
        self._swept = 0
        mind(self)

    def use_clock(self, clock: Callable[[], float]) -> None:
        """Go by another clock from now on; for simulators, which put theirs forward."""
        self._clock = clock

    def begin_anew(self) -> None:
        """See `forks.Forked`: a lock that another thread held would stay locked."""
        self._lock = threading.Lock()

    def _now(self) -> int:
        return int(self._clock() * 1e6)

    def _open(self, user: str, now: int) -> _User:
        """Return what is there for `user`, freed of what ran out. Needs the lock."""
        if not user:
            raise ValueError("a user's key must not be empty")
        if self._swept + SWEEP_EVERY <= now:
            self._sweep(now)
        found = self._users.get(user)
        if found is None:
            found = self._users[user] = _User()
        found.forget_expired(now)
        return found

    def _sweep(self, now: int) -> None:
        self._swept = now
        for found in self._users.values():
            found.forget_expired(now)
            found.forget_marks(now)
        self._users = {user: found for user, found in self._users.items() if not found.is_idle(now)}

    def claim(
        self,
        user: str,
        key: str,
        *,
        lease: float,
        have: Have = NOTHING,
        arrival: bool = True,
        optimistic: bool = False,
        message: bytes = b"",
    ) -> Claimed | Unclaimed | Answered | Running:
        """See `Store.claim`."""
        with self._lock:
            now = self._now()
            found = self._open(user, now)
            mark = found.mark(key, now)
            if optimistic and not have.journal and rules.is_quiet(found.document, mark):
                everything = tuple(found.records)
                return rules.unclaimed(found.document, now, records=everything, data=found.data)
            granted = rules.claim(
                found.document,
                mark,
                key,
                now,
                lease=rules.micros(lease),
                arrival=arrival,
                message=message,
            )
            if not isinstance(granted, rules.Granted):
                return granted
            records = tuple(found.records[rules.lacking(found.document, have) :])
            return rules.claimed(found.document, granted, now, records=records, data=found.data)

    def record(self, user: str, fence: int, write: Write) -> Committed:
        """See `Store.record`."""
        with self._lock:
            now = self._now()
            found = self._open(user, now)
            before = found.document.revision
            done = rules.record(found.document, fence, write, now)
            found.apply(write, before, now)
            return done

    def commit(
        self,
        user: str,
        key: str,
        write: Write,
        *,
        reply: bytes,
        fence: int = 0,
        revision: int = 0,
        max_age: float | None = None,
        deferred: bool = False,
        release: bool = True,
        remember: float = 60.0,
    ) -> Committed | Answered | Conflict | Deferred:
        """See `Store.commit`."""
        with self._lock:
            now = self._now()
            found = self._open(user, now)
            before = found.document.revision
            done = rules.commit(
                found.document,
                found.mark(key, now),
                key,
                write,
                now,
                fence=fence,
                revision=revision,
                max_age=max_age,
                deferred=deferred,
                release=release,
            )
            if isinstance(done, Committed):
                found.apply(write, before, now)
                found.marks[key] = rules.Mark(reply, now + rules.micros(remember))
            return done

    def defer(self, user: str, key: str, message: bytes = b"") -> Answered | None:
        """See `Store.defer`."""
        with self._lock:
            now = self._now()
            found = self._open(user, now)
            mark = rules.defer(found.document, found.mark(key, now), key, message, now)
            if isinstance(mark, Answered):
                return mark
            found.marks[key] = mark
            return None

    def renew(self, user: str, fence: int, lease: float) -> None:
        """See `Store.renew`."""
        with self._lock:
            now = self._now()
            rules.renew(self._open(user, now).document, fence, now, lease=rules.micros(lease))

    def release(self, user: str, fence: int) -> None:
        """See `Store.release`."""
        with self._lock:
            rules.release(self._open(user, self._now()).document, fence)

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """See `Store.list`."""
        with self._lock:
            users = [user for user in self._users if user.startswith(prefix)]
        for user in users:
            with self._lock:
                now = self._now()
                found = self._users.get(user)
                if found is None:
                    continue
                found.forget_expired(now)
                document = found.document
                if not (document.revision or found.parked):
                    continue
                expires = document.expires or max(s.expires for s in found.parked.values())
                line = Stored(
                    user=user,
                    head=document.head,
                    length=document.length,
                    age=rules.seconds(now - document.committed) if document.revision else 0.0,
                    ttl=rules.seconds(expires - now),
                    parked=tuple(found.parked),
                )
            yield line

    def show(self, user: str) -> Shown | None:
        """See `Store.show`."""
        with self._lock:
            now = self._now()
            found = self._open(user, now)
            document = found.document
            if not (document.revision or found.data or found.parked):
                return None
            return Shown(
                head=document.head,
                records=tuple(found.records),
                data=found.data,
                age=rules.seconds(now - document.committed) if document.revision else 0.0,
                ttl=rules.seconds(document.expires - now) if document.revision else 0.0,
                parked={
                    id: replace(shelf.parked, ttl=rules.seconds(shelf.expires - now))
                    for id, shelf in found.parked.items()
                },
            )

    def end(self, user: str, id: str | None = None) -> bool:
        """See `Store.end`."""
        with self._lock:
            now = self._now()
            found = self._open(user, now)
            if id is not None:
                return found.parked.pop(id, None) is not None
            ended = rules.end(found.document, now)
            if ended:
                found.records = []
            return ended

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""

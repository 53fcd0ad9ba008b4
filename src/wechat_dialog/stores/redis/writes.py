"""What a turn writes, as scripts with arguments: records and commits.

A write that says nothing of time is a call, whose script is the fast one where nothing but records
is appended under no claim. One that does has more keys, and as the last of them the index, if that
may be on the same server.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Mapping
from functools import lru_cache, partial
from math import ceil
from typing import Any

from wechat_dialog.core.store import checks, entry
from wechat_dialog.core.store.values import (
    Answered,
    Commit,
    Committed,
    Conflict,
    Deferred,
    Write,
)

from .answers import read_commit, read_record
from .calls import Arguments, Call, name_of
from .keys import Keys
from .packing import Packable, packed
from .scripts import Scripts

__all__ = ["Writes", "says_time"]

_SHORTEST = 0.001  # Redis' own resolution of a TTL
_AT_ONCE = 1000  # records that are worth a script of their own
_SLACK = 60_000  # ms, as SLACK in entry.lua
_NEVER = 2**53 - 1  # µs; the greatest whole number that Lua's are exact for
_FAST = struct.Struct(">6s6sQQ?QQQQI")
"""What the script has to know, but for what is of any length: each argument costs the server as
much as reading a whole record."""

Said = Mapping[str, Packable]
"""What a write says of time, as timed.lua takes it."""


def says_time(write: Write) -> bool:
    """Return whether a write says anything of time, of what is aside or of the mailbox."""
    return bool(write.wake is not None or write.aside or write.unaside or write.taken)


class Writes:
    """Builds the calls that write, of one store.

    Args:
        keys: The store's.
        scripts: The store's.
        patience: Seconds after which a caller that got no answer gives up, at the earliest.
        learns: Whether the server's clock may be told by ours; not where a test sets it.
    """

    def __init__(self, keys: Keys, scripts: Scripts, patience: float, *, learns: bool) -> None:
        self._keys = keys
        self._scripts = scripts
        self._patience = entry.micros(patience)
        # The server's clock less ours, as far as its answers tell; None while none has.
        self._ahead: int | None = None
        self._learns = learns

    # Write ids name a call: a fork must not repeat one, so no seeded generator.

    def record(
        self,
        user: str,
        fence: int,
        write: Write,
        *,
        said: Said | None = None,
        index: str | None = None,
    ) -> Call[Committed]:
        """See `Store.record`.

        Args:
            user: As there.
            fence: As there.
            write: As there.
            said: What it says of time; None: nothing.
            index: Key of the index, if the script is to write that too.
        """
        checks.check(write, commits=False)
        return self._record(user, fence, write, os.urandom(6), said, index)

    def _record(
        self,
        user: str,
        fence: int,
        write: Write,
        write_id: bytes,
        said: Said | None,
        index: str | None,
    ) -> Call[Committed]:
        k = self._keys.of(user)
        return Call(
            self._scripts.write if said is None else self._scripts.write_timed,
            (
                *_write_keys(k, (k + "h", k + "j", k + "c"), write, said, index),
                *(0, fence, 0, "", 0, 0, write_id),
                *_change(write),
                *("", b"", 0, "", _extras(write, said)),
                *write.records,
            ),
            read_record,
            instead=None
            if said is not None
            else partial(self._record, user, fence, write, write_id, {"user": user}, None),
        )

    def commit(
        self, commit: Commit, *, said: Said | None = None, index: str | None = None
    ) -> Call[Committed | Answered | Conflict | Deferred]:
        """See `Store.commit`; `said` and `index` as in `record`."""
        write, fence = commit.write, commit.fence
        checks.check_commit(commit)
        limit = self._limit(commit.revision, commit.max_age)
        if (
            said is None
            and not fence
            and commit.taken
            and _only_appends(write)
            and commit.remember >= _SHORTEST
        ):
            return self._fast(commit, limit)
        return self._commit(commit, os.urandom(6), limit, said, index)

    def _fast(self, commit: Commit, limit: int) -> Call[Committed | Answered | Conflict | Deferred]:
        k, write, write_id = self._keys.of(commit.user), commit.write, os.urandom(6)
        return Call(
            self._scripts.fast,
            (
                *("4", f"{k}h", f"{k}j", f"{k}c", f"{k}a:{commit.key}"),
                _FAST.pack(
                    *(write_id, name_of(commit.key), commit.revision, limit, commit.deferred),
                    *(*_spans(write.ttl, commit.remember), len(commit.reply)),
                )
                + commit.key.encode(),
                commit.reply + write.head,
                *write.records,
            ),
            self._read_commit,
            instead=partial(self._commit, commit, write_id, limit, {"user": commit.user}, None),
        )

    def _commit(
        self,
        commit: Commit,
        write_id: bytes,
        limit: int,
        said: Said | None,
        index: str | None,
    ) -> Call[Committed | Answered | Conflict | Deferred]:
        k, key, write = self._keys.of(commit.user), commit.key, commit.write
        keys = (f"{k}h", f"{k}j", f"{k}c", f"{k}a:{key}")
        return Call(
            self._scripts.write if said is None else self._scripts.write_timed,
            (
                *_write_keys(k, keys, write, said, index),
                *(1 if commit.taken else 2, commit.fence, commit.revision, limit),
                *(int(commit.deferred), int(commit.release), write_id),
                *_change(write),
                *(key, commit.reply, entry.micros(commit.remember), name_of(key)),
                *(_extras(write, said), *write.records),
            ),
            self._read_commit,
            instead=None
            if said is not None
            else partial(self._commit, commit, write_id, limit, {"user": commit.user}, None),
        )

    def _limit(self, revision: int, max_age: float | None) -> int:
        """Return the µs since the last commit after which a commit without a claim is refused.

        A server that stalls carries out what was sent to it when it goes on: maybe after the sender
        gave up and told the user that something went wrong. A claim is over by then; without one,
        the time until which the write counts goes along. A revision is the server's time at the
        last commit, so that it fits into the limit there is anyway. By our idea of the server's
        clock, never ahead of it: what is refused too early takes the claim's way.
        """
        age = _NEVER if max_age is None else min(entry.micros(max_age), _NEVER)
        if not revision or self._ahead is None:
            return age
        until = time.monotonic_ns() // 1000 + self._ahead + self._patience - revision
        return max(min(age, until), 0)

    def _read_commit(self, answer: Any) -> Committed | Answered | Conflict | Deferred:
        done = read_commit(answer)
        if type(done) is Committed and self._learns:
            ahead = done.revision - time.monotonic_ns() // 1000
            if self._ahead is None or ahead > self._ahead:
                self._ahead = ahead
        return done


def _has_extras(write: Write) -> bool:
    some = write.park or write.unpark or write.ended or write.forget
    return bool(write.data is not None or some)


@lru_cache(maxsize=256)
def _spans(ttl: float, remember: float) -> tuple[int, int, int, int]:
    """Return for how many µs what the fast script writes counts, the reply, and Redis has to keep
    them; and after how many ms it may drop h and j, where it is told anew.
    """
    lasts, remembered = (min(entry.micros(span), _NEVER) for span in (ttl, remember))
    needed = max(lasts, remembered)
    return lasts, remembered, needed, ceil(needed / 1000) + _SLACK


def _only_appends(write: Write) -> bool:
    """Whether a write is of the form that the fast script knows."""
    return (
        write.keep is None
        and write.head != b""
        and not _has_extras(write)
        and write.ttl >= _SHORTEST
        and len(write.records) <= _AT_ONCE
    )


def _write_keys(
    k: str, keys: tuple[str, ...], write: Write, said: Said | None, index: str | None
) -> Arguments:
    if said is None and not _has_extras(write):
        return (len(keys), *keys)
    # Each key has its place; that of the reply is not looked at where there is none.
    keys = (*keys[:3], *(keys[3:] or (k + "a:",)), k + "d", k + "p")
    if said is not None:
        keys = (*keys, k + "b", k + "m", k + "i", k + "t")
    elif write.ended:
        keys = (*keys, *[k + "t"] * 4)
    if write.ended:
        keys = (*keys, k + "t" if index is None else index, k + "s")
    elif index is not None:
        keys = (*keys, index)
    return (len(keys), *keys)


def _change(write: Write) -> Arguments:
    keep = "" if write.keep is None else write.keep
    return (entry.micros(write.ttl), keep, write.head)


def _extras(write: Write, said: Said | None) -> bytes | int:
    if said is None and not _has_extras(write):
        return 0
    extras: dict[str, Packable] = {}
    if said is not None:
        extras["time"] = said
    if write.data is not None:
        extras["data"] = write.data
    if write.ended:
        extras["ended"] = write.ended
    if write.unpark:
        extras["unpark"] = write.unpark
    if write.park:
        extras["park"] = [
            (one.id, one.document, entry.micros(one.ttl), one.most, one.room)
            for one in sorted(write.park, key=lambda one: one.id)
        ]
    if write.forget:
        extras["forget"] = 1
    return packed(extras)

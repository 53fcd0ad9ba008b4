"""The writes of a turn, as scripts with arguments: records and commits.

A write without times is a single call, with the fast script if it only appends records without a
claim. One with times has more keys, the last of them the index, if that may be on the same server.
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
    LOOK_HOLDS,
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

__all__ = ["Writes", "says_time", "timing_of"]

_SHORTEST = 0.001  # Redis' own resolution of a TTL
_AT_ONCE = 1000  # records that are worth a script of their own
_SLACK = 60_000  # ms, as SLACK in entry.lua
_LOOK_HOLDS = entry.micros(LOOK_HOLDS)
_NEVER = 2**53 - 1  # µs; the greatest whole number that Lua's are exact for
_FAST = struct.Struct(">6s6sQQBQQQQI")
"""The fixed-size arguments of the script, packed into one: each argument costs the server as much
as reading a whole record.
"""

Timing = Mapping[str, Packable]
"""The times of a write, in the form of timed.lua."""


def says_time(write: Write) -> bool:
    """Return whether a write sets times, conversations aside or the mailbox."""
    return bool(write.wake is not None or write.aside or write.unaside or write.taken)


def timing_of(user: str, write: Write) -> dict[str, Packable]:
    """Return the times of a write."""
    timing: dict[str, Packable] = {"user": user}
    if write.wake is not None:
        timing["wake"], timing["account"] = write.wake.at * 1000, write.wake.account
    if write.aside:
        timing["aside"] = [(conversation.id, conversation.document) for conversation in write.aside]
    if write.unaside:
        timing["unaside"] = write.unaside
    if write.taken:
        timing["taken"] = [number for number in write.taken if 0 < number < 2**53]
    if write.refused:
        timing["refused"] = write.refused
    return timing


class Writes:
    """Builds the calls of one store that write.

    Args:
        keys: The store's key names.
        scripts: The store's scripts.
        patience: Shortest time in seconds after which a caller without an answer gives up.
        learns: Whether the server's clock may be estimated by ours; not if a test sets it.
    """

    def __init__(self, keys: Keys, scripts: Scripts, patience: float, *, learns: bool) -> None:
        self._keys = keys
        self._scripts = scripts
        self._patience = entry.micros(patience)
        # The server's clock minus ours, estimated from its answers; None before the first.
        self._ahead: int | None = None
        self._learns = learns

    # Write ids identify a call: a forked child must not repeat one, so no seeded generator is used.

    def record(
        self,
        user: str,
        fence: int,
        write: Write,
        *,
        timing: Timing | None = None,
        index: str | None = None,
    ) -> Call[Committed]:
        """See `Store.record`.

        Args:
            user: See `Store.record`.
            fence: See `Store.record`.
            write: See `Store.record`.
            timing: Its times; None: none.
            index: Key of the index, if the script is to write that, too.
        """
        checks.check(write, commits=False)
        return self._record(user, fence, write, os.urandom(6), timing, index)

    def _record(
        self,
        user: str,
        fence: int,
        write: Write,
        write_id: bytes,
        timing: Timing | None,
        index: str | None,
    ) -> Call[Committed]:
        k = self._keys.of(user)
        return Call(
            self._scripts.write if timing is None else self._scripts.write_timed,
            (
                *_write_keys(k, (k + "h", k + "j", k + "c"), write, timing, index),
                *(0, fence, 0, "", 0, 0, write_id),
                *_change(write),
                *("", b"", 0, "", _extras(write, timing)),
                *write.records,
            ),
            read_record,
            instead=None
            if timing is not None
            else partial(self._record, user, fence, write, write_id, {"user": user}, None),
        )

    def commit(
        self, commit: Commit, *, timing: Timing | None = None, index: str | None = None
    ) -> Call[Committed | Answered | Conflict | Deferred]:
        """See `Store.commit`; for the other arguments see `record`."""
        write, fence = commit.write, commit.fence
        checks.check_commit(commit)
        limit = self._limit(commit)
        if (
            timing is None
            and not fence
            and commit.taken
            and _only_appends(write)
            and commit.remember >= _SHORTEST
        ):
            return self._fast(commit, limit)
        return self._commit(commit, os.urandom(6), limit, timing, index)

    def _fast(self, commit: Commit, limit: int) -> Call[Committed | Answered | Conflict | Deferred]:
        k, write, write_id = self._keys.of(commit.user), commit.write, os.urandom(6)
        return Call(
            self._scripts.fast,
            (
                *("4", f"{k}h", f"{k}j", f"{k}c", f"{k}a:{commit.key}"),
                _FAST.pack(
                    *(
                        write_id,
                        name_of(commit.key),
                        commit.revision or commit.issued,
                        limit,
                        _flags(commit),
                    ),
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
        timing: Timing | None,
        index: str | None,
    ) -> Call[Committed | Answered | Conflict | Deferred]:
        k, key, write = self._keys.of(commit.user), commit.key, commit.write
        keys = (f"{k}h", f"{k}j", f"{k}c", f"{k}a:{key}")
        return Call(
            self._scripts.write if timing is None else self._scripts.write_timed,
            (
                *_write_keys(k, keys, write, timing, index),
                *(1 if commit.taken else 2, commit.fence, commit.revision or commit.issued, limit),
                *(_flags(commit), int(commit.release), write_id),
                *_change(write),
                *(key, commit.reply, entry.micros(commit.remember), name_of(key)),
                *(_extras(write, timing), *write.records),
            ),
            self._read_commit,
            instead=None
            if timing is not None
            else partial(self._commit, commit, write_id, limit, {"user": commit.user}, None),
        )

    def _limit(self, commit: Commit) -> int:
        """Return the µs since the last commit after which a commit without a claim is refused; or
        the time, if it is based on a look that found no entry.

        A server that stalled executes what was sent to it when it continues: possibly after the
        sender gave up and told the user that something went wrong. A claim has expired by then;
        without one, a time limit is sent along. A revision is the server's time of the last commit,
        so the limit can be expressed as an age, like the one that exists anyway. It is based on our
        estimate of the server's clock, which is never ahead of it: a commit that is refused too
        early falls back to a claim.
        """
        looked, max_age, revision = commit.looked, commit.max_age, commit.revision
        if looked:
            limit = looked * 1000 + _LOOK_HOLDS
        else:
            limit = _NEVER if max_age is None else min(entry.micros(max_age), _NEVER)
        if commit.fence or self._ahead is None:
            return limit
        until = time.monotonic_ns() // 1000 + self._ahead + self._patience - revision
        return max(min(limit, until), 0)

    def _read_commit(self, answer: Any) -> Committed | Answered | Conflict | Deferred:
        result = read_commit(answer)
        # A write that leaves no head has no revision, and so says nothing of the time.
        if type(result) is Committed and result.revision and self._learns:
            ahead = result.revision - time.monotonic_ns() // 1000
            if self._ahead is None or ahead > self._ahead:
                self._ahead = ahead
        return result


def _flags(commit: Commit) -> int:
    return commit.deferred + 2 * (commit.looked > 0)


def _has_extras(write: Write) -> bool:
    some = write.park or write.unpark or write.ended or write.forget
    return bool(write.data is not None or some)


@lru_cache(maxsize=256)
def _spans(ttl: float, remember: float) -> tuple[int, int, int, int]:
    """Return for how many µs the fast script's writes, the reply, and Redis' keys have to last; and
    after how many ms Redis may drop h and j, if it is set again.
    """
    lasts, remembered = (min(entry.micros(span), _NEVER) for span in (ttl, remember))
    needed = max(lasts, remembered)
    return lasts, remembered, needed, ceil(needed / 1000) + _SLACK


def _only_appends(write: Write) -> bool:
    """Whether a write has the form that the fast script supports."""
    return (
        write.keep is None
        and write.head != b""
        and not _has_extras(write)
        and write.ttl >= _SHORTEST
        and len(write.records) <= _AT_ONCE
    )


def _write_keys(
    k: str, keys: tuple[str, ...], write: Write, timing: Timing | None, index: str | None
) -> Arguments:
    if timing is None and not _has_extras(write):
        return (len(keys), *keys)
    # Each key has its place; that of the reply is unused if there is none.
    keys = (*keys[:3], *(keys[3:] or (k + "a:",)), k + "d", k + "p")
    if timing is not None:
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


def _extras(write: Write, timing: Timing | None) -> bytes | int:
    if timing is None and not _has_extras(write):
        return 0
    extras: dict[str, Packable] = {}
    if timing is not None:
        extras["time"] = timing
    if write.data is not None:
        extras["data"] = write.data
    if write.ended:
        extras["ended"] = write.ended
    if write.unpark:
        extras["unpark"] = write.unpark
    if write.park:
        extras["park"] = [
            (parked.id, parked.document, entry.micros(parked.ttl), parked.most, parked.room)
            for parked in sorted(write.park, key=lambda parked: parked.id)
        ]
    if write.forget:
        extras["forget"] = 1
    return packed(extras)

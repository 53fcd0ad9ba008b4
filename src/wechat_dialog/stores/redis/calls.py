"""The operations of the Redis store as scripts with arguments, and their answers as values.

Everything of it but the sending: `stores.redis` sends, once waiting and once awaiting. One
operation is one call of one script, so one round trip; all keys of a user carry one hash tag, so a
cluster keeps them together; and a call may be sent twice (see `Call`).
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from hashlib import blake2s
from math import ceil
from typing import Any, Generic, TypeVar

import msgspec

from wechat_dialog.core.store import checks, entry, rules
from wechat_dialog.core.store.kept import Shown, Stored
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
from wechat_dialog.stores.redis.answers import (
    read_claim,
    read_claim_beside,
    read_commit,
    read_defer,
    read_done,
    read_forget,
    read_line,
    read_record,
    read_show,
)
from wechat_dialog.stores.redis.keys import Keys
from wechat_dialog.stores.redis.scripts import Script, Scripts

__all__ = ["Call", "Calls"]

T = TypeVar("T")

_SHORTEST = 0.001  # Redis' own resolution of a TTL
_AT_ONCE = 1000  # records that are worth a script of their own
_SLACK = 60_000  # ms, as SLACK in entry.lua
_NEVER = 2**53 - 1  # µs; the greatest whole number that Lua's are exact for
_FAST = struct.Struct(">6s6sQQ?QQQQI")
_CLAIM = struct.Struct(">6s??Q?QQQ6s8s")
"""What the scripts have to know, but for what is of any length: each argument costs the server as
much as reading a whole record."""


class Call(msgspec.Struct, Generic[T], frozen=True):
    """One round trip.

    Sending it twice does no harm, so a client that got no answer may ask again: a claim knows its
    caller, a write its id, and the others say what shall be, not what to change.

    Attributes:
        script: What to run.
        arguments: Number of keys, keys, arguments: all that follows the script in EVALSHA.
        read: Turns the server's answer into a result, or raises `ClaimLost`.
        beside: Another command, sent with it; then `read` takes the pair of their answers. None:
            there is none.
        instead: Makes the call to send where `read` raises `Torn`; None: it never does.
    """

    script: Script
    arguments: tuple[str | bytes | int, ...]
    read: Callable[[Any], T]
    beside: tuple[str | bytes | int, ...] | None = None
    instead: Callable[[], Call[T]] | None = None


def _name(key: str) -> bytes:
    """Return what stands for a message's key in h: six bytes.

    Among what a user writes in a minute no two have the same, but once in a million million years.
    """
    return blake2s(key.encode(), digest_size=6).digest()


class Calls:
    """Builds the calls of one store.

    Args:
        prefix: First part of every key.
        key_format: Content of the hash tag, with `%(user)s` in it once; None is
            `<prefix>:%(user)s`.
        patience: Seconds after which a caller that got no answer gives up, at the earliest.
        clock: Lua that sets `now`; None is the server's clock. For tests.
    """

    def __init__(
        self, prefix: str, key_format: str | None, patience: float, clock: str | None = None
    ) -> None:
        self.keys = Keys(prefix, key_format)
        self._scripts = Scripts(clock)
        self._patience = entry.micros(patience)
        # The server's clock less ours, as far as its answers tell; None while none has, and with a
        # clock that a test moves.
        self._ahead: int | None = None
        self._learns = clock is None

    # Tokens and write ids name a call: a fork must not repeat one, so no seeded generator.

    def claim(
        self, claim: Claim, *, beside: bool
    ) -> Call[Claimed | Unclaimed | Answered | Running]:
        """See `Store.claim`.

        Args:
            claim: As there.
            beside: Whether the records may be asked for by a command beside the script: through a
                script each of them costs the server ten times as much.
        """
        looks = rules.may_look(claim)
        beside = beside and claim.arrival and not claim.have.journal
        return self._claim(claim, os.urandom(6), looks=looks, beside=beside)

    def _claim(
        self, claim: Claim, token: bytes, *, looks: bool, beside: bool
    ) -> Call[Claimed | Unclaimed | Answered | Running]:
        k, have = self.keys.of(claim.user), claim.have
        question = _CLAIM.pack(
            *(_name(claim.key), looks, beside, entry.micros(claim.lease), claim.arrival),
            *(have.journal, have.length, claim.instead, token, have.last.encode()),
        )
        keys = (5, k + "h", k + "j", k + "c", f"{k}a:{claim.key}", k + "d")
        # Whichever way it is asked in the end, it is one question, with one token.
        plain = partial(self._claim, claim, token, looks=False, beside=False)
        return Call(
            self._scripts.claim,
            (*keys, question + claim.key.encode(), claim.message),
            read_claim_beside if beside else read_claim,
            ("LRANGE", k + "j", "0", "-1") if beside else None,
            plain if looks or beside else None,
        )

    def record(self, user: str, fence: int, write: Write) -> Call[Committed]:
        """See `Store.record`."""
        checks.check(write, commits=False)
        k = self.keys.of(user)
        return Call(
            self._scripts.write,
            (
                *_write_keys(k, (k + "h", k + "j", k + "c"), write),
                *(0, fence, 0, "", 0, 0, os.urandom(6)),
                *_change(write),
                *("", b"", 0, "", *_bulk(write)),
            ),
            read_record,
        )

    def commit(self, commit: Commit) -> Call[Committed | Answered | Conflict | Deferred]:
        """See `Store.commit`."""
        write, fence, revision = commit.write, commit.fence, commit.revision
        checks.check_commit(commit)
        k = self.keys.of(commit.user)
        keys = (f"{k}h", f"{k}j", f"{k}c", f"{k}a:{commit.key}")
        limit = self._limit(revision, commit.max_age)
        if not fence and commit.taken and _only_appends(write) and commit.remember >= _SHORTEST:
            return Call(
                self._scripts.fast,
                (
                    "4",
                    *keys,
                    _FAST.pack(
                        *(os.urandom(6), _name(commit.key), revision, limit, commit.deferred),
                        *(*_spans(write.ttl, commit.remember), len(commit.reply)),
                    )
                    + commit.key.encode(),
                    commit.reply + write.head,
                    *write.records,
                ),
                self._read_commit,
            )
        return Call(
            self._scripts.write,
            (
                *_write_keys(k, keys, write),
                *(1 if commit.taken else 2, fence, revision, limit),
                *(int(commit.deferred), int(commit.release), os.urandom(6)),
                *_change(write),
                *(commit.key, commit.reply, entry.micros(commit.remember), _name(commit.key)),
                *_bulk(write),
            ),
            self._read_commit,
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

    def defer(self, user: str, key: str, message: bytes) -> Call[Answered | None]:
        """See `Store.defer`."""
        k = self.keys.of(user)
        keys = (4, k + "h", k + "j", k + "c", f"{k}a:{key}")
        arguments = (*keys, entry.DEFERRED_KEPT, key, message, _name(key))
        return Call(self._scripts.defer, arguments, read_defer)

    def untaken(self, user: str, key: str, takes: int) -> Call[None]:
        """See `Store.untaken`."""
        k = self.keys.of(user)
        arguments = (4, k + "h", k + "j", k + "c", f"{k}a:{key}", key, takes, _name(key))
        return Call(self._scripts.untaken, arguments, read_done)

    def renew(self, user: str, fence: int, lease: float) -> Call[None]:
        """See `Store.renew`."""
        k = self.keys.of(user)
        arguments = (3, k + "h", k + "j", k + "c", fence, entry.micros(lease))
        return Call(self._scripts.renew, arguments, read_done)

    def release(self, user: str, fence: int) -> Call[None]:
        """See `Store.release`."""
        k = self.keys.of(user)
        return Call(self._scripts.release, (3, k + "h", k + "j", k + "c", fence), read_done)

    def end(self, user: str, id: str | None) -> Call[bool]:
        """See `Store.end`."""
        k = self.keys.of(user)
        keys = (4, k + "h", k + "j", k + "c", k + "p")
        return Call(self._scripts.end, keys if id is None else (*keys, id), bool)

    def forget(self, user: str, unanswered: Sequence[str] = ()) -> Call[bool | tuple[str, ...]]:
        """See `Store.forget`; replies that are remembered have to be looked for.

        Args:
            user: The user's key.
            unanswered: Keys of the user's messages that have no answer. Where they are not all of
                them, the result is the keys of all, and nothing is forgotten: ask with these.
        """
        k = self.keys.of(user)
        keys = (k + "h", k + "j", k + "c", k + "d", k + "p", *(f"{k}a:{key}" for key in unanswered))
        script = self._scripts.forget(len(unanswered))
        return Call(script, (len(keys), *keys, *unanswered), read_forget)

    def silence(self, reply: bytes) -> Call[bool]:
        """Have a reply that is remembered say nothing; tells whether it said anything.

        Args:
            reply: Its key, as found by `Keys.replies`.
        """
        return Call(self._scripts.silence, (1, reply), bool)

    def show(self, user: str) -> Call[Shown | None]:
        """See `Store.show`."""
        k = self.keys.of(user)
        return Call(
            self._scripts.show, (5, k + "h", k + "j", k + "c", k + "d", k + "p", 0), read_show
        )

    def line(self, user: str, *, everybody: bool = False) -> Call[Stored | None]:
        """Ask for a user's line of a listing; None if there is nothing to list."""
        k = self.keys.of(user)
        keys = (5, k + "h", k + "j", k + "c", k + "d", k + "p")
        return Call(
            self._scripts.show,
            (*keys, 2 if everybody else 1),
            lambda answer: read_line(user, answer),
        )


def _has_extras(write: Write) -> bool:
    if write.wake or write.aside or write.unaside or write.taken or len(write.park) > 1:
        raise NotImplementedError("time and the mailbox, in Redis")
    return bool(write.data is not None or write.park or write.unpark or write.forget)


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


def _write_keys(k: str, keys: tuple[str, ...], write: Write) -> tuple[str | int, ...]:
    if _has_extras(write):
        # Each key has its place; that of the reply is not looked at where there is none.
        return (6, *keys[:3], *(keys[3:] or (k + "a:",)), k + "d", k + "p")
    return (len(keys), *keys)


def _change(write: Write) -> tuple[str | bytes | int, ...]:
    keep = "" if write.keep is None else write.keep
    return (entry.micros(write.ttl), keep, write.head)


def _bulk(write: Write) -> tuple[str | bytes | int, ...]:
    if not _has_extras(write):
        return (0, *write.records)
    park: tuple[str | bytes | int, ...] = ("", b"", 0, 0, 0)
    for one in write.park:
        park = (one.id, one.document, entry.micros(one.ttl), one.most, one.room)
    return (
        2 if write.forget else 1,
        0 if write.data is None else 1,
        write.data or b"",
        "".join(write.unpark),
        *park,
        *write.records,
    )


PREFIX = "wechat-dialog"

"""The operations of the Redis store as scripts with arguments, and their answers as values.

Everything of it but the sending: `stores.redis` sends, once waiting and once awaiting. One
operation is one call of one script, so one round trip; all keys of a user carry one hash tag, so a
cluster keeps them together; and a call may be sent twice (see `Call`).
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from math import ceil
from typing import Any, Generic, TypeVar

import msgspec

from wechat_dialog.errors import ClaimLost, ConfigurationError, StoreError
from wechat_dialog.stores import rules
from wechat_dialog.stores.base import (
    Answered,
    Claimed,
    Committed,
    Conflict,
    Deferred,
    Have,
    Parked,
    Pending,
    Running,
    Shown,
    Stored,
    Unclaimed,
    Write,
)

__all__ = ["Call", "Calls", "Script", "Torn"]

T = TypeVar("T")

USER = "%(user)s"
_SHORTEST = 0.001  # Redis' own resolution of a TTL
_AT_ONCE = 1000  # what Lua can unpack into one command
_ANSWERED, _RUNNING, _DONE, _CONFLICT, _DEFERRED, _LOST = range(6)


class Script(msgspec.Struct, frozen=True):
    """A Lua script.

    Attributes:
        source: Its text, what stands before it included.
        sha: Its SHA-1 in hexadecimal digits, under which the server knows it once it is loaded.
    """

    source: str
    sha: str


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
        instead: The call to send where `read` raises `Torn`; None: it never does.
    """

    script: Script
    arguments: tuple[str | bytes | int, ...]
    read: Callable[[Any], T]
    beside: tuple[str | bytes | int, ...] | None = None
    instead: Call[T] | None = None


class Torn(Exception):
    """The records that came with a head are not those that belong to it."""


@cache
def _source(name: str) -> str:
    return files("wechat_dialog.stores").joinpath("lua", f"{name}.lua").read_text("utf-8")


def _token() -> str:
    """Return a name for this very call; a fork must not repeat it, so no seeded generator."""
    return os.urandom(6).hex()


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
        tag = f"{prefix}:{USER}" if key_format is None else key_format
        if tag.count(USER) != 1:
            raise ConfigurationError(f"key_format={tag!r} must contain {USER} once")
        before, _, after = tag.partition(USER)
        # Redis takes for a tag what stands between the first { and the next }: a } in it would
        # end it early, or, as its first character, leave no tag at all.
        self._before = "{" + _escaped(before)
        self._after = _escaped(after) + "}:"
        self._patience = rules.micros(patience)
        # The server's clock less ours, as far as its answers tell; None while none has, and with a
        # clock that a test moves.
        self._ahead: int | None = None
        self._learns = clock is None
        clock = _source("clock") if clock is None else clock

        def script(name: str, *, before: tuple[str, ...] = ("document",)) -> Script:
            source = "\n".join((clock, *map(_source, before), _source(name)))
            return Script(source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())

        self._claim = script("claim", before=("look", "document"))
        self._write = script("write")
        self._fast = script("fast", before=())
        self._defer = script("defer")
        self._renew = script("renew")
        self._release = script("release")
        self._end = script("end")
        self._show = script("show")

    def _keys(self, user: str) -> str:
        """Return what all keys of `user` begin with."""
        if not user:
            raise ValueError("a user's key must not be empty")
        if "}" in user or "%" in user:
            user = _escaped(user)
        return f"{self._before}{user}{self._after}"

    def pattern(self, prefix: str) -> str:
        """Return the glob of all keys of users that start with `prefix`."""
        start = self._before + _escaped(prefix)
        return "".join(f"\\{c}" if c in "*?[]\\^" else c for c in start) + "*"

    def user(self, key: bytes) -> tuple[str, str] | None:
        """Return (user, kind of key) of one of our keys; None of a stranger's."""
        text = key.decode("utf-8", "replace")
        tag, found, kind = text.partition(self._after)
        if not found or not tag.startswith(self._before):
            return None
        return tag[len(self._before) :].replace("%7D", "}").replace("%25", "%"), kind

    def claim(
        self,
        user: str,
        key: str,
        *,
        lease: float,
        have: Have,
        arrival: bool,
        optimistic: bool,
        message: bytes,
        beside: bool,
    ) -> Call[Claimed | Unclaimed | Answered | Running]:
        """See `Store.claim`.

        Args:
            user: As there.
            key: As there.
            lease: As there.
            have: As there.
            arrival: As there.
            optimistic: As there.
            message: As there.
            beside: Whether the records may be asked for by a command beside the script: through a
                script each of them costs the server ten times as much.
        """
        k = self._keys(user)
        # Whichever way it is asked in the end, it is one question, with one token.
        question = (
            *(5, k + "h", k + "j", k + "c", f"{k}a:{key}", k + "d"),
            *(rules.micros(lease), key, _token(), int(arrival), have.journal, have.length),
        )
        plain = Call(self._claim, (*question, "0", "0", message), _read_claim)
        looks = optimistic and not have.journal
        beside = beside and arrival and not have.journal
        if not (looks or beside):
            return plain
        return Call(
            self._claim,
            (*question, f"{looks:d}", f"{beside:d}", message),
            _read_claim_beside if beside else _read_claim,
            ("LRANGE", k + "j", "0", "-1") if beside else None,
            plain,
        )

    def record(self, user: str, fence: int, write: Write) -> Call[Committed]:
        """See `Store.record`."""
        k = self._keys(user)
        return Call(
            self._write,
            (
                *_write_keys(k, (k + "h", k + "j", k + "c"), write),
                *(0, fence, 0, "", 0, 0, _token()),
                *_change(write),
                *("", b"", 0, *_bulk(write)),
            ),
            _read_record,
        )

    def commit(
        self,
        user: str,
        key: str,
        write: Write,
        *,
        reply: bytes,
        fence: int,
        revision: int,
        max_age: float | None,
        deferred: bool,
        release: bool,
        remember: float,
    ) -> Call[Committed | Answered | Conflict | Deferred]:
        """See `Store.commit`."""
        if not fence and not revision:
            raise ValueError("a commit without a fence needs the revision it is based on")
        k = self._keys(user)
        limit = self._limit(revision, max_age)
        if not fence and _only_appends(write) and remember >= _SHORTEST:
            kept, spans = _spans(write.ttl, remember)
            return Call(
                self._fast,
                (
                    *("4", f"{k}h", f"{k}j", f"{k}c", f"{k}a:{key}"),
                    f"{revision} {limit} {deferred:d} {_token()} {kept}",
                    *spans,
                    write.head,
                    reply,
                    *write.records,
                ),
                self._read_commit,
            )
        return Call(
            self._write,
            (
                *_write_keys(k, (k + "h", k + "j", k + "c", f"{k}a:{key}"), write),
                *(1, fence, revision, limit, int(deferred), int(release), _token()),
                *_change(write),
                *(key, reply, rules.micros(remember), *_bulk(write)),
            ),
            self._read_commit,
        )

    def _limit(self, revision: int, max_age: float | None) -> str | int:
        """Return the µs since the last commit after which a commit without a claim is refused.

        A server that stalls carries out what was sent to it when it goes on: maybe after the sender
        gave up and told the user that something went wrong. A claim is over by then; without one,
        the time until which the write counts goes along. A revision is the server's time at the
        last commit, so that it fits into the limit there is anyway. By our idea of the server's
        clock, never ahead of it: what is refused too early takes the claim's way.
        """
        age = None if max_age is None else rules.micros(max_age)
        if not revision or self._ahead is None:
            return "" if age is None else age
        until = time.monotonic_ns() // 1000 + self._ahead + self._patience - revision
        return max(until if age is None else min(age, until), 0)

    def _read_commit(self, answer: Any) -> Committed | Answered | Conflict | Deferred:
        done = _read_commit(answer)
        if type(done) is Committed and self._learns:
            ahead = done.revision - time.monotonic_ns() // 1000
            if self._ahead is None or ahead > self._ahead:
                self._ahead = ahead
        return done

    def defer(self, user: str, key: str, message: bytes) -> Call[Answered | None]:
        """See `Store.defer`."""
        k = self._keys(user)
        keys = (4, k + "h", k + "j", k + "c", f"{k}a:{key}")
        return Call(self._defer, (*keys, rules.DEFERRED_KEPT, key, message), _read_defer)

    def renew(self, user: str, fence: int, lease: float) -> Call[None]:
        """See `Store.renew`."""
        k = self._keys(user)
        arguments = (3, k + "h", k + "j", k + "c", fence, rules.micros(lease))
        return Call(self._renew, arguments, _read_done)

    def release(self, user: str, fence: int) -> Call[None]:
        """See `Store.release`."""
        return Call(self._release, (1, self._keys(user) + "c", fence), _read_done)

    def end(self, user: str, id: str | None) -> Call[bool]:
        """See `Store.end`."""
        k = self._keys(user)
        keys = (4, k + "h", k + "j", k + "c", k + "p")
        return Call(self._end, keys if id is None else (*keys, id), bool)

    def show(self, user: str) -> Call[Shown | None]:
        """See `Store.show`."""
        k = self._keys(user)
        return Call(self._show, (4, k + "h", k + "j", k + "d", k + "p", 0), _read_show)

    def line(self, user: str) -> Call[Stored | None]:
        """Ask for a user's line of a listing; None if there is nothing to list."""
        k = self._keys(user)
        arguments = (4, k + "h", k + "j", k + "d", k + "p", 1)
        return Call(self._show, arguments, lambda answer: _read_line(user, answer))


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("}", "%7D")


def _has_extras(write: Write) -> bool:
    return write.data is not None or write.park is not None or write.unpark is not None


@lru_cache(maxsize=256)
def _spans(ttl: float, remember: float) -> tuple[str, tuple[str, str, str]]:
    """Return for how many µs what the fast script writes counts, and after how many ms Redis may
    drop head, records and reply.
    """
    lasts, remembered = rules.micros(ttl), rules.micros(remember)
    kept = ceil(lasts / 1000)
    # The records outlive the head a little, never the other way round.
    drop = str(kept), str(kept + 1000), str(ceil(remembered / 1000))
    return f"{lasts} {remembered}", drop


def _only_appends(write: Write) -> bool:
    """Whether a write is of the form that the fast script knows."""
    return (
        write.keep is None
        and write.head != b""
        and not _has_extras(write)
        and write.ttl >= _SHORTEST
        and len(write.records) <= _AT_ONCE
    )


def _write_keys(k: str, keys: Sequence[str], write: Write) -> tuple[str | int, ...]:
    if _has_extras(write):
        return (len(keys) + 2, *keys, k + "d", k + "p")
    return (len(keys), *keys)


def _change(write: Write) -> tuple[str | bytes | int, ...]:
    keep = write.keep
    if keep is not None and keep < 0:
        raise ValueError(f"Write.keep must not be negative, is {keep}")
    return (rules.micros(write.ttl), "" if keep is None else keep, write.head)


def _bulk(write: Write) -> tuple[str | bytes | int, ...]:
    if not _has_extras(write):
        return (0, *write.records)
    park: tuple[str | bytes | int, ...] = ("", b"", 0)
    if write.park is not None:
        park = (write.park.id, write.park.document, rules.micros(write.park.ttl))
    return (
        1,
        0 if write.data is None else 1,
        write.data or b"",
        write.unpark or "",
        *park,
        *write.records,
    )


def _lost() -> ClaimLost:
    return ClaimLost(
        "the claim was taken over, released or ran out; nothing was written: start the turn again"
    )


def _read_claim_beside(answers: Any) -> Claimed | Unclaimed | Answered | Running:
    answer, records = answers
    if type(answer) is bytes:
        return _unclaimed(answer, records)
    claimed = _read_claim(answer)
    if not isinstance(claimed, Claimed):
        return claimed
    return msgspec.structs.replace(claimed, records=_first(claimed.length, records))


def _first(length: int, records: list[bytes]) -> tuple[bytes, ...]:
    """Return the records that a script has seen, of those that were read beside it.

    Raises:
        Torn: There are fewer: they were evicted, or the conversation ended between the two.
    """
    if len(records) < length:
        raise Torn
    return tuple(records[:length])


def _unclaimed(answer: bytes, records: list[bytes]) -> Unclaimed:
    """Read what look.lua says."""
    first, _, text = answer.partition(b"\n")
    now, size = map(int, first.split())
    data, (line, _, head) = text[:size], text[size:].partition(b"\n")
    _, revision, journal, length, committed, _ = line.split()
    found = _first(int(length), records)
    age = max(now - int(committed), 0) / 1e6
    return Unclaimed(int(revision), int(journal), len(found), head, found, data, age)


def _read_claim(answer: Any) -> Claimed | Unclaimed | Answered | Running:
    kind = answer[0]
    if type(kind) is bytes:
        return _unclaimed(kind, answer[1])
    if kind == _DONE:
        _, fence, revision, journal, length, age, deferred, since, copies, *rest = answer
        pending, lost, head, data, records = rest
        return Claimed(
            fence,
            revision,
            journal,
            length,
            head,
            tuple(records),
            data,
            age / 1e6,
            deferred == 1,
            since / 1e6,
            copies,
            tuple([Pending(key.decode(), message) for key, message in pending]),
            lost,
        )
    if kind == _ANSWERED:
        return Answered(answer[1])
    return Running(answer[1].decode(), answer[2] / 1e6, answer[3])


def _read_commit(answer: Any) -> Committed | Answered | Conflict | Deferred:
    if type(answer) is bytes:  # the fast script's, whose every number made a number again costs
        revision, journal = answer.split()
        return Committed(int(revision), int(journal))
    kind = answer[0]
    if kind == _DONE:
        return Committed(answer[1], answer[2])
    if kind == _ANSWERED:
        return Answered(answer[1])
    if kind == _CONFLICT:
        return Conflict()
    if kind == _DEFERRED:
        return Deferred()
    raise _lost()


def _read_record(answer: Any) -> Committed:
    if answer[0] == _LOST:
        raise _lost()
    return Committed(answer[1], answer[2])


def _read_defer(answer: Any) -> Answered | None:
    return Answered(answer[1]) if answer[0] == _ANSWERED else None


def _read_done(answer: Any) -> None:
    if answer[0] == _LOST:
        raise _lost()


def _read_parked(flat: list[Any]) -> dict[str, Parked]:
    triples = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
    return {id.decode(): Parked(id.decode(), document, ttl / 1e6) for id, document, ttl in triples}


def _read_show(answer: Any) -> Shown | None:
    head, length, age, ttl, records, data, parked = answer
    if not (head or data or parked):
        return None
    if len(records) != length:
        raise StoreError(
            "Redis evicted records of a journal: give it enough memory, maxmemory-policy noeviction"
        )
    return Shown(head, tuple(records), data, age / 1e6, ttl / 1e6, _read_parked(parked))


def _read_line(user: str, answer: Any) -> Stored | None:
    head, length, age, ttl, _, _, flat = answer
    if not (head or flat):
        return None
    parked = _read_parked(flat)
    if not head:
        ttl = max(flat[2::3])
    return Stored(user, head, length, age / 1e6, ttl / 1e6, tuple(parked))

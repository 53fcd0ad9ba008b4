"""What the scripts answer, read."""

from __future__ import annotations

import struct
from typing import Any

import msgspec

from wechat_dialog.core.store import entry, rules
from wechat_dialog.core.store.kept import Parked, Shown, Stored
from wechat_dialog.core.store.values import (
    Answered,
    Claimed,
    Committed,
    Conflict,
    Deferred,
    Pending,
    Running,
    Unclaimed,
)
from wechat_dialog.errors import ClaimLost, StoreError

__all__ = [
    "Torn",
    "read_claim",
    "read_claim_beside",
    "read_commit",
    "read_defer",
    "read_done",
    "read_forget",
    "read_line",
    "read_parked",
    "read_record",
    "read_show",
    "read_written",
]

_HEAD = struct.Struct(">6sQQIQQQQ6sH")  # HEAD of entry.lua
_WRITTEN = struct.Struct(">QQ")
_ANSWERED, _RUNNING, _DONE, _CONFLICT, _DEFERRED, _LOST, _FULL = range(7)


class Torn(Exception):
    """The records that came with a head are not those that belong to it."""


def _lost() -> ClaimLost:
    return ClaimLost(
        "the claim was taken over, released or ran out; nothing was written: start the turn again"
    )


def read_claim_beside(answers: Any) -> Claimed | Unclaimed | Answered | Running:
    """Read the answer to a claim, with the records that were read beside it."""
    answer, records = answers
    if type(answer[0]) is bytes:
        now, text, data = answer
        return _unclaimed(now, text, data, records)
    claimed = read_claim(answer)
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


def _unclaimed(now: bytes, text: bytes, data: bytes, records: list[bytes]) -> Unclaimed:
    """Read what look.lua says."""
    if text.startswith(b"\t"):
        _, revision, journal, length, committed, *_, replies = _HEAD.unpack_from(text, 1)
        head = text[1 + _HEAD.size + replies :]
    else:  # as an earlier version wrote it
        line, _, head = text.partition(b"\n")
        revision, journal, length, committed = map(int, line.split()[1:5])
    found = _first(length, records)
    at = int(now)
    age = max(at - committed, 0) / 1e6
    return Unclaimed(revision, journal, length, head, found, data, age, entry.millis(at))


def read_claim(answer: Any) -> Claimed | Unclaimed | Answered | Running:
    """Read the answer to a claim."""
    kind = answer[0]
    if type(kind) is bytes:
        return _unclaimed(*answer)
    if kind == _DONE:
        _, fence, revision, journal, length, age, deferred, since, copies, *rest = answer
        pending, lost, head, data, records, untaken = rest
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
            tuple([Pending(key.decode(), message, ago / 1e6) for key, message, ago in pending]),
            lost,
            tuple(untaken),
            entry.millis(fence),
        )
    if kind == _ANSWERED:
        return Answered(answer[1])
    return Running(answer[1].decode(), answer[2] / 1e6, answer[3])


def read_commit(answer: Any) -> Committed | Answered | Conflict | Deferred:
    """Read the answer to a commit."""
    if type(answer) is bytes:  # fast.lua's
        revision, journal = _WRITTEN.unpack(answer)
        return Committed(revision, journal, (), entry.millis(revision))
    kind = answer[0]
    if kind == _DONE:
        return read_written(answer)
    if kind == _ANSWERED:
        return Answered(answer[1])
    if kind == _CONFLICT:
        return Conflict()
    if kind == _DEFERRED:
        return Deferred()
    raise _lost()


def read_record(answer: Any) -> Committed:
    """Read the answer to a record."""
    if answer[0] == _LOST:
        raise _lost()
    return read_written(answer)


def read_written(answer: Any) -> Committed:
    """Read what a write has left."""
    # A write that is repeated, since its answer got lost, has no fourth.
    dropped = answer[3] if len(answer) > 3 else ()
    ids = tuple([id.decode() for id in dropped])
    return Committed(answer[1], answer[2], ids, entry.millis(answer[1]))


def read_defer(answer: Any) -> Answered | None:
    """Read the answer to a deferral."""
    if answer[0] == _FULL:
        raise rules.too_many(answer[1])
    return Answered(answer[1]) if answer[0] == _ANSWERED else None


def read_done(answer: Any) -> None:
    """Read an answer that says nothing but whether the claim was lost."""
    if answer[0] == _LOST:
        raise _lost()


def read_forget(answer: Any) -> bool | tuple[str, ...]:
    """Read whether there was anything to forget, or which messages have no answer."""
    return bool(answer) if type(answer) is int else tuple([key.decode() for key in answer])


def read_parked(flat: list[Any]) -> dict[str, Parked]:
    """Read parked conversations."""
    triples = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
    return {id.decode(): Parked(id.decode(), document, ttl / 1e6) for id, document, ttl in triples}


def read_show(answer: Any) -> Shown | None:
    """Read everything of one user."""
    head, length, age, ttl, records, data, parked = answer
    if not (head or data or parked):
        return None
    if len(records) != length:
        raise StoreError(
            "Redis evicted records of a journal: give it enough memory, maxmemory-policy noeviction"
        )
    return Shown(head, tuple(records), data, age / 1e6, ttl / 1e6, read_parked(parked))


def read_line(user: str, answer: Any) -> Stored | None:
    """Read one line of a listing."""
    head, length, age, ttl, _, there, flat = answer
    if not (head or flat or there):
        return None
    parked = read_parked(flat)
    if not head:
        ttl = max(flat[2::3], default=0)
    return Stored(user, head, length, age / 1e6, ttl / 1e6, tuple(parked))

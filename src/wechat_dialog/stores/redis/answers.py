"""Decoding of the scripts' answers."""

from __future__ import annotations

import struct
from typing import Any, Never

import msgspec

from wechat_dialog.core.store import entry, rules
from wechat_dialog.core.store.kept import Aside, Parked, Shown, Stored
from wechat_dialog.core.store.times import Mail, Wake
from wechat_dialog.core.store.values import (
    Answered,
    Claimed,
    Committed,
    Conflict,
    Deferred,
    Have,
    Pending,
    Running,
    Unclaimed,
    checksum,
)
from wechat_dialog.errors import ClaimLost, StoreError

__all__ = [
    "AskOtherwise",
    "Unsaid",
    "first_read",
    "looked",
    "read_aside",
    "read_claim",
    "read_claim_beside",
    "read_commit",
    "read_defer",
    "read_done",
    "read_forget",
    "read_line",
    "read_look",
    "read_mail",
    "read_parked",
    "read_record",
    "read_show",
    "read_written",
]

_HEAD = struct.Struct(">6sQQIQQQQ6sH")  # HEAD of entry.lua
_WRITTEN = struct.Struct(">QQ")
_ANSWERED, _RUNNING, _DONE, _CONFLICT, _DEFERRED, _LOST, _FULL, _TIMED, _UNSAID, _LOOKED = range(10)
_TIME = struct.Struct(">QQHH")  # TIME of entry.lua, without the account


class AskOtherwise(Exception):
    """A call has to be made in another way (`Call.instead`): the records that came with a head do
    not belong to it, or not to what the caller has; or there are times, which need more keys.
    """


class Unsaid(Exception):
    """A write sets a time that its user's index, on another server, does not know yet. Nothing was
    written.

    Attributes:
        fires: Whether it is the record of a firing, whose entry may be leased, and stays so.
    """

    def __init__(self, *, fires: bool) -> None:
        super().__init__()
        self.fires = fires


def _lost() -> ClaimLost:
    return ClaimLost(
        "the claim was taken over, released or ran out; nothing was written: start the turn again"
    )


_READ_WHOLE = 50
"""Up to how many records of a caller a journal is read as a whole: it may be another one by now,
and to read it again would take a round trip.
"""


def first_read(have: Have) -> int:
    """Return the position from which a look reads the journal: of a long one that its caller has in
    part, from the last record that they have, which shows whether they still have it.
    """
    return have.length - 1 if have.length > _READ_WHOLE else 0


def read_claim_beside(have: Have, answers: Any) -> Claimed | Unclaimed | Answered | Running:
    """Decode the answer to a claim, with the records that were read beside it.

    Args:
        have: What the caller has.
        answers: The script's answer, and the records from `first_read` on.

    Raises:
        AskOtherwise: The records do not belong to the head.
    """
    answer, records = answers
    if answer[0] == _LOOKED:
        _, now, text, data = answer
        return looked(have, now, text, data, records)
    claimed = read_claim(answer)
    if not isinstance(claimed, Claimed):
        return claimed
    lacks = _lacking(have, claimed.journal, claimed.length, records)
    return msgspec.structs.replace(claimed, records=lacks)


def read_look(have: Have, answer: Any) -> Claimed | Unclaimed | Answered | Running:
    """Decode the answer to a claim whose script reads the records itself; see
    `read_claim_beside`.
    """
    if answer[0] != _LOOKED:
        return read_claim(answer)
    _, now, text, data, records = answer
    return looked(have, now, text, data, records)


def _lacking(have: Have, journal: int, length: int, records: list[bytes]) -> tuple[bytes, ...]:
    """Return the records that a caller does not have, out of those of a journal from `first_read`
    on.

    Raises:
        AskOtherwise: They are not all there. They were evicted, or the conversation ended between
            script and reading; or the caller has part of another journal.
    """
    if not length:
        return ()  # nothing is stored, or nothing any more
    first = first_read(have)
    if len(records) < length - first:
        raise AskOtherwise
    del records[length - first :]  # written since
    held = have.length
    continues = bool(held) and have.journal == journal and held <= length
    if continues and (not have.last or checksum(records[held - 1 - first]) == have.last):
        return tuple(records[held - first :])
    if first:
        raise AskOtherwise
    return tuple(records)


def looked(have: Have, now: int, text: bytes | int, data: bytes, records: list[bytes]) -> Unclaimed:
    """Assemble what a look without a claim has found.

    Args:
        have: What the caller has.
        now: The server's time in microseconds.
        text: The value of h; or if there is no entry, the number issued last.
        data: The user's data.
        records: The journal from `first_read` on.

    Raises:
        AskOtherwise: The records do not belong to the head.
    """
    if isinstance(text, int):
        return Unclaimed(0, 0, 0, b"", (), data, 0.0, entry.millis(now), text)
    if text[0] < 12:
        _, revision, journal, length, committed, *_, replies = _HEAD.unpack_from(text, 1)
        start = 1 + _HEAD.size + replies
        if text[0] == 11:
            start += _TIME.size + _TIME.unpack_from(text, 1 + _HEAD.size)[3]
        head = text[start:]
    else:  # written by an earlier version
        line, _, head = text.partition(b"\n")
        revision, journal, length, committed = map(int, line.split()[1:5])
    lacks = _lacking(have, journal, length, records)
    age = max(now - committed, 0) / 1e6
    return Unclaimed(revision, journal, length, head, lacks, data, age, entry.millis(now))


def read_claim(answer: Any) -> Claimed | Unclaimed | Answered | Running:
    """Decode the answer to a claim."""
    kind = answer[0]
    if kind == _DONE:
        _, fence, revision, journal, length, age, deferred, since, copies, *rest = answer
        pending, lost, head, data, records, untaken, *timed = rest
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
            read_mail(timed[0]) if timed else (),
            read_aside(timed[1]) if len(timed) > 1 else (),
        )
    if kind == _ANSWERED:
        return Answered(answer[1])
    if kind == _TIMED:
        raise AskOtherwise
    return Running(answer[1].decode(), answer[2] / 1e6, answer[3])


def read_mail(flat: list[Any]) -> tuple[Mail, ...]:
    """Decode a mailbox."""
    return tuple(map(Mail, flat[::2], flat[1::2]))


def read_aside(flat: list[bytes]) -> tuple[Aside, ...]:
    """Decode the conversations aside."""
    pairs = zip(flat[::2], flat[1::2], strict=True)
    return tuple(sorted([Aside(id.decode(), document) for id, document in pairs], key=_id))


def _id(aside: Aside) -> str:
    return aside.id


def read_commit(answer: Any) -> Committed | Answered | Conflict | Deferred:
    """Decode the answer to a commit."""
    if type(answer) is bytes:  # from fast.lua
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
    return _not_written(*answer[:2])


def read_record(answer: Any) -> Committed:
    """Decode the answer to a record."""
    return read_written(answer) if answer[0] == _DONE else _not_written(*answer[:2])


def _not_written(kind: int, fires: int = 0) -> Never:
    if kind == _TIMED:
        raise AskOtherwise
    if kind == _UNSAID:
        raise Unsaid(fires=bool(fires))
    raise _lost()


def read_written(answer: Any) -> Committed:
    """Decode the result of a write."""
    ids = tuple([id.decode() for id in answer[3]])
    return Committed(answer[1], answer[2], ids, entry.millis(answer[1]), len(answer) > 4)


def read_defer(answer: Any) -> Answered | None:
    """Decode the answer to a deferral."""
    if answer[0] == _FULL:
        raise rules.too_many(answer[1])
    return Answered(answer[1]) if answer[0] == _ANSWERED else None


def read_done(answer: Any) -> None:
    """Decode an answer that only says whether the claim was lost."""
    if answer[0] == _LOST:
        raise _lost()


def read_forget(answer: Any) -> bool | tuple[str, ...]:
    """Decode whether there was anything to forget, or which messages have no answer."""
    return bool(answer) if type(answer) is int else tuple([key.decode() for key in answer])


def read_parked(flat: list[Any]) -> dict[str, Parked]:
    """Decode parked conversations."""
    triples = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
    return {id.decode(): Parked(id.decode(), document, ttl / 1e6) for id, document, ttl in triples}


def read_show(answer: Any) -> Shown | None:
    """Decode everything of one user."""
    head, length, age, ttl, records, data, parked, aside, mail, wake, account = answer
    if not (head or data or parked or mail):
        return None
    if len(records) != length:
        raise StoreError(
            "Redis evicted records of a journal: give it enough memory, maxmemory-policy noeviction"
        )
    return Shown(
        *(head, tuple(records), data, age / 1e6, ttl / 1e6, read_parked(parked)),
        aside={conversation.id: conversation.document for conversation in read_aside(aside)},
        mail=read_mail(mail),
        wake=Wake(account.decode(), entry.millis(wake)) if wake else None,
    )


def read_line(user: str, answer: Any) -> Stored | None:
    """Decode one line of a listing."""
    head, length, age, ttl, _, has_more, flat, aside, *_ = answer
    if not (head or flat or has_more):
        return None
    parked = read_parked(flat)
    if not head:
        ttl = max(flat[2::3], default=0)
    ids = tuple([conversation.id for conversation in read_aside(aside)])
    return Stored(user, head, length, age / 1e6, ttl / 1e6, tuple(parked), ids)

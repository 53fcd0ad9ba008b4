"""Conversations without what was said in them, which can still be replayed: for `check` on another
machine than the store's.

What dialogs branch on and what identifies nobody is kept: which option was chosen (by the digest in
the record), yes and no, whole numbers of at most three digits, the classes of errors, and times.
Everything else that a user wrote or a step returned is withheld: the file does not contain it, and
a replay passes the dialog a `Withheld` instead. A dialog may say such a value, pass it to a step,
and compute with it. But as soon as its control flow depends on it (it is compared, counted, looked
up, looped over, parsed by a library), `CannotTell` is raised, since it is unknown which branch was
taken.

Texts have to be compared, too, if a question quotes an answer. So a withheld value is written as
`▒3▒`, 3 being the position of its record, and `redact` renames questions that quote to what the
code at hand asks, as long as that fits the journal. A text made of a withheld value must reappear
in a question or a step; if it does not, it was used for something else.

Proof: `tests/deploys/test_redaction.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from wechat_dialog.core.dialog.background import Background
from wechat_dialog.core.dialog.question_ids import decode_answered, digest, encode_answered
from wechat_dialog.core.dialog.questions import Wait
from wechat_dialog.core.dialog.rivals import SignalRival
from wechat_dialog.core.replay.header import Frame, StoredRival
from wechat_dialog.core.replay.recorded_messages import arrival_of
from wechat_dialog.core.replay.records import (
    FIRED,
    Data,
    Failed,
    GatheredFailed,
    GatheredReturned,
    MessageRecord,
    Record,
    Returned,
    SignalRecord,
    TextRecord,
    TimerRecord,
    effective,
    is_secret,
)
from wechat_dialog.core.replay.redacted_run import RedactedRun
from wechat_dialog.core.replay.rivals import rival_at
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.replay.withheld import (
    COMPUTED,
    LOOKED_INTO,
    Hidden,
    HiddenData,
    HiddenGathered,
    HiddenReturned,
    HiddenSignal,
    Redacted,
    Withheld,
    are_same,
    touches,
)
from wechat_dialog.errors import CannotTell, ReplayMismatch
from wechat_dialog.messages import Begun

__all__ = ["decode_redacted", "redact", "redact_value"]

WAITS = (Wait, Background)

DIGITS = 3
"""Whole numbers up to this many digits are kept: counts, sizes, ages."""

_NUMBER = re.compile(rf"\s*[0-9]{{1,{DIGITS}}}\s*", re.ASCII)

_decoder: msgspec.json.Decoder[list[Redacted]] = msgspec.json.Decoder(list[Redacted])
_NOTHING = msgspec.Raw(b"null")


def decode_redacted(records: Sequence[msgspec.Raw]) -> list[Record]:
    """Decode the records of an export, redacted or not.

    Raises:
        msgspec.DecodeError: One of them is not a record.
    """
    joined = b"[" + b",".join(bytes(record) for record in records) + b"]"
    decoded: Any = _decoder.decode(joined)
    return decoded  # type: ignore[no-any-return]


for _name in COMPUTED.split():
    setattr(Withheld, f"__{_name}__", are_same)
for _name, _how in LOOKED_INTO.items():
    setattr(Withheld, f"__{_name}__", touches(_how))


def redact_value(value: Any) -> Any:
    """Return a JSON value if it may be kept, else None."""
    keeps = isinstance(value, bool) or (isinstance(value, int) and abs(value) < 10**DIGITS)
    return value if keeps else None


def _redacted(record: Record) -> Record:
    """Return a record without what was said or returned."""
    if isinstance(record, (TextRecord, MessageRecord)):
        return _redacted_message(record)
    if isinstance(record, (Returned, GatheredReturned)):
        result = msgspec.json.decode(record.result)
        if result is None or redact_value(result) is not None:
            return msgspec.structs.replace(record, said=[])
        if isinstance(record, Returned):
            return HiddenReturned(record.name, _NOTHING, record.call)
        return HiddenGathered(record.slot, record.name, _NOTHING, record.call)
    if isinstance(record, SignalRecord):
        return _redacted_signal(record)
    if isinstance(record, (Failed, GatheredFailed)):
        return msgspec.structs.replace(record, args=None, text="", said=[])
    return HiddenData({}) if isinstance(record, Data) else record


def _redacted_message(record: TextRecord | MessageRecord) -> Record:
    if isinstance(record, TextRecord) and is_secret(record.wait):
        return msgspec.structs.replace(record, msg_id=0)
    if isinstance(record, MessageRecord) and record.raw.get("MsgType") == Begun.kind:
        return record  # written by no user
    text = record.text if isinstance(record, TextRecord) else ""
    _, meant = decode_answered(record.wait) if record.wait[:1] not in ("", "!") else ("", "")
    if record.wait[:1] not in ("", "!") and not meant and _NUMBER.fullmatch(text):
        return TextRecord(record.wait, record.late, 0, record.created, text.strip())  # type: ignore[union-attr]
    at = arrival_of(record)
    return Hidden(record.wait, at % 1000, 0, at // 1000, "")


def _redacted_signal(record: SignalRecord) -> SignalRecord:
    data = msgspec.json.decode(record.data)
    if not record.misfit and (data is None or redact_value(data) is not None):
        return record
    return HiddenSignal(
        record.wait, record.branch, record.name, record.match, _NOTHING, record.now,
        "…" if record.misfit else "",
    )  # fmt: skip


def redact(
    records: Sequence[Record], replays: Callable[[bool], Run] | None, frame: Frame
) -> tuple[list[Record], Frame]:
    """Return records without what was said or returned, and the matching header: the id of its wait
    and of what else ends it.

    Args:
        records: A conversation's own records, including rewinds; in the result they are applied.
        replays: Makes a run with the conversation's code, for the original records, or (True) for
            the redacted ones. None if the code is not available; questions that quote an answer
            cannot be checked then.
        frame: The conversation's header.
    """
    originals = effective(list(records))
    redacted = [_redacted(record) for record in originals]
    # A match may be an order number; its redacted form is not known yet.
    hidden = msgspec.structs.replace(frame, rivals=())
    if replays is None:
        return redacted, hidden
    original_run, redacted_run = replays(False), replays(True)
    assert isinstance(redacted_run, RedactedRun)  # noqa: S101 - guaranteed by `replays`
    try:
        for index, (original, record) in enumerate(zip(originals, list(redacted), strict=True)):
            renamed = _renamed(original_run, redacted_run, original, record)
            original_run.feed(original)
            redacted_run.feed(renamed)
            redacted[index] = renamed
        original_at, redacted_at = original_run.at, redacted_run.at
        if (
            isinstance(redacted_at, WAITS)
            and isinstance(original_at, WAITS)
            and original_at.id == frame.wait
        ):
            hidden.wait = redacted_at.id
            hidden.rivals = tuple([_unnamed(rival, redacted_at) for rival in frame.rivals])
    except (ReplayMismatch, CannotTell):
        pass  # `check` reports it, too
    finally:
        original_run.close()
        redacted_run.close()
    return redacted, hidden


def _unnamed(rival: StoredRival, at: Wait[Any] | Background[Any]) -> StoredRival:
    return msgspec.structs.replace(rival, match=_match(at, rival.branch, rival.name))


def _match(at: Wait[Any] | Background[Any], branch: int, name: str) -> str:
    """Return the match of a signal as a redacted run has it."""
    rival = rival_at(at, branch, name)
    return rival.match if isinstance(rival, SignalRival) else ""


def _renamed(
    original_run: Run, redacted_run: RedactedRun, original: Record, record: Record
) -> Record:
    """Return a redacted answer; if its question quotes withheld values, under the id of the
    redacted question.
    """
    if isinstance(record, FIRED):
        return _renamed_fired(original_run, redacted_run, record)
    if not isinstance(original, TextRecord | MessageRecord) or not isinstance(record, TextRecord):
        return record
    original_at, redacted_at = original_run.at, redacted_run.at
    answers = original.wait[:1] not in ("", "!")
    if not (answers and isinstance(original_at, Wait) and isinstance(redacted_at, Wait)):
        return record
    question, meant = decode_answered(original.wait)
    if question != original_at.id:
        return record
    return msgspec.structs.replace(record, wait=encode_answered(redacted_at.id, meant))


def _renamed_fired(
    original_run: Run, redacted_run: RedactedRun, record: TimerRecord | SignalRecord
) -> Record:
    """Return the record of a timer or a signal in the same way; a signal's match may quote, too."""
    original_at, redacted_at = original_run.at, redacted_run.at
    if not (isinstance(original_at, WAITS) and isinstance(redacted_at, WAITS)):
        return record
    if record.wait != original_at.id:
        return record
    if isinstance(record, TimerRecord):
        return msgspec.structs.replace(record, wait=redacted_at.id)
    match = _match(redacted_at, record.branch, record.name)
    return msgspec.structs.replace(
        record, wait=redacted_at.id, match=digest(match) if match else ""
    )

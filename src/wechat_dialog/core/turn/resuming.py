"""A parked conversation, resumed by an operator."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from wechat_dialog.core.dialog.questions import Wait
from wechat_dialog.core.replay.header import Frame, ParkedConversation
from wechat_dialog.core.replay.recorded_messages import arrival_of
from wechat_dialog.core.replay.records import (
    MessageRecord,
    Record,
    Rewind,
    TextRecord,
    decode_records,
    effective,
    effective_of,
    is_secret,
)
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.turn.answering import answer, is_answer
from wechat_dialog.core.turn.beginning import matches, number_of
from wechat_dialog.core.turn.conversation import go_on
from wechat_dialog.core.turn.dispatch import dispatch
from wechat_dialog.core.turn.leaving import make_run
from wechat_dialog.core.turn.operations import Flow
from wechat_dialog.core.turn.settings import dialog_of
from wechat_dialog.core.turn.stack import drive, woken
from wechat_dialog.core.turn.work import Work
from wechat_dialog.errors import ReplayMismatch

__all__ = ["resume"]


def resume(work: Work, parked: ParkedConversation) -> Flow[None]:
    """Resume a parked conversation on top of the stack, with the message that made it fail.

    Its answer is owed: the user gets it with their next message.
    """
    doc = work.doc
    doc.put_away()
    frame = msgspec.structs.replace(parked.frame, base=len(doc.records))
    records, broke_it = _records(work, frame, parked)
    for record in records:
        doc.append(record)
    doc.head.stack = (*doc.head.stack, frame)
    doc.unpark = frame.id
    run = yield from woken(work, frame, broke_it)
    if run is None:
        return
    if isinstance(broke_it, (TextRecord, MessageRecord)) and isinstance(run.at, Wait):
        # Read it again: the parser may have failed, or the hint for an answer that does not fit.
        handed_back = yield from _read_afresh(work, run, frame, run.at, broke_it)
    elif isinstance(run.at, Wait) and _is_committed(records, frame.length):
        # It was parked by other code: what it said before its question was delivered.
        work.draft.ask_again(frame, run.at)
        return
    else:
        work.becomes(run.chat.message, run.chat.arrived)
        if sum(isinstance(record, (TextRecord, MessageRecord)) for record in records) == 1:
            # The message began the conversation: if handed back, it is for the routes after this
            # one.
            took = (match for match in matches(work) if match.route.dialog.name == frame.dialog)
            first = next(took, None)
            if first is not None:
                work.unrouted |= {number_of(first)}
        handed_back = yield from drive(work, frame, go_on(work, run, frame))
    if handed_back:
        yield from dispatch(work)


def _records(
    work: Work, frame: Frame, parked: ParkedConversation
) -> tuple[list[Record], Record | None]:
    """Return the records to continue from, and the answer that made the conversation fail, if an
    answer did.
    """
    records = decode_records([bytes(raw) for raw in parked.records])
    if parked.unheard:
        # The dialog did not receive it, since its code had changed; it is an answer once that is
        # undone.
        [unheard] = decode_records([bytes(raw) for raw in parked.unheard])
        return records, unheard
    records += _without_clean_up(work, frame, parked, records)
    if not _is_committed(records, frame.length) and is_answer(records[-1]):
        return records[:-1], records[-1]
    return records, None


def _is_committed(records: Sequence[Record], length: int) -> bool:
    """Return whether those of the records that count are among the first `length`, which are of
    turns that were committed.
    """
    return effective_of(records, length) == len(effective(records))


def _read_afresh(
    work: Work, run: Run, frame: Frame, at: Wait[object], record: TextRecord | MessageRecord
) -> Flow[bool]:
    head = work.doc.head
    work.becomes(record.message(head.user, head.account), arrival_of(record))
    if is_secret(record.wait):
        # The secret is lost, and nothing was done with it.
        work.draft.say(work.rules.texts.say_again)
        work.draft.ask_again(frame, at)
        return False
    return (yield from answer(work, run, frame, at, record.ticked))


def _without_clean_up(
    work: Work, frame: Frame, parked: ParkedConversation, records: list[Record]
) -> list[Record]:
    """Return a rewind of the clean-up steps that the failing dialog ran, if the fixed code does not
    clean up there but does something else; empty if all records fit, or other steps do not.
    """
    dialog = dialog_of(work.rules.routes, frame)
    if parked.broke < 0 or dialog is None:
        return []
    run = make_run(work, dialog, frame, code=frame.code)
    try:
        run.replay(effective(records))
    except ReplayMismatch as mismatch:
        fits = mismatch.position
        return [Rewind(fits, "resume")] if fits >= parked.broke else []
    finally:
        run.close()
    return []

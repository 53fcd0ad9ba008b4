"""The steps that a dialog requests: each is passed to the driver, and its outcome recorded before
the dialog continues.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from wechat_dialog.core.blame import told
from wechat_dialog.core.dialog.step_parts import wants_steps
from wechat_dialog.core.dialog.steps import Gather, StepCall
from wechat_dialog.core.logs import log
from wechat_dialog.core.replay.header import Frame, ParkedConversation
from wechat_dialog.core.replay.outcomes import failed, must_come_back, returned, value
from wechat_dialog.core.replay.records import FIRED, Killed, MessageRecord, Record, TextRecord
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.turn.given_parts import GivenParts
from wechat_dialog.core.turn.operations import (
    CHECKPOINT,
    Flow,
    Operation,
    RunStep,
    RunSteps,
    StepOutcome,
)
from wechat_dialog.core.turn.page_link import open_page
from wechat_dialog.core.turn.saying import said
from wechat_dialog.core.turn.work import Work
from wechat_dialog.errors import ArgumentsChanged, JournalFull, ReplayMismatch, SecretGone
from wechat_dialog.messages.keys import message_key

__all__ = [
    "HEARD",
    "add_record",
    "heard_key",
    "idempotency_key",
    "is_full",
    "is_resumption",
    "message_part",
    "parked_before",
    "resume_key",
    "run_gathering",
    "run_step",
    "step_record",
]

DAY = 86400.0
"""Seconds for which a turn that was cut off can be finished."""

HEARD = (TextRecord, MessageRecord, Killed, *FIRED)
"""Records that begin the part of a turn in the journal; records of its steps follow."""


def idempotency_key(conversation: str, message: str, count: int) -> str:
    """Return the idempotency key of a step.

    It is equal whenever the same message comes to the same step, and unique otherwise. A step in
    which a worker died is repeated under its key even if another message had its turn in between;
    that turn's step has the same position in the journal, but another key.

    Args:
        conversation: Its id.
        message: Key of the message whose turn it is.
        count: How many records the message has in the conversation so far, including its own. If it
            has none yet, because changed code continues before it is heard: those since the last
            message that was, as a negative number. The message may be heard in the same turn.
    """
    return f"{conversation}:{message_part(message)}:{count}"


def resume_key(parked: ParkedConversation) -> str:
    """Return the key under which a parked conversation is resumed. It is specific to this parking:
    a conversation that fails and is parked again may be resumed again at once.
    """
    key = f"{_RESUME}:{parked.frame.id}:{parked.parked}"
    return f"{key}:{parked.key}" if parked.key else key


_RESUME = "resume"


def is_resumption(key: str) -> bool:
    """Return whether an operator began the turn that has this key, by resuming a conversation."""
    return key.startswith(f"{_RESUME}:")


def parked_before(key: str) -> int:
    """Return when the conversation was parked whose resumption has this key, ms since the epoch; 0
    if it is no resumption.
    """
    return int(key.split(":", 3)[2]) if is_resumption(key) else 0


def heard_key(key: str) -> str:
    """Return the key of the message whose turn has this key. A resumed conversation continues with
    the message that made it fail, so that a step which was given up or in which the worker died is
    repeated under its old key.
    """
    parts = key.split(":", 3)
    return parts[3] if parts[0] == _RESUME and len(parts) > 3 else key


def message_part(message: str) -> str:
    """Return the part of the steps' idempotency keys that stands for a message, given its key."""
    message = heard_key(message)
    return hashlib.blake2s(message.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def step_record(call: StepCall[Any], outcome: StepOutcome, slot: int | None = None) -> Record:
    """Return the record of a step's outcome, and of what it has said; see `_ended`."""
    record = _ended(call, outcome, slot)
    return msgspec.structs.replace(record, said=[*outcome.said]) if outcome.said else record


def _ended(call: StepCall[Any], outcome: StepOutcome, slot: int | None) -> Record:
    """Return the record of a step's outcome. A result that cannot be read back as the annotated
    type counts as an error of the function, raised in the dialog.
    """
    name = call.name
    if outcome.error is not None:
        return failed(name, outcome.error, slot, call.digest)
    try:
        record = returned(name, outcome.result, slot, call.digest)
        must_come_back(call.fn, name, outcome.result, value(call.fn, record))
    except TypeError as error:
        return failed(name, error, slot, call.digest)
    except Exception as error:  # noqa: BLE001 - a class may raise anything when it is rebuilt
        wrong = TypeError(
            f"step {name!r} returned something else than it is annotated: {told(error)}"
        )
        return failed(name, wrong, slot, call.digest)
    return record


def add_record(work: Work, run: Run, record: Record, raised: BaseException | None = None) -> None:
    """Add a record to the journal and feed it to the dialog.

    Args:
        work: The current message.
        run: The dialog.
        record: The record.
        raised: The step's exception, if the record is of one; otherwise None.
    """
    work.doc.append(record)
    run.feed(record, None if raised is None else raised.__traceback__)


def run_step(work: Work, run: Run, frame: Frame, at: StepCall[Any]) -> Flow[None]:
    """Run the step that the top conversation's dialog requests."""
    if is_full(work, run, frame) or _repeats(run, at):
        return
    key = idempotency_key(frame.id, work.key, _count(work, frame))
    try:
        call = at.revealed() if run.secrets else at
    except SecretGone as error:
        add_record(work, run, failed(at.name, error, None, at.digest))
        return
    outcome = yield RunStep(call, key, parts=_given(work, run, frame, at, call, shows=True))
    changed = _changed(work, run, at)
    add_record(work, run, step_record(at, outcome), outcome.error)
    yield CHECKPOINT
    if changed is not None:
        raise changed


def run_gathering(work: Work, run: Run, frame: Frame, at: Gather[Any]) -> Flow[None]:
    """Run the remaining steps of a gathering concurrently."""
    if is_full(work, run, frame) or _repeats(run, at):
        return
    slots = run.open_slots()
    # The position where the gathering began: records of its finished steps come after it.
    key = idempotency_key(frame.id, work.key, _count(work, frame, len(at.calls) - len(slots)))
    calls = _revealed(work, run, at, slots) if run.secrets else {s: at.calls[s] for s in slots}
    if not calls:
        return
    steps = tuple(
        RunStep(call, f"{key}:{slot}", slot, _given(work, run, frame, at.calls[slot], call, slot))
        for slot, call in calls.items()
    )
    left = len(steps)
    outcome: StepOutcome = yield RunSteps(steps)
    while True:
        call = at.calls[outcome.slot]
        changed = _changed(work, run, call)
        add_record(work, run, step_record(call, outcome, outcome.slot), outcome.error)
        yield CHECKPOINT
        if changed is not None:
            raise changed
        left -= 1
        if not left:
            return
        outcome = yield RunSteps(())


def _given(
    work: Work,
    run: Run,
    frame: Frame,
    at: StepCall[Any],
    call: StepCall[Any],
    slot: int | None = None,
    *,
    shows: bool = False,
) -> GivenParts | None:
    """Return what a step gets for its parts; None if it does not request that.

    Args:
        work: The current message.
        run: The dialog.
        frame: Its conversation.
        at: The step as the dialog requests it.
        call: The step as it is run, with secrets.
        slot: Its place in a gathering; None if it is in none.
        shows: Whether the turn's page may show at once what it says; not if several steps run.
    """
    if wants_steps(call.fn) is None:
        return None
    rules, head, key = work.rules, work.doc.head, work.key
    # By the message's own key: an operator may have resumed the conversation under another.
    step = idempotency_key(frame.id, message_key(work.message), _count(work, frame))
    parts = GivenParts(
        step if slot is None else f"{step}:{slot}",
        rules.park + DAY,
        rules.reply_of,
        secrets=() if call is at else (work.secret,),
        seal=None if call is at else rules.seal,
    )
    pages = rules.pages
    # The page must not show what was not reviewed, and is not needed if answers are pushed.
    if not shows or pages is None or rules.review is not None or rules.may_push:
        return parts

    def page(user: str, fence: int) -> Generator[Operation, Any, str]:
        stored, _ = yield from open_page(pages, user, head.account, head.user, key, fence)
        return stored

    return replace(parts, before=(*work.draft.parts, *said(run)), page=page)


def _revealed(
    work: Work, run: Run, at: Gather[Any], slots: Sequence[int]
) -> dict[int, StepCall[Any]]:
    """Return the calls of a gathering as they are run, by slot; a failure is recorded for those
    whose secret argument is lost.
    """
    calls: dict[int, StepCall[Any]] = {}
    for slot in slots:
        call = at.calls[slot]
        try:
            calls[slot] = call.revealed()
        except SecretGone as error:
            add_record(work, run, failed(call.name, error, slot, call.digest))
    return calls


def _changed(work: Work, run: Run, call: StepCall[Any]) -> ArgumentsChanged | None:
    """Strict mode: return the exception to raise if a step changed its arguments."""
    if not work.rules.strict or call.digest_now() == call.digest:
        return None
    return ArgumentsChanged(run.dialog.name, run.position, call.name, run.where())


def _count(work: Work, frame: Frame, finished: int = 0) -> int:
    """Return the count in the idempotency key of the next step in a conversation; `finished` steps
    of its gathering are recorded.
    """
    records = work.doc.records
    count = 1
    while len(records) - count > frame.base and not isinstance(records[-count], HEARD):
        count += 1
    heard = len(records) - count - frame.base >= frame.length
    return count - finished if heard else finished - count


def is_full(work: Work, run: Run, frame: Frame) -> bool:
    """Whether the journal is full; if so, the dialog is made to fail."""
    count = len(work.doc.records) - frame.base
    limit = work.rules.journal_limit
    if count == limit // 2:
        log.warning(
            "user %s: the conversation of %r has %d records, and %d are the limit; "
            "use chat.continue_as",
            work.doc.head.user, frame.dialog, count, limit,
        )  # fmt: skip
    if count < limit:
        return False
    run.fail(JournalFull(frame.dialog, limit))
    return True


def _repeats(run: Run, at: StepCall[Any] | Gather[Any]) -> bool:
    """Whether the dialog requests a step that has run, and whose result was given to another step
    when the code had changed; if so, the dialog is made to fail.
    """
    try:
        run.calls.must_not_repeat(at)
    except ReplayMismatch as mismatch:
        run.fail(mismatch)
        return True
    return False

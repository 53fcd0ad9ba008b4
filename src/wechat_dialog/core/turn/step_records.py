"""The steps a dialog asks for: each asked of the driver, and its outcome recorded before the dialog
goes on.
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
    "add_record",
    "heard_key",
    "idempotency_key",
    "is_full",
    "message_part",
    "resume_key",
    "run_gathering",
    "run_step",
    "step_record",
]

DAY = 86400.0
"""Seconds for which a turn that was cut off can be finished."""

HEARD = (TextRecord, MessageRecord, Killed, *FIRED)
"""Records that begin a turn's own; the records of its steps stand behind."""


def idempotency_key(conversation: str, message: str, count: int) -> str:
    """Return the idempotency key of a step.

    It is the same whenever the same message comes to the same step, and no other's: a step in which
    a worker died is repeated under its key even if another message had its turn in between, which
    then stands at the same place in the journal, and must not be taken for it.

    Args:
        conversation: Its id.
        message: Key of the message whose turn it is.
        count: Records the message has in the conversation so far, its own included.
    """
    return f"{conversation}:{message_part(message)}:{count}"


def resume_key(parked: ParkedConversation) -> str:
    """Return the key under which a parked conversation is taken up again: it is of this parking,
    for what breaks and is parked again may be taken up again at once.
    """
    key = f"{_RESUME}:{parked.frame.id}:{parked.parked}"
    return f"{key}:{parked.key}" if parked.key else key


_RESUME = "resume"


def heard_key(key: str) -> str:
    """Return the key of the message whose turn has this key: that of a conversation which is taken
    up again goes on with the message that broke it. A step that was begun then, and given up, or in
    which the worker died, is repeated under its key.
    """
    parts = key.split(":", 3)
    return parts[3] if parts[0] == _RESUME and len(parts) > 3 else key


def message_part(message: str) -> str:
    """Return what stands for a message, by its key, in the idempotency keys of its steps."""
    message = heard_key(message)
    return hashlib.blake2s(message.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def step_record(call: StepCall[Any], outcome: StepOutcome, slot: int | None = None) -> Record:
    """Record how a step ended, and what it has said; see `_ended`."""
    record = _ended(call, outcome, slot)
    return msgspec.structs.replace(record, said=[*outcome.said]) if outcome.said else record


def _ended(call: StepCall[Any], outcome: StepOutcome, slot: int | None) -> Record:
    """Record how a step ended; a result that cannot be read back as what its function says it
    returns is the function's error, raised in the dialog.
    """
    name = call.name
    if outcome.error is not None:
        return failed(name, outcome.error, slot, call.digest)
    try:
        record = returned(name, outcome.result, slot, call.digest)
        must_come_back(call.fn, name, outcome.result, value(call.fn, record))
    except TypeError as error:
        return failed(name, error, slot, call.digest)
    except Exception as error:  # noqa: BLE001 - a class may refuse in its own way to be made again
        wrong = TypeError(
            f"step {name!r} returned something else than it is annotated: {told(error)}"
        )
        return failed(name, wrong, slot, call.digest)
    return record


def add_record(work: Work, run: Run, record: Record, raised: BaseException | None = None) -> None:
    """Add a record to the journal and feed it to the dialog.

    Args:
        work: The message at hand.
        run: The dialog.
        record: The record.
        raised: What the step raised whose outcome it is; None: nothing, or it is no step's.
    """
    work.doc.append(record)
    run.feed(record, None if raised is None else raised.__traceback__)


def run_step(work: Work, run: Run, frame: Frame, at: StepCall[Any]) -> Flow[None]:
    """Have the step run that the dialog on top asks for."""
    if is_full(work, run, frame) or _repeats(run, at):
        return
    key = idempotency_key(frame.id, work.key, _since_heard(work, frame))
    try:
        call = at.revealed() if run.secrets else at
    except SecretGone as gone:
        add_record(work, run, failed(at.name, gone, None, at.digest))
        return
    outcome = yield RunStep(call, key, parts=_given(work, run, frame, at, call, shows=True))
    changed = _changed(work, run, at)
    add_record(work, run, step_record(at, outcome), outcome.error)
    yield CHECKPOINT
    if changed is not None:
        raise changed


def run_gathering(work: Work, run: Run, frame: Frame, at: Gather[Any]) -> Flow[None]:
    """Have what is left of a gathering run, all of it at once."""
    if is_full(work, run, frame) or _repeats(run, at):
        return
    slots = run.open_slots()
    # Where the gathering began: what of it has ended already stands behind that.
    began = _since_heard(work, frame) - (len(at.calls) - len(slots))
    key = idempotency_key(frame.id, work.key, began)
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
    """Return what a step is given for its parts; None if it does not ask for it.

    Args:
        work: The message at hand.
        run: The dialog.
        frame: Its conversation.
        at: The step as the dialog asks for it.
        call: The step as it is run.
        slot: Its place in a gathering; None: it is in none.
        shows: Whether the turn's page may show what it says at once: not where several do so.
    """
    if wants_steps(call.fn) is None:
        return None
    rules, head, key = work.rules, work.doc.head, work.key
    # Of the message itself: an operator may have taken its conversation up again.
    step = idempotency_key(frame.id, message_key(work.message), _since_heard(work, frame))
    given = GivenParts(
        step if slot is None else f"{step}:{slot}",
        rules.park + DAY,
        rules.reply_of,
        secrets=() if call is at else (work.secret,),
        seal=None if call is at else rules.seal,
    )
    pages = rules.pages
    # What a reviewer has not seen is not shown; and what is pushed needs no page.
    if not shows or pages is None or rules.review is not None or rules.may_push:
        return given

    def page(user: str, fence: int) -> Generator[Operation, Any, str]:
        stored, _ = yield from open_page(pages, user, head.account, head.user, key, fence)
        return stored

    return replace(given, before=(*work.draft.parts, *said(run)), page=page)


def _revealed(
    work: Work, run: Run, at: Gather[Any], slots: Sequence[int]
) -> dict[int, StepCall[Any]]:
    """Return the calls of a gathering as they are run, by slot; those that are handed what is gone
    have failed.
    """
    calls: dict[int, StepCall[Any]] = {}
    for slot in slots:
        call = at.calls[slot]
        try:
            calls[slot] = call.revealed()
        except SecretGone as gone:
            add_record(work, run, failed(call.name, gone, slot, call.digest))
    return calls


def _changed(work: Work, run: Run, call: StepCall[Any]) -> ArgumentsChanged | None:
    """Strict mode: return what is to be raised where a step that ran changed its arguments."""
    if not work.rules.strict or call.digest_now() == call.digest:
        return None
    return ArgumentsChanged(run.dialog.name, run.position, call.name, run.where())


def _since_heard(work: Work, frame: Frame) -> int:
    """Return how many records the message at hand has in a conversation, its own included."""
    records = work.doc.records
    count = 1
    while len(records) - count > frame.base and not isinstance(records[-count], HEARD):
        count += 1
    return count


def is_full(work: Work, run: Run, frame: Frame) -> bool:
    """Whether the journal is full; then the dialog has failed for it."""
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
    """Whether the dialog asks for a step that has run, and whose result another one was given when
    the code had changed; then it has failed for it.
    """
    try:
        run.calls.must_not_repeat(at)
    except ReplayMismatch as mismatch:
        run.fail(mismatch)
        return True
    return False

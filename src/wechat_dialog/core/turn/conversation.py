"""One conversation being driven: from an accepted message to its next question, or its end.

Each function here drives the dialog of one frame and returns the result, one of the few values of
`Result`; it touches no other conversation. What a result means for the rest of the user's stack is
decided in `stack.follow`. The flows yield operations (`RunStep`, `RunSteps`, and `CHECKPOINT`:
"write now, before the dialog continues").
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from wechat_dialog.core.blame import line_of, told
from wechat_dialog.core.dialog.background import Background
from wechat_dialog.core.dialog.effects import ContinueAs, Effect
from wechat_dialog.core.dialog.question_ids import encode_answered, encode_thrown
from wechat_dialog.core.dialog.questions import Wait
from wechat_dialog.core.dialog.registered import RegisteredDialog
from wechat_dialog.core.dialog.secret_answers import SecretAnswer
from wechat_dialog.core.dialog.steps import Gather, StepCall
from wechat_dialog.core.replay.codes import code_of
from wechat_dialog.core.replay.header import Frame
from wechat_dialog.core.replay.recorded_messages import record_message
from wechat_dialog.core.replay.records import Data, Record, effective, effective_of
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.replay.runs import restore
from wechat_dialog.core.replay.standing import Ended, Raised
from wechat_dialog.core.replay.unawaited import made_more
from wechat_dialog.core.turn.document import Document
from wechat_dialog.core.turn.leaving import (
    compare_from_scratch,
    leave_aside,
    leave_waiting,
    make_run,
    take_effects,
    tell_of_what_is_not_awaited,
    time_limit,
)
from wechat_dialog.core.turn.operations import NEEDS_CLAIM, Flow
from wechat_dialog.core.turn.results import (
    Broke,
    Differs,
    Finished,
    HandsOver,
    Result,
    Signalled,
)
from wechat_dialog.core.turn.saying import said, take_said
from wechat_dialog.core.turn.settings import Rules, dialog_of
from wechat_dialog.core.turn.step_records import HEARD, add_record, is_full, run_gathering, run_step
from wechat_dialog.core.turn.work import Work
from wechat_dialog.errors import NotWaitedFor, ReplayMismatch, Signal, TooManyAttempts
from wechat_dialog.messages import Message
from wechat_dialog.replies import Reply

__all__ = [
    "begin",
    "begin_records",
    "go_on",
    "hear",
    "is_awake",
    "new_conversation",
    "throw",
    "wake",
]

HANDOVERS = 20
"""How often one turn may `continue_as` before that counts as an endless loop."""


# Beginning ----------------------------------------------------------------------------------------


def begin(
    work: Work, dialog: RegisteredDialog, args: dict[str, Any], message: Message
) -> tuple[Frame, Flow[Result]]:
    """Put a conversation on top of the stack; returns it and the flow that drives its dialog.

    Args:
        work: The current message.
        dialog: The dialog.
        args: What it is started with.
        message: What begins the conversation: the current message, or one of the journal.
    """
    frame, records = new_conversation(work, dialog, args, message)
    run = make_run(work, dialog, frame)
    for record in records:
        run.feed(record)
    return frame, go_on(work, run, frame)


def new_conversation(
    work: Work, dialog: RegisteredDialog, args: dict[str, Any], message: Message
) -> tuple[Frame, list[Record]]:
    """Put a conversation with its first records on the stack; its dialog is not run yet."""
    doc = work.doc
    work.begun += 1
    work.doc.put_away()
    frame = Frame(
        id=_new_id(work),
        dialog=dialog.name,
        version=dialog.version,
        code=code_of(dialog),
        args=args,
        begun=work.arrived,
        base=len(doc.records),
        timeout=time_limit(work.rules, dialog),
    )
    doc.head.stack = (*doc.head.stack, frame)
    return frame, begin_records(work, message)


def begin_records(work: Work, message: Message) -> list[Record]:
    """Add the first records of the conversation on top to the journal, and return them."""
    doc = work.doc
    records: list[Record] = [Data(dict(doc.data))] if doc.data else []
    records.append(record_message("", message, work.arrived))
    for record in records:
        doc.append(record)
    return records


def _new_id(work: Work) -> str:
    # Independent of when the message arrived: a copy that finishes what a dead worker began arrives
    # later, and has to repeat that worker's step under the same idempotency key.
    head = work.doc.head
    seed = f"{head.account}\0{head.user}\0{work.key}\0{work.begun}"
    return hashlib.blake2s(seed.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


# Waking -------------------------------------------------------------------------------------------


def is_awake(doc: Document, frame: Frame) -> bool:
    """Whether the live dialog is this conversation's, at the question that the header names."""
    run = doc.run
    if run is None or run.chat.id != frame.id:
        return False
    at = run.at
    waits = isinstance(at, Wait) and at.id == frame.wait and at.offers == frame.offers
    return waits or doc.cut_off


def wake(work: Work, frame: Frame) -> Run | Broke | Differs:
    """Rebuild the dialog of the conversation on top from its journal.

    Returns:
        The run, at its wait or in the middle of a turn that was cut off; or why there is no run.
    """
    doc = work.doc
    if doc.run is not None and is_awake(doc, frame):
        return doc.run
    # It belongs to another conversation, or other code has asked something else in the meantime.
    doc.put_away()
    dialog = dialog_of(work.rules.routes, frame)
    if dialog is None:
        return Broke(LookupError(f"no dialog {frame.dialog!r} is registered any more"))
    journal = doc.records[frame.base :]
    records, unfinished = effective(journal), journal[frame.length :]
    if work.notes is not None:
        work.notes.turn.replayed += len(records)
    if unfinished and not any(isinstance(record, HEARD) for record in unfinished):
        work.went_back = True  # changed code had continued without the message
    run = make_run(work, dialog, frame, code=frame.code)
    try:
        restore(run, records, effective_of(journal, frame.length))
        if not doc.cut_off:
            run.must_wait_at(frame.wait, frame.offers)
    except ReplayMismatch as mismatch:
        run.close()
        return Differs(dialog, records, mismatch)
    except Exception as error:  # noqa: BLE001 - a value of the dialog raises when it is inspected
        return Broke(error, run)
    frame.code = code_of(dialog)
    frame.version = dialog.version
    doc.run = run
    return run


# Going on -----------------------------------------------------------------------------------------


def hear(
    work: Work,
    run: Run,
    frame: Frame,
    at: Wait[Any],
    answer: object,
    ticked: Sequence[str] | None = None,
) -> Flow[Result]:
    """Record an answer that was read, and return the flow that continues.

    Args:
        work: The current message.
        run: The dialog.
        frame: Its conversation.
        at: The question.
        answer: The value that was read.
        ticked: The labels that the answer consists of, if the user had ticked them.
    """
    if work.notes is not None:
        work.notes.heard(frame, at.id)
    if not is_full(work, run, frame):
        message, arrived = work.message, work.arrived
        if at.kind == "A":
            work.doc.append(record_message(at.id, message, arrived))
            run.hear_in_secret(message, arrived, SecretAnswer(answer))
        else:
            wait = encode_answered(at.id, at.meant(answer))
            work.doc.append(record_message(wait, message, arrived, ticked))
            run.take(message, arrived, answer)
        run.fed()
    return go_on(work, run, frame)


def throw(work: Work, run: Run, frame: Frame, reason: str) -> Flow[Result]:
    """Throw an exception into the dialog at its wait, as the message's effect, and return the flow
    that continues. `reason` is "cancel", or "attempts:3".
    """
    work.note_conversation(frame)
    work.note("cancelled" if reason == "cancel" else "asked_again")
    add_record(
        work, run, record_message(encode_thrown(reason, frame.wait), work.message, work.arrived)
    )
    return go_on(work, run, frame)


def go_on(work: Work, run: Run, frame: Frame) -> Flow[Result]:
    """Drive the top conversation's dialog until it waits or ends, running its steps."""
    while True:
        at = run.at
        if isinstance(at, Wait):
            if work.outside:
                return leave_aside(work, run, frame, at)
            if run.chat.requests or at.options.rivals:
                yield NEEDS_CLAIM
            return leave_waiting(work, run, frame, at)
        if isinstance(at, StepCall):
            yield from run_step(work, run, frame, at)
        elif isinstance(at, Gather):
            yield from run_gathering(work, run, frame, at)
        elif isinstance(at, Background):
            yield NEEDS_CLAIM
            return leave_aside(work, run, frame, at)
        elif at is None:
            raise AssertionError("a dialog that was fed nothing")
        else:
            if run.chat.requests:
                yield NEEDS_CLAIM
            work.doc.run = None
            return _end(work, run, frame, at)


def _end(work: Work, run: Run, frame: Frame, at: Ended | Raised) -> Result:
    if isinstance(at, Raised):
        if work.rules.strict:
            from wechat_dialog.core.replay.foreign import raise_mistake

            raise_mistake(at.error)
        if not isinstance(at.error, (Signal, TooManyAttempts)):
            return Broke(at.error, run)
    try:
        plain = said(run) if work.rules.strict else ()
        parts = take_said(run, work.rules)
    except Exception as invalid:  # noqa: BLE001 - the author's value may raise when it is inspected
        return Broke(invalid, run)
    result: Result
    if isinstance(at, Raised):
        result = Signalled(parts, at.error)
    else:
        result = _returned(work, run, frame, at.value, parts, plain)
    if isinstance(result, Broke):
        return result
    try:
        take_effects(work, run, frame)  # at last: a turn that fails changes nothing
    except Exception as invalid:  # noqa: BLE001 - likewise
        return Broke(invalid, run)
    return result


def _returned(
    work: Work, run: Run, frame: Frame, value: object, parts: list[Reply], plain: Sequence[Reply]
) -> Result:
    """Return what a dialog's return value means.

    Args:
        work: The current message.
        run: The dialog.
        frame: Its conversation.
        value: The value.
        parts: What it said in this turn, as the replies to send.
        plain: The same as the dialog said it; only needed in strict mode.
    """
    if work.rules.strict:
        compare_from_scratch(work, run, frame, None, plain, run.chat.requests)
    elif made_more(run):
        tell_of_what_is_not_awaited(work, run, frame)
    if type(value) is ContinueAs:
        return _hand_over(work, value, parts)
    return _finish(work.rules, run.dialog, value, parts)


def _hand_over(work: Work, value: ContinueAs, parts: list[Reply]) -> HandsOver | Broke:
    dialog = work.rules.routes.named(value.dialog)
    try:
        args = msgspec.json.decode(msgspec.json.encode(dict(value.state)))
    except Exception as error:  # noqa: BLE001 - an object may raise when it is encoded
        why = f"{type(error).__name__}: {told(error)}"
        return Broke(TypeError(f"continue_as: the state is not JSON data ({why})"))
    if dialog is not None and work.begun <= HANDOVERS:
        return HandsOver(parts, dialog, args)
    name = getattr(value.dialog, "__qualname__", repr(value.dialog))
    if dialog is None:
        why = "is not a dialog of the bot; name it with @bot.dialog"
    else:
        why = "never stops handing over"
    return Broke(LookupError(f"continue_as: {name} {why}"))


def _finish(
    rules: Rules, dialog: RegisteredDialog, value: object, parts: list[Reply]
) -> Finished | Broke:
    try:
        if issubclass(type(value), Effect):
            raise NotWaitedFor(value.call, line_of(dialog.fn))  # type: ignore[attr-defined]
        reply = rules.reply_of(value)
    except NotWaitedFor as error:
        if rules.strict:
            raise
        return Broke(error.with_traceback(None))
    except Exception as error:  # noqa: BLE001 - the author's value may raise when it is inspected
        # There is no line of the dialog to name.
        place = f"what dialog {dialog.name!r} ({line_of(dialog.fn)}) returned"
        return Broke(TypeError(f"{place}: {told(error)}"))
    return Finished(parts if reply is None else [*parts, reply])

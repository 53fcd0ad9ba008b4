"""Conversations ended from outside: by an event, or by an operator."""

from __future__ import annotations

import logging

from wechat_dialog.core.dialog.question_ids import encode_thrown
from wechat_dialog.core.dialog.steps import Gather, StepCall
from wechat_dialog.core.dialog.user_data import apply_changes
from wechat_dialog.core.logs import report
from wechat_dialog.core.replay.header import Frame
from wechat_dialog.core.replay.recorded_messages import record_message
from wechat_dialog.core.replay.records import Killed
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.replay.standing import Raised
from wechat_dialog.core.turn.aside import drop, has_begun, lift
from wechat_dialog.core.turn.document import Document
from wechat_dialog.core.turn.leaving import changes_of
from wechat_dialog.core.turn.operations import CHECKPOINT, NEEDS_CLAIM, Flow
from wechat_dialog.core.turn.stack import woken, woken_to_hear
from wechat_dialog.core.turn.step_records import add_record, run_gathering, run_step
from wechat_dialog.core.turn.work import Work
from wechat_dialog.errors import Signal

__all__ = ["STACK_ONLY", "clean_up", "end_all", "end_top", "kill", "take_all_away"]

STACK_ONLY = "end-stack:"
"""Prefix of the key of an operator's turn that ends the stack, but no conversation aside."""


def end_all(work: Work) -> Flow[None]:
    """End all of the user's conversations, as the effect of the message; nothing is said."""
    while work.doc.top is not None:
        yield from end_top(work, work.doc.top, killed=False)
    work.draft.parts = []


def kill(work: Work) -> Flow[None]:
    """End all of the user's conversations for an operator: clean-up steps run, nothing is said.
    Conversations aside stay if the turn's key says so (`STACK_ONLY`); the key also tells a worker
    that takes the turn over.
    """
    yield NEEDS_CLAIM
    while True:
        while work.doc.top is not None:
            yield from end_top(work, work.doc.top)
        if not work.doc.head.aside or work.key.startswith(STACK_ONLY):
            return
        begun = [note.id for note in work.doc.head.aside if has_begun(work.doc, note.id)]
        for note in list(work.doc.head.aside):
            if note.id not in begun:
                drop(work.doc, note.id)
        if begun:
            lift(work.doc, begun[0])


def take_all_away(doc: Document) -> None:
    """Remove all of the user's conversations without running any clean-up."""
    doc.put_away()
    if doc.head.stack:
        doc.pop(doc.head.stack[0])
    for note in doc.head.aside:
        drop(doc, note.id)


def end_top(work: Work, frame: Frame, *, killed: bool = True) -> Flow[None]:
    """End the conversation on top, clean-up steps included; what it says is not delivered.

    Args:
        work: The current message.
        frame: The conversation.
        killed: Whether an operator or timer ends it, rather than the current message.
    """
    doc = work.doc
    work.note("ended")
    before = list(work.draft.parts)
    run = yield from (woken if killed else woken_to_hear)(work, frame)
    if run is None and frame in doc.head.stack:
        run = doc.run  # its code changed, and it continued where that fits
    if run is not None and frame in doc.head.stack:
        if killed:
            add_record(work, run, Killed(work.arrived))
            if isinstance(run.at, (StepCall, Gather)):
                # A message is stored for whoever takes over; an operator's command is not, so it
                # has to be in the journal before the clean-up begins.
                yield CHECKPOINT
        else:
            wait = encode_thrown("end", frame.wait)
            add_record(work, run, record_message(wait, work.message, work.arrived))
        yield from clean_up(work, run, frame)
    doc.run = None
    if frame in doc.head.stack:
        doc.pop(frame)
    work.draft.parts = before


def clean_up(work: Work, run: Run, frame: Frame) -> Flow[None]:
    """Run the steps that an ended dialog still requests, and remove it from the stack."""
    doc = work.doc
    while isinstance(run.at, (StepCall, Gather)):
        if isinstance(run.at, StepCall):
            yield from run_step(work, run, frame, run.at)
        else:
            yield from run_gathering(work, run, frame, run.at)
    if isinstance(run.at, Raised) and not isinstance(run.at.error, Signal):
        report(
            logging.ERROR, "user %s: dialog %r broke while it was ended",
            doc.head.user, frame.dialog, error=run.at.error,
        )  # fmt: skip
    try:
        apply_changes(changes_of(run), doc.data)
    except TypeError as error:
        report(
            logging.ERROR, "user %s: what dialog %r left in chat.data cannot be kept",
            doc.head.user, frame.dialog, error=error,
        )  # fmt: skip
    run.close()
    doc.pop(frame)

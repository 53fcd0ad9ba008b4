"""Conversations ended from outside: by an event, or by an operator's hand."""

from __future__ import annotations

import logging

from wechat_dialog.core.dialog.question_ids import encode_thrown
from wechat_dialog.core.dialog.steps import Gather, StepCall
from wechat_dialog.core.logs import report
from wechat_dialog.core.replay.header import Frame
from wechat_dialog.core.replay.recorded_messages import record_message
from wechat_dialog.core.replay.records import Killed
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.replay.standing import Raised
from wechat_dialog.core.turn.aside import drop, has_begun, lift
from wechat_dialog.core.turn.document import Document
from wechat_dialog.core.turn.leaving import remember
from wechat_dialog.core.turn.operations import CHECKPOINT, NEEDS_CLAIM, Flow
from wechat_dialog.core.turn.stack import woken
from wechat_dialog.core.turn.step_records import add_record, run_gathering, run_step
from wechat_dialog.core.turn.work import Work
from wechat_dialog.errors import Signal

__all__ = ["STACK_ONLY", "clean_up", "end_all", "end_top", "kill", "take_all_away"]

STACK_ONLY = "end-stack:"
"""What the key of an operator's turn begins with that ends what runs, and nothing aside."""


def end_all(work: Work) -> Flow[None]:
    """End all of the user's conversations for good, as the message's effect; nothing is said."""
    while work.doc.top is not None:
        yield from end_top(work, work.doc.top, killed=False)
    work.draft.parts = []


def kill(work: Work) -> Flow[None]:
    """End all of the user's conversations, by an operator's hand: clean-up steps run, nothing is
    said. What is aside stays where the key of the turn says so (`STACK_ONLY`), which a worker that
    takes it over has, too.
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
    """Take all of the user's conversations away as they are."""
    doc.put_away()
    if doc.head.stack:
        doc.pop(doc.head.stack[0])
    for note in doc.head.aside:
        drop(doc, note.id)


def end_top(work: Work, frame: Frame, *, killed: bool = True) -> Flow[None]:
    """End the conversation on top for good, its clean-up steps included; whatever it says is not
    delivered.

    Args:
        work: The message at hand.
        frame: The conversation.
        killed: Whether the message at hand has nothing to do with it.
    """
    doc = work.doc
    before = list(work.draft.parts)
    run = yield from woken(work, frame)
    if run is None and frame in doc.head.stack:
        run = doc.run  # its code has changed, and it went on from where that fits
    if run is not None and frame in doc.head.stack:
        if killed:
            add_record(work, run, Killed(work.arrived))
            if isinstance(run.at, (StepCall, Gather)):
                # A message is kept for the worker after; a command stands in the journal before
                # what it leads to is done.
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
    """Run the steps that a dialog which was told to end still asks for, and take it off the
    stack.
    """
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
        remember(doc, run)
    except TypeError as error:
        report(
            logging.ERROR, "user %s: what dialog %r left in chat.data cannot be kept",
            doc.head.user, frame.dialog, error=error,
        )  # fmt: skip
    run.close()
    doc.pop(frame)

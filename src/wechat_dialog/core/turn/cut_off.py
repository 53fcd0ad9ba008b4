"""A turn that was cut off because its worker died: finished by the next turn, or its message parked
if that has failed too often.
"""

from __future__ import annotations

import contextlib

from wechat_dialog import messages
from wechat_dialog.core.dialog.question_ids import decode_thrown
from wechat_dialog.core.replay.header import Frame
from wechat_dialog.core.replay.recorded_messages import arrival_of, record_message
from wechat_dialog.core.replay.records import Killed, MessageRecord, Record, TextRecord, effective
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.turn.beginning import interruption, take_route
from wechat_dialog.core.turn.conversation import go_on, new_conversation
from wechat_dialog.core.turn.dispatch import after_a_change, dispatch, expire_old
from wechat_dialog.core.turn.ending import clean_up, end_all, kill
from wechat_dialog.core.turn.events import (
    forget_who_left,
    forgets,
    handle_event,
    is_heard_after_a_change,
)
from wechat_dialog.core.turn.operations import Flow
from wechat_dialog.core.turn.results import Broke
from wechat_dialog.core.turn.settings import dialog_of
from wechat_dialog.core.turn.stack import drive, follow, woken
from wechat_dialog.core.turn.work import Work
from wechat_dialog.messages.said import text_of

__all__ = ["finish", "park_message"]


def finish(
    work: Work,
    killer: Exception | None = None,
    message: messages.Message | None = None,
    arrived: int = 0,
) -> Flow[None]:
    """Finish the turn that was cut off: `work` is then about its message.

    Args:
        work: The work on the current message.
        killer: The error to park the conversation with, because the turn was tried often enough or
            cannot be finished. None: finish it.
        message: The turn's message, with its secret answer, which no journal contains; None if it
            is lost.
        arrived: When that arrived, ms since the epoch.
    """
    frame = work.doc.top
    if frame is None:
        raise AssertionError("a turn that was cut off must have a conversation on the stack")
    work.take_over()
    work.draft.collects = True
    head, heard = work.doc.head, _heard_last(work, frame)
    unheard = work.unheard and message is not None
    if message is not None and unheard:
        work.becomes(message, arrived)
    elif heard is not None:
        # First of all: a conversation that this one continues as begins with this message.
        work.becomes(heard.message(head.user, head.account), arrival_of(heard))
    if killer is not None:
        work.doc.put_away()
        yield from follow(work, frame, Broke(killer))
        if heard is not None or unheard:
            forget_who_left(work, work.message)
    elif unheard:
        yield from _hear_after_a_change(work, frame)
    else:
        yield from _continue(work, frame, message)


def _continue(work: Work, frame: Frame, message: messages.Message | None) -> Flow[None]:
    """Let the conversation on top continue with the message that it has heard.

    Args:
        work: The work on the turn's message.
        frame: The conversation.
        message: See `finish`.
    """
    thrown = _thrown_in_this_turn(work, frame)
    run = yield from woken(work, frame)
    if run is not None:
        work.becomes(run.chat.message, run.chat.arrived)
        if message is not None and run.secrets:
            _tell_secret_again(work, run, frame, message)
    if thrown is not None:
        # It was being ended, by an event or by the operator: finish that, then handle the event.
        if run is not None:
            yield from clean_up(work, run, frame)
        if isinstance(thrown, Killed):
            yield from kill(work)
        elif isinstance(work.message, messages.Event):
            yield from handle_event(work, work.message)
        return
    if run is not None:
        handed_back = yield from drive(work, frame, go_on(work, run, frame))
        if handed_back:
            yield from dispatch(work)
    if forgets(work, work.message):
        yield from end_all(work)
        forget_who_left(work, work.message)


def _hear_after_a_change(work: Work, frame: Frame) -> Flow[None]:
    """Let changed code, which was cut off, continue; then look at the turn's message."""
    depth = len(work.doc.head.stack)
    run = yield from woken(work, frame)
    if run is not None:
        yield from drive(work, frame, go_on(work, run, frame))
    work.unheard = False
    if isinstance(work.message, messages.Event):
        if is_heard_after_a_change(work, frame):
            yield from handle_event(work, work.message)
    elif len(work.doc.head.stack) == depth:
        yield from after_a_change(work)


def _tell_secret_again(work: Work, run: Run, frame: Frame, unmasked: messages.Message) -> None:
    """Give the dialog the secret answer of this turn again, which replay cannot restore."""
    records = effective(work.doc.records[frame.base :])
    last = max(
        i for i, record in enumerate(records) if isinstance(record, (TextRecord, MessageRecord))
    )
    secret = run.secrets[-1]
    if secret.position == last and secret.read is not None:
        work.secret = text_of(unmasked) or ""
        drawn = run.chat.drawn()
        with contextlib.suppress(ValueError):  # the parser was changed: the secret stays lost
            secret.learn(secret.read(run.chat, unmasked))
        run.chat.draw_again(drawn)


def _heard_last(work: Work, frame: Frame) -> TextRecord | MessageRecord | None:
    """Return the last message that a conversation received; None if it received none, or an
    operator ended it.
    """
    for record in reversed(work.doc.records[frame.base :]):
        if isinstance(record, (TextRecord, MessageRecord)):
            return record
        if isinstance(record, Killed):
            return None
    return None


def _thrown_in_this_turn(work: Work, frame: Frame) -> Record | None:
    """Return the record with which the unfinished turn was ending the conversation; None if it was
    not ending it.
    """
    for record in work.doc.records[frame.base + frame.length :]:
        if isinstance(record, Killed):
            return record
        if (
            isinstance(record, (TextRecord, MessageRecord))
            and decode_thrown(record.wait)[0] == "end"
        ):
            return record
    return None


def park_message(work: Work, killer: Exception, began: Frame | None = None) -> Flow[None]:
    """Park a message that was tried often enough, with the conversation that it is for.

    Args:
        work: The work on the message.
        killer: The error it is parked with.
        began: The conversation that the message had begun; None if it began none, or that is
            unknown.
    """
    expire_old(work)
    work.doc.put_away()
    frame = work.doc.top
    dialog = None if began is None else dialog_of(work.rules.routes, began)
    if began is not None and dialog is not None:
        frame, _ = new_conversation(work, dialog, began.args, work.message)
    elif frame is None or isinstance(work.message, messages.Event):
        match = take_route(work)
        if match is None:
            forget_who_left(work, work.message)
            return
        frame, _ = new_conversation(work, match.route.dialog, match.args, work.message)
    elif (match := interruption(work, frame)) is not None:
        # The dialog below is not asked whether it would have taken the message: it may be the
        # cause.
        frame, _ = new_conversation(work, match.route.dialog, match.args, work.message)
    elif not work.not_seen:
        work.keep_secret(frame.wait)
        work.doc.append(record_message(frame.wait, work.message, work.arrived))
    yield from follow(work, frame, Broke(killer))
    forget_who_left(work, work.message)

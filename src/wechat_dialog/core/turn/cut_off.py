"""A turn that was cut off because its worker died: finished by the next one, or its message
parked, where finishing has failed too often.
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
from wechat_dialog.core.turn.dispatch import dispatch, expire_old
from wechat_dialog.core.turn.ending import clean_up, end_all, kill
from wechat_dialog.core.turn.events import forget_who_left, forgets, handle_event
from wechat_dialog.core.turn.operations import Flow
from wechat_dialog.core.turn.results import Broke
from wechat_dialog.core.turn.settings import dialog_of
from wechat_dialog.core.turn.stack import drive, follow, woken
from wechat_dialog.core.turn.work import Work
from wechat_dialog.messages.said import text_of

__all__ = ["finish", "lay_aside"]


def finish(
    work: Work, killer: Exception | None = None, whole: messages.Message | None = None
) -> Flow[None]:
    """Finish the turn that was cut off: its message becomes the one that `work` is about.

    Args:
        work: The work on the current message.
        killer: Why the conversation is parked instead: the turn was tried often enough, or cannot
            be finished. None: it is finished.
        whole: The turn's message with its secret answer, which no journal has; None if there was
            no secret, or it is lost.
    """
    frame = work.doc.top
    if frame is None:
        raise AssertionError("a turn that was cut off has a conversation in which that happened")
    work.take_over()
    work.draft.collects = True
    head, heard = work.doc.head, _heard_last(work, frame)
    if heard is not None:
        # Before all that follows: a conversation that is handed over to begins with it.
        work.becomes(heard.message(head.user, head.account), arrival_of(heard))
    if killer is not None:
        work.doc.put_away()
        yield from follow(work, frame, Broke(killer))
        if heard is not None:
            forget_who_left(work, work.message)
        return
    run = yield from woken(work, frame)
    if run is None:
        return
    work.becomes(run.chat.message, run.chat.arrived)
    if whole is not None and run.secrets:
        _tell_secret_again(work, run, frame, whole)
    thrown = _thrown_in_this_turn(work, frame)
    if thrown is None:
        handed_back = yield from drive(work, frame, go_on(work, run, frame))
        if handed_back:
            yield from dispatch(work)
        if forgets(work, work.message):
            yield from end_all(work)
            forget_who_left(work, work.message)
        return
    # It was being ended, for an event or by the operator: that goes on, and then the event.
    yield from clean_up(work, run, frame)
    if isinstance(thrown, Killed):
        yield from kill(work)
    elif isinstance(work.message, messages.Event):
        yield from handle_event(work, work.message)


def _tell_secret_again(work: Work, run: Run, frame: Frame, whole: messages.Message) -> None:
    """Give the dialog the secret answer of this turn again, which no replay brings back."""
    records = effective(work.doc.records[frame.base :])
    last = max(
        i for i, record in enumerate(records) if isinstance(record, (TextRecord, MessageRecord))
    )
    secret = run.secrets[-1]
    if secret.position == last and secret.read is not None:
        work.secret = text_of(whole) or ""
        with contextlib.suppress(ValueError):  # by a parser that was changed: it stays lost
            secret.learn(secret.read(run.chat, whole))


def _heard_last(work: Work, frame: Frame) -> TextRecord | MessageRecord | None:
    """Return the message that a conversation heard last; None if an operator ended it, or it has
    heard none.
    """
    for record in reversed(work.doc.records[frame.base :]):
        if isinstance(record, (TextRecord, MessageRecord)):
            return record
        if isinstance(record, Killed):
            return None
    return None


def _thrown_in_this_turn(work: Work, frame: Frame) -> Record | None:
    """Return the record with which the unfinished turn was ending the conversation; None if it was
    not.
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


def lay_aside(work: Work, killer: Exception, began: Frame | None = None) -> Flow[None]:
    """Park the message, which was tried often enough, with the conversation that it is for.

    Args:
        work: The work on the message.
        killer: The error it is parked with.
        began: The conversation that the message had begun; None if it began none, or that is not
            known.
    """
    expire_old(work)
    work.keep_confided()
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
        # Nobody asks the dialog below, which may be what kills, whether it would have taken it.
        frame, _ = new_conversation(work, match.route.dialog, match.args, work.message)
    else:
        work.keep_secret(frame.wait, frame.id)
        work.doc.append(record_message(frame.wait, work.message, work.arrived))
    yield from follow(work, frame, Broke(killer))
    forget_who_left(work, work.message)

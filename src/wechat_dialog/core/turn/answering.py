"""The current message as the answer to the pending question: read, refused, or taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wechat_dialog import replies
from wechat_dialog.core.dialog.questions import Wait
from wechat_dialog.core.dialog.user_data import apply_changes
from wechat_dialog.core.replay.header import Frame
from wechat_dialog.core.replay.recorded_messages import record_message
from wechat_dialog.core.replay.records import MessageRecord, Record, Rewind, TextRecord, effective
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.replay.runs import restore
from wechat_dialog.core.replay.thrown import of_reading
from wechat_dialog.core.turn.beginning import interrupt, interruption
from wechat_dialog.core.turn.conversation import go_on, hear, throw
from wechat_dialog.core.turn.leaving import make_run
from wechat_dialog.core.turn.operations import Flow
from wechat_dialog.core.turn.results import WAITS
from wechat_dialog.core.turn.stack import drive, follow
from wechat_dialog.core.turn.work import Work
from wechat_dialog.messages import Text
from wechat_dialog.messages.said import text_of
from wechat_dialog.replies import to_reply

__all__ = ["answer", "is_answer", "take_back"]

WAY_OUT = 3
"""After how many answers that do not fit a user is told how to leave, each time."""


def answer(
    work: Work, run: Run, frame: Frame, at: Wait[Any], ticked: Sequence[str] | None = None
) -> Flow[bool]:
    """Read the message as the answer to the pending question of the top conversation, and continue
    that conversation with it.

    Args:
        work: The current message.
        run: The dialog.
        frame: Its conversation.
        at: The pending question.
        ticked: The labels that the user had ticked, if the message says that the choice is
            complete.

    Returns:
        Whether the dialog handed the message back.
    """
    chat = run.chat
    before, drawn = (chat.heard, chat.arrived), chat.drawn()
    message = work.message
    if at.kind == "A":
        work.keep_secret(at.id)
    chat.heard, chat.arrived = work.message, work.arrived
    try:
        if ticked is None and type(message) is Text and (read := at.reading.text) is not None:
            value = read(chat, message.text)  # nearly always; as in `Run.replay`
        else:
            value = at.reading.value(chat, message, ticked)
    except ValueError as error:
        chat.heard, chat.arrived = before
        chat.draw_again(drawn)
        return (yield from _refuse(work, run, frame, at, error))
    except BaseException as error:  # noqa: BLE001 - the author's parser is broken
        return (yield from _break(work, run, frame, at, of_reading(error), ticked))
    if at.kind == "A":
        chat.draw_again(drawn)  # a replay does not read a secret
    result = yield from hear(work, run, frame, at, value, ticked)
    return result is not WAITS and (yield from follow(work, frame, result))


def _refuse(work: Work, run: Run, frame: Frame, at: Wait[Any], error: ValueError) -> Flow[bool]:
    """Tell the user what was wrong and ask again; nothing of this is journaled."""
    text = text_of(work.message)
    if text is None and (match := interruption(work, frame)) is not None:
        return (yield from interrupt(work, match))
    misses = frame.misses + 1
    if at.options.attempts is not None and misses >= at.options.attempts:
        flow = throw(work, run, frame, f"attempts:{misses}")
        return (yield from drive(work, frame, flow))
    hint, drawn = at.options.hint, run.chat.drawn()
    try:
        words = hint(text or "") if callable(hint) else hint
        part = to_reply(work.without_secret(str(error)) if words is None else words)
    except BaseException as broken:  # noqa: BLE001 - the author's hint is broken
        return (yield from _break(work, run, frame, at, of_reading(broken)))
    run.chat.draw_again(drawn)
    work.note("asked_again")
    frame.misses = misses  # not where the hint is broken: the answer is read again once it is not
    lost = misses % WAY_OUT == 0 and at.options.cancel
    way_out = replies.Text(work.rules.way_out) if lost and work.rules.way_out else None
    if at.options.repeat or part is None or work.doc.has_unseen(frame):
        work.draft.add(part)
        work.draft.add(way_out)
        work.draft.ask_again(frame, at)
    else:
        # The error stands in the question's place, also if the answer is held or pushed.
        work.draft.ask(frame, [part, way_out], seen=True)
    return False


def _break(
    work: Work,
    run: Run,
    frame: Frame,
    at: Wait[Any],
    error: BaseException,
    ticked: Sequence[str] | None = None,
) -> Flow[bool]:
    """End a dialog whose parser or hint raised; the message is recorded with the journal."""
    run.fail(error)
    work.doc.append(record_message(at.id, work.message, work.arrived, ticked))
    return (yield from drive(work, frame, go_on(work, run, frame)))


def take_back(work: Work, run: Run, frame: Frame, at: Wait[Any]) -> Flow[bool]:
    """Take the last answer back, unless a step lies in between, and ask its question again.

    Returns:
        Whether the dialog handed the message back.
    """
    doc = work.doc
    records = effective(doc.records[frame.base :])
    last = len(records) - 1
    if not is_answer(records[last]):
        work.note("asked_again")
        work.draft.add(replies.Text(work.rules.texts.no_way_back))
        work.draft.ask_again(frame, at)
        return False
    doc.put_away()
    doc.append(Rewind(last, "back"))
    again = make_run(work, run.dialog, frame)
    restore(again, records[:last], last)
    again.chat.begin_turn()
    work.note_conversation(frame)
    work.went_back = True
    # Changes that the answer made to the user's data are undone as well.
    apply_changes(again.chat.changes_since(run.chat.kept()), doc.data)
    return (yield from drive(work, frame, go_on(work, again, frame)))


def is_answer(record: Record) -> bool:
    """Whether a record is a message that answered a question: it neither began nor ended a
    conversation.
    """
    if not isinstance(record, (TextRecord, MessageRecord)):
        return False
    return bool(record.wait) and not record.wait.startswith("!")

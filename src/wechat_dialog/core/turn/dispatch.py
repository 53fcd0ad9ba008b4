"""What a message means to a user's conversations.

A message may fetch held parts, answer the pending question, cancel it, take the last answer back,
interrupt, change the subject, or begin a conversation. The order of these decisions is the order of
the lines in `handle`, `dispatch` and `_in_conversation`. Nothing here performs I/O; see
`operations.py`.
"""

from __future__ import annotations

from typing import Any

from wechat_dialog import messages
from wechat_dialog.core.dialog.questions import Wait
from wechat_dialog.core.replay.header import Frame
from wechat_dialog.core.replay.recorded_messages import record_message
from wechat_dialog.core.replay.records import Record, masked
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.turn.answering import answer, take_back
from wechat_dialog.core.turn.asking import ask_next
from wechat_dialog.core.turn.beginning import begin_by_route, interrupt, interruption
from wechat_dialog.core.turn.conversation import is_awake, throw
from wechat_dialog.core.turn.draft import view_of
from wechat_dialog.core.turn.events import handle_event
from wechat_dialog.core.turn.held import expire, is_word
from wechat_dialog.core.turn.operations import Flow
from wechat_dialog.core.turn.stack import deliver_next, drive, refuse_unseen, woken_to_hear
from wechat_dialog.core.turn.work import Work
from wechat_dialog.messages.said import text_of

__all__ = ["after_a_change", "dispatch", "expire_old", "handle"]


def handle(work: Work) -> Flow[None]:
    """Process the current message; the draft then has its answer."""
    expire_old(work)
    if work.comes_again:
        work.note("repeated")
        return
    if isinstance(work.message, messages.Event):
        yield from handle_event(work, work.message)
    elif work.doc.head.held and _asks_for_more(work):
        yield from deliver_next(work)
    else:
        work.draft.collects = True
        yield from dispatch(work)
    if work.doc.head.aside and work.draft.collects:
        yield from ask_next(work)


def dispatch(work: Work) -> Flow[None]:
    """Give the message to the conversation on top, or begin one; if it is handed back, offer it to
    the next one.
    """
    doc = work.doc
    while True:
        frame = doc.top
        if frame is None:
            yield from begin_by_route(work)
            return
        depth = len(doc.head.stack)
        run = doc.run if is_awake(doc, frame) else (yield from _wake_to_hear(work, frame))
        if run is None:
            if len(doc.head.stack) == depth:
                yield from after_a_change(work)
            # Otherwise it has ended, and the message was not meant for the one below.
            return
        handed_back = yield from _in_conversation(work, run, frame)
        if not handed_back:
            return


def _in_conversation(work: Work, run: Run, frame: Frame) -> Flow[bool]:
    """Decide what the message means to a conversation that waits, and do it.

    Returns:
        Whether a dialog handed the message back.
    """
    at = run.at
    if not isinstance(at, Wait):
        raise AssertionError("only conversations that wait are committed")
    word = _word(work)
    if work.not_seen:
        return (yield from _before_question(work, run, frame, at, word))
    if word is not None and type(at) is not Wait:  #  only a menu has pages and ticks
        view = view_of(frame)
        ticked = at.ticked_labels(word, view)
        if ticked is not None:
            return (yield from answer(work, run, frame, at, ticked))
        changed = at.view_after(word, view)
        if changed is not None:
            frame.page, frame.ticks = changed.page, changed.ticks
            work.note("browsed")
            work.draft.ask_again(frame, at)
            return False
    if word is not None and not _takes(at, word):
        if at.options.cancel and word in work.rules.cancel:
            return (yield from drive(work, frame, throw(work, run, frame, "cancel")))
        if at.options.back and word in work.rules.back:
            return (yield from take_back(work, run, frame, at))
        match = interruption(work, frame)
        if match is not None:
            return (yield from interrupt(work, match))
    return (yield from answer(work, run, frame, at))


def _before_question(
    work: Work, run: Run, frame: Frame, at: Wait[Any], word: str | None
) -> Flow[bool]:
    """Handle a message that was written before its user can have seen the pending question: it does
    not answer it, but may cancel or interrupt.
    """
    handed_back = yield from _cancel_or_interrupt(work, run, frame, at, word)
    if handed_back is not None:
        return handed_back
    yield from refuse_unseen(work, frame, at)
    return False


def after_a_change(work: Work) -> Flow[None]:
    """Handle a message whose conversation has just been continued by the policy for changed code:
    its question is another one now, which the message does not answer, but it may cancel or
    interrupt.
    """
    frame, run = work.doc.top, work.doc.run
    if frame is None or run is None or not is_awake(work.doc, frame):
        return
    at = run.at
    if not isinstance(at, Wait):
        raise AssertionError("only conversations that wait are committed")
    # Handed back, it must not reach the conversation, as an answer.
    yield from _cancel_or_interrupt(work, run, frame, at, _word(work))


def _cancel_or_interrupt(
    work: Work, run: Run, frame: Frame, at: Wait[Any], word: str | None
) -> Flow[bool | None]:
    """Cancel or interrupt the conversation on top if that is what the message means whichever
    question is pending.

    Returns:
        Whether a dialog handed the message back; None if it means neither.
    """
    if _takes(at, word):
        return None
    if word in work.rules.cancel and at.options.cancel:
        # "Please continue from here" is nothing to say to somebody who leaves.
        work.draft.unsay(work.rules.texts.changed, work.rules.texts.restarted)
        return (yield from drive(work, frame, throw(work, run, frame, "cancel")))
    match = interruption(work, frame)
    if match is not None:
        return (yield from interrupt(work, match))
    return None


def _word(work: Work) -> str | None:
    """Return the message's text without blanks around it; None if it has none."""
    text = text_of(work.message)
    return None if text is None else text.strip()


def _takes(at: Wait[Any], word: str | None) -> bool:
    """Whether a word is exactly an answer to the question, whatever else it may mean."""
    return word is not None and at.options.takes is not None and at.options.takes(word)


def _wake_to_hear(work: Work, frame: Frame) -> Flow[Run | None]:
    """Wake a conversation for the current message, which is stored if the conversation is
    parked.
    """
    return (yield from woken_to_hear(work, frame, _unheard(work, frame)))


def _unheard(work: Work, frame: Frame) -> Record | None:
    """Return the record of the message as an answer; None if it is not taken as one."""
    if isinstance(work.message, messages.Event) or work.not_seen:
        return None
    message = masked(work.message) if work.is_said_to(frame.wait) else work.message
    return record_message(frame.wait, message, work.arrived)


def _asks_for_more(work: Work) -> bool:
    text, doc = text_of(work.message), work.doc
    if text is None or not is_word(text, work.rules.texts.more, doc.head.more):
        return False
    return work.draft.shelf().has_next("" if doc.top is None else doc.top.id)


def expire_old(work: Work) -> None:
    """Forget conversations whose time limit has passed, and parts held for too long."""
    doc, head = work.doc, work.doc.head
    if head.held:
        head.held = expire(head.held, head.stack, work.arrived)
        head.more = head.more if head.held else ""
    expired = False
    while (frame := doc.top) is not None:
        if frame.timeout is None or doc.age <= frame.timeout or doc.holds_question(frame):
            break
        doc.put_away()
        doc.pop(frame)
        expired = True
    if expired:
        work.draft.say(work.rules.texts.expired)
        if work.notes is not None:
            work.notes.turn.before = None

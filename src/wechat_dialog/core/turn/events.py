"""What an event means: it answers a question that waits for one, interrupts, or changes the
subject; and `unsubscribe` ends everything.
"""

from __future__ import annotations

from wechat_dialog import messages
from wechat_dialog.core.dialog.questions import Wait
from wechat_dialog.core.replay.header import Frame
from wechat_dialog.core.turn.answering import answer
from wechat_dialog.core.turn.beginning import begin_by_route, interrupt, matches
from wechat_dialog.core.turn.ending import end_all, kill
from wechat_dialog.core.turn.operations import NEEDS_CLAIM, Flow
from wechat_dialog.core.turn.requested import end_aside
from wechat_dialog.core.turn.stack import refuse_unseen, woken_to_hear
from wechat_dialog.core.turn.work import Work

__all__ = ["forget_who_left", "forgets", "handle_event", "is_heard_after_a_change"]


def handle_event(work: Work, event: messages.Event) -> Flow[None]:
    """Decide what an event means to the user's conversations, and do it."""
    if _has_left(event):
        yield from _leave(work)
        return
    doc = work.doc
    while (frame := doc.top) is not None:
        run = yield from woken_to_hear(work, frame)
        if run is None:
            if not is_heard_after_a_change(work, frame):
                return
            continue
        at = run.at
        wanted = at.reading.event if isinstance(at, Wait) else None
        answers = wanted is not None and isinstance(event, wanted)
        if isinstance(at, Wait) and answers and not work.not_seen:
            handed_back = yield from answer(work, run, frame, at)
        else:
            match = next(matches(work), None)
            if match is None or match.route.kind == "fallback":
                if isinstance(at, Wait) and answers:
                    yield from refuse_unseen(work, frame, at)
                return
            if not match.route.anytime:
                yield from end_all(work)
                break
            if len(doc.head.stack) >= work.rules.depth:
                return
            work.draft.collects = True
            handed_back = yield from interrupt(work, match)
        if not handed_back:
            return
        # It is for the next route, or for none, but does not answer the pending question.
    work.draft.collects = True
    yield from begin_by_route(work)


def is_heard_after_a_change(work: Work, frame: Frame) -> bool:
    """Whether an event still means something once changed code has continued; `frame` is its
    conversation.
    """
    match = next(matches(work), None)
    if match is None or match.route.kind == "fallback":
        return _has_left(work.message)
    if frame in work.doc.head.stack:
        # Its question follows the answer to the event, if the conversation still exists then.
        work.draft.parts = []
    return True


def _leave(work: Work) -> Flow[None]:
    """Handle that the user has left: nothing that is said reaches them."""
    doc, draft = work.doc, work.draft
    yield from end_all(work)
    doc.head.held, doc.head.owed = (), ()
    if doc.head.aside:
        # Each one in a turn of its own; but all in this turn if nothing is to be kept of the user.
        if forgets(work, work.message):
            yield from kill(work)
        else:
            yield NEEDS_CLAIM
            for note in list(doc.head.aside):
                end_aside(doc, note)
    yield from begin_by_route(work)
    if forgets(work, work.message):
        # Conversations that the route for the event left waiting are cleaned up as well.
        yield from end_all(work)
    if doc.top is not None and draft.question:
        draft.unasked = (*draft.unasked, doc.top.id)
    draft.hush()
    forget_who_left(work, work.message)


def forgets(work: Work, message: messages.Message | None) -> bool:
    """Whether a message says that its user has left, and the bot forgets such users."""
    return work.rules.forget_on_unsubscribe and message is not None and _has_left(message)


def forget_who_left(work: Work, message: messages.Message | None) -> None:
    """Remove everything about a user whose message says so; call it last, since later changes would
    be stored again.
    """
    if forgets(work, message):
        work.doc.forget()
        work.draft.hush()


def _has_left(message: messages.Message) -> bool:
    return isinstance(message, messages.Event) and message.event.lower() == "unsubscribe"

"""Questions reached in a turn that no message began: asked when no other question is pending."""

from __future__ import annotations

from collections.abc import Container

from wechat_dialog.core.dialog.questions import FIRST, Wait
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.turn.aside import lift, put_aside
from wechat_dialog.core.turn.conversation import wake
from wechat_dialog.core.turn.document import Document
from wechat_dialog.core.turn.leaving import stand
from wechat_dialog.core.turn.operations import NEEDS_CLAIM, Flow
from wechat_dialog.core.turn.other_releases import is_left_to_others
from wechat_dialog.core.turn.saying import take_said
from wechat_dialog.core.turn.stack import follow
from wechat_dialog.core.turn.work import Work
from wechat_dialog.replies import Reply

__all__ = ["ask_next", "next_to_ask", "question_of"]


def next_to_ask(doc: Document, left: Container[str] = ()) -> str | None:
    """Return the id of the conversation that may ask now; None if no conversation wants to, or
    another question is pending.

    Args:
        doc: The user's document.
        left: Ids of conversations that are left to other processes.
    """
    if doc.top is not None:
        return None
    asking = (note.id for note in doc.head.aside if note.asks and not note.ends)
    return next((id for id in asking if id not in left), None)


def ask_next(work: Work) -> Flow[None]:
    """At the end of a message's turn, ask the next question that waits to be asked, if there is
    one.

    Its time limits begin now. If it cannot be asked, because its code has changed or raises, the
    next one is asked. While a process with other code may be the right one to ask it, nothing is
    done with it: its user has not written to it.
    """
    left = set[str]()
    while (id := next_to_ask(work.doc, left)) is not None:
        yield NEEDS_CLAIM
        if id not in work.doc.beside.ids():
            return
        frame = lift(work.doc, id)
        run = wake(work, frame)
        if not isinstance(run, Run):
            if is_left_to_others(work, frame, frame.since, run):
                put_aside(work.doc, frame, asks=True)
                left.add(id)
            else:
                yield from follow(work, frame, run)
            continue
        if not isinstance(run.at, Wait):
            continue
        parts = question_of(work, run, run.at)
        stand(work, run, frame, run.at)
        work.doc.run = run
        work.draft.ask(frame, parts, seen=False)


def question_of(work: Work, run: Run, at: Wait[object]) -> list[Reply]:
    """Return the parts with which a question is asked. What the dialog said earlier has been
    delivered already, unless it is itself the question.
    """
    prompt = work.rules.reply_of(at.shown(FIRST))
    parts = take_said(run, work.rules)
    if at.prompt is None:
        return parts
    return [] if prompt is None else [prompt]

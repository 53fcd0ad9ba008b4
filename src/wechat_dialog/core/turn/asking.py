"""Questions that were come to in a turn no message began: asked when nobody else's stands."""

from __future__ import annotations

from wechat_dialog.core.dialog.questions import FIRST, Wait
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.turn.aside import lift
from wechat_dialog.core.turn.document import Document
from wechat_dialog.core.turn.leaving import stand
from wechat_dialog.core.turn.operations import NEEDS_CLAIM, Flow
from wechat_dialog.core.turn.saying import take_said
from wechat_dialog.core.turn.stack import woken
from wechat_dialog.core.turn.work import Work
from wechat_dialog.replies import Reply

__all__ = ["ask_next", "next_to_ask", "question_of"]


def next_to_ask(doc: Document) -> str | None:
    """Return the id of the conversation that may ask now; None: there is none, or another's
    question stands.
    """
    if doc.top is not None:
        return None
    return next((note.id for note in doc.head.aside if note.asks and not note.ends), None)


def ask_next(work: Work) -> Flow[None]:
    """Ask, at the end of a message's turn, the question that waits for that; nothing if none does.

    Its times begin here. Where it is not to be asked after all, since its code has changed or
    breaks, the next one is.
    """
    while (id := next_to_ask(work.doc)) is not None:
        yield NEEDS_CLAIM
        if id not in work.doc.beside.ids():
            return
        frame = lift(work.doc, id)
        run = yield from woken(work, frame)
        if run is None or not isinstance(run.at, Wait):
            continue
        parts = question_of(work, run, run.at)
        stand(work, run, frame, run.at)
        work.doc.run = run
        work.draft.ask(frame, parts, seen=False)


def question_of(work: Work, run: Run, at: Wait[object]) -> list[Reply]:
    """Return a question as it is asked; what was said before it has been said, unless it is the
    question.
    """
    prompt = work.rules.reply_of(at.shown(FIRST))
    said = take_said(run, work.rules)
    if at.prompt is None:
        return said
    return [] if prompt is None else [prompt]

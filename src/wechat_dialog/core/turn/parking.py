"""A conversation that failed, put aside with everything needed to continue once the bug is
fixed.
"""

from __future__ import annotations

import logging

import msgspec

from wechat_dialog import replies
from wechat_dialog.core.blame import told, trace
from wechat_dialog.core.logs import report
from wechat_dialog.core.replay.header import Frame, ParkedConversation, encode_parked
from wechat_dialog.core.replay.records import Record, encode_record
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.store.kept import Parked
from wechat_dialog.core.turn.operations import CHECKPOINT, NEEDS_CLAIM, Flow
from wechat_dialog.core.turn.step_records import heard_key, is_resumption, parked_before
from wechat_dialog.core.turn.work import Work

__all__ = ["park"]

_BROKE = "user %s: dialog %r broke at record %d and is parked as %s"
_SHOWN = " (all of it: wechat-dialog conversations show APP %s)"


def park(
    work: Work, frame: Frame, error: BaseException, run: Run | None, unheard: Record | None = None
) -> Flow[None]:
    """Park the conversation on top, and apologize, unless an operator has resumed it.

    Args:
        work: The current message.
        frame: The conversation.
        error: The error it failed with.
        run: Its dialog; None: it is not available, or did not cause the error.
        unheard: The current message, recorded as the answer it was taken for, if the dialog was
            woken for it and has not received it.
    """
    yield NEEDS_CLAIM
    if work.doc.park is not None:
        yield CHECKPOINT  # a write can park one, and another one failed in this turn
    _put_aside(work, frame, error, run, unheard)


def _put_aside(
    work: Work, frame: Frame, error: BaseException, run: Run | None, unheard: Record | None
) -> None:
    doc, head = work.doc, work.doc.head
    place = (head.user, frame.dialog, len(doc.records) - frame.base, frame.id)
    if work.rules.broke is None:
        report(logging.ERROR, _BROKE + _SHOWN, *place, frame.id, error=error, secret=work.secret)
    else:
        report(logging.ERROR, _BROKE, *place, error=error, secret=work.secret)
        work.rules.broke(error)
    # The length before the message that made it fail.
    length = min(frame.length, len(doc.records) - frame.base)
    parked = ParkedConversation(
        frame=msgspec.structs.replace(frame, base=0, length=length),
        records=[msgspec.Raw(encode_record(record)) for record in doc.records[frame.base :]],
        user=head.user,
        account=head.account,
        parked=max(work.draft.now, parked_before(work.key) + 1),  # see `resume_key`
        error=work.without_secret(f"{type(error).__name__}: {told(error)}"),
        traceback=work.without_secret(trace(error)),
        broke=-1 if run is None else _first_amid(run, error),
        key=heard_key(work.key),
        unheard=[] if unheard is None else [msgspec.Raw(encode_record(unheard))],
    )
    rules, draft = work.rules, work.draft
    doc.park = Parked(
        frame.id, encode_parked(parked), rules.park, rules.limits.parked, rules.limits.parked_bytes
    )
    if run is not None:
        run.close()
    doc.pop(frame)
    draft.parts = list(draft.over)
    # One trouble, one apology: of a resumed conversation the user has had it.
    apologised = is_resumption(work.key) or replies.Text(rules.texts.apology) in draft.parts
    if not apologised:
        draft.say(rules.texts.apology)


def _first_amid(run: Run, error: BaseException) -> int:
    """Return the position of the first step that a dialog requested while it was handling this
    error, or the one that led to it; -1 if there is none.
    """
    chain: dict[int, BaseException] = {}  # by identity: an author's exception may define equality
    link: BaseException | None = error
    while link is not None and id(link) not in chain:
        chain[id(link)] = link
        link = link.__context__ if link.__cause__ is None else link.__cause__
    return next((position for position, amid in run.calls.cleanup if id(amid) in chain), -1)

"""The user's stack of conversations: what follows from the result of the one on top.

`follow` is the only loop: a conversation that waits ends it; one that ended is removed from the
stack, and its answer given; one that continues as another dialog is replaced; one that failed is
parked; one whose code has changed is handled by policy. Then the conversation below, if there is
one, has its question asked again, which has a result of its own. A message that is handed back is
returned to the caller.
"""

from __future__ import annotations

from typing import Any

from wechat_dialog import messages
from wechat_dialog.core.dialog.questions import Wait
from wechat_dialog.core.dialog.registered import RegisteredDialog
from wechat_dialog.core.logs import log
from wechat_dialog.core.replay.codes import code_of
from wechat_dialog.core.replay.header import ENDS, Frame
from wechat_dialog.core.replay.records import MessageRecord, Record, Rewind, TextRecord
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.replay.standing import Raised
from wechat_dialog.core.replay.verdict import decide
from wechat_dialog.core.turn import conversation
from wechat_dialog.core.turn.aside import put_aside
from wechat_dialog.core.turn.conversation import go_on, wake
from wechat_dialog.core.turn.leaving import make_run
from wechat_dialog.core.turn.operations import NEEDS_CLAIM, Flow
from wechat_dialog.core.turn.parking import park
from wechat_dialog.core.turn.results import (
    WAITS,
    Broke,
    Differs,
    HandsOver,
    PutsAside,
    Result,
    Signalled,
    Waits,
)
from wechat_dialog.core.turn.work import Work
from wechat_dialog.errors import Cancelled, Signal, TooManyAttempts, UnexpectedAnswer

__all__ = [
    "begin",
    "deliver_next",
    "drive",
    "follow",
    "give_up",
    "refuse_unseen",
    "woken",
    "woken_to_hear",
]


def begin(work: Work, dialog: RegisteredDialog, args: dict[str, Any]) -> Flow[bool]:
    """Start a dialog for the current message, on top of the stack.

    Returns:
        Whether it handed the message back.
    """
    frame, result = yield from _begin(work, dialog, args, work.message)
    work.note_conversation(frame)
    return result is not WAITS and (yield from follow(work, frame, result))


def _begin(
    work: Work, dialog: RegisteredDialog, args: dict[str, Any], message: messages.Message
) -> Flow[tuple[Frame, Result]]:
    if not (dialog.pure and dialog.waits):
        yield NEEDS_CLAIM
    frame, flow = conversation.begin(work, dialog, args, message)
    return frame, (yield from flow)


def drive(work: Work, frame: Frame, flow: Flow[Result]) -> Flow[bool]:
    """Drive the conversation on top by a flow of `conversation`, and do what follows.

    Returns:
        Whether its dialog handed the message back.
    """
    result = yield from flow
    return result is not WAITS and (yield from follow(work, frame, result))


def follow(
    work: Work, frame: Frame, result: Result | Differs, unheard: Record | None = None
) -> Flow[bool]:
    """Do what follows from the result of the conversation on top, until one waits or none is left.

    Args:
        work: The current message.
        frame: The conversation on top.
        result: Its result.
        unheard: The message, recorded as the answer it was taken for, if no dialog has received it:
            it is stored with a conversation that is parked.

    Returns:
        Whether a dialog handed the message back. That dialog is off the stack then, and the one
        below has not been asked again.
    """
    doc, draft = work.doc, work.draft
    opening = work.message  # the message that begins a conversation continued as another dialog
    while not isinstance(result, Waits):
        if isinstance(result, Differs):
            frame, result, opening = yield from _carry_out_policy(work, frame, result, opening)
            continue
        draft.returns = draft.returns or frame.length > 0
        if work.notes is not None:
            work.notes.follows(frame, result)
        if isinstance(result, Broke):
            yield from park(work, frame, result.error, result.run, unheard)
            unheard = None
        elif isinstance(result, PutsAside):
            draft.parts += result.parts
            result.run.close()
            put_aside(doc, frame, asks=result.asks)
        else:
            draft.parts += result.parts
            draft.over = list(draft.parts)
            doc.pop(frame)
            if isinstance(result, HandsOver):
                key = frame.key
                frame, result = yield from _begin(work, result.dialog, result.args, opening)
                frame.key = key
                continue
            if isinstance(result, Signalled) and _hands_back(work, frame, result.signal):
                return not work.outside
        below = doc.top
        if below is None or work.outside or ENDS in below.flags:
            return False  # this conversation did not hide the question below
        frame, result = below, _ask_again(work, below)
    return False


def _hands_back(work: Work, frame: Frame, signal: BaseException) -> bool:
    """Return whether a dialog ended by handing the message back; otherwise say why it ended."""
    if isinstance(signal, UnexpectedAnswer):
        if work.outside:
            log.warning(
                "user %s: dialog %r raised UnexpectedAnswer in a turn that no message began; it "
                "ends", work.doc.head.user, frame.dialog,
            )  # fmt: skip
        elif signal.said:
            work.says(signal.said)
        return True
    texts = work.rules.texts
    if isinstance(signal, Cancelled):
        work.draft.say(texts.cancelled)
    elif isinstance(signal, TooManyAttempts):
        work.draft.say(texts.too_many)
    return False


def woken(work: Work, frame: Frame, unheard: Record | None = None) -> Flow[Run | None]:
    """Wake the conversation on top.

    Args:
        work: The current message.
        frame: The conversation.
        unheard: The message, recorded as the answer for which the conversation is woken, if it is
            for one.

    Returns:
        Its run. None if there is none, or its code has changed: what follows from that was done,
        and the message must not be taken as an answer.
    """
    result = wake(work, frame)
    if isinstance(result, Run):
        return result
    yield from follow(work, frame, result, unheard)
    return None


def woken_to_hear(work: Work, frame: Frame, unheard: Record | None = None) -> Flow[Run | None]:
    """Wake the conversation on top for the message, as `woken` does. If the code has changed, and
    the worker dies while it continues, the next one knows that nothing has heard the message.
    """
    work.unheard = True
    run = yield from woken(work, frame, unheard)
    work.unheard = False
    return run


def _ask_again(work: Work, frame: Frame) -> Result | Differs:
    """Ask the pending question of the conversation on top again."""
    work.draft.over = list(work.draft.parts)
    run = wake(work, frame)
    if not isinstance(run, Run):
        return run
    if isinstance(run.at, Wait) and not work.doc.holds_question(frame):
        try:
            work.draft.ask_again(frame, run.at)
        except Exception as error:  # noqa: BLE001 - the author's value raises
            return Broke(error, run)
    return WAITS


def deliver_next(work: Work, note: str = "") -> Flow[None]:
    """Answer with the next held part.

    Args:
        work: The current message.
        note: Said before the part.
    """
    frame = work.doc.top
    if frame is not None and work.draft.shelf().must_ask(frame.id):
        yield from follow(work, frame, _ask_again(work, frame))
        if work.draft.parts:
            return  # the question could not be asked again, and these parts say why
    work.draft.note = note
    work.note("fetched")


def refuse_unseen(work: Work, frame: Frame, at: Wait[Any]) -> Flow[None]:
    """Say that the message was not taken as the answer, since its user had not seen the pending
    question when they wrote it; and show the question.
    """
    work.note("not_taken")
    if work.doc.unseen:
        yield from deliver_next(work, work.rules.texts.not_taken)
    else:
        work.draft.say(work.rules.texts.not_taken)
        work.draft.ask_again(frame, at)


def give_up(work: Work, error: Exception) -> Flow[None]:
    """Park the conversation on top, for an error that its dialog did not cause."""
    work.doc.put_away()
    frame = work.doc.top
    if frame is None:
        raise AssertionError("there is a conversation to park")
    yield from follow(work, frame, Broke(error))


# Code that has changed ----------------------------------------------------------------------------


def _carry_out_policy(
    work: Work, frame: Frame, differs: Differs, opening: messages.Message
) -> Flow[tuple[Frame, Result, messages.Message]]:
    """Apply the policy for changed code to a conversation.

    Args:
        work: The current message.
        frame: The conversation.
        differs: Its dialog, and where it differs from its journal.
        opening: The message that begins a conversation continued as another dialog.

    Returns:
        The conversation on top afterwards, its result, and the new `opening`.
    """
    yield NEEDS_CLAIM
    dialog, records, mismatch = differs.dialog, differs.records, differs.mismatch
    head, texts = work.doc.head, work.rules.texts
    wanted = dialog.on_divergence or work.rules.on_divergence
    policy = decide(wanted, records, mismatch.position, pure=dialog.pure)
    log.warning(
        "user %s: dialog %r does something else than its journal has at record %d (%s); policy: %s",
        head.user, frame.dialog, mismatch.position, mismatch.where or "it has ended", policy,
    )  # fmt: skip
    log.debug("user %s: %s", head.user, mismatch)
    if policy != "park":
        work.note("restarted" if policy == "restart" else "resumed")
    if policy == "park":
        return frame, Broke(mismatch), opening
    if policy == "restart":
        work.draft.say(texts.restarted)
        start = next(
            record for record in records if isinstance(record, (TextRecord, MessageRecord))
        )
        work.doc.pop(frame)
        first = start.message(head.user, head.account)
        frame, result = yield from _begin(work, dialog, dict(frame.args), first)
        return frame, result, first
    return frame, (yield from _resume(work, frame, differs)), opening


def _resume(work: Work, frame: Frame, differs: Differs) -> Flow[Result]:
    """Keep the answers before the first difference, and continue from there."""
    dialog, position = differs.dialog, differs.mismatch.position
    run = make_run(work, dialog, frame)
    run.replay(differs.records[:position])
    if isinstance(run.at, Raised) and not isinstance(run.at.error, Signal):
        # There is nothing to continue with: park it as it is, for code that fits.
        return Broke(run.at.error)
    work.draft.say(work.rules.texts.changed)
    if position < len(differs.records):
        work.doc.append(Rewind(position, "resume"))
    if not (isinstance(run.at, Wait) and run.at.prompt is None):
        # It was delivered when it was said; a question that consists of it is asked once more.
        run.chat.begin_turn()
    run.chat.requests = ()  # these were carried out with that turn
    work.went_back = True
    frame.code = code_of(dialog)
    frame.version = dialog.version
    return (yield from go_on(work, run, frame))

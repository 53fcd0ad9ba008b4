"""The fast path: run the dialog first, commit after."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from wechat_dialog.core.dialog.registered import RegisteredDialog
from wechat_dialog.core.store.values import (
    Answered,
    Claimed,
    Committed,
    Conflict,
    Running,
    Unclaimed,
)
from wechat_dialog.core.turn.committing import (
    commit_turn,
    conclude,
    due_now,
    finished,
    pushing,
)
from wechat_dialog.core.turn.dispatch import handle
from wechat_dialog.core.turn.job import (
    PASSES,
    Job,
    drop,
    guarded,
    keep_live,
    leave,
    update_document,
)
from wechat_dialog.core.turn.operations import Checkpoint, Commit, Flow, Operation, Pause
from wechat_dialog.core.turn.outcome import Outcome
from wechat_dialog.core.turn.settings import Settings, dialog_of
from wechat_dialog.core.turn.work import Work
from wechat_dialog.errors import ClaimLost
from wechat_dialog.replies.stored import encode_reply

__all__ = ["is_ready", "run_unclaimed"]


def is_ready(job: Job) -> bool:
    """Whether a live dialog is at hand that may run before the turn is claimed."""
    run = job.doc.run
    if run is None or job.doc.revision == 0 or job.doc.beside.mail:
        return False
    return _may_run(job.settings, run.dialog)


def _may_run(settings: Settings, dialog: RegisteredDialog) -> bool:
    """Whether a dialog may use the fast path."""
    return dialog.pure and dialog.name not in settings.blocking


def run_unclaimed(job: Job) -> Generator[Operation, Any, Outcome | Claimed | Answered | None]:
    """Run the dialog first and commit after; read before, if there is no live dialog, or if it is
    likely to be out of date. See "A turn on the fast path takes no claim" in docs/architecture.md.

    Returns:
        The outcome; or the answer that the message had already; or the claim, which the store
        grants if a read without one is not enough; or None if the turn has to start over with a
        claim.
    """
    staleness = job.settings.staleness
    if job.doc.run is not None and not staleness.often:
        ended = yield from _run_live(job)
        if not isinstance(ended, Conflict):
            if ended is not None:
                staleness.note(behind=False)
            return ended
        staleness.note(behind=True)  # or somebody has a claim, or it has expired: less often
    result = yield from _run_read(job)
    return None if isinstance(result, Conflict) else result


def _run_read(
    job: Job,
) -> Generator[Operation, Any, Outcome | Claimed | Answered | Conflict | None]:
    """Read without a claim, if no other worker is active, and replay the dialog, or what a live one
    lacks; then continue as if it had been up to date.

    Returns:
        See `run_unclaimed`; or `Conflict`.
    """
    # A live dialog hardly ever turns out to be gone, so its routes are not asked.
    absent, begins = _may_begin(job) if job.doc.run is None else (False, "")
    answer = yield job.claim(optimistic=True, absent=absent)
    if isinstance(answer, Unclaimed):
        if job.doc.run is not None:
            job.settings.staleness.note(behind=answer.revision != job.doc.revision)
        update_document(job, answer)
        if job.notes is not None:
            job.notes.reads(len(answer.records), live=job.doc.run is not None)
        top = job.doc.top
        if top is None:
            goes_on = absent
        else:
            dialog = dialog_of(job.settings.rules.routes, top)
            goes_on = dialog is not None and _may_run(job.settings, dialog)
        if not goes_on or job.doc.cut_off:
            return None
        return (yield from _run_live(job, begins))
    job.counted = True
    if isinstance(answer, Running):
        pause = job.settings.poll
        if (yield Pause(pause, answer.copies, answer.since, job.user, job.key, answer.key)):
            return (yield from leave(job))
        return None
    return answer  # type: ignore[no-any-return]


def _may_begin(job: Job) -> tuple[bool, str]:
    """Return whether the message of a user without a conversation may be handled without a claim,
    and the name of the dialog that it begins then; "" if it begins none.
    """
    match = next(job.settings.rules.routes.matches(job.message), None)
    if match is None:
        return True, ""
    dialog = match.route.dialog
    return dialog.waits and _may_run(job.settings, dialog), dialog.name


def _run_live(
    job: Job, begins: str = ""
) -> Generator[Operation, Any, Outcome | Answered | Conflict | None]:
    """Run the dialog, and commit. Without a conversation, the message begins the dialog `begins`.

    Returns:
        See `run_unclaimed`; or `Conflict`: the document was out of date, or somebody has a claim.
    """
    doc, top = job.doc, job.doc.top
    expected, looked, limit = doc.revision, 0 if doc.revision else doc.now, doc.max_age
    if limit is not None and doc.age > limit:
        if any(frame.rivals for frame in doc.head.stack):
            return None  # first handle the time limit or signal that ended a wait on the stack
        limit = None  # already passed, and still passed when the store compares it
    work = job.work()
    flow = finished(job, work, handle(work))
    try:
        op = next(flow)
    except StopIteration:
        pass
    except PASSES:
        raise
    except Exception:  # noqa: BLE001 - it fails again under a claim, and is parked then
        drop(job)
        return None
    else:
        return (yield from _claim_for_step(job, work, flow, op, expected, limit))
    try:
        reply = work.draft.reply(job.message.created, job.key)
        write, remembered = doc.write(job.arrived, grace=job.grace), encode_reply(reply)
    except Exception:  # noqa: BLE001 - likewise
        drop(job)
        return None
    committed = yield Commit(
        job.user, job.key, write, remembered, revision=expected, issued=doc.issued, looked=looked,
        max_age=limit, remember=job.settings.remember,
        ran=begins if top is None else top.dialog,
    )  # fmt: skip
    if isinstance(committed, Committed):
        doc.wrote(write, committed)
        if job.notes is not None:
            work.note_end()
        pushes = pushing(job, replied=reply is not None)
        keep_live(job)
        return Outcome(reply, False, pushes, due_now(job, write, committed))
    drop(job)
    # None if no request listens any more.
    return committed if isinstance(committed, (Answered, Conflict)) else None


def _claim_for_step(
    job: Job,
    work: Work,
    flow: Flow[None],
    op: Operation | Checkpoint,
    expected: int,
    limit: float | None,
) -> Generator[Operation, Any, Outcome | Answered | None]:
    """Claim for an operation of the dialog that needs it; continue only if nothing has changed."""
    claim = yield job.claim(ran_at=expected)
    job.counted = True
    if not isinstance(claim, Claimed):
        flow.close()
        drop(job)
        return claim if isinstance(claim, Answered) else None
    job.fence = claim.fence
    moved = not job.doc.is_of(claim) or claim.pending or claim.untaken or claim.signals
    if moved or (limit is not None and claim.age - claim.since > limit):
        job.settings.staleness.note(behind=claim.revision != expected)
        # The claim did not return what we had, which is now discarded: claim again, for all of it.
        flow.close()
        drop(job)
        return None
    job.take(claim)
    job.doc.is_claimed(claim)
    try:
        return (yield from guarded(job, conclude(job, work, flow, commit_turn, op)))
    except ClaimLost:
        drop(job)
        job.fence = 0
        return None

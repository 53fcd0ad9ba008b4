"""One turn that no message began, run and committed under a claim that is already held: the
firing's own, or that of a message whose user's stack is due.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import msgspec

from wechat_dialog.core.store.times import Due
from wechat_dialog.core.store.values import Committed, Write
from wechat_dialog.core.turn.committing import due_now, perform
from wechat_dialog.core.turn.firing import (
    FIRING,
    NotOurs,
    Unfit,
    cause_of_cut_off,
    consume_and_park,
    conversation_of,
    finish_firing,
    key_of,
    take_up,
)
from wechat_dialog.core.turn.job import PASSES, Job
from wechat_dialog.core.turn.operations import Commit, Flow, Operation
from wechat_dialog.core.turn.reaching import may_reach, note_push, owe, reach
from wechat_dialog.core.turn.requested import begun
from wechat_dialog.core.turn.waking import Thing
from wechat_dialog.core.turn.work import Work
from wechat_dialog.replies.stored import encode_reply

__all__ = ["commit_firing", "do_thing", "finish_cut_off"]

ANY = 1
"""Stands for the due time of an index entry that is not at hand."""


def do_thing(
    job: Job,
    thing: Thing,
    *,
    killer: Exception | None = None,
    posted: int = 0,
    fires: Due | None = None,
) -> Generator[Operation, Any, Due | None]:
    """Do something that is due.

    Args:
        job: The request that holds the claim.
        thing: What is due.
        killer: The error to park its conversation with; None: it is continued.
        posted: See `Work.posted`.
        fires: The index entry for which the claim was taken; None: a message's turn continues under
            the claim.

    Returns:
        See `commit_firing`.

    Raises:
        NotOurs: It is for a process with other code; nothing was done.
        Unfit: See there; nothing was done.
    """
    work = _work(job, key_of(job.doc, thing))
    work.posted = posted
    if job.notes is not None:
        work.notes = job.notes
        late = max(job.doc.now - thing.at, 0) / 1000
        frame = conversation_of(job.doc, thing)
        job.notes.begins(work.key, frame, cause=thing.kind, kind=thing.name, late=late)
    flow = take_up(work, thing) if killer is None else consume_and_park(work, thing, killer)
    try:
        return (yield from _conclude(job, work, flow, thing, fires))
    except (NotOurs, Unfit):
        job.doc = job.doc.as_stored()
        if job.notes is not None:
            job.notes.is_undone()
        raise


def finish_cut_off(
    job: Job, killer: Exception | None, fires: Due | None = None
) -> Generator[Operation, Any, Due | None]:
    """Finish a firing's turn that was cut off; see `do_thing`."""
    work = _work(job, job.doc.head.key)
    if job.notes is not None:
        work.notes = job.notes
        cause, kind = cause_of_cut_off(job.doc)
        job.notes.begins(work.key, job.doc.top, cause=cause, kind=kind, recovered=True)
    flow = finish_firing(work, killer, patient=fires is not None)
    return (yield from _conclude(job, work, flow, None, fires))


def _work(job: Job, key: str) -> Work:
    head, now = job.doc.head, job.doc.now
    work = Work.of(job.settings.rules, job.doc, begun(head.account, head.user, now), key, now)
    work.goes_on_outside()
    return work


def _conclude(
    job: Job, work: Work, flow: Flow[None], thing: Thing | None, fires: Due | None
) -> Generator[Operation, Any, Due | None]:
    """Run the flow and commit. If it fails in a way that the dialog itself cannot, park the
    conversation, starting again from the stored document.
    """
    try:
        yield from perform(job, work, flow)
        return (yield from commit_firing(job, work, fires))
    except (*PASSES, NotOurs, Unfit):
        raise
    except Exception as error:  # noqa: BLE001 - an author's code can break anywhere
        job.doc = job.doc.as_stored()
        retry = work.on(job.doc)
        if job.doc.cut_off or thing is None:
            flow = finish_firing(retry, error)
        else:
            flow = consume_and_park(retry, thing, error)
    yield from perform(job, retry, flow)
    return (yield from commit_firing(job, retry, fires))


def commit_firing(
    job: Job, work: Work | None, fires: Due | None
) -> Generator[Operation, Any, Due | None]:
    """Commit the turn, and deliver to the user what it says.

    Args:
        job: The request that holds the claim.
        work: The work; None: nothing was due.
        fires: See `do_thing`; if given, the claim is released.

    Returns:
        What else is due at once; None if nothing is.
    """
    says = work is not None and work.draft.says_anything
    if work is not None:
        owe(work)
        job.doc.head.deaths = 0
    reaches = fires is not None and work is not None and may_reach(job)
    if reaches:
        note_push(job.doc)
    write, committed = yield from _commit(job, fires, release=fires is not None and not reaches)
    if work is not None:
        work.note_end(says=says)
        job.settle(work.key)
    if reaches and work is not None:
        question_asked = yield from reach(job, work.on(job.doc))
        mail = committed.mail
        if question_asked:
            write, committed = yield from _commit_question(job, work)
        else:
            write, committed = yield from _commit(job, fires, release=True)
        committed = msgspec.structs.replace(committed, mail=mail or committed.mail)
    return due_now(job, write, committed)


def _commit_question(job: Job, work: Work) -> Generator[Operation, Any, tuple[Write, Committed]]:
    """Commit that a question was asked: no other was pending, and its age begins now."""
    doc = job.doc
    write = doc.write(doc.now, grace=job.grace)
    committed: Committed = yield Commit(
        job.user, f"{work.key}:asks", write, encode_reply(None), fence=job.fence, deferred=True,
        remember=0.0,
    )  # fmt: skip
    doc.wrote(write, committed)
    return write, committed


def _commit(
    job: Job, fires: Due | None, *, release: bool
) -> Generator[Operation, Any, tuple[Write, Committed]]:
    doc = job.doc
    write = doc.write(doc.now, grace=job.grace, fires=True)
    committed: Committed = yield Commit(
        job.user, FIRING, write, encode_reply(None), fence=job.fence, deferred=True,
        release=release, fires=fires or Due(job.user, ANY),
    )  # fmt: skip
    doc.wrote(write, committed, fires=True)
    return write, committed

"""From a message to its commit: performs the operations of its flow, turns checkpoints into writes,
and commits at the end; an error on the way parks the message.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar, cast

import msgspec

from wechat_dialog.core.replay.header import Frame
from wechat_dialog.core.store.times import Due
from wechat_dialog.core.store.values import Committed, Deferred, Write
from wechat_dialog.core.turn.cut_off import finish, park_message
from wechat_dialog.core.turn.events import forget_who_left
from wechat_dialog.core.turn.held import is_pushable
from wechat_dialog.core.turn.job import PASSES, Job, keep_live
from wechat_dialog.core.turn.operations import (
    NEEDS_CLAIM,
    Checkpoint,
    Commit,
    Flow,
    Operation,
    RecordWrite,
    Review,
    RunStep,
    RunSteps,
    StepOutcome,
)
from wechat_dialog.core.turn.outcome import Outcome, Transaction
from wechat_dialog.core.turn.page import complete, is_short, shorten
from wechat_dialog.core.turn.push import push
from wechat_dialog.core.turn.reviewing import review
from wechat_dialog.core.turn.stack import give_up
from wechat_dialog.core.turn.waiting_text import too_late
from wechat_dialog.core.turn.work import Work
from wechat_dialog.errors import StoreError, TurnTooLong
from wechat_dialog.replies.stored import encode_reply

__all__ = ["commit_turn", "conclude", "due_now", "finished", "perform", "pushing"]

T = TypeVar("T")


def conclude(
    job: Job,
    work: Work,
    flow: Flow[None],
    commit: Callable[[Job, Work], Generator[Operation, Any, T]],
    op: Operation | Checkpoint | None = None,
) -> Generator[Operation, Any, T]:
    """Handle a message and commit the result. If that fails, park the message instead, starting
    again from the stored document: the changes in memory may be what failed.

    Args:
        job: The request.
        work: The message.
        flow: Handles the message.
        commit: Commits it.
        op: The flow's first operation, if it was taken from the flow already.
    """
    try:
        yield from perform(job, work, flow, op)
        return (yield from commit(job, work))
    except PASSES:
        raise
    except Exception as error:  # noqa: BLE001 - an author's code can break anywhere
        stack = job.doc.head.stack
        job.doc = job.doc.as_stored()
        retry = work.on(job.doc)
        if job.doc.cut_off:
            flow = finish(retry, error)
        else:
            flow = park_message(retry, error, _began(stack, job.doc.head.stack))
    yield from perform(job, retry, flow)
    return (yield from commit(job, retry))


def _began(stack: Sequence[Frame], stored: Sequence[Frame]) -> Frame | None:
    """Return the conversation on top, if it was begun on top of all that is stored."""
    ids = [frame.id for frame in stack]
    below = [frame.id for frame in stored]
    return stack[-1] if len(ids) > len(below) and ids[: len(below)] == below else None


def perform(
    job: Job, work: Work, flow: Flow[None], op: Operation | Checkpoint | None = None
) -> Generator[Operation, Any, None]:
    """Yield a flow's operations; if the turn takes too long, those that park its conversation.

    Args:
        job: The request.
        work: The message.
        flow: Handles the message; if `op` is given, the flow is already wrapped by `finished`.
        op: See `conclude`.
    """
    try:
        begun = finished(job, work, flow) if op is None else flow
        yield from _yield_operations(job, work, begun, op)
    except TurnTooLong as error:
        yield from _yield_operations(job, work, finished(job, work, _give_up(work, error)))


def _give_up(work: Work, error: TurnTooLong) -> Flow[None]:
    yield from give_up(work, error)
    forget_who_left(work, work.message)


def finished(job: Job, work: Work, flow: Flow[None]) -> Flow[None]:
    """Return the flow, followed by the bot's review and its answer page, if it has them."""
    rules = work.rules
    if rules.review is None and rules.pages is None:
        return flow
    return _finished(job, work, flow)


def _finished(job: Job, work: Work, flow: Flow[None]) -> Flow[None]:
    yield from flow
    rules = work.rules
    if rules.review is not None:
        yield from review(work)
    # A turn that no message began is read with the user's next one: a page has expired by then.
    if rules.pages is not None and not work.outside and not is_short(work.draft):
        yield from shorten(job, work)


def _yield_operations(
    job: Job, work: Work, flow: Flow[None], op: Operation | Checkpoint | None = None
) -> Generator[Operation, Any, None]:
    """Yield a flow's operations, with checkpoints turned into writes."""
    result: Any = None
    ended: list[str] = []  # idempotency keys of steps whose outcomes the next write records
    slots: dict[int, str] = {}  # these keys by slot, of the steps that were called last
    parted: dict[str, str] = {}  # by these keys, the store's ids of steps that have parts
    while True:
        if op is None:
            try:
                op = flow.send(result)
            except StopIteration:
                return
        if op is NEEDS_CLAIM:
            result = None
        elif isinstance(op, Checkpoint):
            work.note_progress()
            fires = work.outside
            write = job.doc.write(
                job.arrived, grace=job.grace, unfinished=work.key, fires=fires, due=job.due
            )
            if parted:
                of_steps = tuple(parted.pop(key) for key in ended if key in parted)
                write = msgspec.structs.replace(write, ended=of_steps)
            committed = yield RecordWrite(job.user, job.fence, write)
            job.doc.wrote(write, committed, fires=fires)
            job.settings.outcomes.recorded(job.user, ended)
            job.unrecorded.difference_update(ended)
            ended = []
            result = None
        elif isinstance(op, Review):
            result = yield from _ask_reviewer(op)
        elif isinstance(op, (RunStep, RunSteps)):
            op = _with_claim(job, op, parted)
            result = yield from _call(job, op, slots)
            ended.append(slots[result.slot])
        else:
            result = yield op
        op = None


def _ask_reviewer(op: Review) -> Generator[Operation, Any, StepOutcome]:
    """Ask a bot's reviewer. If it takes too long, the dialog is not to blame."""
    try:
        return (yield op)  # type: ignore[no-any-return]
    except TurnTooLong as error:
        return StepOutcome(op.slot, error=error)


def _with_claim(job: Job, op: RunStep | RunSteps, parted: dict[str, str]) -> RunStep | RunSteps:
    """Let the parts of steps be stored under the claim; `parted` gets the store's id of each such
    step, by its key.
    """
    if isinstance(op, RunSteps):
        steps = tuple([cast("RunStep", _with_claim(job, step, parted)) for step in op.steps])
        return RunSteps(steps)
    if op.parts is None:
        return op
    parted[op.key] = op.parts.step
    parts = dataclasses.replace(op.parts, user=job.user, fence=job.fence)
    return msgspec.structs.replace(op, parts=parts)


def _call(
    job: Job, op: RunStep | RunSteps, slots: dict[int, str]
) -> Generator[Operation, Any, StepOutcome]:
    """Run steps, and note them as not yet recorded; `slots` gets their keys."""
    steps = op.steps if isinstance(op, RunSteps) else (op,)
    slots.update({step.slot: step.key for step in steps})
    try:
        outcome: StepOutcome = yield op
    except Exception:
        # Some may have been called, and may still be running.
        under_way = job.settings.outcomes.keys(job.user)
        job.unrecorded.update(key for key in slots.values() if key in under_way)
        raise
    job.unrecorded.update(step.key for step in steps)
    return outcome


def commit_turn(job: Job, work: Work) -> Transaction:
    """Commit under the claim; if no request listens any more, with the answer held."""
    reply = None if job.deferred else work.draft.reply(job.message.created, job.key)
    while True:
        if job.deferred:
            page = yield from complete(job, work)
            work.draft.owe()
            reply = too_late(job.settings.rules, page)
        write = job.doc.write(job.arrived, grace=job.grace)
        committed: Committed | Deferred = yield Commit(
            job.user, job.key, write, encode_reply(reply), fence=job.fence, deferred=job.deferred,
            remember=job.settings.remember,
        )  # fmt: skip
        if isinstance(committed, Committed):
            job.doc.wrote(write, committed)
            work.note_end()
            job.settle(job.key)
            pushes = pushing(job, replied=reply is not None)
            keep_live(job)
            return Outcome(reply, job.deferred, pushes, due_now(job, write, committed))
        if job.deferred:
            raise StoreError("the store defers a commit that says so itself; see `Store.commit`")
        job.deferred = True
        work.draft.take_back()


def due_now(job: Job, write: Write, committed: Committed) -> Due | None:
    """Return what a commit leaves due at once; None if nothing is."""
    if write.wake is None and not committed.mail:
        return None  # nearly always
    account = job.doc.head.account
    if committed.mail:
        return Due(job.user, max(committed.now, 1), account=account)
    wake = write.wake
    if wake is None or wake.at > committed.now:
        return None
    return Due(job.user, wake.at, account=account)


def pushing(job: Job, *, replied: bool) -> Generator[Operation, Any, None] | None:
    """Return the flow that pushes the held parts; None if there are none or the account may not."""
    rules = job.settings.rules
    if not (rules.may_push and job.doc.head.held and is_pushable(job.doc.head)):
        return None
    return push(
        rules, job.user, job.message, f"push:{job.key}", job.arrived, lease=job.settings.lease,
        poll=job.settings.poll, replied=replied,
        created=job.message.created if job.stores_message else 0,
    )  # fmt: skip

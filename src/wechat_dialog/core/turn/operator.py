"""What an operator does with a user's conversations, as transactions."""

from __future__ import annotations

import logging
from collections.abc import Callable

from wechat_dialog.core.logs import report
from wechat_dialog.core.replay.header import ParkedConversation
from wechat_dialog.core.store.values import Claimed
from wechat_dialog.core.turn import resuming
from wechat_dialog.core.turn.committing import due_now, perform, pushing
from wechat_dialog.core.turn.ending import STACK_ONLY, kill, take_all_away
from wechat_dialog.core.turn.job import (
    PASSES,
    Job,
    drop,
    fresh_document,
    update_document,
)
from wechat_dialog.core.turn.notes import Notes
from wechat_dialog.core.turn.operations import NEEDS_CLAIM, Commit, Flow, Show
from wechat_dialog.core.turn.outcome import Outcome, Transaction
from wechat_dialog.core.turn.outside import fire
from wechat_dialog.core.turn.requested import end_aside
from wechat_dialog.core.turn.settings import Settings
from wechat_dialog.core.turn.step_records import resume_key
from wechat_dialog.core.turn.transaction import catch_up, persistently
from wechat_dialog.core.turn.work import Work
from wechat_dialog.errors import NewerJournal, NotParked, StoreError
from wechat_dialog.messages import Message
from wechat_dialog.replies.stored import encode_reply

__all__ = ["end", "end_one_aside", "resume"]

ROUNDS = 25
"""How many due things of a user are done at most before the one that an operator ends."""


# For the operator ---------------------------------------------------------------------------------


def resume(
    settings: Settings,
    user: str,
    parked: ParkedConversation,
    message: Message,
    arrived: int,
    notes: Notes | None = None,
) -> Transaction:
    """Resume a parked conversation; its answer is owed to the user's next message.

    Args:
        settings: The bot's settings for turns.
        user: The user's key in the store.
        parked: The conversation.
        message: Stands for the user until the conversation's own message is restored.
        arrived: Now, ms since the epoch.
        notes: Notes for the turn's report; None: nobody wants one.

    Raises:
        NotParked: It is not there any more; the copy at hand must not be written back.
    """
    job = _job(settings, user, message, resume_key(parked), arrived, notes)
    return (yield from _operate(job, lambda work: _resume(work, user, parked), owed=True))


def _resume(work: Work, user: str, parked: ParkedConversation) -> Flow[None]:
    """Resume a parked conversation, unless it has been removed in the meantime."""
    shown = yield Show(user)
    if shown is None or parked.frame.id not in shown.parked:
        raise NotParked(parked.frame.id)
    work.note_conversation(parked.frame)
    yield from resuming.resume(work, parked)


def end(
    settings: Settings,
    user: str,
    message: Message,
    arrived: int,
    notes: Notes | None = None,
    *,
    stack_only: bool = False,
) -> Transaction:
    """End a user's conversations, clean-up steps included; nothing is said.

    A conversation that cannot be ended like this, because it cannot be read or fails outside its
    dialog, is removed without clean-up.

    Args:
        settings: The bot's settings for turns.
        user: The user's key in the store.
        message: Stands for the user.
        arrived: Now, ms since the epoch.
        notes: See `resume`.
        stack_only: Whether conversations aside stay.
    """
    key = f"{STACK_ONLY if stack_only else 'end:'}{arrived}"
    job = _job(settings, user, message, key, arrived, notes)
    return (yield from _operate(job, kill, owed=False, force=True))


def end_one_aside(
    settings: Settings,
    user: str,
    id: str,
    message: Message,
    arrived: int,
    notes: Notes | None = None,
) -> Transaction:
    """End a conversation that is aside, clean-up steps included, in a turn of its own.

    Args:
        settings: The bot's settings for turns.
        user: The user's key in the store.
        id: The conversation's id; it may have ended in the meantime.
        message: Stands for the user.
        arrived: Now, ms since the epoch.
        notes: See `resume`.
    """
    job = _job(settings, user, message, f"end:{id}:{arrived}", arrived, notes)
    outcome = yield from _operate(job, lambda work: _tell_to_end(work, id), owed=False)
    due, rounds = outcome.again, ROUNDS
    while due is not None and rounds:
        rounds -= 1
        fired = yield from fire(settings, due, message.account, message.user, notes=notes)
        due = fired.again
    return outcome


def _tell_to_end(work: Work, id: str) -> Flow[None]:
    yield NEEDS_CLAIM
    for note in list(work.doc.head.aside):
        if note.id == id:
            end_aside(work.doc, note)


def _job(
    settings: Settings, user: str, message: Message, key: str, arrived: int, notes: Notes | None
) -> Job:
    return Job(
        settings, user, message, key, arrived, fresh_document(message), stores_message=False,
        notes=notes,
    )  # fmt: skip


def _operate(
    job: Job, act: Callable[[Work], Flow[None]], *, owed: bool, force: bool = False
) -> Transaction:
    def under_claim(claimed: Claimed) -> Transaction:
        return _operated(job, claimed, act, owed=owed, force=force)

    return (yield from persistently(job, under_claim))


def _operated(
    job: Job, claimed: Claimed, act: Callable[[Work], Flow[None]], *, owed: bool, force: bool
) -> Transaction:
    job.fence, job.deferred = claimed.fence, owed
    try:
        update_document(job, claimed)
    except NewerJournal:
        raise
    except StoreError:
        if not force:
            raise
        job.doc.discard_unreadable(claimed)
    # Each under the key of its own message, since copies of that message may still arrive.
    outcome = yield from catch_up(job, claimed)
    if outcome is not None:
        return outcome
    work = job.work()
    try:
        yield from perform(job, work, act(work))
    except PASSES:
        raise
    except Exception as error:
        if not force:
            raise
        report(logging.ERROR, "user %s: ended without its clean-up", job.message.user, error=error)
        job.doc = job.doc.as_stored()
        work = job.work()
        take_all_away(job.doc)
    parts = work.draft.whole()
    if not owed:
        work.draft.hush()
    says = work.draft.says_anything
    work.draft.owe()
    write = job.doc.write(job.arrived, grace=job.grace)
    committed = yield Commit(
        job.user, job.key, write, encode_reply(None), fence=job.fence, deferred=True
    )
    job.doc.wrote(write, committed)
    work.note_end(says=says)
    job.settle(work.key)
    pushes = pushing(job, replied=False)
    drop(job)
    again = due_now(job, write, committed)
    return Outcome(parts[0] if parts else None, owed, pushes, again)

"""An operator's hand in a user's conversations, as transactions."""

from __future__ import annotations

import logging
from collections.abc import Callable

from wechat_dialog.core.logs import report
from wechat_dialog.core.replay.header import ParkedConversation
from wechat_dialog.core.store.values import Claimed
from wechat_dialog.core.turn import resuming
from wechat_dialog.core.turn.committing import perform, pushing
from wechat_dialog.core.turn.ending import kill, take_all_away
from wechat_dialog.core.turn.job import (
    PASSES,
    Job,
    drop,
    fresh_document,
    update_document,
)
from wechat_dialog.core.turn.operations import Commit, Flow, Show
from wechat_dialog.core.turn.outcome import Outcome, Transaction
from wechat_dialog.core.turn.settings import Settings
from wechat_dialog.core.turn.transaction import catch_up, persistently
from wechat_dialog.core.turn.work import Work
from wechat_dialog.errors import NewerJournal, NotParked, StoreError
from wechat_dialog.messages import Message
from wechat_dialog.replies.stored import encode_reply

__all__ = ["end", "resume"]


# For the operator ---------------------------------------------------------------------------------


def resume(
    settings: Settings, user: str, parked: ParkedConversation, message: Message, arrived: int
) -> Transaction:
    """Take a parked conversation up again; its answer is owed to the user's next message.

    Args:
        settings: How.
        user: The user's key in the store.
        parked: The conversation.
        message: Stands for the user until the conversation's own message is rebuilt.
        arrived: Now, ms since the epoch.

    Raises:
        NotParked: It is there no longer; what is in hand of it must not be written back.
    """
    # Of this parking: what breaks and is parked again may be taken up again at once.
    key = f"resume:{parked.frame.id}:{parked.parked}"
    job = Job(settings, user, message, key, arrived, fresh_document(message), kept=False)
    return (yield from _operate(job, lambda work: _resume(work, user, parked), owed=True))


def _resume(work: Work, user: str, parked: ParkedConversation) -> Flow[None]:
    """Take a parked conversation up again, unless it is gone by now."""
    shown = yield Show(user)
    if shown is None or parked.frame.id not in shown.parked:
        raise NotParked(parked.frame.id)
    yield from resuming.resume(work, parked)


def end(settings: Settings, user: str, message: Message, arrived: int) -> Transaction:
    """End a user's running conversations, their clean-up steps included; nothing is said.

    What cannot be ended so, because it cannot be read or breaks in another way than its dialog can,
    is taken away as it is.
    """
    job = Job(
        settings, user, message, f"end:{arrived}", arrived, fresh_document(message), kept=False
    )
    return (yield from _operate(job, kill, owed=False, force=True))


def _operate(
    job: Job, what: Callable[[Work], Flow[None]], *, owed: bool, force: bool = False
) -> Transaction:
    def under_claim(claimed: Claimed) -> Transaction:
        return _operated(job, claimed, what, owed=owed, force=force)

    return (yield from persistently(job, under_claim))


def _operated(
    job: Job, claimed: Claimed, what: Callable[[Work], Flow[None]], *, owed: bool, force: bool
) -> Transaction:
    job.fence, job.deferred = claimed.fence, owed
    try:
        update_document(job, claimed)
    except NewerJournal:
        raise
    except StoreError:
        if not force:
            raise
        job.doc.give_up(claimed)
    # Each under its own message's key, which a copy may still ask for.
    outcome = yield from catch_up(job, claimed)
    if outcome is not None:
        return outcome
    work = job.work()
    try:
        yield from perform(job, work, what(work))
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
    work.draft.owe()
    write = job.doc.write(job.arrived, grace=job.grace)
    committed = yield Commit(
        job.user, job.key, write, encode_reply(None), fence=job.fence, deferred=True
    )
    job.doc.wrote(write, committed)
    job.settle(work.key)
    then = pushing(job, replied=False)
    drop(job)
    return Outcome(parts[0] if parts else None, owed, then)

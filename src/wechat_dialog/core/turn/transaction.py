"""One message's transaction: claim, replay, continue, commit; as a generator of operations.

There are two ways. The *fast path* runs the dialog first and commits afterwards, provided that
nobody changed the conversation meanwhile: in one round trip if the dialog is live, in two if the
journal, or the rest of it, has to be read and replayed. It is for dialogs that are pure between
their waits. Everything else *claims* first. A turn that loses its claim has written nothing since,
starts over, and finds what the new holder wrote.

Nothing here performs an operation, reads a clock or knows a store: `runtime/drive.py` performs the
operations and sends their results in.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import msgspec

from wechat_dialog.core.logs import log
from wechat_dialog.core.store.values import Answered, Claimed, Pending
from wechat_dialog.core.turn.committing import commit_turn, conclude
from wechat_dialog.core.turn.cut_off import finish, park_message
from wechat_dialog.core.turn.dispatch import handle
from wechat_dialog.core.turn.fast_path import is_ready, run_unclaimed
from wechat_dialog.core.turn.firing import FIRING, NotOurs, forget_the_expired, is_firing
from wechat_dialog.core.turn.firing_turn import do_thing, finish_cut_off
from wechat_dialog.core.turn.forgotten import MayBeAnswered
from wechat_dialog.core.turn.job import (
    Job,
    claim_turn,
    drop,
    fresh_document,
    guarded,
    update_document,
)
from wechat_dialog.core.turn.notes import Notes
from wechat_dialog.core.turn.outcome import Outcome, Transaction
from wechat_dialog.core.turn.page import complete
from wechat_dialog.core.turn.pending import decode_pending
from wechat_dialog.core.turn.settings import Settings
from wechat_dialog.core.turn.waking import things
from wechat_dialog.core.turn.work import Work
from wechat_dialog.errors import (
    ClaimLost,
    DecryptionFailed,
    StoreError,
    WorkerDied,
)
from wechat_dialog.messages import Message
from wechat_dialog.replies.stored import decode_reply, encode_reply

from .operations import (
    Commit,
    Operation,
    Pause,
    Release,
)

__all__ = ["DEATHS", "catch_up", "persistently", "turn"]

DEATHS = 3
"""How many workers may die in one turn, one after another, before its conversation is parked: as
many as the platform makes requests, so that the user's next message is answered.
"""

RESTARTS = 5
"""How often a turn that lost its claim starts over before it gives up."""

PERSISTENCE = 60.0
"""Seconds that a turn with an outcome in hand waits in total for a failing store before it gives
up; the outcome then stays in hand, and the message in the store, for the user's next message.
"""

LONGEST_PAUSE = 1.0
"""Longest pause between two attempts, in seconds."""


def turn(
    settings: Settings, user: str, message: Message, key: str, arrived: int, *,
    arrives: bool = True, notes: Notes | None = None,
) -> Transaction:  # fmt: skip
    """Answer one message.

    Args:
        settings: The bot's settings for turns.
        user: The user's key in the store.
        message: The message.
        key: Its key; see `keys.message_key`.
        arrived: When it arrived, ms since the epoch.
        arrives: False if the store has counted this request already, in an attempt that failed.
        notes: Notes for the turn's report; None: nobody wants one.

    Returns:
        A generator of operations whose return value is the `Outcome`.

    Raises:
        StoreError: The store failed; thrown in by the driver, and raised again after the claim was
            released.
    """
    live = settings.cache.take(user) if settings.cache is not None else None
    doc = fresh_document(message) if live is None else live
    job = Job(settings, user, message, key, arrived, doc, counted=not arrives, notes=notes)
    claimed: Claimed | Answered | Outcome | None = None
    try:
        if settings.fast and (live is None or is_ready(job)):
            try:
                claimed = yield from run_unclaimed(job)
            except StoreError:
                if not job.unrecorded:
                    raise
                drop(job)
                yield Pause(settings.poll, 0, 0.0, failing=True)
            else:
                if isinstance(claimed, Outcome):
                    return claimed
                # It was claimed or answered meanwhile; or None: start over with a claim.
        return (yield from persistently(job, lambda claim: _claimed(job, claim), claimed))
    except MayBeAnswered as late:
        log.warning(
            "user %s: a message that was read %.0f s ago may have been answered since, and is not "
            "handled: was this process stopped?", user, late.seconds,
        )  # fmt: skip
        return (yield from _let_go(job, late.fence))


def persistently(
    job: Job,
    under_claim: Callable[[Claimed], Transaction],
    claimed: Claimed | Answered | Outcome | None = None,
) -> Transaction:
    """Run a transaction under a claim, and start over if the claim is lost; or if the store fails
    and a step has run that is not recorded: the process that has its outcome should continue.

    A write whose acknowledgement was lost may have been applied, so it is not repeated: a new
    claim, which replaces the old one, returns what the journal contains, and fences off writes
    still on their way.

    Args:
        job: The message.
        under_claim: The transaction.
        claimed: The claim, or the answer, if it is known already.
    """
    restarts, patience, pause = RESTARTS, PERSISTENCE, job.settings.poll
    while True:
        try:
            if claimed is None:
                claimed = yield from claim_turn(job)
            if isinstance(claimed, Outcome):
                return claimed
            if isinstance(claimed, Answered):
                job.settle(job.key)
                return Outcome(decode_reply(claimed.reply))
            return (yield from guarded(job, under_claim(claimed)))
        except ClaimLost:
            restarts -= 1
            if not restarts:
                raise ClaimLost(
                    f"the claim was lost {RESTARTS} times in a row; "
                    "is a worker stopped for longer than its lease?"
                ) from None
            job.fence = 0
        except StoreError:
            if not job.unrecorded or patience <= 0.0:
                raise
            patience -= pause
            yield Pause(pause, 0, 0.0, failing=True)
            pause = min(pause * 2, LONGEST_PAUSE)
        claimed = None
        drop(job)


def _claimed(job: Job, claimed: Claimed) -> Transaction:
    if job.is_over(claimed):
        return (yield from _let_go(job, claimed.fence))
    job.take(claimed)
    update_document(job, claimed)
    outcome = yield from catch_up(job, claimed)
    if outcome is not None:
        return outcome
    job.doc.as_old_as_when_asked(claimed.since)
    yield from _fire_own_stack(job, claimed.since)
    work = job.work()
    return (yield from conclude(job, work, handle(work), commit_turn))


def _fire_own_stack(job: Job, since: float) -> Generator[Operation, Any, None]:
    """First do what ended the wait of the top conversation before the message came, by the store's
    clock: the message does not answer that wait any more. Conversations aside do not matter to it.

    Args:
        job: The message.
        since: Seconds since the message was first seen.
    """
    doc = job.doc
    forget_the_expired(doc)
    first_seen = doc.now - int(since * 1000)
    while (top := doc.top) is not None and top.rivals:
        due = things(doc.head, doc.beside, first_seen)
        thing = next((each for each in due if each.id == top.id and each.at <= first_seen), None)
        if thing is None:
            return
        try:
            yield from do_thing(job, thing)
        except NotOurs:
            return  # the message's own turn handles that the code has changed
        finally:
            doc = job.doc


def _let_go(job: Job, fence: int) -> Transaction:
    """Release the claim, if there is one, of a message whose turn has ended."""
    job.settle(job.key)
    drop(job)
    if job.notes is not None:
        job.notes.happened("stale")
    if fence:
        yield Release(job.user, fence)
    return Outcome(None)


def catch_up(job: Job, claimed: Claimed) -> Generator[Operation, Any, Outcome | None]:
    """Finish what earlier messages, whose workers died, left unfinished.

    Returns:
        The outcome, if this very message's turn was one of them.
    """
    # Workers died in what is finished first: it alone is parked, and the rest is tried.
    killer = WorkerDied(claimed.lost) if claimed.lost >= DEATHS else None
    if job.settings.outcomes.holds(job.user):
        killer = None  # claims were lost, but no worker died: the step has ended here
    cut_off = job.doc.head.key if job.doc.cut_off else None
    if cut_off is not None and is_firing(cut_off):
        yield from finish_cut_off(job, killer)
        killer = None
    elif cut_off is not None:
        outcome = yield from _finish(job, claimed, killer)
        if outcome is not None:
            return outcome
        killer = None
    for pending in claimed.pending:
        if pending.key == FIRING and job.key != FIRING:
            # What a dead firing had not begun is still due. The message continues, which resets the
            # store's count of deaths, so the head keeps it.
            job.doc.head.deaths += claimed.lost
        elif pending.key not in (cut_off, FIRING):
            yield from _answer_late(job, pending, killer)
            killer = None
    return None


def _finish(
    job: Job, claimed: Claimed, killer: WorkerDied | None
) -> Generator[Operation, Any, Outcome | None]:
    """Finish the turn that was cut off; returns the outcome if it was this message's."""
    work = job.work()
    if job.notes is not None:
        job.notes.finds_it_begun()
    cut_off = job.doc.head.key
    own = cut_off == job.key
    opened = (job.message, job.arrived) if own else None
    for pending in claimed.pending:
        if pending.key == cut_off:
            opened = _open(job, pending)
    message, arrived = opened or (None, 0)
    flow = finish(work, killer, message, arrived)
    if own:
        return (yield from conclude(job, work, flow, commit_turn))
    yield from conclude(job, work, flow, _commit_earlier)
    return None


def _answer_late(
    job: Job, pending: Pending, killer: WorkerDied | None
) -> Generator[Operation, Any, None]:
    """Answer a message whose user was told to wait, and whose worker died before it did
    anything.
    """
    opened = _open(job, pending)
    if opened is None:
        unread = Work.of(job.settings.rules, job.doc, job.message, pending.key, job.arrived)
        yield from _commit_earlier(job, unread)  # no turn took place: nobody can know its message
        return
    message, arrived = opened
    job.doc.as_old_as_when_asked(pending.since)
    if killer is None:
        yield from _fire_own_stack(job, pending.since)
    work = Work.of(job.settings.rules, job.doc, message, pending.key, arrived, now=job.arrived)
    if job.notes is not None:
        work.notes = job.notes
        job.notes.begins(pending.key, job.doc.top, recovered=True)
    flow = handle(work) if killer is None else park_message(work, killer)
    yield from conclude(job, work, flow, _commit_earlier)


def _open(job: Job, pending: Pending) -> tuple[Message, int] | None:
    """Decrypt a stored message, and return it with its arrival; None if it was encrypted with
    another token: it can never be answered, and its user must not be kept waiting for that.
    """
    try:
        return decode_pending(job.settings.rules.seal.open(pending.message))
    except DecryptionFailed:
        log.error(
            "user %s: a message whose worker died was kept under another token or AES key, and "
            "cannot be read; it is not answered", job.message.user,
        )  # fmt: skip
        return None
    except msgspec.DecodeError as error:
        raise StoreError(
            f"the message stored for user {job.user!r} cannot be decoded: {error}"
        ) from error


def _commit_earlier(job: Job, work: Work) -> Generator[Operation, Any, None]:
    """Commit an earlier message's turn under the current claim, and keep the claim."""
    yield from complete(job, work)
    says = work.draft.says_anything
    work.draft.owe()
    write = job.doc.write(job.arrived, grace=job.grace)
    # Its reply comes with the current message's answer, so a late copy of it gets no reply.
    committed = yield Commit(
        job.user, work.key, write, encode_reply(None), fence=job.fence, deferred=True,
        release=False, remember=job.settings.remember,
    )  # fmt: skip
    job.doc.wrote(write, committed)
    work.note_end(says=says)
    job.settle(work.key)

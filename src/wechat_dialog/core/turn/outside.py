"""Turns that no message began, because something is due for a user, a signal came, or a
conversation is to begin; as generators of operations, like `transaction`.

For whoever performs them:

- `fire(settings, due, account, openid)` does one thing that is due for a user, and says whether
  there is more (`Fired.again`): call it again for that, or leave it to a sweep. `due` is an entry
  that `Store.due` returned, or `Fired.again`, `Sent.again`, `Outcome.again`.
- `send(settings, user, account, openid, letter, id)` puts a letter into the mailbox, and runs the
  turn for it if nobody has the claim; it never waits for the claim. `letter` is
  `SignalMail.of(name, data, match)` or `begin_mail(routes, dialog, state)`; both raise on invalid
  values, at the author's line. With `post_only=True` (in a step) the letter is only posted.
- The operations: `Claim` (with `fires`), `RecordWrite`, `Commit` (with `fires`), `Release`,
  `RunStep`, `RunSteps`, `Review`, `Push`, `Pause` (only with `waits=True`), pages, and two that
  occur only here: `PostMail` and `Undue`. No clock is passed in: the store's clock is read at the
  claim.
- After `LONGEST` seconds, `TurnTooLong` is thrown into a firing, as into a message's turn after the
  bot's longest time; its conversation is then parked.
- `settings.rules.may_push` says whether the account may push at this moment. What is said is pushed
  within the transaction, after its commit and under its claim.
- `StoreError` and `ClaimLost` are raised unchanged, with the claim released: what is due stays due.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Literal

import msgspec

from wechat_dialog.core.store.times import Due, Posted
from wechat_dialog.core.store.values import Claimed, Running
from wechat_dialog.core.turn.document import Document
from wechat_dialog.core.turn.firing import FIRING, NotOurs, Unfit, forget_the_expired, is_firing
from wechat_dialog.core.turn.firing_turn import commit_firing, do_thing, finish_cut_off
from wechat_dialog.core.turn.job import Job, guarded, update_document
from wechat_dialog.core.turn.mail import BeginMail, Letter, SignalMail, encode_mail
from wechat_dialog.core.turn.notes import Notes
from wechat_dialog.core.turn.operations import Operation, Pause, PostMail, Release, Undue
from wechat_dialog.core.turn.requested import begun
from wechat_dialog.core.turn.settings import LONGEST_POLL, Settings
from wechat_dialog.core.turn.transaction import DEATHS, catch_up
from wechat_dialog.core.turn.waking import Thing, things
from wechat_dialog.errors import MailboxFull, WorkerDied

__all__ = ["LONGEST", "STANDS_IN_LINE", "Fired", "Sent", "fire", "send"]

MOST = 100
"""How many letters a user's mailbox holds at most."""

ROUNDS = 25
"""How many due things of a user are done at most, before the letter that is being sent."""

LONGEST = 30.0
"""Seconds that such a turn may take; after that its conversation is parked."""

STANDS_IN_LINE = 5.0
"""Seconds of refusals after which `fire` is to be called with `waits=True`, once."""


class Fired(msgspec.Struct, frozen=True):
    """The result of a firing.

    Attributes:
        outcome: "done"; "nothing": nothing was due (the entry was passed to `Store.undue`); "busy":
            another turn has the claim, or a message comes first; "left": what is due is for a
            process with another release.
        again: What else is due for this user at once; None: nothing.
        dialog: Name of the dialog that was continued; "" if none was.
        late: Seconds from the due time to the claim.
    """

    outcome: Literal["done", "nothing", "busy", "left"]
    again: Due | None = None
    dialog: str = ""
    late: float = 0.0


class Sent(msgspec.Struct, frozen=True):
    """The result of sending a letter.

    Attributes:
        outcome: "taken": its turn was run; "kept": it is in the mailbox; "repeated": a letter with
            its id came before, and nothing was done.
        again: See `Fired.again`.
    """

    outcome: Literal["taken", "kept", "repeated"]
    again: Due | None = None


def fire(
    settings: Settings,
    due: Due,
    account: str,
    openid: str,
    *,
    waits: bool = False,
    notes: Notes | None = None,
) -> Generator[Operation, Any, Fired]:
    """Do one thing that is due for a user.

    Args:
        settings: The bot's settings for turns.
        due: The entry of the index.
        account: The account's id.
        openid: The user's OpenID.
        waits: Whether to queue for the claim, as a message does.
        notes: Notes for the reports of its turns; None: nobody wants any.

    Raises:
        StoreError: The store failed; it stays due.
        ClaimLost: The claim was lost; it stays due.
    """
    fired, _ = yield from _fire(settings, due, account, openid, waits=waits, notes=notes)
    return fired


def send(
    settings: Settings,
    user: str,
    account: str,
    openid: str,
    letter: Letter,
    id: str = "",
    *,
    post_only: bool = False,
    notes: Notes | None = None,
) -> Generator[Operation, Any, Sent]:
    """Put a letter into a user's mailbox, and run the turn for it if nobody has the claim.

    Args:
        settings: The bot's settings for turns.
        user: The user's key in the store.
        account: The account's id.
        openid: The user's OpenID.
        letter: The letter.
        id: Idempotency key of the letter, for a week; "": none.
        post_only: Whether only to post it: a sweep will run the turn.
        notes: See `fire`.

    Raises:
        MailboxFull: There is no room; the error names the user's OpenID.
        SignalMisfit: The data do not fit the wait that would receive them; they are not kept.
        StoreError: The store failed; it may have been posted.
    """
    kind = "signal" if isinstance(letter, SignalMail) else "begin"
    known, body = id and f"{kind}:{id}", encode_mail(letter)
    lease = 0.0 if post_only else settings.lease
    try:
        posted: Posted = yield PostMail(user, account, known, body, most=MOST, lease=lease)
    except MailboxFull as full:
        raise MailboxFull(openid, full.most) from None
    if posted.outcome == "repeated":
        return Sent("repeated")
    number, due, rounds = posted.number, posted.due, 0 if post_only else ROUNDS
    while due is not None and rounds:
        rounds -= 1
        fired, handled = yield from _fire(
            settings, due, account, openid, posted=number, id=known, notes=notes
        )
        if handled is not None and handled.mail is not None and handled.mail.number == number:
            return Sent("taken", fired.again)
        due = fired.again
        if fired.outcome != "done":
            break
    return Sent("kept", None if post_only else due)


def _fire(
    settings: Settings,
    due: Due,
    account: str,
    openid: str,
    *,
    waits: bool = False,
    posted: int = 0,
    id: str = "",
    notes: Notes | None = None,
) -> Generator[Operation, Any, tuple[Fired, Thing | None]]:
    """See `fire`.

    Args:
        settings: See `fire`, as for the next three.
        due: The entry.
        account: The account.
        openid: The user.
        waits: Whether to queue for the claim.
        posted: Number of the letter whose sender waits for the result; 0: nobody waits.
        id: The id under which it was posted; "": none.
        notes: See `fire`.
    """
    message = begun(account, openid, due.at)
    doc = Document(openid, account)
    job = Job(
        settings, due.user, message, FIRING, due.at, doc, counted=not waits, due=due.at, notes=notes
    )
    pause = settings.poll
    while True:
        claim = msgspec.structs.replace(job.claim(), fires=due)
        answer = yield claim
        job.counted = True
        if isinstance(answer, Claimed):
            break
        if not (waits and isinstance(answer, Running)):
            return Fired("busy"), None
        if (yield Pause(pause, answer.copies, answer.since, job.user, job.key, answer.key)):
            return Fired("busy"), None
        pause = min(pause * 2, LONGEST_POLL)
    handled: list[Thing] = []
    fired = yield from guarded(job, _under_claim(job, answer, due, posted, id, handled))
    return fired, handled[0] if handled else None


def _under_claim(
    job: Job, claimed: Claimed, due: Due, posted: int, id: str, handled: list[Thing]
) -> Generator[Operation, Any, Fired]:
    """Do the first thing that is due and can be done by this process.

    Args:
        job: The firing.
        claimed: Its claim.
        due: The entry of the index.
        posted: See `_fire`, as for the next one.
        id: The id of the letter.
        handled: Receives the thing that was done.
    """
    job.fence = claimed.fence
    update_document(job, claimed)
    job.arrived = job.doc.now
    lost = claimed.lost + job.doc.head.deaths
    killer = WorkerDied(lost) if lost >= DEATHS else None
    if job.settings.outcomes.holds(job.user):
        killer = None  # claims were lost, but no worker died
    if job.doc.cut_off and is_firing(job.doc.head.key):
        top = job.doc.top
        try:
            again = yield from finish_cut_off(job, killer, due)
        except NotOurs:
            yield Release(job.user, job.fence)
            return Fired("left")
        return Fired("done", again, "" if top is None else top.dialog)
    fired_before = any(pending.key == FIRING for pending in claimed.pending)
    if job.doc.cut_off or len(claimed.pending) > fired_before:
        yield from catch_up(job, claimed)
        killer = None
    forget_the_expired(job.doc)
    return (yield from _first_that_can_be_done(job, due, killer, posted, id, handled)) or (
        yield from _nothing(job, claimed, due)
    )


def _first_that_can_be_done(
    job: Job, due: Due, killer: Exception | None, posted: int, id: str, handled: list[Thing]
) -> Generator[Operation, Any, Fired | None]:
    """Do it, and return the result; None: nothing is due."""
    left = False
    for thing in things(job.doc.head, job.doc.beside, job.doc.now):
        dialog, late = _dialog(job, thing), max(job.doc.now - thing.at, 0) / 1000
        try:
            again = yield from do_thing(job, thing, killer=killer, posted=posted, fires=due)
        except NotOurs:
            left = True
            continue
        except Unfit as unfit:
            job.doc.beside.refuse(unfit.number, id)
            yield from commit_firing(job, None, due)
            raise unfit.misfit from None
        handled.append(thing)
        return Fired("done", again, dialog, late)
    if not left:
        return None
    yield Release(job.user, job.fence)
    return Fired("left")


def _nothing(job: Job, claimed: Claimed, due: Due) -> Generator[Operation, Any, Fired]:
    """Say that nothing is due."""
    if claimed.signals:
        # The letters were checked: no conversation waits for them, so they are not due any more.
        return Fired("nothing", (yield from commit_firing(job, None, due)))
    yield Release(job.user, job.fence)
    yield Undue(due)
    return Fired("nothing")


def _dialog(job: Job, thing: Thing) -> str:
    if isinstance(thing.letter, BeginMail):
        return thing.letter.dialog
    top = job.doc.top
    if top is not None and top.id == thing.id:
        return top.dialog
    return job.doc.beside.read(thing.id).frame.dialog

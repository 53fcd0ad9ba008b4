"""A request's hold on its user: the document in hand, and the claim."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from wechat_dialog.core.store.values import (
    Answered,
    Claimed,
    Running,
    Unclaimed,
)
from wechat_dialog.core.turn.document import Document
from wechat_dialog.core.turn.operations import (
    Claim,
    Defer,
    Operation,
    Pause,
    Release,
)
from wechat_dialog.core.turn.outcome import Outcome
from wechat_dialog.core.turn.page_link import link_to_page
from wechat_dialog.core.turn.pending import sealed_pending
from wechat_dialog.core.turn.settings import LONGEST_POLL, Settings
from wechat_dialog.core.turn.step_records import message_part
from wechat_dialog.core.turn.waiting_text import too_late
from wechat_dialog.core.turn.work import Work
from wechat_dialog.errors import (
    ClaimLost,
    NotRepeatable,
    NotWaitedFor,
    SideEffect,
    StoreError,
)
from wechat_dialog.messages import Message

__all__ = [
    "Job",
    "claim_turn",
    "drop",
    "fresh_document",
    "guarded",
    "keep_live",
    "leave",
    "update_document",
]


T = TypeVar("T")

PASSES = (StoreError, ClaimLost, NotRepeatable, NotWaitedFor, SideEffect)
"""What ends a turn and is no mistake of an author's code, or is strict mode's to tell of. Anything
else that comes out of a message's work is one, and is parked with the message."""


_SURELY = 1000
"""Milliseconds by which one time is later than another, whatever they were rounded to."""


@dataclass
class Job:
    """A request's hold on its user: the document and the claim, until the commit.

    Under one claim the turns of several messages may be worked on, each as a `Work` of its own: the
    request's, and before it what earlier ones left.

    Attributes:
        settings: How.
        user: The user's key in the store.
        message: The request's message.
        key: Its key.
        arrived: When it arrived, ms since the epoch.
        doc: The user's document in hand.
        fence: Number of the claim; 0 if there is none.
        deferred: Whether nobody listens for the reply any more.
        asked: Whether the store has counted the request.
        granted: The store's clock when it first gave the turn, ms since the epoch; 0: it has not.
        latest: The latest work on the message under a claim; None: it was not begun.
        kept: Whether the store keeps the message with its claim: a user's, for another worker.
        unrecorded: Idempotency keys of the steps that were called and not recorded, as far as is
            known.
    """

    settings: Settings
    user: str
    message: Message
    key: str
    arrived: int
    doc: Document
    fence: int = 0
    deferred: bool = False
    asked: bool = False
    granted: int = 0
    latest: Work | None = None
    kept: bool = True
    unrecorded: set[str] = field(default_factory=set[str])

    @property
    def grace(self) -> float:
        """See `Rules.grace`."""
        return self.settings.rules.grace

    def question(self, *, optimistic: bool = False, keep: bool = True) -> Claim:
        """Return the question for the claim; `keep`: the store is to keep the message with it."""
        kept = b""
        if self.kept and keep:
            # Whatever the document in hand says: another worker may have asked for a secret since.
            kept = sealed_pending(self.settings.rules.seal, self.message, self.arrived)
        return Claim(
            self.user, self.key, self.settings.lease, self.doc.have(), not self.asked, optimistic,
            kept, self.fence,
        )  # fmt: skip

    def take(self, claimed: Claimed) -> None:
        """Take over what a claim says of the request's message."""
        self.fence, self.deferred = claimed.fence, claimed.deferred
        self.granted = self.granted or claimed.now

    def is_over(self, claimed: Claimed) -> bool:
        """Whether the message was answered, or its user forgotten, so long ago that the store knows
        nothing of it: it first saw it after it gave its turn, and keeps a message that was given
        one for a day.
        """
        return self.granted > 0 and claimed.now - claimed.since * 1000 > self.granted + _SURELY

    def work(self) -> Work:
        """Return the work on the request's message, begun anew where it was begun before.

        Only what was made of it under a claim counts: whoever finishes its turn for a dead worker
        knows nothing of an attempt that was refused, and has to come to the same steps.
        """
        work = Work(self.settings.rules, self.doc, self.message, self.key, self.arrived)
        if self.latest is not None:
            work.confided_to = self.latest.confided_to
        if self.fence:
            self.latest = work
        return work

    def settle(self, key: str) -> None:
        """Forget what is in hand of a message's steps: its turn is over."""
        outcomes = self.settings.outcomes
        if outcomes.holds(self.user):
            outcomes.settle(self.user, message_part(key))


def fresh_document(message: Message) -> Document:
    """Return an empty document for a message's user."""
    return Document(message.user, message.account)


def claim_turn(job: Job) -> Generator[Operation, Any, Claimed | Answered | Outcome]:
    """Ask until the turn is ours, or the message answered, or nobody listens for its reply."""
    pause = job.settings.poll
    while True:
        # Its user may have been forgotten since it had its turn: then it must not be kept again.
        answer = yield job.question(keep=not job.granted)
        job.asked = True
        if not isinstance(answer, Running):
            return answer  # type: ignore[no-any-return]
        if job.granted and not answer.since:
            return Outcome(None)  # it sees the message now, and knew it before: see `Job.is_over`
        if (yield Pause(pause, answer.copies, answer.since, job.user, job.key, answer.key)):
            return (yield from leave(job))
        pause = min(pause * 2, LONGEST_POLL)


def leave(job: Job) -> Generator[Operation, Any, Answered | Outcome]:
    """Wait for the claim no longer: whoever has it next takes the message from the store."""
    if not job.kept:
        raise StoreError(
            f"user {job.user!r} is in a turn that does not end; try again when it was given up, "
            "after the bot's longest_turn"
        )
    kept = sealed_pending(job.settings.rules.seal, job.message, job.arrived)
    answered = yield Defer(job.user, job.key, kept)
    if isinstance(answered, Answered):
        return answered
    rules = job.settings.rules
    try:
        page = yield from link_to_page(rules, job.user, job.message, job.key)
    except StoreError:
        page = ""
    return Outcome(too_late(rules, page), late=True)


def guarded(job: Job, under_claim: Generator[Operation, Any, T]) -> Generator[Operation, Any, T]:
    """Do what a claim was taken for; where that fails, give the claim up, unless it is lost.

    Nor is it given up where a step ran that is not recorded: the store would forget the message
    with it, and a user who writes the same again would have the step run under another key. It runs
    out, and whoever claims next goes on with that message first.
    """
    try:
        return (yield from under_claim)
    except ClaimLost:
        raise
    except Exception:
        drop(job)
        if not job.unrecorded:
            yield Release(job.user, job.fence)
            job.fence = 0
        raise


def update_document(job: Job, claimed: Claimed | Unclaimed) -> None:
    """Bring the document in hand to what was claimed.

    Raises:
        StoreError: What is stored is not ours, or of a newer version; it stays as it is.
    """
    try:
        job.doc.update(claimed)
    except msgspec.DecodeError as error:
        raise StoreError(f"what is stored of user {job.user!r} is not ours: {error}") from error
    if type(claimed) is Claimed and claimed.untaken:
        job.doc.owe(claimed.untaken, job.arrived + int(job.settings.rules.hold * 1000))


def keep_live(job: Job) -> None:
    """Keep the live dialog for the user's next message, or put it away."""
    doc, cache = job.doc, job.settings.cache
    if doc.run is None:
        return
    if cache is None or doc.top is None:
        doc.put_away()
    else:
        cache.put(job.user, doc)


def drop(job: Job) -> None:
    """Throw the document in hand away: it is not, or may not be, what the store has."""
    if job.doc.run is not None:
        job.doc.run.close()
    job.doc = fresh_document(job.message)

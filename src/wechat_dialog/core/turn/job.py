"""A request's hold on its user: the document in memory, and the claim."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

import msgspec

from wechat_dialog.core.store.values import (
    Answered,
    Claimed,
    Running,
    Unclaimed,
)
from wechat_dialog.core.turn.document import Document
from wechat_dialog.core.turn.notes import Notes
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
    NoThread,
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

PASSES = (StoreError, ClaimLost, NoThread, NotRepeatable, NotWaitedFor, SideEffect)
"""Exceptions that end a turn without being an error in an author's code, or that strict mode is to
report. Any other exception from the handling of a message is such an error, and parks it.
"""


_SURELY = 1000
"""Milliseconds beyond which one time is certainly later than another, despite rounding."""


class Job(msgspec.Struct, eq=False):
    """A request's hold on its user: the document and the claim, until the commit.

    Under one claim the turns of several messages may be handled, each as a `Work` of its own: the
    request's message, and before it those that earlier workers left unfinished.

    Attributes:
        settings: The bot's settings for turns.
        user: The user's key in the store.
        message: The request's message.
        key: Its key.
        arrived: When it arrived, ms since the epoch.
        doc: The user's document in memory.
        fence: Fencing token of the claim; 0 if there is none.
        deferred: Whether no request listens for the reply any more.
        counted: Whether the store has counted the request.
        granted: The store's clock when it first granted the turn, ms since the epoch; 0: not yet.
            If it had been set back, that is the claim's fence, which the first sight is not after.
        stores_message: Whether the store keeps the message with the claim, for another worker to
            finish: true for a message from a user.
        due: When the index says that the firing is due, ms since the epoch; 0: no firing.
        unrecorded: Idempotency keys of steps that were called and, as far as known, not recorded.
        notes: See `Work`.
    """

    settings: Settings
    user: str
    message: Message
    key: str
    arrived: int
    doc: Document
    fence: int = 0
    deferred: bool = False
    counted: bool = False
    granted: int = 0
    stores_message: bool = True
    due: int = 0
    unrecorded: set[str] = set()
    notes: Notes | None = None

    @property
    def grace(self) -> float:
        """See `Rules.grace`."""
        return self.settings.rules.grace

    def claim(
        self,
        *,
        optimistic: bool = False,
        absent: bool = False,
        keep: bool = True,
        ran_at: int = 0,
    ) -> Claim:
        """Return the operation that claims; `keep`: whether the store keeps the message with it."""
        pending = b""
        if self.stores_message and keep:
            # Always sealed, whatever the document says: another worker may have asked for a secret
            # since.
            pending = sealed_pending(self.settings.rules.seal, self.message, self.arrived)
        return Claim(
            self.user, self.key, self.settings.lease, self.doc.have(), not self.counted, optimistic,
            absent, pending, self.fence, ran_at=ran_at,
        )  # fmt: skip

    def take(self, claimed: Claimed) -> None:
        """Take over what a claim says about the request's message."""
        self.fence, self.deferred = claimed.fence, claimed.deferred
        self.granted = self.granted or max(claimed.now, claimed.fence // 1000)

    def is_over(self, claimed: Claimed) -> bool:
        """Whether the message was answered, or its user forgotten, so long ago that the store has
        forgotten it: the store's first sight of it is later than the grant of its turn, and a
        message whose turn was granted is kept for a day.
        """
        return self.granted > 0 and claimed.now - claimed.since * 1000 > self.granted + _SURELY

    def work(self) -> Work:
        """Return the work on the request's message, started from scratch if it was begun before."""
        work = Work.of(self.settings.rules, self.doc, self.message, self.key, self.arrived)
        if self.notes is not None:
            work.notes = self.notes
            self.notes.begins(self.key, self.doc.top)
        return work

    def settle(self, key: str) -> None:
        """Forget the outcomes in memory of a message's steps: its turn has ended."""
        outcomes = self.settings.outcomes
        if outcomes.holds(self.user):
            outcomes.settle(self.user, message_part(key))


def fresh_document(message: Message) -> Document:
    """Return an empty document for a message's user."""
    return Document(message.user, message.account)


def claim_turn(job: Job) -> Generator[Operation, Any, Claimed | Answered | Outcome]:
    """Claim repeatedly until the turn is granted, the message was answered, or no request listens
    for its reply.
    """
    pause = job.settings.poll
    while True:
        # Do not store the message if the turn was granted before: the user may have been forgotten.
        answer = yield job.claim(keep=not job.granted)
        job.counted = True
        if not isinstance(answer, Running):
            return answer  # type: ignore[no-any-return]
        if job.granted and not answer.since:
            return Outcome(None)  # new to the store, though it had its turn: see `Job.is_over`
        if (yield Pause(pause, answer.copies, answer.since, job.user, job.key, answer.key)):
            return (yield from leave(job))
        pause = min(pause * 2, LONGEST_POLL)


def leave(job: Job) -> Generator[Operation, Any, Answered | Outcome]:
    """Stop waiting for the claim: whoever claims next takes the message from the store."""
    if not job.stores_message:
        raise StoreError(
            f"user {job.user!r} is in a turn that does not end; try again when it has been "
            "given up, after the bot's longest_turn"
        )
    pending = sealed_pending(job.settings.rules.seal, job.message, job.arrived)
    answered = yield Defer(job.user, job.key, pending)
    if isinstance(answered, Answered):
        return answered
    rules = job.settings.rules
    try:
        page = yield from link_to_page(rules, job.user, job.message, job.key)
    except StoreError:
        page = ""
    return Outcome(too_late(rules, page), late=True)


def guarded(job: Job, under_claim: Generator[Operation, Any, T]) -> Generator[Operation, Any, T]:
    """Run a flow under the claim; if it fails, release the claim, unless it is lost.

    It is not released either if a step ran that is not recorded: the store would forget the message
    with the claim, and if the user wrote the same again, the step would run under another key. The
    claim then expires, and whoever claims next finishes that message first.
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
    """Update the document with what was claimed.

    Raises:
        StoreError: The stored document cannot be read, or is of a newer version; it is left
            unchanged.
    """
    try:
        job.doc.update(claimed)
    except msgspec.DecodeError as error:
        raise StoreError(
            f"the document stored for user {job.user!r} cannot be decoded: {error}"
        ) from error
    if type(claimed) is Claimed and claimed.untaken:
        job.doc.owe(claimed.untaken, job.arrived + int(job.settings.rules.hold * 1000))


def keep_live(job: Job) -> None:
    """Keep the live dialog for the user's next message, or close it."""
    doc, cache = job.doc, job.settings.cache
    if doc.run is None:
        return
    if cache is None or doc.top is None:
        doc.put_away()
    else:
        cache.put(job.user, doc)


def drop(job: Job) -> None:
    """Discard the document in memory: it differs, or may differ, from the stored one."""
    if job.doc.run is not None:
        job.doc.run.close()
    job.doc = fresh_document(job.message)

"""One message's transaction: claim, replay, go on, commit; as a generator of operations.

Two ways lead through it. The *fast path* runs the dialog first and commits after, if nobody moved
the conversation meanwhile: in one round trip where the dialog is live, in two where the journal has
to be read and replayed. It is open to a dialog that is pure between its waits. Everything else
*claims* first. A turn that loses its claim has written nothing since, starts over, and finds what
the winner wrote.

Nothing here performs an operation, reads a clock or knows a store. A driver (`runner.py`) sends
the results in.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from .conversation import NEEDS_CLAIM, Checkpoint, Flow, Rules, dialog_of
from .dispatch import Turn, decode_reply, encode_reply, too_late
from .document import Document
from .engine import Dialog
from .errors import ClaimLost, StoreError, WorkerDied
from .head import ParkedConversation
from .journal import decode_pending, encode_pending
from .messages import Message
from .operations import Claim, Commit, Operation, Pause, Record, Release
from .pushing import push
from .replies import Reply
from .stores.base import Answered, Claimed, Committed, Deferred, Pending, Running, Unclaimed

__all__ = ["Cache", "Outcome", "Settings", "end", "resume", "turn"]

Transaction = Generator[Operation, Any, "Outcome"]

DEATHS = 3
"""Workers that may die in one turn, one after another, before its conversation is parked: as many
as the platform has requests, so that what the user writes next has an answer."""

RESTARTS = 5
"""Times a turn that lost its claim starts over before it gives up."""


class Cache(Protocol):
    """Live dialogs of this process, by user."""

    def take(self, user: str) -> Document | None:
        """Return a user's document and forget it: it belongs to the caller now."""
        ...

    def put(self, user: str, document: Document) -> None:
        """Keep a document, its dialog live, for the user's next message."""
        ...


@dataclass(frozen=True, slots=True)
class Settings:
    """How a bot's turns are run.

    Attributes:
        rules: What the bot decided for its conversations.
        cache: Its live dialogs; None keeps none.
        lease: Seconds a claim lasts unless renewed.
        poll: Seconds between two questions for a claim that somebody else holds, at first; they
            double up to a quarter of a second.
        remember: Seconds a reply is remembered for copies of its message.
        fast: Whether the fast path is open.
        blocking: Names of dialogs that were seen to block between two waits, which closes it for
            them; the driver notes them.
    """

    rules: Rules
    cache: Cache | None = None
    lease: float = 3.0
    poll: float = 0.02
    remember: float = 60.0
    fast: bool = True
    blocking: set[str] = field(default_factory=set[str])


class Outcome(msgspec.Struct, frozen=True):
    """What a turn came to.

    Attributes:
        reply: What to answer; None is no reply.
        late: Whether the reply is held for the user's next message, since nobody waits for it any
            more.
        then: What is to be performed after the reply has gone out: the pushing of what is held.
            None: nothing.
    """

    reply: Reply | None
    late: bool = False
    then: Generator[Operation, Any, None] | None = None


@dataclass
class _Job:
    """One message on its way through a transaction."""

    settings: Settings
    user: str
    message: Message
    key: str
    arrived: int
    doc: Document
    fence: int = 0
    deferred: bool = False
    asked: bool = False
    kept: bool = True
    """Whether the store keeps the message with its claim: a user's, for another worker."""

    @property
    def grace(self) -> float:
        """See `Rules.grace`."""
        return self.settings.rules.grace

    def question(self, *, optimistic: bool = False) -> Claim:
        """Return the question for the claim."""
        kept = encode_pending(self.message, self.arrived) if self.kept else b""
        return Claim(
            self.user, self.key, self.settings.lease, self.doc.have(), not self.asked, optimistic,
            kept,
        )  # fmt: skip

    def work(self) -> Turn:
        """Return the message's work on the document."""
        return Turn(self.settings.rules, self.doc, self.message, self.key, self.arrived)


def _fresh(message: Message) -> Document:
    """Return an empty document for a message's user."""
    return Document(message.user, message.account)


def turn(settings: Settings, user: str, message: Message, key: str, arrived: int) -> Transaction:
    """Answer one message.

    Args:
        settings: How.
        user: The user's key in the store.
        message: The message.
        key: Its key; see `journal.message_key`.
        arrived: When it arrived, ms since the epoch.

    Returns:
        A generator of operations whose return value is the `Outcome`.

    Raises:
        StoreError: The store failed; thrown in by the driver, and passed on after the claim was
            given up.
    """
    live = settings.cache.take(user) if settings.cache is not None else None
    job = _Job(settings, user, message, key, arrived, _fresh(message) if live is None else live)
    claimed: Claimed | Answered | None = None
    if settings.fast and (live is None or _is_ready(job)):
        done = yield from (_cold(job) if live is None else _fast(job))
        if isinstance(done, Outcome):
            return done
        claimed = done  # claimed or answered meanwhile, or None: start over with a claim
    for _ in range(RESTARTS):
        try:
            if claimed is None:
                claimed = yield from _claim(job)
            if isinstance(claimed, Answered):
                return Outcome(decode_reply(claimed.reply))
            return (yield from _guarded(job, _claimed(job, claimed)))
        except ClaimLost:
            claimed = None
            job.doc = _fresh(job.message)
    raise ClaimLost(
        f"the claim was lost {RESTARTS} times in a row; "
        "is a worker stopped for longer than its lease?"
    )


def _claim(job: _Job) -> Generator[Operation, Any, Claimed | Answered]:
    """Ask until the turn is ours, or the message answered."""
    pause = job.settings.poll
    while True:
        got = yield job.question()
        job.asked = True
        if not isinstance(got, Running):
            return got  # type: ignore[no-any-return]
        yield Pause(pause, got.copies, got.since, job.user, job.key, got.key)
        pause = min(pause * 2, 0.25)


def _guarded(job: _Job, under_claim: Transaction) -> Transaction:
    """Do what a claim was taken for; where that fails, give the claim up, unless it is lost."""
    try:
        return (yield from under_claim)
    except ClaimLost:
        raise
    except Exception:
        _drop(job)
        yield Release(job.user, job.fence)
        raise


def _claimed(job: _Job, claimed: Claimed) -> Transaction:
    job.fence, job.deferred = claimed.fence, claimed.deferred
    _update(job, claimed)
    outcome = yield from _catch_up(job, claimed)
    if outcome is not None:
        return outcome
    work = job.work()
    return (yield from _finished(job, work, work.handle()))


def _finished(
    job: _Job, work: Turn, flow: Flow, op: Operation | Checkpoint | None = None
) -> Transaction:
    """Perform a message's work, and commit it."""
    yield from _perform(job, work, flow, op=op)
    return (yield from _commit(job, work))


def _update(job: _Job, claimed: Claimed | Unclaimed) -> None:
    """Bring the document in hand to what was claimed.

    Raises:
        StoreError: What is stored is not ours, or of a newer version; it stays as it is.
    """
    try:
        job.doc.update(claimed)
    except msgspec.DecodeError as error:
        raise StoreError(f"what is stored of user {job.user!r} is not ours: {error}") from error


def _catch_up(job: _Job, claimed: Claimed) -> Generator[Operation, Any, Outcome | None]:
    """Do what is left of earlier messages, whose workers died.

    Returns:
        The outcome, if this very message's turn was among it.
    """
    killer = WorkerDied(claimed.lost) if claimed.lost >= DEATHS else None
    cut_off = job.doc.state.key if job.doc.interrupted else None
    if cut_off is not None:
        outcome = yield from _finish(job, killer)
        if outcome is not None:
            return outcome
        killer = None
    for pending in claimed.pending:
        if pending.key != cut_off:
            yield from _answer_late(job, pending, killer)
            killer = None
    return None


def _finish(job: _Job, killer: WorkerDied | None) -> Generator[Operation, Any, Outcome | None]:
    """Finish the turn that was cut off; returns the outcome if it was this very message's."""
    work = job.work()
    own = job.doc.state.key == job.key
    yield from _perform(job, work, work.finish(killer))
    if own:
        return (yield from _commit(job, work))
    yield from _commit_earlier(job, work)
    return None


def _answer_late(
    job: _Job, pending: Pending, killer: WorkerDied | None
) -> Generator[Operation, Any, None]:
    """Answer a message whose user was told to wait, and whose worker died before it did a thing."""
    try:
        message, arrived = decode_pending(pending.message)
    except msgspec.DecodeError as error:
        raise StoreError(f"what is stored of user {job.user!r} is not ours: {error}") from error
    # What counts is how old the conversation was when the message came.
    # It came before the one at hand, whatever this worker's clock says.
    job.doc.age = max(0.0, job.doc.age - max(0, job.arrived - arrived) / 1000)
    work = Turn(job.settings.rules, job.doc, message, pending.key, arrived)
    work.now = job.arrived
    yield from _perform(job, work, work.handle() if killer is None else work.lay_aside(killer))
    yield from _commit_earlier(job, work)


def _commit_earlier(job: _Job, work: Turn) -> Generator[Operation, Any, None]:
    """Commit an earlier message's turn under the claim of the one at hand, and keep the claim."""
    work.owe()
    write = job.doc.write(job.arrived, grace=job.grace)
    # Its reply comes with this message's answer, so a late copy of it is told nothing more.
    committed = yield Commit(
        job.user, work.key, write, encode_reply(None), fence=job.fence, deferred=True,
        release=False, remember=job.settings.remember,
    )  # fmt: skip
    job.doc.wrote(write, committed)


def _perform(
    job: _Job, work: Turn, flow: Flow, result: Any = None, op: Operation | Checkpoint | None = None
) -> Transaction:
    """Yield a flow's operations, its checkpoints turned into writes."""
    while True:
        if op is None:
            try:
                op = flow.send(result)
            except StopIteration:
                return Outcome(None)
        if op is NEEDS_CLAIM:
            result = None
        elif isinstance(op, Checkpoint):
            work.pause()
            write = job.doc.write(job.arrived, grace=job.grace, unfinished=work.key)
            committed = yield Record(job.user, job.fence, write)
            job.doc.wrote(write, committed)
            result = None
        else:
            result = yield op
        op = None


def _commit(job: _Job, work: Turn) -> Transaction:
    """Commit under the claim; where nobody listens any more, with the answer held."""
    reply = None if job.deferred else work.reply()
    while True:
        if job.deferred:
            work.owe()
            reply = too_late(job.settings.rules)
        write = job.doc.write(job.arrived, grace=job.grace)
        done: Committed | Deferred = yield Commit(
            job.user, job.key, write, encode_reply(reply), fence=job.fence, deferred=job.deferred,
            remember=job.settings.remember,
        )  # fmt: skip
        if isinstance(done, Committed):
            job.doc.wrote(write, done)
            then = _pushing(job, replied=reply is not None)
            _keep(job)
            return Outcome(reply, job.deferred, then)
        if job.deferred:
            raise StoreError("the store defers a commit that says so itself; see `Store.commit`")
        job.deferred = True
        work.unpack()


def _is_ready(job: _Job) -> bool:
    """Whether a live dialog is in hand that may run before the turn is anybody's."""
    run = job.doc.run
    return run is not None and job.doc.revision != 0 and _may_run(job.settings, run.dialog)


def _may_run(settings: Settings, dialog: Dialog) -> bool:
    """Whether the fast path is open to a dialog."""
    return dialog.pure and dialog.name not in settings.blocking


def _cold(job: _Job) -> Generator[Operation, Any, Outcome | Claimed | Answered | None]:
    """Read, if nobody is about, and replay the dialog; then go on as if it had been live.

    Returns:
        See `_fast`; or the claim, which the store grants where a look is not enough.
    """
    found = yield job.question(optimistic=True)
    if isinstance(found, Unclaimed):
        _update(job, found)
        top = job.doc.top
        dialog = None if top is None else dialog_of(job.settings.rules.routes, top)
        closed = top is not None and (dialog is None or not _may_run(job.settings, dialog))
        if closed or job.doc.interrupted:
            return None
        return (yield from _fast(job))
    job.asked = True
    if isinstance(found, Running):
        pause = job.settings.poll
        yield Pause(pause, found.copies, found.since, job.user, job.key, found.key)
        return None
    return found  # type: ignore[no-any-return]


def _fast(job: _Job) -> Generator[Operation, Any, Outcome | Answered | None]:
    """Run the dialog first and commit after.

    No claim is held meanwhile, however long the dialog computes: another worker may do the same
    work, and only one of the two is committed. A dialog that is seen to block is claimed for from
    then on; see `docs/architecture.md`, "A fast turn takes no claim".

    Returns:
        The outcome; or the answer the message had already; or None if the turn has to start over
        with a claim.
    """
    doc, top = job.doc, job.doc.top
    expected, limit = doc.revision, doc.limit
    if limit is not None and doc.age > limit:
        limit = None  # it is over already, and will be so when the store looks at it
    ran = "" if top is None else top.dialog
    work = job.work()
    flow = work.handle()
    try:
        op = next(flow)
    except StopIteration:
        pass
    else:
        return (yield from _claim_for_step(job, work, flow, op, expected, limit))
    reply = work.reply()
    write = doc.write(job.arrived, grace=job.grace)
    done = yield Commit(
        job.user, job.key, write, encode_reply(reply), revision=expected,
        max_age=limit, remember=job.settings.remember, ran=ran,
    )  # fmt: skip
    if isinstance(done, Committed):
        doc.wrote(write, done)
        then = _pushing(job, replied=reply is not None)
        _keep(job)
        return Outcome(reply, False, then)
    _drop(job)
    if isinstance(done, Answered):
        return done
    return None  # a conflict, or nobody listens any more


def _claim_for_step(
    job: _Job,
    work: Turn,
    flow: Flow,
    op: Operation | Checkpoint,
    expected: int,
    limit: float | None,
) -> Generator[Operation, Any, Outcome | Answered | None]:
    """What the dialog asks for takes a claim: go on only if nothing has moved."""
    got = yield job.question()
    job.asked = True
    if not isinstance(got, Claimed):
        flow.close()
        _drop(job)
        return got if isinstance(got, Answered) else None
    job.fence, job.deferred = got.fence, got.deferred
    if got.revision != expected or got.pending or (limit is not None and got.age > limit):
        # What the claim left out, because we had it, is no longer in hand: ask again, for all of
        # it.
        flow.close()
        _drop(job)
        yield Release(job.user, got.fence)
        return None
    try:
        return (yield from _guarded(job, _finished(job, work, flow, op)))
    except ClaimLost:
        _drop(job)
        return None


def _pushing(job: _Job, *, replied: bool) -> Generator[Operation, Any, None] | None:
    """Return what pushes the parts that are held, where the account may."""
    rules = job.settings.rules
    if not (rules.pushes.allowed and job.doc.state.held):
        return None
    return push(
        rules, job.user, job.message, f"push:{job.key}", job.arrived, lease=job.settings.lease,
        poll=job.settings.poll, replied=replied,
    )  # fmt: skip


def _keep(job: _Job) -> None:
    """Keep the live dialog for the user's next message, or put it away."""
    doc, cache = job.doc, job.settings.cache
    if doc.run is None:
        return
    if cache is None or doc.top is None:
        _drop(job)
    else:
        cache.put(job.user, doc)


def _drop(job: _Job) -> None:
    """Throw the document in hand away: it is not, or may not be, what the store has."""
    if job.doc.run is not None:
        job.doc.run.close()
    job.doc = _fresh(job.message)


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
    """
    # Of this parking: what breaks and is parked again may be taken up again at once.
    key = f"resume:{parked.frame.id}:{parked.parked}"
    job = _Job(settings, user, message, key, arrived, _fresh(message), kept=False)
    return (yield from _operate(job, lambda work: work.resume(parked), owed=True))


def end(settings: Settings, user: str, message: Message, arrived: int) -> Transaction:
    """End a user's running conversations, their clean-up steps included; nothing is said."""
    job = _Job(settings, user, message, f"end:{arrived}", arrived, _fresh(message), kept=False)
    return (yield from _operate(job, lambda work: work.kill(), owed=False))


def _operate(job: _Job, what: Callable[[Turn], Flow], *, owed: bool) -> Transaction:
    claimed = yield from _claim(job)
    if isinstance(claimed, Answered):
        return Outcome(decode_reply(claimed.reply))
    return (yield from _guarded(job, _operated(job, claimed, what, owed=owed)))


def _operated(
    job: _Job, claimed: Claimed, what: Callable[[Turn], Flow], *, owed: bool
) -> Transaction:
    job.fence, job.deferred = claimed.fence, owed
    _update(job, claimed)
    # Each under its own message's key, which a copy may still ask for.
    outcome = yield from _catch_up(job, claimed)
    if outcome is not None:
        return outcome
    work = job.work()
    yield from _perform(job, work, what(work))
    said = list(work.parts)
    if owed:
        work.owe()
    else:
        work.parts = []
    write = job.doc.write(job.arrived, grace=job.grace)
    committed = yield Commit(
        job.user, job.key, write, encode_reply(None), fence=job.fence, deferred=True
    )
    job.doc.wrote(write, committed)
    then = _pushing(job, replied=False)
    _drop(job)
    return Outcome(said[0] if said else None, owed, then)

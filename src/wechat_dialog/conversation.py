"""One conversation carried on: from a message it has accepted to its next question, or its end.

`Conversation` drives the dialog on top of a user's stack. Its methods are generators that yield
operations (`RunStep`, `RunSteps`, and `CHECKPOINT`: "write now, before the dialog goes on") and
collect what is to be answered in `parts`. What a message means, and which conversation it is for,
is decided in `dispatch.py`.
"""

from __future__ import annotations

import hashlib
import logging
import traceback
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any, Protocol

import msgspec

from . import replies
from .chat import Chat
from .delivery import Pushes
from .deploy import decide
from .document import Document
from .effects import FIRST, ContinueAs, Gather, StepCall, View, Wait
from .engine import Dialog, Ended, Raised, Run
from .errors import (
    Cancelled,
    JournalFull,
    ReplayMismatch,
    Signal,
    TooManyAttempts,
    UnexpectedAnswer,
)
from .head import Frame, ParkedConversation, encode_parked
from .journal import (
    Answer,
    Data,
    Killed,
    Message,
    Record,
    Rewind,
    effective,
    encode_record,
    marked,
    message_of,
    record_message,
    thrown,
)
from .logs import log, report
from .messages import Message as Heard
from .operations import Operation, RunStep, RunSteps, StepOutcome
from .remembered import PLAIN, Remembered, carry_out
from .replies import Reply, to_reply
from .router import Match
from .steps import failed, returned, value
from .stores.base import Parked
from .texts import Texts

__all__ = [
    "CHECKPOINT",
    "NEEDS_CLAIM",
    "Checkpoint",
    "Conversation",
    "Flow",
    "Routes",
    "Rules",
    "dialog_of",
    "idempotency_key",
    "view_of",
]


class Checkpoint:
    """Asks for what is recorded so far to be written before the dialog goes on."""


CHECKPOINT = Checkpoint()

NEEDS_CLAIM = Checkpoint()
"""Asks for nothing but the turn to be the worker's own before it goes on: what follows is more than
computing, so a turn that is run first and committed after takes a claim for it."""

Flow = Generator[Operation | Checkpoint, Any, None]

HEARD = (Answer, Message, Killed)
HANDOVERS = 20
"""Times one turn may go from `continue_as` to `continue_as` before it counts as a bug."""


class Routes(Protocol):
    """What a conversation asks of a router."""

    def matches(self, message: Heard, *, anytime: bool = False) -> Iterator[Match]:
        """Yield the routes that take the message, in order.

        Args:
            message: The message.
            anytime: Only those that do so in the middle of another conversation.
        """
        ...

    def find(self, name: str, version: str) -> Dialog | None:
        """Return a dialog, or None."""
        ...

    def newest(self, name: str) -> Dialog | None:
        """Return the newest version of a dialog, or None."""
        ...

    def named(self, fn: Callable[..., Any]) -> Dialog | None:
        """Return the newest dialog whose function this is, or None."""
        ...


def dialog_of(routes: Routes, frame: Frame) -> Dialog | None:
    """Return the dialog that a conversation goes on with: its version, else the newest; or None."""
    return routes.find(frame.dialog, frame.version) or routes.newest(frame.dialog)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a bot has decided for all its conversations.

    Attributes:
        routes: Its router.
        texts: Its sentences.
        zone: Its time zone.
        timeout: Seconds without an answer after which a conversation is gone; None: never.
        on_divergence: "resume", "restart" or "park".
        cancel: Cancel words.
        back: Back words.
        journal_limit: Records a conversation may have.
        strict: Whether every turn is replayed from scratch and compared.
        hold: Seconds a part of an answer is held.
        park: Seconds a broken conversation is kept.
        depth: Conversations that may interrupt each other.
        remembered: The shape of a user's data.
        pushes: Whether what does not fit one reply is pushed.
    """

    routes: Routes
    texts: Texts = field(default_factory=Texts)
    zone: tzinfo = UTC
    timeout: float | None = 60.0
    on_divergence: str = "resume"
    cancel: frozenset[str] = frozenset()
    back: frozenset[str] = frozenset()
    journal_limit: int = 10_000
    strict: bool = False
    hold: float = 86400.0
    park: float = 7 * 86400.0
    depth: int = 5
    remembered: Remembered = PLAIN
    pushes: Pushes = field(default_factory=Pushes)

    @property
    def grace(self) -> float:
        """Seconds an expired conversation is kept so that its user can be told."""
        return 86400.0 if self.texts.expired else 0.0


class Conversation:
    """A user's conversations while one message is worked on.

    Attributes:
        rules: The bot's.
        doc: The user's document; changed as the turn goes.
        message: The message at hand.
        key: Its key.
        arrived: When it arrived, ms since the epoch.
        now: When the request at hand came, likewise: later than `arrived` where an earlier
            message's turn is finished.
        parts: The parts of the answer so far.
        unrouted: Routes that handed the message back, so that none gets it twice.
        begun: How many conversations the message has begun.
        unheard: The message at hand, as the answer it is taken for, while nobody has heard it.
        again: Whether the message is to be dispatched (once more), because a dialog handed it back.
    """

    def __init__(self, rules: Rules, doc: Document, message: Heard, key: str, arrived: int) -> None:
        self.rules = rules
        self.doc = doc
        self.message = message
        self.key = key
        self.arrived = self.now = arrived
        self.parts: list[Reply] = []
        self.unrouted: set[int] = set()
        self.again = False
        self.begun = 0
        self.unheard: Record | None = None

    # Beginning ------------------------------------------------------------------------------------

    def begin(self, dialog: Dialog, args: dict[str, Any]) -> Flow:
        """Start a dialog on the message at hand, on top of whatever is on the stack."""
        if not (dialog.pure and dialog.waits):
            yield NEEDS_CLAIM
        frame, records = self.open(dialog, args)
        run = self._run(dialog, frame)
        for record in records:
            run.feed(record)
        yield from self.go_on(run, frame)

    def open(self, dialog: Dialog, args: dict[str, Any]) -> tuple[Frame, list[Record]]:
        """Put a conversation with its first records on the stack; its dialog is not run yet."""
        doc = self.doc
        self.begun += 1
        frame = Frame(
            id=self._new_id(),
            dialog=dialog.name,
            version=dialog.version,
            code=dialog.code,
            args=args,
            begun=self.arrived,
            base=len(doc.records),
            timeout=self._timeout(dialog),
        )
        self._put_away()
        doc.state.stack.append(frame)
        records: list[Record] = [Data(dict(doc.data))] if doc.data else []
        records.append(record_message("", self.message, self.arrived))
        for record in records:
            doc.append(record)
        return frame, records

    def _new_id(self) -> str:
        # Not of when the message arrived: a copy that finishes what a dead worker began arrives
        # later, and has to repeat that worker's step under the same idempotency key.
        state = self.doc.state
        seed = f"{state.account}\0{state.user}\0{self.key}\0{self.begun}"
        return hashlib.blake2s(seed.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()

    def _run(self, dialog: Dialog, frame: Frame, *, code: str = "") -> Run:
        state = self.doc.state
        chat = Chat(
            state.user,
            self.message,
            account=state.account,
            id=frame.id,
            arrived=self.arrived,
            texts=self.rules.texts,
            zone=self.rules.zone,
            remembered=self.rules.remembered,
        )
        run = Run(dialog, chat, dict(frame.args), account=state.account, code=code)
        if self.rules.strict:
            run.trail = []
        return run

    def _timeout(self, dialog: Dialog) -> float | None:
        return self.rules.timeout if dialog.timeout is None else dialog.timeout

    def _put_away(self) -> None:
        """Put the live dialog away; its journal stays."""
        if self.doc.run is not None:
            self.doc.run.close()
            self.doc.run = None

    # Waking ---------------------------------------------------------------------------------------

    def _is_awake(self, frame: Frame) -> bool:
        """Whether the live dialog is this conversation's, at the question that the head names."""
        run = self.doc.run
        if run is None or run.chat.id != frame.id:
            return False
        return self.doc.interrupted or _waits_at(run, frame)

    def wake(self, frame: Frame) -> Generator[Operation | Checkpoint, Any, Run | None]:
        """Rebuild the dialog of the conversation on top from its journal.

        Returns:
            The run, at its wait, or in the middle of an interrupted turn. None if its code has
            changed so that it
            does not fit its journal: then the policy was carried out, and the message is not to be
                taken as an answer.
        """
        if self._is_awake(frame):
            return self.doc.run
        # It is another's, or a worker with other code has asked something else meanwhile.
        self._put_away()
        dialog = dialog_of(self.rules.routes, frame)
        if dialog is None:
            yield from self.park(
                frame, LookupError(f"no dialog {frame.dialog!r} is registered any more")
            )
            return None
        records = effective(self.doc.records[frame.base :])
        run = self._run(dialog, frame, code=frame.code)
        try:
            run.replay(records)
            if not self.doc.interrupted:
                run.must_wait_at(frame.wait, frame.offers)
        except ReplayMismatch as mismatch:
            run.close()
            yield from self._diverged(frame, dialog, records, mismatch)
            return None
        frame.code = dialog.code
        frame.version = dialog.version
        self.doc.run = run
        return run

    def _diverged(
        self, frame: Frame, dialog: Dialog, records: list[Record], mismatch: ReplayMismatch
    ) -> Flow:
        yield NEEDS_CLAIM
        kept, lost = records[: mismatch.position], records[mismatch.position :]
        policy = decide(
            dialog.on_divergence or self.rules.on_divergence,
            records,
            mismatch.position,
            pure=dialog.pure,
        )
        log.warning(
            "user %s: dialog %r does something else than its journal has at record %d (%s); "
            "policy: %s",
            self.doc.state.user, frame.dialog, mismatch.position, mismatch.where or "it has ended",
            policy,
        )  # fmt: skip
        log.debug("user %s: %s", self.doc.state.user, mismatch)
        if policy == "park":
            yield from self.park(frame, mismatch)
            return
        texts = self.rules.texts
        if policy == "restart":
            self._say(texts.restarted)
            start = next(record for record in records if isinstance(record, (Answer, Message)))
            self._pop(frame)
            first = message_of(start, self.doc.state.user, self.doc.state.account)
            now, self.message = self.message, first
            yield from self.begin(dialog, dict(frame.args))
            self.message = now
            return
        run = self._run(dialog, frame)
        run.replay(kept)
        if isinstance(run.at, Raised) and not isinstance(run.at.error, Signal):
            # Nothing to go on with: put aside as it is, for code that fits.
            yield from self.park(frame, run.at.error)
            return
        self._say(texts.changed)
        if lost:
            self.doc.append(Rewind(mismatch.position, "resume"))
        if not (isinstance(run.at, Wait) and run.at.prompt is None):
            # It was delivered when it was said; what is a question by itself is asked once more.
            run.chat.outbox.clear()
        frame.code = dialog.code
        frame.version = dialog.version
        yield from self.go_on(run, frame)

    # Going on -------------------------------------------------------------------------------------

    def go_on(self, run: Run, frame: Frame) -> Flow:
        """Drive the dialog on top until it waits or ends, running its steps; and what takes its
        place then.
        """
        while True:
            at = run.at
            if isinstance(at, Wait):
                self._waits(run, frame, at)
                return
            if isinstance(at, StepCall):
                yield from self._step(run, frame, at)
            elif isinstance(at, Gather):
                yield from self._gather(run, frame, at)
            elif at is None:
                raise AssertionError("a dialog that was fed nothing stands nowhere")
            else:
                self.doc.run = None
                yield from self._over(run, frame, at)
                return

    def _waits(self, run: Run, frame: Frame, at: Wait[Any]) -> None:
        try:
            prompt = to_reply(at.shown(FIRST))
            self._remember(run)
        except TypeError as error:
            self.parts_of_park(run, frame, error)
            return
        frame.wait, frame.offers = at.id, at.offers
        frame.misses = 0
        frame.page, frame.ticks = 0, []
        frame.timeout = (
            self._timeout(run.dialog) if at.options.timeout is None else at.options.timeout
        )
        self.doc.run = run
        self._deliver(run)
        self.add(prompt)
        if self.rules.strict:
            self._compare(run, frame, at)

    def _compare(self, run: Run, frame: Frame, at: Wait[Any] | None) -> None:
        """Strict mode: see whether the dialog gets to the same place from scratch; see `strict`."""
        from .strict import compare

        records = effective(self.doc.records[frame.base :])
        compare(run, lambda: self._run(run.dialog, frame), records, at)

    def _step(self, run: Run, frame: Frame, at: StepCall[Any]) -> Flow:
        if self._full(run, frame) or self._repeats(run, at):
            return
        key = idempotency_key(frame.id, self.key, self._since_heard(frame))
        outcome = yield RunStep(at, key)
        self.record(run, _step_record(at, outcome))
        yield CHECKPOINT

    def _gather(self, run: Run, frame: Frame, at: Gather[Any]) -> Flow:
        if self._full(run, frame) or self._repeats(run, at):
            return
        slots = run.open_slots()
        # Where the gathering began: what of it has ended already stands behind that.
        began = self._since_heard(frame) - (len(at.calls) - len(slots))
        key = idempotency_key(frame.id, self.key, began)
        steps = tuple(RunStep(at.calls[slot], f"{key}:{slot}", slot) for slot in slots)
        left = len(steps)
        outcome: StepOutcome = yield RunSteps(steps)
        while True:
            self.record(run, _step_record(at.calls[outcome.slot], outcome, outcome.slot))
            yield CHECKPOINT
            left -= 1
            if not left:
                return
            outcome = yield RunSteps(())

    def _since_heard(self, frame: Frame) -> int:
        """Return how many records the message at hand has in this conversation, its own
        included.
        """
        records = self.doc.records
        count = 1
        while len(records) - count > frame.base and not isinstance(records[-count], HEARD):
            count += 1
        return count

    def record(self, run: Run, record: Record) -> None:
        """Add a record and feed it to the dialog."""
        self.doc.append(record)
        run.feed(record)

    def _full(self, run: Run, frame: Frame) -> bool:
        """Whether the journal is full; then the dialog has been told."""
        count = len(self.doc.records) - frame.base
        limit = self.rules.journal_limit
        if count == limit // 2:
            log.warning(
                "user %s: the conversation of %r has %d records, and %d are the limit; "
                "use chat.continue_as",
                self.doc.state.user, frame.dialog, count, limit,
            )  # fmt: skip
        if count < limit:
            return False
        run.at = Raised(JournalFull(frame.dialog, limit))
        return True

    def _repeats(self, run: Run, at: StepCall[Any] | Gather[Any]) -> bool:
        """Whether the dialog asks for a step that has run, and whose result another one was given
        when the code had changed; then it has been told.
        """
        try:
            run.must_not_repeat(at)
        except ReplayMismatch as mismatch:
            run.at = Raised(mismatch)
            return True
        return False

    def hear(self, run: Run, frame: Frame, at: Wait[Any], answer: object) -> Flow:
        """Take an answer that was read: record it, and go on."""
        if not self._full(run, frame):
            wait = marked(at.id, at.meant(answer))
            self.doc.append(record_message(wait, self.message, self.arrived))
            run.take(self.message, self.arrived, answer)
            run.fed()
        yield from self.go_on(run, frame)

    def throw(self, run: Run, frame: Frame, what: str) -> Flow:
        """Throw into the dialog at its wait, as the message's effect: "cancel", or "attempts:3";
        and go on.
        """
        self.record(run, record_message(thrown(what, frame.wait), self.message, self.arrived))
        yield from self.go_on(run, frame)

    # Ending ---------------------------------------------------------------------------------------

    def _over(self, run: Run, frame: Frame, at: Ended | Raised) -> Flow:
        error = at.error if isinstance(at, Raised) else None
        if error is None or isinstance(error, (Signal, TooManyAttempts)):
            # A turn that broke has changed nothing: it may be resumed, and then does it all once.
            try:
                self._remember(run)
            except TypeError as wrong:
                error = wrong
        if isinstance(at, Ended) and error is None:
            if self.rules.strict:
                self._compare(run, frame, None)
            yield from self._returned(run, frame, at.value)
        elif isinstance(error, Signal):
            self._deliver(run)
            self._pop(frame)
            if isinstance(error, UnexpectedAnswer):
                self.again = True
                return
            if isinstance(error, Cancelled):
                self._say(self.rules.texts.cancelled)
            yield from self.ask_again()
        elif isinstance(error, TooManyAttempts):
            self._deliver(run)
            self._pop(frame)
            self._say(self.rules.texts.too_many)
            yield from self.ask_again()
        elif error is not None:
            yield from self.park(frame, error, run)

    def _returned(self, run: Run, frame: Frame, value: object) -> Flow:
        if isinstance(value, ContinueAs):
            dialog = self.rules.routes.named(value.dialog)
            try:
                args = msgspec.json.decode(msgspec.json.encode(dict(value.state)))
            except (TypeError, ValueError) as error:
                yield from self.park(
                    frame, TypeError(f"continue_as: the state is no JSON data ({error})")
                )
                return
            if dialog is None or self.begun > HANDOVERS:
                name = getattr(value.dialog, "__qualname__", repr(value.dialog))
                why = (
                    "is no dialog of the bot; name it with @bot.dialog"
                    if dialog is None
                    else "never stops handing over"
                )
                yield from self.park(frame, LookupError(f"continue_as: {name} {why}"))
                return
            self._deliver(run)
            self._pop(frame)
            yield from self.begin(dialog, args)
            return
        try:
            reply = to_reply(value)
        except TypeError as error:
            yield from self.park(frame, error)
            return
        self._deliver(run)
        self.add(reply)
        self._pop(frame)
        yield from self.ask_again()

    def ask_again(self) -> Flow:
        """Ask the pending question of the conversation below, if there is one."""
        frame = self.doc.top
        if frame is None:
            return
        run = yield from self.wake(frame)
        if run is None:
            return
        if isinstance(run.at, Wait):
            self.show(run.at, frame)

    def show(self, at: Wait[Any], frame: Frame) -> None:
        """Ask a question that was asked before, as its user left it."""
        for said in getattr(at, "said", ()):
            self.add(to_reply(said))
        self.add(to_reply(at.shown(view_of(frame))))

    def end(self, frame: Frame, *, killed: bool = False) -> Flow:
        """End the conversation on top for good, its clean-up steps included; whatever it says is
        not delivered.
        """
        said = list(self.parts)
        run = yield from self.wake(frame)
        if run is None and frame in self.doc.state.stack:
            run = self.doc.run  # its code has changed, and it went on from where that fits
        if run is not None and frame in self.doc.state.stack:
            if killed:
                self.record(run, Killed(self.arrived))
                if isinstance(run.at, (StepCall, Gather)):
                    # A message is kept for the worker after; a command stands in the journal before
                    # what it leads to is done.
                    yield CHECKPOINT
            else:
                wait = thrown("end", frame.wait)
                self.record(run, record_message(wait, self.message, self.arrived))
            yield from self.clean_up(run, frame)
        self.doc.run = None
        if frame in self.doc.state.stack:
            self._pop(frame)
        self.parts = said

    def clean_up(self, run: Run, frame: Frame) -> Flow:
        """Run the steps that a dialog which was told to end still asks for, and take it off the
        stack.
        """
        while isinstance(run.at, (StepCall, Gather)):
            if isinstance(run.at, StepCall):
                yield from self._step(run, frame, run.at)
            else:
                yield from self._gather(run, frame, run.at)
        if isinstance(run.at, Raised) and not isinstance(run.at.error, Signal):
            report(
                logging.ERROR, "user %s: dialog %r broke while it was ended",
                self.doc.state.user, frame.dialog, error=run.at.error,
            )  # fmt: skip
        try:
            self._remember(run)
        except TypeError as error:
            report(
                logging.ERROR, "user %s: what dialog %r left in chat.data cannot be kept",
                self.doc.state.user, frame.dialog, error=error,
            )  # fmt: skip
        run.close()
        self._pop(frame)

    def _pop(self, frame: Frame) -> None:
        """Take a conversation and those that interrupt it off the stack, records and all."""
        stack = self.doc.state.stack
        del stack[stack.index(frame) :]
        self.doc.cut(frame.base)
        self.doc.run = None

    # Parking --------------------------------------------------------------------------------------

    def park(self, frame: Frame, error: BaseException, run: Run | None = None) -> Flow:
        """Put the conversation on top aside, say sorry, and go back to the one below."""
        yield NEEDS_CLAIM
        self.parts_of_park(run, frame, error)
        yield from self.ask_again()

    def parts_of_park(self, run: Run | None, frame: Frame, error: BaseException) -> None:
        """Put a conversation aside with all that is needed to go on once the bug is fixed."""
        state = self.doc.state
        trace = "".join(traceback.format_exception(error)) if error.__traceback__ else ""
        report(
            logging.ERROR,
            "user %s: dialog %r broke at record %d and is parked as %s (all of it: wechat-dialog "
            "conversations show APP %s)",
            state.user, frame.dialog, len(self.doc.records) - frame.base, frame.id, frame.id,
            error=error,
        )  # fmt: skip
        header = msgspec.structs.replace(frame, base=0, length=self._before_turn(frame))
        unheard, self.unheard = self.unheard, None
        parked = ParkedConversation(
            frame=header,
            records=[
                msgspec.Raw(encode_record(record)) for record in self.doc.records[frame.base :]
            ],
            user=state.user,
            account=state.account,
            parked=self.now,
            error=_line(error),
            traceback=trace,
            broke=-1 if run is None else _first_amid(run, error),
            unheard=[] if unheard is None else [msgspec.Raw(encode_record(unheard))],
        )
        self.doc.park = Parked(frame.id, encode_parked(parked), self.rules.park)
        if run is not None:
            run.close()
        self._pop(frame)
        self.parts = []
        self._say(self.rules.texts.apology)

    def _before_turn(self, frame: Frame) -> int:
        """Return how many records the conversation had before the message that broke it."""
        return min(frame.length, len(self.doc.records) - frame.base)

    # Answering ------------------------------------------------------------------------------------

    def add(self, reply: Reply | None) -> None:
        """Add a part to the answer."""
        if reply is not None:
            self.parts.append(reply)

    def _say(self, text: str) -> None:
        if text:
            self.parts.append(replies.Text(text))

    def _deliver(self, run: Run) -> None:
        """Add what the dialog said in this turn."""
        for said in run.chat.outbox:
            self.add(to_reply(said))
        run.chat.outbox.clear()

    def _remember(self, run: Run) -> None:
        """Take over what the dialog changed in the user's data since its conversation began.

        Raises:
            TypeError: It left something there that JSON cannot say.
        """
        carry_out(run.chat.changes(), self.doc.data)


def idempotency_key(conversation: str, message: str, count: int) -> str:
    """Return the idempotency key of a step.

    It is the same whenever the same message comes to the same step, and no other's: a step in which
    a worker died is repeated under its key even if another message had its turn in between, which
    then stands at the same place in the journal, and must not be taken for it.

    Args:
        conversation: Its id.
        message: Key of the message whose turn it is.
        count: Records the message has in the conversation so far, its own included.
    """
    digest = hashlib.blake2s(message.encode("utf-8", "surrogatepass"), digest_size=6)
    return f"{conversation}:{digest.hexdigest()}:{count}"


def _step_record(call: StepCall[Any], outcome: StepOutcome, slot: int | None = None) -> Record:
    """Record how a step ended; a result that cannot be read back as what its function says it
    returns is the function's error, raised in the dialog.
    """
    name = call.name
    if outcome.error is not None:
        return failed(name, outcome.error, slot, call.mark)
    try:
        record = returned(name, outcome.result, slot, call.mark)
        value(call.fn, record)
    except TypeError as error:
        return failed(name, error, slot, call.mark)
    except ValueError as error:
        wrong = TypeError(f"step {name!r} returned something else than it is annotated: {error}")
        return failed(name, wrong, slot, call.mark)
    return record


def _waits_at(run: Run, frame: Frame) -> bool:
    """Whether a dialog waits at the question of its header, as its user has seen it."""
    return isinstance(run.at, Wait) and (run.at.id, run.at.offers) == (frame.wait, frame.offers)


def _first_amid(run: Run, error: BaseException) -> int:
    """Return the position of the first step that a dialog asked for while this error, or the one
    that led to it, was on its way out; -1 if there is none.
    """
    chain: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in chain:
        chain.append(one)
        one = one.__cause__ or one.__context__
    return next((position for position, amid in run.amid if amid in chain), -1)


def view_of(frame: Frame) -> View:
    """Return what the user has done to the question a conversation waits at."""
    return View(frame.page, tuple(frame.ticks))


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"

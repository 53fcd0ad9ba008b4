"""The rules that must hold in every world, checked after every operation.

The judge sees each operation with the content of the store before and after it, each step when it
begins, and each answer that reaches an open connection. It keeps records of its own, and relies
neither on the store nor on the turn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wechat_dialog import replies
from wechat_dialog.core.replay.header import Frame, UserHead, decode_head
from wechat_dialog.core.replay.records import (
    Failed,
    GatheredFailed,
    GatheredReturned,
    Killed,
    MessageRecord,
    Record,
    Returned,
    TextRecord,
    decode_records,
    effective,
    is_secret,
)
from wechat_dialog.core.store.parts import PartPut
from wechat_dialog.core.store.values import Claimed, Running, Unclaimed
from wechat_dialog.core.turn.operations import Claim, Commit, RecordWrite, RunStep
from wechat_dialog.core.turn.outcome import Outcome
from wechat_dialog.core.turn.step_records import idempotency_key
from wechat_dialog.core.turn.transaction import PERSISTENCE
from wechat_dialog.core.turn.turn_report import TurnReport
from wechat_dialog.core.turn.waiting_text import waiting
from wechat_dialog.replies.stored import decode_reply, encode_reply

from .dialogs import FIRST_ID, MARK, QUESTION, RULES, clean
from .forgotten import Forgotten
from .line import Line
from .parts import LEASE, LONGEST
from .plan import SECRET, secret_of
from .unheard import Unheard

if TYPE_CHECKING:
    from .parts import Connection, Flying, Worker

__all__ = ["PAGES", "Judge", "Snapshot", "Violation", "marks_of"]

GATHERED = (GatheredReturned, GatheredFailed)
STEPS = (Returned, Failed, *GATHERED)
WAITING = waiting(RULES.texts)
PAGES = "https://example.com/p"
"""Address of the answer pages of those bots that have any."""
NO_REPLY = encode_reply(None)
NOT_COMMITTED = ("failed", "kept", "stale")
PATIENCE = 4.6
CANCEL = "取消"
ANYTIME = "帮助"


class Violation(AssertionError):
    """Something happened that must not."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the store holds of a user."""

    head: bytes
    records: tuple[bytes, ...]
    claimed: bool


@dataclass(slots=True)
class _Attempt:
    """One run of a step: who ran it, whether it returned, and whether it was given up before."""

    flying: Flying
    returned: bool = False
    recorded: bool = False
    given_up: bool = False


@dataclass(slots=True)
class _Books:
    """What the judge knows of one user.

    Attributes:
        line: The order of the messages.
        heard: (conversation, serial) of every message in a journal.
        recorded: Idempotency keys of finished steps.
        attempts: Runs of steps by key.
        logic: The key of a step, by what it is for: its message and arguments.
        purposes: The same by conversation and arguments: a number may be written again.
        parts: Outcomes of parts that the store was given, by step and id, the first of each.
        part_runs: Runs of parts by step and arguments.
        unfinished: Messages of which a step has begun and whose turn is not over, as they stand in
            idempotency keys.
        given: Marks that were part of a committed reply.
        dropped: Marks that were held for a user when they unsubscribed, and went with that.
        serials: The serial number of each message, by key.
        texts: What was typed, by key.
        tops: The conversation on top when the turn of a message first wrote something, by key; ""
            if there was none.
        unheard: What was said to nobody.
        forgotten: What must not come back of a user who was forgotten.
        secrets: What was taken for the answer to a secret question.
        confided: What was handed to a step as such an answer.
    """

    line: Line = field(default_factory=Line)
    heard: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])
    recorded: set[str] = field(default_factory=set[str])
    attempts: dict[str, list[_Attempt]] = field(default_factory=dict[str, list[_Attempt]])
    logic: dict[object, str] = field(default_factory=dict[object, str])
    purposes: dict[object, str] = field(default_factory=dict[object, str])
    parts: dict[tuple[str, str], bytes] = field(default_factory=dict[tuple[str, str], bytes])
    part_runs: dict[tuple[str, object], list[_Attempt]] = field(
        default_factory=dict[tuple[str, object], list[_Attempt]]
    )
    unfinished: set[str] = field(default_factory=set[str])
    given: set[str] = field(default_factory=set[str])
    dropped: set[str] = field(default_factory=set[str])
    serials: dict[str, int] = field(default_factory=dict[str, int])
    texts: dict[str, str] = field(default_factory=dict[str, str])
    tops: dict[str, str] = field(default_factory=dict[str, str])
    unheard: Unheard = field(default_factory=Unheard)
    forgotten: Forgotten = field(default_factory=Forgotten)
    secrets: set[bytes] = field(default_factory=set[bytes])
    confided: set[bytes] = field(default_factory=set[bytes])

    def ends(self, worker: Worker, message: str) -> None:
        """A message's turn ends, in a worker whose code need not come to steps that have begun in
        another one with other code, which died: they have no end then.
        """
        for key in self.attempts:
            if key.split(":")[1] == message and self.began_with_other_code(key, worker):
                self.purposes = {what: one for what, one in self.purposes.items() if one != key}

    def began_with_other_code(self, key: str, worker: Worker) -> bool:
        """Whether a step has begun in a worker with other code than this one has."""
        attempts = self.attempts.get(key, ())
        return any(one.flying.worker.changed is not worker.changed for one in attempts)

    def gives_up(self, conversation: str, user: str, now: float) -> None:
        """A conversation is parked: what a process did that was cut off at that moment is
        unknown.
        """
        for key, attempts in self.attempts.items():
            for one in attempts if key.startswith(f"{conversation}:") else ():
                one.given_up |= one.flying.worker.was_cut_off(user, now)


class Judge:
    """Keeps the books of one world and raises `Violation`.

    Args:
        remains: Tells whether the store holds anything of a user.
        contents: Gives all that it holds of a user.
        forgetful: Whether nothing is to be kept of a user who unsubscribed.

    Attributes:
        replies: The committed reply of each message, by serial number.
        promised: Whose message got the waiting text, by serial number.
        turns: How many turns were committed.
        ahead: Seconds by which the store's clock is ahead.
    """

    def __init__(
        self,
        remains: Callable[[str], bool],
        contents: Callable[[str], Iterable[bytes]],
        *,
        forgetful: bool,
    ) -> None:
        self._remains, self._contents, self._forgetful = remains, contents, forgetful
        self.replies: dict[int, bytes] = {}
        self.promised: dict[int, str] = {}
        self.turns = 0
        self.ahead = 0.0
        self._books: dict[str, _Books] = {}

    def books(self, user: str) -> _Books:
        """Return a user's books."""
        found = self._books.get(user)
        if found is None:
            found = self._books[user] = _Books()
        return found

    # Order ----------------------------------------------------------------------------------------

    def began(self, flying: Flying) -> None:
        """A worker begins a message's turn."""
        books = self.books(flying.user)
        books.serials.setdefault(flying.key, flying.serial)
        books.texts.setdefault(flying.key, flying.text)

    def asked(self, flying: Flying, op: Claim, result: object, now: float) -> None:
        """A claim was requested (not an optimistic one that was answered without a claim)."""
        if isinstance(result, Unclaimed):
            return
        line = self.books(flying.user).line
        line.asks(flying.key, now, now + self.ahead)
        if isinstance(result, Running):
            line.waits[flying.key] = now + self.ahead
            return
        line.waits.pop(flying.key, None)
        if isinstance(result, Claimed):
            line.grants(flying.key, result.fence, op.message)
            flying.first = flying.first or now
            flying.given_up.clear()  # it starts over
        if isinstance(result, Claimed) and not op.instead:
            self._in_order(line, flying.key, line.seen[flying.key], now)

    def ran_out(self, worker: Worker, user: str, now: float) -> None:
        """A claim to be renewed had expired, although nobody else has taken it."""
        if not worker.was_cut_off(user, now):
            raise Violation(f"a claim of {user} ran out in a process that lives, and has its store")

    def _in_order(self, line: Line, key: str, first: float, now: float) -> None:
        if overtaken := line.overtaken(key, first, now + self.ahead):
            raise Violation(
                f"{key} had its turn before {overtaken}, "
                f"which waits {now - line.seen[overtaken]:.3f} s already"
            )

    def put_off(self, user: str, key: str, message: bytes, now: float) -> None:
        """The store has noted a message whose request leaves: it is in the queue from then on,
        although no claim was requested.
        """
        line = self.books(user).line
        line.asks(key, now, now + self.ahead)
        line.defers(key, message)

    def reported(self, flying: Flying, reports: Sequence[TurnReport]) -> None:
        """A worker's turns have ended: there is one report of each that it knows is committed, in
        that order, and of none that is not.
        """
        commits = [op for op in flying.committed if not op.key.startswith("push:")]
        done = [report for report in reports if report.outcome not in NOT_COMMITTED]
        if [op.key for op in commits] != [report.turn for report in done]:
            raise Violation(f"{commits} are committed, and {reports} are reported")
        if len(reports) > len(done) + 1:
            raise Violation(f"{reports} are the reports of one request")
        for op, report in zip(commits, done, strict=True):
            stack = decode_head(op.write.head).stack
            waits = stack[-1].wait if stack else ""
            if waits != ("" if report.after is None else report.after.question):
                raise Violation(f"{report} waits at {waits!r}")
            if op.write.park and [parked.id for parked in op.write.park] != [report.parked]:
                raise Violation(f"{report} has parked {op.write.park}")
            if report.outcome == "waits" and not stack:
                raise Violation(f"{report} leaves no conversation")

    # Writes ---------------------------------------------------------------------------------------

    def wrote(
        self,
        flying: Flying,
        op: Commit | RecordWrite,
        before: Snapshot,
        after: Snapshot,
        now: float,
    ) -> None:
        """A write was done."""
        books = self.books(op.user)
        was, state = decode_head(before.head), decode_head(after.head)
        kept = len(after.records) - len(op.write.records) if after.head else 0
        if after.head:
            _only_grew(was, state, before.records, after.records, kept)
        appended = decode_records(op.write.records)
        records = decode_records(after.records)
        resumed = op.write.unpark
        for index, record in enumerate(appended, kept):
            frame = _frame_at(state, index) if after.head else None
            if frame is not None and frame.id not in resumed:
                length = next((old.length for old in was.stack if old.id == frame.id), 0)
                self._appended(books, frame, records, index, record, state.key, length)
        key = op.key if isinstance(op, Commit) else state.key
        books.tops.setdefault(key, was.stack[-1].id if was.stack else "")
        for parked in op.write.park:
            flying.given_up.discard(parked.id)
            books.gives_up(parked.id, op.user, now)
        if isinstance(op, Commit):
            self._committed(flying, books, op, was, state, records, now, before)
            if op.write.forget:
                flying.given_up.clear()
            if flying.given_up:
                raise Violation(f"{flying.given_up} are given up, and not parked")
        self._nothing_lost(flying, books, op, was, state)
        self._stays_forgotten(books, op, was, state)
        self._stays_secret(books, op)
        self._tells_nobody(books, op)

    def _tells_nobody(self, books: _Books, op: Commit | RecordWrite) -> None:
        """A secret answer that a step was given is stored nowhere, whichever process it was, and
        whatever became of the conversation.
        """
        reply = op.reply if isinstance(op, Commit) else b""
        parked = [parked.document for parked in op.write.park]
        written = b"\n".join(
            [op.write.head, *op.write.records, op.write.data or b"", reply, *parked]
        )
        if told := [secret for secret in books.confided if secret in written]:
            raise Violation(f"{told} was told in secret, and is written")

    def _stays_secret(self, books: _Books, op: Commit | RecordWrite) -> None:
        """A secret answer is nowhere in the store once a write has accepted it."""
        if books.secrets:
            held = b"\n".join(self._contents(op.user))
            if found := [secret for secret in books.secrets if secret in held]:
                raise Violation(f"{found} was said in secret, and is in the store")

    def _stays_forgotten(
        self, books: _Books, op: Commit | RecordWrite, was: UserHead, state: UserHead
    ) -> None:
        """Nothing reappears of a user who was forgotten, or who unsubscribed and may have been."""
        said = [op.reply] if isinstance(op, Commit) else []
        said += [bytes(held.reply) for held in state.held if held not in was.held]
        ids = {frame.id for frame in state.stack} | {_parsed(mark)[1] for mark in marks_of(said)}
        key = op.key if isinstance(op, Commit) else state.key
        told = _text(said) if isinstance(op, Commit) else ""
        if what := books.forgotten.back(key, ids, told):
            raise Violation(f"{op.user} was forgotten, and back comes {what}")
        left = isinstance(op, Commit) and books.texts.get(key) == "!unsubscribe"
        if op.write.forget != (left and self._forgetful):
            raise Violation(f"{op.user} has left, or not, and is forgotten: {op.write.forget}")
        if op.write.forget:
            if self._remains(op.user):
                raise Violation(f"{op.user} has left, and is not forgotten")
            books.forgotten.happens()

    def _appended(
        self,
        books: _Books,
        frame: Frame,
        records: list[Record],
        index: int,
        record: Record,
        key: str,
        length: int,
    ) -> None:
        """A record was appended; `length` of those of its conversation are of earlier turns."""
        if isinstance(record, (TextRecord, MessageRecord)):
            entry = frame.id, _serial(record)
            if entry in books.heard:
                raise Violation(f"message {entry[1]} is twice in the journal of {frame.id}")
            books.heard.add(entry)
            if isinstance(record, TextRecord) and record.wait and record.wait[0] != "!":
                asked = frame.id, _taken(frame, records[frame.base : index])
                if not books.unheard.answers(asked, record.created):
                    raise Violation(f"{entry[1]} was written before {asked} was shown")
                if is_secret(record.wait):
                    books.secrets.add(secret_of(entry[1]).encode())
        elif isinstance(record, STEPS):
            if "SecretGone" in getattr(record, "cls", ""):
                raise Violation(f"what was said in secret is lost to {record.name}")
            slots = index
            while isinstance(records[slots - 1], GATHERED):
                slots -= 1
            first = slots if isinstance(record, GATHERED) else index
            heard = first
            while not isinstance(records[heard - 1], (TextRecord, MessageRecord, Killed)):
                heard -= 1
            slot = f":{record.slot}" if isinstance(record, GATHERED) else ""
            count = first - heard + 1
            if heard - frame.base <= length:
                count = -count  # changed code continues, and the message was not heard yet
            books.recorded.add(idempotency_key(frame.id, key, count) + slot)

    def _committed(
        self, flying: Flying, books: _Books, op: Commit, was: UserHead, state: UserHead,
        records: list[Record], now: float, before: Snapshot,
    ) -> None:  # fmt: skip
        ends = [frame.base for frame in state.stack[1:]] + [len(records)]
        for frame, end in zip(state.stack, ends, strict=False):
            if frame.base + frame.length != end:
                raise Violation(f"{frame.id} is left with {frame.length} records, has {end}")
        if state.key:
            raise Violation("a committed head still names an unfinished turn")
        serial = flying.serial if op.key == flying.key else books.serials.get(op.key, 0)
        if not op.fence:
            if before.claimed:
                raise Violation("a commit without a claim, under somebody's claim")
            self._in_order(books.line, op.key, float("inf"), now)
        books.line.answers(op.key)
        books.unfinished.discard(_in_keys(op.key))
        books.ends(flying.worker, _in_keys(op.key))
        if not serial:
            return
        if serial in self.replies:
            raise Violation(f"message {serial} was committed twice")
        self.replies[serial] = op.reply
        self.turns += 1
        self._tells_the_truth(op.reply, state, records)
        if op.taken:
            books.unheard.asks(op.key, QUESTION.findall(_text([op.reply])))

    def _tells_the_truth(self, reply: bytes, state: UserHead, records: list[Record]) -> None:
        """The question in a reply shows what the journal holds."""
        asked = QUESTION.findall(_text([reply]))
        if not asked or not state.stack:
            return
        id, shown = asked[-1]
        top = state.stack[-1]
        if id != top.id or top.dialog != "accumulate":
            return
        taken = _taken(top, records[top.base :])
        if taken != shown:
            raise Violation(f"the user is shown {shown}, the journal holds {taken}")

    # What is said ---------------------------------------------------------------------------------

    def _nothing_lost(
        self,
        flying: Flying,
        books: _Books,
        op: Commit | RecordWrite,
        was: UserHead,
        state: UserHead,
    ) -> None:
        """Every part of an answer is in exactly one reply, or held for one, and in order."""
        said = marks_of([op.reply]) if isinstance(op, Commit) else []
        held = marks_of(bytes(held.reply) for held in state.held)
        before = marks_of(bytes(held.reply) for held in was.held) + books.unheard.marks()
        books.unheard.left.clear()
        # It may be the turn of an earlier message, whose worker died.
        key = op.key if isinstance(op, Commit) else state.key
        if lost := set(before) - set(said) - set(held):
            if books.texts.get(key) != "!unsubscribe":
                raise Violation(f"held and lost: {sorted(lost)}")
            books.dropped |= lost
        both = [*said, *held]
        if len(set(both)) < len(both):
            raise Violation(f"held and said, or twice in one answer: {both}")
        if again := books.given & set(both):
            raise Violation(f"said again: {sorted(again)}")
        if not isinstance(op, Commit):
            return
        self._heeds_words(books, op, state, both)
        if op.taken:
            books.given.update(said)
        else:
            books.unheard.left[op.key] = said
            books.unheard.serials.add(books.serials.get(op.key, 0))
        for part in (said, held):
            _counted_in_order(part)
        known = set(before) | books.given | books.dropped | set(both)
        for mark in (mark for mark in both if mark not in before):
            serial, conversation, count, after = _parsed(mark)
            needed = [f"{serial}.{conversation}.{number}" for number in range(1, count)]
            for name in [*needed, after] if after else needed:
                if not any(other[1:-1].split("<")[0] == name for other in known):
                    raise Violation(f"{mark} was said, but {name} before it was lost")

    def _heeds_words(
        self, books: _Books, op: Commit, state: UserHead, marks: Sequence[str]
    ) -> None:
        """A word to cancel ends the conversation that it was said to, and one that interrupts is
        answered, whatever is asked, whatever the code is and whoever finishes the turn; unless
        changed code has ended the conversation.
        """
        text, serial = books.texts.get(op.key, ""), books.serials.get(op.key, 0)
        top = books.tops.pop(op.key, "")
        goes_on = top in {frame.id for frame in state.stack}
        answered = any(mark.startswith(f"⟨{serial}.") for mark in marks) or bool(op.write.park)
        if (text == CANCEL and goes_on) or (
            text == ANYTIME and not answered and (goes_on or not top)
        ):
            raise Violation(f"{op.key} says {text}, and nothing comes of it")

    # Who heard it ---------------------------------------------------------------------------------

    def nobody_waits(self, op: Commit) -> None:
        """A commit was made when no connection of its message was open, and its process knew."""
        found = self.books(op.user).unheard
        found.doubtful |= set(QUESTION.findall(_text([op.reply])))

    def is_deaf(self, op: Commit) -> None:
        """A commit was made without a waiting request, and the process knew it from its server."""
        if not op.deferred and op.reply != NO_REPLY:
            raise Violation(f"the reply to {op.key} is said to be taken, and nobody was there")

    def somebody_waits(self, op: Commit) -> None:
        """A commit was made for a connection that is open, as far as its process can know."""
        self.books(op.user).unheard.said_again(set(QUESTION.findall(_text([op.reply]))))

    def took(self, user: str, key: str, worker: Worker, *, deaf: bool = False) -> None:
        """The store returned a message's reply to a caller.

        Args:
            user: Whose message it was.
            key: The message's.
            worker: Who asked.
            deaf: Whether the platform had closed the connection before that, a process on threads,
                came to it: no process can tell, and the reply counts as seen.
        """
        books = self.books(user)
        books.given.update(books.unheard.left.pop(key, ()))
        reply = self.replies.get(books.serials.get(key, 0), b"null")
        questions = set(QUESTION.findall(_text([reply])))
        books.unheard.takers[key] = worker.number, questions
        books.unheard.asks(key, questions)
        if deaf:
            books.unheard.said_again(questions)

    def told(self, user: str, key: str) -> None:
        """The process that a reply was given to has reported that nobody took it."""
        self.books(user).unheard.takers.pop(key, None)

    def died(self, worker: Worker) -> None:
        """A process is dead."""
        for books in self._books.values():
            books.unheard.died(worker.number)

    def left(self, user: str, key: str, reply: bytes) -> None:
        """The store was told, after the commit, that nobody took a reply, and keeps it."""
        books, marks = self.books(user), marks_of([reply])
        books.given.difference_update(marks)
        books.unheard.left[key] = marks
        books.unheard.serials.add(books.serials.get(key, 0))
        books.unheard.said_in_vain(key, set(QUESTION.findall(_text([reply]))))

    # Steps ----------------------------------------------------------------------------------------

    def step_started(
        self, flying: Flying, step: RunStep, held: Snapshot, now: float, *, holds: bool
    ) -> None:
        """A step begins to run; `held` is what the store holds of its user."""
        books = self.books(flying.user)
        key, name = step.key, step.call.name
        if key in books.recorded:
            raise Violation(f"the finished step {name} runs again ({key})")
        for attempt in books.attempts.get(key, ()):
            other = attempt.flying.worker
            if attempt.given_up:
                continue  # nobody will hear of it any more, and it has the same key
            if other.alive and (other is flying.worker or not other.was_cut_off(flying.user, now)):
                how = "though it has returned" if attempt.returned else "twice at once"
                raise Violation(
                    f"the step {name} runs again, {how} in a process that lives ({key})"
                )
        # A process cannot know that the store's clock has just been set.
        lost = not holds and not flying.worker.jumped(flying.user)
        if lost and not flying.dropped and not flying.operator:
            raise Violation(f"the step {name} runs without a claim ({key})")
        books.attempts.setdefault(key, []).append(_Attempt(flying))
        conversation, message, _ = key.split(":", 2)
        asking = [frame.id for frame in decode_head(held.head).stack if is_secret(frame.wait)]
        if conversation in asking:
            said = [arg for arg in step.call.args if isinstance(arg, int) and arg > SECRET]
            books.confided.update(str(secret).encode() for secret in said)
        if not flying.dropped:
            self._under_one_key(books, conversation, step)
        # An operator's command whose worker died is given again, and has the same keys.
        if flying.dropped or flying.operator:
            return
        self._knows_its_secret(books, message, step)
        if overtaken := books.unfinished - {message}:
            raise Violation(f"{key} begins while the turn of {overtaken} is not over")
        books.unfinished.add(message)
        if any(frame.id == conversation for frame in decode_head(held.head).stack):
            return
        # Begun by this very message, so whoever repeats the step comes to the same conversation.
        purpose = step.call.name, step.call.args, message
        known = books.logic.setdefault(purpose, key)
        # Other code may have come to it by other conversations.
        if known != key and not books.began_with_other_code(known, flying.worker):
            raise Violation(f"{purpose} runs as {key}, ran as {books.logic[purpose]} before")

    def _under_one_key(self, books: _Books, conversation: str, step: RunStep) -> None:
        """A step that began for a number has ended under its key before the same number, written
        again, counts as another message.
        """
        purpose = conversation, step.call.name, step.call.args
        if step.call.fn is clean and step.call.args[0] > 0:
            return  # of the conversation's end, whichever message that comes with
        before = books.purposes.get(purpose)
        if before not in (None, step.key) and before not in books.recorded:
            raise Violation(f"{purpose} runs as {step.key}, and as {before} it has not ended")
        books.purposes[purpose] = step.key

    def _knows_its_secret(self, books: _Books, message: str, step: RunStep) -> None:
        """A step that is passed a secret answer gets the text of this turn's message."""
        for said in step.call.args:
            if not isinstance(said, int):
                raise Violation(f"{step.call.name} is called with {said!r}")
            whose = [key for key, text in books.texts.items() if text == str(said)]
            if said > SECRET and message not in map(_in_keys, whose):
                raise Violation(f"{step.call.name} is called with {said} of another turn")

    def is_in_time(self, flying: Flying, now: float) -> None:
        """A process looks at its turns."""
        if flying.calls_since and now - flying.calls_since > LONGEST + LEASE:
            raise Violation(f"{flying.serial} waits for a step {now - flying.calls_since:.0f} s")

    def gave_up_step(self, flying: Flying, key: str, now: float, *, joined: bool) -> None:
        """A turn gives up a step, or a gathering, because its time limit is over; or it had joined
        the call of another turn that gave it up.
        """
        books, mine = self.books(flying.user), list[str]()
        for name, attempts in books.attempts.items():
            for attempt in attempts:
                if attempt.flying is flying and not (attempt.returned or attempt.given_up):
                    attempt.given_up = True
                    mine.append(name)
        if now - flying.first < LONGEST and not joined:
            raise Violation(f"{flying.serial} gives {key} up after {now - flying.first:.1f} s")
        flying.first = now  # to park it, there is as much time again
        flying.given_up.update(name.split(":")[0] for name in (*mine, key) if ":" in name)

    def step_returned(self, flying: Flying, step: RunStep) -> None:
        """A step has ended, in a process that is alive."""
        for attempt in self.books(flying.user).attempts.get(step.key, ()):
            attempt.returned = attempt.returned or attempt.flying is flying

    def step_given_up(self, flying: Flying, step: RunStep) -> None:
        """A step's call ended without an outcome, because the store failed to store its parts."""
        attempts = self.books(flying.user).attempts
        attempts[step.key] = [one for one in attempts.get(step.key, ()) if one.flying is not flying]

    def part_started(self, flying: Flying, step: RunStep, args: object, now: float) -> None:
        """A part of a step begins to run.

        It may have run elsewhere under the same key, if its process was stopped so shortly before
        that it did not check its claim in between: its outcome is then refused.
        """
        assert step.parts is not None, "it has parts"
        runs = self.books(flying.user).part_runs.setdefault((step.parts.step, args), [])
        for run in runs:
            here = run.flying.worker is flying.worker
            known = run.recorded and (here or not flying.worker.was_cut_off(flying.user, now))
            if known or (run.returned and here):
                raise Violation(f"the part {args} of {step.key} runs again, though it has ended")
        runs.append(_Attempt(flying))

    def part_returned(self, flying: Flying, step: RunStep, args: object) -> None:
        """A part has ended, in a process that is alive."""
        assert step.parts is not None, "it has parts"
        for run in self.books(flying.user).part_runs.get((step.parts.step, args), ()):
            run.returned = run.returned or run.flying is flying

    def part_recorded(self, flying: Flying, step: RunStep, put: PartPut) -> None:
        """The store has taken the outcome of a part."""
        books = self.books(flying.user)
        for runs in [runs for part, runs in books.part_runs.items() if part[0] == put.step]:
            for run in runs:
                run.recorded = run.recorded or (run.returned and run.flying is flying)
        if books.parts.setdefault((put.step, put.part), put.outcome) != put.outcome:
            raise Violation(f"a part of {step.key} has two outcomes")

    def parts_returned(self, user: str, step: RunStep, results: list[int]) -> None:
        """A step has ended, and its result is that of the outcomes of parts that the store has."""
        assert step.parts is not None, "it has parts"
        of = step.parts.step
        [*kept] = [outcome for (one, _), outcome in self.books(user).parts.items() if one == of]
        used = [f'["s","p{n}",{result},""'.encode() for n, result in enumerate(results)]
        if not all(any(outcome.startswith(one) for outcome in kept) for one in used):
            raise Violation(f"{step.key} has used {results}, recorded is {kept}")

    def gave_up(self, flying: Flying, fence: int) -> None:
        """A claim was released: the store had failed, and the user gets an apology."""
        books = self.books(flying.user)
        books.line.releases(flying.key, fence)
        message = _in_keys(flying.key)
        for key, attempts in books.attempts.items():
            mine = any(one.flying is flying and not one.given_up for one in attempts)
            if mine and key not in books.recorded and not flying.dropped:
                raise Violation(f"the claim under which {key} ran unrecorded is given back")
        books.unfinished.discard(message)

    def gave_up_waiting(self, flying: Flying, now: float) -> None:
        """A turn stops waiting for a store that keeps failing."""
        books = self.books(flying.user)
        for key, attempts in books.attempts.items():
            ended = any(one.flying is flying and one.returned for one in attempts)
            waited = now - flying.failing
            if ended and key not in books.recorded and waited < PERSISTENCE - 1:
                raise Violation(f"the outcome of {key} waits {waited:.1f} s for the store")

    def dropped(self, user: str, keys: Sequence[str] = ()) -> None:
        """An operator dropped a user's conversations: their effects may happen again, but not
        because of the messages with these keys, whose turns were in progress.
        """
        books = self.books(user)
        books.forgotten.keys.update(keys)
        books.line.drops(keys)
        books.recorded.clear()
        books.heard.clear()
        books.attempts.clear()
        books.purposes.clear()
        books.unfinished.clear()
        # A message whose turn was not known to be under way is the first one of a conversation, as
        # is what comes too late to be an answer.
        books.secrets.clear()
        # So does a copy of it that comes when its user has left meanwhile.
        books.forgotten.ids.clear()
        # A reply that went with another message's answer is with its user.
        books.unheard = Unheard(serials=books.unheard.serials)
        for serial in [serial for serial, whose in self.promised.items() if whose == user]:
            del self.promised[serial]

    def forgotten(self, user: str, keys: Iterable[str]) -> None:
        """An operator forgot a user, while the store knew messages with these keys."""
        books = self.books(user)
        books.line.drops()
        books.forgotten.happens(keys)
        self.dropped(user)
        if self._remains(user):
            raise Violation(f"{user} is forgotten, and something is left")

    # Answers --------------------------------------------------------------------------------------

    def deferred(self, connection: Connection, others: Iterable[Connection], now: float) -> None:
        """A request reports that nobody will take its message's reply; `others` are all
        requests.
        """
        if connection.early:
            return  # so is every other request of the message: its turn waits in vain
        waited = now - connection.opened
        if waited < PATIENCE - 0.1:
            raise Violation(f"the reply to {connection.serial} is put off after {waited:.2f} s")
        # One that waited at a stopped process's door cannot tell itself from the next one.
        prompt = connection.closes - connection.opened > 4.0
        if (
            prompt
            and now > connection.closes
            and any(other.opened > connection.opened + 1 and now < other.closes for other in others)
        ):
            raise Violation(
                f"a request of {connection.serial} that is gone puts off what another waits for"
            )

    def _is_forgotten(self, user: str, serial: int) -> bool:
        """Whether a message came before an operator ended its turn or had its user forgotten."""
        books = self.books(user)
        return any(books.serials.get(key) == serial for key in books.forgotten.keys)

    def all_promises_kept(self) -> None:
        """The world has ended: whoever got the waiting text has got an answer."""
        for serial, user in self.promised.items():
            if serial not in self.replies:
                raise Violation(f"{user} was told to wait for the answer to {serial}: none came")
        for user, books in self._books.items():
            if blind := books.unheard.blind():
                raise Violation(f"{user} answered what they were never shown: {blind}")

    def delivered(
        self, connection: Connection, user: str, outcome: Outcome, now: float, left: float
    ) -> None:
        """An answer reached the platform on an open connection.

        Args:
            connection: The connection.
            user: Whose.
            outcome: The answer.
            now: The time.
            left: When the message's turn in its process left, as nobody listened any more.
        """
        serial, reply = connection.serial, _without_page(outcome.reply)
        committed = self.replies.get(serial)
        asked = [] if reply is None else QUESTION.findall(_text([encode_reply(reply)]))
        self.books(user).unheard.shown |= set(asked)
        if reply == WAITING:
            self.promised[serial] = user
            # A request that joins a turn which is just leaving hears what that is told.
            waited = now - connection.opened >= PATIENCE - 0.1 or connection.opened >= left
            waited = waited or connection.early
            late = committed is not None and _without_page(decode_reply(committed)) == WAITING
            if not late and not waited:
                raise Violation(
                    f"{serial} is asked for patience after {now - connection.opened:.2f} s"
                )
        elif reply is None and self._is_forgotten(user, serial):
            return
        elif committed is None:
            raise Violation(f"{serial} is answered {reply!r} without a turn of its own")
        elif reply is None and serial in self.books(user).unheard.serials:
            return  # it comes, or came, with another message's answer
        elif _without_page(decode_reply(committed)) != reply:
            raise Violation(f"{serial} is answered {reply!r}, committed is {committed!r}")


def _taken(frame: Frame, records: list[Record]) -> str:
    """Return the numbers that a conversation has taken, as its question shows them."""
    if frame.dialog != "accumulate":
        return ""
    return ",".join(
        str(record.text)
        for record in effective(records)
        if isinstance(record, TextRecord) and record.wait and record.wait[0] != "!"
    )


def _only_grew(
    was: UserHead, state: UserHead, before: tuple[bytes, ...], after: tuple[bytes, ...], kept: int
) -> None:
    if after[:kept] != before[:kept]:
        raise Violation("records in the journal were changed")
    if kept < len(before):
        stay = {frame.id for frame in state.stack if frame.base < kept}
        gone = [frame.base for frame in was.stack if frame.id not in stay]
        if not gone or min(gone) != kept:
            raise Violation(
                f"the journal was cut to {kept} of {len(before)} records; ended: {gone}"
            )


def _frame_at(state: UserHead, index: int) -> Frame:
    return [frame for frame in state.stack if frame.base <= index][-1]


def _serial(record: TextRecord | MessageRecord) -> int:
    if isinstance(record, TextRecord):
        return int(record.msg_id) - FIRST_ID
    return int(record.raw["EventKey"][2:]) if "EventKey" in record.raw else 0


def _in_keys(key: str) -> str:
    """Return how a message stands in the idempotency keys of its steps."""
    return idempotency_key("", key, 0).split(":")[1]


def _text(answers: Iterable[bytes]) -> str:
    parts = [decode_reply(answer) for answer in answers]
    return "\n".join(part.content for part in parts if isinstance(part, replies.Text))


def _without_page(reply: replies.Reply | None) -> replies.Reply | None:
    """Return a reply without the link to a page."""
    if not isinstance(reply, replies.Text):
        return reply
    return replies.Text(re.sub(rf'\n<a href="{PAGES}/[^"]*">[^<]*</a>', "", reply.content))


def marks_of(answers: Iterable[bytes]) -> list[str]:
    """Return the marks in answers, in order."""
    return [found.group() for found in MARK.finditer(_text(answers))]


def _parsed(mark: str) -> tuple[str, str, int, str]:
    found = MARK.fullmatch(mark)
    assert found is not None
    serial, conversation, count, after = found.groups(default="")
    return serial, conversation, int(count), after


def _counted_in_order(marks: list[str]) -> None:
    last: dict[tuple[str, str], int] = {}
    for mark in marks:
        serial, conversation, count, _ = _parsed(mark)
        if last.get((serial, conversation), 0) >= count:
            raise Violation(f"said in the wrong order: {marks}")
        last[serial, conversation] = count

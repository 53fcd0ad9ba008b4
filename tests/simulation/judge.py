"""What must hold in every world, looked at after every operation.

The judge sees each operation with what the store held before and after it, each step as it starts,
and each answer that reaches an open connection. He keeps books of his own and asks neither the
store nor the turn whether all is well.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wechat_dialog import replies
from wechat_dialog.conversation import idempotency_key
from wechat_dialog.dispatch import decode_reply, encode_reply, waiting
from wechat_dialog.head import Frame, State, decode_state
from wechat_dialog.journal import (
    Answer,
    Failed,
    GatheredFailed,
    GatheredReturned,
    Killed,
    Message,
    Record,
    Returned,
    decode_records,
    effective,
)
from wechat_dialog.operations import Commit, RunStep
from wechat_dialog.operations import Record as RecordNow
from wechat_dialog.stores.base import Claimed, Running, Unclaimed
from wechat_dialog.turn import Outcome

from .dialogs import FIRST_ID, MARK, QUESTION, RULES

if TYPE_CHECKING:
    from .parts import Connection, Flying

__all__ = ["Judge", "Snapshot", "Violation"]

GATHERED = (GatheredReturned, GatheredFailed)
STEPS = (Returned, Failed, *GATHERED)
WAITING = waiting(RULES.texts)
PLACE_KEPT = 1.0
SEEN_KEPT = 60.0
PATIENCE = 4.6


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
    """One run of a step: who ran it."""

    flying: Flying
    fence: int


@dataclass(slots=True)
class _Books:
    """What the judge knows of one user.

    Attributes:
        seen: When a message first asked, by key.
        asked: When a message last asked, by key.
        waits: When a waiting message was last refused, by key.
        heard: (conversation, serial) of every message in a journal.
        recorded: Idempotency keys of finished steps.
        attempts: Runs of steps by key.
        logic: The key of a step, by what it is for.
        unfinished: Messages of which a step has begun and whose turn is not over, as they stand in
            idempotency keys.
        given: Marks that were part of a committed reply.
        serials: The serial number of each message, by key.
        texts: What was typed, by key.
    """

    seen: dict[str, float] = field(default_factory=dict[str, float])
    asked: dict[str, float] = field(default_factory=dict[str, float])
    waits: dict[str, float] = field(default_factory=dict[str, float])
    heard: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])
    recorded: set[str] = field(default_factory=set[str])
    attempts: dict[str, list[_Attempt]] = field(default_factory=dict[str, list[_Attempt]])
    logic: dict[object, str] = field(default_factory=dict[object, str])
    unfinished: set[str] = field(default_factory=set[str])
    given: set[str] = field(default_factory=set[str])
    serials: dict[str, int] = field(default_factory=dict[str, int])
    texts: dict[str, str] = field(default_factory=dict[str, str])


class Judge:
    """Keeps the books of one world and raises `Violation`.

    Attributes:
        replies: The committed reply of each message, by serial number.
        promised: Whose message got the waiting text, by serial number.
        turns: How many turns were committed.
    """

    def __init__(self) -> None:
        self.replies: dict[int, bytes] = {}
        self.promised: dict[int, str] = {}
        self.turns = 0
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

    def asked(self, flying: Flying, result: object, now: float) -> None:
        """A claim was asked for, and not just a look taken, which leaves no trace."""
        if isinstance(result, Unclaimed):
            return
        books = self.books(flying.user)
        if now - books.asked.get(flying.key, now) > SEEN_KEPT:
            books.seen.pop(flying.key, None)  # an operator comes with the same key hours later
        books.asked[flying.key] = now
        books.seen.setdefault(flying.key, now)
        if isinstance(result, Running):
            books.waits[flying.key] = now
            return
        books.waits.pop(flying.key, None)
        if isinstance(result, Claimed):
            self._in_order(books, flying.key, books.seen[flying.key], now)

    def _in_order(self, books: _Books, key: str, first: float, now: float) -> None:
        for other, last in books.waits.items():
            since = books.seen[other]
            if other != key and since < first and now - last < PLACE_KEPT:
                raise Violation(
                    f"{key} had its turn before {other}, which waits {now - since:.3f} s already"
                )

    # Writes ---------------------------------------------------------------------------------------

    def wrote(
        self, flying: Flying, op: Commit | RecordNow, before: Snapshot, after: Snapshot, now: float
    ) -> None:
        """A write was done."""
        books = self.books(op.user)
        was, state = decode_state(before.head), decode_state(after.head)
        kept = len(after.records) - len(op.write.records) if after.head else 0
        if after.head:
            _only_grew(was, state, before.records, after.records, kept)
        appended = decode_records(op.write.records)
        records = decode_records(after.records)
        resumed = op.write.unpark
        for index, record in enumerate(appended, kept):
            frame = _frame_at(state, index) if after.head else None
            if frame is not None and frame.id != resumed:
                self._appended(books, frame, records, index, record, state.key)
        if isinstance(op, Commit):
            self._committed(flying, books, op, was, state, records, now, before)
        self._nothing_lost(flying, books, op, was, state)

    def _appended(
        self,
        books: _Books,
        frame: Frame,
        records: list[Record],
        index: int,
        record: Record,
        key: str,
    ) -> None:
        if isinstance(record, (Answer, Message)):
            entry = frame.id, _serial(record)
            if entry in books.heard:
                raise Violation(f"message {entry[1]} is twice in the journal of {frame.id}")
            books.heard.add(entry)
        elif isinstance(record, STEPS):
            slots = index
            while isinstance(records[slots - 1], GATHERED):
                slots -= 1
            first = slots if isinstance(record, GATHERED) else index
            heard = first
            while not isinstance(records[heard - 1], (Answer, Message, Killed)):
                heard -= 1
            slot = f":{record.slot}" if isinstance(record, GATHERED) else ""
            books.recorded.add(idempotency_key(frame.id, key, first - heard + 1) + slot)

    def _committed(
        self, flying: Flying, books: _Books, op: Commit, was: State, state: State,
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
            self._in_order(books, op.key, float("inf"), now)
        books.waits.pop(op.key, None)
        books.unfinished.discard(_in_keys(op.key))
        if not serial:
            return
        if serial in self.replies:
            raise Violation(f"message {serial} was committed twice")
        self.replies[serial] = op.reply
        self.turns += 1
        self._tells_the_truth(op.reply, state, records)

    def _tells_the_truth(self, reply: bytes, state: State, records: list[Record]) -> None:
        """The question in a reply shows what the journal holds."""
        asked = QUESTION.findall(_text([reply]))
        if not asked or not state.stack:
            return
        id, shown = asked[-1]
        top = state.stack[-1]
        if id != top.id or top.dialog != "accumulate":
            return
        taken = [
            str(record.text)
            for record in effective(records[top.base :])
            if isinstance(record, Answer) and record.wait and record.wait[0] != "!"
        ]
        if ",".join(taken) != shown:
            raise Violation(f"the user is shown {shown}, the journal holds {taken}")

    # What is said ---------------------------------------------------------------------------------

    def _nothing_lost(
        self, flying: Flying, books: _Books, op: Commit | RecordNow, was: State, state: State
    ) -> None:
        """Every part of an answer is in one reply, or held for one, and in its order."""
        said = _marks([op.reply]) if isinstance(op, Commit) else []
        held = _marks(bytes(held.reply) for held in state.held)
        before = _marks(bytes(held.reply) for held in was.held)
        # It may be the turn of an earlier message, whose worker died.
        key = op.key if isinstance(op, Commit) else state.key
        if books.texts.get(key) != "!unsubscribe" and (lost := set(before) - set(said) - set(held)):
            raise Violation(f"held and lost: {sorted(lost)}")
        both = [*said, *held]
        if len(set(both)) < len(both):
            raise Violation(f"held and said, or twice in one answer: {both}")
        if again := books.given & set(both):
            raise Violation(f"said again: {sorted(again)}")
        books.given.update(said)
        if not isinstance(op, Commit):
            return
        for part in (said, held):
            _counted_in_order(part)
        known = set(before) | books.given | set(held)
        for mark in (mark for mark in both if mark not in before):
            serial, conversation, count, after = _parsed(mark)
            needed = [f"{serial}.{conversation}.{number}" for number in range(1, count)]
            for name in [*needed, after] if after else needed:
                if not any(other[1:-1].split("<")[0] == name for other in known):
                    raise Violation(f"{mark} was said, but {name} before it was lost")

    # Steps ----------------------------------------------------------------------------------------

    def step_started(
        self, flying: Flying, step: RunStep, fence: int, held: Snapshot, *, holds: bool
    ) -> None:
        """A step begins to run; `held` is what the store has of its user."""
        books = self.books(flying.user)
        key = step.key
        if key in books.recorded:
            raise Violation(f"the finished step {step.call.name} runs again ({key})")
        for attempt in books.attempts.get(key, ()):
            if not (attempt.flying.over or attempt.flying.dead or attempt.flying.excused):
                raise Violation(f"the step {step.call.name} runs twice at once ({key})")
            if attempt.flying.over and not attempt.flying.excused:
                raise Violation(
                    f"the step {step.call.name} runs again, whose turn ended well ({key})"
                )
        if not holds and not flying.dropped and flying.seat is not None:
            raise Violation(f"the step {step.call.name} runs without a claim ({key})")
        books.attempts.setdefault(key, []).append(_Attempt(flying, fence))
        conversation, message, _ = key.split(":", 2)
        # An operator's command whose worker died is given again, and has the same keys.
        if flying.dropped or flying.seat is None:
            return
        if overtaken := books.unfinished - {message}:
            raise Violation(f"{key} begins while the turn of {overtaken} is not over")
        books.unfinished.add(message)
        if any(frame.id == conversation for frame in decode_state(held.head).stack):
            return
        # Begun by this very message, so whoever repeats the step comes to the same conversation.
        purpose = step.call.name, step.call.args, message
        if books.logic.setdefault(purpose, key) != key:
            raise Violation(f"{purpose} runs as {key}, ran as {books.logic[purpose]} before")

    def gave_up(self, flying: Flying) -> None:
        """A claim was given back: the store had failed, and the user is told so."""
        self.books(flying.user).unfinished.discard(_in_keys(flying.key))

    def dropped(self, user: str) -> None:
        """An operator threw a user's conversations away: what they did may be done again."""
        books = self.books(user)
        books.recorded.clear()
        books.heard.clear()
        books.attempts.clear()
        books.unfinished.clear()
        for serial in [serial for serial, whose in self.promised.items() if whose == user]:
            del self.promised[serial]

    # Answers --------------------------------------------------------------------------------------

    def deferred(self, connection: Connection, others: Iterable[Connection], now: float) -> None:
        """A request says that nobody will take its message's reply; `others` has all of them."""
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

    def all_promises_kept(self) -> None:
        """Everything is over: whoever was told to wait has had an answer."""
        for serial, user in self.promised.items():
            if serial not in self.replies:
                raise Violation(f"{user} was told to wait for the answer to {serial}: none came")

    def delivered(self, connection: Connection, user: str, outcome: Outcome, now: float) -> None:
        """An answer reached the platform on an open connection."""
        serial, reply = connection.serial, outcome.reply
        committed = self.replies.get(serial)
        if reply == WAITING:
            self.promised[serial] = user
            if committed != encode_reply(WAITING) and now - connection.opened < PATIENCE - 0.1:
                raise Violation(
                    f"{serial} is asked for patience after {now - connection.opened:.2f} s"
                )
        elif committed is None:
            raise Violation(f"{serial} is answered {reply!r} without a turn of its own")
        elif decode_reply(committed) != reply:
            raise Violation(f"{serial} is answered {reply!r}, committed is {committed!r}")


def _only_grew(
    was: State, state: State, before: tuple[bytes, ...], after: tuple[bytes, ...], kept: int
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


def _frame_at(state: State, index: int) -> Frame:
    return [frame for frame in state.stack if frame.base <= index][-1]


def _serial(record: Answer | Message) -> int:
    if isinstance(record, Answer):
        return int(record.msg_id) - FIRST_ID
    return int(record.raw["EventKey"][2:]) if "EventKey" in record.raw else 0


def _in_keys(key: str) -> str:
    """Return how a message stands in the idempotency keys of its steps."""
    return idempotency_key("", key, 0).split(":")[1]


def _text(answers: Iterable[bytes]) -> str:
    parts = [decode_reply(answer) for answer in answers]
    return "\n".join(part.content for part in parts if isinstance(part, replies.Text))


def _marks(answers: Iterable[bytes]) -> list[str]:
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

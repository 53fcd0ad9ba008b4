"""Replay: from a dialog and its journal to what the dialog does next.

A running generator cannot be stored; its inputs can: what the user said, and what its steps
returned. To continue, the dialog is started again and fed those records, so equal records must lead
a dialog to equal questions.

`Run` is one dialog being driven. `feed` gives it one record, stored or new, and `at` is where it
stands afterwards (`standing.At`). Nothing here executes a step, reads a clock, or knows a store;
its driver does, and passes in the record of what happened. So live and replayed runs take the same
path.

Every record names what it answers, and a run compares: a question that is not the recorded one, a
step with another name, a stored answer that no longer parses, a branch that a race no longer has,
an end with records left are all a `ReplayMismatch`. `driver` drives the generator; `rewording` and
`traded_calls` decide which differences count. See `tests/engine/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, ClassVar

from wechat_dialog import messages
from wechat_dialog.core.blame import told
from wechat_dialog.core.dialog.background import Background
from wechat_dialog.core.dialog.chat import Chat
from wechat_dialog.core.dialog.question_ids import decode_answered, decode_thrown
from wechat_dialog.core.dialog.questions import SecretWait, Wait
from wechat_dialog.core.dialog.registered import RegisteredDialog
from wechat_dialog.core.dialog.secret_answers import SecretAnswer
from wechat_dialog.core.dialog.steps import Gather, StepCall
from wechat_dialog.core.replay.driver import Driver
from wechat_dialog.core.replay.header import StoredRival
from wechat_dialog.core.replay.recorded_messages import arrival_of
from wechat_dialog.core.replay.records import (
    Data,
    Failed,
    GatheredFailed,
    GatheredReturned,
    Killed,
    MessageRecord,
    Record,
    Returned,
    SignalRecord,
    TextRecord,
    TimerRecord,
    is_secret,
    masked,
)
from wechat_dialog.core.replay.rewording import Rewording
from wechat_dialog.core.replay.slots import Slots
from wechat_dialog.core.replay.standing import At, Raised, describe, difference, pending_at
from wechat_dialog.core.replay.thrown import of_reading, thrown_by
from wechat_dialog.core.replay.traded_calls import TradedCalls
from wechat_dialog.errors import Cancelled, ReplayMismatch

from .codes import code_of
from .outcomes import READER

__all__ = ["Run", "Way"]

Way = TracebackType | None

ENDINGS = 10
"""Questions that a dialog which was told to end may ask during its clean-up; each is cancelled."""


class Run:
    """One dialog, driven from record to record.

    Attributes:
        dialog: The dialog.
        chat: Its chat.
        at: Where it stands; None before the record of the message that started it.
        position: Number of records fed.
        trail: In strict mode, `file:line` of every place it stood at; else None.
        ending: How many more questions are cancelled after the dialog was told to end, when no user
            is there to answer; 0 before.
        secrets: The secret answers it has received, oldest first.
        outcomes: Decodes recorded outcomes of steps.
    """

    __slots__ = (
        "_calls", "_driver", "_rewording", "_same_code", "_slots", "account", "args", "at", "chat",
        "dialog", "ending", "outcomes", "position", "secrets", "trail",
    )  # fmt: skip

    chats: ClassVar[type[Chat]] = Chat
    """The class of its chat."""
    call_comparison: ClassVar[type[TradedCalls]] = TradedCalls
    question_comparison: ClassVar[type[Rewording]] = Rewording

    def __init__(
        self, dialog: RegisteredDialog, chat: Chat, args: dict[str, Any], *, account: str,
        code: str = "",
    ) -> None:  # fmt: skip
        """Create a run that has been fed nothing; see `runs.run_of`."""
        self.dialog = dialog
        self.chat = chat
        self.args = args
        self.account = account
        self.at: At | None = None
        self.position = 0
        self.ending = 0
        self.trail: list[str] | None = None
        self.secrets: tuple[SecretAnswer, ...] = ()
        self.outcomes = READER
        self._driver = Driver(dialog, chat)
        self._same_code = not code or code == code_of(dialog)
        # Created when needed: most replays need none of them.
        self._calls: TradedCalls | None = None
        self._rewording: Rewording | None = None
        self._slots: Slots | None = None

    @property
    def calls(self) -> TradedCalls:
        """Compares the steps that the dialog requests with the recorded ones."""
        if self._calls is None:
            self._calls = self.call_comparison(self._driver, same_code=self._same_code)
        return self._calls

    @property
    def rewording(self) -> Rewording:
        """Compares questions whose text is not the recorded one."""
        if self._rewording is None:
            self._rewording = self.question_comparison(self._driver, same_code=self._same_code)
        return self._rewording

    def keep_trail(self) -> None:
        """From here on note every place at which it stands, for strict mode; see `trail`."""
        from .foreign import watch

        watch()
        self.trail = []

    # Feeding --------------------------------------------------------------------------------------

    def replay(self, records: Iterable[Record]) -> None:
        """Feed journaled records, oldest first.

        Raises:
            ReplayMismatch: The dialog does something else than was recorded.
        """
        # Nearly every record of a replay is a plain text that answers the current question: that
        # case is handled inline, to save a call for each of them.
        plain, chat, send = self.trail is None, self.chat, self._driver.send
        at = self.at
        chat.replaying = True
        try:
            for record in records:
                if (
                    type(record) is TextRecord
                    and type(at) is Wait
                    and record.wait == at.id
                    and (read := at.reading.text) is not None
                    and plain
                ):
                    chat.heard = record
                    chat.arrived = record.created * 1000 + record.late
                    try:
                        answer = read(chat, record.text)
                    except BaseException as error:  # noqa: BLE001 - see `_misread`
                        at = self.at = self._misread(error)
                    else:
                        if chat.called:
                            chat.begin_turn()
                        at = self.at = send(answer)
                    self.position += 1
                else:
                    self.feed(record)
                    at = self.at
        finally:
            chat.replaying = False
        if self._calls is not None and isinstance(self.at, (StepCall, Gather)):
            self._calls.must_not_repeat(self.at)

    def _misread(self, error: BaseException) -> Raised:
        """Return the state of a dialog whose author's parser failed at a recorded answer.

        Raises:
            ReplayMismatch: The parser refuses the answer, which no longer fits.
        """
        if isinstance(error, ValueError):
            raise self.differs(f"an answer that no longer fits ({told(error)})") from error
        return self._driver.abandon(of_reading(error))

    def feed(self, record: Record, way: Way = None) -> None:
        """Feed one record; afterwards `at` is where the dialog stands.

        `way` is the traceback if the record is of a step that has just raised.

        Raises:
            ReplayMismatch: The record does not belong to where the dialog stands; the dialog is
                left unchanged.
        """
        if isinstance(record, (TextRecord, MessageRecord)):
            self._hear(record)
        elif isinstance(record, (Returned, Failed)):
            self._step_ended(record, way)
        elif isinstance(record, (GatheredReturned, GatheredFailed)):
            self._slot_ended(record, way)
        elif isinstance(record, (TimerRecord, SignalRecord)):
            self._fire(record)
        elif isinstance(record, Data):
            self.chat.remember(record.data, again=self.at is not None)
        elif isinstance(record, Killed):
            self.chat.begin_turn()
            self.ending = ENDINGS
            self.at = self._driver.throw(thrown_by("end"))
        else:
            raise AssertionError("rewinds are applied before: see records.effective")
        self.fed()

    def fed(self) -> None:
        """Count a record; in strict mode, note the place to which it led."""
        while self.ending and isinstance(self.at, (Wait, Background)):
            # A wait during clean-up would leave the rest of it, and outer `finally`s, undone.
            self.ending -= 1
            self.at = self._driver.throw(Cancelled())
        self.position += 1
        if self.trail is not None:
            self.trail.append(self.where())

    # Messages -------------------------------------------------------------------------------------

    def _hear(self, record: TextRecord | MessageRecord) -> None:
        if not record.wait or record.wait[0] == "!":
            self._hear_no_answer(record)
            return
        wait, meant = decode_answered(record.wait)
        at, chat = self.at, self.chat
        if not isinstance(at, Wait) or (at.id != wait and not self.asks(wait)):
            raise self.differs(f"an answer to {describe(wait, self.dialog.fn)}")
        if isinstance(at, SecretWait):
            message = record.message(chat.user, self.account)
            if not is_secret(wait):
                message = masked(message)  # the question has become secret since
            self.hear_in_secret(message, arrival_of(record), SecretAnswer())
            return
        before = chat.arrived
        chat.arrived = arrival_of(record)
        try:
            message = record.message(chat.user, self.account)
            answer = at.reading.value(chat, message, record.ticked)
            chat.message = message
        except BaseException as error:  # noqa: BLE001 - it no longer fits, or a broken parser
            chat.arrived = before
            self.at = self._misread(error)
            return
        if meant and at.meant(answer) not in ("", meant):
            raise self.differs("an answer that meant another of the options")
        if chat.called:
            chat.begin_turn()
        self.at = self._driver.send(answer)

    def _hear_no_answer(self, record: TextRecord | MessageRecord) -> None:
        message, arrived = record.message(self.chat.user, self.account), arrival_of(record)
        if not record.wait:
            self.start(message, arrived)
            return
        thrown, wait = decode_thrown(record.wait)
        if not (self.asks(wait) if wait else isinstance(self.at, Wait)):
            raise self.differs(f"{thrown} at {describe(wait, self.dialog.fn)}" if wait else thrown)
        self.take_thrown(message, arrived, thrown)

    def start(self, message: messages.Message, arrived: int) -> None:
        """Start the dialog with the message that began its conversation. Like `take`, this does not
        count as a record.

        Raises:
            ReplayMismatch: It has been started.
        """
        self.chat.hear(message, arrived)
        if self.at is not None:
            raise self.differs("the start of a conversation")
        self.at = self._driver.start(self.args)

    def take(self, message: messages.Message, arrived: int, answer: object) -> None:
        """Send the dialog the value of an answer that was already read from a message; `arrived` is
        in ms since the epoch. This does not count as a record; see `fed`.
        """
        self.chat.hear(message, arrived)
        self.at = self._driver.send(answer)

    def take_thrown(self, message: messages.Message, arrived: int, thrown: str) -> None:
        """Throw into the dialog what was thrown instead of an answer, according to a record: see
        `thrown_by`. This does not count as a record.
        """
        self.chat.hear(message, arrived)
        self.ending = ENDINGS if thrown == "end" else 0
        self.at = self._driver.throw(thrown_by(thrown))

    def hear_in_secret(self, message: messages.Message, arrived: int, answer: SecretAnswer) -> None:
        """Send the dialog a secret answer. This does not count as a record."""
        answer.position = self.position
        answer.read = self.at.reading.read if isinstance(self.at, Wait) else None
        self.secrets += (answer,)
        self.take(message, arrived, answer)

    # Timers, signals, outcomes of steps -----------------------------------------------------------

    def _fire(self, record: TimerRecord | SignalRecord) -> None:
        from .firings import handed  # few conversations need it, and none while it is imported

        chat, dialog = self.chat, self.dialog
        try:
            at = self.at if self.asks(record.wait) else None
            event = handed(at, record, chat.zone, dialog.fn, self.outcomes)
        except ValueError as error:
            raise self.differs(str(error)) from error
        chat.begin_turn()
        chat.arrived = record.now
        self.at = self._driver.hand(event)

    def _step_ended(self, record: Returned | Failed, way: Way) -> None:
        at = self.at
        if not isinstance(at, StepCall) or at.name != record.name:
            raise self.differs(f"step {record.name!r}")
        self.calls.compare(at, record, self.position)
        self.chat.heard_of_step(record.said)
        if isinstance(record, Failed):
            self.at = self._driver.throw(self.outcomes.raised(record).with_traceback(way))
        else:
            self.at = self._driver.send(self._result(at, record))

    def _slot_ended(self, record: GatheredReturned | GatheredFailed, way: Way) -> None:
        slots = self._slots = self._slots or Slots()
        gathered = slots.call(self.at, record)
        if gathered is None:
            raise self.differs(f"step {record.name!r} in slot {record.slot} of a gathering")
        at, call = gathered
        self.calls.compare(call, record, self.position, at)
        self.chat.heard_of_step(record.said)
        if isinstance(record, GatheredFailed):
            error = self.outcomes.raised(record).with_traceback(way)
            gave = slots.note(at, record.slot, error)
        else:
            gave = slots.note(at, record.slot, (self._result(call, record),))
        if gave is not None:
            self.at = self._driver.hand(gave)

    def _result(self, call: StepCall[Any], record: Returned | GatheredReturned) -> Any:
        try:
            return self.outcomes.value(call.fn, record)
        except Exception as error:
            expected = f"a result of step {record.name!r} that no longer fits ({told(error)})"
            raise self.differs(expected) from error

    def open_slots(self) -> list[int]:
        """See `Slots.open`."""
        return (self._slots or Slots()).open(self.at)

    # Ending ---------------------------------------------------------------------------------------

    def fail(self, error: BaseException) -> None:
        """Count the dialog as failed with an error it did not raise; its generator stays open."""
        self.at = Raised(error)

    def close(self) -> None:
        """Close the dialog; see `Driver.close`."""
        self._driver.close()

    # Comparing ------------------------------------------------------------------------------------

    def where(self) -> str:
        """See `Driver.where`."""
        return self._driver.where()

    def asks(self, wait: str, *, pending: bool = False) -> bool:
        """Whether it waits at the wait with this id, or at its rewording; see `Rewording`."""
        at = self.at
        if isinstance(at, Wait):
            same = at.id == wait
            return same or self.rewording.is_same(wait, at, self.position, pending=pending)
        return isinstance(at, Background) and at.id == wait

    def must_wait_at(self, wait: str, offers: str = "", rivals: Sequence[StoredRival] = ()) -> None:
        """Compare the wait in the header (see `Frame`) with where the dialog stands. Empty `offers`
        are not compared. Nor are rivals, unless given: a limit that was removed from the code
        matters only when it falls due, not for an answer.

        Raises:
            ReplayMismatch: It is another wait, or offers something else than its user has seen, or
                lacks one of the rivals, or the dialog does not wait.
        """
        if not self.asks(wait, pending=True):
            raise self.differs(pending_at(wait, self.dialog.fn))
        if rivals:
            from .firings import missing

            if (lack := missing(self.at, wait, rivals, self.dialog.fn)) is not None:
                raise self.differs(lack)
        if offers and isinstance(self.at, Wait) and self.at.offers not in ("", offers):
            raise self.differs(f"{pending_at(wait, self.dialog.fn)} with other options")

    def differs(self, expected: str) -> ReplayMismatch:
        """Return the error that says what the dialog does where the journal has `expected`."""
        at, stood = self.at, self.where()
        return difference(self.dialog.name, self.position, expected, at, stood, self.calls.lost)

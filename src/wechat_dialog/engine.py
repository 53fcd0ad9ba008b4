"""Replay: from a dialog and its journal to what the dialog does next.

A running generator cannot be stored; what the user said to it and what its steps returned can. To
go on, the dialog is started afresh and fed those records, so equal records must lead a dialog to
equal questions. A coroutine is driven the same way: both have `send` and `throw`, and what `chat`
offers can be awaited as well as yielded from.

`Run` is one dialog being driven. `feed` gives it one record, journaled or new, and `at` says where
it stands then: at a `Wait`, a `StepCall`, a `Gather`, or past its end (`Ended`, `Raised`). Nothing
here executes a step, reads a clock, or knows a store; whoever drives a run does, and hands in the
record of what happened. So live and replayed runs take one path.

Every record names what it answers, and a run compares: a question that is not the recorded one, a
step of another name, a stored answer that no longer parses, an end where records are left are all a
`ReplayMismatch`. See `tests/engine/`.
"""

from __future__ import annotations

import inspect
import logging
import types
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from . import messages
from .chat import Chat
from .effects import Effect, Gather, PutAway, Reading, StepCall, Wait
from .errors import (
    Cancelled,
    ForeignAwait,
    ReplayMismatch,
    Signal,
    TooManyAttempts,
    is_bug,
)
from .journal import (
    Answer,
    Data,
    Failed,
    GatheredFailed,
    GatheredReturned,
    Killed,
    Message,
    Record,
    Returned,
    arrival_of,
    message_of,
    unmarked,
    unthrown,
)
from .replies import to_reply
from .steps import raised, value

if TYPE_CHECKING:
    from .set_order import SetOrder

__all__ = ["At", "Dialog", "Ended", "Raised", "Run"]

log = logging.getLogger("wechat_dialog")

ENDINGS = 10
"""Questions that a dialog which was told to end may ask on its way out; each is cancelled."""

ROOM = __name__.partition(".")[0]


@dataclass(eq=False)
class Dialog:
    """An author's function and what the engine has to know of it.

    Attributes:
        name: Unique among the bot's dialogs, together with `version`; stored in every header.
        fn: The function: a generator, a coroutine, or one that only returns. Its first argument is
            the `Chat`.
        version: "" unless several are registered under one name.
        timeout: Seconds without an answer after which a conversation is gone; None: the bot's.
        on_divergence: "resume", "restart" or "park"; None: the bot's.
        pure: Whether it does nothing between waits but compute, so that a run may be thrown away
            and repeated.
    """

    name: str
    fn: Callable[..., Any]
    version: str = ""
    timeout: float | None = None
    on_divergence: str | None = None
    pure: bool = True
    _code: str = field(default="", repr=False)

    @cached_property
    def waits(self) -> bool:
        """Whether it is a generator or a coroutine: one that only returns does all it does at
        once, side effects included.
        """
        fn = inspect.unwrap(self.fn)
        fn = getattr(fn, "func", fn)
        return inspect.isgeneratorfunction(fn) or inspect.iscoroutinefunction(fn)

    @property
    def code(self) -> str:
        """Fingerprint of its code; taken when first asked for."""
        if not self._code:
            from .fingerprint import fingerprint

            self._code = fingerprint(self.fn)
        return self._code

    @cached_property
    def sets(self) -> SetOrder:
        """What strict mode looks at its sets with."""
        from .set_order import SetOrder

        return SetOrder(self.fn)


class Ended(msgspec.Struct, frozen=True):
    """The dialog returned.

    Attributes:
        value: What it returned: a text, a reply, None or a `ContinueAs`.
    """

    value: object


class Raised(msgspec.Struct, frozen=True):
    """The dialog raised: an error, or a signal that is none."""

    error: BaseException


At = Wait[Any] | StepCall[Any] | Gather[Any] | Ended | Raised


class Run:
    """One dialog, driven from record to record.

    Attributes:
        dialog: The dialog.
        chat: Its chat.
        at: Where it stands; None before the record of the message that started it.
        position: Number of records fed.
        trail: In strict mode, `file:line` of every place it stood at; else None.
        amid: Steps that the dialog asked for while it was busy with an exception: their position,
            and that exception.
        ending: How many more questions are cancelled, after the dialog was told to end for good:
            nobody is there to answer; 0 before.
        same_code: Whether the journal was written by this very code; then a question whose text
            alone differs is told to the log and let through.
    """

    __slots__ = (
        "_drifted",
        "_gained",
        "_lost",
        "_made",
        "_reworded",
        "_slots",
        "account",
        "amid",
        "args",
        "at",
        "chat",
        "dialog",
        "ending",
        "position",
        "same_code",
        "trail",
    )

    def __init__(
        self, dialog: Dialog, chat: Chat, args: dict[str, Any], *, account: str, code: str = ""
    ) -> None:
        self.dialog = dialog
        self.chat = chat
        self.args = args
        self.account = account
        self.at: At | None = None
        self.position = 0
        self.ending = 0
        self.trail: list[str] | None = None
        self.same_code = not code or code == dialog.code
        self._made: Any = None
        self._slots: dict[int, Any] = {}
        self.amid: list[tuple[int, BaseException]] = []
        # Calls that were given the result of another one, and those whose result it was.
        self._gained: dict[tuple[str, str], int] = {}
        self._lost: dict[tuple[str, str], int] = {}
        # Questions that read otherwise now, by what the journal has for them.
        self._reworded: dict[str, int] = {}
        # Of 2017 dialogs also by what they read now.
        self._drifted: dict[str, int] = {}

    # Feeding --------------------------------------------------------------------------------------

    def replay(self, records: Iterable[Record]) -> None:
        """Feed journaled records, oldest first.

        Raises:
            ReplayMismatch: The dialog does something else than they recorded.
        """
        plain = self.trail is None
        self.chat.replaying = True
        try:
            for record in records:
                at = self.at
                if (
                    plain
                    and type(record) is Answer
                    and type(at) is Wait
                    and record.wait == at.id
                    and (read := at.reading.text) is not None
                ):
                    self._hear_again(record, read)
                else:
                    self.feed(record)
        finally:
            self.chat.replaying = False
        if self._lost and isinstance(self.at, (StepCall, Gather)):
            self.must_not_repeat(self.at)

    def _hear_again(self, record: Answer, read: Callable[[Chat, str], Any]) -> None:
        """Feed a plain text to the question it was given to: nearly every record of a replay."""
        chat = self.chat
        chat.heard = record
        chat.arrived = record.created * 1000 + record.late
        try:
            answer = read(chat, record.text)
        except ValueError as error:
            raise self._differs(f"an answer that no longer fits ({error})") from error
        if chat.outbox:
            chat.outbox.clear()
        self._send(answer)
        self.position += 1

    def feed(self, record: Record) -> None:
        """Feed one record, after which `at` is where the dialog stands.

        Raises:
            ReplayMismatch: The record does not belong to where the dialog stands; it is then as it
                was.
        """
        kind = type(record)
        if kind is Answer or kind is Message:
            self._hear(record)  # type: ignore[arg-type]
        elif kind is Returned or kind is Failed:
            self._step_ended(record)  # type: ignore[arg-type]
        elif kind is GatheredReturned or kind is GatheredFailed:
            self._slot_ended(record)  # type: ignore[arg-type]
        elif kind is Data:
            self.chat.remember(record.data)  # type: ignore[union-attr]
        elif kind is Killed:
            self.chat.outbox.clear()
            self._tell("end")
        else:
            raise AssertionError(
                "a rewind is carried out before records are fed; see journal.effective"
            )
        self.fed()

    def fed(self) -> None:
        """Count a record; in strict mode, note where it led."""
        while self.ending and isinstance(self.at, Wait):
            # A question on the way out would leave what stands behind it undone, and in the
            # `finally` blocks around it.
            self.ending -= 1
            self._throw(Cancelled())
        self.position += 1
        if self.trail is not None:
            self.trail.append(self.where())

    def _hear(self, record: Answer | Message) -> None:
        if not record.wait:
            self._set_turn(self._rebuilt(record), arrival_of(record))
            self._begin()
            return
        at = self.at
        if record.wait[0] == "!":
            what, wait = unthrown(record.wait)
            if not isinstance(at, Wait) or (
                wait and wait != at.id and not self._only_worded_otherwise(wait, at)
            ):
                raise self._differs(f"{what} at {describe(wait)}" if wait else what)
            self._set_turn(self._rebuilt(record), arrival_of(record))
            self._tell(what)
            return
        wait, meant = unmarked(record.wait)
        if not isinstance(at, Wait):
            raise self._differs(f"an answer to {describe(wait)}")
        if wait != at.id and not self._only_worded_otherwise(wait, at):
            raise self._differs(f"an answer to {describe(wait)}")
        chat = self.chat
        before = chat.arrived
        chat.arrived = arrival_of(record)
        try:
            message = self._rebuilt(record)
            answer = at.reading.read(chat, message)
            chat.message = message
        except ValueError as error:
            chat.arrived = before
            raise self._differs(f"an answer that no longer fits ({error})") from error
        if meant and at.meant(answer) not in ("", meant):
            raise self._differs("an answer that meant another of the options")
        if chat.outbox:
            chat.outbox.clear()
        self._send(answer)

    def _rebuilt(self, record: Answer | Message) -> messages.Message:
        return message_of(record, self.chat.user, self.account)

    def take(self, message: messages.Message, arrived: int, answer: object) -> None:
        """Hand the dialog the value of an answer that was read already. Does not count as a
        record.
        """
        self._set_turn(message, arrived)
        self._send(answer)

    def _tell(self, what: str) -> None:
        """Throw into the dialog what a record says was thrown."""
        self.ending = ENDINGS if what == "end" else 0
        self._throw(thrown_by(what))

    def _set_turn(self, message: messages.Message, arrived: int) -> None:
        chat = self.chat
        chat.message = message
        chat.arrived = arrived
        # What was said in an earlier turn was delivered with it, or is held.
        chat.outbox.clear()

    def _step_ended(self, record: Returned | Failed) -> None:
        at = self.at
        if not isinstance(at, StepCall) or at.name != record.name:
            raise self._differs(f"step {record.name!r}")
        self._compare_calls(at, record)
        if isinstance(record, Failed):
            self._throw(self._error(record))
            return
        try:
            result = self._result(at.fn, record)
        except ValueError as error:
            raise self._differs(
                f"a result of step {record.name!r} that no longer fits ({error})"
            ) from error
        self._send(result)

    def _slot_ended(self, record: GatheredReturned | GatheredFailed) -> None:
        at = self.at
        if (
            not isinstance(at, Gather)
            or record.slot >= len(at.calls)
            or at.calls[record.slot].name != record.name
            or record.slot in self._slots
        ):
            raise self._differs(f"step {record.name!r} in slot {record.slot} of a gathering")
        self._compare_calls(at.calls[record.slot], record, at.amid)
        if isinstance(record, GatheredFailed):
            self._slots[record.slot] = self._error(record)
        else:
            try:
                self._slots[record.slot] = (self._result(at.calls[record.slot].fn, record),)
            except ValueError as error:
                raise self._differs(
                    f"a result of step {record.name!r} that no longer fits ({error})"
                ) from error
        if len(self._slots) < len(at.calls):
            return
        outcomes = [self._slots[slot] for slot in range(len(at.calls))]
        self._slots = {}
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                self._throw(outcome)
                return
        self._send(tuple(outcome[0] for outcome in outcomes))

    def _result(self, fn: Callable[..., Any], record: Returned | GatheredReturned) -> Any:
        return value(fn, record)

    def _error(self, record: Failed | GatheredFailed) -> Exception:
        return raised(record)

    def _compare_calls(
        self,
        call: StepCall[Any],
        record: Returned | Failed | GatheredReturned | GatheredFailed,
        amid: BaseException | None = None,
    ) -> None:
        """Refuse calls of one step that have traded places.

        That a call has other arguments than it had is no difference: it has been made. That its
        result is handed to another call, while it is itself made elsewhere, is one.

        Raises:
            ReplayMismatch: At the first of them.
        """
        amid = amid or call.amid
        if amid is not None:
            self.amid.append((self.position, amid))
        if not record.call:
            return
        before, now = (record.name, record.call), (record.name, call.mark)
        if before != now:
            self._gained.setdefault(now, self.position)
            self._lost.setdefault(before, self.position)
        if self._lost:
            self.must_not_repeat(call)
            if before in self._gained:
                raise self._traded(self._gained[before], record.name)

    def must_not_repeat(self, at: StepCall[Any] | Gather[Any]) -> None:
        """Refuse a call whose recorded result was handed to another one.

        Raises:
            ReplayMismatch: At that other one.
        """
        for call in at.calls if isinstance(at, Gather) else (at,):
            if (call.name, call.mark) in self._lost:
                raise self._traded(self._lost[call.name, call.mark], call.name)

    def _traded(self, position: int, name: str) -> ReplayMismatch:
        error = self._differs(f"step {name!r} with other arguments, which is called elsewhere now")
        return ReplayMismatch(error.dialog, position, error.expected, error.found, error.where)

    def open_slots(self) -> list[int]:
        """Return the slots of the gathering at hand that have not ended yet; none if there is no
        gathering.
        """
        calls = self.at.calls if isinstance(self.at, Gather) else ()
        return [slot for slot in range(len(calls)) if slot not in self._slots]

    # Driving --------------------------------------------------------------------------------------

    def _begin(self) -> None:
        if self.at is not None:
            raise self._differs("the start of a conversation")
        try:
            made = self.dialog.fn(self.chat, **self.args)
        except BaseException as error:  # noqa: BLE001 - what it raises is where it stands
            self._raised(error)
            return
        if isinstance(made, (types.GeneratorType, types.CoroutineType)):
            self._made = made
            self._send(None)
        elif isinstance(made, types.AsyncGeneratorType):
            self.at = Raised(
                TypeError(
                    f"dialog {self.dialog.name!r} is an async generator; use await chat.ask(…)"
                )
            )
        else:
            self.at = Ended(made)

    def _send(self, result: object) -> None:
        try:
            effect = self._made.send(result)
        except BaseException as error:  # noqa: BLE001 - what it raises is where it stands
            self._stopped(error)
        else:
            if type(effect) is Wait:  # nearly always, and at every record of a replay
                self.at = effect
            else:
                self._interpret(effect)

    def _throw(self, error: BaseException) -> None:
        try:
            effect = self._made.throw(error)
        except BaseException as raised_error:  # noqa: BLE001 - likewise
            self._stopped(raised_error)
        else:
            self._interpret(effect)

    def _stopped(self, error: BaseException) -> None:
        """Stand at the dialog's end."""
        if isinstance(error, StopIteration):
            self.at = Ended(error.value)
        else:
            self._raised(error)

    def _raised(self, error: BaseException) -> None:
        """Stand at what the dialog raised, unless that has to pass."""
        if not (isinstance(error, Signal) or is_bug(error)):
            raise error
        self.at = Raised(error)

    def _interpret(self, effect: object) -> None:
        """Stand at what the dialog yielded."""
        kind = effect.__class__
        if isinstance(effect, Wait):
            self.at = effect
        elif kind is str and type(self._made) is types.GeneratorType:
            self.at = Wait(self.chat, "y", effect, _ANY)
        elif isinstance(effect, Gather):
            if effect.calls:
                self.at = effect
            else:
                self._send(())
        elif isinstance(effect, StepCall):
            self.at = effect
        elif isinstance(effect, Effect):
            raise AssertionError(f"no driver for {kind.__name__}")
        elif isinstance(self._made, types.CoroutineType):
            self._refuse(ForeignAwait(self.dialog.name, kind.__qualname__, self.where()))
        else:
            try:
                to_reply(effect)
            except TypeError as wrong:
                place = f"dialog {self.dialog.name!r} at {self.where()}"
                self._refuse(TypeError(f"{place}: {wrong}"))
            else:
                self.at = Wait(self.chat, "y", effect, _ANY)

    def _refuse(self, error: Exception) -> None:
        self.close()
        self.at = Raised(error)

    def throw(self, error: BaseException) -> None:
        """Throw into the dialog at its wait. Does not count as a record."""
        self._throw(error)

    def close(self) -> None:
        """Put the dialog away: Python runs its `finally` blocks, but an effect asked for in them
        stops there.
        """
        self.chat.put_away = True
        made, self._made = self._made, None
        if made is None:
            return
        try:
            made.close()
        except RuntimeError:
            # A bare `yield` in a `finally`: Python says that it ignored GeneratorExit, which is
            # what we wanted.
            pass
        except BaseException as error:
            if not (isinstance(error, (PutAway, Signal)) or is_bug(error)):
                raise
            # Nobody is left to hear it.
            log.debug("dialog %r raised while it was put away: %r", self.dialog.name, error)

    def __del__(self) -> None:
        """Put away what was dropped in the middle of a turn: Python closes its generator, and would
        print that it "ignored GeneratorExit" where a step is asked for in a `finally`.
        """
        self.close()

    # Telling --------------------------------------------------------------------------------------

    @property
    def reworded(self) -> bool:
        """Whether a question read otherwise than its journal says, and was let through."""
        return bool(self._reworded)

    def where(self) -> str:
        """Return `file:line` of the innermost line of the application at which the dialog stands;
        "" if it ended.
        """
        return where(self._made)

    def _only_worded_otherwise(self, wait: str, at: Wait[Any], *, pending: bool = False) -> bool:
        if at.drifts:
            return self._has_drifted(wait, at, pending=pending)
        if not self.same_code or at.key is not None or wait[0] != at.kind or wait[1:2] == "=":
            return False
        if at.id in self._reworded:
            # Two that trade places are no clock: the order of a set, or other data.
            raise ReplayMismatch(
                self.dialog.name,
                self._reworded[at.id],
                f"an answer to {describe(at.id)}",
                f"{doing(at)}, later",
                self.where(),
            )
        self._reworded.setdefault(wait, self.position)
        _warn_once(self.dialog, self.position, self.where())
        at.id = wait  # the journal's name for it holds
        return True

    def _has_drifted(self, wait: str, at: Wait[Any], *, pending: bool) -> bool:
        """Whether a question that may read otherwise at every replay can be the recorded one.

        By the same code it always is. By other code it is not if it has moved: the journal has
        it at another place, or what the journal has here was asked at another. And the question
        that is waited at is asked again where its text differs, which costs its user no answer.
        """
        if not self.same_code and wait != at.formerly:
            moved = self._reworded.get(at.id, self._drifted.get(wait))
            if moved is not None:
                raise ReplayMismatch(
                    self.dialog.name,
                    moved,
                    "an answer to another question",
                    f"questions in another order, {doing(at)} among them",
                    self.where(),
                )
            if pending:
                return False
        self._reworded.setdefault(wait, self.position)
        self._drifted.setdefault(at.id, self.position)
        at.id = wait
        return True

    def _differs(self, expected: str) -> ReplayMismatch:
        at = self.at
        found = None if at is None or isinstance(at, Ended) else doing(at)
        if isinstance(at, Raised) and self._lost:
            # It broke on what another call had returned: the first of those is where they part.
            (name, _), position = min(self._lost.items(), key=lambda lost: lost[1])
            expected, found = f"step {name!r}", f"step {name!r} with other arguments"
            return ReplayMismatch(self.dialog.name, position, expected, found, self.where())
        error = ReplayMismatch(self.dialog.name, self.position, expected, found, self.where())
        if isinstance(at, Raised):
            error.__cause__ = at.error
        return error

    def must_wait_at(self, wait: str, offers: str = "") -> None:
        """Compare the question the header names with the one the dialog waits at now.

        Raises:
            ReplayMismatch: It is another, or offers something else than its user has seen, or the
                dialog does not wait.
        """
        at = self.at
        if not isinstance(at, Wait) or (
            at.id != wait and not self._only_worded_otherwise(wait, at, pending=True)
        ):
            raise self._differs(f"the question {describe(wait)}")
        if offers and at.offers not in ("", offers):
            raise self._differs(f"the question {describe(wait)} with other options")


_warned: set[tuple[str, str, str, int]] = set()


def _warn_once(dialog: Dialog, position: int, place: str) -> None:
    mark = (dialog.name, dialog.version, dialog.code, position)
    if mark not in _warned:
        _warned.add(mark)
        log.warning(
            "dialog %r asks in other words at every replay (record %d, %s): its prompt holds a "
            "clock or other data; give the question a key=, or the next change of the code cannot "
            "be told from it",
            dialog.name,
            position,
            place,
        )


def _the_message(_chat: Chat, message: messages.Message) -> messages.Message:
    return message


_ANY = Reading(_the_message)


def thrown_by(wait: str) -> BaseException:
    """Return what is thrown into a dialog, of its name in a record."""
    what, _, number = wait.partition(":")
    if what == "attempts":
        return TooManyAttempts(int(number or 0))
    return Cancelled()


_KINDS = {"y": "yield", "a": "ask", "c": "choose", "d": "confirm", "f": "form"}


def describe(wait: str) -> str:
    """Return a question's id in words."""
    kind = _KINDS.get(wait[:1], wait[:1])
    return f"{kind} with key {wait[2:]!r}" if wait[1:2] == "=" else f"{kind} #{wait[1:]}"


def doing(at: At) -> str:
    """Return in words what a dialog does."""
    if isinstance(at, Wait):
        prompt = at.prompt if isinstance(at.prompt, str) else type(at.prompt).__name__
        return f"{describe(at.id)} ({prompt[:40]!r})"
    if isinstance(at, StepCall):
        return f"step {at.name!r}"
    if isinstance(at, Gather):
        return f"a gathering of {', '.join(repr(call.name) for call in at.calls)}"
    if isinstance(at, Raised):
        return f"raise {type(at.error).__name__}"
    return "return"


def where(made: Any) -> str:
    """Return `file:line` of the innermost application line at which a generator or coroutine
    stands; "" if it ended.
    """
    best = ""
    while made is not None:
        frame = getattr(made, "gi_frame", None) or getattr(made, "cr_frame", None)
        if frame is None:
            break
        if frame.f_globals.get("__name__", "").partition(".")[0] != ROOM:
            best = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        made = getattr(made, "gi_yieldfrom", None) or getattr(made, "cr_await", None)
    return best

"""Every error of the library, grouped by who can act on it.

The facts are in attributes; the message is composed by `__str__` and ends with what to do. Signals,
which are not errors, derive from `BaseException`, so that an author's `except Exception` does not
swallow them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "ApiError",
    "AppIdMismatch",
    "ArgumentsChanged",
    "AskAgain",
    "BadMessage",
    "BadSignature",
    "Busy",
    "Cancelled",
    "CannotTell",
    "ClaimLost",
    "Closing",
    "ConfigurationError",
    "DecryptionFailed",
    "DialogError",
    "EncryptedRefused",
    "ForeignAwait",
    "JournalFull",
    "MailboxFull",
    "NewerJournal",
    "NoAnswer",
    "NoFollower",
    "NoThread",
    "NotGranted",
    "NotParked",
    "NotRepeatable",
    "NotSayable",
    "NotWaitedFor",
    "OutOfWindow",
    "PlaintextRefused",
    "QuotaUsedUp",
    "Refused",
    "ReplayMismatch",
    "SecretGone",
    "SecretMisused",
    "SideEffect",
    "Signal",
    "SignalMisfit",
    "Stale",
    "StepFailed",
    "StoreError",
    "TimedOut",
    "TooLarge",
    "TooManyAttempts",
    "TooSlow",
    "TurnTooLong",
    "UnexpectedAnswer",
    "Unreachable",
    "WorkerDied",
    "WrongCredentials",
]


class Signal(BaseException):
    """Base of what is raised inside a dialog on purpose and is not an error."""


class UnexpectedAnswer(Signal):
    """Raised by a dialog: the message is not an answer to its question.

    The conversation ends, and the router treats the message as the first of a new one. If a dialog
    raises it on the very message that started it, that message goes to the next matching route.

    Attributes:
        said: A text that the router uses in place of the message; "" for the message as it is.
    """

    def __init__(self, *args: object, said: str = "") -> None:
        super().__init__(*args)
        self.said = said


class Cancelled(Signal):
    """Thrown into a dialog at its wait: the user sent a cancel word, or an operator ended the
    conversation.

    A dialog may catch it, clean up in steps, and return a goodbye. A dialog that catches it and
    asks another question continues.
    """


class NoAnswer(Signal):
    """Raised inside a dialog at a wait whose time limit has passed: `within=` of a question or of
    `chat.wait_for`; or the 30 days that a wait without a limit may take.

    If it is not caught, the conversation ends.

    Attributes:
        due: When the limit fell due, an aware `datetime`. `chat.now()` is when that was noticed,
            later if no process was running. None: unknown.
    """

    def __init__(self, due: datetime | None = None) -> None:
        super().__init__(due)
        self.due = due

    def __str__(self) -> str:
        return f"nothing came until {self.due:%Y-%m-%d %H:%M:%S}" if self.due else "nothing came"


class CannotTell(Signal):
    """A dialog replayed on a redacted journal inspects a withheld value, so what it would do is
    unknown.

    Attributes:
        how: What it does with the value.
        position: Index of the record after which it does so, counted from 0.
        where: `file:line` of the dialog, or "".
    """

    def __init__(self, how: str, position: int = 0, where: str = "") -> None:
        super().__init__(how, position, where)
        self.how = how
        self.position = position
        self.where = where

    def __str__(self) -> str:
        where = f" ({self.where})" if self.where else ""
        return f"a redacted value {self.how} after record {self.position}{where}"


class DialogError(Exception):
    """Base of every error that the library raises on purpose."""


# For the sender, or nobody: a request that must not be answered. ----------------------------------


class Refused(DialogError):
    """A request that must not be answered. The response has a status, and gives no reason.

    Attributes:
        status: The HTTP status to answer with, an `int`.
    """

    status: int = 403


class BadSignature(Refused):
    """The signature is missing, or was not made with our token (protocol reference 1, 2, 6; sample
    code −40001).
    """


class PlaintextRefused(Refused):
    """A plaintext body reached an account in safe mode (protocol reference 2, rule 2)."""


class EncryptedRefused(Refused):
    """An encrypted push without plaintext reached an account in plain mode; give the bot its AES
    key and `mode="safe"`.
    """


class Stale(Refused):
    """The push is older, or newer, than the account's `max_age` allows."""


class DecryptionFailed(Refused):
    """The ciphertext is not Base64, is too short, or was not made with one of our keys (protocol
    reference 6).
    """


class AppIdMismatch(Refused):
    """The ciphertext was made for another AppID (protocol reference 6; sample code −40005)."""


class BadMessage(Refused):
    """The body is not a message: it is neither XML nor JSON, has a DOCTYPE, or lacks a required
    field.
    """

    status = 400


class TooLarge(Refused):
    """The body is longer than any message of the platform (protocol reference 8)."""

    status = 413


class TooSlow(Refused):
    """The body had not arrived when the platform must have disconnected (protocol reference
    5.3).
    """

    status = 408


class AskAgain(Refused):
    """There is no answer now, but there may be one when the platform repeats the message.

    The store failed, and it is unknown whether the turn was committed. After any status but 200 the
    platform repeats the message (protocol reference 5.3), and the repetition finds out.
    """

    status = 503


class Closing(Refused):
    """The bot is being closed, and begins no more turns.

    After any status but 200 the platform repeats the message (protocol reference 5.3), and then
    reaches the process that has replaced this one. Whoever sent a signal is to send it again.
    """

    status = 503


class NoThread(Closing):
    """The system gives no thread: its limit is reached, or the process ends. What needed the thread
    has not begun.
    """


# For the author. ----------------------------------------------------------------------------------


class ConfigurationError(DialogError):
    """The bot cannot start with its settings; the message names the setting."""


class ReplayMismatch(DialogError):
    """A dialog does not repeat what its journal recorded: its code has changed while the
    conversation was open.

    Attributes:
        dialog: Name of the dialog.
        position: Index of the first record that differs, counted from 0.
        expected: What the journal recorded there.
        found: What the dialog does there now; None if it has ended.
        where: `file:line` of the dialog at that point, or "" if it has ended.
    """

    def __init__(
        self, dialog: str, position: int, expected: str, found: str | None, where: str
    ) -> None:
        super().__init__(dialog, position, expected, found, where)
        self.dialog = dialog
        self.position = position
        self.expected = expected
        self.found = found
        self.where = where

    def __str__(self) -> str:
        now = "it has ended" if self.found is None else f"it does {self.found}"
        where = f" ({self.where})" if self.where else ""
        return (
            f"dialog {self.dialog!r} at record {self.position}: the journal has {self.expected}, "
            f"now {now}{where}; register the changed dialog under a new version=, or choose "
            "on_divergence="
        )


class NotRepeatable(ReplayMismatch):
    """Strict mode: a dialog, replayed at once on the same records, did something else.

    Attributes:
        sets: The sets on whose order it depends, as pairs of `file:line` and the expression; () if
            the cause is something else.
    """

    def __init__(
        self,
        dialog: str,
        position: int,
        expected: str,
        found: str | None,
        where: str,
        sets: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(dialog, position, expected, found, where)
        self.args = (*self.args, sets)
        self.sets = sets

    @property
    def outline(self) -> str:
        """What differs and where, for a log, without any text of questions or users."""
        if self.sets:
            places = " and ".join(place for place, _ in self.sets)
            return (
                f"dialog {self.dialog!r} depends on the order of the set at {places}, and each "
                "process has its own order: write sorted(…), or keep it as a list or a tuple"
            )
        return (
            f"dialog {self.dialog!r} goes another way when it is replayed, at record "
            f"{self.position} ({self.where}): {_REPEATABLE}"
        )

    def __str__(self) -> str:
        second = "it ends" if self.found is None else self.found
        where = f" ({self.where})" if self.where else ""
        first = f"at record {self.position} first {self.expected}, then {second}{where}"
        if self.sets:
            places = " and ".join(f"{text} ({place})" for place, text in self.sets)
            return (
                f"dialog {self.dialog!r} depends on the order of a set, and each process has its "
                f"own order: {places}; with that in another order, {first}: write "
                f"sorted({self.sets[0][1]}), or keep it as a list or a tuple"
            )
        return (
            f"dialog {self.dialog!r} goes another way when it is replayed: {first}; {_REPEATABLE}"
        )


class ArgumentsChanged(NotRepeatable):
    """Strict mode: a step modified its arguments.

    A replay does not run the step, so there the dialog continues with unmodified arguments.

    Attributes:
        step: Name of the step.
    """

    def __init__(self, dialog: str, position: int, step: str, where: str) -> None:
        arguments = f"the arguments of step {step!r}"
        super().__init__(dialog, position, arguments, "others", where)
        self.args = (dialog, position, step, where)
        self.step = step

    @property
    def outline(self) -> str:
        """See `NotRepeatable`."""
        return str(self)

    def __str__(self) -> str:
        return (
            f"dialog {self.dialog!r}: step {self.step!r} ({self.where}) changes what it is handed, "
            "and a replay, which does not run it, has that as it was: hand it a copy, or return "
            "what it makes of it"
        )


_REPEATABLE = (
    "it depends on a clock, chance, a global or the order of a set: use chat.now(), chat.random or "
    "a step, and sort what has no order"
)


class NotWaitedFor(DialogError):
    """A dialog created a question or a step and did not wait for it, so it had no effect.

    Attributes:
        call: The call that created it, as text.
        where: `file:line` of the dialog.
    """

    def __init__(self, call: str, where: str) -> None:
        super().__init__(call, where)
        self.call = call
        self.where = where

    def __str__(self) -> str:
        return (
            f"{self.call} at {self.where} is never waited for, and does nothing: write "
            "`yield from` before it, in a coroutine `await`"
        )


class NotSayable(DialogError, TypeError):
    """A dialog says or asks something that is neither a text nor a reply.

    Attributes:
        call: The method it called, as text.
        where: `file:line` of the dialog.
        why: What was passed, and what is required.
    """

    def __init__(self, call: str, where: str, why: str) -> None:
        super().__init__(call, where, why)
        self.call = call
        self.where = where
        self.why = why

    def __str__(self) -> str:
        return f"{self.call} at {self.where}: {self.why}"


class ForeignAwait(DialogError):
    """A coroutine dialog awaited something that does not belong to its chat, for example an asyncio
    future.

    Attributes:
        dialog: Name of the dialog.
        awaited: What was awaited, as text.
        where: `file:line` of the dialog.
    """

    def __init__(self, dialog: str, awaited: str, where: str) -> None:
        super().__init__(dialog, awaited, where)
        self.dialog = dialog
        self.awaited = awaited
        self.where = where

    def __str__(self) -> str:
        return (
            f"dialog {self.dialog!r} awaits {self.awaited} at {self.where}; a dialog may await "
            "only what its chat offers: put this into a step, `await chat.step(fn, …)`"
        )


class SideEffect(DialogError):
    """A dialog calls between two questions what belongs into a step: `bot.signal`, `bot.begin`; in
    strict mode also a sleep, a connection, a process, `input`.

    Attributes:
        dialog: Name of the dialog.
        call: The function it called, as text.
        where: `file:line` of the dialog.
    """

    def __init__(self, dialog: str, call: str, where: str) -> None:
        super().__init__(dialog, call, where)
        self.dialog = dialog
        self.call = call
        self.where = where

    def __str__(self) -> str:
        if self.call == "input":
            return (
                f"dialog {self.dialog!r} calls input at {self.where}, which reads from the "
                "terminal of the server: ask its user with `chat.ask(…)`"
            )
        return (
            f"dialog {self.dialog!r} calls {self.call} at {self.where}, and would again at every "
            "replay, while its user waits: put this into a step, `chat.step(fn, …)`"
        )


class JournalFull(DialogError):
    """A conversation has more records than the bot allows.

    Attributes:
        dialog: Name of the dialog.
        limit: The bot's `journal_limit`, in records.
    """

    def __init__(self, dialog: str, limit: int) -> None:
        super().__init__(dialog, limit)
        self.dialog = dialog
        self.limit = limit

    def __str__(self) -> str:
        return (
            f"the conversation of dialog {self.dialog!r} reached {self.limit} records; let it hand "
            "over to itself with `return chat.continue_as(…)`"
        )


class TooManyAttempts(DialogError):
    """The user's answers did not fit `attempts` times in a row.

    Attributes:
        attempts: How many answers were refused.
    """

    def __init__(self, attempts: int) -> None:
        super().__init__(attempts)
        self.attempts = attempts

    def __str__(self) -> str:
        return (
            f"{self.attempts} answers in a row did not fit; catch TooManyAttempts to say more than "
            "an apology"
        )


class SignalMisfit(DialogError):
    """The data of a signal are not of the type that the dialog waits for.

    Raised to the sender if the dialog waits at that moment: the signal is neither delivered nor
    stored. A signal that was stored before the dialog waited is delivered, and raises this at the
    wait.

    Attributes:
        name: Name of the signal.
        why: What does not fit.
    """

    def __init__(self, name: str, why: str) -> None:
        super().__init__(name, why)
        self.name = name
        self.why = why

    def __str__(self) -> str:
        return f"signal {self.name!r} does not fit what is waited for: {self.why}"


class MailboxFull(DialogError):
    """A signal is refused, since too many signals of its user are stored already, for which no
    dialog waits.

    Attributes:
        user: The user: the user key if a store raises it, else the OpenID.
        most: How many are stored at most.
    """

    def __init__(self, user: str, most: int) -> None:
        super().__init__(user, most)
        self.user = user
        self.most = most

    def __str__(self) -> str:
        return (
            f"{self.most} signals are kept for user {self.user}, and no dialog waits for them: see "
            "`conversations show` for the names they were sent under; each is dropped after a week"
        )


class TooManyAside(DialogError):
    """A turn is parked, since too many conversations of its user wait for times and signals.

    Attributes:
        most: How many may wait.
    """

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most

    def __str__(self) -> str:
        return (
            f"{self.most} conversations of this user wait for a time or a signal already: end what "
            "is over with chat.stop(key), or give them keys, so that the same replaces"
        )


class WorkerDied(DialogError):
    """Several processes in a row died in the same turn: what the dialog does there, most likely a
    step, ends its process, or keeps it from renewing its claim.

    Attributes:
        times: How many processes died.
    """

    def __init__(self, times: int) -> None:
        super().__init__(times)
        self.times = times

    def __str__(self) -> str:
        return (
            f"{self.times} processes in a row died in this turn; look for what ends them (memory, "
            "a crash of native code, os._exit), then resume the conversation"
        )


class SecretMisused(DialogError, TypeError):
    """A dialog uses a secret answer in a way that its control flow could depend on.

    Attributes:
        how: What it does with it.
    """

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how

    def __str__(self) -> str:
        return (
            f"a secret answer {self.how}: a dialog never sees it, since a replay does not know it; "
            "hand it to a step, and let its parser check it"
        )


class SecretGone(DialogError):
    """A step was called with a secret answer that is no longer known; the step was not run.

    A secret answer is known only in the turn in which it was given, and to a worker that finishes
    that turn.
    """

    def __str__(self) -> str:
        return (
            "a secret answer is known in its own turn only: hand it to a step before the next "
            "question, or ask for it again"
        )


class NotParked(DialogError):
    """A conversation is no longer parked: it was resumed, ended or forgotten meanwhile.

    Attributes:
        id: The conversation's id.
    """

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.id = id

    def __str__(self) -> str:
        return f"conversation {self.id} was resumed, ended or forgotten meanwhile"


class TurnTooLong(DialogError):
    """A turn took longer than the bot's `longest_turn`, or than the 30 s of a turn that no message
    began, and was given up.

    Attributes:
        what: What it was doing, such as a step.
        seconds: The limit.
        outside: Whether no message began it.
    """

    def __init__(self, what: str, seconds: float, outside: bool = False) -> None:
        super().__init__(what, seconds, outside)
        self.what = what
        self.seconds = seconds
        self.outside = outside

    def __str__(self) -> str:
        if self.outside:
            return (
                f"a turn that a timer or a signal begins may take {self.seconds:g} s, and this one "
                f"was given up in {self.what}; hand out what takes long in a step, and report its "
                "end by another signal; then resume the conversation"
            )
        return (
            f"the turn took longer than longest_turn={self.seconds:g} s and was given up in "
            f"{self.what}; give what it calls a time limit of its own, then resume the conversation"
        )


class StepEnded(DialogError):
    """A part of a step was run, or a paragraph said, after the step had ended: returned, timed out,
    or lost its turn.

    Attributes:
        call: The method that was called, as text.
        where: `file:line` of the call.
        step: Name of the step.
    """

    def __init__(self, call: str, where: str, step: str) -> None:
        super().__init__(call, where, step)
        self.call = call
        self.where = where
        self.step = step

    def __str__(self) -> str:
        at = f" at {self.where}" if self.where else ""
        return (
            f"{self.call}{at}: step {self.step!r} has ended; wait in it for whatever it has begun"
        )


class TooManyParts(DialogError):
    """A step has more or larger parts, or says more, than is stored of one step.

    Attributes:
        call: The method that was called, as text.
        where: `file:line` of the call.
        why: The limit.
    """

    def __init__(self, call: str, where: str, why: str) -> None:
        super().__init__(call, where, why)
        self.call = call
        self.where = where
        self.why = why

    def __str__(self) -> str:
        at = f" at {self.where}" if self.where else ""
        return f"{self.call}{at}: {self.why}"


class StepFailed(DialogError):
    """Raised in place of a step's exception, which a replay cannot rebuild.

    Attributes:
        type: Qualified name of the exception's class.
        message: Its text.
    """

    def __init__(self, type: str, message: str) -> None:
        super().__init__(type, message)
        self.type = type
        self.message = message

    def __str__(self) -> str:
        return f"{self.type}: {self.message}"


class TimedOut(DialogError):
    """A step took longer than its `timeout`.

    Attributes:
        step: Name of the step.
        seconds: Its limit.
    """

    def __init__(self, step: str, seconds: float) -> None:
        super().__init__(step, seconds)
        self.step = step
        self.seconds = seconds

    def __str__(self) -> str:
        return f"step {self.step!r} took longer than its {self.seconds} s"


# For the operator. --------------------------------------------------------------------------------


class StoreError(DialogError):
    """The store failed an operation.

    The driver's own error is chained as `__cause__`.

    Attributes:
        may_pass: Whether the same operation may succeed a little later in this process.
    """

    may_pass: bool = True


class TooManyWaiting(StoreError):
    """A message came too late for its reply and is not stored for later, since too many messages of
    its user are stored already.

    A turn of the user does not end. They get an apology.
    """


class NewerJournal(StoreError):
    """A stored conversation was written by a newer version of this library; it is left unchanged.

    Attributes:
        format: Number of its journal's format.
        flags: The flags in its header that this version does not know.
    """

    may_pass = False

    def __init__(self, format: int, flags: tuple[str, ...] = ()) -> None:
        super().__init__(format, flags)
        self.format = format
        self.flags = flags

    def __str__(self) -> str:
        flags = f" with {', '.join(self.flags)}" if self.flags else ""
        return (
            f"the conversation was written by a newer wechat-dialog (journal format {self.format}"
            f"{flags}), and is left untouched; run that version, or `conversations end` it there"
        )


class ApiError(DialogError):
    """The platform refused an API call (protocol reference 7), or its response cannot be parsed.

    Attributes:
        code: The platform's `errcode`; 0 if there is none.
        message: The platform's `errmsg`, without secrets.
        may_pass: Whether the same call may succeed a little later.
    """

    may_pass: bool = False

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"the platform answered {self.code}: {self.message} (protocol reference 7)"


class Unreachable(ApiError):
    """The platform could not be reached, or did not answer in time.

    Attributes:
        sent: Whether the platform may have received the call nevertheless.
    """

    may_pass = True

    def __init__(self, message: str, sent: bool = True) -> None:
        super().__init__(0, message)
        self.args = (message, sent)  # so that it can be copied
        self.sent = sent

    def __str__(self) -> str:
        return f"the platform could not be reached: {self.message}"


class WrongCredentials(ApiError):
    """AppID or AppSecret are wrong or frozen, or the server's address is not on the account's
    allowlist: 40013, 40125, 40164, 40243, 41002, 41004, and 40001 for a token.
    """


class NotGranted(ApiError):
    """The account may not do this: 48001, 40200."""


class OutOfWindow(ApiError):
    """The user last wrote too long ago, or does not follow the account any more: 45015."""


class QuotaUsedUp(ApiError):
    """The customer messages that the user's last message allows are used up: 45047."""


class NoFollower(ApiError):
    """The user does not follow the account, is not one of its users, or blocks it: 40003, 43004,
    48002.
    """


class Busy(ApiError):
    """The platform is busy, or was called too often: -1, 45009, 45011."""

    may_pass = True


class ClaimLost(StoreError):
    """The claim was taken over or has expired; nothing was written."""

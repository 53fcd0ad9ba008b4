"""Every error of the library, grouped by who can act on it.

Facts go into fields, the sentence into `__str__`, and the sentence ends with what to do. Signals,
which are no errors, derive from `BaseException`, so that an author's `except Exception` cannot
swallow them.
"""

from __future__ import annotations

__all__ = [
    "ApiError",
    "AppIdMismatch",
    "BadMessage",
    "BadSignature",
    "Busy",
    "Cancelled",
    "CannotTell",
    "ClaimLost",
    "ConfigurationError",
    "DecryptionFailed",
    "DialogError",
    "EncryptedRefused",
    "ForeignAwait",
    "JournalFull",
    "NewerJournal",
    "NoFollower",
    "NotGranted",
    "NotRepeatable",
    "OutOfWindow",
    "PlaintextRefused",
    "QuotaUsedUp",
    "Refused",
    "ReplayMismatch",
    "Signal",
    "Stale",
    "StepFailed",
    "StoreError",
    "TimedOut",
    "TooLarge",
    "TooManyAttempts",
    "TooSlow",
    "UnexpectedAnswer",
    "Unreachable",
    "WorkerDied",
    "WrongCredentials",
    "api_error",
    "is_bug",
]


class Signal(BaseException):
    """Base of what is raised on purpose inside a dialog and is no error."""


class UnexpectedAnswer(Signal):
    """Raised by a dialog: this message is no answer to my question.

    The conversation ends, and the router treats the message as the first of a new one. A dialog
    that raises it on the very message that started it hands that message to the next matching
    route.
    """


def is_bug(error: BaseException) -> bool:
    """Whether what an author's code raised is a bug of it, and not something that has to pass.

    `sys.exit()`, a `GeneratorExit` or an asyncio `CancelledError` of its own must end no server,
    thread or event loop: it is his bug like any exception. `KeyboardInterrupt` is whoever sits at
    the terminal, and the `BaseException`s of frameworks (gevent's time-outs, pytest's outcomes) are
    for these to catch: they pass, nothing is committed, and the claim runs out.
    """
    if isinstance(error, (Exception, SystemExit, GeneratorExit)):
        return True
    return type(error).__module__ == "asyncio.exceptions"


class Cancelled(Signal):
    """Thrown into a dialog at its wait: the user sent a cancel word, or an operator ended the
    conversation.

    A dialog may catch it, clean up in steps and return a goodbye; one that asks on goes on.
    """


class CannotTell(Signal):
    """A dialog replayed without what its user said looks into that, so nobody knows its way.

    Attributes:
        how: What it does with it.
        position: Index of the record after which it does, counted from 0.
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
    """Base of every error the library raises on purpose."""


# The sender acts, or nobody: a request that must not be answered. ---------------------------------


class Refused(DialogError):
    """A request that must not be answered; its body says nothing about why.

    Attributes:
        status: The HTTP status to answer with, an `int`.
    """

    status: int = 403


class BadSignature(Refused):
    """The signature is missing or not ours (protocol reference 1, 2, 6; sample code −40001)."""


class PlaintextRefused(Refused):
    """A plaintext body reached an account in safe mode (protocol reference 2, rule 2)."""


class EncryptedRefused(Refused):
    """Nothing but ciphertext reached an account in plain mode; give the bot its key and
    `mode="safe"`.
    """


class Stale(Refused):
    """The push is older, or newer, than the account's `max_age` allows."""


class DecryptionFailed(Refused):
    """The ciphertext is not Base64, too short, or not made with a key of ours (protocol reference
    6).
    """


class AppIdMismatch(Refused):
    """The ciphertext was made for another AppID (protocol reference 6; sample code −40005)."""


class BadMessage(Refused):
    """The body is no message: not XML or JSON, a DOCTYPE, or a field missing without which nothing
    can be done.
    """

    status = 400


class TooLarge(Refused):
    """The body is longer than any message of the platform (protocol reference 8)."""

    status = 413


class TooSlow(Refused):
    """The body was not whole when the platform had long hung up (protocol reference 5.3)."""

    status = 408


# The author acts. ---------------------------------------------------------------------------------


class ConfigurationError(DialogError):
    """The bot cannot start as it is set up; the sentence names the setting."""


class ReplayMismatch(DialogError):
    """A dialog no longer does what its journal recorded: its code has changed under a living
    conversation.

    Attributes:
        dialog: Name of the dialog.
        position: Index of the first record that differs, counted from 0.
        expected: What the journal recorded there.
        found: What the dialog does there now, or None if it has ended.
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
        found = "it has ended" if self.found is None else f"it does {self.found}"
        where = f" ({self.where})" if self.where else ""
        return (
            f"dialog {self.dialog!r} at record {self.position}: the journal has {self.expected}, "
            f"now {found}{where}; register the changed dialog under a new version=, or choose "
            "on_divergence="
        )


class NotRepeatable(ReplayMismatch):
    """Strict mode: a dialog that was replayed at once, on the same records, went another way.

    Attributes:
        sets: The sets whose order it hangs on, as pairs of `file:line` and the expression; () if it
            is anything else.
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
        """What it is and where, without a word of what is asked or said: for a log."""
        if self.sets:
            places = " and ".join(place for place, _ in self.sets)
            return (
                f"dialog {self.dialog!r} hangs on the order of the set at {places}, and each "
                "process has its own: write sorted(…), or keep it as a list or a tuple"
            )
        return (
            f"dialog {self.dialog!r} goes another way when it is replayed, at record "
            f"{self.position} ({self.where}): {_REPEATABLE}"
        )

    def __str__(self) -> str:
        found = "it ends" if self.found is None else self.found
        where = f" ({self.where})" if self.where else ""
        first = f"at record {self.position} first {self.expected}, then {found}{where}"
        if self.sets:
            places = " and ".join(f"{text} ({place})" for place, text in self.sets)
            return (
                f"dialog {self.dialog!r} hangs on the order of a set, and each process has its "
                f"own: {places}; with that in another order, {first}: write "
                f"sorted({self.sets[0][1]}), or keep it as a list or a tuple"
            )
        return (
            f"dialog {self.dialog!r} goes another way when it is replayed: {first}; {_REPEATABLE}"
        )


_REPEATABLE = (
    "it depends on a clock, chance, a global or the order of a set: use chat.now(), chat.random or "
    "a step, and sort what has no order"
)


class ForeignAwait(DialogError):
    """A coroutine dialog awaited something that is not of its chat, an asyncio future for example.

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


class WorkerDied(DialogError):
    """Process after process died in one and the same turn: what the dialog does there, a step most
    likely, ends its process, or keeps it from renewing its claim.

    Attributes:
        times: How often.
    """

    def __init__(self, times: int) -> None:
        super().__init__(times)
        self.times = times

    def __str__(self) -> str:
        return (
            f"{self.times} processes in a row died in this turn; look for what ends them (memory, "
            "a crash of native code, os._exit), then resume the conversation"
        )


class StepFailed(DialogError):
    """A step raised, as it is told on replay when the exception's own type cannot be rebuilt.

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


# The operator acts. -------------------------------------------------------------------------------


class StoreError(DialogError):
    """The store did not do what was asked of it.

    The driver's own error is chained as `__cause__`.
    """


class NewerJournal(StoreError):
    """A stored conversation was written by a newer version of this library, and is left as it is.

    Attributes:
        format: Number of its journal's format.
        flags: Flags of its engine that are not known here.
    """

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
    """The platform refused a call of the active side (protocol reference 7), or sent nonsense.

    Attributes:
        code: Its `errcode`; 0 where there is none.
        message: Its `errmsg`; holds no secret.
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
        sent: Whether it may have got the call all the same.
    """

    may_pass = True

    def __init__(self, message: str, sent: bool = True) -> None:
        super().__init__(0, message)
        self.args = (message, sent)  # so that it can be copied
        self.sent = sent

    def __str__(self) -> str:
        return f"the platform could not be reached: {self.message}"


class WrongCredentials(ApiError):
    """AppID or AppSecret are wrong or frozen, or the server's address is not on the account's list:
    40013, 40125, 40164, 40243, 41002, 41004, and 40001 for a token.
    """


class NotGranted(ApiError):
    """The account may not do this: 48001, 40200."""


class OutOfWindow(ApiError):
    """The user wrote too long ago, or follows the account no longer: 45015."""


class QuotaUsedUp(ApiError):
    """The customer messages that the user's last message allows are used up: 45047."""


class NoFollower(ApiError):
    """The user does not follow the account, is none of its users, or blocks it: 40003, 43004,
    48002.
    """


class Busy(ApiError):
    """The platform is busy, or was asked too often: -1, 45009, 45011."""

    may_pass = True


def api_error(code: int, message: str, *, fetching: bool = False) -> ApiError:
    """Return the error for a code of the platform's.

    Args:
        code: Its `errcode`.
        message: Its `errmsg`.
        fetching: Whether a token was asked for.
    """
    if fetching and code == 40001:
        return WrongCredentials(code, message)
    return _API_ERRORS.get(code, ApiError)(code, message)


_API_ERRORS: dict[int, type[ApiError]] = {
    **dict.fromkeys((40013, 40125, 40164, 40243, 41002, 41004), WrongCredentials),
    **dict.fromkeys((48001, 40200), NotGranted),
    45015: OutOfWindow,
    45047: QuotaUsedUp,
    **dict.fromkeys((40003, 43004, 48002), NoFollower),
    **dict.fromkeys((-1, 45009, 45011), Busy),
}


class ClaimLost(StoreError):
    """The claim was taken over or ran out; nothing was written."""

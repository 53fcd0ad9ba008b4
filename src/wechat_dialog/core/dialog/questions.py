"""Questions: waits for the user, how their answers are read, and how they are shown."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict, TypeVar, Union
from zlib import crc32

import msgspec

from wechat_dialog.core.blame import writable
from wechat_dialog.core.dialog.effects import Effect, encoded
from wechat_dialog.core.dialog.question_ids import digest, wait_id
from wechat_dialog.core.dialog.sayable import sayable
from wechat_dialog.core.quantities import as_text, is_count, is_seconds, refusal

if TYPE_CHECKING:
    from wechat_dialog.core.dialog.chat_state import ChatState
    from wechat_dialog.core.dialog.rivals import Rival
    from wechat_dialog.core.dialog.timers import HowLong
    from wechat_dialog.messages import Event, Message

__all__ = [
    "FIRST",
    "Asking",
    "AskingConfirm",
    "AskingFreely",
    "AskingUnkeyed",
    "Hint",
    "Reading",
    "SecretWait",
    "View",
    "Wait",
    "WaitOptions",
]

T = TypeVar("T")


class Reading(msgspec.Struct, frozen=True):
    """How answers to a question are read.

    Attributes:
        read: Returns the answer's value, given the chat and a message; raises `ValueError` with a
            sentence for the user.
        text: The same for a text, if that is all it needs; None: it needs the message. Replay uses
            it for plain texts, without rebuilding messages.
        event: Class of the events that are answers; None: no event is.
        ticked: Returns the answer's value, given the labels that the user had ticked when they said
            that they had finished; None: nothing can be ticked. Raises like `read`.
    """

    read: Callable[[ChatState, Message], Any]
    text: Callable[[ChatState, str], Any] | None = None
    event: type[Event] | None = None
    ticked: Callable[[ChatState, Sequence[str]], Any] | None = None

    def value(self, chat: ChatState, message: Message, ticked: Sequence[str] | None) -> Any:
        """Return the answer's value, from the ticked labels if there are any, else from the
        message.

        Raises:
            ValueError: It is not an answer.
        """
        if ticked is None or self.ticked is None:
            return self.read(chat, message)
        return self.ticked(chat, ticked)


@dataclass(frozen=True, slots=True)
class WaitOptions:
    """The options of one question.

    Attributes:
        hint: Said after a wrong answer instead of the reading's own sentence: a text, or a function
            of what the user wrote; None: that sentence.
        timeout: Seconds without an answer after which the conversation expires; None: as set for
            the dialog.
        attempts: `TooManyAttempts` is raised after this many consecutive answers that do not fit;
            None: no limit.
        cancel: Whether cancel words work here.
        back: Whether back words work here.
        takes: Returns whether a text is exactly an answer, and therefore not a cancel or back word;
            None: no text is.
        repeat: Whether the question is repeated after the hint.
        rivals: What else may end the wait: its limit, and in a race the other branches.
    """

    hint: str | Callable[[str], str] | None = None
    timeout: float | None = None
    attempts: int | None = None
    cancel: bool = True
    back: bool = True
    takes: Callable[[str], bool] | None = None
    repeat: bool = True
    rivals: tuple[Rival, ...] = ()

    def __post_init__(self) -> None:
        """Check the options where the author sets them, not in the turn that uses them.

        Raises:
            TypeError: A hint is neither a text nor a function, or a number is not one.
            ValueError: A number is out of range.
        """
        hint, timeout, attempts = self.hint, self.timeout, self.attempts
        if not (hint is None or type(hint) is str or callable(hint)):
            raise TypeError(f"hint={type(hint).__name__}: a text, or a function of what was said")
        if timeout is not None and not is_seconds(timeout):
            why = f"timeout={as_text(timeout)}: seconds above 0, or None for the dialog's own"
            raise refusal(timeout, why)
        if attempts is not None and not is_count(attempts):
            why = f"attempts={as_text(attempts)}: a whole number, 1 or more, or None for no limit"
            raise refusal(attempts, why)
        if timeout is not None and self.rivals:
            raise ValueError(
                f"timeout={timeout} together with within=: timeout= forgets the conversation "
                "silently, within= raises NoAnswer; give one of them"
            )


DEFAULTS = WaitOptions()


class View(msgspec.Struct, frozen=True):
    """What a user has done to a question without answering it; stored in the conversation's header.

    Attributes:
        page: The page that they see, from 0.
        ticks: The options they have ticked, by index, ascending.
    """

    page: int = 0
    ticks: tuple[int, ...] = ()


FIRST = View()

Hint = Union[str, Callable[[str], str], None]  # noqa: UP007 - an alias, evaluated at run time on 3.11


class AskingUnkeyed(TypedDict, total=False):
    """Options of every question, by keyword.

    Attributes:
        hint: Said before the question is asked again: a text, or a function of what the user wrote.
            None: the parser's message.
        timeout: Seconds without an answer after which the conversation expires; None: as set for
            the dialog.
        attempts: `TooManyAttempts` is raised here after this many consecutive answers that do not
            fit.
        cancel: Whether the bot's cancel words work at this question.
        back: Whether the bot's back words work at this question.
        repeat: Whether the question is repeated after the hint; False: only the hint is said.
    """

    hint: Hint
    timeout: float | None
    attempts: int | None
    cancel: bool
    back: bool
    repeat: bool


class AskingConfirm(AskingUnkeyed, total=False):
    """Options of every single question, but not of a form.

    Attributes:
        within: How long to wait for the answer, instead of `timeout`: seconds, a `timedelta` or an
            aware `datetime`. After that `NoAnswer` is raised here, whether or not the user ever
            writes again. Messages that do not answer the question (a page, a tick, an answer that
            does not fit) do not extend it.
    """

    within: HowLong | None


class Asking(AskingConfirm, total=False):
    """Options of every question that may have a key.

    Attributes:
        key: Identifies the question in the journal instead of its text; for texts that contain data
            or a clock.
    """

    key: str | None


class AskingFreely(Asking, total=False):
    """Options of a question that any text may answer.

    Attributes:
        secret: Whether the answer is never stored or logged; see `docs/dialogs.md`. The value that
            the dialog gets can only be passed to a step of the same turn; `parse` checks it.
    """

    secret: bool


class Wait(Effect[T]):
    """A wait for the user's next message.

    Attributes:
        kind: One letter: "y" a bare yield, "a" ask, "c" choose, "d" confirm, "f" the summary of a
            form; a capital if the answer is secret.
        prompt: The author's question: a text, a reply, or None for nothing.
        reading: How answers are read.
        key: Explicit key, or None to identify the question by its text.
        options: The options that the author has set.
        id: Identifies this question in the journal; see `question_ids.wait_id`.
        said: What was said just before a question without a text of its own (`prompt` is None), and
            stands for its text; unset if it has one.
    """

    __slots__ = ("id", "key", "kind", "options", "prompt", "reading", "said")

    drifts: ClassVar[bool] = False
    """Whether its text may differ at every replay without an error: 2017 dialogs."""
    formerly: ClassVar[str] = ""
    """Id used for all such questions by older journals; "" if there was none."""

    def __init__(
        self,
        chat: ChatState,
        kind: str,
        prompt: object,
        reading: Reading,
        key: str | None = None,
        options: WaitOptions = DEFAULTS,
    ) -> None:
        """Create the effect, which asks nothing until it is waited for.

        Raises:
            NotSayable: The prompt is neither a text nor another reply, nor None.
            ValueError: The key cannot be encoded as UTF-8.
        """
        self.chat = chat
        chat.made += 1
        self.kind = kind
        self.prompt = prompt
        self.reading = reading
        self.key = key
        self.options = options
        # `wait_id` inlined: this runs for every replayed answer, and is a sixth faster than with
        # the f-string and the error handler there.
        if key is None and type(prompt) is str:
            try:
                text = prompt.encode()
            except UnicodeEncodeError:
                text = prompt.encode("utf-8", "surrogatepass")
            self.id = "%s%x" % (kind, crc32(text))  # noqa: UP031
        else:
            content = prompt
            if prompt is None and chat.outbox:
                content = self.said = chat.outbox
            else:
                sayable(prompt, self.call)
            self.id = wait_id(kind, key, b"" if key is not None else encoded(content))
            if key is not None and writable(self.id) != self.id:
                raise ValueError(f"key={key!r}: half a character, which no journal can hold")

    @property
    def call(self) -> str:
        """See `Effect`."""
        name = {"c": "choose", "d": "confirm"}.get(self.kind, "ask")
        return f"chat.{name}(…)"

    @property
    def rivals(self) -> tuple[Rival, ...]:
        """What else may end the wait; usually ()."""
        return self.options.rivals

    @property
    def offers(self) -> str:
        """Digest of the options, in order, if an answer may be a number; "" if there are none."""
        return ""

    def meant(self, answer: object) -> str:
        """Return the digest of the option that the last answer meant; "" if there are no
        options.
        """
        if isinstance(answer, (enum.Enum, bool)):
            return digest(answer.name if isinstance(answer, enum.Enum) else str(answer))
        return ""

    def candidates(self) -> Iterable[str]:
        """Return texts that mean each of the options."""
        return "是", "否"

    # Only a menu has several views.

    def shown(self, view: View) -> object:  # noqa: ARG002
        """Return the question as the user sees it."""
        return self.prompt

    def view_after(self, word: str, view: View) -> View | None:  # noqa: ARG002
        """Return the view after `word`, if that turns a page or ticks an option; otherwise None."""
        return None

    def ticked_labels(self, word: str, view: View) -> list[str] | None:  # noqa: ARG002
        """Return the labels that are ticked, if `word` says that they are the answer; otherwise
        None.
        """
        return None


class SecretWait(Wait[T]):
    """A question whose answer is never stored or logged: `chat.ask(…, secret=True)`."""

    __slots__ = ()

    def __init__(
        self,
        chat: ChatState,
        prompt: object,
        reading: Reading,
        key: str | None = None,
        options: WaitOptions = DEFAULTS,
    ) -> None:
        """See `Wait`.

        Raises:
            TypeError: The answer is not a text.
        """
        if reading.text is None:
            raise TypeError("secret=True: a picture or an event is no secret; only a text can be")
        super().__init__(chat, "A", prompt, reading, key, options)

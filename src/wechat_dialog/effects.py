"""Effects: what a dialog hands to the engine and what it waits for.

`chat.ask(…)` and its like return one of these values, and nothing has happened yet. `yield from
effect` in a generator and `await effect` in a coroutine are two spellings of one thing: both hand
the effect itself to whoever drives the dialog, and give back what is sent in, typed. What an effect
means is the engine's business; this file knows only what it carries.
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypedDict, TypeVar, Union
from zlib import crc32

import msgspec

from .journal import mark, wait_id

if TYPE_CHECKING:
    from .chat import Chat
    from .messages import Event, Message

__all__ = [
    "FIRST",
    "TICKED",
    "Asking",
    "AskingUnkeyed",
    "ContinueAs",
    "Effect",
    "Gather",
    "Hint",
    "PutAway",
    "Reading",
    "StepCall",
    "StepOptions",
    "View",
    "Wait",
    "WaitOptions",
]

T = TypeVar("T")


class PutAway(GeneratorExit):
    """Raised inside a dialog that is being put away and asks for an effect: it stops there."""


class Effect(Generic[T]):
    """Something a dialog asks its driver for; `yield from` it, or `await` it."""

    __slots__ = ("chat",)

    chat: Chat

    def __iter__(self) -> Generator[Any, Any, T]:
        """Hand this effect to the engine; gives back its result."""
        if self.chat.put_away:
            raise PutAway
        result: T = yield self
        return result

    __await__ = __iter__


class Reading(msgspec.Struct, frozen=True):
    """How answers to a question are read.

    Attributes:
        read: Makes the answer's value of the chat and a message; raises `ValueError` with a
            sentence for the user.
        text: The same of a text alone, where that is all it takes; None: the message is needed. A
            replay of plain texts uses it, and makes no message.
        event: Class of the event that answers; None: no event does.
    """

    read: Callable[[Chat, Message], Any]
    text: Callable[[Chat, str], Any] | None = None
    event: type[Event] | None = None


@dataclass(frozen=True, slots=True)
class WaitOptions:
    """What an author may want otherwise at one question.

    Attributes:
        hint: Said instead of the reading's own sentence: a text, or a function of what the user
            wrote; None: that sentence.
        timeout: Seconds without an answer after which the conversation is gone; None leaves it to
            the dialog.
        attempts: After this many answers in a row that do not fit, `TooManyAttempts` is raised;
            None: no limit.
        cancel: Whether cancel words work here.
        back: Whether back words work here.
        takes: Says whether a text is exactly an answer, so that no cancel or back word is seen in
            it; None: no text is.
    """

    hint: str | Callable[[str], str] | None = None
    timeout: float | None = None
    attempts: int | None = None
    cancel: bool = True
    back: bool = True
    takes: Callable[[str], bool] | None = None


DEFAULTS = WaitOptions()


class View(msgspec.Struct, frozen=True):
    """What a user has done to a question without answering it; kept in its conversation's header.

    Attributes:
        page: The page he looks at, from 0.
        ticks: The options he has ticked, by index, ascending.
    """

    page: int = 0
    ticks: tuple[int, ...] = ()


FIRST = View()

TICKED = "!ticked"
"""Field of a message's `raw` with the labels its user had ticked. No push can bring it: `!` begins
no name in XML."""

Hint = Union[str, Callable[[str], str], None]  # noqa: UP007 - an alias, evaluated at run time on 3.11


class AskingUnkeyed(TypedDict, total=False):
    """What may be said of any question, by keyword.

    Attributes:
        hint: Said before the question is asked again: a text, or a function of what the user wrote.
            None: what the parser says.
        timeout: Seconds without an answer after which the conversation is gone; None: the dialog's.
        attempts: After this many answers in a row that do not fit, `TooManyAttempts` is raised
            here.
        cancel: Whether the bot's cancel words work at this question.
        back: Whether its back words do.
    """

    hint: Hint
    timeout: float | None
    attempts: int | None
    cancel: bool
    back: bool


class Asking(AskingUnkeyed, total=False):
    """What may be said of any question, and what the journal shall know it by.

    Attributes:
        key: Tells this question apart where its text is no good for it, because it comes from data
            or a clock.
    """

    key: str | None


class Wait(Effect[T]):
    """A wait for the user's next message.

    Attributes:
        kind: One letter: "y" a bare yield, "a" ask, "c" choose, "d" confirm, "f" the summary of a
            form.
        prompt: What the user is asked, as the author gave it: a text, a reply, None for nothing.
        reading: How answers are read.
        key: Explicit key, or None to tell the question by its text.
        options: What the author wants otherwise.
        id: What the journal knows this question by; see `journal.wait_id`.
        said: What was said before a question that has no text of its own, and is its text; unset
            where it has one.
    """

    __slots__ = ("id", "key", "kind", "options", "prompt", "reading", "said")

    drifts: ClassVar[bool] = False
    """Whether its text may be another at every replay, with nothing wrong: a 2017 dialog's."""
    formerly: ClassVar[str] = ""
    """The id that every such question had in journals of an earlier time; "" is none."""

    def __init__(
        self,
        chat: Chat,
        kind: str,
        prompt: object,
        reading: Reading,
        key: str | None = None,
        options: WaitOptions = DEFAULTS,
    ) -> None:
        """Build one; nothing has happened yet.

        Raises:
            TypeError: The prompt is nothing that can be said.
        """
        self.chat = chat
        self.kind = kind
        self.prompt = prompt
        self.reading = reading
        self.key = key
        self.options = options
        # `wait_id` written out: this line is passed at every replayed answer.
        if key is None and type(prompt) is str:
            self.id = f"{kind}{crc32(prompt.encode('utf-8', 'surrogatepass')):x}"
        else:
            asked = prompt
            if prompt is None and chat.outbox:
                asked = self.said = tuple(chat.outbox)
            self.id = wait_id(kind, key, b"" if key is not None else msgspec.json.encode(asked))

    @property
    def offers(self) -> str:
        """A mark of what is offered, in order, where a number is an answer; "" if nothing is."""
        return ""

    def meant(self, answer: object) -> str:
        """Return a mark of which of the things offered the last answer meant; "" if it was free."""
        if isinstance(answer, (enum.Enum, bool)):
            return mark(answer.name if isinstance(answer, enum.Enum) else str(answer))
        return ""

    def candidates(self) -> Iterable[str]:
        """Yield texts that mean each of the things offered."""
        return "是", "否"

    # Only a menu can be looked at in more than one way.

    def shown(self, view: View) -> object:  # noqa: ARG002
        """Return what the user is asked, as he sees it."""
        return self.prompt

    def turned(self, word: str, view: View) -> View | None:  # noqa: ARG002
        """Return what `word` makes of a view: another page, a tick; None if it does nothing."""
        return None

    def settled(self, word: str, view: View) -> list[str] | None:  # noqa: ARG002
        """Return the labels that are ticked, where `word` says that these are the answer."""
        return None


class StepOptions(msgspec.Struct, frozen=True):
    """How a step is run; belongs to its function.

    Attributes:
        name: What the journal knows it by; "" is the function's qualified name.
        retries: How many times it is run again after it raised.
        backoff: Seconds before the first repetition, doubled for each further one; or a function
            from the number of the repetition, counted from 1, to seconds.
        timeout: Seconds one run may take; None: no limit.
    """

    name: str = ""
    retries: int = 0
    backoff: float | Callable[[int], float] = 0.2
    timeout: float | None = None

    def pause(self, repetition: int) -> float:
        """Return the seconds to wait before this repetition, counted from 1."""
        if callable(self.backoff):
            return self.backoff(repetition)
        return self.backoff * 2.0 ** (repetition - 1)


class StepCall(Effect[T]):
    """A side effect that runs once.

    Attributes:
        amid: The exception the dialog was busy with when it asked for this, or None.
        name: What the journal knows it by.
        fn: The function, sync or async.
        args: Its arguments.
        kwargs: Its keyword arguments.
        options: How it is run.
    """

    __slots__ = ("amid", "args", "fn", "kwargs", "name", "options")

    def __init__(
        self,
        chat: Chat,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        options: StepOptions,
    ) -> None:
        self.chat = chat
        self.fn = fn
        self.args = args
        self.kwargs = kwargs
        self.options = options
        self.name = options.name or getattr(fn, "__qualname__", None) or type(fn).__name__
        self.amid: BaseException | None = None

    def __iter__(self) -> Generator[Any, Any, T]:
        """See `Effect`."""
        self.amid = sys.exception()
        return super().__iter__()

    __await__ = __iter__

    @property
    def mark(self) -> str:
        """A mark of the arguments, by which calls of one function are told apart; "" if there are
        none, or JSON cannot say them.
        """
        if not self.args and not self.kwargs:
            return ""
        try:
            said = _in_order.encode((self.args, self.kwargs))
        except (TypeError, ValueError, RecursionError):
            return ""
        return f"{crc32(said) & 0xFFFFFF:06x}"


_in_order = msgspec.json.Encoder(order="deterministic")


class Gather(Effect[T]):
    """Several steps at once; each is recorded as it ends, under its slot.

    Attributes:
        amid: See `StepCall`.
        calls: The steps, in the order of their slots.
    """

    __slots__ = ("amid", "calls")

    def __init__(self, chat: Chat, calls: tuple[StepCall[Any], ...]) -> None:
        self.chat = chat
        self.calls = calls
        self.amid: BaseException | None = None

    def __iter__(self) -> Generator[Any, Any, T]:
        """See `Effect`."""
        self.amid = sys.exception()
        return super().__iter__()

    __await__ = __iter__


class ContinueAs(msgspec.Struct, frozen=True):
    """What `chat.continue_as` returns, for the dialog to return: end here and begin there."""

    dialog: Callable[..., Any]
    state: Mapping[str, Any] = msgspec.field(default_factory=dict[str, Any])

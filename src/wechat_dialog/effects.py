"""Effects: what a dialog hands to the engine and what it waits for.

`chat.ask(…)` and its like return one of these values, and nothing has happened yet. `yield from
effect` in a generator and `await effect` in a coroutine are two spellings of one thing: both hand
the effect itself to whoever drives the dialog, and give back what is sent in, typed. What an effect
means is the engine's business; this file knows only what it carries.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from .journal import wait_id

if TYPE_CHECKING:
    from .chat import Chat
    from .messages import Event, Message

__all__ = ["ContinueAs", "Effect", "Gather", "PutAway", "StepCall", "StepOptions", "Wait"]

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
        return (yield self)

    __await__ = __iter__


class Wait(Effect[T]):
    """A wait for the user's next message.

    Attributes:
        kind: One letter: "y" a bare yield, "a" ask, "c" choose, "d" confirm, "f" the summary of a
            form.
        prompt: What the user is asked, as the author gave it: a text, a reply, None for nothing.
        key: Explicit key, or None to tell the question by its text.
        read: Makes the answer's value of the chat and a message; raises `ValueError` with a
            sentence for the user.
        hint: Said instead of that sentence, if any: a text, or a function of what the user wrote.
        timeout: Seconds without an answer after which the conversation is gone; None leaves it to
            the dialog.
        attempts: After this many answers in a row that do not fit, `TooManyAttempts` is raised;
            None: no limit.
        cancel: Whether cancel words work here.
        back: Whether back words work here.
        event: Class of the event that answers, or None: events answer nothing.
        takes: Says whether a text is exactly an answer, so that no cancel or back word is seen in
            it; may be None.
    """

    __slots__ = (
        "_id",
        "attempts",
        "back",
        "cancel",
        "event",
        "hint",
        "key",
        "kind",
        "prompt",
        "read",
        "takes",
        "timeout",
    )

    def __init__(
        self,
        chat: Chat,
        kind: str,
        prompt: object,
        read: Callable[[Chat, Message], T],
        *,
        key: str | None = None,
        hint: str | Callable[[str], str] | None = None,
        timeout: float | None = None,
        attempts: int | None = None,
        cancel: bool = True,
        back: bool = True,
        event: type[Event] | None = None,
        takes: Callable[[str], bool] | None = None,
    ) -> None:
        self.chat = chat
        self.kind = kind
        self.prompt = prompt
        self.read = read
        self.key = key
        self.hint = hint
        self.timeout = timeout
        self.attempts = attempts
        self.cancel = cancel
        self.back = back
        self.event = event
        self.takes = takes
        self._id = ""

    @property
    def id(self) -> str:
        """What the journal knows this question by; see `journal.wait_id`."""
        if not self._id:
            prompt = self.prompt
            text = prompt if isinstance(prompt, str) else msgspec.json.encode(prompt)
            self._id = wait_id(self.kind, self.key, text)
        return self._id


@dataclass(frozen=True, slots=True)
class StepOptions:
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
        name: What the journal knows it by.
        fn: The function, sync or async.
        args: Its arguments.
        kwargs: Its keyword arguments.
        options: How it is run.
    """

    __slots__ = ("args", "fn", "kwargs", "name", "options")

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


class Gather(Effect[T]):
    """Several steps at once; each is recorded as it ends, under its slot.

    Attributes:
        calls: The steps, in the order of their slots.
    """

    __slots__ = ("calls",)

    def __init__(self, chat: Chat, calls: tuple[StepCall[Any], ...]) -> None:
        self.chat = chat
        self.calls = calls


@dataclass(frozen=True, slots=True)
class ContinueAs:
    """What `chat.continue_as` returns, for the dialog to return: end here and begin there."""

    dialog: Callable[..., Any]
    state: Mapping[str, Any] = field(default_factory=dict[str, Any])

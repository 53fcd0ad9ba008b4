"""The author's vocabulary: what a dialog can say, ask, do once and know.

A `Chat` is the one argument every dialog gets. Its methods build effects (`effects.py`) and change
nothing, except `say`; the engine sets its fields as it feeds the journal, so that whatever a dialog
reads here is the same at every replay: the time is the current message's, chance is seeded by the
conversation. None of it costs a record.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from random import Random
from typing import TYPE_CHECKING, Any, Generic, Literal, ParamSpec, TypeVar, Unpack, overload

from . import answers
from .effects import (
    Asking,
    AskingUnkeyed,
    ContinueAs,
    Effect,
    Gather,
    Hint,
    Reading,
    StepCall,
    StepOptions,
    Wait,
    WaitOptions,
)
from .journal import Answer, message_of
from .messages import Message
from .remembered import GONE, PLAIN, Remembered, difference
from .replies import Reply
from .steps import StepFunction
from .texts import Texts

if TYPE_CHECKING:
    from typing_extensions import TypeVar as TypeVarWithDefault

    from .forms import Form

    # `Chat` alone is `Chat[Any]`, in every checker's strictest mode. Python knows it from 3.13 on.
    D = TypeVarWithDefault("D", default=Any)
else:
    D = TypeVar("D")

__all__ = ["Chat", "Dialog"]

T = TypeVar("T")
E = TypeVar("E", bound=enum.Enum)
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
R = TypeVar("R")
P = ParamSpec("P")

Dialog = Generator[Any, Any, R]
"""Return type of a generator dialog or sub-dialog: `def order(chat: Chat) -> Dialog[str]`."""


class Chat(Generic[D]):
    """One conversation, as its dialog sees it.

    `Chat[Profile]` in an annotation says that `data` is a `Profile`, for `Bot(data=Profile)`.

    Attributes:
        user: The user's OpenID, a `str`.
        random: A `random.Random` seeded by the conversation's id: the same draws at every replay.
        replaying: Whether the dialog is only being rebuilt: True for everything before the current
            message. The 2017 `is_replay`. A dialog that obeys the golden rule never needs it.
        data: What the bot remembers of this user beyond the conversation, committed with the turn:
            a `dict` of JSON data by name, or an instance of `Bot(data=…)`. Assign to its keys or
            attributes; what a turn leaves different from before is kept, name by name.
        stored: The user's data when the conversation began, as JSON data; see `data`.
        remembered: The shape the bot gives to it.
        texts: The sentences of the library.
    """

    __slots__ = (
        "_message",
        "_random",
        "account",
        "arrived",
        "data",
        "id",
        "outbox",
        "put_away",
        "remembered",
        "replaying",
        "stored",
        "texts",
        "user",
        "zone",
    )

    def __init__(
        self,
        user: str,
        message: Message,
        *,
        account: str = "",
        id: str = "",
        arrived: int = 0,
        texts: Texts | None = None,
        zone: tzinfo = UTC,
        remembered: Remembered = PLAIN,
    ) -> None:
        self.user = user
        self._message: Message | Answer = message
        self.account = account
        self.id = id
        self.arrived = arrived
        self.texts = texts or Texts()
        self.zone = zone
        self.remembered = remembered
        self.stored: Mapping[str, Any] = _NOTHING
        self.data: D = remembered.read(_NOTHING)
        self.replaying = False
        self.put_away = False
        self.outbox: list[object] = []
        self._random: Random | None = None

    # What a dialog may know -----------------------------------------------------------------------

    @property
    def message(self) -> Message:
        """The current message: the one that started the dialog, then each accepted answer."""
        message = self._message
        if isinstance(message, Answer):
            message = self._message = message_of(message, self.user, self.account)
        return message

    @message.setter
    def message(self, message: Message) -> None:
        self._message = message

    def heard(self, record: Answer) -> None:
        """Make a recorded text the current message; the message itself is made when asked for."""
        self._message = record

    def now(self) -> datetime:
        """Return when the current message arrived, an aware `datetime` in the bot's time zone."""
        return datetime.fromtimestamp(self.arrived / 1000, self.zone)

    @property
    def random(self) -> Random:
        """Chance that falls the same way at every replay."""
        if self._random is None:
            self._random = Random(self.id)
        return self._random

    def remember(self, stored: Mapping[str, Any]) -> None:
        """Begin with this data; nothing of it is changed or kept a reference to by a dialog."""
        self.stored = stored
        self.data = self.remembered.read(stored)

    def kept(self) -> dict[str, Any]:
        """Return the user's data as the dialog has left it, as JSON data.

        Raises:
            TypeError: A value is nothing JSON knows.
        """
        return self.remembered.plain(self.data)

    def changes(self) -> dict[str, Any]:
        """Return what the dialog changed in the user's data since its conversation began: the new
        values by name, `GONE` for what it removed.

        Raises:
            TypeError: A value is nothing JSON knows.
        """
        if self.data == self.stored:
            return {}  # a plain dict, as most are
        return difference(self._began(), self.kept())

    def undone(self, was: Mapping[str, Any]) -> dict[str, Any]:
        """Return the changes that lead from `was`, once `kept`, back to what is here now."""
        found, began = difference(was, self.kept()), self._began()
        for name, value in found.items():
            if name in began and began[name] == value:
                found[name] = self.stored.get(name, GONE)  # not the default of a class
        return found

    def _began(self) -> dict[str, Any]:
        return self.remembered.plain(self.remembered.read(self.stored))

    # What a dialog may say ------------------------------------------------------------------------

    def say(self, reply: str | Reply | None) -> None:
        """Add to the answer of this turn without waiting. Called, not awaited.

        Adjacent texts become one message, with a line break between them. What does not fit into
        one reply (protocol reference 5.2) is held and announced.
        """
        if reply is not None and not self.put_away:
            self.outbox.append(reply)

    # What a dialog may ask ------------------------------------------------------------------------

    @overload
    def ask(
        self,
        prompt: str | Reply | None,
        **how: Unpack[Asking],
    ) -> Effect[str]: ...
    @overload
    def ask(
        self,
        prompt: str | Reply | None,
        parse: type[T],
        **how: Unpack[Asking],
    ) -> Effect[T]: ...
    @overload
    def ask(
        self,
        prompt: str | Reply | None,
        parse: re.Pattern[str],
        **how: Unpack[Asking],
    ) -> Effect[re.Match[str]]: ...
    @overload
    def ask(
        self,
        prompt: str | Reply | None,
        parse: Callable[[str], T] | Callable[[str, datetime], T],
        **how: Unpack[Asking],
    ) -> Effect[T]: ...
    def ask(
        self,
        prompt: str | Reply | None,
        parse: Any = str,
        *,
        key: str | None = None,
        hint: Hint = None,
        timeout: float | None = None,
        attempts: int | None = None,
        cancel: bool = True,
        back: bool = True,
    ) -> Effect[Any]:
        """Ask, and wait for an answer that fits.

        An answer that does not fit is never journaled: the user gets the hint and the question
        again.

        Args:
            prompt: The question: a text or another reply; None asks nothing and waits.
            parse: What the answer must be: `str` (stripped, not empty), `int`, `float`, `Decimal`,
                `bool`, `date`, `time`, `datetime`, an `Enum`, a compiled pattern (the stripped text
                must match in full; gives the `re.Match`), a class of `messages` (gives the
                message), a parser of `parsers`, or a function of the stripped text that raises
                `ValueError` with a sentence for the user.
            key: See `Asking`, as for those that follow.
            hint: Said before the question is asked again.
            timeout: Seconds the conversation waits for the answer.
            attempts: Answers in a row that may fail to fit.
            cancel: Whether the bot's cancel words work at this question.
            back: Whether its back words do.

        Returns:
            An effect: `yield from` or `await` it for the value, of the type `parse` stands for.
        """
        how = _readings.get(parse)
        if how is None:
            how = answers.reading(parse)
        if hint is None and timeout is None and attempts is None and cancel and back:
            return Wait(self, "a", prompt, how, key)
        return Wait(self, "a", prompt, how, key, WaitOptions(hint, timeout, attempts, cancel, back))

    @overload
    def choose(
        self, prompt: str, options: type[E], *, many: Literal[False] = ..., **how: Unpack[Asking]
    ) -> Effect[E]: ...
    @overload
    def choose(
        self, prompt: str, options: type[E], *, many: Literal[True], **how: Unpack[Asking]
    ) -> Effect[list[E]]: ...
    @overload
    def choose(
        self, prompt: str, options: Mapping[str, T], *, many: Literal[False] = ...,
        **how: Unpack[Asking],
    ) -> Effect[T]: ...  # fmt: skip
    @overload
    def choose(
        self, prompt: str, options: Mapping[str, T], *, many: Literal[True], **how: Unpack[Asking]
    ) -> Effect[list[T]]: ...
    @overload
    def choose(
        self, prompt: str, options: Sequence[str], *, many: Literal[False] = ...,
        **how: Unpack[Asking],
    ) -> Effect[str]: ...  # fmt: skip
    @overload
    def choose(
        self, prompt: str, options: Sequence[str], *, many: Literal[True], **how: Unpack[Asking]
    ) -> Effect[list[str]]: ...
    @overload
    def choose(
        self, prompt: str, options: Sequence[tuple[str, T]], *, many: Literal[False] = ...,
        **how: Unpack[Asking],
    ) -> Effect[T]: ...  # fmt: skip
    @overload
    def choose(
        self, prompt: str, options: Sequence[tuple[str, T]], *, many: Literal[True],
        **how: Unpack[Asking],
    ) -> Effect[list[T]]: ...  # fmt: skip
    def choose(
        self, prompt: str, options: Any, *, many: bool = False, key: str | None = None, **how: Any
    ) -> Effect[Any]:
        """Let the user take one of several options, or several of them.

        Numbered lines, tappable where one is taken; ten to a page, so that a page fits into one
        reply. An answer is a number, a label, its beginning or a part of it (`docs/parsers.md`).
        One that is exactly a label is never a cancel or back word, nor an interruption.

        Args:
            prompt: The question, a text.
            options: Labels; (label, value) pairs; a mapping from label to value; or an Enum, whose
                members show their attribute `label`, else their value if it is a text, else their
                name.
            many: Whether several may be taken.
            key: See `Asking`. Without one the question is known by its text and labels, so that
                other options are another question.
            how: See `Asking`.

        Returns:
            An effect for the option's value; with `many` a list of them in the menu's order, empty
            for 都不要.

        Raises:
            ValueError: There are no options; two labels read the same; one is blank or over 200
                characters.
            TypeError: The options are nothing of the above, or the prompt is no text.
        """
        # Menus and forms bring the parsers; a bot that has none of them starts in half the time.
        from .menus import Menu, pairs

        labels, values = pairs(options)
        return Menu(self, prompt, labels, values, many=many, key=key, options=WaitOptions(**how))

    def confirm(
        self,
        prompt: str,
        *,
        default: bool | None = None,
        yes: str | None = None,
        no: str | None = None,
        key: str | None = None,
        **how: Unpack[AskingUnkeyed],
    ) -> Effect[bool]:
        """Ask for a yes or a no, with a tappable link for each.

        Args:
            prompt: The question, a text.
            default: What it means when the user leaves it to the bot (随便, 都行, 默认): he cannot
                send an empty answer. What is neither yes nor no is asked again even so, since a
                wrong yes costs more than a second question. None: so is 随便.
            yes: Label of the yes; None: `Texts.yes`.
            no: Label of the no; None: `Texts.no`.
            key: See `Asking`.
            how: See `Asking`.

        Raises:
            ValueError: The two labels read the same, or one is blank.
            TypeError: The prompt is no text.
        """
        from .menus import Confirm

        return Confirm(self, prompt, default, yes=yes, no=no, key=key, options=WaitOptions(**how))

    def form(
        self,
        cls: type[T],
        *,
        given: Mapping[str, Any] | None = None,
        summary: bool = True,
        key: str | None = None,
        **how: Unpack[AskingUnkeyed],
    ) -> Form[T]:
        """Ask for a dataclass or `msgspec.Struct` field by field, and let the user check it.

        See `form_fields.Field` for what may be said of a field. At the end a summary is shown; its
        user confirms, changes a field, or gives up, which raises `Cancelled` here.

        Args:
            cls: The class.
            given: Values of fields that are known already; these are not asked, but shown and
                changeable.
            summary: Whether there is a summary at the end.
            key: Stands before the keys of its questions, which are `Class.field`; needed where one
                dialog asks for the same class twice and the order of the two may change.
            how: See `Asking`; for each of its questions.

        Returns:
            A sub-dialog: `yield from` or `await` it for the instance.

        Raises:
            TypeError: A field's type has no question, and it has neither a parser nor a default;
                or `given` names no field of it.
        """
        from .forms import Form

        return Form(self, cls, given or {}, summary, key, WaitOptions(**how))

    # What a dialog may do once --------------------------------------------------------------------

    @overload
    def step(self, fn: StepFunction[P, T], /, *args: P.args, **kwargs: P.kwargs) -> StepCall[T]: ...
    @overload
    def step(
        self, fn: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> StepCall[T]: ...
    @overload
    def step(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> StepCall[T]: ...
    def step(self, fn: Any, /, *args: Any, **kwargs: Any) -> StepCall[Any]:
        """Run a side effect once; on replay its recorded result is given back, or its exception
        raised again.

        A finished step never runs again. Only the step in which a process died can run a second
        time, and it then gets the same `idempotency_key`, a `str`, if the function declares a
        parameter of that name.

        Args:
            fn: A sync or async function, or a `step(…)` of one.
            args: Its arguments.
            kwargs: Its keyword arguments.

        Returns:
            An effect for the function's result, which must be JSON data or of a type msgspec knows
            (then the function's return annotation says which), and is a copy that went through
            JSON.

        Raises:
            TimedOut: When waited for: the function took longer than its `timeout`.
            Exception: When waited for: what the function raised; `StepFailed` where its class
                cannot be rebuilt.
        """
        if isinstance(fn, StepFunction):
            return StepCall(self, fn.fn, args, kwargs, fn.options)
        return StepCall(self, fn, args, kwargs, _PLAIN_STEP)

    @overload
    def gather(self, a: StepCall[T1], /) -> Effect[tuple[T1]]: ...
    @overload
    def gather(self, a: StepCall[T1], b: StepCall[T2], /) -> Effect[tuple[T1, T2]]: ...
    @overload
    def gather(
        self, a: StepCall[T1], b: StepCall[T2], c: StepCall[T3], /
    ) -> Effect[tuple[T1, T2, T3]]: ...
    @overload
    def gather(
        self, a: StepCall[T1], b: StepCall[T2], c: StepCall[T3], d: StepCall[T4], /
    ) -> Effect[tuple[T1, T2, T3, T4]]: ...
    @overload
    def gather(self, *calls: StepCall[T]) -> Effect[tuple[T, ...]]: ...
    def gather(self, *calls: StepCall[Any]) -> Effect[Any]:
        """Run several steps at once.

        Each is recorded as it ends, so that none runs again after a crash that came before the
        slowest one ended.

        Args:
            calls: What `chat.step(…)` returned. None at all gives an empty tuple at once.

        Returns:
            An effect for the tuple of their results, in the order given. If some raised, the
            exception of the first of them in that order is raised, after all have ended.
        """
        return Gather(self, calls)

    # Where a dialog may end -----------------------------------------------------------------------

    def continue_as(self, dialog: Callable[..., Any], **state: Any) -> ContinueAs:
        """End here and begin `dialog` at once as a fresh conversation; for the dialog to return.

        Args:
            dialog: A dialog of the bot: one with a route, or one named with `bot.dialog`.
            state: Its arguments; JSON data.
        """
        return ContinueAs(dialog, state)


_NOTHING: Mapping[str, Any] = {}
_PLAIN_STEP = StepOptions()

# The two that nearly every question asks for, found without a call.
_readings: dict[Any, Reading] = {str: answers.reading(str), int: answers.reading(int)}

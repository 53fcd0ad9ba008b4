"""The author's vocabulary: what a dialog can say, ask, do once and know.

A `Chat` is the one argument every dialog gets. Its methods build effects (`effects.py`) and change
nothing, except `say`; what can be read of it is in `situation.py`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar, Unpack, overload

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
from .replies import Reply
from .situation import D, Situation
from .steps import StepFunction

if TYPE_CHECKING:
    from .forms import Form

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


class Chat(Situation[D]):
    """One conversation, as its dialog sees it: what it knows, and what it can say, ask and do.

    `Chat[Profile]` in an annotation says that `data` is a `Profile`, for `Bot(data=Profile)`. Its
    fields are those of a `Situation`.
    """

    __slots__ = ()

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


_PLAIN_STEP = StepOptions()

# The two that nearly every question asks for, found without a call.
_readings: dict[Any, Reading] = {str: answers.reading(str), int: answers.reading(int)}

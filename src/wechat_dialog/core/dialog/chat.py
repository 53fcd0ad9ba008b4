"""What a dialog can say, ask, do once and read.

A `Chat` is the one argument that every dialog gets. Its methods create effects (see `effects`),
which do nothing until they are waited for; only `say` takes effect at once. The readable attributes
are in `chat_state`, other things to wait for in `chat_times`, steps in `chat_steps`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, overload

from wechat_dialog.core.dialog.effects import ContinueAs, Effect
from wechat_dialog.core.dialog.questions import (
    Asking,
    AskingConfirm,
    AskingFreely,
    AskingUnkeyed,
    Reading,
    SecretWait,
    Wait,
    WaitOptions,
)
from wechat_dialog.core.dialog.sayable import sayable
from wechat_dialog.replies import Sayable

from .chat_state import D
from .chat_steps import ChatSteps
from .reading import reading, reading_ahead
from .secret_answers import must_be_plain

if TYPE_CHECKING:
    from .form import Form

__all__ = ["Chat", "Dialog"]

T = TypeVar("T")
M = TypeVar("M", bound=date)
E = TypeVar("E", bound=enum.Enum)
R = TypeVar("R")

Dialog = Generator[Any, Any, R]
"""Return type of a generator dialog or sub-dialog: `def order(chat: Chat) -> Dialog[str]`."""


class Chat(ChatSteps[D]):
    """One conversation, as its dialog sees it: what it knows, and what it can say, ask and do.

    `Chat[Profile]` in an annotation says that `data` is a `Profile`, for `Bot(data=Profile)`. Its
    fields are those of a `ChatState`.
    """

    __slots__ = ()

    # What a dialog may say ------------------------------------------------------------------------

    def say(self, reply: Sayable) -> None:
        """Add to the answer of this turn, without waiting. Called, not awaited.

        Adjacent texts become one message, with a line break between them. What does not fit into
        one reply (protocol reference 5.2) is held and announced.

        Raises:
            NotSayable: It is neither a text nor another reply, nor None.
        """
        if reply is not None and not self.put_away:
            sayable(reply, "chat.say(…)")
            self.outbox = (*self.outbox, reply)
            self.called = True

    # What a dialog may ask ------------------------------------------------------------------------

    @overload
    def ask(
        self,
        prompt: Sayable,
        **how: Unpack[AskingFreely],
    ) -> Effect[str]: ...
    @overload
    def ask(
        self,
        prompt: Sayable,
        parse: type[M],
        *,
        future: bool,
        **how: Unpack[AskingFreely],
    ) -> Effect[M]: ...
    @overload
    def ask(
        self,
        prompt: Sayable,
        parse: type[T],
        **how: Unpack[AskingFreely],
    ) -> Effect[T]: ...
    @overload
    def ask(
        self,
        prompt: Sayable,
        parse: re.Pattern[str],
        **how: Unpack[AskingFreely],
    ) -> Effect[re.Match[str]]: ...
    @overload
    def ask(
        self,
        prompt: Sayable,
        parse: Callable[[str], T] | Callable[[str, datetime], T],
        **how: Unpack[AskingFreely],
    ) -> Effect[T]: ...
    def ask(
        self,
        prompt: Sayable,
        parse: Any = str,
        *,
        key: str | None = None,
        future: bool = False,
        **how: Any,
    ) -> Effect[Any]:
        """Ask, and wait for an answer that fits.

        An answer that does not fit is never journaled: the user gets the hint and the question
        again.

        Args:
            prompt: The question: a text or another reply; None asks nothing and waits.
            parse: What the answer must be: `str` (stripped, not empty), `int`, `float`, `Decimal`,
                `bool`, `date`, `time`, `datetime`, an `Enum`, a compiled pattern (the stripped text
                must match in full; the result is the `re.Match`), a class of `messages` (the result
                is the message), a parser of `parsers`, or a function that takes the stripped text,
                or the text and its arrival, and raises `ValueError` with a sentence for the user.
            key: See `Asking`.
            future: Whether to refuse a `date` or `datetime` in the past, and to ignore that reading
                of an ambiguous one.
            how: See `AskingFreely`.

        Returns:
            An effect: `yield from` or `await` it for the value, of the type given by `parse`.
        """
        read = reading_ahead(parse) if future else _readings.get(parse)
        if read is None:
            read = reading(parse)
        if not how:
            return Wait(self, "a", prompt, read, key)  # the usual case, at every replayed answer
        secret = how.pop("secret", False)
        options = WaitOptions(**self._limited(how, "chat.ask"))
        if secret:
            return SecretWait(self, prompt, read, key, options)
        return Wait(self, "a", prompt, read, key, options)

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
        """Let the user choose one of several options, or several of them.

        The options are numbered lines, tappable if one is to be chosen; ten to a page, so that a
        page fits into one reply. An answer is a number, a label, its beginning or a part of it
        (`docs/parsers.md`). An answer that is exactly a label is never a cancel or back word, nor
        an interruption.

        Args:
            prompt: The question, a text.
            options: Labels; (label, value) pairs; a mapping from label to value; or an Enum, whose
                members show their attribute `label`, else their value if it is a text, else their
                name.
            many: Whether several may be chosen.
            key: See `Asking`. Without a key the question is identified by its text and labels, so
                that with other options it is another question.
            how: See `Asking`.

        Returns:
            An effect for the option's value; with `many` a list of values in the menu's order,
            empty for 都不要.

        Raises:
            ValueError: There are no options; two labels read the same; a label is blank or over 200
                characters.
            TypeError: The options are none of the above, or the prompt is not a text.
        """
        # Menus and forms import the parsers; a bot without them starts in half the time.
        from wechat_dialog.core.dialog.menu import Menu
        from wechat_dialog.core.dialog.options import pairs

        labels, values = pairs(options)
        how = self._limited(how, "chat.choose")
        return Menu(self, prompt, labels, values, many=many, key=key, options=WaitOptions(**how))

    def confirm(
        self,
        prompt: str,
        *,
        default: bool | None = None,
        yes: str | None = None,
        no: str | None = None,
        key: str | None = None,
        **how: Unpack[AskingConfirm],
    ) -> Effect[bool]:
        """Ask for a yes or a no, with a tappable link for each.

        Args:
            prompt: The question, a text.
            default: The value of a non-committal answer (随便, 都行, 默认). None: such an answer is
                asked again, like any that is neither yes nor no, because a wrong yes costs more
                than a second question.
            yes: Label of the yes; None: `Texts.yes`.
            no: Label of the no; None: `Texts.no`.
            key: See `Asking`.
            how: See `Asking`.

        Raises:
            ValueError: The two labels read the same, or one is blank.
            TypeError: The prompt is not a text.
        """
        from wechat_dialog.core.dialog.confirm import Confirm

        options = WaitOptions(**self._limited({**how}, "chat.confirm"))
        return Confirm(self, prompt, default, yes=yes, no=no, key=key, options=options)

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

        See `form_fields.Field` for the options of a field. At the end a summary is shown; the user
        confirms it, changes a field, or gives up, which raises `Cancelled` here.

        Args:
            cls: The class.
            given: Known values of fields, by name; they are not asked for, but shown in the
                summary, where they can be changed.
            summary: Whether there is a summary at the end.
            key: Replaces the class's name in the keys of its questions, which are `Class.field`;
                needed if one dialog asks for the same class twice and the order of the two may
                change.
            how: See `Asking`; applies to each of its questions.

        Returns:
            A sub-dialog: `yield from` or `await` it for the instance.

        Raises:
            TypeError: A field's type has no question, and the field has neither a parser nor a
                default; or `given` names an unknown field.
        """
        from .form import Form

        return Form(self, cls, given or {}, summary, key, WaitOptions(**how))

    # Where a dialog may end -----------------------------------------------------------------------

    def continue_as(self, dialog: Callable[..., Any], **state: Any) -> ContinueAs:
        """End this conversation and begin `dialog` at once in a new one; the dialog has to return
        this.

        Args:
            dialog: A dialog of the bot: one with a route, or one named with `bot.dialog`.
            state: Its arguments; JSON data.

        Raises:
            SecretMisused: The state contains a secret answer.
        """
        must_be_plain(state)
        return ContinueAs(dialog, state)


# The two that nearly every question uses, looked up without a call.
_readings: dict[Any, Reading] = {str: reading(str), int: reading(int)}

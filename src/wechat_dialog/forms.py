"""Forms: a class asked for field by field, checked by its user, and handed over as an instance.

A form is a sub-dialog made of ordinary questions: each answer is a record of its own, so that back
words, replay and divergence work in it as anywhere. The questions are known to the journal by
`Class.field`, not by their wording, so that a title may be reworded under running conversations.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from .answers import text_of
from .delivery import link
from .effects import Reading, Wait, WaitOptions
from .errors import Cancelled
from .form_fields import Question, questions, shown, skips
from .journal import mark
from .menus import Confirm, Menu, among
from .messages import Message
from .parsers import match_choice, yes_no
from .parsers.spoken import fold

if TYPE_CHECKING:
    from .chat import Chat

__all__ = ["Form"]

T = TypeVar("T")

_CHANGE = re.compile(r"(?:修改|更改|改|换)(?:一下)?")


@dataclass(frozen=True)
class _Verdict:
    """What the user says to a summary.

    Attributes:
        made: The instance, if he confirms it.
        change: Index of the field to be asked again; -1: none.
    """

    made: Any = None
    change: int = -1


class _Summary(Wait[_Verdict]):
    """What was filled in, for its user to check: he may say the number of a field."""

    __slots__ = ("names",)

    def __init__(
        self,
        names: tuple[str, ...],
        chat: Chat,
        prompt: str,
        reading: Reading,
        key: str,
        options: WaitOptions,
    ) -> None:
        super().__init__(chat, "f", prompt, reading, key, options)
        self.names = names

    @property
    def offers(self) -> str:
        """See `Wait`: the fields, by name."""
        return mark(*self.names)

    def meant(self, answer: object) -> str:
        """See `Wait`: that it is right, that it is given up, or the field that is wrong."""
        if not isinstance(answer, _Verdict):
            return ""
        if answer.change >= 0:
            return mark(self.names[answer.change])
        return mark("", "right" if answer.made is not None else "given up")

    def candidates(self) -> Iterable[str]:
        """See `Wait`."""
        texts = self.chat.texts
        yield from (texts.form_confirm, texts.form_cancel)
        for number in range(len(self.names)):
            yield f"第{number + 1}项"


class _Default:
    """The value of the option that takes a field's default."""


_DEFAULT = _Default()


class Form(Generic[T]):
    """A class being asked for; `yield from` it, or `await` it, for the instance."""

    def __init__(
        self,
        chat: Chat,
        cls: type[T],
        given: Mapping[str, Any],
        summary: bool,
        key: str | None,
        options: WaitOptions,
    ) -> None:
        """See `Chat.form`."""
        self.chat = chat
        self.cls = cls
        self.questions = questions(cast("Any", cls))
        unknown = given.keys() - {question.name for question in self.questions}
        if unknown:
            raise TypeError(f"form: {cls.__qualname__} has no field {', '.join(sorted(unknown))}")
        self.given = dict(given)
        self.summary = summary
        self.prefix = cls.__qualname__.rpartition("<locals>.")[2] if key is None else key
        self.options = options

    def __iter__(self) -> Generator[Any, Any, T]:
        """Ask field by field; gives back the instance.

        Raises:
            Cancelled: The user gave up at the summary.
            TooManyAttempts: As from `chat.ask`.
            ValueError: The class refuses the values, and there is no summary to tell the user in.
        """
        values = dict(self.given)
        for question in self.questions:
            if question.name not in values:
                values[question.name] = yield from self._ask(question)
        if not self.summary:
            return self.cls(**values)
        while True:
            verdict = yield from self._sum_up(values)
            if verdict.change < 0 and verdict.made is None:
                raise Cancelled
            if verdict.change < 0:
                return verdict.made  # type: ignore[no-any-return]
            question = self._asked()[verdict.change]
            values[question.name] = yield from self._ask(question)

    __await__ = __iter__

    def _asked(self) -> list[Question]:
        return [question for question in self.questions if question.ask is not None]

    # A field --------------------------------------------------------------------------------------

    def _ask(self, question: Question) -> Generator[Any, Any, Any]:
        if question.ask is None:
            return None if question.default is None else question.default()
        value = yield from self._wait(question)
        if value is _DEFAULT:
            return None if question.default is None else question.default()
        return value

    def _wait(self, question: Question) -> Wait[Any]:
        chat, texts = self.chat, self.chat.texts
        key = f"{self.prefix}.{question.name}"
        options = self.options
        if question.hint is not None:
            options = replace(options, hint=question.hint)
        if question.yes_no and not question.optional:
            default = None if question.default is None else question.default()
            prompt = self._prompt(question, "{title}？")
            return Confirm(chat, prompt, default, key=key, options=options)
        spare = self._spare(question)
        labels, values = question.labels, question.values
        if question.yes_no:
            labels, values = (texts.yes, texts.no), (True, False)
        if labels:
            prompt = self._prompt(question, texts.form_choose)
            if spare and not question.many:
                labels, values = (*labels, spare), (*values, _DEFAULT)
            menu: Menu[Any] = Menu(
                chat, prompt, labels, values, many=question.many, key=key, options=options
            )
            menu.reading = _checked(menu.reading, question, bool(spare), menu.forget)
            return menu
        assert question.reading is not None  # noqa: S101 - a question is a menu or has one
        prompt = self._prompt(question, texts.form_ask)
        if spare:
            prompt = f"{prompt}\n{link(texts.skip, shown=spare)}"
        takes = replace(options, takes=among({fold(texts.skip)} if spare else ()))
        read = _checked(question.reading, question, bool(spare))
        return Wait(chat, "a", prompt, read, key, takes)

    def _prompt(self, question: Question, usual: str) -> str:
        ask = question.ask or usual.format(title=question.title)
        return f"{ask}\n{question.about}" if question.about else ask

    def _spare(self, question: Question) -> str:
        """The label of what is taken without an answer, "" if the field must be answered."""
        texts = self.chat.texts
        if question.default is None:
            return texts.skip if question.optional else ""
        default = question.default()
        if default is None or default in ("", []):
            return texts.skip
        return texts.keep.format(value=self._shown(default))

    def _shown(self, value: object) -> str:
        texts = self.chat.texts
        return shown(value, yes=texts.yes, no=texts.no, nothing=texts.nothing)

    # The summary ----------------------------------------------------------------------------------

    def _sum_up(self, values: Mapping[str, Any]) -> Wait[_Verdict]:
        chat, texts = self.chat, self.chat.texts
        asked = self._asked()
        changes = [texts.form_change.format(title=question.title) for question in asked]
        lines = [texts.form_summary]
        for number, (question, change) in enumerate(zip(asked, changes, strict=True), 1):
            tap = link(change)
            if tap == change:
                tap = link(f"第{number}项", shown=change)
            lines.append(f"{number}. {question.title}：{self._shown(values[question.name])}　{tap}")
        ends = [texts.form_confirm] + ([texts.form_cancel] if self.options.cancel else [])
        lines.append("　".join(link(word) for word in ends))
        exact = {fold(word) for word in (*ends, *changes)}
        options = replace(self.options, hint=None, takes=among(exact))
        titles = tuple(question.title for question in asked)

        def read(_: Chat, text: str) -> _Verdict:
            said = fold(text)
            if self.options.cancel and said == fold(texts.form_cancel):
                return _Verdict()
            if said != fold(texts.form_confirm) and not _is_yes(text):
                return _Verdict(change=_field(text, titles, texts.choice_wanted))
            return _Verdict(self._make(values))

        def read_message(chat: Chat, message: Message) -> _Verdict:
            text = text_of(message)
            if text is None:
                raise ValueError(texts.choice_wanted)
            return read(chat, text)

        prompt = "\n".join(lines)
        names = tuple(question.name for question in asked)
        reading = Reading(read_message, read)
        return _Summary(names, chat, prompt, reading, f"{self.prefix}.summary", options)

    def _make(self, values: Mapping[str, Any]) -> T:
        """Build the instance.

        What the class itself refuses (two fields that contradict each other) is said to the user,
        who can change one of them.
        """
        return self.cls(**values)


def _is_yes(text: str) -> bool:
    try:
        return yes_no(text) and not text.strip().isdecimal()
    except ValueError:
        return False


def _field(text: str, titles: tuple[str, ...], wanted: str) -> int:
    try:
        return match_choice(_CHANGE.sub("", text), titles)
    except ValueError as error:
        if any(f"“{title}”" in str(error) for title in titles):
            raise
        raise ValueError(wanted) from error


def _checked(
    inner: Reading, question: Question, skippable: bool, skipped: Callable[[], object] = bool
) -> Reading:
    """A field's reading: with its constraints, and the words that leave it as it is; `skipped` is
    called where one of these was said.
    """

    def check(value: Any) -> Any:
        wrong = question.check(value) if value is not _DEFAULT else ""
        if wrong:
            raise ValueError(wrong if wrong.startswith("格式") else f"{question.title}{wrong}")
        return value

    def read_message(chat: Chat, message: Message) -> Any:
        if skippable:
            text = text_of(message)
            if text is not None and _skipped(chat, text, inner, question):
                skipped()
                return _DEFAULT
        return check(inner.read(chat, message))

    read_text = inner.text
    if read_text is None:
        return Reading(read_message, event=inner.event)

    def read(chat: Chat, text: str) -> Any:
        if skippable and _skipped(chat, text, inner, question):
            skipped()
            return _DEFAULT
        return check(read_text(chat, text))

    return Reading(read_message, read)


def _skipped(chat: Chat, text: str, inner: Reading, question: Question) -> bool:
    """Whether a text skips the field; a word for it may be an answer, as 没有 is an option."""
    said = fold(text)
    if said in (fold(chat.texts.skip), "默认"):
        return True
    if not said or not skips(text):
        return False
    if inner.text is None:
        return True
    try:
        value = inner.text(chat, text)
    except ValueError:
        return True
    # Where anything may be written, the words say what they mean; in a menu one may be an option.
    return not question.labels and isinstance(value, str) and value == text.strip()

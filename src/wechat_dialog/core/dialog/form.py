"""Forms: a class is filled in field by field, checked by the user, and returned as an instance.

A form is a sub-dialog of ordinary questions: each answer is a record of its own, so that back
words, replay and divergence work as everywhere. Journals know the questions by `Class.field`, not
by their wording, so that a title may be reworded under running conversations.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from wechat_dialog.core.dialog.confirm import Confirm
from wechat_dialog.core.dialog.form_fields import FieldQuestion, questions
from wechat_dialog.core.dialog.form_summary import CHANGE, FormSummary, SummaryAnswer, is_yes
from wechat_dialog.core.dialog.form_values import shown, skips
from wechat_dialog.core.dialog.menu import Menu
from wechat_dialog.core.dialog.options import among
from wechat_dialog.core.dialog.questions import Reading, SecretWait, Wait, WaitOptions
from wechat_dialog.errors import Cancelled
from wechat_dialog.messages import Message
from wechat_dialog.messages.said import text_of
from wechat_dialog.parsers import match_choice
from wechat_dialog.parsers.choices import SeveralChoices
from wechat_dialog.parsers.spoken import fold
from wechat_dialog.replies.links import link

from .secret_answers import SecretAnswer

if TYPE_CHECKING:
    from .chat_state import ChatState

__all__ = ["Form"]

T = TypeVar("T")


class _Default:
    """The value of the option that keeps a field's default."""


_DEFAULT = _Default()


class Form(Generic[T]):
    """A class to be filled in; `yield from` it, or `await` it, for the instance."""

    def __init__(
        self,
        chat: ChatState,
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
        self.begun = False
        chat.made += 1

    def __iter__(self) -> Generator[Any, Any, T]:
        """Ask field by field; returns the instance.

        Raises:
            Cancelled: The user gave up at the summary.
            TooManyAttempts: See `chat.ask`.
            ValueError: The class refuses the values, and there is no summary in which to tell the
                user.
        """
        if not self.begun:
            self.begun = True
            self.chat.made -= 1  # its questions are counted instead
        values = dict(self.given)
        for question in self.questions:
            if question.name not in values and not question.secret:
                values[question.name] = yield from self._ask(question)
        if self.summary:
            yield from self._confirmed(values)
        # The secret field comes last, since its value is available only until the next question.
        for question in self.questions:
            if question.name not in values:
                values[question.name] = yield from self._ask(question)
        return self._make(values)

    def _confirmed(self, values: dict[str, Any]) -> Generator[Any, Any, None]:
        """Let the user check and change the values."""
        while True:
            verdict = yield from self._sum_up(values)
            if verdict.change < 0 and verdict.instance is None:
                raise Cancelled
            if verdict.change < 0:
                return
            question = self._asked()[verdict.change]
            values[question.name] = yield from self._ask(question)

    __await__ = __iter__

    def _asked(self) -> list[FieldQuestion]:
        return [field for field in self.questions if field.ask is not None and not field.secret]

    # A field --------------------------------------------------------------------------------------

    def _ask(self, question: FieldQuestion) -> Generator[Any, Any, Any]:
        if question.ask is None:
            return None if question.default is None else question.default()
        value = yield from self._wait(question)
        if value is _DEFAULT:
            return None if question.default is None else question.default()
        return value

    def _wait(self, question: FieldQuestion) -> Wait[Any]:
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
        assert question.reading is not None  # noqa: S101 - a question is a menu or has a reading
        prompt = self._prompt(question, texts.form_ask)
        if spare:
            prompt = f"{prompt}\n{link(texts.skip, shown=spare)}"
        takes = replace(options, takes=among({fold(texts.skip)} if spare else ()))
        read = _checked(question.reading, question, bool(spare))
        if question.secret:
            return SecretWait(chat, prompt, read, key, takes)
        return Wait(chat, "a", prompt, read, key, takes)

    def _prompt(self, question: FieldQuestion, usual: str) -> str:
        ask = question.ask or usual.format(title=question.title)
        return f"{ask}\n{question.about}" if question.about else ask

    def _spare(self, question: FieldQuestion) -> str:
        """Return the label of the option that leaves the field unchanged; "" if it must be
        answered.
        """
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

    def _sum_up(self, values: Mapping[str, Any]) -> Wait[SummaryAnswer]:
        chat, texts = self.chat, self.chat.texts
        fields = self._asked()
        changes = [texts.form_change.format(title=question.title) for question in fields]
        lines = [texts.form_summary]
        for number, (question, change) in enumerate(zip(fields, changes, strict=True), 1):
            tap = link(change)
            if tap == change:
                tap = link(f"第{number}项", shown=change)
            lines.append(f"{number}. {question.title}：{self._shown(values[question.name])}　{tap}")
        ends = [texts.form_confirm] + ([texts.form_cancel] if self.options.cancel else [])
        lines.append("　".join(link(word) for word in ends))
        exact = {fold(word) for word in (*ends, *changes)}
        options = replace(self.options, hint=None, takes=among(exact))
        titles = tuple(question.title for question in fields)

        def read(_: ChatState, text: str) -> SummaryAnswer:
            folded = fold(text)
            if self.options.cancel and folded == fold(texts.form_cancel):
                return SummaryAnswer()
            if folded != fold(texts.form_confirm) and not is_yes(text):
                return SummaryAnswer(change=_field(text, titles, texts.choice_wanted))
            return SummaryAnswer(self._make(values))

        def read_message(chat: ChatState, message: Message) -> SummaryAnswer:
            text = text_of(message)
            if text is None:
                raise ValueError(texts.choice_wanted)
            return read(chat, text)

        prompt = "\n".join(lines)
        names = tuple(question.name for question in fields)
        reading = Reading(read_message, read)
        return FormSummary(names, chat, prompt, reading, f"{self.prefix}.summary", options)

    def _make(self, values: Mapping[str, Any]) -> T:
        """Create the instance; a secret field that was not asked yet has an empty answer.

        Raises:
            ValueError: The class itself refuses the values (two fields contradict each other): a
                sentence for the user, who can change one of them.
        """
        unasked = [field.name for field in self.questions if field.name not in values]
        return self.cls(**values, **{name: SecretAnswer() for name in unasked})


def _field(text: str, titles: tuple[str, ...], wanted: str) -> int:
    try:
        return match_choice(CHANGE.sub("", text), titles)
    except SeveralChoices:
        raise  # its sentence names the possible fields
    except ValueError as error:
        raise ValueError(wanted) from error


def _checked(
    inner: Reading, question: FieldQuestion, skippable: bool, skipped: Callable[[], object] = bool
) -> Reading:
    """Return how the answer for a field is read: with its limits, and the words that skip it;
    `skipped` is called if one of these was used.
    """

    def check(value: Any) -> Any:
        wrong = question.check(value) if value is not _DEFAULT else ""
        if wrong:
            raise ValueError(wrong if wrong.startswith("格式") else f"{question.title}{wrong}")
        return value

    def read_message(chat: ChatState, message: Message) -> Any:
        if skippable:
            text = text_of(message)
            if text is not None and _skipped(chat, text, inner, question):
                skipped()
                return _DEFAULT
        return check(inner.read(chat, message))

    read_text = inner.text
    if read_text is None:
        return Reading(read_message, event=inner.event)

    def read(chat: ChatState, text: str) -> Any:
        if skippable and _skipped(chat, text, inner, question):
            skipped()
            return _DEFAULT
        return check(read_text(chat, text))

    among_labels = inner.ticked
    if among_labels is None:
        return Reading(read_message, read)
    return Reading(
        read_message, read, ticked=lambda chat, labels: check(among_labels(chat, labels))
    )


def _skipped(chat: ChatState, text: str, inner: Reading, question: FieldQuestion) -> bool:
    """Whether a text skips the field. Such a word may also be an answer: 没有 may be an option."""
    folded = fold(text)
    if folded in (fold(chat.texts.skip), "默认"):
        return True
    if not folded or not skips(text):
        return False
    if inner.text is None:
        return True
    try:
        value = inner.text(chat, text)
    except ValueError:
        return True
    # If any text is an answer, such a word skips; in a menu it may be an option.
    return not question.labels and isinstance(value, str) and value == text.strip()

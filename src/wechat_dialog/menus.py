"""Menus: one of several options, several of them, or yes and no.

A menu shows numbered lines. Tapping one sends its label as the user's own text (protocol reference
5.6), so an answer is read the same way whether it was tapped, typed or spoken: `parsers.choices`.

A long menu is shown in pages. To turn one is no answer and leaves no record: which page the user
looks at stands in the conversation's header, beside the count of answers that did not fit. Numbers
run through all pages, so an option of another page can be taken by its number or name too.

Where several may be taken, a tap ticks an option and shows the menu again, until the user says that
he has finished; ticks stand in the header as pages do. The words that tick and that take a tick
away are two, so that a tap on a line further up in the chat, or the same tap twice, does what its
line said. What is typed while nothing is ticked is the whole answer; after that it ticks, too.

Proof: `tests/dialogs/test_choose.py`, `tests/dialogs/test_confirm.py`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from .answers import text_of
from .delivery import TEXT_LIMIT, link
from .effects import DEFAULTS, TICKED, Reading, View, Wait, WaitOptions
from .journal import mark, wait_id
from .messages import Message
from .parsers import match_choice, match_choices, yes_no
from .parsers.spoken import fold

if TYPE_CHECKING:
    from .chat import Chat

__all__ = ["Confirm", "Menu", "among", "label_of", "pairs"]

T = TypeVar("T")

LINES = 10
"""Options on one page: about what a phone shows without scrolling."""

_LONGEST_LABEL = 200  # what is longer is no answer either; see `parsers.spoken.LONGEST`
_SHRUG_WORDS = "随便 随意 都行 都可以 都好 无所谓 默认 跳过 你定 您定 你看着办 不知道 whatever"
_SHRUGS = frozenset(_SHRUG_WORDS.split())
_FINISHED_WORDS = "完成 选完 选完了 好了 好 好的 行 可以 可以了 确定 确认 就这些 没了 没有了 ok"
_FINISHED = frozenset(_FINISHED_WORDS.split())


def label_of(member: enum.Enum) -> str:
    """Return what a user sees of a member.

    That is its attribute `label`, else its value if that is a text, else its name.
    """
    own = getattr(member, "label", None)
    if isinstance(own, str):
        return own
    return member.value if isinstance(member.value, str) else member.name


def pairs(options: Any) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """Return the labels and the values of what an author gives as options.

    Args:
        options: A sequence of labels, or of (label, value) pairs; a mapping from label to value; an
            Enum class.

    Raises:
        TypeError: It is none of these.
        ValueError: There are no options; two have labels that read the same; a label is blank or
            longer than an answer may be (200 characters).
    """
    anything: Any = options  # what isinstance leaves of it has no types
    if isinstance(options, type) and issubclass(options, enum.Enum):
        found: list[tuple[Any, Any]] = [(label_of(member), member) for member in options]
    elif isinstance(options, Mapping):
        found = list(anything.items())
    elif isinstance(options, Sequence) and not isinstance(options, (str, bytes)):
        found = [
            (option, option) if isinstance(option, str) else _pair(option) for option in anything
        ]
    else:
        raise TypeError(
            "choose: options are a list of labels or of (label, value) pairs, a mapping from label "
            f"to value, or an Enum class, not {type(anything).__qualname__}"
        )
    labels = tuple(label for label, _ in found)
    for label in labels:
        if not isinstance(label, str):
            raise TypeError(f"choose: a label is a text, not {label!r}")
    return _checked(labels), tuple(value for _, value in found)


def _pair(option: Any) -> tuple[Any, Any]:
    anything: Any = option  # what isinstance leaves of it has no types
    if isinstance(option, tuple) and len(anything) == 2:
        return anything[0], anything[1]
    raise TypeError(f"choose: an option is a label or a pair (label, value), not {option!r}")


@lru_cache(maxsize=1024)
def _checked(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return the labels as they are shown: on one line each."""
    if not labels:
        raise ValueError("choose: no options; a menu needs at least one")
    even = tuple(" ".join(label.split()) for label in labels)
    seen: dict[str, str] = {}
    for label in even:
        if not label or len(label) > _LONGEST_LABEL:
            raise ValueError(
                f"choose: the label {label[:20]!r} is blank or over {_LONGEST_LABEL} characters"
            )
        read = fold(label) or label
        if read in seen:
            raise ValueError(
                f"choose: two options read the same to a user: {seen[read]!r} and {label!r}"
            )
        seen[read] = label
    return even


@lru_cache(maxsize=1024)
def _exact(labels: tuple[str, ...]) -> frozenset[str]:
    numbers = {str(number) for number in range(1, len(labels) + 1)}
    return frozenset({fold(label) for label in labels} | numbers) - {""}


def among(words: Container[str]) -> Callable[[str], bool]:
    """Return what says whether a text is one of these words, which are folded."""
    return lambda word: fold(word) in words


def _identity(label: str, value: object) -> str:
    """Return what tells an option from others: its label, or what stays when that is reworded."""
    if isinstance(value, enum.Enum):
        return value.name
    return value if isinstance(value, str) else label


def _read(
    labels: tuple[str, ...], values: tuple[Any, ...], many: bool, taken: list[int]
) -> Reading:
    """Return how a menu is read; `taken` has the indexes of what was, after each reading."""

    def read(chat: Chat, text: str) -> Any:
        taken.clear()
        try:
            if many:
                taken.extend(match_choices(text, labels))
                return [values[index] for index in taken]
            taken.append(match_choice(text, labels))
            return values[taken[0]]
        except ValueError as error:
            # The parser's own sentence is worth more where it names the options it might have been.
            if any(f"“{label}”" in str(error) for label in labels):
                raise
            raise ValueError(chat.texts.choice_wanted) from error

    def read_message(chat: Chat, message: Message) -> Any:
        if many and TICKED in message.raw:
            return among_labels(chat, message.raw[TICKED])
        text = text_of(message)
        if text is None:
            raise ValueError(chat.texts.choice_wanted)
        return read(chat, text)

    def among_labels(chat: Chat, ticked: list[str]) -> list[Any]:
        if not labels_known.issuperset(ticked):
            raise ValueError(chat.texts.choice_wanted)
        taken[:] = [index for index, label in enumerate(labels) if label in ticked]
        return [values[index] for index in taken]

    labels_known = frozenset(labels)
    return Reading(read_message, read)


class Menu(Wait[T]):
    """A wait for one option, or several.

    Attributes:
        labels: What is shown, in order.
        many: Whether several may be taken.
        exact: Numbers and labels, folded: what is one of these is an answer and nothing else.
    """

    __slots__ = ("_identities", "_taken", "exact", "labels", "many")

    def __init__(
        self,
        chat: Chat,
        prompt: Any,
        labels: tuple[str, ...],
        values: tuple[Any, ...],
        *,
        many: bool = False,
        key: str | None = None,
        options: WaitOptions = DEFAULTS,
    ) -> None:
        """Build one of what `pairs` returned; nothing has happened yet."""
        if not isinstance(prompt, str):
            raise TypeError(
                f"choose: the prompt is a text, not {type(prompt).__qualname__}; chat.say the rest"
            )
        exact = _exact(labels)
        takes = replace(options, takes=among(exact))
        self._taken: list[int] = []
        reading = _read(labels, values, many, self._taken)
        super().__init__(chat, "c", prompt, reading, key, takes)
        self._identities = tuple(map(_identity, labels, values))
        self.labels = labels
        self.many = many
        self.exact = exact
        if key is None:
            # Other options are another question, though asked in the same words.
            self.id = wait_id("c", None, "\n".join((prompt, *labels)))

    @property
    def offers(self) -> str:
        """See `Wait`: an option is known by its member's name, by its value if that is a text, else
        by its label.
        """
        return mark(*self._identities)

    def meant(self, answer: object) -> str:  # noqa: ARG002 - two options may have one value
        """See `Wait`. A form's field that was skipped is none of the options."""
        return mark(*sorted(self._identities[index] for index in self._taken))

    def candidates(self) -> Iterable[str]:
        """See `Wait`; a form's field may be skipped, too, and of several options none be taken."""
        for index in range(len(self.labels)):
            yield f"第{index + 1}个"
        yield from (self.chat.texts.skip, "都不要")

    def forget(self) -> None:
        """Note that the last answer was none of the options."""
        self._taken.clear()

    def shown(self, view: View) -> str:
        """Return a page of the menu as text; the nearest one there is."""
        all_pages = self._pages(view.ticks)
        page = min(max(view.page, 0), len(all_pages) - 1)
        lines = [self.prompt, *all_pages[page]]
        if len(all_pages) > 1:
            lines.append(self._turning(page, len(all_pages)))
        if view.ticks:
            lines.append(self._finish(len(view.ticks)))
        if self.many:
            lines.append(self.chat.texts.several)
        return "\n".join(str(line) for line in lines if line)

    def turned(self, word: str, view: View) -> View | None:
        """Return the view with a page turned (at either end the same one), or with the ticks that
        `word` makes.
        """
        texts, said = self.chat.texts, fold(word)
        if said in self.exact and not view.ticks:
            return None  # a label of its own, and the whole answer
        step = {fold(texts.next_page): 1, fold(texts.previous_page): -1}.get(said)
        count = len(self._pages(())) if step is not None else 1
        if step is not None and count > 1 and said not in self.exact:
            return View(min(max(view.page + step, 0), count - 1), view.ticks)
        return self._ticked(said, word, view) if self.many else None

    def settled(self, word: str, view: View) -> list[str] | None:
        """Return the labels that are ticked, if `word` says that there are no more."""
        said = fold(word)
        finished = said == fold(self.chat.texts.finish) or said in _FINISHED
        if not view.ticks or not finished or said in self.exact:
            return None
        return [label for index, label in enumerate(self.labels) if index in view.ticks]

    def _ticked(self, said: str, word: str, view: View) -> View | None:
        ticks = set(view.ticks)
        for index in range(len(self.labels)):
            if said == fold(self._sends(index, ticked=False)) and said not in self.exact:
                return View(view.page, tuple(sorted(ticks | {index})))
            if said == fold(self._sends(index, ticked=True)) and said not in self.exact:
                return View(view.page, tuple(sorted(ticks - {index})))
        if not ticks:
            return None
        try:
            more = match_choices(word, self.labels)
        except ValueError:
            return None
        # 都不要 takes all ticks away, and is the answer.
        return View(view.page, tuple(sorted(ticks.union(more)))) if more else None

    def _turning(self, page: int, count: int) -> str:
        texts = self.chat.texts
        words = [link(texts.previous_page)] if page > 0 else []
        words += [link(texts.next_page)] if page < count - 1 else []
        return "　".join(words) + texts.page.format(page=page + 1, pages=count)

    def _finish(self, count: int) -> str:
        texts = self.chat.texts
        return link(texts.finish, shown=texts.finish_shown.format(count=count))

    def _pages(self, ticks: Sequence[int]) -> list[list[str]]:
        """The lines, so many to a page that it fits into one reply, at least one.

        A page has the same options whatever is ticked.
        """
        texts = self.chat.texts
        frame = [str(self.prompt), link(texts.previous_page) + link(texts.next_page) + texts.page]
        if self.many:
            frame += [texts.several, self._finish(len(self.labels))]
        room = TEXT_LIMIT - sum(_size(line) + 1 for line in frame)
        found: list[list[str]] = [[]]
        left = room
        for index in range(len(self.labels)):
            line = f"{index + 1}. {self._option(index, index in ticks)}"
            size = _size(f"{index + 1}. {self._option(index, self.many)}") + 1
            if found[-1] and (len(found[-1]) == LINES or left < size):
                found.append([])
                left = room
            found[-1].append(line)
            left -= size
        return found

    def _option(self, index: int, ticked: bool) -> str:
        """An option's label, tappable."""
        label = self.labels[index]
        if self.many:
            shown = self.chat.texts.ticked.format(label=label) if ticked else label
            return link(self._sends(index, ticked=ticked), shown=shown)
        if link(label) == label or label == self.chat.texts.more or not self._means(label, index):
            return link(f"第{index + 1}个", shown=label)
        return link(label)

    def _sends(self, index: int, *, ticked: bool) -> str:
        """What a tap sends that ticks an option, or takes its tick away."""
        texts = self.chat.texts
        form = texts.leave if ticked else texts.take
        word = form.format(label=self.labels[index])
        if link(word) == word or fold(word) in self.exact or len(word) > _LONGEST_LABEL:
            return form.format(label=f"第{index + 1}个")
        return word

    def _means(self, label: str, index: int) -> bool:
        try:
            return match_choice(label, self.labels) == index
        except ValueError:
            return False


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


class Confirm(Wait[bool]):
    """A wait for a yes or a no.

    Attributes:
        yes: Label of the tappable yes.
        no: Label of the tappable no.
        default: What an answer that leaves it to the bot means; None: it is asked again.
    """

    __slots__ = ("default", "no", "yes")

    def __init__(
        self,
        chat: Chat,
        prompt: Any,
        default: bool | None,
        *,
        yes: str | None = None,
        no: str | None = None,
        key: str | None = None,
        options: WaitOptions = DEFAULTS,
    ) -> None:
        """Build one; nothing has happened yet.

        Raises:
            ValueError: The two labels read the same, or one is blank.
        """
        if not isinstance(prompt, str):
            raise TypeError(
                f"confirm: the prompt is a text, not {type(prompt).__qualname__}; chat.say the rest"
            )
        self.yes = chat.texts.yes if yes is None else yes
        self.no = chat.texts.no if no is None else no
        self.default = default
        words = {fold(self.yes): True, fold(self.no): False}
        if len(words) < 2 or "" in words:
            raise ValueError(
                f"confirm: two different labels are wanted, not {self.yes!r} and {self.no!r}"
            )
        read = _read_yes_no(words, default)
        super().__init__(chat, "d", prompt, read, key, replace(options, takes=among(words)))
        if key is None and (yes is not None or no is not None):
            # 要 and 不要 the other way round are another question, though asked in the same words.
            self.id = wait_id("d", None, f"{prompt}\n{self.yes}\n{self.no}")

    def candidates(self) -> Iterable[str]:
        """See `Wait`."""
        return self.yes, self.no

    def shown(self, view: View) -> str:  # noqa: ARG002 - there is one way to look at it
        """Return the question with its two answers below it, the default one first."""
        answers = [(self.yes, True), (self.no, False)]
        if self.default is False:
            answers.reverse()
        texts = self.chat.texts
        links = [
            link(label, shown=texts.whatever.format(answer=label))
            if answer is self.default
            else link(label)
            for label, answer in answers
        ]
        return f"{self.prompt}\n{'　'.join(links)}"


def _read_yes_no(words: Mapping[str, bool], default: bool | None) -> Reading:
    def read(chat: Chat, text: str) -> bool:
        said = fold(text)
        if said in words:
            return words[said]
        if default is not None and (not said or said in _SHRUGS):
            return default
        try:
            return yes_no(text)
        except ValueError as error:
            raise ValueError(chat.texts.yes_no_wanted) from error

    def read_message(chat: Chat, message: Message) -> bool:
        text = text_of(message)
        if text is None:
            raise ValueError(chat.texts.yes_no_wanted)
        return read(chat, text)

    return Reading(read_message, read)

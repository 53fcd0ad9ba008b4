"""Menus: a choice of one of several options, or of several. For yes and no see `confirm`.

A menu shows numbered lines. Tapping one sends its label as the user's own text (protocol reference
5.6), so an answer is read the same way whether it was tapped, typed or spoken: see
`parsers.choices`.

A long menu is shown in pages. Turning a page is not an answer and leaves no record: the page that
the user sees is in the conversation's header, beside the number of wrong answers. Options are
numbered across all pages, so an option of another page can be chosen by its number or name, too.

If several may be chosen, a tap ticks an option and shows the menu again, until the user says that
they have finished; ticks are in the header, like the page. Ticking and unticking send different
words, so that a tap on an older line in the chat, or the same tap twice, does what that line said.
A text typed while nothing is ticked is the whole answer; after that it ticks, too.

Proof: `tests/dialogs/test_choose.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from wechat_dialog.core.dialog.options import (
    LONGEST_LABEL,
    among,
    exact,
    identity,
)
from wechat_dialog.core.dialog.question_ids import digest, wait_id
from wechat_dialog.core.dialog.questions import DEFAULTS, Reading, View, Wait, WaitOptions
from wechat_dialog.messages import Message
from wechat_dialog.messages.said import text_of
from wechat_dialog.parsers import match_choice, match_choices
from wechat_dialog.parsers.choices import SeveralChoices, means
from wechat_dialog.parsers.spoken import fold
from wechat_dialog.replies.links import TEXT_LIMIT, link

if TYPE_CHECKING:
    from .chat_state import ChatState

__all__ = ["Menu"]

T = TypeVar("T")

LINES = 10
"""Options on one page: about as many as a phone shows without scrolling."""
_FINISHED_WORDS = "完成 选完 选完了 好了 好 好的 行 可以 可以了 确定 确认 就这些 没了 没有了 ok"
_FINISHED = frozenset(_FINISHED_WORDS.split())


def _read(
    labels: tuple[str, ...], values: tuple[Any, ...], many: bool, taken: list[int]
) -> Reading:
    """Return how the answer to a menu is read; each call leaves the indexes of the chosen options
    in `taken`.
    """

    def read(chat: ChatState, text: str) -> Any:
        taken.clear()
        try:
            if many:
                taken.extend(match_choices(text, labels))
                return [values[index] for index in taken]
            taken.append(match_choice(text, labels))
            return values[taken[0]]
        except SeveralChoices:
            raise  # its sentence names the possible options
        except ValueError as error:
            raise ValueError(chat.texts.choice_wanted) from error

    def read_message(chat: ChatState, message: Message) -> Any:
        text = text_of(message)
        if text is None:
            raise ValueError(chat.texts.choice_wanted)
        return read(chat, text)

    def among_labels(chat: ChatState, ticked: Sequence[str]) -> list[Any]:
        if not labels_known.issuperset(ticked):
            raise ValueError(chat.texts.choice_wanted)
        wanted = frozenset(ticked)
        taken[:] = [index for index, label in enumerate(labels) if label in wanted]
        return [values[index] for index in taken]

    labels_known = frozenset(labels)
    return Reading(read_message, read, ticked=among_labels if many else None)


class Menu(Wait[T]):
    """A wait for one option, or several.

    Attributes:
        labels: The labels, in order.
        many: Whether several may be chosen.
        exact: Numbers and labels, folded: such a text is always an answer, never a cancel word.
    """

    __slots__ = ("_identities", "_taken", "exact", "labels", "many")

    def __init__(
        self,
        chat: ChatState,
        prompt: Any,
        labels: tuple[str, ...],
        values: tuple[Any, ...],
        *,
        many: bool = False,
        key: str | None = None,
        options: WaitOptions = DEFAULTS,
    ) -> None:
        """Create the effect from the result of `pairs`."""
        if not isinstance(prompt, str):
            raise TypeError(
                f"choose: the prompt is a text, not {type(prompt).__qualname__}; chat.say the rest"
            )
        certain = exact(labels)
        takes = replace(options, takes=among(certain))
        self._taken: list[int] = []
        reading = _read(labels, values, many, self._taken)
        super().__init__(chat, "c", prompt, reading, key, takes)
        self._identities = tuple(map(identity, labels, values))
        self.labels = labels
        self.many = many
        self.exact = certain
        if key is None:
            # With other options it is another question, though the prompt is the same.
            self.id = wait_id("c", None, "\n".join((prompt, *labels)))

    @property
    def offers(self) -> str:
        """See `Wait`; see `options.identity` for what identifies an option."""
        return digest(*self._identities)

    def meant(self, answer: object) -> str:  # noqa: ARG002 - two options may have one value
        """See `Wait`. A skipped field of a form means no option."""
        return digest(*sorted(self._identities[index] for index in self._taken))

    def candidates(self) -> Iterable[str]:
        """See `Wait`; a form's field may also be skipped, and of several options none be chosen."""
        for index in range(len(self.labels)):
            yield f"第{index + 1}个"
        yield from (self.chat.texts.skip, "都不要")

    def forget(self) -> None:
        """Note that the last answer was no option."""
        self._taken.clear()

    def shown(self, view: View) -> str:
        """Return a page of the menu as text: the view's page, or the nearest that exists."""
        all_pages = self._pages(view.ticks)
        page = min(max(view.page, 0), len(all_pages) - 1)
        lines = [self.prompt, *all_pages[page]]
        if len(all_pages) > 1:
            lines.append(self._page_links(page, len(all_pages)))
        if view.ticks:
            lines.append(self._finish(len(view.ticks)))
        if self.many:
            lines.append(self.chat.texts.several)
        return "\n".join(str(line) for line in lines if line)

    def view_after(self, word: str, view: View) -> View | None:
        """See `Wait`. Turning the page at either end leaves it unchanged."""
        texts, folded = self.chat.texts, fold(word)
        if folded in self.exact and not view.ticks:
            return None  # exactly a label, which is the whole answer
        step = {fold(texts.next_page): 1, fold(texts.previous_page): -1}.get(folded)
        count = len(self._pages(())) if step is not None else 1
        if step is not None and count > 1 and folded not in self.exact:
            return View(min(max(view.page + step, 0), count - 1), view.ticks)
        return self._ticked(folded, word, view) if self.many else None

    def ticked_labels(self, word: str, view: View) -> list[str] | None:
        """See `Wait`."""
        folded = fold(word)
        finished = folded == fold(self.chat.texts.finish) or folded in _FINISHED
        if not view.ticks or not finished or folded in self.exact:
            return None
        ticks = set(view.ticks)
        return [label for index, label in enumerate(self.labels) if index in ticks]

    def _ticked(self, folded: str, word: str, view: View) -> View | None:
        ticks = set(view.ticks)
        for index in range(len(self.labels)):
            if folded == fold(self._sends(index, ticked=False)) and folded not in self.exact:
                return View(view.page, tuple(sorted(ticks | {index})))
            if folded == fold(self._sends(index, ticked=True)) and folded not in self.exact:
                return View(view.page, tuple(sorted(ticks - {index})))
        if not ticks:
            return None
        try:
            more = match_choices(word, self.labels)
        except ValueError:
            return None
        # 都不要 removes all ticks, and is the answer.
        return View(view.page, tuple(sorted(ticks.union(more)))) if more else None

    def _page_links(self, page: int, count: int) -> str:
        texts = self.chat.texts
        words = [link(texts.previous_page)] if page > 0 else []
        words += [link(texts.next_page)] if page < count - 1 else []
        return "　".join(words) + texts.page.format(page=page + 1, pages=count)

    def _finish(self, count: int) -> str:
        texts = self.chat.texts
        return link(texts.finish, shown=texts.finish_shown.format(count=count))

    def _pages(self, ticks: Sequence[int]) -> list[list[str]]:
        """Return the lines of each page: as many as fit into one reply, and at least one. A page
        has the same options whatever is ticked.
        """
        texts = self.chat.texts
        frame = [str(self.prompt), link(texts.previous_page) + link(texts.next_page) + texts.page]
        if self.many:
            frame += [texts.several, self._finish(len(self.labels))]
        room = TEXT_LIMIT - sum(_size(line) + 1 for line in frame)
        pages: list[list[str]] = [[]]
        left = room
        ticked = frozenset(ticks)
        for index in range(len(self.labels)):
            line = f"{index + 1}. {self._option(index, index in ticked)}"
            size = _size(f"{index + 1}. {self._option(index, self.many)}") + 1
            if pages[-1] and (len(pages[-1]) == LINES or left < size):
                pages.append([])
                left = room
            pages[-1].append(line)
            left -= size
        return pages

    def _option(self, index: int, ticked: bool) -> str:
        """Return an option's label as a link."""
        label = self.labels[index]
        if self.many:
            shown = self.chat.texts.ticked.format(label=label) if ticked else label
            return link(self._sends(index, ticked=ticked), shown=shown)
        if link(label) == label or label == self.chat.texts.more or not means(label, self.labels):
            return link(f"第{index + 1}个", shown=label)
        return link(label)

    def _sends(self, index: int, *, ticked: bool) -> str:
        """Return the text that a tap on an option sends: it ticks the option, or unticks it."""
        texts = self.chat.texts
        form = texts.leave if ticked else texts.take
        word = form.format(label=self.labels[index])
        if link(word) == word or fold(word) in self.exact or len(word) > LONGEST_LABEL:
            return form.format(label=f"第{index + 1}个")
        return word


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))

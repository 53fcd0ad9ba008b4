"""Questions for a yes or a no.

Proof: `tests/dialogs/test_confirm.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wechat_dialog.core.dialog.options import among
from wechat_dialog.core.dialog.question_ids import wait_id
from wechat_dialog.core.dialog.questions import DEFAULTS, Reading, View, Wait, WaitOptions
from wechat_dialog.messages import Message
from wechat_dialog.messages.said import text_of
from wechat_dialog.parsers import yes_no
from wechat_dialog.parsers.spoken import fold
from wechat_dialog.replies.links import link

if TYPE_CHECKING:
    from wechat_dialog.core.dialog.chat_state import ChatState

__all__ = ["Confirm"]

_SHRUG_WORDS = "随便 随意 都行 都可以 都好 无所谓 默认 跳过 你定 您定 你看着办 不知道 whatever"
_SHRUGS = frozenset(_SHRUG_WORDS.split())


class Confirm(Wait[bool]):
    """A wait for a yes or a no.

    Attributes:
        yes: Label of the tappable yes.
        no: Label of the tappable no.
        default: The value of a non-committal answer (随便); None: such an answer is asked again.
    """

    __slots__ = ("default", "no", "yes")

    def __init__(
        self,
        chat: ChatState,
        prompt: Any,
        default: bool | None,
        *,
        yes: str | None = None,
        no: str | None = None,
        key: str | None = None,
        options: WaitOptions = DEFAULTS,
    ) -> None:
        """Create the effect, which asks nothing until it is waited for.

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
            # 要 and 不要 the other way round are another question, though the prompt is the same.
            self.id = wait_id("d", None, f"{prompt}\n{self.yes}\n{self.no}")

    def candidates(self) -> Iterable[str]:
        """See `Wait`."""
        return self.yes, self.no

    def shown(self, view: View) -> str:  # noqa: ARG002 - it has one page
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
    def read(chat: ChatState, text: str) -> bool:
        folded = fold(text)
        if folded in words:
            return words[folded]
        if default is not None and (not folded or folded in _SHRUGS):
            return default
        try:
            return yes_no(text)
        except ValueError as error:
            raise ValueError(chat.texts.yes_no_wanted) from error

    def read_message(chat: ChatState, message: Message) -> bool:
        text = text_of(message)
        if text is None:
            raise ValueError(chat.texts.yes_no_wanted)
        return read(chat, text)

    return Reading(read_message, read)

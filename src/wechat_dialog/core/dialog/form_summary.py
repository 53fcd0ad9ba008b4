"""The summary at the end of a form, and the user's answer to it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wechat_dialog.core.dialog.question_ids import digest
from wechat_dialog.core.dialog.questions import Reading, Wait, WaitOptions
from wechat_dialog.parsers import yes_no

if TYPE_CHECKING:
    from wechat_dialog.core.dialog.chat_state import ChatState

__all__ = ["CHANGE", "FormSummary", "SummaryAnswer", "is_yes"]


CHANGE = re.compile(r"(?:修改|更改|改|换)(?:一下)?")


@dataclass(frozen=True)
class SummaryAnswer:
    """The user's answer to a summary. With neither attribute set: they give the form up.

    Attributes:
        instance: The instance, if they confirm it.
        change: Index of the field to ask again; -1: none.
    """

    instance: Any = None
    change: int = -1


class FormSummary(Wait[SummaryAnswer]):
    """The summary of a form, for the user to check; they may name a field by its number."""

    __slots__ = ("names",)

    def __init__(
        self,
        names: tuple[str, ...],
        chat: ChatState,
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
        return digest(*self.names)

    def meant(self, answer: object) -> str:
        """See `Wait`: confirmed, given up, or the field to be changed."""
        if not isinstance(answer, SummaryAnswer):
            return ""
        if answer.change >= 0:
            return digest(self.names[answer.change])
        return digest("", "right" if answer.instance is not None else "given up")

    def candidates(self) -> Iterable[str]:
        """See `Wait`."""
        texts = self.chat.texts
        yield from (texts.form_confirm, texts.form_cancel)
        for number in range(len(self.names)):
            yield f"第{number + 1}项"


def is_yes(text: str) -> bool:
    """Whether the user agrees with the summary; a number is a field to change."""
    try:
        return yes_no(text) and not text.strip().isdecimal()
    except ValueError:
        return False

"""Waits without a question: a time, a signal, a race of these.

Messages of the user do not answer them, so a conversation that stands at one is put aside until one
of its rivals ends the wait.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from wechat_dialog.core.dialog.effects import Effect
from wechat_dialog.core.dialog.rivals import Rival, bounded

if TYPE_CHECKING:
    from wechat_dialog.core.dialog.chat_state import ChatState

__all__ = ["Background"]

T = TypeVar("T")


class Background(Effect[T]):
    """A wait without a question.

    Attributes:
        kind: One letter: "s" sleep, "w" wait_for, "r" a race.
        id: Identifies this wait in the journal, as `Wait.id` identifies a question: its kind; for a
            signal `w=` and its name, with `~` and a digest of its match between the two if it has
            one; for a race the CRC of its branches' ids. Durations are not part of it.
        rivals: What ends it; there is at least one, and a time is among them.
    """

    __slots__ = ("id", "kind", "rivals")

    offers: ClassVar[str] = ""
    """See `Wait.offers`."""

    def __init__(self, chat: ChatState[Any], kind: str, id: str, rivals: tuple[Rival, ...]) -> None:
        self.chat = chat
        chat.made += 1
        self.kind = kind
        self.id = id
        self.rivals = bounded(rivals)

    @property
    def call(self) -> str:
        """See `Effect`."""
        return "chat.race(…)"

    def __iter__(self) -> Generator[Any, Any, T]:
        """See `Effect`; the driver sends a `Fired`."""
        fired: Any = yield from super().__iter__()
        value: T = fired.value
        return value

    __await__ = __iter__

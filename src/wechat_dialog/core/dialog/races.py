"""Races: the first of several waits."""

from __future__ import annotations

from collections.abc import Generator
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar
from zlib import crc32

import msgspec

from wechat_dialog.core.blame import line_at_hand
from wechat_dialog.core.dialog.background import Background
from wechat_dialog.core.dialog.effects import Effect
from wechat_dialog.core.dialog.questions import Wait
from wechat_dialog.core.dialog.rivals import LIMIT, UNBOUNDED, Fired, Rival, bounded

if TYPE_CHECKING:
    from wechat_dialog.core.dialog.chat_state import ChatState

__all__ = ["Race"]

T = TypeVar("T")


class Race(Effect[T]):
    """Several waits, of which the first to end counts: `chat.race(…)`.

    A driver stands at `at`. It sends an answer to the question as it is, and anything else as
    `Fired`; the dialog gets the branch's number with the value.

    Attributes:
        branches: The waits, by their numbers.
        asked: Number of the question; -1 if there is none.
        at: The wait of the driver: the question, with the others as its rivals; or a wait that has
            all of them.
        begun: Whether it was waited for.
    """

    __slots__ = ("asked", "at", "begun", "branches")

    def __init__(self, chat: ChatState[Any], branches: tuple[Effect[Any], ...]) -> None:
        """Create the effect.

        Raises:
            TypeError: One of the branches is not a wait.
            ValueError: There is no branch; two are questions; or a question has a `timeout=`.
        """
        self.chat = chat
        self.branches = branches
        self.begun = False
        self.asked = _asked(branches)
        rivals: list[Rival] = []
        for number, branch in enumerate(branches):
            if not isinstance(branch, (Wait, Background)):
                continue
            for rival in branch.rivals:
                if rival is not UNBOUNDED:
                    place = LIMIT if rival.branch == LIMIT else number
                    rivals.append(msgspec.structs.replace(rival, branch=place))
        self.at: Wait[Any] | Background[Any]
        if self.asked >= 0:
            question: Any = branches[self.asked]
            # A copy, since the author may wait for the original again, alone or in another race.
            at: Wait[Any] = copy(question)
            at.options = replace(question.options, rivals=bounded(tuple(rivals)))
            self.at = at
            chat.made += 1
        else:
            ids = "\n".join(getattr(branch, "id", "") for branch in branches)
            self.at = Background(chat, "r", f"r{crc32(ids.encode()):x}", tuple(rivals))
        # Each branch was counted when it was created, and only one of them gets a record.
        chat.made -= len(branches)

    @property
    def call(self) -> str:
        """See `Effect`."""
        return "chat.race(…)"

    def __iter__(self) -> Generator[Any, Any, T]:
        """See `Effect`."""
        self.begun = True
        won: Any = yield from super().__iter__()
        pair: Any = (won.branch, won.value) if type(won) is Fired else (self.asked, won)
        result: T = pair
        return result

    __await__ = __iter__


def _asked(branches: tuple[Effect[Any], ...]) -> int:
    """Return the number of the branch that is a question; -1 if none is.

    Raises:
        TypeError: One of the branches is not a wait.
        ValueError: There is no branch; two are questions; or a question has a `timeout=`.
    """
    place = f"chat.race at {line_at_hand()}"
    if not branches:
        raise ValueError(f"{place}: nothing to wait for")
    question = -1
    for number, branch in enumerate(branches):
        if not isinstance(branch, (Wait, Background)):
            raise TypeError(
                f"{place}: {type(branch).__name__} cannot be raced; give it chat.ask(…), choose, "
                "confirm, wait_for or sleep, not waited for yet"
            )
        if not isinstance(branch, Wait):
            continue
        if question >= 0:
            raise ValueError(
                f"{place}: branches {question} and {number} are questions; one message cannot "
                "answer two: ask one of them, or both in one question"
            )
        if branch.options.timeout is not None:
            raise ValueError(f"{place}: timeout= in a race; race with chat.sleep(…) instead")
        question = number
    return question

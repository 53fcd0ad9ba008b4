"""Replies that nobody took, and questions that were never shown, as the judge records them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["Unheard"]

Question = tuple[str, str]
"""A question: its conversation, and the numbers that it shows."""


@dataclass(slots=True)
class Unheard:
    """What the judge knows of one user's untaken replies.

    Attributes:
        left: Marks in replies that nobody took, by the key of their message.
        serials: Serial numbers of all messages whose replies nobody took, then or at first.
        doubtful: Questions in replies that were committed when all knew that nobody would take
            them, and in none since that, for all that was known, somebody took.
        trusted: Questions that were doubtful, until such a reply had them again.
        shown: Questions in replies that reached the platform on an open connection.
        answered: Questions that an answer was taken for.
        since: When the message was written whose reply showed a question first, by the platform's
            clock, of those that are pending and were shown to somebody, as far as is known.
        takers: The process that the store last gave a reply to, by number, and the questions in
            that, by the key of its message; until the process tells that nobody took it.
    """

    left: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    serials: set[int] = field(default_factory=set[int])
    doubtful: set[Question] = field(default_factory=set[Question])
    trusted: set[Question] = field(default_factory=set[Question])
    shown: set[Question] = field(default_factory=set[Question])
    answered: set[Question] = field(default_factory=set[Question])
    since: dict[Question, int] = field(default_factory=dict[Question, int])
    takers: dict[str, tuple[int, set[Question]]] = field(
        default_factory=dict[str, tuple[int, set[Question]]]
    )

    def marks(self) -> list[str]:
        """Return the marks that the next turn has to deliver or to hold."""
        return [mark for marks in self.left.values() for mark in marks]

    def asks(self, key: str, questions: Iterable[Question]) -> None:
        """Note that somebody takes the reply to a message, by its key, with these questions, as far
        as is known.
        """
        for question in questions:
            self.since.setdefault(question, _created(key))

    def answers(self, question: Question, created: int) -> bool:
        """Note that a message is taken as the answer to a question; return whether it was written
        after the question was shown, by the platform's clock.
        """
        self.answered.add(question)
        return self.since.pop(question, 0) <= created

    def said_again(self, questions: set[Question]) -> None:
        """Note a reply with these questions, which somebody takes, as far as is known. If the
        platform had closed the connection before a stopped process noticed, no process can know;
        the next message then counts as an answer.
        """
        self.trusted |= self.doubtful & questions - self.answered
        self.doubtful -= questions - self.answered

    def said_in_vain(self, key: str, questions: set[Question]) -> None:
        """Note that the store now knows that nobody took the reply to a message, by its key, with
        these questions.
        """
        for question in questions:
            if self.since.get(question) == _created(key):
                del self.since[question]
        self.doubtful |= self.trusted & questions - self.answered

    def died(self, process: int) -> None:
        """Note that a process is dead: whether it delivered the replies that the store gave it is
        unknown, so they count as seen.
        """
        for key, (taker, questions) in list(self.takers.items()):
            if taker == process:
                del self.takers[key]
                self.said_again(questions)

    def blind(self) -> set[Question]:
        """Return the questions that were answered although the user cannot have seen them."""
        return (self.doubtful & self.answered) - self.shown


def _created(key: str) -> int:
    """Return when a message was written, by its key."""
    return int(key.partition(":")[0])

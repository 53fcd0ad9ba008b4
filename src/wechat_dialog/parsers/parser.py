"""The type of every parser here: it takes a text and a moment, and returns a typed value or raises
`ValueError` with a sentence for the user.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Generic, TypeVar, final

T_co = TypeVar("T_co", covariant=True)

__all__ = ["Parser"]


@final
class Parser(Generic[T_co]):
    """What turns a user's text into a `T_co`.

    A class and not only a callable, so that `chat.ask` can tell a parser of ours, which is handed
    the moment the message arrived, from an author's own function, which is called with the text
    alone.
    """

    __slots__ = ("_read", "name")

    def __init__(self, name: str, read: Callable[[str, datetime], T_co]) -> None:
        """Name `read` as a parser.

        Args:
            name: What it gives, for `repr` and for error messages to the author.
            read: Called with the user's text and an aware "now"; raises `ValueError` with a
                Chinese sentence for the user if the text does not fit.
        """
        self.name = name
        self._read = read

    def __call__(self, text: str, now: datetime) -> T_co:
        """Return the value of `text`.

        Args:
            text: What the user wrote, or what was recognised of what they said; any length.
            now: When the message arrived: an aware datetime in the bot's time zone. What is said
                relative to today, and the time zone of the values, come from it.

        Raises:
            ValueError: `text` does not fit; `str(error)` is a sentence for the user.
            TypeError: `now` is naive: an error of the caller, not of the user.
        """
        if now.tzinfo is None:
            raise TypeError("a parser needs an aware `now`: give it a tzinfo")
        return self._read(text, now)

    def __repr__(self) -> str:
        return f"<parser {self.name}>"

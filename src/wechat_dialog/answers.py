"""From a message to the value a question asked for.

`reader(parse)` turns what an author hands to `chat.ask` (a type, a pattern, a class of `messages`,
a function) into one function `read(chat, message) -> value`, which raises `ValueError` with a
sentence for the user. How a text becomes a number or a date is the business of `parsers`; here is
only which messages carry a text, and what else may be asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeGuard

from . import messages
from .effects import Reading

if TYPE_CHECKING:
    from datetime import datetime

    from .chat import Chat
    from .parsers import Parser

__all__ = ["of_text", "reading", "text_of"]

ReadText = Callable[["Chat", str], Any]


def text_of(message: messages.Message) -> str | None:
    """Return what the user wrote, or said as far as it was recognised; None if he did neither.

    Stickers arrive as a text of the platform's (protocol reference 3) and are none of the user's.
    """
    if type(message) is messages.Text:
        return message.text
    if isinstance(message, messages.Unsupported):
        return None
    if isinstance(message, messages.Text):
        return message.text
    if isinstance(message, messages.Voice):
        return message.recognition or None
    return None


def of_text(read: ReadText) -> Reading:
    """Return how a question is read that wants a text and nothing else."""

    def read_message(chat: Chat, message: messages.Message) -> Any:
        text = text_of(message)
        if text is None:
            raise ValueError(chat.texts.text_wanted)
        return read(chat, text)

    return Reading(read_message, read)


def _str(chat: Chat, text: str) -> str:
    text = text.strip()
    if not text:
        raise ValueError(chat.texts.text_wanted)
    return text


def _int(chat: Chat, text: str) -> int:
    # The common case, at every replayed answer; anything else takes the parser's long way round.
    if len(text) < 16 and text.isascii() and text.isdigit():
        return int(text)
    from .parsers import parser_for

    return parser_for(int)(text, chat.now())


def _of_kind(kind: type[messages.Message]) -> Reading:
    def read(chat: Chat, message: messages.Message) -> Any:
        sticker = isinstance(message, messages.Unsupported) and kind is messages.Text
        if isinstance(message, kind) and not sticker:
            return message
        raise ValueError(chat.texts.kind_wanted.get(kind.kind, chat.texts.other_wanted))

    return Reading(read, event=kind if issubclass(kind, messages.Event) else None)


_STR = of_text(_str)
_INT = of_text(_int)


@lru_cache(maxsize=1024)
def reading(parse: Any) -> Reading:
    """Return how answers are read for `parse`.

    Args:
        parse: `str`, `int` or another type `parsers.parser_for` knows, a compiled pattern, a class
            of `messages`, a parser of `parsers`, or any function of the stripped text that raises
            `ValueError` with a sentence for the user.

    Raises:
        TypeError: It is nothing of these.
    """
    if parse is str:
        return _STR
    if parse is int:
        return _INT
    if _is_kind(parse):
        return _of_kind(parse)
    # Only now: most bots ask for nothing that the parsers have to read, and they take as long to
    # import as all the rest.
    from .parsers import parser_for

    if _is_parser(parse):
        return _parsed(lambda text, now: parse(text.strip(), now))
    try:
        return _parsed(parser_for(parse))
    except TypeError:
        if not callable(parse):
            raise
        return of_text(lambda _chat, text: parse(text.strip()))


def _is_kind(parse: object) -> TypeGuard[type[messages.Message]]:
    return isinstance(parse, type) and issubclass(parse, messages.Message)


def _is_parser(parse: object) -> TypeGuard[Parser[Any]]:
    from .parsers import Parser

    return isinstance(parse, Parser)


def _parsed(parse: Callable[[str, datetime], Any]) -> Reading:
    def read(chat: Chat, text: str) -> Any:
        return parse(text, chat.now())

    return of_text(read)

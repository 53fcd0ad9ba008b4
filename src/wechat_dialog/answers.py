"""From a message to the value a question asked for.

`reader(parse)` turns what an author hands to `chat.ask` (a type, a pattern, a class of `messages`,
a function) into one function `read(chat, message) -> value`, which raises `ValueError` with a
sentence for the user. How a text becomes a number or a date is the business of `parsers`; here is
only which messages carry a text, and what else may be asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from . import messages

if TYPE_CHECKING:
    from .chat import Chat

__all__ = ["reader", "text_of"]

Read = Callable[["Chat", messages.Message], Any]


def text_of(message: messages.Message) -> str | None:
    """Return what the user wrote or said: the text, or a voice message's transcript; None if
    neither.

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


def _text(chat: Chat, message: messages.Message) -> str:
    text = text_of(message)
    if text is None:
        raise ValueError(chat.texts.text_wanted)
    return text


def _read_str(chat: Chat, message: messages.Message) -> str:
    text = _text(chat, message).strip()
    if not text:
        raise ValueError(chat.texts.text_wanted)
    return text


def _read_int(chat: Chat, message: messages.Message) -> int:
    text = _text(chat, message)
    # The common case, at every replayed answer; anything else takes the parser's long way round.
    if len(text) < 16 and text.isascii() and text.isdigit():
        return int(text)
    from .parsers import parser_for

    return parser_for(int)(text, chat.now())


def _read_message(kind: type[messages.Message]) -> Read:
    def read(chat: Chat, message: messages.Message) -> Any:
        if isinstance(message, kind) and not (
            isinstance(message, messages.Unsupported) and kind is messages.Text
        ):
            return message
        raise ValueError(chat.texts.kind_wanted.get(kind.kind, chat.texts.other_wanted))

    return read


def _read_parsed(parse: Any) -> Read:
    def read(chat: Chat, message: messages.Message) -> Any:
        from .parsers import parser_for

        return parser_for(parse)(_text(chat, message), chat.now())

    return read


def _read_called(parse: Callable[[str], Any]) -> Read:
    def read(chat: Chat, message: messages.Message) -> Any:
        return parse(_text(chat, message).strip())

    return read


def _read_called_with_now(parse: Callable[..., Any]) -> Read:
    def read(chat: Chat, message: messages.Message) -> Any:
        return parse(_text(chat, message).strip(), chat.now())

    return read


@lru_cache(maxsize=1024)
def reader(parse: Any) -> Read:
    """Return the function that reads answers for `parse`.

    Args:
        parse: `str`, `int` or another type `parsers.parser_for` knows, a compiled pattern, a class
            of `messages`, a parser of `parsers`, or any function of the text that raises
            `ValueError` with a sentence for the user.

    Raises:
        TypeError: It is nothing of these.
    """
    if parse is str:
        return _read_str
    if parse is int:
        return _read_int
    if isinstance(parse, type) and issubclass(parse, messages.Message):
        return _read_message(parse)
    from .parsers import Parser, parser_for

    if isinstance(parse, Parser):
        return _read_called_with_now(parse)
    try:
        parser_for(parse)
    except TypeError:
        if not callable(parse):
            raise
        return _read_called(parse)
    return _read_parsed(parse)

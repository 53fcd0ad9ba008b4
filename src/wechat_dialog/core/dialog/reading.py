"""From a message to the value that a question asks for.

`reading(parse)` turns what an author passes to `chat.ask` (a type, a pattern, a class of
`messages`, a function) into a `Reading`, whose functions raise `ValueError` with a sentence for the
user. How a text becomes a number or a date is in `parsers`; this module only decides which messages
contain a text, and what else may be asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeGuard

from wechat_dialog import messages
from wechat_dialog.core.dialog.questions import Reading
from wechat_dialog.messages.said import text_of

if TYPE_CHECKING:
    from datetime import datetime

    from wechat_dialog.parsers import Parser

    from .chat_state import ChatState

__all__ = ["of_text", "reading", "reading_ahead"]

ReadText = Callable[["ChatState", str], Any]


def of_text(read: ReadText) -> Reading:
    """Return the reading of a question that only accepts texts."""

    def read_message(chat: ChatState, message: messages.Message) -> Any:
        text = text_of(message)
        if text is None:
            raise ValueError(chat.texts.text_wanted)
        return read(chat, text)

    return Reading(read_message, read)


def _str(chat: ChatState, text: str) -> str:
    text = text.strip()
    if not text:
        raise ValueError(chat.texts.text_wanted)
    return text


def _int(chat: ChatState, text: str) -> int:
    # The common case, for every replayed answer; the parser handles the rest, more slowly.
    if len(text) < 16 and text.isascii() and text.isdigit():
        return int(text)
    from wechat_dialog.parsers import parser_for

    return parser_for(int)(text, chat.now())


def _of_kind(kind: type[messages.Message]) -> Reading:
    def read(chat: ChatState, message: messages.Message) -> Any:
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
        parse: `str`, `int` or another type that `parsers.parser_for` knows, a compiled pattern, a
            class of `messages`, a parser of `parsers`, or any function that takes the stripped
            text, or the text and its arrival, and raises `ValueError` with a sentence for the user.

    Raises:
        TypeError: It is none of these.
    """
    if parse is str:
        return _STR
    if parse is int:
        return _INT
    if _is_kind(parse):
        return _of_kind(parse)
    # Imported late: most bots need no parsers, which take as long to import as everything else.
    from wechat_dialog.parsers import parser_for
    from wechat_dialog.parsers.kinds import called

    if _is_parser(parse):
        return _parsed(lambda text, now: parse(text.strip(), now))
    try:
        return _parsed(parser_for(parse))
    except TypeError:
        # A container would split any text into its characters, and never refuse one.
        if not callable(parse) or parse in _CONTAINERS:
            raise
        read = called(parse)
        return of_text(lambda chat, text: read(text.strip(), chat.now()))


_CONTAINERS = (list, tuple, set, frozenset, dict, bytes, bytearray, object)


@lru_cache(maxsize=1024)
def reading_ahead(parse: Any) -> Reading:
    """Return how a day or a moment is read that must not be in the past.

    Args:
        parse: `date` or `datetime`; see `parsers.ahead`.

    Raises:
        TypeError: It is something else.
    """
    from wechat_dialog.parsers import ahead

    return _parsed(ahead(parse))


def _is_kind(parse: object) -> TypeGuard[type[messages.Message]]:
    return isinstance(parse, type) and issubclass(parse, messages.Message)


def _is_parser(parse: object) -> TypeGuard[Parser[Any]]:
    from wechat_dialog.parsers import Parser

    return isinstance(parse, Parser)


def _parsed(parse: Callable[[str, datetime], Any]) -> Reading:
    def read(chat: ChatState, text: str) -> Any:
        return parse(text, chat.now())

    return of_text(read)

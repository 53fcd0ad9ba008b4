"""Signals: events from outside for a conversation, and `chat.wait_for`.

A signal has a name, a text that distinguishes it from others with its name (an order number, for
example), and JSON data. It goes to the oldest wait for the same name and match, and to no other.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from wechat_dialog.core.blame import line_at_hand, told, writable
from wechat_dialog.core.dialog.background import Background
from wechat_dialog.core.dialog.numbers import check_numbers
from wechat_dialog.core.dialog.question_ids import digest
from wechat_dialog.core.dialog.rivals import SignalRival, TimerRival

if TYPE_CHECKING:
    from wechat_dialog.core.dialog.chat_state import ChatState

__all__ = ["LONGEST", "SignalWait", "check_name", "encode_data", "read_data"]

T = TypeVar("T")

LONGEST = 200
"""Longest name, and longest match, in characters."""


class SignalWait(Background[T]):
    """A wait for a signal: `chat.wait_for(…)`."""

    __slots__ = ("name",)

    def __init__(
        self,
        chat: ChatState[Any],
        name: str,
        type: Any = object,
        match: str = "",
        limits: tuple[TimerRival, ...] = (),
    ) -> None:
        """Create the effect.

        Raises:
            TypeError: Name or match is not a text, or msgspec cannot read the type.
            ValueError: The name is empty, or one of the two is too long.
        """
        check_name(name, match, "chat.wait_for")
        _check_type(type)
        self.name = name
        narrowed = f"~{digest(match)}" if match else ""
        rival = SignalRival(name=name, match=match, type=type)
        super().__init__(chat, "w", f"w{narrowed}={name}", (rival, *limits))

    @property
    def call(self) -> str:
        """See `Effect`."""
        return f"chat.wait_for({self.name!r}, …)"


def check_name(name: object, match: object, call: str) -> None:
    """Refuse an invalid name or match of a signal.

    Args:
        name: The name.
        match: The match.
        call: The call of the author, for the error.

    Raises:
        TypeError: One of them is not a text.
        ValueError: The name is empty, or one of them is too long or contains half a character.
    """
    for part, text in (("name", name), ("match", match)):
        if type(text) is not str:
            kind = type(text).__name__
            raise TypeError(f"{call} at {line_at_hand()}: a {part} is a text, not {kind}")
        if len(text) > LONGEST or writable(text) != text:
            why = f"a {part} of at most {LONGEST} characters is wanted, and no half ones"
            raise ValueError(f"{call} at {line_at_hand()}: {text[:LONGEST]!r}: {why}")
    if not name:
        raise ValueError(f"{call} at {line_at_hand()}: a signal has a name")


def encode_data(data: object, call: str) -> msgspec.Raw:
    """Return the data of a signal as JSON.

    Raises:
        TypeError: They are neither JSON data nor of a type that msgspec knows.
    """
    try:
        encoded = msgspec.json.encode(data)
        check_numbers(data, encoded)
        return msgspec.Raw(encoded)
    except Exception as error:
        raise TypeError(
            f"{call} at {line_at_hand()}: {type(data).__qualname__} cannot be written down "
            f"({told(error)}); give JSON data, a dataclass or a msgspec.Struct"
        ) from error


def read_data(rival: SignalRival, data: msgspec.Raw) -> Any:
    """Convert the data of a signal to the type that the dialog waits for.

    Raises:
        ValueError: They are not of that type.
    """
    try:
        return _decoder(rival.type).decode(data)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error


def _check_type(type_: Any) -> None:
    try:
        _decoder(type_)
    except Exception as error:
        raise TypeError(
            f"chat.wait_for at {line_at_hand()}: {type_!r} is no type of data that msgspec can "
            f"read ({told(error)})"
        ) from error


@lru_cache(maxsize=1024)
def _decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    """Return a decoder for a type of data.

    Raises:
        TypeError: No JSON data is of this type.
    """
    from msgspec import inspect  # few dialogs wait for a signal, and none at import

    type_ = Any if type_ is object else type_
    if isinstance(inspect.type_info(type_), inspect.CustomType):
        raise TypeError("nothing in JSON is one")
    return msgspec.json.Decoder(type_)

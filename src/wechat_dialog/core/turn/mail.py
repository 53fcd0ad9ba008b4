"""The letters in a user's mailbox, as stored: signals for their conversations, and conversations to
begin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, Union

import msgspec

from wechat_dialog.core.blame import line_at_hand
from wechat_dialog.core.dialog.registered import RegisteredDialog
from wechat_dialog.core.dialog.requests import checked_dialog, plain_state
from wechat_dialog.core.dialog.signals import check_name, encode_data
from wechat_dialog.core.store.times import Mail

__all__ = ["BeginMail", "Letter", "SignalMail", "begin_mail", "decode_mail", "encode_mail"]


class SignalMail(msgspec.Struct, array_like=True, tag="s", frozen=True):
    """A signal.

    Attributes:
        name: Its name.
        match: Distinguishes it from others with the same name; "" if nothing does.
        data: Its data as JSON.
    """

    name: str
    match: str
    data: msgspec.Raw

    @classmethod
    def of(cls, name: str, data: object, match: str, call: str = "bot.signal") -> SignalMail:
        """Return a signal for these values, checked.

        Raises:
            TypeError: Name or match is not a string, or the data cannot be represented as JSON.
            ValueError: The name is empty, or one of the two is too long.
        """
        check_name(name, match, call)
        return cls(name, match, encode_data(data, call))


class BeginMail(msgspec.Struct, array_like=True, tag="b", frozen=True):
    """A conversation to begin.

    Attributes:
        dialog: Name of its dialog.
        state: Its arguments.
    """

    dialog: str
    state: dict[str, Any]


Letter = Union[SignalMail, BeginMail]  # noqa: UP007 - msgspec reads it at run time


class Named(Protocol):
    """Looks up the bot's dialogs by their functions; see `settings.Routes`."""

    def named(self, fn: Callable[..., Any]) -> RegisteredDialog | None:
        """Return the newest dialog whose function this is, or None."""
        ...


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Letter] = msgspec.json.Decoder(Letter)


def begin_mail(
    routes: Named, dialog: Callable[..., Any], state: Mapping[str, Any] | None,
    call: str = "bot.begin",
) -> BeginMail:  # fmt: skip
    """Return the letter that begins a conversation.

    Raises:
        LookupError: The function is not a dialog of the bot.
        TypeError: The dialog is not a function, or the state is not JSON data with text keys.
        SecretMisused: The state contains a secret answer.
    """
    function = checked_dialog(dialog, call)
    registered = routes.named(function)
    if registered is None:
        name = getattr(function, "__qualname__", repr(function))
        raise LookupError(
            f"{call} at {line_at_hand()}: {name} is not a dialog of the bot; "
            "name it with @bot.dialog"
        )
    return BeginMail(registered.name, plain_state(state or {}, call))


def encode_mail(letter: Letter) -> bytes:
    """Encode a letter for the mailbox."""
    return _encoder.encode(letter)


def decode_mail(mail: Mail) -> Letter | None:
    """Decode a letter; None if another release wrote it, which will be able to read it."""
    try:
        return _decoder.decode(mail.body)
    except msgspec.DecodeError:
        return None

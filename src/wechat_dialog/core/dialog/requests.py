"""Requests: calls of a dialog that are not waited for, carried out in the commit of its turn.

    chat.start(visit, {"at": "9:00"}, key="visit")
    chat.remind(when, "明天 9:00 到店。", key="visit")
    chat.stop("visit")

They are collected in `ChatState.requests`. They need no record, since those of a replayed turn have
been carried out already, and they are dropped if the turn fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Union

import msgspec

from wechat_dialog.core.blame import line_at_hand, told, writable
from wechat_dialog.core.dialog.numbers import check_numbers
from wechat_dialog.core.dialog.rivals import TimerRival
from wechat_dialog.core.dialog.sayable import sayable
from wechat_dialog.core.dialog.secret_answers import must_be_plain
from wechat_dialog.replies import Reply, to_reply

__all__ = [
    "LONGEST",
    "Remind",
    "Request",
    "Start",
    "Stop",
    "checked_dialog",
    "checked_key",
    "named",
    "plain_state",
    "something",
]

LONGEST = 200
"""Longest key, in characters."""


class Start(msgspec.Struct, frozen=True):
    """Begin another conversation beside this one.

    Attributes:
        dialog: The dialog's function.
        state: Its arguments, JSON data.
        key: The author's name for it: a conversation with this key is ended first; "" ends none.
    """

    dialog: Callable[..., Any]
    state: dict[str, Any]
    key: str = ""


class Stop(msgspec.Struct, frozen=True):
    """End the conversation that has this key, if there is one."""

    key: str


class Remind(msgspec.Struct, frozen=True):
    """Say something at a given time.

    Attributes:
        when: The time; its branch is not used.
        reply: What to say.
        key: See `Start`.
    """

    when: TimerRival
    reply: Reply
    key: str = ""


Request = Union[Start, Stop, Remind]  # noqa: UP007 - an alias, evaluated at run time on 3.11


def checked_dialog(dialog: Any, call: str) -> Callable[..., Any]:
    """Return a dialog's function.

    Raises:
        TypeError: It is not callable.
    """
    if not callable(dialog):
        kind = type(dialog).__name__
        raise TypeError(f"{call} at {line_at_hand()}: a dialog of the bot is wanted, not {kind}")
    function: Callable[..., Any] = dialog
    return function


def plain_state(state: Mapping[str, Any], call: str) -> dict[str, Any]:
    """Return a dialog's initial state, after a round trip through JSON.

    Raises:
        TypeError: The state is not JSON data with text keys.
        SecretMisused: The state contains a secret answer.
    """
    must_be_plain(state)
    try:
        encoded = msgspec.json.encode(dict(state))
        check_numbers(state, encoded)
        plain = msgspec.json.decode(encoded)
    except Exception as error:
        why = f"the state is no JSON data: {told(error)}"
        raise TypeError(f"{call} at {line_at_hand()}: {why}") from error
    named: dict[str, Any] = plain
    return named


def named(key: object, call: str) -> str:
    """Return a key that must not be empty.

    Raises:
        TypeError: It is not a text.
        ValueError: It is empty or too long, or contains half a character.
    """
    text = checked_key(key, call)
    if not text:
        raise ValueError(f"{call} at {line_at_hand()}: the key is empty, so it names nothing")
    return text


def something(value: object, call: str) -> Reply:
    """Return a reply to be said later.

    Raises:
        NotSayable: It is neither a text nor another reply.
        ValueError: There is nothing to say: None, or a blank text.
    """
    sayable(value, call)
    reply = to_reply(value)
    if reply is None:
        raise ValueError(f"{call} at {line_at_hand()}: nothing to say")
    return reply


def checked_key(key: object, call: str) -> str:
    """Return a key.

    Raises:
        TypeError: It is not a text.
        ValueError: It is too long, or contains half a character.
    """
    if type(key) is not str:
        raise TypeError(f"{call} at {line_at_hand()}: a key is a text, not {type(key).__name__}")
    if len(key) > LONGEST or writable(key) != key:
        why = f"a key of at most {LONGEST} characters is wanted, and no half ones"
        raise ValueError(f"{call} at {line_at_hand()}: {key[:LONGEST]!r}: {why}")
    return key

"""Times: how long an author waits for something, and `chat.sleep`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Union

from wechat_dialog.core.blame import line_at_hand
from wechat_dialog.core.dialog.background import Background
from wechat_dialog.core.dialog.rivals import LIMIT, TimerRival
from wechat_dialog.core.quantities import as_text, is_number

if TYPE_CHECKING:
    from wechat_dialog.core.dialog.chat_state import ChatState

__all__ = ["LONGEST", "HowLong", "Sleep", "limit", "timer"]

HowLong = Union[float, timedelta, datetime]  # noqa: UP007 - an alias, evaluated at run time on 3.11
"""Seconds, a `timedelta`, or an aware `datetime`."""

LONGEST = 366 * 86_400.0
"""Longest wait, in seconds: a year."""


class Sleep(Background[None]):
    """A wait for a time: `chat.sleep(…)`."""

    __slots__ = ()

    def __init__(self, chat: ChatState[Any], how_long: HowLong) -> None:
        """Create the effect.

        Raises:
            TypeError: See `timer`.
            ValueError: See `timer`.
        """
        super().__init__(chat, "s", "s", (timer(chat, how_long, "chat.sleep(…)"),))

    @property
    def call(self) -> str:
        """See `Effect`."""
        return "chat.sleep(…)"


def timer(chat: ChatState[Any], how_long: HowLong, call: str, branch: int = 0) -> TimerRival:
    """Return the time that an author passes.

    A time in the past is due at once.

    Args:
        chat: The chat, which knows the current time.
        how_long: The author's value.
        call: The author's call, for the error.
        branch: See `TimerRival`.

    Raises:
        TypeError: It is not one of these types.
        ValueError: It is NaN, has no time zone, or is more than a year away.
    """
    kind: type = type(how_long)
    if issubclass(kind, datetime):
        return TimerRival(branch=branch, at=_moment(chat, how_long, call))
    number: Any = how_long
    if issubclass(kind, timedelta):
        seconds: float = number.total_seconds()
    elif not is_number(number):
        raise TypeError(_wrong(call, f"{kind.__name__} is no time: {_WANTED}"))
    else:
        seconds = number
    if not seconds <= LONGEST:  # NaN is not, either
        raise ValueError(_wrong(call, f"{as_text(seconds)} seconds: a year at most"))
    return TimerRival(branch=branch, seconds=float(max(seconds, 0)))


def limit(chat: ChatState[Any], within: HowLong | None, call: str) -> tuple[TimerRival, ...]:
    """Return the limit that an author passes with `within=`, as rivals; () if there is none.

    Raises:
        TypeError: See `timer`.
        ValueError: See `timer`.
    """
    return () if within is None else (timer(chat, within, f"{call}: within=", LIMIT),)


def _moment(chat: ChatState[Any], when: Any, call: str) -> int:
    if when.utcoffset() is None:
        why = f"{when} has no time zone: chat.now() has one; or when.replace(tzinfo=…)"
        raise ValueError(_wrong(call, why))
    at: int = round(when.timestamp() * 1000)
    if at - chat.arrived > LONGEST * 1000:
        raise ValueError(_wrong(call, f"{when}: a year ahead at most"))
    return at


_WANTED = "seconds, a timedelta, or a datetime with a time zone"


def _wrong(call: str, why: str) -> str:
    return f"{call} at {line_at_hand()}: {why}"

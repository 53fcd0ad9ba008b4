"""Rivals: what else may end a wait: a time that falls due, a signal from outside.

A question may have a limit (`within=`) or stand in a race; a wait without a question has nothing
but rivals (`background`). Which of them came is a record of the journal, and is handed to the
dialog as `Fired`.
"""

from __future__ import annotations

from typing import Any, Union

import msgspec

__all__ = ["LIMIT", "UNBOUNDED", "Fired", "Rival", "SignalRival", "TimerRival", "bounded"]

LIMIT = -1
"""Branch of a limit: it gives the dialog no value, but raises `NoAnswer` at the wait."""


class TimerRival(msgspec.Struct, frozen=True, kw_only=True):
    """A time after which the wait is over: exactly one of the two is given.

    Attributes:
        branch: The branch of the race that it is, from 0; 0 too where it is waited for alone;
            `LIMIT` for a limit.
        seconds: Seconds from when the wait is stored, 0 or more; None: `at` is the time.
        at: Milliseconds since the epoch; None: `seconds` says it.
    """

    branch: int = 0
    seconds: float | None = None
    at: int | None = None

    def due(self, now: int) -> int:
        """Return when it falls due, ms since the epoch.

        Args:
            now: When the wait is stored, by the store's clock, ms since the epoch.
        """
        if self.at is not None:
            return self.at
        return now + round((self.seconds or 0.0) * 1000)


class SignalRival(msgspec.Struct, frozen=True, kw_only=True):
    """A signal that ends the wait.

    Attributes:
        branch: As in `TimerRival`.
        name: Its name, not empty.
        match: What tells it from others of its name; "" if nothing does.
        type: The type its data are converted to; `object`: any JSON data.
    """

    branch: int = 0
    name: str
    match: str = ""
    type: Any = object


Rival = Union[TimerRival, SignalRival]  # noqa: UP007 - an alias, evaluated at run time on 3.11

UNBOUNDED = TimerRival(branch=LIMIT, seconds=30 * 86_400.0)
"""The limit of a wait that has none."""


def bounded(rivals: tuple[Rival, ...]) -> tuple[Rival, ...]:
    """Return the rivals of a wait that must not last for ever: with a limit, if no time is among
    them.
    """
    timed = any(isinstance(rival, TimerRival) for rival in rivals)
    return rivals if timed else (*rivals, UNBOUNDED)


class Fired(msgspec.Struct, frozen=True):
    """What a wait is handed that one of its rivals ended.

    Attributes:
        branch: The rival's.
        value: A signal's data; None of a timer.
    """

    branch: int
    value: object = None

"""Rivals: what else may end a wait: a time that falls due, or a signal.

A question may have a limit (`within=`) or stand in a race; a wait without a question has only
rivals (`background`). Which of them ended the wait is a record of the journal, and is sent to the
dialog as `Fired`.
"""

from __future__ import annotations

from typing import Any, Union

import msgspec

__all__ = ["LIMIT", "UNBOUNDED", "Fired", "Rival", "SignalRival", "TimerRival", "bounded"]

LIMIT = -1
"""Branch of a limit: the dialog gets no value; `NoAnswer` is raised at the wait."""


class TimerRival(msgspec.Struct, frozen=True, kw_only=True):
    """A time after which the wait ends: exactly one of `seconds` and `at` is given.

    Attributes:
        branch: The number of its branch in a race, from 0; also 0 if it is waited for alone;
            `LIMIT` for a limit.
        seconds: Seconds from when the wait is stored, 0 or more; None: `at` is given.
        at: Milliseconds since the epoch; None: `seconds` is given.
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
        match: Distinguishes it from others with its name; "" if nothing does.
        type: The type its data are converted to; `object`: any JSON data.
    """

    branch: int = 0
    name: str
    match: str = ""
    type: Any = object


Rival = Union[TimerRival, SignalRival]  # noqa: UP007 - an alias, evaluated at run time on 3.11

UNBOUNDED = TimerRival(branch=LIMIT, seconds=30 * 86_400.0)
"""The limit of a wait without a limit of its own."""


def bounded(rivals: tuple[Rival, ...]) -> tuple[Rival, ...]:
    """Return the rivals of a wait that must not last forever: with a limit, if none of them is a
    time.
    """
    timed = any(isinstance(rival, TimerRival) for rival in rivals)
    return rivals if timed else (*rivals, UNBOUNDED)


class Fired(msgspec.Struct, frozen=True):
    """What a wait returns that was ended by one of its rivals.

    Attributes:
        branch: The rival's branch.
        value: A signal's data; None for a timer.
    """

    branch: int
    value: object = None

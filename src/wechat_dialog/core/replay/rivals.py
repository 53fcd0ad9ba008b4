"""The stored form of rivals in a header, and the records of those that ended a wait.

When a wait is stored, its due times are computed once (`stored_rivals`). From then on only the
header counts: no replay computes them again, whatever the current code says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from wechat_dialog.core.dialog.background import Background
from wechat_dialog.core.dialog.question_ids import digest
from wechat_dialog.core.dialog.questions import Wait
from wechat_dialog.core.dialog.rivals import SignalRival, TimerRival

from .header import StoredRival
from .records import SignalRecord, TimerRecord

__all__ = [
    "first_due",
    "lacking",
    "misfit",
    "rival_at",
    "signal_record",
    "signalled",
    "stored_rivals",
    "timer_record",
]


def stored_rivals(at: Wait[Any] | Background[Any], now: int) -> tuple[StoredRival, ...]:
    """Return the stored form of a wait's rivals; () if it has none.

    Args:
        at: The wait.
        now: When it is stored, by the store's clock, ms since the epoch.
    """
    stored = [
        StoredRival(rival.branch, rival.due(now))
        if isinstance(rival, TimerRival)
        else StoredRival(rival.branch, 0, rival.name, rival.match)
        for rival in at.rivals
    ]
    return tuple(stored)


def first_due(rivals: Sequence[StoredRival]) -> StoredRival | None:
    """Return the timer that falls due first; None if there is none."""
    times = [rival for rival in rivals if not rival.name]
    return min(times, key=lambda rival: rival.due, default=None)


def signalled(rivals: Sequence[StoredRival], name: str, match: str) -> StoredRival | None:
    """Return the rival that a signal matches; None if it is not waited for."""
    for rival in rivals:
        if rival.name == name and rival.match == match and name:
            return rival
    return None


def timer_record(wait: str, rival: StoredRival, now: int) -> TimerRecord:
    """Return the record of a timer that fell due.

    Args:
        wait: Id of the wait; see `Frame.wait`.
        rival: The timer.
        now: The store's time, ms since the epoch.
    """
    return TimerRecord(wait, rival.branch, rival.due, now)


def signal_record(
    wait: str, rival: StoredRival, data: msgspec.Raw, now: int, misfit: str = ""
) -> SignalRecord:
    """Return the record of a signal that is taken.

    Args:
        wait: Id of the wait; see `Frame.wait`.
        rival: The rival that waits for it.
        data: Its data as JSON.
        now: The store's time, ms since the epoch.
        misfit: What `misfit` returned for the data.
    """
    match = digest(rival.match) if rival.match else ""
    return SignalRecord(wait, rival.branch, rival.name, match, data, now, misfit)


def rival_at(at: object, branch: int, name: str = "") -> TimerRival | SignalRival | None:
    """Return the rival of a wait with this branch and name; None if there is none.

    Args:
        at: Where a dialog stands.
        branch: The branch.
        name: Name of the signal; "" for a timer.
    """
    if not isinstance(at, (Wait, Background)):
        return None
    for rival in at.rivals:
        named = rival.name if isinstance(rival, SignalRival) else ""
        if rival.branch == branch and named == name:
            return rival
    return None


def lacking(at: object, rivals: Sequence[StoredRival]) -> StoredRival | None:
    """Return the first of a header's rivals that the wait does not have; None if it has all of
    them.
    """
    for rival in rivals:
        present = rival_at(at, rival.branch, rival.name)
        if present is None or (isinstance(present, SignalRival) and present.match != rival.match):
            return rival
    return None


def misfit(at: object, rival: StoredRival, data: msgspec.Raw) -> str:
    """Return why the data of a signal do not fit what the dialog waits for; "" if they do.

    Args:
        at: Where the dialog stands.
        rival: The header's rival that waits for the signal.
        data: Its data as JSON.
    """
    waits = rival_at(at, rival.branch, rival.name)
    if not isinstance(waits, SignalRival):
        return ""  # the code has changed: feeding the record will raise that
    from wechat_dialog.core.dialog.signals import read_data

    try:
        read_data(waits, data)
    except ValueError as error:
        return str(error)
    return ""

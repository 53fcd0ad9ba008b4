"""What a dialog receives when its wait was ended by a timer or a signal, given the record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import Any

from wechat_dialog.core.blame import told
from wechat_dialog.core.dialog.question_ids import digest
from wechat_dialog.core.dialog.rivals import LIMIT, Fired, SignalRival
from wechat_dialog.errors import NoAnswer

from .header import StoredRival
from .outcomes import OutcomeReader
from .records import SignalRecord, TimerRecord
from .rivals import lacking, rival_at
from .standing import describe

__all__ = ["handed", "missing", "what_ends"]


def handed(
    at: object, record: TimerRecord | SignalRecord, zone: tzinfo, fn: Callable[..., Any],
    reader: OutcomeReader,
) -> Fired | BaseException:  # fmt: skip
    """Return what the dialog receives, or the exception to raise in it.

    Args:
        at: Where it stands; None if that is not the wait that the record names.
        record: The record of the timer or signal.
        zone: The bot's time zone.
        fn: The dialog's function.
        reader: Reads a signal's data.

    Raises:
        ValueError: The dialog does not wait for what the record names; the text describes that.
    """
    name = record.name if isinstance(record, SignalRecord) else ""
    rival = rival_at(at, record.branch, name)
    description = what_ends(record.wait, record.branch, name, fn)
    if rival is None:
        raise ValueError(description)
    if isinstance(record, TimerRecord):
        if record.branch == LIMIT:
            return NoAnswer(datetime.fromtimestamp(record.due / 1000, zone))
        return Fired(record.branch)
    assert isinstance(rival, SignalRival)  # noqa: S101 - it has a name
    if record.match != (digest(rival.match) if rival.match else ""):
        raise ValueError(f"{description} with another match")
    if record.misfit:
        return reader.misfit(record)
    try:
        return Fired(record.branch, reader.data(rival, record))
    except ValueError as error:
        raise ValueError(f"data of {description} that no longer fit ({told(error)})") from error


def missing(
    at: object, wait: str, rivals: Sequence[StoredRival], fn: Callable[..., Any]
) -> str | None:
    """Describe which of a header's rivals the wait does not have; None if it has all of them.

    Args:
        at: Where the dialog stands.
        wait: Id of the wait.
        rivals: The header's rivals.
        fn: The dialog's function.
    """
    rival = lacking(at, rivals)
    return None if rival is None else what_ends(wait, rival.branch, rival.name, fn)


def what_ends(wait: str, branch: int, name: str, fn: Callable[..., Any]) -> str:
    """Describe what ends, or has ended, a wait.

    Args:
        wait: Id of the wait.
        branch: See `TimerRival.branch`.
        name: Name of the signal; "" for a timer.
        fn: The dialog's function.
    """
    description = f"signal {name!r}" if name else "a limit" if branch == LIMIT else "a timer"
    place = f" in branch {branch}" if branch > 0 else ""
    return f"{description}{place} at {describe(wait, fn)}"

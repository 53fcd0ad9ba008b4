"""What may be logged: who, where and which class of error, and nothing that a user said.

An exception's text may quote the user, a reply or a secret: `int("…")` does. So above DEBUG an
error is logged as its class and the line that raised it. The message of an error is logged only
where the library wrote it, out of nothing that a user can say: errors of the store, of a setting,
refusals by the platform. At DEBUG the whole error is logged, traceback included; and the error that
broke a conversation is stored with it.
"""

from __future__ import annotations

import logging
import traceback

from wechat_dialog.errors import (
    ApiError,
    ConfigurationError,
    ForeignAwait,
    JournalFull,
    NotRepeatable,
    NotSayable,
    NotWaitedFor,
    SideEffect,
    StoreError,
    TimedOut,
    TurnTooLong,
    WorkerDied,
)

from .blame import authors, caller_of, places, told
from .printable import block, one_line
from .secrecy import without_secret

__all__ = ["log", "place", "report"]

log = logging.getLogger("wechat_dialog")


class _Printable(logging.Filter):
    """Makes one line of each record, without control characters that a terminal would obey."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Escape the arguments of a record. Always True; the format and the fields stay as they
        are.
        """
        if isinstance(record.args, tuple):
            record.args = tuple(
                arg if isinstance(arg, (int, float)) else one_line(str(arg)) for arg in record.args
            )
        if record.exc_info:  # at DEBUG only; a traceback keeps its lines
            record.exc_text = block(logging.Formatter().formatException(record.exc_info))
        return True


log.addFilter(_Printable())

SPOKEN = (
    ApiError, ConfigurationError, ForeignAwait, JournalFull, NotSayable, NotWaitedFor, SideEffect,
    StoreError, TimedOut, TurnTooLong, WorkerDied,
)  # fmt: skip


def report(level: int, text: str, *args: object, error: BaseException, secret: str = "") -> None:
    """Log an error: its class and place at `level`, the whole of it at DEBUG.

    Args:
        level: A level of `logging`.
        text: What happened, as a format string.
        args: The arguments of the format.
        error: The error; its class and place, or its message, is appended to the text.
        secret: A user's secret answer, which is left out even at DEBUG; "" if there is none.
    """
    log.log(level, text + ": %s", *args, _outline(error))  # noqa: G003 - one format, two lines
    if secret:
        whole = "".join(traceback.format_exception(error))
        log.debug(text + "\n%s", *args, without_secret(whole, secret))  # noqa: G003
    else:
        log.debug(text, *args, exc_info=error)


def _outline(error: BaseException) -> str:
    name, at = type(error).__name__, place(error) or place(error.__cause__)
    if isinstance(error, NotRepeatable):
        return f"{name}: {error.outline}"
    # Raised by the library itself, for instance where a dialog answers a dict.
    of_ours = type(error) in (TypeError, LookupError) and not at
    if of_ours or isinstance(error, SPOKEN):
        return f"{name}: {told(error)}"
    called_from = _called_from(error)
    beside = f", called from {called_from}" if called_from else ""
    return f"{name} at {at}{beside}" if at else name


def _called_from(error: BaseException) -> str:
    """Return `file:line` at which a dialog asked for the step that raised an error; "" if no step
    did, or that is not known.
    """
    way = places(error)
    at = caller_of(way, authors(way))
    return str(way[at]) if at >= 0 else ""


def place(error: BaseException | None) -> str:
    """Return `file:line` of the innermost line of the author's own code that an error went
    through; "" if there is none.
    """
    way = [] if error is None else places(error)
    at = authors(way)
    return str(way[at]) if at >= 0 else ""

"""What may be logged: user, place and class of an error, but nothing that a user wrote.

An exception's text may quote the user, a reply or a secret: that of `int("…")` does. So above DEBUG
an error is logged as its class and the line that raised it. The message of an error is logged only
if the library composed it, from nothing that a user wrote: errors of the store, of a setting,
refusals by the platform. At DEBUG the whole error is logged, traceback included; the error that
parked a conversation is stored with it, too.

A record has whom and what it is about as fields, too, for formatters that write JSON: `user` (the
OpenID), `account`, `dialog`, `conversation` (the id), as far as its text names them.
"""

from __future__ import annotations

import logging
import re
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


_PLACE = re.compile(r"(?:\b(user|dialog|conversation of|parked as) )?%[-#0+\d.]*[a-z]")
"""Where a format takes an argument, and the word that says what it is, if there is one."""


def _fields(word: str, value: str) -> dict[str, str]:
    """Return the fields that an argument makes, given the word before it."""
    if word == "user":
        account, _, openid = value.rpartition(":")  # a user's key in the store begins with that
        return {"account": account, "user": openid} if account else {"user": openid}
    return {"conversation" if word == "parked as" else "dialog": value}


class _Printable(logging.Filter):
    """Puts each record on one line, without control characters that a terminal would obey."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Escape the arguments of a record, and make fields of those whose names the format has
        before them. Always returns True.
        """
        if isinstance(record.args, tuple):
            record.args = tuple(
                arg if isinstance(arg, (int, float)) else one_line(str(arg)) for arg in record.args
            )
            for place, value in zip(_PLACE.finditer(str(record.msg)), record.args, strict=False):
                if place[1]:
                    vars(record).update(_fields(place[1], str(value)))
        if record.exc_info:  # at DEBUG only; a traceback keeps its lines
            record.exc_text = block(logging.Formatter().formatException(record.exc_info))
        return True


log.addFilter(_Printable())

SPOKEN = (
    ApiError, ConfigurationError, ForeignAwait, JournalFull, NotSayable, NotWaitedFor, SideEffect,
    StoreError, TimedOut, TurnTooLong, WorkerDied,
)  # fmt: skip


def report(level: int, text: str, *args: object, error: BaseException, secret: str = "") -> None:
    """Log an error: its class and place at `level`, the whole error at DEBUG.

    Args:
        level: A level of `logging`.
        text: What happened, as a format string.
        args: The arguments of the format.
        error: The error; its class and place, or its message, is appended to the text.
        secret: A user's secret answer, which is masked even at DEBUG; "" if there is none.
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
    # raised by the library itself, for instance if a dialog returns a dict
    by_library = type(error) in (TypeError, LookupError) and not at
    if by_library or isinstance(error, SPOKEN):
        return f"{name}: {told(error)}"
    called_from = _called_from(error)
    beside = f", called from {called_from}" if called_from else ""
    return f"{name} at {at}{beside}" if at else name


def _called_from(error: BaseException) -> str:
    """Return `file:line` where a dialog requested the step that raised an error; "" if no step did,
    or if that is unknown.
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

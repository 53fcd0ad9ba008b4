"""What may stand in a log: who, where and which class of error, and no word that anybody said.

An exception's text may quote the user, a reply or a secret: `int("…")` does. So above DEBUG an
error is its class and the line that raised it. Only errors whose sentence the library wrote, and of
nothing that a user can say, have it told: the store's, a setting's, the platform's refusal. The
whole of it, traceback included, is told at DEBUG, and what broke a conversation is kept with it.
"""

from __future__ import annotations

import logging

from .errors import (
    ApiError,
    ConfigurationError,
    ForeignAwait,
    JournalFull,
    NotRepeatable,
    StoreError,
    TimedOut,
    WorkerDied,
)

__all__ = ["log", "report"]

log = logging.getLogger("wechat_dialog")

OURS = {__name__.partition(".")[0], "wechat"}
"""Packages whose frames are the library's, not the application's."""
SPOKEN = (
    ApiError, ConfigurationError, ForeignAwait, JournalFull, StoreError, TimedOut, WorkerDied,
)  # fmt: skip


def report(level: int, text: str, *args: object, error: BaseException) -> None:
    """Tell the log of an error: who and where at `level`, all of it at DEBUG.

    Args:
        level: Of `logging`.
        text: What happened, as a format string.
        args: For the format.
        error: The error; its class and place, or its sentence, is told behind the text.
    """
    log.log(level, text + ": %s", *args, _outline(error))  # noqa: G003 - one format, two lines
    log.debug(text, *args, exc_info=error)


def _outline(error: BaseException) -> str:
    name, at = type(error).__name__, _place(error)
    if isinstance(error, NotRepeatable):
        return f"{name}: {error.outline}"
    # Ours as well: what the engine says of a dialog that answers a dict.
    of_ours = type(error) in (TypeError, LookupError) and not at
    if of_ours or isinstance(error, SPOKEN):
        return f"{name}: {error}"
    return f"{name} at {at}" if at else name


def _place(error: BaseException) -> str:
    """Return `file:line` of the innermost line outside this library that an error went through; ""
    if there is none.
    """
    place, trace = "", error.__traceback__
    while trace is not None:
        name = str(trace.tb_frame.f_globals.get("__name__", ""))
        if name.partition(".")[0] not in OURS:
            place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place

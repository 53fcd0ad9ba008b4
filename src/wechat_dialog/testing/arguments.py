"""Checks of what a test hands to its `Talk`: an error names the call, and is raised at once, so
that the report of the test ends at its own line.
"""

from __future__ import annotations

from math import inf

from wechat_dialog.bot import Bot
from wechat_dialog.core.quantities import as_text, is_count, is_number, is_seconds

__all__ = ["must_be_bot", "must_be_exception", "must_be_number", "must_be_step"]


def must_be_bot(bot: object) -> None:
    """Refuse what is no bot, such as the module that has one.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(bot, Bot):
        kind = type(bot).__name__
        hint = "; write `from bot import bot`" if kind == "module" else ""
        raise TypeError(f"Talk: a Bot is wanted, not {kind}{hint}")


def must_be_step(step: object, call: str) -> None:
    """Refuse what names no step.

    Raises:
        TypeError: It is neither a name nor a function.
    """
    if not (isinstance(step, str) or callable(step)):
        kind = type(step).__name__
        raise TypeError(f"talk.{call}: a step's name or its function is wanted, not {kind}")


def must_be_number(number: object, call: str, what: str, *, endless: bool = False) -> None:
    """Refuse "seconds" or "times" that are no number, or negative; `endless`: infinity is accepted.

    Raises:
        TypeError: It is no number.
        ValueError: It is below 0, not a number (NaN), or too great.
    """
    if not is_number(number):
        kind = type(number).__name__
        raise TypeError(f"talk.{call}: {what} are a number, not {kind} ({number!r})")
    counted = is_count(number, 0) if what == "times" else is_seconds(number, zero=True)
    if not (counted or (endless and number == inf)):
        raise ValueError(f"talk.{call}: {as_text(number)} is no number of {what}; write 0 or more")


def must_be_exception(error: object, call: str) -> None:
    """Refuse what cannot be raised; None is nothing to raise.

    Raises:
        TypeError: It is no exception.
    """
    kind = error if isinstance(error, type) else type(error)
    if error is not None and not issubclass(kind, BaseException):
        raise TypeError(f"talk.{call}: raises={error!r}: an exception is wanted, ValueError(…)")

"""Checks of what a test hands to its `Talk`: an error names the call, and is raised at once, so
that the report of the test ends at its own line.
"""

from __future__ import annotations

from wechat_dialog.bot import Bot

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


def must_be_number(number: object, call: str, what: str) -> None:
    """Refuse seconds or a count that are no number, or negative.

    Raises:
        TypeError: It is no number.
        ValueError: It is below 0, or not a number (NaN).
    """
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        kind = type(number).__name__
        raise TypeError(f"talk.{call}: {what} are a number, not {kind} ({number!r})")
    if not number >= 0:
        raise ValueError(f"talk.{call}: {number} is no number of {what}; write 0 or more")


def must_be_exception(error: object, call: str) -> None:
    """Refuse what cannot be raised; None is nothing to raise.

    Raises:
        TypeError: It is no exception.
    """
    kind = error if isinstance(error, type) else type(error)
    if error is not None and not issubclass(kind, BaseException):
        raise TypeError(f"talk.{call}: raises={error!r}: an exception is wanted, ValueError(…)")

"""Exceptions thrown into a dialog: by a record, or because its author's parser raised."""

from __future__ import annotations

from wechat_dialog.core.blame import is_bug
from wechat_dialog.errors import Cancelled, CannotTell, Signal, TooManyAttempts

__all__ = ["of_reading", "thrown_by"]


def thrown_by(name_and_count: str) -> BaseException:
    """Return the exception to throw into a dialog, given its name in a record.

    Args:
        name_and_count: "cancel", "end", or "attempts:" and their number.
    """
    name, _, number = name_and_count.partition(":")
    if name == "attempts":
        return TooManyAttempts(int(number or 0))
    return Cancelled()


def of_reading(error: BaseException) -> BaseException:
    """Return the error with which a dialog fails when its author's parser or hint raised `error`.

    A `Signal` belongs into the dialog, where it is raised at one of its lines and its clean-up
    runs. Raised by a parser it is an error like any other, so a `TypeError` is returned for it.

    Raises:
        BaseException: `error` itself, if it must pass through; see `blame.is_bug`.
    """
    if isinstance(error, CannotTell) or not is_bug(error):
        raise error
    if not isinstance(error, Signal):
        return error
    wrong = TypeError(
        f"a parser or hint raised {type(error).__name__}, which is the dialog's to raise: raise "
        "ValueError with a sentence for the user, or give the value to the dialog and raise there"
    )
    wrong.__cause__ = error
    return wrong.with_traceback(error.__traceback__)

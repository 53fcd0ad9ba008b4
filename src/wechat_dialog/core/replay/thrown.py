"""What is thrown into a dialog: by a record, or because its author's parser raised."""

from __future__ import annotations

from wechat_dialog.core.blame import is_bug
from wechat_dialog.errors import Cancelled, CannotTell, Signal, TooManyAttempts

__all__ = ["of_reading", "thrown_by"]


def thrown_by(what: str) -> BaseException:
    """Return what is thrown into a dialog, from its name in a record.

    Args:
        what: "cancel", "end", or "attempts:" and the number of them.
    """
    name, _, number = what.partition(":")
    if name == "attempts":
        return TooManyAttempts(int(number or 0))
    return Cancelled()


def of_reading(error: BaseException) -> BaseException:
    """Return the error that a dialog breaks on when its author's parser or hint raised `error`.

    A `Signal` belongs into the dialog, where it is raised at one of its lines and its clean-up
    runs. Raised by a parser it is a mistake like any other, so a `TypeError` is returned for it.

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

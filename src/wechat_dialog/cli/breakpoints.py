"""`breakpoint()` in an author's code: a debugger at the terminal, or a sentence where none is.

Python's own hook reads from standard input. A bot's process has none: there the debugger would end
at once, with a bare `BdbQuit` in the dialog. PYTHONBREAKPOINT, if it is set, is obeyed as usual.
The hook of an IDE's debugger stays.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from wechat_dialog.core.logs import log

from .whereabouts import is_beside

__all__ = ["can_debug", "debug_at_the_terminal", "pass_over", "pass_over_without_terminal"]


def pass_over(tell: Callable[[str], object]) -> None:
    """From now on ignore breakpoints, and tell of each place once.

    Args:
        tell: Called with the place, `file:line`.
    """
    known: set[str] = set()

    def hook(*_: Any, **__: Any) -> None:
        place = _place(sys._getframe(1))  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        if place not in known:
            known.add(place)
            tell(place)

    _install(hook)


def pass_over_without_terminal() -> None:
    """Pass over breakpoints in a server that nobody can type to, and log a warning of each."""
    if sys.stdin is None or not sys.stdin.isatty():
        pass_over(
            lambda place: log.warning(
                "breakpoint() at %s is passed over, since there is no terminal here; it stops "
                "there under `wechat-dialog chat` in a terminal",
                place,
            )
        )


def can_debug() -> bool:
    """Return whether this process has a terminal of its own.

    Standard input may be a terminal without that: `su -c` begins a session that has none.
    """
    try:
        with open("/dev/tty", "rb"):  # noqa: PTH123
            return True
    except OSError:
        return False


def debug_at_the_terminal(tell: Callable[[bool], object]) -> None:
    """From now on stop at breakpoints, with a debugger at the terminal of this process.

    Args:
        tell: Called with True when it stops, and with False when it is over.
    """
    from .debugger import Debugger, Session  # what it imports takes a while

    session = Session(tell)

    def hook(*_: Any, **__: Any) -> None:
        frame = sys._getframe(1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        if not is_beside(frame):
            Debugger(session).set_trace(frame)

    _install(hook)


def _install(hook: Callable[..., object]) -> None:
    if not os.environ.get("PYTHONBREAKPOINT") and sys.breakpointhook is sys.__breakpointhook__:
        sys.breakpointhook = hook


def _place(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"

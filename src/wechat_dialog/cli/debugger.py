"""A debugger at the terminal of a bot's process."""

from __future__ import annotations

import pdb  # noqa: T100
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from wechat_dialog.platform.language import tr

from .source_finder import is_installed
from .whereabouts import is_beside

__all__ = ["Debugger", "Session"]

PAUSE = 0.3
"""Seconds after which a debugger that does not stop again is taken to be over. Between two lines it
leaves for a moment.
"""

_at_the_terminal = threading.Lock()


class Session:
    """Who is told that a debugger has the terminal."""

    def __init__(self, tell: Callable[[bool], object]) -> None:
        self._tell = tell
        self._stops = 0

    def begin(self) -> bool:
        """Tell that a debugger stops. Return whether it is the first time."""
        self._stops += 1
        self._tell(True)
        return self._stops == 1

    def end(self) -> None:
        """Tell that it is over, unless one stops again in a moment."""
        timer = threading.Timer(PAUSE, self._is_over, [self._stops])
        timer.daemon = True
        timer.start()

    def _is_over(self, stops: int) -> None:
        if stops == self._stops:
            self._tell(False)


class Debugger(pdb.Pdb):
    """A debugger at the terminal, one at a time, for the author's code only."""

    def __init__(self, session: Session) -> None:
        # Not closed: the debugger is there as long as its thread is traced.
        typed = open("/dev/tty", encoding="utf-8", errors="replace")  # noqa: PTH123, SIM115
        shown = open("/dev/tty", "w", encoding="utf-8")  # noqa: PTH123, SIM115
        # Ctrl-C ends the chat or the simulator; pdb would take it for itself from `c` on.
        super().__init__(stdin=typed, stdout=shown, nosigint=True)
        self._session = session

    def interaction(self, *arguments: Any, **named: Any) -> None:
        """See `pdb.Pdb`."""
        with _at_the_terminal:
            is_first = self._session.begin()
            try:
                if is_first:
                    self.message(tr("（停在断点：n 下一行，p 变量 看它的值，c 继续，h 帮助）"))
                super().interaction(*arguments, **named)
            finally:
                self._session.end()

    def stop_here(self, frame: FrameType) -> bool:
        """See `bdb.Bdb`."""
        return super().stop_here(frame) and _is_own(frame)

    def break_here(self, frame: FrameType) -> bool:
        """See `bdb.Bdb`."""
        return super().break_here(frame) and not is_beside(frame)

    def set_quit(self) -> None:
        """See `bdb.Bdb`; goes on: `BdbQuit` would be recorded as what a step has raised."""
        self.set_continue()

    def user_exception(self, frame: FrameType, exc_info: Any) -> None:
        """See `bdb.Bdb`; leaves out the end of a generator, which the library handles."""
        if _is_own(frame):
            super().user_exception(frame, exc_info)


def _is_own(frame: FrameType) -> bool:
    """Whether a line of the author's own runs, and in its turn."""
    return not (is_installed(frame.f_code.co_filename) or is_beside(frame))

"""What the application's code is doing, and for whom: for a developer who looks at it."""

from __future__ import annotations

import asyncio
import linecache
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from wechat_dialog.core.blame import OURS

__all__ = ["PrintedOnce", "is_beside", "whereabouts"]

REPLAYS = ("wechat_dialog.core.replay.strict", "wechat_dialog.operators.inspection")
"""Modules that replay a dialog beside its turn, where nobody expects it to stop."""

THREADS = ("MainThread", "wechat-dialog")
"""How the names of threads begin that run turns and steps. What others do, the application has
them do whether or not a message is being answered.
"""

MOST = 3
"""How many places are told at most."""


def whereabouts(
    is_own: Callable[[str], bool], loop: asyncio.AbstractEventLoop | None = None
) -> list[dict[str, str]]:
    """Return where in the application's code threads run, and tasks wait: of each the innermost
    place, with its file and line (`at`), function (`name`) and line of source (`code`).

    Args:
        is_own: Whether a file is the application's.
        loop: The event loop whose tasks are looked at, from any thread; None: none.
    """
    stacks = [*_of_threads(), *(_of_tasks(loop, is_own) if loop is not None else ())]
    places: dict[str, dict[str, str]] = {}
    for stack in stacks:
        innermost = next((frame for frame in stack if is_own(frame.f_code.co_filename)), None)
        if innermost is not None:
            place = _place(innermost)
            places.setdefault(place["at"], place)
    return list(places.values())[:MOST]


def is_beside(frame: FrameType | None) -> bool:
    """Whether a frame belongs to a replay beside the turn."""
    while frame is not None:
        if frame.f_globals.get("__name__") in REPLAYS:
            return True
        frame = frame.f_back
    return False


class PrintedOnce:
    """Standard output or error, without what a dialog prints or logs in a replay beside its turn.

    Its author sees one line for one `print`, as a user is sent one answer. What the library itself
    finds out in such a replay is shown.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, text: str) -> int:
        """See `TextIO`."""
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        while frame is not None and _package(frame) == "logging":
            frame = frame.f_back
        if frame is not None and _package(frame) not in OURS and is_beside(frame):
            return len(text)
        return self._out.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._out, name)


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__")).partition(".")[0]


def _of_threads() -> Iterator[list[FrameType]]:
    """Yield the stack of each thread that may run a turn, the innermost frame first."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, top in sys._current_frames().items():  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        if names.get(ident, "").startswith(THREADS):
            frame: FrameType | None = top
            stack: list[FrameType] = []
            while frame is not None:
                stack.append(frame)
                frame = frame.f_back
            yield stack


def _of_tasks(
    loop: asyncio.AbstractEventLoop, is_own: Callable[[str], bool]
) -> Iterator[list[FrameType]]:
    """Yield the same of each task, unless it is one of the application's own."""
    for task in asyncio.all_tasks(loop):
        coroutine: Any = task.get_coro()
        stack: list[FrameType] = []
        while coroutine is not None:
            frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
            if frame is not None:
                stack.append(frame)
            inner = getattr(coroutine, "cr_await", None)
            coroutine = getattr(coroutine, "gi_yieldfrom", None) if inner is None else inner
        if stack and not is_own(stack[0].f_code.co_filename):
            yield stack[::-1]


def _place(frame: FrameType) -> dict[str, str]:
    file, line = frame.f_code.co_filename, frame.f_lineno
    path = Path(os.path.realpath(file))
    folder = Path.cwd()
    shown = path.relative_to(folder) if path.is_relative_to(folder) else Path(path.name)
    code = linecache.getline(file, line).strip()
    return {"at": f"{shown}:{line}", "name": frame.f_code.co_name, "code": code}

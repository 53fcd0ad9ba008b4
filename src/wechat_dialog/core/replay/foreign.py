"""Side effects of a dialog that belong into a step.

It awaits something that does not come from its chat; or, as strict mode notices, it sleeps, opens a
connection, starts a process or reads from the terminal.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from inspect import currentframe
from types import FrameType
from typing import Any

from wechat_dialog.core.blame import OURS, Place, authors, place_of, places
from wechat_dialog.errors import ForeignAwait, NotWaitedFor, SideEffect

__all__ = ["called", "foreign", "noted", "raise_mistake", "watch", "watching_sleep"]

_NO_LOOP = re.compile(
    "no (running|current) event loop|not currently running on any asynchronous event loop|"
    "unknown async library|inside a task",
    re.IGNORECASE,
)
"""Messages of asyncio, anyio, sniffio and aiohttp if no event loop runs."""


def called(way: Sequence[Place]) -> str:
    """Return what the author's code called, given the places that led there; "" if it called
    nothing.
    """
    below = way[authors(way) + 1 :]
    return f"{below[0].module}.{below[0].function}" if below else ""


def foreign(error: BaseException, dialog: str) -> BaseException:
    """Return the exception that a dialog raised; if it is about a missing event loop, return an
    error that names the author's line and says what to do.
    """
    if not (isinstance(error, RuntimeError) and _NO_LOOP.search(str(error))):
        return error
    way = places(error)
    at = authors(way)
    # The dialog's own part begins with its function. What a step raised came through this library.
    dialogs = next((n for n, place in enumerate(way) if place.package not in OURS), 0)
    if at < 0 or any(place.package in OURS for place in way[dialogs:]):
        return error
    wrong = ForeignAwait(dialog, called(way) or "something", str(way[at]))
    wrong.__cause__ = error
    return wrong.with_traceback(error.__traceback__)


# Strict mode ----------------------------------------------------------------------------------

_ACTS = {
    "time.sleep": "time.sleep",
    "socket.connect": "a connection",
    "socket.getaddrinfo": "a connection",
    "socket.sendto": "a connection",
    "subprocess.Popen": "a process",
    "os.system": "a process",
    "os.posix_spawn": "a process",
    "builtins.input": "input",
}
"""Python's audit events of actions that a replay must not repeat, and how they are named."""

_WING = __name__.rpartition(".")[0]
_RUN, _DRIVER = f"{_WING}.run", f"{_WING}.driver"

_noted: ContextVar[SideEffect | None] = ContextVar("wechat_dialog_side_effect", default=None)
_watching: list[bool] = []


def watch() -> None:
    """From now on raise `SideEffect` in a dialog in strict mode that acts between its questions.

    Python calls audit hooks for each of these actions. A hook cannot be removed, so
    there is only one, and only if strict mode is used.
    """
    if not _watching:
        _watching.append(True)
        sys.addaudithook(_audit)


def noted() -> SideEffect | None:
    """Return and clear the latest `SideEffect`, since its dialog may have caught it."""
    error = _noted.get()
    if error is not None:
        _noted.set(None)
    return error


def raise_mistake(error: BaseException) -> None:
    """Raise an error if the cause is how the dialog is written, rather than a bug in one
    conversation, even if the dialog turned it into another exception.

    Args:
        error: What the dialog raised.

    Raises:
        NotWaitedFor: `error` is one.
        SideEffect: `error` is one, or one was raised before.
    """
    mistake = noted() or error
    if isinstance(mistake, (NotWaitedFor, SideEffect)):
        raise mistake


def _audit(event: str, _args: tuple[Any, ...]) -> None:
    if _ACTS and event in _ACTS:  # Python sets it to None as it ends, and goes on asking
        _refuse(_ACTS[event], currentframe())


def _refuse(action: str, frame: FrameType | None) -> None:
    """Raise `SideEffect` if a frame runs for a dialog in strict mode."""
    way: list[Place] = []
    while frame is not None:
        place = place_of(frame)
        if place.module == __name__:
            frame = frame.f_back
            continue
        if place.package == "logging":  # a log handler's connection has no effect on the dialog
            return
        if place.module == _RUN:
            break
        if place.module != _DRIVER:
            way.append(place)
        frame = frame.f_back
    run = None if frame is None else frame.f_locals.get("self")
    # A dialog without waits runs once, so it may act.
    if run is None or run.trail is None or not (run.dialog.pure and run.dialog.waits):
        return
    way.reverse()
    at = authors(way)
    if at < 0:
        return
    error = SideEffect(run.dialog.name, called(way) or action, str(way[at]))
    _noted.set(error)
    raise error


@contextmanager
def watching_sleep() -> Generator[None]:
    """Also raise it for `time.sleep`, for which there is no audit event before Python 3.13; unless
    a profiler is active.
    """
    if sys.version_info >= (3, 13) or sys.getprofile() is not None:
        yield
        return
    sys.setprofile(_profile)
    try:
        yield
    finally:
        sys.setprofile(None)


def _profile(frame: FrameType, event: str, arg: Any) -> None:
    if event == "c_call" and arg.__name__ == "sleep" and arg.__module__ == "time":
        _refuse("time.sleep", frame)

"""Finds out whether a dialog or a step is running, for calls that are not allowed there."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import currentframe
from types import FrameType

from wechat_dialog.core.blame import line_at_hand
from wechat_dialog.errors import SideEffect

__all__ = ["is_in_step", "refuse_in_dialog"]

_DRIVER = f"{__name__.rpartition('.')[0]}.driver"
_STEPS = "wechat_dialog.runtime.steps"
"""The module that calls the functions of steps."""


def refuse_in_dialog(call: str) -> None:
    """Raise if the running code is a dialog's, between two of its waits: it would repeat the call
    at every replay.

    Args:
        call: The name of the call, for the error.

    Raises:
        SideEffect: A dialog is running.
    """
    for frame in _frames():
        if frame.f_globals.get("__name__") == _DRIVER:
            driver = frame.f_locals.get("self")
            name = getattr(getattr(driver, "dialog", None), "name", "")
            raise SideEffect(name, call, line_at_hand())


def is_in_step() -> bool:
    """Return whether the running code was called by a step.

    False if the step has delegated the work to another thread or task.
    """
    return any(frame.f_globals.get("__name__") == _STEPS for frame in _frames())


def _frames() -> Iterator[FrameType]:
    frame = currentframe()
    while frame is not None:
        yield frame
        frame = frame.f_back

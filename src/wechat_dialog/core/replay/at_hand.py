"""Which dialog is running at this very moment, for what must not be called by one."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import currentframe
from types import FrameType

from wechat_dialog.core.blame import line_at_hand
from wechat_dialog.errors import SideEffect

__all__ = ["is_in_step", "refuse_in_dialog"]

_DRIVER = f"{__name__.rpartition('.')[0]}.driver"
_STEPS = frozenset({"wechat_dialog.runtime.steps", "wechat_dialog.testing.world"})
"""Who calls the functions of steps."""


def refuse_in_dialog(call: str) -> None:
    """Raise where the running code is a dialog's, between two of its waits: what it does there is
    done again at every replay.

    Args:
        call: What is called, for the error.

    Raises:
        SideEffect: It is.
    """
    for frame in _frames():
        if frame.f_globals.get("__name__") == _DRIVER:
            driver = frame.f_locals.get("self")
            name = getattr(getattr(driver, "dialog", None), "name", "")
            raise SideEffect(name, call, line_at_hand())


def is_in_step() -> bool:
    """Return whether the running code was called by a step.

    Not where the step has had it done elsewhere, in a thread or a task of its own.
    """
    return any(frame.f_globals.get("__name__") in _STEPS for frame in _frames())


def _frames() -> Iterator[FrameType]:
    frame = currentframe()
    while frame is not None:
        yield frame
        frame = frame.f_back

"""Coroutines and generators of the author's own that a dialog makes and never waits for.

    name = ask_name(chat)             # no `await`: a coroutine object, and nobody is asked
    return f"你好，{name}"             # its user reads `<coroutine object ask_name at 0x7fa1…>`

Python tells of a coroutine that was never awaited when it is destroyed, at whatever line runs then,
and of a generator nothing. So while strict mode replays a dialog, it notes

- what a statement leaves behind, what is put into a text, and what a step is handed: the dialog's
  second code (`instrumented_code`) and its chat hand it over here;
- coroutines that are destroyed without having begun, at the line that made them.

Questions and steps, which are no coroutines, are `unawaited`'s.
"""

from __future__ import annotations

import inspect
import sys
import types
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from wechat_dialog.core.blame import Place, authors, line_at_hand
from wechat_dialog.errors import NotWaitedFor

__all__ = ["left", "looking_for_left", "note_unbegun"]

_DEPTH = 20
"""Callers that are noted for each coroutine; the author's own code is among them."""
_OURS = str(Path(__file__).resolve().parents[2])

_found: ContextVar[list[NotWaitedFor] | None] = ContextVar("wechat_dialog_left", default=None)


@contextmanager
def looking_for_left() -> Generator[list[NotWaitedFor]]:
    """Look for what the code that runs in a block never waits for.

    Yields:
        What was found, in order; it grows while the code runs.
    """
    _listen()
    found: list[NotWaitedFor] = []
    depth, token = sys.get_coroutine_origin_tracking_depth(), _found.set(found)
    sys.set_coroutine_origin_tracking_depth(max(depth, _DEPTH))
    try:
        yield found
    finally:
        sys.set_coroutine_origin_tracking_depth(depth)
        _found.reset(token)


def _note(name: str, where: str) -> None:
    found = _found.get()
    if found is not None and all(other.where != where for other in found):
        found.append(NotWaitedFor(f"{name}(…)", where))


# What the second code hands over ------------------------------------------------------------------


def left(thing: Any, site: tuple[str, int, str]) -> Any:
    """Return what a statement leaves behind; note what has not begun and nobody holds."""
    if sys.getrefcount(thing) <= _UNHELD:
        note_unbegun(thing, site)
    return thing


def note_unbegun(thing: object, site: tuple[str, int, str] | None = None) -> None:
    """Note a thing if it is a coroutine or a generator that has not begun.

    Args:
        thing: Whatever it is.
        site: Where it was seen; None: at the line of the author's that is running now.
    """
    made: Any = thing
    if isinstance(thing, types.CoroutineType):
        unbegun = inspect.getcoroutinestate(made) == inspect.CORO_CREATED
    elif isinstance(thing, types.GeneratorType):
        unbegun = inspect.getgeneratorstate(made) == inspect.GEN_CREATED
    else:
        return
    if unbegun:
        _note(made.__qualname__, f"{site[0]}:{site[1]}" if site else line_at_hand())


def _count(thing: object, _site: object) -> int:
    return sys.getrefcount(thing)


_call: Any = _count
_UNHELD: int = _call.__call__(object(), None)
"""References to a thing that only a call of `left` holds; it is called in the same way."""


# What Python tells --------------------------------------------------------------------------------

_listening: list[bool] = []


def _listen() -> None:
    """From now on hear of every coroutine that is destroyed without having begun.

    Python calls a function of `warnings` for each, which makes the warning. To record warnings
    would do as well, but changes the filters of all threads each time.
    """
    warn = getattr(warnings, "_warn_unawaited_coroutine", None)
    if _listening or warn is None:
        return
    _listening.append(True)

    def tell(coroutine: Any) -> None:
        origin = coroutine.cr_origin
        if origin and _found.get() is not None:
            if where := _author_of(origin):
                _note(coroutine.__qualname__, where)
        elif not origin or sys.get_coroutine_origin_tracking_depth():
            warn(coroutine)
        # Else it was made here, and put away with its dialog; Python has told of the live one.

    warnings._warn_unawaited_coroutine = tell  # type: ignore[attr-defined] # noqa: SLF001


def _author_of(origin: tuple[tuple[str, int, str], ...]) -> str:
    """Return `file:line` of the author's own code that made a coroutine; "" if this library did.

    Args:
        origin: Its callers, innermost first.
    """
    way: list[Place] = []
    for file, line, function in origin:
        if file.startswith(_OURS):
            break
        way.append(Place("", file, line, function))
    way.reverse()
    at = authors(way)
    return str(way[at]) if at >= 0 else ""

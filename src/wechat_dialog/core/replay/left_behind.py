"""The author's coroutines and generators that a dialog creates and never waits for.

    name = ask_name(chat)             # no `await`: a coroutine object, and nobody is asked
    return f"你好，{name}"             # its user reads `<coroutine object ask_name at 0x7fa1…>`

Python reports a coroutine that was never awaited only when it is destroyed, at whatever line runs
then, and a generator not at all. So while strict mode replays a dialog, it notes

- the results of expression statements, what is put into a text, and the arguments of steps: the
  dialog's second code (`instrumented_code`) and its chat pass them to this module;
- coroutines that are destroyed before they have begun, at the line that created them.

Questions and steps, which are not coroutines, are handled by `unawaited`.
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
"""How many callers are noted for each coroutine; the author's code is among them."""
_OURS = str(Path(__file__).resolve().parents[2])

_found: ContextVar[list[NotWaitedFor] | None] = ContextVar("wechat_dialog_left", default=None)


@contextmanager
def looking_for_left() -> Generator[list[NotWaitedFor]]:
    """Find the coroutines and generators for which the code in a block never waits.

    Yields:
        The mistakes found, in order; the list grows while the code runs.
    """
    _listen()
    mistakes: list[NotWaitedFor] = []
    depth, token = sys.get_coroutine_origin_tracking_depth(), _found.set(mistakes)
    sys.set_coroutine_origin_tracking_depth(max(depth, _DEPTH))
    try:
        yield mistakes
    finally:
        sys.set_coroutine_origin_tracking_depth(depth)
        _found.reset(token)


def _note(name: str, place: str) -> None:
    mistakes = _found.get()
    if mistakes is not None and all(mistake.where != place for mistake in mistakes):
        mistakes.append(NotWaitedFor(f"{name}(…)", place))


# What the second code hands over ------------------------------------------------------------------


def left(thing: Any, site: tuple[str, int, str]) -> Any:
    """Return the result of an expression statement; note it if it has not begun and nothing holds
    it.
    """
    if sys.getrefcount(thing) <= _UNHELD:
        note_unbegun(thing, site)
    return thing


def note_unbegun(thing: object, site: tuple[str, int, str] | None = None) -> None:
    """Note an object if it is a coroutine or a generator that has not begun.

    Args:
        thing: Any object.
        site: Where it was seen; None: at the author's line that is running now.
    """
    awaitable: Any = thing
    if isinstance(thing, types.CoroutineType):
        unbegun = inspect.getcoroutinestate(awaitable) == inspect.CORO_CREATED
    elif isinstance(thing, types.GeneratorType):
        unbegun = inspect.getgeneratorstate(awaitable) == inspect.GEN_CREATED
    else:
        return
    if unbegun:
        _note(awaitable.__qualname__, f"{site[0]}:{site[1]}" if site else line_at_hand())


def _count(thing: object, _site: object) -> int:
    return sys.getrefcount(thing)


_call: Any = _count
_UNHELD: int = _call.__call__(object(), None)
"""Reference count of an object that only a call of `left` holds; measured by a call of the same
form.
"""


# What Python tells --------------------------------------------------------------------------------

_listening: list[bool] = []


def _listen() -> None:
    """From now on be notified of every coroutine that is destroyed before it has begun.

    Python calls a function of `warnings` for each, which creates the warning. Recording warnings
    instead would change the filters of all threads each time.
    """
    warn = getattr(warnings, "_warn_unawaited_coroutine", None)
    if _listening or warn is None:
        return
    _listening.append(True)

    def tell(coroutine: Any) -> None:
        origin = coroutine.cr_origin
        if origin and _found.get() is not None:
            if place := _author_of(origin):
                _note(coroutine.__qualname__, place)
        elif not origin or sys.get_coroutine_origin_tracking_depth():
            warn(coroutine)
        # Otherwise it was created and closed with its dialog during this replay; the live one was
        # reported.

    warnings._warn_unawaited_coroutine = tell  # type: ignore[attr-defined] # noqa: SLF001


def _author_of(origin: tuple[tuple[str, int, str], ...]) -> str:
    """Return `file:line` of the author's code that created a coroutine; "" if this library did.

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

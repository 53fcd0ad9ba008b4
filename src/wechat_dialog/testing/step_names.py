"""The names that the steps of a bot may have, as far as its code shows: a test that plans something
for another one has probably misspelled it.
"""

from __future__ import annotations

import difflib
import sys
import types
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from wechat_dialog.core.replay.fingerprint import is_step, reached, reached_steps, reached_texts

__all__ = ["StepNames", "name_of"]

STEM = 3
"""A name that begins with so many letters of a text in the code, or two Chinese characters, may be
put together there."""


def name_of(step: str | Callable[..., Any]) -> str:
    """Return the name that a step, or a function that is called as one, has in a journal."""
    if isinstance(step, str):
        return step
    options = getattr(step, "options", None)
    return getattr(options, "name", "") or getattr(step, "__qualname__", type(step).__name__)


@dataclass(frozen=True)
class _Written:
    """What is written in the code that a dialog reaches.

    Attributes:
        steps: Names of its steps, and of functions that may be called as steps.
        words: All its names and texts, and the names in its modules.
        stems: The texts of which a name may be put together.
    """

    steps: frozenset[str]
    words: frozenset[str]
    stems: tuple[str, ...]


_written: WeakKeyDictionary[Any, _Written] = WeakKeyDictionary()


class StepNames:
    """The names of the steps, and of the parts of steps, of the bots of one talk."""

    def __init__(self) -> None:
        self._dialogs: list[Collection[Any]] = []
        self._reviewers: set[str] = set()

    def add(self, dialogs: Collection[Any], review: Callable[..., Any] | None) -> None:
        """Add those of a bot, given its dialogs, those to come included, and its reviewer."""
        self._dialogs.append(dialogs)
        if review is not None:
            self._reviewers.add(name_of(review))

    def know(self, name: str) -> bool:
        """Whether a step may have this name: the code of a dialog names it, may put it together, or
        a module that is loaded has a step of this name.
        """
        last = name.rpartition(".")[2]
        return (
            any(
                name in written.steps
                or last in written.words
                or name in written.words
                or name.startswith(written.stems)
                for written in self._all()
            )
            or name in self._reviewers
            or name in _loaded()
        )

    def nearest(self, name: str) -> str:
        """Return the known name that was probably meant; "" if none is similar."""
        steps = sorted(frozenset[str]().union(*(written.steps for written in self._all())))
        ends = [step for step in steps if step.rpartition(".")[2] == name]
        return next(iter(ends or difflib.get_close_matches(name, steps, 1)), "")

    def _all(self) -> Iterator[_Written]:
        for dialogs in self._dialogs:
            for dialog in dialogs:
                written = _written.get(dialog)
                if written is None:
                    written = _written[dialog] = _read(dialog.fn)
                yield written


def _read(fn: Callable[..., Any]) -> _Written:
    functions = reached(fn)
    codes = [code for function in functions for code in _nested(function.__code__)]
    texts = {const for code in codes for const in code.co_consts if isinstance(const, str)}
    names = {name for code in codes for name in (*code.co_names, *code.co_freevars)}
    steps = reached_steps(fn)
    wrapped = [step.fn for step in steps]
    plain = [one for one in functions if one not in wrapped and one is not fn]
    stems = tuple(text for text in texts if _may_be_stem(text))
    # What is called by a name that was looked up in a table, or handed over by a framework.
    names |= {name for function in functions for name in function.__globals__}
    callables: list[Callable[..., Any]] = [*steps, *plain]
    return _Written(
        frozenset(map(name_of, callables)), frozenset(texts | names | reached_texts(fn)), stems
    )


def _may_be_stem(text: str) -> bool:
    return len(text) >= STEM or len(text.encode("utf-8", "ignore")) >= 2 * STEM


def _nested(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _nested(constant)


def _loaded() -> set[str]:
    """Return the names of the steps in all loaded modules."""
    modules = [vars(module) for module in list(sys.modules.values()) if hasattr(module, "__dict__")]
    return {name_of(value) for names in modules for value in list(names.values()) if is_step(value)}

"""Whether a dialog hangs on the order of a set, which to replay it alone does not show.

A set of texts has another order in each process, and always the same one within a process. So where
a dialog asks in that order, its replay on the desk agrees with it, and its replay on another
machine does not. Strict mode therefore replays such a dialog once more with the order turned
around: what is then asked otherwise hangs on it for certain.

For that replay the functions which the dialog can reach (`fingerprint.reached`) get a second code,
compiled from their source (`second_code`). In it everything that takes things out of a collection
in order passes through here: loops and comprehensions, unpacking, `pop`, and calls of what keeps an
order (`list`, `enumerate`, `"、".join`, …). A set comes out in another order, anything else as it
went in.

To read the source and look for loops over sets was the other way. It would have blamed the loop
that only adds up, and missed the set that comes out of a helper. Here nothing is named that makes
no difference, so there is nothing to silence.

Left alone are sets whose order is the same everywhere (numbers), other people's code, and code
without a source, as at a prompt. Proof: `tests/deploys/test_set_order.py`.
"""

from __future__ import annotations

import functools
import heapq
import itertools
import types
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple, cast

from .fingerprint import reached
from .second_code import second_code

__all__ = ["TURNS", "SetOrder", "Site", "Turn"]

Turn = Callable[[list[Any]], list[Any]]


def _backwards(things: list[Any]) -> list[Any]:
    return things[::-1]


def _first_last(things: list[Any]) -> list[Any]:
    return things[1:] + things[:1]


TURNS: tuple[Turn, ...] = (_backwards, _first_last)
"""Other orders of the same things: the first parts every two, the second moves also the middle."""


class Site(NamedTuple):
    """A place where a set's order comes out.

    Attributes:
        file: The source file.
        line: Its line, counted from 1.
        text: The expression, as source: what to put into `sorted(…)`.
    """

    file: str
    line: int
    text: str


@dataclass
class _Look:
    """What one replay turns around, and which sets it came by."""

    turned: Collection[Site]
    turn: Turn
    seen: dict[Site, None] = field(default_factory=dict[Site, None])


_look: ContextVar[_Look | None] = ContextVar("wechat_dialog_set_order", default=None)


class SetOrder:
    """The sets that a dialog takes things out of in order."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        """Prepare the second code of all functions that a dialog can reach.

        Args:
            fn: The dialog's function.
        """
        passes = {"in_order": in_order, "said": said, "called": called}
        self._second: list[tuple[types.FunctionType, types.CodeType, types.CodeType]] = []
        for function in reached(fn):
            second = second_code(function.__code__, function.__globals__, passes)
            if second is not None:
                self._second.append((function, function.__code__, second))

    @contextmanager
    def looking(
        self, turned: Collection[Site] = (), turn: Turn = _backwards
    ) -> Generator[Collection[Site]]:
        """Look on while a dialog is replayed.

        Another thread that calls one of these functions meanwhile runs the second code too, and
        sees nothing of it: what is turned around is a matter of the context.

        Args:
            turned: Where the order is turned around; empty: nowhere.
            turn: How.

        Yields:
            The places at which a set's order came out, in the order they were come by; it grows
            as the dialog goes.
        """
        look = _Look(turned, turn)
        token = _look.set(look)
        try:
            for function, _, second in self._second:
                function.__code__ = second
            yield look.seen.keys()
        finally:
            for function, first, _ in self._second:
                function.__code__ = first
            _look.reset(token)


# What the second code calls. ----------------------------------------------------------------------

_NUMBERS = frozenset(kind.__hash__ for kind in (int, float, complex, Decimal))


def _is_scattered(thing: object) -> bool:
    """Whether a process has an order of its own for things like this one.

    Texts, and whatever is hashed by its texts or its address; of numbers, and of None, every
    process makes the same.
    """
    kind = type(thing)
    if kind.__hash__ in _OF_MEMBERS:
        return any(map(_is_scattered, cast("Collection[object]", thing)))
    return thing is not None and kind.__hash__ not in _NUMBERS


_TUPLE, _SET, _FROZENSET = cast("tuple[Any, Any, Any]", (tuple, set, frozenset))
_OF_MEMBERS = (_TUPLE.__hash__, _FROZENSET.__hash__)
_SETS = (_SET.__iter__, _FROZENSET.__iter__)


def _is_unordered(thing: Any) -> bool:
    # By what it loops with: a class of the author's may be a set with an order of its own.
    kind = cast("Any", type(thing))
    if getattr(kind, "__iter__", None) not in _SETS:
        return False
    members = cast("Collection[object]", thing)
    return len(members) > 1 and any(map(_is_scattered, members))


def _turned(things: Collection[Any], site: Site) -> list[Any] | None:
    """Note a set whose order comes out; returns its things in the wanted order, None: its own."""
    look = _look.get()
    if look is None:
        return None
    look.seen[site] = None
    return look.turn(list(things)) if site in look.turned else None


def in_order(thing: Any, site: tuple[str, int, str]) -> Any:
    """Return what is looped over; a set's things in another order, where that is wanted."""
    if not _is_unordered(thing):
        return thing
    turned = _turned(thing, Site(*site))
    return thing if turned is None else turned


class _Said:
    """A set as text, in another order."""

    def __init__(self, kind: str, things: list[Any]) -> None:
        inside = ", ".join(map(repr, things))
        self._text = f"{{{inside}}}" if kind == "set" else f"{kind}({{{inside}}})"

    def __repr__(self) -> str:
        return self._text

    def __format__(self, how: str) -> str:
        return format(self._text, how)


def said(thing: Any, site: tuple[str, int, str]) -> Any:
    """Return what is put into a text."""
    if not _is_unordered(thing):
        return thing
    turned = _turned(thing, Site(*site))
    return thing if turned is None else _Said(type(thing).__name__, turned)


# By identity: what is called need not be hashable. `sorted` and `max` keep the order of equals.
_KEEPERS: dict[int, object] = {
    id(keeper): keeper
    for keeper in (
        list, tuple, iter, enumerate, zip, map, filter, sorted, min, max, dict, deque, Counter,
        OrderedDict, functools.reduce, heapq.nlargest, heapq.nsmallest, heapq.merge,
        itertools.chain, itertools.islice, itertools.cycle, itertools.product,
        itertools.permutations, itertools.combinations, itertools.accumulate, itertools.groupby,
        itertools.starmap, itertools.takewhile, itertools.dropwhile, itertools.zip_longest,
        itertools.pairwise,
    )
}  # fmt: skip
_SAYERS: dict[int, object] = {id(sayer): sayer for sayer in (str, repr, format)}
_METHODS = frozenset({"join", "extend", "fromkeys", "from_iterable", "extendleft"})


def called(fn: Any, site: tuple[str, int, str]) -> Any:
    """Return what is called, or, if that keeps the order of what it is given, one that gives it
    sets in another order.
    """
    if id(fn) in _KEEPERS:
        passed = in_order
    elif id(fn) in _SAYERS:
        passed = said
    elif type(fn) is not types.BuiltinMethodType:
        return fn
    elif fn.__name__ in _METHODS:
        passed = in_order
    else:
        return _popping(fn, site) if fn.__name__ == "pop" else fn

    def with_sets_in_order(*args: Any, **kwargs: Any) -> Any:
        return fn(
            *(passed(one, _argument(site, place)) for place, one in enumerate(args)), **kwargs
        )

    return with_sets_in_order


def _popping(pop: Callable[..., Any], site: tuple[str, int, str]) -> Callable[..., Any]:
    things: Any = getattr(pop, "__self__", None)
    if not _is_unordered(things):
        return pop
    file, line, texts = site
    turned = _turned(things, Site(file, line, texts.split("\n")[0].removesuffix(".pop")))
    if turned is None:
        return pop

    def other() -> Any:
        things.remove(turned[0])
        return turned[0]

    return other


def _argument(site: tuple[str, int, str], place: int) -> tuple[str, int, str]:
    """The place of one argument of a call, whose expressions are a line each."""
    file, line, texts = site
    lines = texts.split("\n")
    return file, line, lines[place + 1] if place + 1 < len(lines) else lines[-1]

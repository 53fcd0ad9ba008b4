"""Detects whether a dialog depends on the order of a set, which a replay in the same process cannot
show.

A set of texts has another order in each process, and always the same order within a process. So if
a dialog asks in that order, its replay in this process agrees with it, and its replay on another
machine does not. Strict mode therefore replays such a dialog once more with the order of its sets
permuted: any difference is then certain to depend on that order.

For that replay, the functions that the dialog can reach (`fingerprint.reached`) get a second code,
compiled from their source (`instrumented_code`). In it, everything that iterates over a collection
passes through this module: loops and comprehensions, unpacking, `pop`, and calls of functions that
preserve an order (`list`, `enumerate`, `"、".join`, …). A set is iterated over in another order,
anything else in its own.

The alternative was to search the source for loops over sets. It would have reported loops that only
add up, and missed sets that a helper returns. Here, nothing is reported that makes no difference,
so there are no false alarms to silence.

Not covered are sets whose order is the same everywhere (numbers), other people's code, and code
without a source, as in an interactive session. Proof: `tests/deploys/test_set_order.py`.
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
from .instrumented_code import second_code
from .left_behind import left, note_unbegun

__all__ = ["PERMUTATIONS", "Permutation", "SetOrder", "Site"]

Permutation = Callable[[list[Any]], list[Any]]


def _backwards(things: list[Any]) -> list[Any]:
    return things[::-1]


def _first_last(things: list[Any]) -> list[Any]:
    return things[1:] + things[:1]


PERMUTATIONS: tuple[Permutation, ...] = (_backwards, _first_last)
"""The reverse swaps every pair; the rotation also moves the middle of an odd number."""


class Site(NamedTuple):
    """A place in the source where a set is iterated over.

    Attributes:
        file: The source file.
        line: Its line, counted from 1.
        text: The source of the expression, to be put into `sorted(…)`.
    """

    file: str
    line: int
    text: str


@dataclass
class _Look:
    """Where one replay permutes sets, and which sets it has met."""

    sites: Collection[Site]
    permutation: Permutation
    seen: dict[Site, None] = field(default_factory=dict[Site, None])


_look: ContextVar[_Look | None] = ContextVar("wechat_dialog_set_order", default=None)


class SetOrder:
    """The instrumented code of a dialog, by which its iteration over sets is observed."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        """Compile the second code of all functions that a dialog can reach.

        Args:
            fn: The dialog's function.
        """
        passes = {"in_order": in_order, "said": said, "called": called, "left": left}
        self._second: list[tuple[types.FunctionType, types.CodeType, types.CodeType]] = []
        for function in reached(fn):
            second = second_code(function.__code__, function.__globals__, passes)
            if second is not None:
                self._second.append((function, function.__code__, second))

    @contextmanager
    def looking(
        self, sites: Collection[Site] = (), permutation: Permutation = _backwards
    ) -> Generator[Collection[Site]]:
        """Observe the sets of a dialog while it is replayed.

        Another thread that calls one of these functions meanwhile runs the second code too, without
        effect: what is permuted is set in the context.

        Args:
            sites: Where sets are permuted; empty: nowhere.
            permutation: How they are permuted.

        Yields:
            The places at which a set was iterated over, in the order in which they were reached;
            the collection grows while the dialog runs.
        """
        look = _Look(sites, permutation)
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
    """Whether the hash of an object, and so its place in a set, differs between processes.

    This is so for texts, and for anything whose hash depends on texts or on its address; not for
    numbers and None.
    """
    kind = type(thing)
    if kind.__hash__ in _OF_MEMBERS:
        return any(map(_is_scattered, cast("Collection[object]", thing)))
    return thing is not None and kind.__hash__ not in _NUMBERS


_TUPLE, _SET, _FROZENSET = cast("tuple[Any, Any, Any]", (tuple, set, frozenset))
_OF_MEMBERS = (_TUPLE.__hash__, _FROZENSET.__hash__)
_SETS = (_SET.__iter__, _FROZENSET.__iter__)


def _is_unordered(thing: Any) -> bool:
    # By its `__iter__`: an author's class may be a set with an order of its own.
    kind = cast("Any", type(thing))
    if getattr(kind, "__iter__", None) not in _SETS:
        return False
    members = cast("Collection[object]", thing)
    return len(members) > 1 and any(map(_is_scattered, members))


def _permuted(things: Collection[Any], site: Site) -> list[Any] | None:
    """Note that a set is iterated over. Return its members permuted; None: keep their order."""
    look = _look.get()
    if look is None:
        return None
    look.seen[site] = None
    return look.permutation(list(things)) if site in look.sites else None


def in_order(thing: Any, site: tuple[str, int, str]) -> Any:
    """Return what to iterate over: `thing`, or the permuted members of a set."""
    if not _is_unordered(thing):
        return thing
    permuted = _permuted(thing, Site(*site))
    return thing if permuted is None else permuted


class _Said:
    """Stands for a set that is put into a text, with its members in another order."""

    def __init__(self, kind: str, things: list[Any]) -> None:
        inside = ", ".join(map(repr, things))
        self._text = f"{{{inside}}}" if kind == "set" else f"{kind}({{{inside}}})"

    def __repr__(self) -> str:
        return self._text

    def __format__(self, how: str) -> str:
        return format(self._text, how)


def said(thing: Any, site: tuple[str, int, str]) -> Any:
    """Return what to put into a text."""
    note_unbegun(thing, site)
    if not _is_unordered(thing):
        return thing
    permuted = _permuted(thing, Site(*site))
    return thing if permuted is None else _Said(type(thing).__name__, permuted)


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
    """Return what to call. For a function whose result depends on the order of its arguments'
    members, this is a function that passes sets through `in_order` or `said` first.
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
            *(passed(argument, _argument(site, index)) for index, argument in enumerate(args)),
            **kwargs,
        )

    return with_sets_in_order


def _popping(pop: Callable[..., Any], site: tuple[str, int, str]) -> Callable[..., Any]:
    things: Any = getattr(pop, "__self__", None)
    if not _is_unordered(things):
        return pop
    file, line, texts = site
    permuted = _permuted(things, Site(file, line, texts.split("\n")[0].removesuffix(".pop")))
    if permuted is None:
        return pop

    def pop_another() -> Any:
        things.remove(permuted[0])
        return permuted[0]

    return pop_another


def _argument(site: tuple[str, int, str], index: int) -> tuple[str, int, str]:
    """Return the site of one argument of a call, whose expressions are a line each."""
    file, line, texts = site
    lines = texts.split("\n")
    return file, line, lines[index + 1] if index + 1 < len(lines) else lines[-1]

"""Exceptions raised by an author's code: whether they are bugs of that code, their text and their
traceback.

An exception of an author's class may break the code that inspects it: its `__str__` raises, its
text cannot be encoded, or is megabytes long. The functions here never raise because of that.
"""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from inspect import currentframe, unwrap
from itertools import pairwise
from opcode import opmap
from signal import getsignal, valid_signals
from types import CodeType, FrameType, TracebackType
from typing import Any, NamedTuple, cast

__all__ = [
    "OURS",
    "Place",
    "authors",
    "caller_of",
    "hide_library",
    "is_bug",
    "line_at_hand",
    "line_of",
    "place_of",
    "places",
    "told",
    "trace",
    "writable",
]

OURS = frozenset({__name__.partition(".")[0], "wechat"})
"""Packages whose frames are the library's, not the application's."""

INSTALLED = re.compile(r"[\\/](?:site|dist)-packages[\\/]|^<")
"""In the path of installed code, or of code without a file: hardly ever an author's own code."""
STDLIB = traceback.__file__.removesuffix("traceback.py")

LONGEST = 2000
"""Characters of an exception's text that are stored or logged."""

LONGEST_TRACE = 32_768
"""Characters of a traceback that are stored or logged: its beginning and its end."""

FRAMEWORKS = frozenset({"_pytest", "eventlet", "gevent", "greenlet", "hypothesis", "trio"})
"""Packages whose `BaseException`s are control flow, to be caught by these packages."""


# Whose it is --------------------------------------------------------------------------------------


def is_bug(error: BaseException) -> bool:
    """Return whether an exception raised in an author's code is a bug of that code and may be
    caught.

    An author's mistake must not end the server, the thread or the event loop, whatever its class: a
    parser based on argparse that calls `sys.exit()`, a `CancelledError` or a `KeyboardInterrupt`
    raised by hand, a class of the author's own. Passed on are exceptions that this code did not
    raise, but that were raised while it ran:

    - by a signal handler. A gunicorn worker that is told to stop raises `SystemExit` in the main
      thread, in the middle of whatever runs there; the handler is found in the traceback. Python's
      own SIGINT handler is written in C: its `KeyboardInterrupt` does not come from a `raise`
      statement.
    - by a framework, as control flow: gevent's timeouts, pytest's outcomes.

    The turn then commits nothing, and its claim expires.
    """
    if isinstance(error, Exception):
        return True
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return all(is_bug(member) for member in group.exceptions)
    packages = {cls.__module__.partition(".")[0] for cls in type(error).__mro__}
    return not packages & FRAMEWORKS and not _of_a_signal(error)


def _of_a_signal(error: BaseException) -> bool:
    entries = list(_entries(error.__traceback__))
    if not entries:
        return False
    handlers = {_code_of(getsignal(number)) for number in valid_signals()} - {None}
    if any(entry.tb_frame.f_code in handlers for entry in entries):
        return True
    return isinstance(error, KeyboardInterrupt) and not _raises(entries[-1])


def _entries(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _code_of(handler: Any) -> CodeType | None:
    """Return the code of a signal handler that is a function, a method or a `partial` of one; None
    if it is not written in Python.
    """
    handler = getattr(handler, "func", handler)
    handler = getattr(handler, "__func__", handler)
    code = getattr(handler, "__code__", None)
    return code if isinstance(code, CodeType) else None


def _raises(entry: TracebackType) -> bool:
    """Return whether a traceback entry is at a `raise` statement."""
    return entry.tb_frame.f_code.co_code[entry.tb_lasti] == opmap["RAISE_VARARGS"]


def _library_lines(entries: Sequence[TracebackType]) -> list[bool]:
    """Return for each entry whether it is the library's, or the standard library's that it called,
    such as for a step on an event loop.
    """
    lines: list[bool] = []
    for entry in entries:
        place = place_of(entry.tb_frame)
        is_standard = place.file.startswith(STDLIB) and not INSTALLED.search(place.file)
        called = bool(lines) and lines[-1] and is_standard
        lines.append(place.package in OURS or called)
    return lines


def _is_authors(error: BaseException, last: TracebackType) -> bool:
    """Return whether an error whose traceback ends in the library is nevertheless the author's."""
    return _raises(last) or _was_thrown_into(last) or _is_wrong_call(error)


def _is_wrong_call(error: BaseException) -> bool:
    """Return whether a function that is not the library's was called with wrong arguments, as a
    step is. Python raises that at the call, and names the function in the error's text alone.
    """
    named = re.match(r"([\w.<>]+)\(\) (?:missing|takes|got) ", told(error))
    if type(error) is not TypeError or named is None:
        return False
    function = named[1].partition(".")[0]
    ours = [name for name in sys.modules if name.partition(".")[0] in OURS]
    return not any(hasattr(sys.modules[name], function) for name in ours)


def _was_thrown_into(entry: TracebackType) -> bool:
    """Return whether a traceback entry is at a `yield`, from which an exception came that another
    one raised: `Generator.throw`.
    """
    at_yield = (opmap["YIELD_VALUE"], opmap["RESUME"])
    return entry.tb_frame.f_code.co_code[entry.tb_lasti] in at_yield


class Place(NamedTuple):
    """A line of code that is running, was running or is suspended.

    Attributes:
        module: Name of its module.
        file: Its source file.
        line: Its line number.
        function: Qualified name of its function.
    """

    module: str
    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    @property
    def package(self) -> str:
        """First part of its module's name."""
        return self.module.partition(".")[0]

    @property
    def is_own(self) -> bool:
        """Whether it is neither in the standard library nor in an installed package."""
        return not self.file.startswith(STDLIB) and not INSTALLED.search(self.file)


def place_of(frame: FrameType, line: int | None = None) -> Place:
    """Return the place where a frame stands, or, if `line` is given, that line of it."""
    code = frame.f_code
    module = str(frame.f_globals.get("__name__", ""))
    return Place(module, code.co_filename, line or frame.f_lineno or 0, code.co_qualname)


def authors(way: Sequence[Place]) -> int:
    """Return the index of the innermost line of the author's own code; -1 if there is no such line.

    A dialog calls a library, which calls another: the line that its author can change is the last
    one of their own. Their own is any code that is not installed, and the package that the stack
    begins in: an application may be installed, too.

    Args:
        way: The places, outermost first.
    """
    outer = [n for n, place in enumerate(way) if place.package not in OURS]
    # A step begins in a thread or an event loop of the standard library.
    home = next((way[n].package for n in outer if not way[n].file.startswith(STDLIB)), "")
    own = [n for n in outer if way[n].is_own or way[n].package == home]
    return own[-1] if own else outer[-1] if outer else -1


def caller_of(way: Sequence[Place], at: int) -> int:
    """Return the index of the line of the author's own code from which this library called other
    code of theirs: the line of the dialog that requested a step. -1 if there is no such line.

    Args:
        way: The places, outermost first.
        at: Index of the place that was called; see `authors`.
    """
    ours = [n for n in range(at) if way[n].package in OURS]
    return authors(way[: ours[-1]]) if ours else -1


def places(error: BaseException) -> list[Place]:
    """Return the places that an exception went through, outermost first."""
    return [place_of(entry.tb_frame, entry.tb_lineno) for entry in _entries(error.__traceback__)]


def line_at_hand() -> str:
    """Return `file:line` of the innermost line of the author's own code that is running now."""
    frame, way = currentframe(), list[Place]()
    while frame:
        place = place_of(frame)
        way.append(place)
        # Frames outside the dialog (a test, a server) are not part of it.
        frame = None if place.module in _DRIVERS else frame.f_back
    way.reverse()
    at = authors(way)
    return str(way[at]) if at >= 0 else ""


def line_of(fn: Callable[..., Any]) -> str:
    """Return `file:line` at which an author's function begins, without what wraps it; "" if it has
    no Python code.
    """
    code = getattr(unwrap(fn), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else ""


_DRIVERS = tuple(f"{__name__.partition('.')[0]}.core.replay.{name}" for name in ("run", "driver"))


def hide_library(error: BaseException) -> None:
    """Remove this library's lines from the traceback of an exception and of its causes.

    They stay if there are no other lines, and at the end unless they are a deliberate `raise`, or
    a `yield` into which an error was thrown, or the call of a function of the author's with
    arguments that it does not take: there the library itself has a bug.
    """
    visited: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and all(link is not earlier for earlier in visited):
        visited.append(link)
        entries = list(_entries(link.__traceback__))
        ours = _library_lines(entries)
        end = len(entries)
        while end and ours[end - 1]:
            end -= 1
        remaining = [
            entry for entry, hidden in zip(entries[:end], ours, strict=False) if not hidden
        ]
        if remaining and not _is_authors(link, entries[-1]):
            remaining += entries[end:]
        for outer, inner in pairwise(remaining):
            outer.tb_next = inner
        if remaining:
            remaining[-1].tb_next = None
            link.__traceback__ = remaining[0]
        link = link.__cause__ or link.__context__


# Text and traceback -------------------------------------------------------------------------------


def told(error: BaseException) -> str:
    """Return an exception's text, truncated and encodable as UTF-8."""
    return _whatever(lambda: str(error)[:LONGEST], f"<no text: {type(error).__name__}>")


def trace(error: BaseException) -> str:
    """Return an exception's traceback, truncated and encodable; "" if it was never raised."""
    if error.__traceback__ is None:
        return ""
    text = _whatever(lambda: "".join(traceback.format_exception(error)), "<no traceback>")
    if len(text) <= LONGEST_TRACE:
        return text
    half = LONGEST_TRACE // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters …\n{text[-half:]}"


def writable(text: str) -> str:
    """Return the text with lone surrogates, which UTF-8 cannot encode, escaped."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def _whatever(make: Callable[[], str], instead: str) -> str:
    try:
        return writable(str.__str__(make()))
    except BaseException as broken:
        if not is_bug(broken):
            raise
        return instead

"""The fingerprint of a dialog's code: equal while nothing it can reach in the application's own
modules has changed.

It covers the dialog's function and the functions, classes and constants it names, recursively, as
compiled code: names, constants and instructions, no line numbers and no docstrings' places. What is
installed (site-packages, the standard library) is left out: its upgrades are no change of the
dialog. Values that are no plain constants (a counter, a connection) are left out too, since they
change without the code having changed.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import sys
import sysconfig
import types
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, cast

__all__ = ["fingerprint"]

_INSTALLED = tuple(
    {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
)
_ROOM = __name__.partition(".")[0]
_PLAIN = (str, bytes, int, float, complex, bool, type(None), type(...))


def fingerprint(fn: Callable[..., Any]) -> str:
    """Return 12 hexadecimal digits that change when code the dialog can reach does."""
    digest = hashlib.sha256(sys.version_info[0:2].__repr__().encode())
    seen: set[int] = set()
    for part in _reach(fn, seen):
        digest.update(part.encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()[:12]


def _reach(thing: object, seen: set[int]) -> Iterator[str]:
    """Yield the parts of `thing`'s code, depth first, each object once."""
    if isinstance(thing, functools.partial):
        yield from _constant(thing.args)
        yield from _constant(tuple(sorted(thing.keywords.items())))
        thing = thing.func
    wrapped = getattr(thing, "__wrapped__", None)
    if wrapped is not None and not isinstance(thing, (types.FunctionType, type)):
        thing = wrapped  # a step with options, a cached function
    if isinstance(thing, types.MethodType):
        thing = thing.__func__
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, types.FunctionType):
        yield from _function(thing, seen)
    elif isinstance(thing, type):
        yield from _class(thing, seen)


def _function(fn: types.FunctionType, seen: set[int]) -> Iterator[str]:
    if not _ours(fn.__module__, fn.__code__.co_filename):
        return
    yield fn.__qualname__
    yield from _constant(fn.__defaults__)
    yield from _constant(tuple(sorted((fn.__kwdefaults__ or {}).items())))
    yield from _code(fn.__code__)
    closure = inspect.getclosurevars(fn) if fn.__closure__ else None
    if closure is not None:
        for name, value in sorted(closure.nonlocals.items()):
            yield name
            yield from _value(value, seen)
    if wrapped := getattr(fn, "__wrapped__", None):
        yield from _reach(wrapped, seen)
    for name in sorted(set(_names(fn.__code__))):
        if name in fn.__globals__:
            yield name
            value = fn.__globals__[name]
            yield from _value(value, seen)
            if isinstance(value, types.ModuleType) and _ours(
                value.__name__, getattr(value, "__file__", "") or ""
            ):
                # `texts.HELLO`, `prompts.ask_name(…)`: which attribute is used is not known; take
                # those named here.
                for attribute in sorted(set(_names(fn.__code__)) & set(vars(value))):
                    yield attribute
                    yield from _value(vars(value)[attribute], seen)


def _class(cls: type, seen: set[int]) -> Iterator[str]:
    if not _ours(cls.__module__, getattr(sys.modules.get(cls.__module__), "__file__", "") or ""):
        return
    yield cls.__qualname__
    for base in cls.__mro__[1:-1]:
        yield from _reach(base, seen)
    for name, value in sorted(vars(cls).items(), key=lambda item: item[0]):
        if name in (
            "__doc__",
            "__module__",
            "__dict__",
            "__weakref__",
            "__firstlineno__",
            "__static_attributes__",
        ):
            continue
        yield name
        yield from _value(_function_of(value), seen)


def _function_of(value: Any) -> object:
    """Return the function behind what stands in a class's body, or that itself."""
    if isinstance(value, (staticmethod, classmethod)):
        return cast("Any", value).__func__
    return value.fget if isinstance(value, property) else value


def _value(value: Any, seen: set[int]) -> Iterator[str]:
    if isinstance(
        value, (types.FunctionType, types.MethodType, type, functools.partial)
    ) or hasattr(value, "__wrapped__"):
        yield from _reach(cast("object", value), seen)
    else:
        yield from _constant(value)


def _code(code: types.CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield repr((code.co_names, code.co_varnames, code.co_freevars))
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _code(constant)
        else:
            yield from _constant(constant)


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _constant(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, _PLAIN):
        yield f"{type(value).__name__}:{value!r}"
    elif depth > 8:
        return
    elif isinstance(value, (tuple, list)):
        items: Collection[Any] = cast("Collection[Any]", value)
        yield f"{type(items).__name__}[{len(items)}"
        for item in items:
            yield from _constant(item, depth + 1)
    elif isinstance(value, dict):
        pairs: Mapping[Any, Any] = cast("Mapping[Any, Any]", value)
        yield f"dict[{len(pairs)}"
        for key, item in pairs.items():
            yield from _constant(key, depth + 1)
            yield from _constant(item, depth + 1)
    elif isinstance(value, (set, frozenset)):
        members: Collection[Any] = cast("Collection[Any]", value)
        yield f"set[{len(members)}"
        yield from sorted(part for item in members for part in _constant(item, depth + 1))
    elif hasattr(value, "pattern") and hasattr(value, "flags"):
        yield f"pattern:{value.pattern!r}:{value.flags}"  # a compiled regular expression


def _ours(module: str | None, file: str) -> bool:
    """Whether code is the application's own: neither this library's nor installed."""
    if (module or "").partition(".")[0] in (_ROOM, "wechat", "builtins"):
        return False
    return not file.startswith(_INSTALLED) and not file.startswith("<frozen")

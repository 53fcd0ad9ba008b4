"""The fingerprint of a dialog's code: equal as long as nothing changes that it can reach in the
application's own modules.

It covers the dialog's function and everything that it names, recursively: functions, classes,
constants, the functions in a list and the fields of an object. Of code it covers names, constants
and instructions, but not line numbers. The application is the package of the dialog's own module,
wherever it is installed, and every module that is not installed. Other packages and the standard
library are not covered: upgrading them does not change the dialog.

It is computed when the bot starts, and only one decision depends on it: whether a question whose
text is not the recorded one counts as the same question with a clock in it. So code that is missed
by mistake may let an answer go to the wrong question; code that is covered needlessly only costs
that leniency.
"""

from __future__ import annotations

import ast
import dis
import functools
import hashlib
import importlib.util
import re
import sys
import sysconfig
import types
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeGuard, cast

from wechat_dialog.core.dialog.steps import StepFunction

__all__ = ["fingerprint", "is_step", "reached", "reached_steps", "reached_texts"]

_INSTALLED = tuple(
    {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
)
_OUR_PACKAGE = __name__.partition(".")[0]
_PLAIN = (str, bytes, int, float, complex, bool, type(None), type(...))
_DEPTH = 12
_OF_PYTHON = (
    "__dict__", "__weakref__", "__firstlineno__", "__static_attributes__", "__module__", "__doc__",
)  # fmt: skip


def fingerprint(fn: Callable[..., Any]) -> str:
    """Return 12 hexadecimal digits that change when code that the dialog can reach changes."""
    digest = hashlib.sha256(sys.version_info[0:2].__repr__().encode())
    for part in _Reach(_package_of(fn)).of(fn):
        digest.update(part.encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()[:12]


def reached(fn: Callable[..., Any]) -> list[types.FunctionType]:
    """Return the application's functions that a dialog can reach, its own first."""
    return _Reach(_package_of(fn)).functions(fn)


def reached_steps(fn: Callable[..., Any]) -> list[StepFunction[..., Any]]:
    """Return the functions with options as a step that a dialog can reach."""
    return [thing for thing in _Reach(_package_of(fn)).all(fn) if is_step(thing)]


def reached_texts(fn: Callable[..., Any]) -> frozenset[str]:
    """Return the texts in the data that a dialog can reach, such as the keys of a table."""
    parts = "\0".join(_Reach(_package_of(fn)).of(fn)).split("\0")
    return frozenset(
        ast.literal_eval(part.removeprefix("str:")) for part in parts if part.startswith("str:")
    )


def is_step(thing: object) -> TypeGuard[StepFunction[..., Any]]:
    """Whether it is a function with options as a step."""
    return type(thing) is StepFunction  # `isinstance` would ask a proxy what it stands for


def _package_of(fn: Any) -> str:
    """Return the top-level package of a dialog's module."""
    while (inner := getattr(fn, "__wrapped__", None) or getattr(fn, "func", None)) is not None:
        fn = inner
    module = getattr(fn, "__module__", None) or type(fn).__module__
    return str(module).partition(".")[0]


class _Reach:
    """Walks everything a dialog can reach, depth first: each object once, afterwards by its
    number.
    """

    def __init__(self, package: str) -> None:
        self._package = package
        self._seen: dict[int, int] = {}
        self._held: list[object] = []  # keeps the objects alive, so that no id is reused

    def functions(self, fn: Callable[..., Any]) -> list[types.FunctionType]:
        """Return all reachable functions of the application."""
        return [
            thing
            for thing in self.all(fn)
            if isinstance(thing, types.FunctionType)
            and self._ours(thing.__module__, thing.__code__.co_filename)
        ]

    def all(self, fn: Callable[..., Any]) -> list[object]:
        """Return everything that is reachable, plain values left out."""
        for _ in self.of(fn):
            pass
        return self._held

    def of(self, thing: Any, depth: int = 0) -> Iterator[str]:
        """Yield the texts that make up the fingerprint of any object."""
        if isinstance(thing, _PLAIN):
            yield f"{type(thing).__name__}:{thing!r}"
            return
        if depth > _DEPTH:
            return
        if id(thing) in self._seen:
            yield f"seen:{self._seen[id(thing)]}"
            return
        self._seen[id(thing)] = len(self._seen)
        self._held.append(thing)
        try:
            yield from tuple(self._parts(thing, depth + 1))
        except Exception:  # noqa: BLE001 - a proxy whose object does not exist yet
            yield "unknown"

    def _parts(self, thing: Any, depth: int) -> Iterator[str]:
        if isinstance(thing, types.FunctionType):
            yield from self._function(thing, depth)
        elif isinstance(thing, type):
            yield from self._class(thing, depth)
        elif isinstance(thing, (tuple, list, Mapping, set, frozenset)):
            yield from self._collection(cast("Any", thing), depth)
        elif isinstance(thing, re.Pattern):
            # pyright needs the cast, here and below
            compiled = cast("re.Pattern[Any]", thing)  # type: ignore[redundant-cast]
            yield f"pattern:{compiled.pattern!r}:{compiled.flags}"
        elif (behind := _behind(thing)) is not None:
            for part in behind:
                yield from self.of(part, depth)
        elif not isinstance(thing, types.ModuleType):
            yield from self._object(thing, depth)

    def _collection(self, items: Any, depth: int) -> Iterator[str]:
        yield f"{type(items).__name__}[{len(items)}"
        if isinstance(items, Mapping):
            pairs = cast("Mapping[Any, Any]", items)  # type: ignore[redundant-cast]
            for key, value in pairs.items():
                yield from self.of(key, depth)
                yield from self.of(value, depth)
        elif isinstance(items, (set, frozenset)):
            members = cast("Collection[Any]", items)
            yield from sorted("\0".join(self.of(member, depth)) for member in members)
        else:
            for item in items:
                yield from self.of(item, depth)

    def _object(self, thing: Any, depth: int) -> Iterator[str]:
        """Yield an object of one of the application's classes, by its fields and its class."""
        cls = cast("type[Any]", type(thing))  # type: ignore[redundant-cast]
        if not self._ours(cls.__module__, _file(cls.__module__)):
            return
        yield from self.of(cls, depth)
        fields = dict(getattr(thing, "__dict__", {}))
        for base in cls.__mro__:
            for name in _slots(base):
                if hasattr(thing, name):
                    fields[name] = getattr(thing, name)
        for name in sorted(fields):
            yield name
            yield from self.of(fields[name], depth)

    def _class(self, cls: type, depth: int) -> Iterator[str]:
        yield cls.__qualname__
        if not self._ours(cls.__module__, _file(cls.__module__)):
            return
        for base in cls.__mro__[1:-1]:
            yield from self.of(base, depth)
        for name, value in sorted(vars(cls).items(), key=lambda item: item[0]):
            if name not in _OF_PYTHON:
                yield name
                yield from self.of(value, depth)

    # Functions ------------------------------------------------------------------------------------

    def _function(self, fn: types.FunctionType, depth: int) -> Iterator[str]:
        yield fn.__qualname__
        if not self._ours(fn.__module__, fn.__code__.co_filename):
            return
        yield from self.of(fn.__defaults__, depth)
        yield from self.of(fn.__kwdefaults__, depth)
        yield from self._code(fn.__code__, depth)
        for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=False):
            yield name
            try:
                yield from self.of(cell.cell_contents, depth)
            except ValueError:  # the cell is not filled yet
                yield "empty"
        if wrapped := getattr(fn, "__wrapped__", None):
            yield from self.of(wrapped, depth)
        names = sorted(set(_names(fn.__code__)))
        for name in names:
            if name in fn.__globals__:
                yield name
                yield from self._named(fn.__globals__[name], names, depth)
        for name in sorted(set(_imported(fn.__code__))):
            yield from self._imported_late(name, fn)

    def _named(self, value: Any, names: list[str], depth: int) -> Iterator[str]:
        """Yield the parts of a named object; for a module, of the names in it that the function
        uses.
        """
        if not isinstance(value, types.ModuleType):
            yield from self.of(value, depth)
            return
        if not self._ours(value.__name__, getattr(value, "__file__", None) or ""):
            return
        # For `texts.HELLO` or `prompts.ask_name(…)` it is unknown which attribute belongs to which
        # name, so each of the function's names is looked up.
        for attribute in names:
            inner = vars(value).get(attribute)
            if inner is not None and inner is not value:
                yield attribute
                yield from self._named(inner, [n for n in names if n != attribute], depth)

    def _imported_late(self, name: str, fn: types.FunctionType) -> Iterator[str]:
        """Yield the hash of the source of a module that the function imports when it runs. The
        module is not imported here, since that could have side effects.
        """
        try:
            package = fn.__globals__.get("__package__") or None
            spec = importlib.util.find_spec(name, package)
        except (ImportError, AttributeError, ValueError):
            return
        if spec is not None and spec.origin and self._ours(spec.name, spec.origin):
            try:
                yield hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest()
            except OSError:
                return

    def _code(self, code: types.CodeType, depth: int) -> Iterator[str]:
        yield code.co_code.hex()
        yield repr((code.co_names, code.co_varnames, code.co_freevars))
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                yield from self._code(constant, depth)
            else:
                yield from self.of(constant, depth)

    def _ours(self, module: str | None, file: str) -> bool:
        """Whether code belongs to the application, not to this library or an installed package."""
        package = (module or "").partition(".")[0]
        if package in (_OUR_PACKAGE, "wechat", "builtins"):
            return False
        if package == self._package and package not in sys.stdlib_module_names:
            return True
        return not file.startswith(_INSTALLED) and not file.startswith("<frozen")


def _behind(thing: Any) -> tuple[Any, ...] | None:
    """Return the objects that a wrapper (a method, a partial, a property) wraps; None if the object
    is not a wrapper.
    """
    if isinstance(thing, types.MethodType):
        return thing.__self__, thing.__func__
    if isinstance(thing, (staticmethod, classmethod)):
        return (cast("Any", thing).__func__,)
    if isinstance(thing, property):
        return thing.fget, thing.fset
    if isinstance(thing, functools.partial):
        return thing.func, thing.args, thing.keywords
    wrapped = getattr(thing, "__wrapped__", None)  # a step with options, a cached function
    return None if wrapped is None else (wrapped,)


def _file(module: str) -> str:
    return getattr(sys.modules.get(module), "__file__", None) or ""


def _slots(cls: type) -> tuple[str, ...]:
    slots: Any = vars(cls).get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _nested(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _nested(constant)


def _names(code: types.CodeType) -> Iterator[str]:
    for inner in _nested(code):
        yield from inner.co_names


def _imported(code: types.CodeType) -> Iterator[str]:
    for inner in _nested(code):
        for instruction in dis.get_instructions(inner):
            if instruction.opname == "IMPORT_NAME":
                yield str(instruction.argval)

"""Where a dialog goes by the order of a set, found by reading its source.

Every process has another order of the same set: Python salts the hash of a text at each start. So a
replay in the same process never shows it, however strict, and one after a restart does. Therefore
strict mode also looks at the code: the dialog's function and the functions of the application that
it names, but for those it hands to `step`, which may do what they like.

Read is what can be read without guessing: a display, `set(…)`, a union of sets, a name that is
always given one of these, or stands for one outside the function. Where the order is of no
consequence (`sorted`, `sum`, `in`, …) nothing is said. A set of numbers has the same order
everywhere, so what is known to hold nothing else is passed over.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import textwrap
import types
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from .fingerprint import is_own, package_of

__all__ = ["Finding", "unordered"]

Function = ast.FunctionDef | ast.AsyncFunctionDef

FREE = frozenset({
    "sorted", "len", "sum", "min", "max", "any", "all", "set", "frozenset", "bool", "Counter",
    "isinstance", "fsum", "prod",
})  # fmt: skip
"""Functions for which the order of what they are given is of no consequence."""

BY_ORDER = frozenset({
    "list", "tuple", "enumerate", "iter", "map", "filter", "zip", "reversed", "str", "repr",
    "deque", "cycle", "chain", "islice", "accumulate", "choice", "sample", "choices", "fromkeys",
    "join", "dumps",
})  # fmt: skip
"""Functions and methods that go by it."""

ASKS = frozenset({"ask", "choose", "confirm", "say", "form"})
UNIONS = frozenset({"union", "intersection", "difference", "symmetric_difference", "copy"})
OPERATORS = (ast.BitOr, ast.BitAnd, ast.Sub, ast.BitXor)
SETS = frozenset({"set", "frozenset", "Set", "AbstractSet", "MutableSet", "FrozenSet"})
NUMBERS = (int, float, complex)


@dataclass(frozen=True, slots=True)
class Finding:
    """One place that goes by the order of a set.

    Attributes:
        file: The source file.
        line: The line in it, from 1.
        what: The set, as it is written there.
        asks: Whether the order certainly reaches a question; else it may be of no consequence.
    """

    file: str
    line: int
    what: str
    asks: bool

    @property
    def where(self) -> str:
        """The place as `file:line`."""
        return f"{self.file}:{self.line}"


def unordered(fn: Callable[..., Any]) -> list[Finding]:
    """Return where a dialog goes by the order of a set, each place once; [] also where there is no
    source to read.

    Args:
        fn: The dialog's function.
    """
    package = package_of(fn)
    found: dict[Finding, None] = {}
    seen: set[types.CodeType] = set()
    waiting = list(_functions(fn))
    while waiting:
        function = waiting.pop(0)
        own = is_own(package, function.__module__, function.__code__.co_filename)
        if function.__code__ in seen or not own:
            continue
        seen.add(function.__code__)
        tree = _source_of(function)
        if tree is None:
            continue
        look = _Look(function)
        look.visit(tree)
        found.update(dict.fromkeys(look.found))
        for name in look.called:
            waiting += _functions(name)
    return list(found)


def _functions(thing: Any) -> Iterator[types.FunctionType]:
    """Yield the function behind anything that is called; none if it is no Python function."""
    while (
        inner := getattr(thing, "__wrapped__", None) or getattr(thing, "func", None)
    ) is not None:
        thing = inner
    thing = getattr(thing, "__func__", thing)
    if isinstance(thing, types.FunctionType):
        yield thing


def _source_of(fn: types.FunctionType) -> Function | None:
    """Return a function's source, its lines counted as in its file; None if it cannot be read."""
    try:
        lines, first = inspect.getsourcelines(fn)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    ast.increment_lineno(tree, first - 1)
    body = tree.body[0] if tree.body else None
    return body if isinstance(body, Function) else None


_MISSING = object()


@dataclass(slots=True)
class _Names:
    """What the names of one function are always given; None where it is not always a set."""

    given: dict[str, list[ast.expr | None]] = field(default_factory=dict[str, Any])

    def give(self, target: ast.expr, value: ast.expr | None) -> None:
        if isinstance(target, ast.Name):
            self.given.setdefault(target.id, []).append(value)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for one in target.elts:
                self.give(one, None)
        elif isinstance(target, ast.Starred):
            self.give(target.value, None)


class _Look(ast.NodeVisitor):
    """Reads one function.

    Attributes:
        found: What goes by the order of a set.
        called: What its names stand for outside of it, but for what is only a step.
    """

    def __init__(self, fn: types.FunctionType) -> None:
        self.found: list[Finding] = []
        self.called: list[Any] = []
        self._fn = fn
        self._closure = _closure(fn)
        self._scopes: list[_Names] = []
        self._free = 0
        self._asking = 0

    # Names ----------------------------------------------------------------------------------------

    def _local(self, name: str) -> list[ast.expr | None] | None:
        return next((s.given[name] for s in reversed(self._scopes) if name in s.given), None)

    def _value(self, node: ast.expr) -> Any:
        """Return what a name or an attribute stands for outside of the function."""
        if isinstance(node, ast.Name):
            if self._local(node.id) is not None:
                return _MISSING
            for names in (self._closure, self._fn.__globals__, vars(builtins)):
                if node.id in names:
                    return names[node.id]
        elif isinstance(node, ast.Attribute):
            of = self._value(node.value)
            if of is not _MISSING:
                return inspect.getattr_static(of, node.attr, _MISSING)
        return _MISSING

    def _is_set(self, node: ast.expr | None, depth: int = 0) -> bool:
        """Whether an expression is certainly a set, and of more than numbers."""
        if depth > 8:
            return False
        deeper = depth + 1
        match node:
            case ast.Set(elts=members):
                is_set = len(members) > 1 and not all(map(_is_number, members))
            case ast.SetComp(elt=member):
                is_set = not _is_number(member)
            case ast.BinOp(left=one, op=op, right=other) if isinstance(op, OPERATORS):
                is_set = self._is_set(one, deeper) or self._is_set(other, deeper)
            case ast.IfExp(body=one, orelse=other):
                is_set = self._is_set(one, deeper) or self._is_set(other, deeper)
            case ast.NamedExpr(value=value):
                is_set = self._is_set(value, deeper)
            case ast.Call():
                is_set = self._makes_set(node, depth)
            case ast.Name(id=name) if (given := self._local(name)) is not None:
                is_set = bool(given) and all(self._is_set(one, deeper) for one in given)
            case ast.Name() | ast.Attribute():
                is_set = _is_unordered(self._value(node))
            case _:
                is_set = False
        return is_set

    def _makes_set(self, node: ast.Call, depth: int) -> bool:
        match node:
            case ast.Call(func=ast.Attribute(value=of, attr=name)) if name in UNIONS:
                return self._is_set(of, depth + 1)
            case ast.Call(func=ast.Name(id="set" | "frozenset") as called):
                if self._value(called) not in (set, frozenset):
                    return False
            case _:
                return False
        match node.args:
            case [ast.List(elts=members) | ast.Tuple(elts=members)]:
                return len(members) > 1 and not all(map(_is_number, members))
            case [ast.Call(func=ast.Name(id="range"))]:
                return False
            case _:
                return True

    def _goes_by(self, node: ast.expr | None, *, asks: bool = False) -> None:
        """Note an expression whose order matters, if it is a set."""
        if node is None or self._free or not self._is_set(node):
            return
        text = " ".join(ast.unparse(node).split())
        what = text if len(text) <= 60 else f"{text[:59]}…"
        file = self._fn.__code__.co_filename
        self.found.append(Finding(file, node.lineno, what, asks or self._asking > 0))

    # Functions ------------------------------------------------------------------------------------

    def visit_FunctionDef(self, node: Function) -> None:
        names = _Names()
        for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
            names.give(ast.Name(one.arg), _annotated(one.annotation))
        for rest in (node.args.vararg, node.args.kwarg):
            if rest is not None:
                names.give(ast.Name(rest.arg), None)
        for child in _own_nodes(node):
            _note(names, child)
        self._scopes.append(names)
        asking, free, self._asking, self._free = self._asking, self._free, 0, 0
        for child in node.body:
            self.visit(child)
        self._asking, self._free = asking, free
        self._scopes.pop()

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - the names that ast calls

    def visit_Name(self, node: ast.Name) -> None:
        self._reach(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._reach(node)
        self.visit(node.value)

    def _reach(self, node: ast.expr) -> None:
        value = self._value(node)
        if value is not _MISSING and callable(value):
            self.called.append(value)

    # What goes by an order ------------------------------------------------------------------------

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        asks = any(
            isinstance(child, (ast.Yield, ast.YieldFrom, ast.Await))
            for statement in node.body
            for child in (statement, *_own_nodes(statement))
        )
        self._goes_by(node.iter, asks=asks)
        self.generic_visit(node)

    visit_AsyncFor = visit_For  # noqa: N815

    def visit_ListComp(self, node: ast.ListComp | ast.GeneratorExp | ast.DictComp) -> None:
        for one in node.generators:
            self._goes_by(one.iter)
        self.generic_visit(node)

    visit_GeneratorExp = visit_DictComp = visit_ListComp  # noqa: N815

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._freely(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        if any(isinstance(target, (ast.Tuple, ast.List)) for target in node.targets):
            self._goes_by(node.value)
        self.generic_visit(node)

    def visit_Starred(self, node: ast.Starred) -> None:
        self._goes_by(node.value)
        self.generic_visit(node)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> None:
        self._goes_by(node.value)
        self.generic_visit(node)

    def visit_Yield(self, node: ast.Yield) -> None:
        self._asking += 1
        self.generic_visit(node)
        self._asking -= 1

    def visit_YieldFrom(self, node: ast.YieldFrom) -> None:
        self._goes_by(node.value, asks=True)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = _name(node.func)
        if name == "pop" and isinstance(node.func, ast.Attribute) and not node.args:
            self._goes_by(node.func.value)
        if name in FREE:
            self.visit(node.func)
            self._freely(node)
            return
        if name == "step" and node.args:
            # What is called there is a step's business; what it is given is the dialog's.
            for child in (*node.args[1:], *node.keywords):
                self.visit(child)
            return
        asks = name in ASKS and isinstance(node.func, ast.Attribute)
        self._asking += asks
        if asks or name in BY_ORDER:
            for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                self._goes_by(argument)
        self.generic_visit(node)
        self._asking -= asks

    def _freely(self, node: ast.AST) -> None:
        self._free += 1
        for child in ast.iter_child_nodes(node):
            self.visit(child)
        self._free -= 1


def _closure(fn: types.FunctionType) -> dict[str, Any]:
    """Return what a function's free names stand for."""
    names: dict[str, Any] = {}
    for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=False):
        try:
            names[name] = cell.cell_contents
        except ValueError:  # not filled yet
            names[name] = _MISSING
    return names


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what stands in a function or a statement, but not in functions inside it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (Function, ast.Lambda, ast.ClassDef)):
            yield child
            yield from _own_nodes(child)


def _note(names: _Names, node: ast.AST) -> None:
    """Note what a statement or expression gives to names."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            names.give(target, node.value)
    elif isinstance(node, ast.AnnAssign):
        names.give(node.target, node.value or _annotated(node.annotation))
    elif isinstance(node, ast.NamedExpr):
        names.give(node.target, node.value)
    elif isinstance(node, ast.AugAssign):
        # `taken |= more` is a set if `taken` was one.
        if not isinstance(node.op, OPERATORS):
            names.give(node.target, None)
    elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
        names.give(node.target, None)
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        names.give(node.optional_vars, None)
    elif isinstance(node, ast.ExceptHandler) and node.name:
        names.give(ast.Name(node.name), None)


def _annotated(annotation: ast.expr | None) -> ast.expr | None:
    """Return an expression that is a set where an annotation says so, else None."""
    if isinstance(annotation, ast.Subscript):
        if _name(annotation.value) in SETS and _name(annotation.slice) not in ("int", "float"):
            return _SOME_SET
        return None
    return _SOME_SET if annotation is not None and _name(annotation) in SETS else None


_SOME_SET = ast.Set([ast.Name("some"), ast.Name("other")])


def _name(node: ast.expr) -> str:
    """Return the last part of a dotted name; "" if it is none."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _is_unordered(value: object) -> bool:
    if not isinstance(value, (set, frozenset)):
        return False
    members = cast("Collection[object]", value)
    return len(members) > 1 and not all(isinstance(one, NUMBERS) for one in members)


def _is_number(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return _is_number(node.operand)
    return isinstance(node, ast.Constant) and isinstance(node.value, NUMBERS)

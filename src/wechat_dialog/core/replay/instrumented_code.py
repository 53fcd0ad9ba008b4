"""A function compiled a second time, so that its iteration over collections can be observed.

In the second code, everything that iterates over a collection passes it through a function of ours
first: loops and comprehensions, unpacking, formatted texts, and calls; so does the result of a
statement that is only a call. Nothing else differs: names, lines and scopes are the same, so a
function can temporarily be given its second code.

It is used by `set_order` and `left_behind`; this module finds, changes and compiles the source.
Proof: `tests/deploys/test_set_order.py`.
"""

from __future__ import annotations

import ast
import copy
import functools
import linecache
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

__all__ = ["second_code"]

_PLACEHOLDER = "\0wechat_dialog."
"""Prefix of constants that are replaced by functions: a global name would be visible in the
author's module.
"""


class _Through(ast.NodeTransformer):
    """Passes every collection that is iterated over through a function of ours."""

    def __init__(self, file: str) -> None:
        self._file = file

    def _pass(self, name: str, value: ast.expr, text: str = "") -> ast.expr:
        """Return `name(value, site)`, the name as a constant."""
        site = self._file, value.lineno, text or ast.unparse(value)
        self.generic_visit(holder := ast.Expr(value))
        function = ast.Attribute(ast.Constant(_PLACEHOLDER + name), "__call__", ast.Load())
        call = ast.Call(function, [holder.value, ast.Constant(cast("Any", site))], [])
        return ast.fix_missing_locations(ast.copy_location(call, value))

    def _visit_rest(self, node: ast.AST, *visited: str) -> None:
        """Visit the fields of a node that were not visited yet."""
        for name, old in ast.iter_fields(node):
            if name in visited:
                continue
            if isinstance(old, ast.AST):
                setattr(node, name, self.visit(old))
            elif isinstance(old, list):
                many = cast("Any", old)
                many[:] = [self.visit(item) if isinstance(item, ast.AST) else item for item in many]

    def visit_For(self, node: ast.For) -> ast.AST:
        node.iter = self._pass("in_order", node.iter)
        self._visit_rest(node, "iter")
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        if not node.is_async:
            node.iter = self._pass("in_order", node.iter)
            self._visit_rest(node, "iter")
        else:
            self.generic_visit(node)
        return node

    def visit_Starred(self, node: ast.Starred) -> ast.AST:
        if isinstance(node.ctx, ast.Load):
            node.value = self._pass("in_order", node.value)
        return node

    def visit_YieldFrom(self, node: ast.YieldFrom) -> ast.AST:
        node.value = self._pass("in_order", node.value)
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        if any(isinstance(target, (ast.Tuple, ast.List)) for target in node.targets):
            node.value = self._pass("in_order", node.value)
            self._visit_rest(node, "value")
        else:
            self.generic_visit(node)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        if isinstance(node.op, ast.Add):  # a list accepts any collection; a set has no `+=`
            node.value = self._pass("in_order", node.value)
            self._visit_rest(node, "value")
        else:
            self.generic_visit(node)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if isinstance(node.value, ast.Call):
            node.value = self._pass("left", node.value)
        else:
            self.generic_visit(node)
        return node

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:
        node.value = self._pass("said", node.value)
        self._visit_rest(node, "value")
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        pops = isinstance(node.func, ast.Attribute) and node.func.attr == "pop"
        if node.args or pops:
            text = "\n".join(ast.unparse(part) for part in (node.func, *node.args))
            node.func = self._pass("called", node.func, text)
            self._visit_rest(node, "func")
        else:
            self.generic_visit(node)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return node  # annotations are not executed

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            node.value = cast("ast.expr", self.visit(node.value))
        return node


def second_code(
    code: types.CodeType, names: dict[str, Any], passes: Mapping[str, Callable[..., Any]]
) -> types.CodeType | None:
    """Return the second code of a function; None if its source is not available.

    Args:
        code: Its code.
        names: Its module's globals, from which the source can be found.
        passes: The functions by name: `in_order` gets what is looped over, `said` what is put into
            a text, `called` what is called, `left` the result of an expression statement. Each gets
            the object and its place: file, line and source text; for a call, the texts of function
            and arguments, a line each.
    """
    linecache.checkcache(code.co_filename)
    source = "".join(linecache.getlines(code.co_filename, names))
    try:
        pairs = _compiled(source, code.co_filename, code.co_firstlineno)
    except (SyntaxError, ValueError, RecursionError):
        return None
    second = next((second for first, second in pairs if _is_same(first, code)), None)
    return None if second is None else _filled(second, passes)


@functools.lru_cache(maxsize=16)
def _parsed(source: str, file: str) -> list[ast.stmt]:
    return ast.parse(source, file).body


@functools.lru_cache(maxsize=256)
def _compiled(
    source: str, file: str, line: int
) -> tuple[tuple[types.CodeType, types.CodeType], ...]:
    """Return all code objects in the module's statement at this line, each with its second code."""
    statements = _parsed(source, file)
    body = [
        # The bytecode of a call depends on whether the module imports the name.
        *_imports(statements),
        *(
            statement
            for statement in statements
            if _first_line(statement) <= line <= (statement.end_lineno or statement.lineno)
        ),
    ]
    first = compile(ast.Module(body, []), file, "exec", dont_inherit=True)
    through = [_Through(file).visit(node) for node in copy.deepcopy(body)]
    second = compile(ast.Module(through, []), file, "exec", dont_inherit=True)
    return tuple(_paired(first, second))


def _imports(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in statements:
        if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            for node in ast.walk(statement):
                if isinstance(node, (ast.Import, ast.ImportFrom)):
                    yield node


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _filled(code: types.CodeType, passes: Mapping[str, Callable[..., Any]]) -> types.CodeType:
    """Replace the placeholders among a code object's constants by functions."""
    constants: list[Any] = []
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            constants.append(_filled(constant, passes))
        elif isinstance(constant, str) and constant.startswith(_PLACEHOLDER):
            constants.append(passes[constant.removeprefix(_PLACEHOLDER)])
        else:
            constants.append(constant)
    return code.replace(co_consts=tuple(constants))


def _paired(
    first: types.CodeType, second: types.CodeType
) -> Iterator[tuple[types.CodeType, types.CodeType]]:
    yield first, second
    inner = [
        [c for c in code.co_consts if isinstance(c, types.CodeType)] for code in (first, second)
    ]
    if [code.co_qualname for code in inner[0]] == [code.co_qualname for code in inner[1]]:
        for pair in zip(*inner, strict=True):
            yield from _paired(*pair)


def _is_same(compiled: types.CodeType, code: types.CodeType) -> bool:
    """Whether a function's code is what its source compiles to: the file may have changed."""
    for name in (
        "co_qualname",
        "co_firstlineno",
        "co_freevars",
        "co_argcount",
        "co_kwonlyargcount",
    ):
        if getattr(compiled, name) != getattr(code, name):
            return False
    if compiled.co_code == code.co_code:
        return list(compiled.co_positions()) == list(code.co_positions()) and all(
            map(_is_same_constant, compiled.co_consts, code.co_consts)
        )
    # Rewritten by pytest, for its asserts.
    return any(name.startswith("@py") for name in code.co_varnames) and (
        {*code.co_names, *code.co_varnames}.issuperset((*compiled.co_names, *compiled.co_varnames))
    )


def _is_same_constant(compiled: object, original: object) -> bool:
    if isinstance(compiled, types.CodeType) and isinstance(original, types.CodeType):
        return _is_same(compiled, original)
    return compiled == original

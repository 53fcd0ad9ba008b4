"""The language of the sources: plain sentences, and members that a class lacks are abstract."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src").rglob("*.py"))
EVERYTHING = SOURCES + sorted(
    path
    for folder in ("tests", "examples", "benchmarks", "fuzz")
    for path in (ROOT / folder).rglob("*.py")
    if path != Path(__file__)
)

NONE = re.compile(r"(?<!\b[Tt]here )\b(?:is|are|was|were) none\b(?! of\b)")
"""`none` as a predicate: "an answer that is none". "There is none", "none of these" and None are
plain.
"""

HE = re.compile(r"\b(?:he|him|his|himself|she|her|hers|herself)\b", re.IGNORECASE)
"""A user or an operator is "they"."""

VAGUE = frozenset(
    [
        "asked",
        "came",
        "done",
        "found",
        "given",
        "gone",
        "got",
        "had",
        "it",
        "kept",
        "made",
        "said",
        "these",
        "those",
        "told",
    ]
)
"""Participles and pronouns: what was found, made or told, and whom it concerns, is the name."""

OF_THE_INTERFACE = frozenset(["asked", "found", "given", "said"])
"""Parameters of public calls, which their docstrings explain."""

COMMENT = re.compile(r"(?:^|  )\s*# (.*)$")


def comments(source: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(source.splitlines(), 1):
        if "#" in line and (match := COMMENT.search(line)):
            yield number, match[1]


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield node.lineno, text


def predicates_none(source: str, tree: ast.Module) -> Iterator[int]:
    """Yield the lines of comments and strings that say that something "is none"."""
    for line, text in comments(source):
        if NONE.search(text):
            yield line
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if NONE.search(" ".join(text.split())):
                yield node.lineno


def users_of_one_sex(source: str, tree: ast.Module) -> Iterator[int]:
    """Yield the lines of comments and docstrings that say "he" or "she"."""
    for line, text in (*comments(source), *docstrings(tree)):
        if HE.search(text):
            yield line


def missing_members(_: str, tree: ast.Module) -> Iterator[int]:
    """Yield the lines that raise `NotImplementedError` without saying what to do about it."""
    for node in ast.walk(tree):
        match node:
            case ast.Raise(
                exc=ast.Name(id="NotImplementedError")
                | ast.Call(func=ast.Name(id="NotImplementedError"), args=[])
            ):
                yield node.lineno


def vague_names(_: str, tree: ast.Module) -> Iterator[int]:
    """Yield the lines that name a local variable or a parameter for nothing that it holds."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for parameter in (*function.args.args, *function.args.kwonlyargs):
                if parameter.arg in VAGUE - OF_THE_INTERFACE:
                    yield parameter.lineno
            for node in ast.walk(function):
                match node:
                    case ast.Name(id=name, ctx=ast.Store()) if name in VAGUE:
                        yield node.lineno


CONTINUED = re.compile(r"test_(?:and|but|likewise|nor|so)_(?!many_|much_)|.*_likewise$")
"""A test's name is read alone, in a report: it cannot continue the name of the test before it."""


def continued_names(_: str, tree: ast.Module) -> Iterator[int]:
    """Yield the lines of tests that are named as if after another: "nor does one that waits"."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                if CONTINUED.match(name):
                    yield node.lineno


@cache
def parsed(path: Path) -> tuple[str, ast.Module]:
    source = path.read_text(encoding="utf-8")
    return source, ast.parse(source)


Rule = Callable[[str, ast.Module], Iterator[int]]

RULES: dict[Rule, tuple[list[Path], str]] = {
    predicates_none: (
        SOURCES,
        "say what it is not: it is invalid, it is not a text, it does not exist",
    ),
    users_of_one_sex: (EVERYTHING, "say they"),
    missing_members: (SOURCES, "make it an abstract method, or the class a protocol"),
    vague_names: (SOURCES, "name the variable for what it holds"),
    continued_names: (EVERYTHING, "say in the test's name what it is about"),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_code_keeps_the_rule(rule: Rule) -> None:
    paths, remedy = RULES[rule]
    complaints: list[str] = []
    for path in paths:
        complaints += [f"{path.relative_to(ROOT)}:{line}: {remedy}" for line in rule(*parsed(path))]
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize(
    ("rule", "wrong", "right"),
    [
        pytest.param(
            predicates_none,
            'def f():\n    """Refuse an answer that\n    is none."""\n',
            'def f():\n    """Return the answer; "" if there is none, 0 if it is None."""\n',
            id="none in a docstring",
        ),
        pytest.param(
            predicates_none,
            'x = f"{y} is none"\n',
            'x = "is none of these"\n',
            id="none in a message",
        ),
        pytest.param(
            predicates_none, "x = 1  # what is none\n", "x = 1  # there are none\n", id="none aside"
        ),
        pytest.param(users_of_one_sex, "# ask the user for his name\n", "his = 1\n", id="he"),
        pytest.param(
            missing_members,
            "def f():\n    raise NotImplementedError\n",
            "def f():\n    raise NotImplementedError('override the fixture')\n",
            id="a missing member",
        ),
        pytest.param(
            vague_names,
            "def f(path):\n    found = read(path)\n",
            "def f(path):\n    record = read(path)\n",
            id="a vague name",
        ),
        pytest.param(
            vague_names,
            "def f(user, *, told):\n    return told\n",
            "def f(user, *, given):\n    return given\n",
            id="a vague parameter",
        ),
        pytest.param(
            continued_names,
            "def test_nor_does_one_that_waits(): ...\n",
            "def test_so_many_parts_are_held(): ...\n",
            id="a continued name",
        ),
    ],
)
def test_a_rule_tells_wrong_from_right(rule: Rule, wrong: str, right: str) -> None:
    assert list(rule(wrong, ast.parse(wrong)))
    assert not list(rule(right, ast.parse(right)))

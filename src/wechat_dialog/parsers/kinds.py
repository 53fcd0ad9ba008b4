"""From what an author writes (`int`, an Enum, a pattern) to the parser that reads it."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum, EnumType
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin, overload

from .dates import day, day_ahead
from .moments import moment, moment_ahead
from .numbers import decimal, integer, real
from .numerals import read_number
from .parser import Parser
from .spoken import fold, narrow, spoken
from .times import clock
from .yes_no import yes_no

__all__ = ["ahead", "called", "parser_for"]

T = TypeVar("T")

_EMPTY = "请回复文字内容。"
_SKIPS = frozenset(
    [
        "无",
        "没",
        "没有",
        "跳过",
        "略",
        "略过",
        "不填",
        "不用",
        "不需要",
        "空",
        "暂无",
        "none",
        "skip",
        "-",
    ]
)
_NAMED_AT_MOST = 8
_NO_PARSER = (
    "no parser for {kind!r}: use str, int, float, Decimal, bool, date, time, datetime, an Enum,"
    " a compiled pattern, Literal, X | None, or a function of the text that raises ValueError"
)


def _read_str(text: str, _now: datetime) -> str:
    """Return the text without the blanks around it; blanks alone are refused."""
    stripped = text.strip()
    if not narrow(stripped):
        raise ValueError(_EMPTY)
    return stripped


_READY: dict[object, Parser[Any]] = {
    str: Parser("str", _read_str),
    int: integer,
    float: real,
    Decimal: decimal,
    bool: Parser("bool", lambda text, _now: yes_no(text)),
    date: day,
    time: clock,
    datetime: moment,
}
_AHEAD: dict[object, Parser[Any]] = {date: day_ahead, datetime: moment_ahead}


@overload
def parser_for(kind: Parser[T]) -> Parser[T]: ...
@overload
def parser_for(kind: re.Pattern[str]) -> Parser[re.Match[str]]: ...
@overload
def parser_for(kind: type[T]) -> Parser[T]: ...
@overload
def parser_for(kind: Callable[[str], T] | Callable[[str, datetime], T]) -> Parser[T]: ...
@overload
def parser_for(kind: object) -> Parser[Any]: ...
def parser_for(kind: object) -> Parser[Any]:
    """Return the parser of a kind of value.

    Args:
        kind: `str` (stripped, not empty), `int`, `float`, `Decimal`, `bool`, `date`, `time`,
            `datetime`; an Enum class (a member by label, value or name; its label is its
            attribute `label`, if it has one); a compiled pattern of `str` (`fullmatch` on the
            stripped text); `Literal[…]`; `X | None`, where 无, 没有, 跳过 and the like are None;
            `Annotated[X, …]`, which is `X` here; a function of the text, or of the text and the
            moment it arrived, that raises `ValueError`; or a `Parser`, which is returned as it is.

    Raises:
        TypeError: There is no parser for `kind`, or it takes other arguments; the error lists what
            is possible.
    """
    if isinstance(kind, Parser):
        return cast("Parser[Any]", kind)  # type: ignore[redundant-cast]  # pyright needs it
    try:
        ready = _READY.get(kind)
    except TypeError:  # unhashable: Literal[[]], an Annotated with a list
        ready = None
    if ready is not None:
        return ready
    if isinstance(
        kind, re.Pattern
    ):  # a pattern of bytes does not type-check, and would fail on its first text
        return _pattern(cast("re.Pattern[str]", kind))
    if isinstance(kind, EnumType):
        return _member(cast("type[Enum]", kind))
    parser = _from_annotation(kind)
    if parser is not None:
        return parser
    if callable(kind) and not _is_class(kind) and get_origin(kind) is None:
        return Parser(getattr(kind, "__name__", "function"), called(kind))
    raise TypeError(_NO_PARSER.format(kind=kind))


def called(read: Callable[..., Any]) -> Callable[[str, datetime], Any]:
    """Return a function that reads a text with an author's own: one of the text, or of the text
    and the moment it arrived.

    Raises:
        TypeError: It can be called with neither.
    """
    try:
        signature = inspect.signature(read)
    except (TypeError, ValueError):  # a builtin without a signature
        return lambda text, _now: read(text)
    if _can_bind(signature, ""):
        return lambda text, _now: read(text)
    if _can_bind(signature, "", datetime.min.replace(tzinfo=UTC)):
        return read
    shown = f"{getattr(read, '__qualname__', type(read).__name__)}{signature}"
    raise TypeError(
        f"{shown} cannot read an answer: a parser is called with the text, or with the "
        "text and the moment it arrived"
    )


def _can_bind(signature: inspect.Signature, *args: object) -> bool:
    try:
        signature.bind(*args)
    except TypeError:
        return False
    return True


def ahead(kind: object) -> Parser[Any]:
    """Return the parser of a day or a moment that must not be over.

    Args:
        kind: `date` or `datetime`, also as `X | None` or `Annotated[X, …]`.

    Raises:
        TypeError: `kind` is something else.
    """
    if kind in _AHEAD:
        return _AHEAD[kind]
    arguments = [argument for argument in get_args(kind) if argument is not types.NoneType]
    if get_origin(kind) is Annotated:
        return ahead(arguments[0])
    if get_origin(kind) in (Union, types.UnionType) and len(arguments) == 1:
        return _optional(ahead(arguments[0]))
    raise TypeError(f"future=True goes with date and datetime, not {kind!r}")


def _is_class(kind: object) -> bool:
    """Whether `kind` is a class: callable with a text, but made for programs, not users."""
    return isinstance(kind, type)


def _from_annotation(kind: object) -> Parser[Any] | None:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return parser_for(arguments[0])
    if origin is Literal:
        named = [({str(_plain(value))}, value) for value in arguments]
        return _one_of("Literal", [str(_plain(value)) for value in arguments], named)
    if origin in (Union, types.UnionType):
        kinds = [argument for argument in arguments if argument is not types.NoneType]
        if len(kinds) == 1 and len(kinds) < len(arguments):
            return _optional(parser_for(kinds[0]))
    return None


def _optional(inner: Parser[Any]) -> Parser[Any]:
    """Ask the inner parser first: 没有 may be a member's label or, for `bool`, a no."""

    def read(text: str, now: datetime) -> Any:
        skips = fold(text) in _SKIPS
        try:
            return None if skips and inner.name == "str" else inner(text, now)
        except ValueError:
            if skips:
                return None
            raise

    return Parser(f"{inner.name} | None", read)


def _pattern(pattern: re.Pattern[str]) -> Parser[re.Match[str]]:
    def read(text: str, _now: datetime) -> re.Match[str]:
        match = pattern.fullmatch(text.strip())
        if match is None:
            raise ValueError("格式不对，请重新回复。")
        return match

    return Parser(f"pattern {pattern.pattern!r}", read)


def _member(kind: type[Enum]) -> Parser[Any]:
    """Read a member of an Enum: by its label, which users see, else its value, else its name."""
    labels = [str(getattr(member, "label", None) or _plain(member)) for member in kind]
    named = [
        ({label, str(member.value), member.name}, member)
        for label, member in zip(labels, kind, strict=True)
    ]
    labelled = [({label}, member) for label, member in zip(labels, kind, strict=True)]
    valued = [({str(member.value)}, member) for member in kind]
    return _one_of(kind.__name__, labels, labelled, valued, named)


def _plain(value: object) -> object:
    """Return what a person sees of a member or literal: a text or number itself, else the name."""
    if isinstance(value, Enum):
        return value.value if isinstance(value.value, str | int | float | Decimal) else value.name
    return value


def _one_of(name: str, labels: list[str], *tables: Iterable[tuple[set[str], Any]]) -> Parser[Any]:
    """A parser of a closed set; the first table in which exactly one row fits decides."""
    compared = [
        [({fold(word) for word in words}, value) for words, value in table] for table in tables
    ]
    listing = "、".join(labels[:_NAMED_AT_MOST]) + ("……" if len(labels) > _NAMED_AT_MOST else "")

    def read(text: str, _now: datetime) -> Any:
        number = read_number(spoken(text))
        forms = {fold(text)}
        if number is not None:
            forms.add(format(number, "f"))
        for table in compared:
            values = [value for words, value in table if fold(text) and words & forms]
            if len(values) == 1:
                return values[0]
        raise ValueError(f"请回复其中一个：{listing}。")

    return Parser(name, read)

"""From a class to the questions of a form: what each field is called, how it is asked and read.

Everything is taken from the class itself: the type says what is read, `Annotated` says the rest
(`msgspec.Meta`, a parser or a function, or `Field`), a default says that the field may be skipped.
A type that nobody can be asked for is an error when the form is made, not when the first user gets
there.

Proof: `tests/dialogs/test_form.py`.
"""

from __future__ import annotations

import dataclasses
import enum
import re
import types
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

import msgspec

from . import messages
from .answers import reading
from .effects import Reading
from .menus import label_of
from .parsers import Parser, parser_for

__all__ = ["MISSING", "Field", "Question", "questions", "shown"]

MISSING = dataclasses.MISSING


@dataclass(frozen=True)
class Field:
    """What `Annotated` may say of a form's field: `Annotated[int, Field("人数", hint="1 到 10")]`.

    Attributes:
        title: What users call it; "": `msgspec.Meta(title=…)`, else the field's name.
        ask: The question; "": made of the title. None: it is not asked, and has its default.
        parse: How an answer is read, as for `chat.ask`; None: by the field's type.
        hint: Said when an answer does not fit; None: what the parser says.
    """

    title: str = ""
    ask: str | None = ""
    parse: Any = None
    hint: str | Callable[[str], str] | None = None


@dataclass(frozen=True)
class Question:
    """One field, ready to be asked.

    Attributes:
        name: The field's.
        title: What users call it.
        ask: The question; "": to be made of the title; None: not asked.
        about: A line below the question, or "".
        reading: How an answer is read; None where it is a menu.
        labels: Labels of a menu; empty where it is none.
        values: Their values.
        many: Whether several of them may be taken.
        yes_no: Whether it is a yes or a no.
        hint: As in `Field`.
        default: Makes the default; None: it must be answered.
        optional: Whether None is an answer.
        check: Says what is wrong with a value, or "".
    """

    name: str
    title: str
    ask: str | None
    about: str
    reading: Reading | None
    labels: tuple[str, ...] = ()
    values: tuple[Any, ...] = ()
    many: bool = False
    yes_no: bool = False
    hint: str | Callable[[str], str] | None = None
    default: Callable[[], Any] | None = None
    optional: bool = False
    check: Callable[[Any], str] = lambda _value: ""


@lru_cache(maxsize=256)
def questions(cls: Any) -> tuple[Question, ...]:
    """Return the questions for a class, in the order of its fields.

    Raises:
        TypeError: It is neither a dataclass nor a `msgspec.Struct`; an annotation cannot be read; a
            field's type has no question and the field no parser; a field that is not asked has no
            default.
    """
    if isinstance(cls, type) and issubclass(cls, msgspec.Struct):
        fields = [
            (field.name, _default(field.default, field.default_factory, msgspec.NODEFAULT))
            for field in msgspec.structs.fields(cls)
        ]
    elif isinstance(cls, type) and dataclasses.is_dataclass(cls):
        fields = [
            (field.name, _default(field.default, field.default_factory, MISSING))
            for field in dataclasses.fields(cls)
            if field.init
        ]
    else:
        raise TypeError(f"form: a dataclass or a msgspec.Struct is wanted, not {cls!r}")
    try:
        hints = get_type_hints(cls, include_extras=True)
    except NameError as error:
        raise TypeError(
            f"form: an annotation of {cls.__qualname__} cannot be read ({error}); "
            "define what it names at module level"
        ) from error
    return tuple(_question(cls, name, hints[name], default) for name, default in fields)


def _default(value: Any, factory: Any, missing: object) -> Callable[[], Any] | None:
    if factory is not missing:
        return factory  # type: ignore[no-any-return]
    return None if value is missing else lambda: value


def _question(cls: Any, name: str, hint: Any, default: Callable[[], Any] | None) -> Question:
    kind, metas, own, parse = _unwrap(hint)
    kind, optional = _without_none(kind)
    if optional:  # Annotated inside of Optional says the same as around it
        kind, inner, inner_own, inner_parse = _unwrap(kind)
        metas, own, parse = [*metas, *inner], own or inner_own, parse or inner_parse
    own = own or Field()
    title = own.title or next((meta.title for meta in metas if meta.title), "") or name
    about = next((meta.description for meta in metas if meta.description), "") or ""
    if own.ask is None and default is None:
        raise TypeError(f"form: {cls.__qualname__}.{name} is not asked and has no default")
    made = Question(
        name, title, own.ask, about, None, hint=own.hint, default=default, optional=optional,
        check=_checker(metas),
    )  # fmt: skip
    parse = own.parse if own.parse is not None else parse
    if own.ask is None:
        return made
    if parse is not None:
        return dataclasses.replace(made, reading=reading(parse))
    if kind is bool:
        return dataclasses.replace(made, yes_no=True)
    if (several := _members(_element(kind))) is not None:
        labels, values = several
        return dataclasses.replace(made, labels=labels, values=values, many=True)
    if (members := _members(kind)) is not None:
        labels, values = members
        return dataclasses.replace(made, labels=labels, values=values)
    try:
        if not _is_message(kind):
            parser_for(kind)  # stricter than `reading`, which calls any class with the text
        return dataclasses.replace(made, reading=reading(kind))
    except TypeError as error:
        raise TypeError(
            f"form: {cls.__qualname__}.{name}: there is no question for {kind!r}; "
            "say how its answer is read, Annotated[…, Field(parse=…)], or that it is not asked, "
            "Field(ask=None)"
        ) from error


def _unwrap(hint: Any) -> tuple[Any, list[msgspec.Meta], Field | None, Any]:
    """Return the bare type, what msgspec knows of it, its `Field`, and its parser, if any."""
    if get_origin(hint) is not Annotated:
        return hint, [], None, None
    kind, *extras = get_args(hint)
    metas = [extra for extra in extras if isinstance(extra, msgspec.Meta)]
    own = next((extra for extra in extras if isinstance(extra, Field)), None)
    parse = next((extra for extra in extras if _is_parser(extra)), None)
    return kind, metas, own, parse


def _is_parser(extra: object) -> bool:
    return isinstance(extra, (Parser, re.Pattern, types.FunctionType, types.BuiltinFunctionType))


def _is_message(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, messages.Message)


def _without_none(kind: Any) -> tuple[Any, bool]:
    if get_origin(kind) not in (Union, types.UnionType):
        return kind, False
    others = [argument for argument in get_args(kind) if argument is not types.NoneType]
    if len(others) == len(get_args(kind)) or len(others) != 1:
        return kind, False
    return others[0], True


def _element(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is list else None


def _members(kind: Any) -> tuple[tuple[str, ...], tuple[Any, ...]] | None:
    """Return labels and values of a closed set, None if it is none."""
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return tuple(label_of(member) for member in kind), tuple(kind)
    if get_origin(kind) is Literal:
        return tuple(str(value) for value in get_args(kind)), get_args(kind)
    return None


# Constraints --------------------------------------------------------------------------------------

_LIMITS: tuple[tuple[str, Callable[[Any, Any], bool], str], ...] = (
    ("ge", lambda value, limit: value >= limit, "不能小于 {0}。"),
    ("gt", lambda value, limit: value > limit, "要大于 {0}。"),
    ("le", lambda value, limit: value <= limit, "不能大于 {0}。"),
    ("lt", lambda value, limit: value < limit, "要小于 {0}。"),
    ("multiple_of", lambda value, limit: value % limit == 0, "要是 {0} 的倍数。"),
    ("min_length", lambda value, limit: len(value) >= limit, "至少要 {0} {1}。"),
    ("max_length", lambda value, limit: len(value) <= limit, "最多 {0} {1}。"),
    ("pattern", lambda value, limit: re.search(limit, value) is not None, "格式不对，请重新回复。"),
)


def _checker(metas: list[msgspec.Meta]) -> Callable[[Any], str]:
    rules = [
        (fits, limit, sentence)
        for meta in metas
        for name, fits, sentence in _LIMITS
        if (limit := getattr(meta, name)) is not None
    ]

    def check(value: Any) -> str:
        if value is None:
            return ""
        unit = "个字" if isinstance(value, str) else "项"
        for fits, limit, sentence in rules:
            if not fits(value, limit):
                return sentence.format(limit, unit)
        return ""

    return check


# Values, as a summary shows them ------------------------------------------------------------------


def shown(value: Any, *, yes: str, no: str, nothing: str) -> str:  # noqa: PLR0911
    """Return a value in words for its user: 10月1日 as people write it, an option by its label."""
    if value in (None, "", [], ()):
        return nothing
    if isinstance(value, bool):
        return yes if value else no
    if isinstance(value, enum.Enum):
        return label_of(value)
    if isinstance(value, date):
        clock = f" {value:%H:%M}" if isinstance(value, datetime) else ""
        return f"{value.year}年{value.month}月{value.day}日{clock}"
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, (list, tuple)):
        items: list[Any] = [*value]
        return "、".join(shown(item, yes=yes, no=no, nothing=nothing) for item in items)
    if isinstance(value, messages.Location):
        return value.label or f"{value.location_x}, {value.location_y}"
    if isinstance(value, messages.Message):
        return f"[{_KINDS.get(value.kind, value.kind)}]"
    if isinstance(value, re.Match):
        return str(cast("re.Match[str]", value).group())
    return str(value)


_KINDS = {
    "image": "图片",
    "voice": "语音",
    "video": "视频",
    "shortvideo": "小视频",
    "link": "链接",
    "file": "文件",
}


def skips(text: str) -> bool:
    """Whether a text says that a field is to be left as it is."""
    # `str | None` skips on these words alone, in every spelling the parsers know.
    return parser_for(Union[str, None])(text, _ANY_TIME) is None  # noqa: UP007


_ANY_TIME = datetime.fromtimestamp(0).astimezone()

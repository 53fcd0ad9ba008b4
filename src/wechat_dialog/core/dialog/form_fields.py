"""From a class to the questions of a form: the title of each field, how it is asked and read.

Everything is taken from the class itself: the type determines how an answer is read, `Annotated`
adds the rest (`msgspec.Meta`, a parser or a function, or `Field`), and a field with a default may
be skipped. A type for which there is no question is an error when the form is created, not when the
first user gets there.

Proof: `tests/dialogs/test_form.py`.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from wechat_dialog import messages
from wechat_dialog.core.dialog.form_values import checker
from wechat_dialog.core.dialog.options import label_of
from wechat_dialog.core.dialog.questions import Reading
from wechat_dialog.parsers import Parser, parser_for

from .reading import reading

__all__ = ["MISSING", "Field", "FieldQuestion", "questions"]

MISSING = dataclasses.MISSING


@dataclass(frozen=True)
class Field:
    """Options of a form's field, for `Annotated`: `Annotated[int, Field("人数", hint="1 到 10")]`.

    Attributes:
        title: The field's name for users; "": `msgspec.Meta(title=…)`, else the field's name.
        ask: The question; "": made from the title. None: it is not asked, and gets its default.
        parse: How an answer is read, as for `chat.ask`; None: by the field's type.
        hint: Said when an answer does not fit; None: the parser's message.
        secret: Whether the answer is never stored or logged, as with `chat.ask(…, secret=True)`. At
            most one field of a class; it is asked last, after the summary, which does not show it.
    """

    title: str = ""
    ask: str | None = ""
    parse: Any = None
    hint: str | Callable[[str], str] | None = None
    secret: bool = False


@dataclass(frozen=True)
class FieldQuestion:
    """One field, ready to be asked.

    Attributes:
        name: Name of the field.
        title: The field's name for users.
        ask: The question; "": made from the title; None: not asked.
        about: A line below the question, or "".
        reading: How an answer is read; None for a menu, or a yes or no.
        labels: Labels of a menu; empty if it is not a menu.
        values: Values of the menu's options.
        many: Whether several of them may be chosen.
        yes_no: Whether it is a yes-or-no question.
        hint: As in `Field`.
        default: Returns the default; None: the field has none and must be answered.
        optional: Whether the value may be None.
        check: Returns what is wrong with a value, as a sentence for the user, or "".
        secret: As in `Field`.
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
    secret: bool = False


def questions(cls: Any) -> tuple[FieldQuestion, ...]:
    """Return the questions for a class, in the order of its fields.

    Raises:
        TypeError: It is neither a dataclass nor a `msgspec.Struct`; an annotation cannot be
            evaluated; a field's type has no question and the field no parser; a field that is not
            asked has no default; a field cannot be secret.
    """
    # Before the cache is asked: what is no class may not be hashable, as a dict is not.
    if not _has_fields(cls):
        raise TypeError(f"form: a dataclass or a msgspec.Struct is wanted, not {cls!r}")
    return _questions(cls)


def _has_fields(cls: Any) -> bool:
    return inspect.isclass(cls) and (
        issubclass(cls, msgspec.Struct) or dataclasses.is_dataclass(cls)
    )


@lru_cache(maxsize=256)
def _questions(cls: Any) -> tuple[FieldQuestion, ...]:
    if issubclass(cls, msgspec.Struct):
        fields = [
            (field.name, _default(field.default, field.default_factory, msgspec.NODEFAULT))
            for field in msgspec.structs.fields(cls)
        ]
    else:
        fields = [
            (field.name, _default(field.default, field.default_factory, MISSING))
            for field in dataclasses.fields(cls)
            if field.init
        ]
    try:
        hints = get_type_hints(cls, include_extras=True)
    except NameError as error:
        raise TypeError(
            f"form: an annotation of {cls.__qualname__} cannot be read ({error}); "
            "define what it names at module level"
        ) from error
    fields_asked = tuple(_question(cls, name, hints[name], default) for name, default in fields)
    secrets = [question for question in fields_asked if question.secret]
    for number, question in enumerate(secrets):
        if wrong := _no_secret(question) or ("there is another one" if number else ""):
            raise TypeError(f"form: {cls.__qualname__}.{question.name} is no secret: {wrong}")
    return fields_asked


def _no_secret(question: FieldQuestion) -> str:
    """Return why a question cannot be secret, or ""."""
    if question.ask is None:
        return "it is not asked"
    if question.default is not None or question.optional:
        return "whether a field was skipped cannot be kept from anybody; give it no default"
    if question.reading is None or question.reading.text is None:
        return "only a text can be one"
    return ""


def _default(value: Any, factory: Any, missing: object) -> Callable[[], Any] | None:
    if factory is not missing:
        return factory  # type: ignore[no-any-return]
    return None if value is missing else lambda: value


def _question(cls: Any, name: str, hint: Any, default: Callable[[], Any] | None) -> FieldQuestion:
    kind, metas, own, parse = _unwrap(hint)
    kind, optional = _without_none(kind)
    if optional:  # Annotated inside Optional means the same as around it
        kind, inner, inner_own, inner_parse = _unwrap(kind)
        metas, own, parse = [*metas, *inner], own or inner_own, parse or inner_parse
    own = own or Field()
    title = own.title or next((meta.title for meta in metas if meta.title), "") or name
    about = next((meta.description for meta in metas if meta.description), "") or ""
    if own.ask is None and default is None:
        raise TypeError(f"form: {cls.__qualname__}.{name} is not asked and has no default")
    question = FieldQuestion(
        name, title, own.ask, about, None, hint=own.hint, default=default, optional=optional,
        check=checker(metas), secret=own.secret,
    )  # fmt: skip
    parse = own.parse if own.parse is not None else parse
    if own.ask is None:
        return question
    if parse is not None:
        return dataclasses.replace(question, reading=reading(parse))
    if kind is bool:
        return dataclasses.replace(question, yes_no=True)
    if (several := _members(_element(kind))) is not None:
        labels, values = several
        return dataclasses.replace(question, labels=labels, values=values, many=True)
    if (members := _members(kind)) is not None:
        labels, values = members
        return dataclasses.replace(question, labels=labels, values=values)
    try:
        if not _is_message(kind):
            parser_for(kind)  # stricter than `reading`, which calls any class with the text
        return dataclasses.replace(question, reading=reading(kind))
    except TypeError as error:
        raise TypeError(
            f"form: {cls.__qualname__}.{name}: there is no question for {kind!r}; "
            "say how its answer is read, Annotated[…, Field(parse=…)], or that it is not asked, "
            "Field(ask=None)"
        ) from error


def _unwrap(hint: Any) -> tuple[Any, list[msgspec.Meta], Field | None, Any]:
    """Return the bare type, its msgspec metadata, its `Field`, and its parser, if it has any."""
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
    types_left = [argument for argument in get_args(kind) if argument is not types.NoneType]
    if len(types_left) == len(get_args(kind)) or len(types_left) != 1:
        return kind, False
    return types_left[0], True


def _element(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is list else None


def _members(kind: Any) -> tuple[tuple[str, ...], tuple[Any, ...]] | None:
    """Return labels and values of an Enum or a Literal; None for any other type."""
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return tuple(label_of(member) for member in kind), tuple(kind)
    if get_origin(kind) is Literal:
        return tuple(str(value) for value in get_args(kind)), get_args(kind)
    return None

"""Checks whether a dialog's function fits its route: the arguments it will be called with, and the
annotated type of its answer.

Otherwise a function that does not fit would load, type-check and be served, until its first user
came.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections import abc
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from wechat_dialog import replies
from wechat_dialog.core.dialog.effects import ContinueAs

from .routes import place_of

__all__ = ["misfit"]

_SAYABLE = (str, type(None), ContinueAs, replies.Markdown, *typing.get_args(replies.Reply))
_OPEN: tuple[Any, ...] = (object, Any)


def misfit(fn: Callable[..., Any], patterns: Sequence[str | re.Pattern[str]] | None = None) -> str:
    """Return why a function cannot be a dialog, as a sentence that names its line; "" if it can.

    Args:
        fn: The function.
        patterns: Patterns of its route, whose named groups are its arguments; None: it has no
            route, and `chat.continue_as` passes its arguments.
    """
    why = _how_called(fn, patterns) or _how_answered(fn)
    return f"{place_of(fn)} {why}" if why else ""


# What it is called with -------------------------------------------------------------------------


def _how_called(fn: Callable[..., Any], patterns: Sequence[str | re.Pattern[str]] | None) -> str:
    try:
        signature = inspect.signature(fn, follow_wrapped=False)
    except (TypeError, ValueError):  # a builtin without one
        return ""
    parameters = list(signature.parameters.values())
    first = parameters[0] if parameters else None
    if first is None or first.kind in (first.KEYWORD_ONLY, first.VAR_KEYWORD):
        return "takes no chat, which every dialog is called with: write `def …(chat)`"
    if patterns is None:
        return ""
    for pattern in patterns or ("",):
        named = {} if isinstance(pattern, str) else _groups(pattern)
        if why := _filled(parameters[1:], named, pattern):
            return why
    return ""


def _filled(
    parameters: Sequence[inspect.Parameter], groups: dict[str, bool], pattern: str | re.Pattern[str]
) -> str:
    """Describe a parameter that no group of the pattern fills, or a group without a parameter."""
    shown = repr(pattern if isinstance(pattern, str) else pattern.pattern)
    takes_all = any(param.kind is param.VAR_KEYWORD for param in parameters)
    names = {
        param.name
        for param in parameters
        if param.kind in (param.POSITIONAL_OR_KEYWORD, param.KEYWORD_ONLY)
    }
    for param in parameters:
        if param.default is not param.empty or param.kind in (
            param.VAR_KEYWORD,
            param.VAR_POSITIONAL,
        ):
            continue
        if param.name not in groups or param.kind is param.POSITIONAL_ONLY:
            at = (
                f"{shown} has no group (?P<{param.name}>…)"
                if pattern
                else "its route has no pattern"
            )
            return f"wants {param.name!r}, which nothing fills: {at}; give it a default"
        if not groups[param.name]:
            return (
                f"wants {param.name!r}, which {shown} need not match, and then nothing fills it: "
                f"give it a default, {param.name}=None"
            )
    for name in groups:
        if name not in names and not takes_all:
            return (
                f"takes no {name!r}, which is a group of {shown}: add the parameter, or write (…) "
                f"for (?P<{name}>…)"
            )
    return ""


def _groups(pattern: re.Pattern[str]) -> dict[str, bool]:
    """Return a pattern's named groups, and whether each is certain to match if the pattern does."""
    sure = {pattern.groupindex[name]: name for name in pattern.groupindex}
    try:
        certain = set(_certain(_parse(pattern.pattern, pattern.flags)))
    except Exception:  # noqa: BLE001 - an internal module, whose format may change
        certain = set(sure)
    return {name: number in certain for number, name in sure.items()}


# There is no public way to find out which groups always match.
_parse: Any = getattr(getattr(re, "_parser", None), "parse", None)


def _certain(parsed: Any) -> Iterator[int]:
    """Yield the numbers of the groups that match whenever a parsed pattern does."""
    for operation, argument in parsed:
        kind = str(operation)
        if kind == "SUBPATTERN":
            if argument[0] is not None:
                yield argument[0]
            yield from _certain(argument[-1])
        elif kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            if argument[0] > 0:
                yield from _certain(argument[-1])
        elif kind == "ATOMIC_GROUP":
            yield from _certain(argument)
        elif kind == "ASSERT":
            yield from _certain(argument[1])
        elif kind == "BRANCH":
            first, *rest = [set(_certain(branch)) for branch in argument[1]]
            yield from first.intersection(*rest)


# What it answers ----------------------------------------------------------------------------------


def _how_answered(fn: Callable[..., Any]) -> str:
    plain = inspect.unwrap(fn)
    if inspect.isasyncgenfunction(plain):
        return "is an async generator, which cannot be a dialog: write `await chat.ask(…)`"
    try:
        hint = typing.get_type_hints(plain).get("return", Any)
    except Exception:  # noqa: BLE001 - undefined names: checked again by `check`
        return ""
    for kind in _answers(hint):
        if isinstance(kind, type) and kind not in _OPEN and not issubclass(kind, _SAYABLE):
            return (
                f"says that it answers {kind.__qualname__}: a dialog answers a str, a reply of "
                "wechat_dialog.replies, or None for no reply"
            )
    return ""


def _answers(hint: Any) -> Iterator[Any]:
    """Yield the types of answers that an annotation allows."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        for argument in arguments:
            yield from _answers(argument)
    elif origin is typing.Annotated:
        yield from _answers(arguments[0])
    elif origin is typing.Literal:
        yield from map(type, arguments)
    elif origin in (abc.Generator, abc.Coroutine):
        # With fewer than three arguments it returns None.
        yield from _answers(arguments[2]) if len(arguments) == 3 else ()
    elif origin is abc.Awaitable:
        yield from _answers(arguments[0])
    elif (origin or hint) not in (abc.Generator, abc.Coroutine, abc.Awaitable, *_LOOPED):
        yield origin or hint


_LOOPED = (abc.Iterator, abc.Iterable)
"""Annotations of generators that do not say what is returned."""

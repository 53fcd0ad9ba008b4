"""The first parameter of a step with parts: `steps: Steps`, in a coroutine `steps: AsyncSteps`.

    def research(steps: Steps, question: str) -> str:
        found = steps.run("search", search, question)
        steps.say(f"找到 {len(found)} 篇。")
        return steps.run("model", model, question, found)

A part runs once: its outcome is recorded before `run` returns, so a worker that dies repeats at
most one. What paragraphs are, and how parts are identified, is in `core/turn/step_parts.py`.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Awaitable, Callable, Generator
from functools import lru_cache
from typing import Any, ParamSpec, Protocol, TypeVar, overload

from wechat_dialog.replies import Markdown

__all__ = ["AsyncSteps", "Steps", "is_async", "must_fit", "wants_steps"]

T = TypeVar("T")
P = ParamSpec("P")

Wants = Generator[Any, Any, Any]


class Performed(Protocol):
    """Decides what to do for a part and for a paragraph; performs nothing itself."""

    def run(
        self, name: str, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Wants:
        """Run a part, or return its recorded outcome."""
        ...

    def say(self, text: str | Markdown) -> Wants:
        """Say a paragraph."""
        ...


class Steps:
    """The parts of a step, for a plain function. Safe to use from several threads."""

    __slots__ = ("_parts", "_perform")

    def __init__(self, parts: Performed, perform: Callable[[Wants], Any]) -> None:
        self._parts = parts
        self._perform = perform

    def run(self, name: str, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a part once: a worker that takes the step over gets its recorded outcome.

        Args:
            name: Its name. Together with its arguments, and a count of earlier runs with these, it
                identifies the part.
            fn: The function.
            args: Its arguments.
            kwargs: Its keyword arguments.

        Returns:
            The function's result, through JSON, like a step's.

        Raises:
            StepEnded: The step has ended.
            TooManyParts: It has too many parts, or too large ones.
            TypeError: `fn` is not callable, or its result cannot be stored.
            Exception: What the function raised.
        """
        _must_be_called(name, fn, "steps.run")
        if inspect.iscoroutinefunction(inspect.unwrap(fn)):
            raise TypeError(
                f"steps.run({name!r}, …): {fn.__name__} is a coroutine function; "
                "make the step one too, whose first parameter is `steps: AsyncSteps`"
            )
        return self._perform(self._parts.run(name, fn, args, kwargs))  # type: ignore[no-any-return]

    def say(self, text: str | Markdown, /) -> None:
        """Say a paragraph: it becomes a part of the answer, and is shown on the answer page at once
        if there is one.

        Raises:
            StepEnded: The step has ended.
            TooManyParts: It has said too much.
            TypeError: It is not a text.
        """
        _must_be_text(text)
        self._perform(self._parts.say(text))


class AsyncSteps:
    """The parts of a step, for a coroutine."""

    __slots__ = ("_parts", "_perform")

    def __init__(self, parts: Performed, perform: Callable[[Wants], Awaitable[Any]]) -> None:
        self._parts = parts
        self._perform = perform

    @overload
    async def run(
        self, name: str, fn: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T: ...
    @overload
    async def run(
        self, name: str, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T: ...
    async def run(self, name: str, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """See `Steps.run`. A plain function runs on a thread."""
        _must_be_called(name, fn, "await steps.run")
        return await self._perform(self._parts.run(name, fn, args, kwargs))

    async def say(self, text: str | Markdown, /) -> None:
        """See `Steps.say`."""
        _must_be_text(text)
        await self._perform(self._parts.say(text))


def _must_be_called(name: object, fn: object, call: str) -> None:
    if not isinstance(name, str) or not name:
        raise TypeError(f"{call}: a name comes first, then the function: {call}('search', search)")
    if not callable(fn):
        raise TypeError(
            f"{call}({name!r}, …): a function is wanted, not {type(fn).__name__}; hand over the "
            "function and its arguments, and not what it returned"
        )


def _must_be_text(text: object) -> None:
    if not isinstance(text, (str, Markdown)):
        raise TypeError(
            f"steps.say: a text is wanted, or replies.Markdown(text), not {type(text).__name__}"
        )


# Functions with such a parameter ------------------------------------------------------------------


def wants_steps(fn: Callable[..., Any]) -> type[Steps] | type[AsyncSteps] | None:
    """Return the type that a step function declares for its first parameter; None: another type."""
    try:
        return _wants_steps(fn)
    except TypeError:  # a callable that cannot be hashed
        return _wants_steps.__wrapped__(fn)


def must_fit(fn: Callable[..., Any]) -> None:
    """Refuse a coroutine function that declares `Steps`, and a plain one that declares
    `AsyncSteps`.

    Raises:
        TypeError: Says what to write.
    """
    wanted = wants_steps(fn)
    if wanted is None:
        return
    fits = AsyncSteps if is_async(fn) else Steps
    if wanted is not fits:
        kind = "a coroutine function" if fits is AsyncSteps else "a plain function"
        name = getattr(fn, "__qualname__", type(fn).__name__)
        raise TypeError(f"chat.step: {name} is {kind}: declare `steps: {fits.__name__}`")


def is_async(fn: Callable[..., Any]) -> bool:
    """Return whether a function, or a callable object, is a coroutine function.

    The `__call__` of an object is looked up in its class, as Python does.
    """
    return inspect.iscoroutinefunction(inspect.unwrap(fn)) or inspect.iscoroutinefunction(
        type(fn).__call__
    )


@lru_cache(maxsize=1024)
def _wants_steps(fn: Callable[..., Any]) -> type[Steps] | type[AsyncSteps] | None:
    try:
        first = next(iter(inspect.signature(fn).parameters.values()), None)
    except (TypeError, ValueError):  # a builtin without a signature
        return None
    kind: Any = None if first is None else first.annotation
    if isinstance(kind, str):
        kind = _resolved(fn, "" if first is None else first.name) or kind.rpartition(".")[2]
    return next(
        (
            kind_of_steps
            for kind_of_steps in (Steps, AsyncSteps)
            if kind in (kind_of_steps, kind_of_steps.__name__)
        ),
        None,
    )


def _resolved(fn: Callable[..., Any], name: str) -> Any:
    """Return the type of an annotation; None if another annotation of the function is undefined."""
    plain: Any = inspect.unwrap(fn)
    try:
        return typing.get_type_hints(getattr(plain, "__func__", plain)).get(name)
    except Exception:  # noqa: BLE001 - a name that only type checkers know
        return None

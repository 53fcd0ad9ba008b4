"""What a step that has parts is handed: `steps: Steps`, in a coroutine `steps: AsyncSteps`.

    def research(steps: Steps, question: str) -> str:
        found = steps.run("search", search, question)
        steps.say(f"找到 {len(found)} 篇。")
        return steps.run("model", model, question, found)

A part runs once: its outcome is recorded before `run` returns, so a worker that dies repeats at
most one. What a paragraph is, and what a part is known by, is in `core/turn/step_parts.py`.
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
    """Decides what is done for a part and for a paragraph; performs nothing."""

    def run(
        self, name: str, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Wants:
        """Run a part, or give back its recorded outcome."""
        ...

    def say(self, text: str | Markdown) -> Wants:
        """Hand out a paragraph."""
        ...


class Steps:
    """The parts of a step, for a plain function. Safe to use from several threads."""

    __slots__ = ("_parts", "_perform")

    def __init__(self, parts: Performed, perform: Callable[[Wants], Any]) -> None:
        self._parts = parts
        self._perform = perform

    def run(self, name: str, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a part once: a worker that takes the step over gets what is recorded of it.

        Args:
            name: Its name. With its arguments, and how often it was run with those, it is what it
                is known by.
            fn: The function.
            args: Its arguments.
            kwargs: Its keyword arguments.

        Returns:
            The function's result, through JSON, as a step's.

        Raises:
            StepEnded: The step has ended.
            TooManyParts: It has too many, or too large ones.
            TypeError: `fn` cannot be called, or its result cannot be written down.
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
        """Hand out a paragraph: it is a part of the answer, and on the answer page at once where
        there is one.

        Raises:
            StepEnded: The step has ended.
            TooManyParts: It has said too much.
            TypeError: It is no text.
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


# Who wants one ------------------------------------------------------------------------------------


def wants_steps(fn: Callable[..., Any]) -> type[Steps] | type[AsyncSteps] | None:
    """Return what a step function declares its first parameter to be; None: something else."""
    try:
        return _wants_steps(fn)
    except TypeError:  # a callable that cannot be hashed
        return _wants_steps.__wrapped__(fn)


def must_fit(fn: Callable[..., Any]) -> None:
    """Refuse a coroutine function that wants `Steps`, and a plain one that wants `AsyncSteps`.

    Raises:
        TypeError: It says what to write.
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
    """Return whether a function, or an object that can be called, is a coroutine function.

    An object with an async `__call__` is looked at through its class, where Python looks too.
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
    return next((one for one in (Steps, AsyncSteps) if kind in (one, one.__name__)), None)


def _resolved(fn: Callable[..., Any], name: str) -> Any:
    """Return what an annotation means; None where another of the function's is not known here."""
    plain: Any = inspect.unwrap(fn)
    try:
        return typing.get_type_hints(getattr(plain, "__func__", plain)).get(name)
    except Exception:  # noqa: BLE001 - a name that only type checkers know
        return None

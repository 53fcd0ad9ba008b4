"""`step`: options that belong to a function, and how a step's outcome is written down and read
back.

What a dialog gets from a step has been through JSON, live as well as replayed, so that both are the
same value.
"""

from __future__ import annotations

import builtins
import inspect
import sys
import typing
from collections.abc import Awaitable, Callable
from functools import lru_cache, update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar, overload

import msgspec

from .effects import StepOptions
from .errors import DialogError, StepFailed
from .journal import Failed, GatheredFailed, GatheredReturned, Returned

__all__ = [
    "StepFunction",
    "class_of",
    "failed",
    "raised",
    "returned",
    "step",
    "value",
    "wants_idempotency_key",
]

T = TypeVar("T")
P = ParamSpec("P")


class StepFunction(Generic[P, T]):
    """A function with its options as a step; called directly it is the function itself.

    Attributes:
        fn: The function.
        options: How `chat.step` runs it.
    """

    def __init__(self, fn: Callable[P, Any], options: StepOptions) -> None:
        self.fn = fn
        self.options = options
        update_wrapper(self, fn)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Call the function, with nothing journaled."""
        return self.fn(*args, **kwargs)


class _Decorator(typing.Protocol):
    @overload
    def __call__(self, fn: Callable[P, Awaitable[T]], /) -> StepFunction[P, T]: ...
    @overload
    def __call__(self, fn: Callable[P, T], /) -> StepFunction[P, T]: ...


@overload
def step(
    fn: Callable[P, Awaitable[T]], /, *, name: str | None = ..., retries: int = ...,
    backoff: float | Callable[[int], float] = ..., timeout: float | None = ...,
) -> StepFunction[P, T]: ...  # fmt: skip
@overload
def step(
    fn: Callable[P, T], /, *, name: str | None = ..., retries: int = ...,
    backoff: float | Callable[[int], float] = ..., timeout: float | None = ...,
) -> StepFunction[P, T]: ...  # fmt: skip
@overload
def step(
    *, name: str | None = ..., retries: int = ..., backoff: float | Callable[[int], float] = ...,
    timeout: float | None = ...,
) -> _Decorator: ...  # fmt: skip
def step(
    fn: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    retries: int = 0,
    backoff: float | Callable[[int], float] = 0.2,
    timeout: float | None = None,
) -> Any:
    """Give a function options for when it runs as a step; a decorator, or a wrapper on the spot.

    Args:
        fn: The function; left out when used as `@step(…)`.
        name: What the journal knows it by; None: its qualified name. Set it before renaming a
            function in use.
        retries: How many times it is run again after it raised, 0 or more.
        backoff: Seconds before the first repetition, doubled for each further one; or a function
            from the number of the repetition, counted from 1, to seconds.
        timeout: Seconds one run may take; None: no limit. A sync function cannot be stopped: it is
            left behind.

    Raises:
        ValueError: A number is negative, or the timeout not above 0.
    """
    if (
        retries < 0
        or (not callable(backoff) and backoff < 0)
        or (timeout is not None and timeout <= 0)
    ):
        raise ValueError("step: retries and backoff must not be negative, timeout must be above 0")
    options = StepOptions(name or "", retries, backoff, timeout)

    def decorate(fn: Callable[..., Any]) -> StepFunction[..., Any]:
        return StepFunction(fn, options)

    return decorate if fn is None else decorate(fn)


# Outcomes -----------------------------------------------------------------------------------------


def returned(
    name: str, result: object, slot: int | None = None, call: str = ""
) -> Returned | GatheredReturned:
    """Return the record of a step that returned; `call` is `StepCall.mark`.

    Raises:
        TypeError: The result is nothing that JSON can hold.
    """
    try:
        raw = msgspec.Raw(msgspec.json.encode(result))
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(
            f"step {name!r} returned {type(result).__qualname__}, which cannot be written down "
            f"({error}); return JSON data, a dataclass or a msgspec.Struct"
        ) from error
    if slot is None:
        return Returned(name, raw, call)
    return GatheredReturned(slot, name, raw, call)


def failed(
    name: str, error: BaseException, slot: int | None = None, call: str = ""
) -> Failed | GatheredFailed:
    """Return the record of a step that raised; `call` is `StepCall.mark`."""
    cls = type(error)
    place = f"{cls.__module__}:{cls.__qualname__}"
    args: list[Any] | None
    try:
        args = msgspec.json.decode(msgspec.json.encode(list(error.args)))
        if args != list(
            error.args
        ):  # a tuple that came back as a list, an object that became a dict
            args = None
    except (TypeError, ValueError, RecursionError):
        args = None
    text = str(error)[:2000]
    if slot is None:
        return Failed(name, place, args, text, call)
    return GatheredFailed(slot, name, place, args, text, call)


def value(fn: Callable[..., Any], record: Returned | GatheredReturned) -> Any:
    """Decode a step's result as the type its function is annotated to return.

    Raises:
        ValueError: It is no longer of that type.
    """
    try:
        return msgspec.json.decode(record.result, type=_result_type(fn))
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error


def raised(record: Failed | GatheredFailed) -> Exception:
    """Rebuild a step's exception: of its own class if that is loaded and takes its recorded `args`,
    else `StepFailed`.

    Nothing is imported for it, and only a subclass of `Exception` is ever called, so that a journal
    can name no code to run.
    """
    cls = class_of(record.cls)
    if record.args is not None and cls is not None:
        try:
            error = cls(*record.args)
        except Exception:  # noqa: BLE001 - a constructor may not take its own args
            return StepFailed(record.cls.replace(":", "."), record.text)
        if isinstance(error, DialogError) or str(error) == record.text:
            return error
    return StepFailed(record.cls.replace(":", "."), record.text)


def class_of(place: str) -> type[Exception] | None:
    """Return the class of a step's exception, if it is loaded."""
    module, _, qualname = place.partition(":")
    cls: Any = builtins if module == "builtins" else sys.modules.get(module)
    for part in qualname.split("."):
        cls = getattr(cls, part, None)
    found: Any = cls if isinstance(cls, type) and issubclass(cls, Exception) else None
    return found  # type: ignore[no-any-return]


@lru_cache(maxsize=1024)
def _result_type(fn: Callable[..., Any]) -> Any:
    try:
        hint = typing.get_type_hints(inspect.unwrap(fn)).get("return", Any)
        msgspec.json.Decoder(hint)
    except Exception:  # noqa: BLE001 - a hint nobody can read, or msgspec does not know
        return Any
    return hint


@lru_cache(maxsize=1024)
def wants_idempotency_key(fn: Callable[..., Any]) -> bool:
    """Whether the function declares a parameter `idempotency_key`."""
    try:
        return "idempotency_key" in inspect.signature(fn).parameters
    except (TypeError, ValueError):  # a builtin without a signature
        return False

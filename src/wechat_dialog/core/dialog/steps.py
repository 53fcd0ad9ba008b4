"""Steps: side effects that run once, their options, and several concurrent steps (a gathering)."""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Awaitable, Callable, Generator, Mapping
from copy import copy
from functools import lru_cache, update_wrapper
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload
from zlib import crc32

import msgspec

from wechat_dialog.core.blame import writable
from wechat_dialog.core.dialog.effects import Effect
from wechat_dialog.core.dialog.secret_answers import revealed, unsaid
from wechat_dialog.core.quantities import LONGEST, as_text, is_count, is_seconds, refusal

if TYPE_CHECKING:
    from wechat_dialog.core.dialog.chat_state import ChatState

__all__ = ["Gather", "StepCall", "StepFunction", "StepOptions", "step", "wants_idempotency_key"]

T = TypeVar("T")


class StepOptions(msgspec.Struct, frozen=True):
    """How a step is run; set on its function.

    Attributes:
        name: Its name in the journal; "": the function's qualified name.
        retries: How many times it is retried after it raised.
        backoff: Seconds before the first retry, doubled for each further one; or a function from
            the number of the retry, counted from 1, to seconds.
        timeout: Seconds one run may take; None: no limit.
    """

    name: str = ""
    retries: int = 0
    backoff: float | Callable[[int], float] = 0.2
    timeout: float | None = None

    def pause(self, repetition: int) -> float:
        """Return the seconds to wait before this retry, counted from 1.

        Raises:
            TypeError: A function gave it, and that is no number.
            ValueError: They are below 0, or too many.
        """
        if not callable(self.backoff):
            return min(self.backoff * 2.0 ** min(repetition - 1, 40), LONGEST)
        pause = self.backoff(repetition)
        if not is_seconds(pause, zero=True):
            raise refusal(pause, f"step: backoff returned {as_text(pause)}: seconds, 0 or more")
        return pause


class StepCall(Effect[T]):
    """A side effect that runs once.

    Attributes:
        amid: The exception that the dialog was handling when it requested the step, or None.
        name: Its name in the journal.
        fn: The function, sync or async.
        args: Its arguments.
        kwargs: Its keyword arguments.
        options: How it is run.
    """

    __slots__ = ("_digest", "amid", "args", "fn", "kwargs", "name", "options")

    def __init__(
        self,
        chat: ChatState,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        options: StepOptions,
    ) -> None:
        self.chat = chat
        self.fn = fn
        self.args = args
        self.kwargs = kwargs
        self.options = options
        chat.made += 1
        name = options.name or getattr(fn, "__qualname__", None) or type(fn).__name__
        self.name = name if name.isascii() else writable(name)
        self.amid: BaseException | None = None
        self._digest: str | None = None

    def __iter__(self) -> Generator[Any, Any, T]:
        """See `Effect`."""
        self.amid = sys.exception()
        return super().__iter__()

    __await__ = __iter__

    @property
    def call(self) -> str:
        """See `Effect`."""
        return f"chat.step({self.name}, …)"

    @property
    def digest(self) -> str:
        """Six hexadecimal digits of the arguments, to distinguish calls of one function; "" if
        there are none, or JSON cannot represent them.

        It is computed when the dialog requests the step (`take_digest`): the function may change
        its arguments, while a replay, which does not run it, has the original ones.
        """
        if self._digest is None:
            self.take_digest()
        return self._digest or ""

    def take_digest(self) -> None:
        """Compute the digest, at the time the dialog requests the step."""
        self._digest = self.digest_now()

    def digest_now(self) -> str:
        """Return the digest of the arguments as they are now."""
        if not self.args and not self.kwargs:
            return ""
        try:
            encoded = _in_order.encode((self.args, self.kwargs))
        except Exception:  # noqa: BLE001 - arguments may raise when they are inspected
            return ""
        return f"{crc32(encoded) & 0xFFFFFF:06x}"

    def revealed(self) -> StepCall[T]:
        """Return the call to run: secret answers among its arguments are replaced by their values.

        Raises:
            SecretGone: One of the values is lost.
        """
        call: StepCall[T] = copy(self)  # not created by the dialog, so not counted in `chat.made`
        call.args, call.kwargs = revealed(self.args), revealed(dict(self.kwargs))
        return call


_in_order = msgspec.json.Encoder(order="deterministic", enc_hook=unsaid)


class Gather(Effect[T]):
    """Several concurrent steps; each is recorded as it ends, under its slot.

    Attributes:
        amid: See `StepCall`.
        calls: The steps, in the order of their slots.
    """

    __slots__ = ("amid", "calls")

    def __init__(self, chat: ChatState, calls: tuple[StepCall[Any], ...]) -> None:
        self.chat = chat
        self.calls = calls
        self.amid: BaseException | None = None

    @property
    def call(self) -> str:
        """See `Effect`."""
        return "chat.gather(…)"

    def __iter__(self) -> Generator[Any, Any, T]:
        """See `Effect`."""
        self.amid = sys.exception()
        return super().__iter__()

    __await__ = __iter__


P = ParamSpec("P")


class StepFunction(Generic[P, T]):
    """A function with its options as a step; a direct call runs the function itself.

    Attributes:
        fn: The function.
        options: How `chat.step` runs it.
    """

    def __init__(self, fn: Callable[P, Any], options: StepOptions) -> None:
        self.fn = fn
        self.options = options
        update_wrapper(self, fn)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Call the function; nothing is journaled."""
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
    """Give a function its options as a step; a decorator, or a wrapper for one call.

    Args:
        fn: The function; left out when used as `@step(…)`.
        name: Its name in the journal; None: its qualified name. Set it before renaming a function
            in use.
        retries: How many times it is retried after it raised, 0 or more.
        backoff: Seconds before the first retry, doubled for each further one; or a function from
            the number of the retry, counted from 1, to seconds.
        timeout: Seconds one run may take; None: no limit. A sync function cannot be stopped: it is
            abandoned.

    Raises:
        TypeError: One of them is no number.
        ValueError: A number is negative, or the timeout not above 0; or it is infinite.
    """
    for value, right in (
        (retries, is_count(retries, 0)),
        (backoff, callable(backoff) or is_seconds(backoff, zero=True)),
        (timeout, timeout is None or is_seconds(timeout)),
    ):
        if not right:
            why = "retries and backoff must not be negative, timeout must be above 0"
            raise refusal(value, f"step: {why}")
    options = StepOptions(name or "", retries, backoff, timeout)

    def decorate(fn: Callable[..., Any]) -> StepFunction[..., Any]:
        return StepFunction(fn, options)

    return decorate if fn is None else decorate(fn)


def wants_idempotency_key(fn: Callable[..., Any]) -> bool:
    """Whether the function declares a parameter `idempotency_key`."""
    try:
        return _wants_idempotency_key(fn)
    except TypeError:  # a callable that cannot be hashed
        return _wants_idempotency_key.__wrapped__(fn)


@lru_cache(maxsize=1024)
def _wants_idempotency_key(fn: Callable[..., Any]) -> bool:
    try:
        return "idempotency_key" in inspect.signature(fn).parameters
    except (TypeError, ValueError):  # a builtin without a signature
        return False

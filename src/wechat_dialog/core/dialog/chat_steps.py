"""What a dialog may do once: steps, one after another or concurrently.

    order = yield from chat.step(place_order, item, count)

The other methods are in `chat`. See `docs/dialogs.md`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, overload

from wechat_dialog.core.dialog.effects import Effect
from wechat_dialog.core.dialog.step_parts import AsyncSteps, Steps, must_fit
from wechat_dialog.core.dialog.steps import Gather, StepCall, StepFunction, StepOptions

from .chat_state import D
from .chat_times import ChatTimes

if TYPE_CHECKING:
    from wechat_dialog.core.dialog.keyed_steps import Keyed0, Keyed1, Keyed2, Keyed3, Keyed4

__all__ = ["ChatSteps"]

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
P = ParamSpec("P")

_PLAIN_STEP = StepOptions()


class ChatSteps(ChatTimes[D]):
    """Steps: side effects that happen once."""

    __slots__ = ()

    @overload
    def step(self, fn: StepFunction[P, T], /, *args: P.args, **kwargs: P.kwargs) -> StepCall[T]: ...
    @overload
    def step(
        self, fn: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> StepCall[T]: ...
    @overload
    def step(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> StepCall[T]: ...
    # The key is passed by whoever runs the step, not by the author.
    @overload
    def step(self, fn: Keyed0[Awaitable[T]], /) -> StepCall[T]: ...
    @overload
    def step(self, fn: Keyed0[T], /) -> StepCall[T]: ...
    @overload
    def step(self, fn: Keyed1[T1, Awaitable[T]], a: T1, /) -> StepCall[T]: ...
    @overload
    def step(self, fn: Keyed1[T1, T], a: T1, /) -> StepCall[T]: ...
    @overload
    def step(self, fn: Keyed2[T1, T2, Awaitable[T]], a: T1, b: T2, /) -> StepCall[T]: ...
    @overload
    def step(self, fn: Keyed2[T1, T2, T], a: T1, b: T2, /) -> StepCall[T]: ...
    @overload
    def step(self, fn: Keyed3[T1, T2, T3, Awaitable[T]], a: T1, b: T2, c: T3, /) -> StepCall[T]: ...
    @overload
    def step(self, fn: Keyed3[T1, T2, T3, T], a: T1, b: T2, c: T3, /) -> StepCall[T]: ...
    @overload
    def step(
        self, fn: Keyed4[T1, T2, T3, T4, Awaitable[T]], a: T1, b: T2, c: T3, d: T4, /
    ) -> StepCall[T]: ...
    @overload
    def step(self, fn: Keyed4[T1, T2, T3, T4, T], a: T1, b: T2, c: T3, d: T4, /) -> StepCall[T]: ...
    # The same applies to `steps`, its first parameter.
    @overload
    def step(
        self, fn: StepFunction[Concatenate[Steps, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> StepCall[T]: ...
    @overload
    def step(
        self, fn: StepFunction[Concatenate[AsyncSteps, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> StepCall[T]: ...
    @overload
    def step(
        self, fn: Callable[Concatenate[AsyncSteps, P], Awaitable[T]], /,
        *args: P.args, **kwargs: P.kwargs,
    ) -> StepCall[T]: ...  # fmt: skip
    @overload
    def step(
        self, fn: Callable[Concatenate[Steps, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> StepCall[T]: ...
    def step(self, fn: Any, /, *args: Any, **kwargs: Any) -> StepCall[Any]:
        """Run a side effect once; on replay its recorded result is returned, or its exception
        raised again.

        A finished step never runs again. Only a step in which the process died can run a second
        time; it then gets the same `idempotency_key`, a `str`, if the function declares a parameter
        of that name.

        If its first parameter is declared `steps: Steps`, or `steps: AsyncSteps` in a coroutine
        function, it is passed before `args`: each `steps.run(…)` is recorded as a part, and
        `steps.say(…)` adds to the answer.

        Args:
            fn: A sync or async function, or a `step(…)` of one.
            args: Its arguments.
            kwargs: Its keyword arguments.

        Returns:
            An effect for the function's result, which must be JSON data or of a type msgspec knows
            (given by the function's return annotation), and is a copy that went through JSON.

        Raises:
            TypeError: `fn` is not callable, or has the wrong kind of `steps` parameter.
            TimedOut: When waited for: the function took longer than its `timeout`.
            Exception: When waited for: what the function raised; `StepFailed` if its class cannot
                be rebuilt.
        """
        if isinstance(fn, StepFunction):
            must_fit(fn.fn)
            return StepCall(self, fn.fn, args, kwargs, fn.options)
        if not callable(fn):
            raise TypeError(
                f"chat.step: a function is wanted, not {type(fn).__name__}; hand over the function "
                "and its arguments, chat.step(fetch, city), and not what it returned"
            )
        must_fit(fn)
        return StepCall(self, fn, args, kwargs, _PLAIN_STEP)

    @overload
    def gather(self, a: StepCall[T1], /) -> Effect[tuple[T1]]: ...
    @overload
    def gather(self, a: StepCall[T1], b: StepCall[T2], /) -> Effect[tuple[T1, T2]]: ...
    @overload
    def gather(
        self, a: StepCall[T1], b: StepCall[T2], c: StepCall[T3], /
    ) -> Effect[tuple[T1, T2, T3]]: ...
    @overload
    def gather(
        self, a: StepCall[T1], b: StepCall[T2], c: StepCall[T3], d: StepCall[T4], /
    ) -> Effect[tuple[T1, T2, T3, T4]]: ...
    @overload
    def gather(self, *calls: StepCall[T]) -> Effect[tuple[T, ...]]: ...
    def gather(self, *calls: StepCall[Any]) -> Effect[Any]:
        """Run several steps concurrently.

        Each is recorded as soon as it ends, so that none runs again after a crash that happens
        before the slowest one has ended.

        Args:
            calls: Results of `chat.step(…)`. Without any, the result is an empty tuple, at once.

        Returns:
            An effect for the tuple of their results, in the given order. If some raised, the
            exception of the first of them in that order is raised, after all have ended.

        Raises:
            TypeError: One of them is not a step.
        """
        for call in calls:
            kind: type = type(call)
            if not issubclass(kind, StepCall):
                raise TypeError(
                    f"chat.gather: {kind.__name__} is no step; what chat.step(…) returned is "
                    "wanted, not waited for yet"
                )
        return Gather(self, calls)

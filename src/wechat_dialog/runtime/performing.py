"""Two loops that perform what a generator asks for, on a thread or on an event loop; and what both
share.

All decisions are made by the generators: a turn's, a request's, a step's (`drive.py`,
`requests.py`, `steps.py`). Their operations are performed by `threads.py`, `loops.py`,
`testing/world.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextvars import Context, copy_context
from typing import Any, TypeVar

from wechat_dialog.core.turn.listening import Deferral

__all__ = ["Elsewhere", "copy_of", "hear_late", "perform_all", "perform_all_async"]

T = TypeVar("T")


class Elsewhere(BaseException):
    """Another thread continues the generator, and this one must not touch it any more."""


def perform_all(
    wants: Generator[Any, Any, T],
    perform: Callable[[Any, Any], Any],
    error: BaseException | None = None,
) -> T:
    """Perform a generator's operations until it returns.

    Args:
        wants: The generator.
        perform: Performs one operation, given the operation and the generator; returns its result.
        error: Thrown into the generator first; None: it is started or continued normally.

    Raises:
        Elsewhere: `perform` has passed the generator to another thread.
        BaseException: What the generator raises.
    """
    result: Any = None
    while True:
        try:
            wanted = wants.send(result) if error is None else wants.throw(error)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        error = None
        try:
            result = perform(wanted, wants)
        except Elsewhere:
            raise
        except BaseException as failure:  # noqa: BLE001 - the generator decides what it means
            error = failure


async def perform_all_async(
    wants: Generator[Any, Any, T], perform: Callable[[Any], Awaitable[Any]]
) -> T:
    """Perform a generator's operations until it returns; see `perform_all`."""
    result: Any = None
    error: BaseException | None = None
    while True:
        try:
            wanted = wants.send(result) if error is None else wants.throw(error)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        error = None
        try:
            result = await perform(wanted)
        except BaseException as failure:  # noqa: BLE001 - the generator decides what it means
            error = failure


def copy_of(context: Context | None) -> Context:
    """Return a copy of a context to run a turn in; None: of the current one."""
    return copy_context() if context is None else context.copy()


def hear_late(answered: Any, wanted: Deferral) -> None:
    """Handle the store's answer to a deferral when it arrives.

    Args:
        answered: A future of the answer.
        wanted: The deferral.
    """

    def hear(outcome: Any) -> None:
        if not outcome.cancelled() and outcome.exception() is None:
            wanted.late(outcome.result())

    answered.add_done_callback(hear)

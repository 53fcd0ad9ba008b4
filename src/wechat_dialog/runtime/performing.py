"""Two loops: what a generator asks for is performed, on a thread or on an event loop; and what both
of them do.

All decisions are the generators': a turn's, a request's, a step's (`drive.py`, `requests.py`,
`steps.py`). What they ask for is performed by `threads.py`, `loops.py`, `testing/world.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

from wechat_dialog.core.turn.listening import Deferral

__all__ = ["Elsewhere", "hear_late", "perform_all", "perform_all_async"]

T = TypeVar("T")


class Elsewhere(BaseException):
    """Another thread goes on with the generator, and this one has nothing more to do with it."""


def perform_all(
    wants: Generator[Any, Any, T],
    perform: Callable[[Any, Any], Any],
    error: BaseException | None = None,
) -> T:
    """Perform what a generator asks for, until it returns.

    Args:
        wants: The generator.
        perform: Performs one thing, given that and the generator; returns its result.
        error: Thrown into the generator first; None: it is to begin, or to go on.

    Raises:
        Elsewhere: `perform` has had another thread go on.
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
    """Perform what a generator asks for, until it returns; see `perform_all`."""
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


def hear_late(answered: Any, wanted: Deferral) -> None:
    """Have the store's answer to a deferral taken over when it is there.

    Args:
        answered: A future of it.
        wanted: The deferral.
    """

    def hear(outcome: Any) -> None:
        if not outcome.cancelled() and outcome.exception() is None:
            wanted.late(outcome.result())

    answered.add_done_callback(hear)

"""How a step's function ended, as a value: what it returned or raised.

Some exceptions must not leave a task or a thread by themselves, since an event loop acts on them.
As values they pass, and are raised where the step is waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

__all__ = ["Ended", "called", "carried", "is_told_to_stop"]


@dataclass(frozen=True, slots=True)
class Ended:
    """The value of a function or coroutine, or what it raised."""

    value: object = None
    error: BaseException | None = None

    def unpack(self) -> object:
        """Return the value, or raise what was raised."""
        if self.error is not None:
            raise self.error
        return self.value


async def carried(job: Awaitable[object]) -> Ended:
    """Await a job. A task that raises `SystemExit` ends its event loop, one that raises
    `CancelledError` counts as cancelled: so they are carried out of the task by hand.
    """
    try:
        return Ended(await job)
    except BaseException as error:
        if is_told_to_stop():
            raise
        return Ended(error=error)


def called(job: Callable[[], object]) -> Ended:
    """Call a job. What a thread hands to an event loop is thrown into coroutines, and these take a
    `GeneratorExit` for the order to close.
    """
    try:
        return Ended(job())
    except BaseException as error:  # noqa: BLE001 - unpacked, and raised, where it is waited for
        return Ended(error=error)


def is_told_to_stop() -> bool:
    """Whether the running task was cancelled, and met its `CancelledError` by no step's doing."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0

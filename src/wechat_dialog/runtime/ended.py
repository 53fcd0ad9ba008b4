"""The end of a step's function as a value: its result or its exception.

Some exceptions must not leave a task or a thread by themselves, since an event loop reacts to them.
As values they can be passed on, and are raised where the step is waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

__all__ = ["WIND_UP", "Ended", "called", "carried", "in_time", "is_told_to_stop"]

WIND_UP = 1.0
"""Seconds that a cancelled coroutine has to clean up before its step counts as timed out anyway."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The result of a function or coroutine, or its exception."""

    value: object = None
    error: BaseException | None = None

    def unpack(self) -> object:
        """Return the result, or raise the exception."""
        if self.error is not None:
            raise self.error
        return self.value


async def carried(job: Awaitable[object]) -> Ended:
    """Await a job. A task that raises `SystemExit` ends its event loop, and one that raises
    `CancelledError` counts as cancelled; so the exception is returned as a value.
    """
    try:
        return Ended(await job)
    except BaseException as error:
        if is_told_to_stop():
            raise
        return Ended(error=error)


async def in_time(job: Awaitable[object], limit: float | None) -> Ended:
    """Await a job for `limit` seconds at most; None: as long as it takes.

    `asyncio.wait_for` waits for what it has cancelled, and for ever where that takes no notice.

    Raises:
        TimeoutError: It took longer, and is cancelled. It has `WIND_UP` to end then.
    """
    if limit is None:
        return await carried(job)
    task = asyncio.ensure_future(carried(job))
    try:
        await asyncio.wait([task], timeout=limit)
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=WIND_UP)
    if not task.done() or task.cancelled():
        task.add_done_callback(_is_of_no_use)
        raise TimeoutError
    return task.result()


def _is_of_no_use(task: asyncio.Task[Ended]) -> None:
    """Retrieve the result of a task that nobody waits for; otherwise Python logs a warning."""
    if not task.cancelled():
        task.exception()


def called(job: Callable[[], object]) -> Ended:
    """Call a job. Exceptions that a thread passes to an event loop are thrown into coroutines,
    which would take a `GeneratorExit` for the order to close.
    """
    try:
        return Ended(job())
    except BaseException as error:  # noqa: BLE001 - raised by `unpack`, where it is waited for
        return Ended(error=error)


def is_told_to_stop() -> bool:
    """Whether the running task was cancelled: its `CancelledError` does not come from a step."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0

"""Running steps: with time limits and repetitions, on threads of their own or on an event loop.

The sync driver runs a sync function where it stands and an async one on a loop that lives in a
thread of its own. The async driver runs an async function where it stands and a sync one on a
thread. The threads are the steps' own: a step that takes long never keeps a store operation waiting
for one.
"""

from __future__ import annotations

import asyncio
import inspect
import queue
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from functools import partial
from typing import Any

from .errors import TimedOut, is_bug
from .operations import RunStep, StepOutcome
from .steps import wants_idempotency_key

__all__ = ["Steps"]


def _arguments(step: RunStep) -> dict[str, Any]:
    call = step.call
    if wants_idempotency_key(call.fn) and "idempotency_key" not in call.kwargs:
        return {**call.kwargs, "idempotency_key": step.key}
    return dict(call.kwargs)


def _is_async(fn: Callable[..., Any]) -> bool:
    # An object with an async `__call__` is looked at through its class, where Python looks too.
    return inspect.iscoroutinefunction(inspect.unwrap(fn)) or inspect.iscoroutinefunction(
        type(fn).__call__
    )


class Steps:
    """Runs the steps of one bot."""

    def __init__(self, threads: int = 32) -> None:
        """Start nothing yet.

        Args:
            threads: Sync steps that may run at once where they need threads.
        """
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    # On threads -----------------------------------------------------------------------------------

    def run(self, step: RunStep) -> StepOutcome:
        """Run one step, and again where its options say so, and return how it ended.

        Raises:
            BaseException: What is no bug of the step's; see `is_bug`.
        """
        options, repetition = step.call.options, 0
        while True:
            try:
                return StepOutcome(step.slot, self._once(step))
            except BaseException as error:
                if not is_bug(error):
                    raise
                repetition += 1
                if repetition > options.retries:
                    return StepOutcome(step.slot, error=error)
            time.sleep(options.pause(repetition))

    def _once(self, step: RunStep) -> object:
        call, limit = step.call, step.call.options.timeout
        job = partial(call.fn, *call.args, **_arguments(step))
        if _is_async(call.fn):
            return self._on_loop(job, call.name, limit)
        if limit is None:
            result = job()
            return (
                self._on_loop(lambda: result, call.name, limit)
                if inspect.isawaitable(result)
                else result
            )
        future = self._executor().submit(job)
        return _wait(future, call.name, limit)

    def _on_loop(self, job: Callable[[], Awaitable[Any]], name: str, limit: float | None) -> object:
        async def run() -> _Ended:
            return await asyncio.wait_for(_carried(job()), limit)

        future = asyncio.run_coroutine_threadsafe(run(), self._background())
        try:
            return future.result().unpack()
        except TimeoutError as error:
            if limit is None:
                raise
            raise TimedOut(name, limit) from error

    def gather(self, steps: tuple[RunStep, ...]) -> Callable[[], StepOutcome]:
        """Start several steps at once; returns a function that gives the next outcome as it
        comes.
        """
        outcomes: queue.SimpleQueue[StepOutcome] = queue.SimpleQueue()
        for step in steps:
            # Threads of their own: a gathering inside the shared pool could wait for its own
            # threads for ever.
            threading.Thread(target=self._run_into, args=(outcomes, step), daemon=True).start()
        return outcomes.get

    def _run_into(self, outcomes: queue.SimpleQueue[StepOutcome], step: RunStep) -> None:
        try:
            outcomes.put(self.run(step))
        except BaseException as error:  # noqa: BLE001 - this thread is nobody's: who waits is told
            outcomes.put(StepOutcome(step.slot, error=error))

    # On an event loop -----------------------------------------------------------------------------

    async def run_async(self, step: RunStep) -> StepOutcome:
        """See `run`."""
        options, repetition = step.call.options, 0
        while True:
            try:
                return StepOutcome(step.slot, await self._once_async(step))
            except BaseException as error:
                if not is_bug(error) or _is_told_to_stop():
                    raise
                repetition += 1
                if repetition > options.retries:
                    return StepOutcome(step.slot, error=error)
            await asyncio.sleep(options.pause(repetition))

    async def _once_async(self, step: RunStep) -> object:
        call, limit = step.call, step.call.options.timeout
        job = partial(call.fn, *call.args, **_arguments(step))
        try:
            if _is_async(call.fn):
                return (await asyncio.wait_for(_carried(job()), limit)).unpack()
            loop = asyncio.get_running_loop()
            ended = loop.run_in_executor(self._executor(), _called, job)
            result = (await asyncio.wait_for(ended, limit)).unpack()
            if not inspect.isawaitable(result):
                return result
            return (await asyncio.wait_for(_carried(result), limit)).unpack()
        except TimeoutError as error:
            if limit is None:
                raise
            raise TimedOut(call.name, limit) from error

    def gather_async(self, steps: tuple[RunStep, ...]) -> Callable[[], Awaitable[StepOutcome]]:
        """See `gather`."""
        outcomes: asyncio.Queue[StepOutcome] = asyncio.Queue()

        async def run(step: RunStep) -> None:
            try:
                outcomes.put_nowait(await self.run_async(step))
            except BaseException as error:
                outcomes.put_nowait(StepOutcome(step.slot, error=error))
                raise

        tasks = [asyncio.ensure_future(run(step)) for step in steps]

        async def following() -> StepOutcome:
            outcome = await outcomes.get()
            tasks[:] = [task for task in tasks if not task.done()]
            return outcome

        return following

    # Threads --------------------------------------------------------------------------------------

    def _executor(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(
                    self._threads, thread_name_prefix="wechat-dialog-step"
                )
            return self._pool

    def _background(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(
                    target=_run_loop, args=(self._loop,), name="wechat-dialog-steps", daemon=True
                ).start()
            return self._loop

    def close(self) -> None:
        """Give the threads back; steps under way go on to their end."""
        with self._lock:
            pool, self._pool = self._pool, None
            loop, self._loop = self._loop, None
        if pool is not None:
            pool.shutdown(wait=False)
        if loop is not None:
            loop.call_soon_threadsafe(loop.stop)


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a coroutine ended, in a form that an event loop leaves alone."""

    value: object = None
    error: BaseException | None = None

    def unpack(self) -> object:
        if self.error is not None:
            raise self.error
        return self.value


async def _carried(job: Awaitable[object]) -> _Ended:
    """Await a job. A task that raises `SystemExit` ends its event loop, one that raises
    `CancelledError` counts as cancelled: so they are carried out of the task by hand.
    """
    try:
        return _Ended(await job)
    except BaseException as error:
        if _is_told_to_stop():
            raise
        return _Ended(error=error)


def _called(job: Callable[[], object]) -> _Ended:
    """Call a job. What a thread hands to an event loop is thrown into coroutines, and these take a
    `GeneratorExit` for the order to close.
    """
    try:
        return _Ended(job())
    except BaseException as error:  # noqa: BLE001 - unpacked, and raised, where it is waited for
        return _Ended(error=error)


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


def _is_told_to_stop() -> bool:
    """Whether the running task was cancelled, and met its `CancelledError` by no step's doing."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _wait(future: Future[Any], name: str, limit: float) -> object:
    try:
        return future.result(limit)
    except FutureTimeout as error:
        if future.done():
            raise  # the function's own TimeoutError
        raise TimedOut(name, limit) from error

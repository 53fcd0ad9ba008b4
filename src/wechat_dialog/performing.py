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
from functools import partial
from typing import Any

from .errors import TimedOut
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
        """Run one step, and again where its options say so, and return how it ended. Never raises
        an `Exception`.
        """
        options, repetition = step.call.options, 0
        while True:
            try:
                return StepOutcome(step.slot, self._once(step))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is the step's outcome
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
        async def run() -> object:
            return await asyncio.wait_for(job(), limit)

        future = asyncio.run_coroutine_threadsafe(run(), self._background())
        try:
            return future.result()
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
        outcomes.put(self.run(step))

    # On an event loop -----------------------------------------------------------------------------

    async def run_async(self, step: RunStep) -> StepOutcome:
        """See `run`."""
        options, repetition = step.call.options, 0
        while True:
            try:
                return StepOutcome(step.slot, await self._once_async(step))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is the step's outcome
                repetition += 1
                if repetition > options.retries:
                    return StepOutcome(step.slot, error=error)
            await asyncio.sleep(options.pause(repetition))

    async def _once_async(self, step: RunStep) -> object:
        call, limit = step.call, step.call.options.timeout
        job = partial(call.fn, *call.args, **_arguments(step))
        try:
            if _is_async(call.fn):
                return await asyncio.wait_for(job(), limit)
            loop = asyncio.get_running_loop()
            result = await asyncio.wait_for(loop.run_in_executor(self._executor(), job), limit)
            return await asyncio.wait_for(result, limit) if inspect.isawaitable(result) else result
        except TimeoutError as error:
            if limit is None:
                raise
            raise TimedOut(call.name, limit) from error

    def gather_async(self, steps: tuple[RunStep, ...]) -> Callable[[], Awaitable[StepOutcome]]:
        """See `gather`."""
        outcomes: asyncio.Queue[StepOutcome] = asyncio.Queue()

        async def run(step: RunStep) -> None:
            outcomes.put_nowait(await self.run_async(step))

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
                    target=self._loop.run_forever, name="wechat-dialog-steps", daemon=True
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


def _wait(future: Future[Any], name: str, limit: float) -> object:
    try:
        return future.result(limit)
    except FutureTimeout as error:
        if future.done():
            raise  # the function's own TimeoutError
        raise TimedOut(name, limit) from error

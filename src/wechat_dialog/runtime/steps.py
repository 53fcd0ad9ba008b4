"""Running steps: with time limits and repetitions, on threads of their own or on an event loop.

The sync driver runs a sync function where it stands and an async one on a loop that lives in a
thread of its own. The async driver runs an async function where it stands and a sync one on a
thread. The threads are the steps' own: a step that takes long never keeps a store operation waiting
for one.

Nothing can stop a function. What took too long is given up: it never begins if it has not begun,
a coroutine is cancelled, and a thread is left behind, and replaced.
"""

from __future__ import annotations

import asyncio
import inspect
import queue
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import CancelledError
from functools import partial
from typing import Any

from wechat_dialog.core.blame import is_bug
from wechat_dialog.core.dialog.steps import wants_idempotency_key
from wechat_dialog.core.turn.operations import RunStep, StepOutcome
from wechat_dialog.core.turn.outcomes_in_hand import Call, Outcomes
from wechat_dialog.errors import Closing, TimedOut

from .attempt import Attempt, GivenUp
from .ended import Ended, called, carried, is_told_to_stop
from .performing import perform_all, perform_all_async
from .signals import NEVER, future_of, wait_for
from .thread_pool import Job, ThreadPool
from .wanted import Wait

__all__ = ["Steps"]

AT_ONCE = 256
"""Steps on threads at once: far more than a process does work for, since they wait for others."""

LEFT_BEHIND = 256
"""Threads of steps that never returned which are replaced."""

WIND_UP = 1.0
"""Seconds that a cancelled coroutine has to clean up before its step counts as timed out anyway."""


class _Once:
    """Call a step's function once; the result is how it `Ended`."""


_ONCE = _Once()


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
    """Runs the steps of one bot, each once: a call that is under way here, or whose outcome is in
    hand, is joined.
    """

    def __init__(
        self,
        outcomes: Outcomes | None = None,
        at_once: int = AT_ONCE,
        left_behind: int = LEFT_BEHIND,
    ) -> None:
        """Start nothing yet.

        Args:
            outcomes: Keeps what the steps came to.
            at_once: Sync steps that may run at once where they need threads.
            left_behind: Threads of given-up steps that are replaced.
        """
        self._outcomes = Outcomes() if outcomes is None else outcomes
        self._threads = ThreadPool("wechat-dialog-step", at_once, left_behind)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def _performed(
        self, step: RunStep, user: str, attempt: Attempt, stopped: Callable[[BaseException], bool]
    ) -> Generator[_Once | Wait, Any, StepOutcome]:
        """Make a step's call, or join it; see `run`.

        Args:
            step: The step.
            user: Whose, by their key in the store.
            attempt: Whether somebody waits for it still.
            stopped: Whether an exception says that the call was stopped, by no doing of the step's.
        """
        while True:
            call, mine = self._outcomes.join(user, step.key)
            if mine:
                break

            def over(tell: Callable[[], object], call: Call = call) -> None:
                attempt.stops_with(tell)
                self._outcomes.when_over(call, tell)

            yield Wait(over, None)
            if call.outcome is not None:
                return call.outcome
            if attempt.given_up:
                raise CancelledError
            if call.given_up:
                raise GivenUp
        try:
            outcome = yield from self._repeated(step, attempt, stopped)
        except BaseException as error:
            call.given_up = isinstance(error, (CancelledError, asyncio.CancelledError))
            self._outcomes.finish(call, None, time.monotonic())
            raise
        self._outcomes.finish(call, outcome, time.monotonic())
        return outcome

    def _repeated(
        self, step: RunStep, attempt: Attempt, stopped: Callable[[BaseException], bool]
    ) -> Generator[_Once | Wait, Any, StepOutcome]:
        options, repetition = step.call.options, 0
        while True:
            try:
                # Not raised at the `yield`, where a `GeneratorExit` would close this generator.
                ended: Ended = yield _ONCE
                return StepOutcome(step.slot, ended.unpack())
            except Closing:
                raise
            except BaseException as error:
                if stopped(error) or not is_bug(error):
                    raise
                repetition += 1
                if repetition > options.retries or attempt.given_up:
                    return StepOutcome(step.slot, error=error)
            try:
                # The sum refuses what is no number, with which nothing can wait.
                yield Wait(NEVER.when_over, 0.0 + options.pause(repetition))
            except Exception as error:  # noqa: BLE001 - its function for the back-off is broken
                return StepOutcome(step.slot, error=error)

    # On threads -----------------------------------------------------------------------------------

    def run(self, step: RunStep, user: str, attempt: Attempt | None = None) -> StepOutcome:
        """Run one step, and again where its options say so, or join its call; return how it ended.

        Args:
            step: The step.
            user: Whose, by their key in the store.
            attempt: Whether somebody waits for it still; None: as long as it takes.

        Raises:
            Closing: It did not begin, since the process is ending.
            CancelledError: It was given up, and has come to nothing here: it did not begin, was
                cancelled, or its call goes on elsewhere.
            GivenUp: Its call was joined, and given up by whoever made it.
            BaseException: What is no bug of the step's; see `is_bug`.
        """
        attempt = attempt or Attempt()

        def perform(wanted: _Once | Wait, _wants: object) -> object:
            if isinstance(wanted, Wait):
                wait_for(wanted.when_over, wanted.seconds)
                return None
            return called(partial(self._once, step, attempt))

        def stopped(error: BaseException) -> bool:
            return attempt.given_up and isinstance(error, CancelledError)

        return perform_all(self._performed(step, user, attempt, stopped), perform)

    def _once(self, step: RunStep, attempt: Attempt) -> object:
        call, limit = step.call, step.call.options.timeout
        job = partial(call.fn, *call.args, **_arguments(step))
        if _is_async(call.fn):
            return self._on_loop(job, step, attempt)
        if limit is None:
            result = job()
            if inspect.isawaitable(result):
                return self._on_loop(lambda: result, step, attempt)
            return result
        begun = self._threads.start(job, f"step {call.name!r}")
        attempt.stops_with(partial(self._threads.give_up, begun))
        return self._waited_for(begun, call.name, limit)

    def _waited_for(self, job: Job, name: str, limit: float) -> object:
        try:
            return job.result(limit)
        except TimeoutError as error:
            if job.done() and not job.cancelled():
                raise  # the function's own TimeoutError
            self._threads.give_up(job)
            raise TimedOut(name, limit) from error

    def _on_loop(
        self, job: Callable[[], Awaitable[Any]], step: RunStep, attempt: Attempt
    ) -> object:
        limit = step.call.options.timeout

        async def run() -> Ended:
            return await asyncio.wait_for(carried(job()), limit)

        future = asyncio.run_coroutine_threadsafe(run(), self._background())
        attempt.stops_with(future.cancel)
        try:
            return future.result(None if limit is None else limit + WIND_UP).unpack()
        except TimeoutError as error:
            if limit is None:
                raise
            future.cancel()
            raise TimedOut(step.call.name, limit) from error

    def gather(
        self, steps: tuple[RunStep, ...], user: str, attempt: Attempt
    ) -> Callable[[float | None], StepOutcome]:
        """Start several steps at once.

        Args:
            steps: The steps.
            user: Whose, by their key in the store.
            attempt: Whether somebody waits for them still.

        Returns:
            A function that gives the next outcome as it comes; its argument is how long it may take
            to, after which it raises `queue.Empty`.

        Raises:
            Closing: One did not begin, since the process is ending.
        """
        outcomes: queue.SimpleQueue[StepOutcome] = queue.SimpleQueue()
        for step in steps:
            # Threads of their own: a gathering inside the shared pool could wait for its own
            # threads for ever.
            _begin(self._run_into, outcomes, step, user, attempt)

        def following(timeout: float | None) -> StepOutcome:
            outcome = outcomes.get(timeout=timeout)
            return _told(outcome)

        return following

    def _run_into(
        self,
        outcomes: queue.SimpleQueue[StepOutcome],
        step: RunStep,
        user: str,
        attempt: Attempt,
    ) -> None:
        try:
            outcomes.put(self.run(step, user, attempt))
        except BaseException as error:  # noqa: BLE001 - this thread is nobody's: who waits is told
            outcomes.put(StepOutcome(step.slot, error=error))

    # On an event loop -----------------------------------------------------------------------------

    async def run_async(self, step: RunStep, user: str) -> StepOutcome:
        """See `run`."""

        async def perform(wanted: _Once | Wait) -> object:
            if isinstance(wanted, Wait):
                over = future_of(wanted.when_over)
                return await asyncio.wait([over], timeout=wanted.seconds)
            return await carried(self._once_async(step))

        performed = self._performed(step, user, Attempt(), lambda _: is_told_to_stop())
        return await perform_all_async(performed, perform)

    async def _once_async(self, step: RunStep) -> object:
        call, limit = step.call, step.call.options.timeout
        job = partial(call.fn, *call.args, **_arguments(step))
        try:
            if _is_async(call.fn):
                return (await asyncio.wait_for(carried(job()), limit)).unpack()
            result = (await self._on_thread(job, call.name, limit)).unpack()
            if not inspect.isawaitable(result):
                return result
            return (await asyncio.wait_for(carried(result), limit)).unpack()
        except TimeoutError as error:
            if limit is None:
                raise
            raise TimedOut(call.name, limit) from error

    async def _on_thread(self, work: Callable[[], object], name: str, limit: float | None) -> Ended:
        job = self._threads.start(partial(called, work), f"step {name!r}")
        try:
            ended: Ended = await asyncio.wait_for(asyncio.wrap_future(job), limit)
        except BaseException:
            self._threads.give_up(job)
            raise
        return ended

    def gather_async(
        self, steps: tuple[RunStep, ...], user: str
    ) -> Callable[[], Awaitable[StepOutcome]]:
        """See `gather`."""
        outcomes: asyncio.Queue[StepOutcome] = asyncio.Queue()

        async def run(step: RunStep) -> None:
            try:
                outcomes.put_nowait(await self.run_async(step, user))
            except BaseException as error:
                outcomes.put_nowait(StepOutcome(step.slot, error=error))
                raise

        tasks = [asyncio.ensure_future(run(step)) for step in steps]

        async def following() -> StepOutcome:
            try:
                outcome = await outcomes.get()
            except asyncio.CancelledError:
                for task in tasks:
                    task.cancel()
                raise
            tasks[:] = [task for task in tasks if not task.done()]
            return _told(outcome)

        return following

    # Threads --------------------------------------------------------------------------------------

    def _background(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                _begin(_run_loop, loop)
                self._loop = loop
                # A bot may be dropped without being closed.
                self._stop_loop = weakref.finalize(self, _stop, loop)
                self._stop_loop.atexit = False
            return self._loop

    def close(self) -> None:
        """Give the threads back; steps under way go on to their end."""
        self._threads.close()
        with self._lock:
            if self._loop is not None:
                self._stop_loop()
                self._loop = None


def _told(outcome: StepOutcome) -> StepOutcome:
    """Return how a step of a gathering ended, or raise what says that it has not."""
    if isinstance(outcome.error, (Closing, GivenUp)):
        raise outcome.error
    return outcome


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


def _stop(loop: asyncio.AbstractEventLoop) -> None:
    """End a loop when the coroutines under way on it have ended, those being cancelled included."""
    loop.call_soon_threadsafe(lambda: loop.create_task(_stop_when_idle(loop)))


async def _stop_when_idle(loop: asyncio.AbstractEventLoop) -> None:
    this = asyncio.current_task()
    while tasks := asyncio.all_tasks() - {this}:
        await asyncio.wait(tasks)
    loop.stop()


def _begin(work: Callable[..., object], *args: Any) -> None:
    """Start a thread of its own.

    Raises:
        Closing: There is none, since the process is ending; or the system has no more, and what
            needed one is left to another process.
    """
    try:
        threading.Thread(target=work, args=args, name="wechat-dialog-step", daemon=True).start()
    except RuntimeError as error:
        raise Closing(f"no thread can be had: {error}") from error

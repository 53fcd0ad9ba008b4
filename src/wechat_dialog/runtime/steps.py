"""Runs steps: with time limits and retries, on threads of their own or on an event loop.

The sync driver runs a sync function in place and an async one on a loop in a thread of its own. The
async driver runs an async function in place and a sync one on a thread. The threads are reserved
for steps, so that a step that takes long never keeps a store operation waiting for a thread.

Nothing can stop a function. If it takes too long it is given up: it never begins if it has not
begun, a coroutine is cancelled, and a thread is abandoned and replaced.
"""

from __future__ import annotations

import asyncio
import inspect
import queue
import time
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import CancelledError
from functools import partial
from typing import Any

import msgspec

from wechat_dialog.core.blame import is_bug
from wechat_dialog.core.dialog.step_parts import is_async
from wechat_dialog.core.dialog.steps import wants_idempotency_key
from wechat_dialog.core.store.parts import PartPut
from wechat_dialog.core.turn.operations import RunStep, StepOutcome
from wechat_dialog.core.turn.outcomes_in_hand import Call, Outcomes
from wechat_dialog.core.turn.step_parts import StepParts, TriedParts
from wechat_dialog.errors import NoThread, StoreError, TimedOut

from .attempt import Attempt, GivenUp
from .background import BackgroundLoop, begin
from .ended import WIND_UP, Ended, called, carried, in_time, is_told_to_stop
from .performing import perform_all, perform_all_async
from .signals import NEVER, future_of, wait_for
from .step_parts import PartPerformer
from .thread_pool import Job, ThreadPool
from .wanted import Wait

__all__ = ["Steps"]

AT_ONCE = 256
"""Steps on threads at once: many more than a process has processors, since they wait for I/O."""

LEFT_BEHIND = 256
"""How many threads with steps that never returned are replaced."""


class _Once(msgspec.Struct, frozen=True):
    """Call a step's function once, with its parts if it has any; the result is an `Ended`."""

    parts: TriedParts | None = None


_ONCE = _Once()


def _arguments(step: RunStep) -> dict[str, Any]:
    call = step.call
    if wants_idempotency_key(call.fn) and "idempotency_key" not in call.kwargs:
        return {**call.kwargs, "idempotency_key": step.key}
    return dict(call.kwargs)


class Steps:
    """Runs the steps of one bot, each once: a call that is already running in this process, or
    whose outcome is in hand, is joined.
    """

    def __init__(
        self,
        outcomes: Outcomes | None = None,
        at_once: int = AT_ONCE,
        left_behind: int = LEFT_BEHIND,
        parts: PartPerformer | None = None,
    ) -> None:
        """Create it; nothing is started yet.

        Args:
            outcomes: Keeps the outcomes of steps.
            at_once: How many sync steps may run at once on threads.
            left_behind: How many threads of given-up steps are replaced.
            parts: Performs the operations of their parts; None: no step has parts.
        """
        self._parts = parts
        self._outcomes = Outcomes() if outcomes is None else outcomes
        self._threads = ThreadPool("wechat-dialog-step", at_once, left_behind)
        self._background = BackgroundLoop()

    def _performed(
        self, step: RunStep, user: str, attempt: Attempt, stopped: Callable[[BaseException], bool]
    ) -> Generator[_Once | Wait | PartPut, Any, StepOutcome]:
        """Make a step's call, or join it; see `run`.

        Args:
            step: The step.
            user: Key of the user in the store.
            attempt: Whether the step is still waited for.
            stopped: Returns whether an exception says that the call was stopped from outside the
                step.
        """
        call, mine = self._outcomes.join(user, step.key)
        if not mine:
            yield Wait(partial(self._over, call, attempt), None)
            if call.outcome is not None:
                return call.outcome
            if attempt.is_given_up():
                raise CancelledError
            if call.given_up:
                raise GivenUp
            # Making the call here would need a valid claim; a turn that starts over claims again.
            raise StoreError(f"the call of step {step.call.name!r} that was joined has no outcome")
        try:
            outcome = yield from self._repeated(step, user, attempt, stopped)
        except BaseException as error:
            call.given_up = isinstance(error, (CancelledError, asyncio.CancelledError))
            self._outcomes.finish(call, None, time.monotonic())
            raise
        self._outcomes.finish(call, outcome, time.monotonic())
        return outcome

    def _over(self, call: Call, attempt: Attempt, tell: Callable[[], object]) -> None:
        attempt.stops_with(tell)
        self._outcomes.when_over(call, tell)

    def _repeated(
        self,
        step: RunStep,
        user: str,
        attempt: Attempt,
        stopped: Callable[[BaseException], bool],
    ) -> Generator[_Once | Wait | PartPut, Any, StepOutcome]:
        options, repetition, parts = step.call.options, 0, None
        if step.parts is not None:
            in_hand = self._outcomes.parts(user, step.key)
            parts = StepParts(step.call.name, step.parts, in_hand)
        while True:
            once = _ONCE if parts is None else _Once(parts.attempt())
            try:
                # Not raised at the `yield`, where a `GeneratorExit` would close this generator.
                ended: Ended = yield once
                result = ended.unpack()
            except BaseException as error:
                if isinstance(error, NoThread) or stopped(error):
                    _end(once)
                    raise
                _end(once, error)
                if not is_bug(error):
                    raise
                repetition += 1
                failed = StepOutcome(step.slot, None, error, _said(once), repetition)
                if repetition > options.retries or attempt.is_given_up():
                    return failed
            else:
                _end(once, None)
                return StepOutcome(step.slot, result, None, _said(once), repetition + 1)
            if parts is not None:
                yield from parts.again()
            try:
                yield Wait(NEVER.when_over, options.pause(repetition))
            except Exception as error:  # noqa: BLE001 - its back-off function is broken
                return StepOutcome(step.slot, error=error, attempts=repetition)
            if attempt.is_given_up():  # in the pause
                return failed

    # On threads -----------------------------------------------------------------------------------

    def run(self, step: RunStep, user: str, attempt: Attempt | None = None) -> StepOutcome:
        """Run one step, with retries as its options say, or join its call; return its outcome.

        Args:
            step: The step.
            user: Key of the user in the store.
            attempt: Whether the step is still waited for; None: as long as it takes.

        Raises:
            NoThread: It did not begin, since the process is ending.
            CancelledError: It was given up, and has no outcome here: it did not begin, was
                cancelled, or its call continues elsewhere.
            GivenUp: The call that was joined was given up by whoever made it.
            StoreError: The store failed its parts, here or where the joined call was made.
            BaseException: What is not a bug of the step; see `is_bug`.
        """
        attempt = attempt or Attempt()

        def perform(wanted: _Once | Wait | PartPut, _wants: object) -> object:
            if isinstance(wanted, Wait):
                self.pause(wanted)
                return None
            if isinstance(wanted, PartPut):
                return wanted.on(self._performer.store)
            return called(partial(self.once, step, wanted.parts, attempt))

        def stopped(error: BaseException) -> bool:
            return attempt.is_given_up() and isinstance(error, CancelledError)

        return perform_all(self._performed(step, user, attempt, stopped), perform)

    def pause(self, wanted: Wait) -> None:
        """Wait on this thread. A testing kit overrides it: its clock is not the machine's."""
        wait_for(wanted.when_over, wanted.seconds)

    def once(self, step: RunStep, parts: TriedParts | None, attempt: Attempt) -> object:
        """Call a step's function on this thread; see `pause`. It may raise `TimedOut`."""
        call, limit = step.call, step.call.options.timeout
        job = partial(call.fn, *call.args, **_arguments(step))
        if parts is not None:
            attempt.stops_with(parts.stop)
            performer = self._performer
            hand = performer.apart if is_async(call.fn) else performer.plain
            job = partial(call.fn, hand(parts), *call.args, **_arguments(step))
        if is_async(call.fn):
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

        future = asyncio.run_coroutine_threadsafe(run(), self._background.loop())
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
            user: Key of the user in the store.
            attempt: Whether the steps are still waited for.

        Returns:
            A function that returns the next outcome as it comes; its argument is the time limit,
            after which it raises `queue.Empty`.

        Raises:
            NoThread: One did not begin, since the process is ending.
        """
        outcomes: queue.SimpleQueue[StepOutcome | StoreError] = queue.SimpleQueue()
        for step in steps:
            # Threads of their own: a gathering inside the shared pool could wait for its own
            # threads forever.
            begin(self._run_into, outcomes, step, user, attempt)

        def following(timeout: float | None) -> StepOutcome:
            outcome = outcomes.get(timeout=timeout)
            return _outcome_or_raise(outcome)

        return following

    def _run_into(
        self,
        outcomes: queue.SimpleQueue[StepOutcome | StoreError],
        step: RunStep,
        user: str,
        attempt: Attempt,
    ) -> None:
        try:
            outcomes.put(self.run(step, user, attempt))
        except StoreError as error:
            outcomes.put(error)  # not an outcome: the store failed the step's parts
        except BaseException as error:  # noqa: BLE001 - no caller: the receiver is told
            outcomes.put(StepOutcome(step.slot, error=error))

    # On an event loop -----------------------------------------------------------------------------

    async def run_async(self, step: RunStep, user: str) -> StepOutcome:
        """See `run`."""

        async def perform(wanted: _Once | Wait | PartPut) -> object:
            if isinstance(wanted, Wait):
                over = future_of(wanted.when_over)
                return await asyncio.wait([over], timeout=wanted.seconds)
            if isinstance(wanted, PartPut):
                await self._performer.ask(wanted)
                return None
            return await carried(self._once_async(step, wanted.parts))

        performed = self._performed(step, user, Attempt(), lambda _: is_told_to_stop())
        return await perform_all_async(performed, perform)

    async def _once_async(self, step: RunStep, parts: TriedParts | None) -> object:
        call, limit = step.call, step.call.options.timeout
        job = partial(call.fn, *call.args, **_arguments(step))
        if parts is not None:
            performer = self._performer
            hand = performer.on_loop if is_async(call.fn) else performer.plain
            job = partial(call.fn, hand(parts), *call.args, **_arguments(step))
        try:
            if is_async(call.fn):
                return (await in_time(job(), limit)).unpack()
            result = (await self._on_thread(job, call.name, limit)).unpack()
            if not inspect.isawaitable(result):
                return result
            return (await in_time(result, limit)).unpack()
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
        outcomes: asyncio.Queue[StepOutcome | StoreError] = asyncio.Queue()

        async def run(step: RunStep) -> None:
            try:
                outcomes.put_nowait(await self.run_async(step, user))
            except StoreError as error:
                outcomes.put_nowait(error)
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
            return _outcome_or_raise(outcome)

        return following

    @property
    def _performer(self) -> PartPerformer:
        if self._parts is None:
            raise AssertionError("a step has parts, and nothing here stores them")
        return self._parts

    # Threads --------------------------------------------------------------------------------------

    def close(self) -> None:
        """Release the threads; running steps continue to their end."""
        self._threads.close()
        self._background.close()


def _end(once: _Once, *raised: BaseException | None) -> None:
    """End a call's parts; without `raised` it was given up."""
    if once.parts is not None:
        once.parts.end(returned=raised == (None,)) if raised else once.parts.stop()


def _outcome_or_raise(outcome: StepOutcome | StoreError) -> StepOutcome:
    """Return the outcome of a step of a gathering, or raise the error that it has none."""
    if isinstance(outcome, StoreError):
        raise outcome
    if isinstance(outcome.error, (NoThread, GivenUp)):
        raise outcome.error
    return outcome


def _said(once: _Once) -> tuple[Any, ...]:
    return () if once.parts is None else tuple(once.parts.said)

"""Performs on event loops what `requests` and `drive` ask for.

A turn is a task of its own: a server may cancel a request's task when its connection is closed, and
the turn continues.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar

from wechat_dialog.core.hung_up import hung_up
from wechat_dialog.core.store.contract import AsyncStore
from wechat_dialog.core.turn import listening
from wechat_dialog.core.turn.listening import Deferral, Listen
from wechat_dialog.core.turn.operations import Push
from wechat_dialog.core.turn.running_turn import RunningTurn
from wechat_dialog.errors import Closing, StoreError

from .drive import Driving, TurnDriver
from .performing import copy_of, hear_late, perform_all_async
from .pusher import Pusher, none_to_push
from .signals import future_of, over_or_late
from .steps import Steps
from .wanted import (
    ON_STORE,
    Begin,
    BeginBeside,
    Gather,
    HandOver,
    NextOutcome,
    NextTurn,
    Step,
    Wait,
    Wanted,
)

__all__ = ["OnLoops"]

T = TypeVar("T")


class OnLoops:
    """Performs operations on any number of event loops.

    Attributes:
        turns: The turns that run on event loops, by their tasks.
        pushes: Whether the bot may push, so that a task may outlast its turn.
    """

    def __init__(
        self,
        store: Callable[[], AsyncStore],
        driver: TurnDriver,
        steps: Callable[[], Steps],
        pusher: Pusher | None,
    ) -> None:
        """Create it without turns.

        Args:
            store: Returns the store's asynchronous interface.
            driver: Says how much time a turn has left.
            steps: Returns what runs steps.
            pusher: Pushes, for bots that may.
        """
        self.turns: dict[asyncio.Task[object], RunningTurn] = {}
        self._open = store
        self._store: AsyncStore | None = None
        self._driver = driver
        self._steps = steps
        self._pusher = pusher
        self.pushes = pusher is not None
        self._departed: weakref.WeakKeyDictionary[asyncio.Task[Any], asyncio.Task[object]]
        self._departed = weakref.WeakKeyDictionary()
        self._background: set[asyncio.Future[Any]] = set()
        self._when_idle: Callable[[], Awaitable[object]] | None = None

    async def answer(
        self, wants: Driving[T], task: asyncio.Task[object] | None, *, doubtful: bool = False
    ) -> T:
        """Perform what one request asks for; returns its result.

        Args:
            wants: The request's generator.
            task: The task of the turn that it runs, begun; None if it runs none.
            doubtful: Whether its client may have hung up before it arrived, so that the server is
                asked at once.
        """
        request = _Request(self, task, doubtful=doubtful)
        try:
            return await perform_all_async(wants, request.perform)
        finally:
            request.let_go()
            if request.task is not None and not request.task.done():
                current = asyncio.current_task()
                if current is not None:
                    self._departed[current] = request.task

    async def settle(self, drain: float) -> None:
        """Wait for the turn that a request of the running task has left; see `Runner.settle`."""
        current = asyncio.current_task()
        task = None if current is None else self._departed.pop(current, None)
        if task is not None:
            await asyncio.wait([task], timeout=drain)

    def begin(
        self, turn: RunningTurn, driving: Driving[object], *, rounds: int = 0
    ) -> asyncio.Task[object]:
        """Run a turn in a task of its own, after `rounds` iterations of the event loop."""
        running = perform_all_async(driving, self.perform)
        return self._begin(turn, _after(rounds, running) if rounds else running)

    def _begin(
        self,
        turn: RunningTurn,
        running: Coroutine[Any, Any, object],
        context: Context | None = None,
    ) -> asyncio.Task[object]:
        task = asyncio.get_running_loop().create_task(running, context=context)
        self.turns[task] = turn
        task.add_done_callback(self._ended)
        return task

    def _begin_beside(self, begins: BeginBeside) -> asyncio.Task[object]:
        return self._begin(begins.turn, self._beside(begins.driving), copy_of(begins.context))

    async def _beside(self, driving: Driving[object]) -> None:
        following = await perform_all_async(driving, self.perform)
        if isinstance(following, BeginBeside):
            self._begin_beside(following)  # before this task ends: others wait for the last one

    def _ended(self, task: asyncio.Task[object]) -> None:
        turn = self.turns.pop(task)
        if not turn.completion.done():  # it was cancelled before it began
            self._driver.turns.finish(turn, Closing("the event loop was stopped"))
        close = self._when_idle
        # If the loop is ending, and its tasks with it, nothing can be closed any more.
        if close is not None and not self.turns and not task.cancelling():
            self._when_idle = None
            self._go_on(close())

    def when_idle(self, close: Callable[[], Awaitable[object]]) -> None:
        """See `Runner.when_idle`."""
        if self.turns:
            self._when_idle = close

    def _go_on(self, work: Awaitable[Any]) -> asyncio.Future[Any]:
        """Run something in the background, whether or not anybody waits for it."""
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    def face(self) -> AsyncStore:
        """Return the store's asynchronous interface."""
        # Turns that outlast the closing of the bot keep theirs: it is closed again after them.
        if self._store is None:
            self._store = self._open()
        return self._store

    async def perform(self, wanted: Wanted) -> Any:
        """Perform one operation; returns its result."""
        if isinstance(wanted, ON_STORE):
            return await wanted.on(self.face())
        if isinstance(wanted, Wait):
            return await asyncio.wait([future_of(wanted.when_over)], timeout=wanted.seconds)
        if isinstance(wanted, Step):
            async with self._longest(wanted.turn):
                return await self._steps().run_async(wanted.step, wanted.turn.user)
        if isinstance(wanted, Gather):
            return self._steps().gather_async(wanted.steps, wanted.turn.user)
        if isinstance(wanted, NextOutcome):
            async with self._longest(wanted.turn):
                return await wanted.turn.gathering()
        if isinstance(wanted, Push):
            pusher = self._pusher or none_to_push()
            return await pusher.push_async(wanted.user, wanted.reply)
        if isinstance(wanted, BeginBeside):
            return self._begin_beside(wanted)
        if isinstance(wanted, (NextTurn, HandOver)):
            task = asyncio.current_task()  # one of its own does not block its request anyway
            if task in self.turns:
                self.turns[task] = wanted.turn
            return None
        raise AssertionError(f"nobody performs {wanted!r}")

    @contextlib.asynccontextmanager
    async def _longest(self, turn: RunningTurn) -> AsyncGenerator[None, None]:
        """Limit what is awaited to the turn's longest time."""
        left = self._driver.time_left(turn)
        limit = asyncio.timeout(None if math.isinf(left) else left)
        try:
            async with limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            raise self._driver.too_long(turn) from None

    async def defer(self, wanted: Deferral) -> Any:
        """See `Deferral`."""
        answered = self._go_on(_awaited(wanted.defer.on(self.face())))
        try:
            await asyncio.wait([answered], timeout=wanted.defer.within)
        finally:
            if not answered.done():  # too late, or its client has hung up
                hear_late(answered, wanted)
        if not answered.done():
            raise StoreError("the store says nothing")
        return answered.result()

    def clock(self) -> float:
        """Return the process's clock."""
        return self._driver.clock()


async def _awaited(answer: Awaitable[Any]) -> Any:
    return await answer


async def _after(rounds: int, work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine after `rounds` iterations of the event loop."""
    try:
        for _ in range(rounds):
            await asyncio.sleep(0)
    except BaseException:
        work.close()
        raise
    return await work


class _Request:
    """One request on an event loop, and its connection.

    Attributes:
        task: The task of the turn that it runs.
    """

    __slots__ = ("_doubtful", "_hung_up", "_loops", "_over", "task")

    def __init__(
        self, loops: OnLoops, task: asyncio.Task[object] | None, *, doubtful: bool
    ) -> None:
        self.task = task
        self._doubtful = doubtful
        self._loops = loops
        self._over: asyncio.Future[None] | None = None
        self._hung_up: asyncio.Future[object] | None = None

    async def perform(self, wanted: Wanted) -> Any:
        if isinstance(wanted, Listen):
            ends_with_turn = None if self._loops.pushes else self.task
            turn_ended = ends_with_turn or self._ended(wanted)
            return None if await self._is_cut(turn_ended, wanted.seconds) else self._loops.clock()
        if isinstance(wanted, Begin):
            self.task = self._loops.begin(wanted.turn, wanted.driving)
            return None
        if isinstance(wanted, Deferral):
            return await self._loops.defer(wanted)
        return await self._loops.perform(wanted)

    def _ended(self, wanted: Listen) -> asyncio.Future[None]:
        """Return a future of the turn's end.

        The request that runs it waits for its task instead: a future shared between threads would
        wake the event loop through a socket at every turn. But if the bot pushes, the task lasts
        until what follows the reply is pushed, and the reply must come first.
        """
        if self._over is None:
            self._over = future_of(wanted.completion.when_over)
        return self._over

    async def _is_cut(self, turn_ended: asyncio.Future[Any], seconds: float) -> bool:
        """Wait for the turn's end, at most this long; returns whether the client hung up first.

        Most turns are over before the server is asked: a task for each would cost more than the
        turn.
        """
        asks = None if self._hung_up is not None else hung_up.get()
        if asks is not None and not self._doubtful:
            await over_or_late(turn_ended, min(seconds, listening.LOOK_AGAIN))
            if not turn_ended.done():
                self._hung_up = asyncio.ensure_future(asks())
            return False
        if asks is not None:
            self._hung_up = asyncio.ensure_future(asks())
        both = [turn_ended] if self._hung_up is None else [turn_ended, self._hung_up]
        await asyncio.wait(both, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return self._hung_up is not None and self._hung_up.done() and not turn_ended.done()

    def let_go(self) -> None:
        """Stop asking the server."""
        if self._hung_up is not None:
            self._hung_up.cancel()

"""Where a process sweeps: on a thread, or as a task of its event loop; started by its first push,
or by its server before that, and stopped with the bot.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from wechat_dialog.core.logs import report
from wechat_dialog.errors import Closing

from .firings import Firings
from .loops import OnLoops
from .performing import perform_all, perform_all_async
from .signals import Signal
from .sweeper import IDLE, Sweeper
from .threads import OnThreads
from .ticker import Ticker

__all__ = ["Sweeping"]

_ODD = "a look at what is due failed in a way that it should not"


class Sweeping:
    """Lets a process sweep.

    Attributes:
        on_thread: Whether it sweeps on a thread, which is started once and for all.

    Args:
        sweeper: Sweeps.
        firings: The firings that it begins.
        threads: Performs on threads.
        loops: Performs on event loops.
    """

    def __init__(
        self, sweeper: Sweeper, firings: Firings, threads: OnThreads, loops: OnLoops
    ) -> None:
        self._sweeper = sweeper
        self._threads = threads
        self._loops = loops
        self._thread = Ticker("wechat-dialog-sweeper")
        self.on_thread = False
        self._task: asyncio.Task[None] | None = None
        self._rung: Callable[[], object] = lambda: None
        self._stopped = False
        self._look_over = Signal()
        self._look_over.happen()
        firings.ring = self.ring

    def on_a_thread(self) -> None:
        """Sweep on a thread of its own from now on, unless this process sweeps already."""
        if self._stopped or self._task is not None or self.on_thread:
            return
        try:
            self._thread.start(self, Sweeping._look)
        except RuntimeError:  # the interpreter is ending, or no thread is available
            return
        self._rung = self._thread.ring
        self.on_thread = True

    def _look(self) -> float:
        over = self._look_over = Signal()
        try:
            if not self._stopped:
                return perform_all(self._sweeper.sweep(), self._threads.perform)
        except Closing:
            self._thread.stop()
        except Exception as error:  # noqa: BLE001 - the next look may succeed
            report(logging.ERROR, _ODD, error=error)
        finally:
            over.happen()
        return IDLE

    def look_often(self) -> None:
        """Sweep for processes that set times and do not sweep, and so ring here for none."""
        self._sweeper.look_often()

    def on_this_loop(self) -> None:
        """Sweep as a task of the running event loop, unless this process sweeps already."""
        task = self._task
        if self._stopped or self.on_thread:
            return
        if task is not None and not task.done():
            loop = task.get_loop()
            if loop is asyncio.get_running_loop() or loop.is_running():
                return
        rung = asyncio.Event()
        loop = asyncio.get_running_loop()

        def ring() -> None:
            try:
                loop.call_soon_threadsafe(rung.set)
            except RuntimeError:  # it is closed
                return

        self._rung = ring
        self._task = asyncio.ensure_future(self._go_on(rung))

    async def _go_on(self, rung: asyncio.Event) -> None:
        while not self._stopped:
            over = self._look_over = Signal()
            try:
                pause = await perform_all_async(self._sweeper.sweep(), self._loops.perform)
            except Closing:
                return
            except Exception as error:  # noqa: BLE001 - the next look may succeed
                report(logging.ERROR, _ODD, error=error)
                pause = IDLE
            finally:
                over.happen()
            try:
                async with asyncio.timeout(pause):
                    await rung.wait()
            except TimeoutError:
                pass
            rung.clear()

    def ring(self) -> None:
        """Let the next look happen now."""
        self._rung()

    def wakes(self, at: int) -> None:
        """Note that something falls due at a time by the store's clock, in ms since the epoch, so
        that the next look does not come later.
        """
        if self._sweeper.is_later(at):
            self._rung()

    def stop(self) -> None:
        """Begin no more looks. One that is in progress continues, and so do running firings."""
        self._stopped = True
        self._thread.stop()
        self._rung()

    def when_still(self, tell: Callable[[], object]) -> None:
        """Call `tell` once no look is in progress: what it has leased is in hand then."""
        self._look_over.when_over(tell)

    def end(self) -> None:
        """Give up a look that is in progress on an event loop."""
        task = self._task
        if task is not None and not task.done():
            try:
                task.get_loop().call_soon_threadsafe(task.cancel)
            except RuntimeError:  # the loop is closed
                return

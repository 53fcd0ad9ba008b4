"""An event loop in a thread of its own, for coroutines that were asked for on threads."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable
from typing import Any

from wechat_dialog.errors import Closing

__all__ = ["BackgroundLoop", "begin"]


class BackgroundLoop:
    """One loop, begun when it is needed."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def loop(self) -> asyncio.AbstractEventLoop:
        """Return it.

        Raises:
            Closing: There is none, and no thread for one.
        """
        with self._lock:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                begin(_run_loop, loop)
                self._loop = loop
                # A bot may be dropped without being closed.
                self._stop_loop = weakref.finalize(self, _stop, loop)
                self._stop_loop.atexit = False
            return self._loop

    def close(self) -> None:
        """End it when the coroutines under way on it have ended."""
        with self._lock:
            if self._loop is not None:
                self._stop_loop()
                self._loop = None


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


def begin(work: Callable[..., object], *args: Any) -> None:
    """Start a thread of its own.

    Raises:
        Closing: There is none, since the process is ending; or the system has no more, and what
            needed one is left to another process.
    """
    try:
        threading.Thread(target=work, args=args, name="wechat-dialog-step", daemon=True).start()
    except RuntimeError as error:
        raise Closing(f"no thread can be had: {error}") from error

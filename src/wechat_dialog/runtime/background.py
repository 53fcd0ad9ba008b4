"""An event loop in a thread of its own, for coroutines that were requested on threads."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable
from typing import Any

from wechat_dialog.errors import NoThread

__all__ = ["BackgroundLoop", "begin"]


class BackgroundLoop:
    """One loop, started when it is needed."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop.

        Raises:
            NoThread: It is not running, and no thread is available for it.
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
        """Stop the loop when the coroutines running on it have ended."""
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
    """Stop a loop when the coroutines running on it have ended, including those being cancelled."""
    loop.call_soon_threadsafe(lambda: loop.create_task(_stop_when_idle(loop)))


async def _stop_when_idle(loop: asyncio.AbstractEventLoop) -> None:
    own_task = asyncio.current_task()
    while tasks := asyncio.all_tasks() - {own_task}:
        await asyncio.wait(tasks)
    loop.stop()


def begin(work: Callable[..., object], *args: Any) -> None:
    """Start a separate thread.

    Raises:
        NoThread: No thread is available, since the process is ending or the system's limit is
            reached; what needed one is left to another process.
    """
    try:
        threading.Thread(target=work, args=args, name="wechat-dialog-step", daemon=True).start()
    except RuntimeError as error:
        raise NoThread(f"no thread can be had: {error}") from error

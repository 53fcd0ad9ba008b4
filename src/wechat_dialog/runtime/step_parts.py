"""Performs the operations of step parts (`core/turn/step_parts.py`): on a step's own thread, or on
the event loop of its coroutine.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any

from wechat_dialog.core.dialog.step_parts import AsyncSteps, Steps
from wechat_dialog.core.store.contract import AsyncStore, Store
from wechat_dialog.core.store.parts import PartPut
from wechat_dialog.core.turn.step_parts import Part, TriedParts

from .performing import perform_all, perform_all_async

__all__ = ["PartPerformer"]

Wants = Generator[Any, Any, Any]


class PartPerformer:
    """Provides step functions with their parts, on one store."""

    def __init__(self, store: Store, asynchronous: Callable[[], AsyncStore] | None = None) -> None:
        """Create it; nothing is asked yet.

        Args:
            store: The store.
            asynchronous: Returns the store's asynchronous interface, for the event loops of turns;
                None: there are none.
        """
        self.store = store
        self._asynchronous = asynchronous

    async def ask(self, wanted: PartPut) -> None:
        """Perform a store operation on a turn's own loop."""
        if self._asynchronous is None:
            await asyncio.to_thread(wanted.on, self.store)
        else:
            await wanted.on(self._asynchronous())

    # The first parameter of a step ----------------------------------------------------------------

    def plain(self, tried: TriedParts) -> Steps:
        """Return the `steps` parameter for a plain function."""
        self.begins(tried)
        return Steps(tried, partial(perform_all, perform=self._perform))

    def apart(self, tried: TriedParts) -> AsyncSteps:
        """Return the `steps` parameter for a coroutine on a loop in a thread of its own. The store
        is used on threads: connections made on this loop would never be closed.
        """
        self.begins(tried)

        async def ask(wanted: Any) -> Any:
            return await asyncio.to_thread(self.asked, wanted)

        return AsyncSteps(tried, partial(self._drive, ask=ask))

    def on_loop(self, tried: TriedParts) -> AsyncSteps:
        """Return the `steps` parameter for a coroutine on a turn's own loop."""
        if self._asynchronous is None:
            return self.apart(tried)
        store = self._asynchronous()

        async def ask(wanted: Any) -> Any:
            return await wanted.on(store)

        return AsyncSteps(tried, partial(self._drive, ask=ask))

    def begins(self, tried: TriedParts) -> None:
        """Hook for testing kits, called when a step function begins."""

    # Performing -----------------------------------------------------------------------------------

    def _perform(self, wanted: Any, _wants: object) -> Any:
        return self.call(wanted) if isinstance(wanted, Part) else self.asked(wanted)

    def asked(self, wanted: Any) -> Any:
        """Perform a store operation."""
        return wanted.on(self.store)

    async def _drive(self, wants: Wants, ask: Callable[[Any], Awaitable[Any]]) -> Any:
        async def perform(wanted: Any) -> Any:
            if isinstance(wanted, Part):
                return await self.call_async(wanted)
            return await ask(wanted)

        return await perform_all_async(wants, perform)

    def call(self, part: Part) -> Any:
        """Call the function of a part."""
        return part.fn(*part.args, **part.kwargs)

    async def call_async(self, part: Part) -> Any:
        """Call it on an event loop: a plain function on a thread."""
        if inspect.iscoroutinefunction(inspect.unwrap(part.fn)):
            return await part.fn(*part.args, **part.kwargs)
        result = await asyncio.to_thread(part.fn, *part.args, **part.kwargs)
        return await result if inspect.isawaitable(result) else result

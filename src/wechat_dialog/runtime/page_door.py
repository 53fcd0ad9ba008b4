"""Answers readers of answer pages, on threads and on event loops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, TypeVar

from wechat_dialog.core.pages.document import HEADERS
from wechat_dialog.core.pages.door import Door, Heard, Render, Response
from wechat_dialog.core.store.contract import AsyncStore, Store

from .performing import perform_all, perform_all_async

__all__ = ["PageDoor"]

T = TypeVar("T")
Wants = Generator[Any, Any, T]

AT_ONCE = 2048
"""Up to this size in bytes, pieces are rendered on the event loop; larger ones on a thread."""


class PageDoor:
    """Answers the readers of a bot's pages.

    Attributes:
        headers: The headers of every response.
    """

    def __init__(
        self, door: Door, store: Callable[[], Store], asynchronous: Callable[[], AsyncStore]
    ) -> None:
        """Create it; nothing is read yet.

        Args:
            door: Decides the answers.
            store: Returns the store.
            asynchronous: Returns the store's asynchronous interface.
        """
        self.headers = HEADERS
        self._door = door
        self._store = store
        self._asynchronous = asynchronous
        self._under_way: dict[tuple[object, ...], asyncio.Future[Any]] = {}

    @property
    def path(self) -> str:
        """The path of the URL of pages, before their ids."""
        return self._door.pages.path

    def id_in(self, path: str) -> str:
        """Return the id of the page in a request's path; "" if it contains none."""
        return self._door.pages.id_in(path)

    def answer(self, id: str, query: str) -> Response:
        """Answer a request.

        Raises:
            StoreError: The store failed.
        """
        store = self._store()

        def perform(wanted: Any, _wants: object) -> Any:
            return wanted.make() if isinstance(wanted, Render) else wanted.on(store)

        return perform_all(self._door.answer(id, query, streams=False), perform)

    async def answer_async(self, id: str, query: str, *, streams: bool = True) -> Response:
        """See `answer`.

        Args:
            id: Id of the page.
            query: The request's query.
            streams: Whether its readers may follow it (`hear`).
        """
        return await self._once(
            ("answer", id, query, streams), lambda: self._door.answer(id, query, streams=streams)
        )

    async def hear(self, id: str, place: str, *, comes: bool = False) -> Heard:
        """Check for additions, for those who follow a page; see `Door.hear`.

        Raises:
            StoreError: The store failed.
        """
        return await self._once(
            ("hear", id, place, comes), lambda: self._door.hear(id, place, comes=comes)
        )

    async def _once(self, request: tuple[object, ...], begin: Callable[[], Wants[T]]) -> T:
        """Answer all who make the same request on an event loop at the same time at once: their
        streams end together, and each would take a connection to the store.
        """
        key = (asyncio.get_running_loop(), *request)
        task: asyncio.Future[T] | None = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.ensure_future(self._perform(begin()))
            task.add_done_callback(partial(self._answered, key))
        return await asyncio.shield(task)  # it goes on for the others if one hangs up

    def _answered(self, key: tuple[object, ...], task: asyncio.Future[Any]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            task.exception()  # nobody may be left to take it

    async def _perform(self, wants: Wants[T]) -> T:
        store = self._asynchronous()

        async def perform(wanted: Any) -> Any:
            if not isinstance(wanted, Render):
                return await wanted.on(store)
            if wanted.size <= AT_ONCE:
                return wanted.make()
            return await asyncio.to_thread(wanted.make)

        return await perform_all_async(wants, perform)

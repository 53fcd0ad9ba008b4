"""Answer pages that are followed by server-sent events.

One task per page polls the store for all of the page's readers in this process. A stream is ended
after some seconds, and the browser reconnects by itself: a server that shuts down waits for its
open connections, and would otherwise wait for a reader who has put their phone away.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Generator
from typing import TYPE_CHECKING, Any

import msgspec

from wechat_dialog.core.logs import report
from wechat_dialog.errors import StoreError

if TYPE_CHECKING:
    from .handling import PageAnswers, PageNews

__all__ = ["Streams"]

READERS = 200
"""Most streams of one process at once; further readers poll every two seconds instead."""

SEGMENT = 15.0
"""Seconds after which a stream is ended; the browser reconnects."""

EVERY = 0.5
"""Seconds between two polls for a followed page at first; longer while nothing is new."""

SELDOM = 2.0
"""Most seconds between two polls."""


class _News(msgspec.Struct, frozen=True):
    """The result of a poll, a `PageNews`, for readers who have the page up to `since`."""

    since: str
    result: Any


class _Followed:
    """A page that is followed.

    Attributes:
        readers: A queue of results for each reader.
        place: The position up to which a reader who is up to date has the page.
        task: Polls the store.
    """

    def __init__(self, place: str) -> None:
        self.readers: set[asyncio.Queue[_News]] = set()
        self.place = place
        self.task: asyncio.Future[None] | None = None


class Streams:
    """The streams of one event loop."""

    def __init__(self, pages: PageAnswers) -> None:
        """Begin without readers."""
        self._pages = pages
        self._followed: dict[str, _Followed] = {}
        self._count = 0

    @property
    def full(self) -> bool:
        """Whether there is no room for another reader."""
        return self._count >= READERS

    @contextlib.contextmanager
    def reader(self) -> Generator[None]:
        """Count a reader, from before the first look for them: many may come during it."""
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1

    async def follow(
        self, id: str, heard: PageNews, leaves: Awaitable[object]
    ) -> AsyncGenerator[bytes, None]:
        """Yield events for one reader until `SEGMENT` is over, or nothing will follow.

        Args:
            id: The page's id.
            heard: What was new for the reader when they connected.
            leaves: Completes when the reader has hung up.
        """
        queue: asyncio.Queue[_News] = asyncio.Queue(100)
        page = self._followed.setdefault(id, _Followed(heard.place))
        page.readers.add(queue)
        if page.task is None:
            page.task = asyncio.ensure_future(self._look(id, page))
        hung_up = asyncio.ensure_future(leaves)
        until = asyncio.get_running_loop().time() + SEGMENT
        try:
            yield b"retry: 300\n\n" + _event(heard)
            while not heard.over:
                news = await _next(queue, hung_up, until)
                if news is None or news.result.place == heard.place:
                    if news is None:
                        return
                    heard = news.result
                    continue
                # The poll may have been for readers at another position: poll for this one alone.
                at = heard.place
                heard = news.result if news.since == at else await self._pages.hear(id, at)
                yield _event(heard)
        except StoreError as error:
            _could_not_read(error)
        finally:
            hung_up.cancel()
            self._leave(id, page, queue)

    def _leave(self, id: str, page: _Followed, queue: asyncio.Queue[_News]) -> None:
        page.readers.discard(queue)
        if not page.readers:
            if page.task is not None:
                page.task.cancel()
            if self._followed.get(id) is page:
                del self._followed[id]

    async def _look(self, id: str, page: _Followed) -> None:
        """Poll for what is new until nothing will follow."""
        pause = EVERY
        while True:
            await asyncio.sleep(pause)
            try:
                news = await self._pages.hear(id, page.place)
            except Exception as error:  # noqa: BLE001 - the store may be unavailable for a while
                _could_not_read(error)
                pause = SELDOM
                continue
            pause = EVERY if news.news else min(pause * 1.2, SELDOM)
            if news.news or news.over:
                for queue in page.readers:
                    with contextlib.suppress(asyncio.QueueFull):  # the reader has stopped reading
                        queue.put_nowait(_News(page.place, news))
            page.place = news.place
            if news.over:
                return


def _could_not_read(error: Exception) -> None:
    report(logging.WARNING, "a page could not be read for those who follow it", error=error)


async def _next(
    queue: asyncio.Queue[_News], hung_up: asyncio.Future[object], until: float
) -> _News | None:
    """Wait for the next result; None if the reader has hung up, or `until` has come."""
    waiting = asyncio.ensure_future(queue.get())
    time = until - asyncio.get_running_loop().time()
    try:
        await asyncio.wait(
            (waiting, hung_up), timeout=max(time, 0.0), return_when=asyncio.FIRST_COMPLETED
        )
        return waiting.result() if waiting.done() else None
    finally:
        waiting.cancel()


def _event(heard: PageNews) -> bytes:
    news = heard.news or b'{"at":"%s"}' % heard.place.encode()
    return b"id: %s\ndata: %s\n\n" % (heard.place.encode(), news)

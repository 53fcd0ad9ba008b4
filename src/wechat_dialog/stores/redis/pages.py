"""Answer pages in Redis: each operation as its calls, for both stores.

A page and the list of its user's pages are in slots of their own, so creating one takes two
scripts. It is added to the user's list after it was created, and dropped again if that is refused:
a page without a user would outlast a `forget`.
"""

from __future__ import annotations

from typing import Any

from wechat_dialog.core.store.entry import micros
from wechat_dialog.core.store.pages import PAGES, Page, PageAppend, PageOpen
from wechat_dialog.errors import ClaimLost

from .asking import Asker, Asking, AsyncAsker
from .calls import Call
from .keys import Keys
from .scripts import Scripts

__all__ = ["AsyncPages", "PageCalls", "Pages"]

_LOST = 5  # as in entry.lua


class _PageScripts(Scripts):
    """The scripts of pages."""

    def __init__(self, clock: str | None) -> None:
        self._begin(clock)
        self.open = self._script("page", "page_open")
        self.append = self._script("page", "page_append")
        self.read = self._script("page", "page_read")
        self.drop = self._script("page_drop")
        self.note = self._script("entry", "page_note")
        self.forget_all = self._script("page_forget")
        self.secret = self._script("page_secret")


class PageCalls:
    """Builds the calls for pages of one store.

    Args:
        keys: The store's key names.
        clock: See `Scripts`.
    """

    def __init__(self, keys: Keys, clock: str | None) -> None:
        self._keys = keys
        self._scripts = _PageScripts(clock)

    def open(self, asked: PageOpen) -> Asking:
        """See `Store.page_open`."""
        ttl = micros(asked.ttl)
        opened = (2, *self._page(asked.id), ttl, asked.fence)
        yield Call(self._scripts.open, opened, bool)
        k = self._keys.of(asked.user)
        noted = (4, k + "h", k + "j", k + "c", k + "g", asked.fence, asked.id, ttl, PAGES)
        first, *crowded_out = yield Call(self._scripts.note, noted, list)
        if first == _LOST:
            yield self._dropped(asked.id)
            raise ClaimLost("the claim was taken over, released or ran out; no page was made")
        for id in crowded_out:
            yield self._dropped(id.decode())

    def append(self, asked: PageAppend) -> Asking:
        """See `Store.page_append`."""
        arguments = (2, *self._page(asked.id), asked.place, micros(asked.ttl), asked.fence)
        written = yield Call(self._scripts.append, (*arguments, *asked.pieces), int)
        if written > 1:
            raise ClaimLost("the turn's page is written by another worker")
        return bool(written)

    def read(self, id: str, after: int) -> Asking:
        """See `Store.page_read`."""
        return (yield Call(self._scripts.read, (2, *self._page(id), after), _page))

    def secret(self, fresh: bytes) -> Asking:
        """See `Store.page_secret`."""
        arguments = (1, self._keys.page_secret, fresh)
        return (yield Call(self._scripts.secret, arguments, bytes))

    def forget(self, user: str) -> Asking:
        """Drop a user's pages; returns whether there were any."""
        noted = (1, self._keys.of(user) + "g")
        ids = yield Call(self._scripts.forget_all, noted, list)
        for id in ids:
            yield self._dropped(id.decode())
        return bool(ids)

    def _page(self, id: str) -> tuple[str, str]:
        k = self._keys.of_page(id)
        return k + "w", k + "r"

    def _dropped(self, id: str) -> Call[bool]:
        return Call(self._scripts.drop, (2, *self._page(id)), bool)


def _page(answer: Any) -> Page | None:
    if answer is None:
        return None
    edition, length, age, pieces = answer
    return Page(edition, length, tuple(pieces), age / 1e6)


class Pages(Asker):
    """The page operations of a `RedisStore`."""

    _pages: PageCalls

    def page_open(self, asked: PageOpen) -> None:
        """See `Store.page_open`."""
        self._perform(self._pages.open(asked))

    def page_append(self, asked: PageAppend) -> bool:
        """See `Store.page_append`."""
        return bool(self._perform(self._pages.append(asked)))

    def page_read(self, id: str, after: int = 0) -> Page | None:
        """See `Store.page_read`."""
        return self._perform(self._pages.read(id, after))  # type: ignore[no-any-return]

    def page_secret(self, fresh: bytes) -> bytes:
        """See `Store.page_secret`."""
        return self._perform(self._pages.secret(fresh))  # type: ignore[no-any-return]


class AsyncPages(AsyncAsker):
    """The page operations of an `AsyncRedisStore`."""

    _pages: PageCalls

    async def page_open(self, asked: PageOpen) -> None:
        """See `Store.page_open`."""
        await self._perform(self._pages.open(asked))

    async def page_append(self, asked: PageAppend) -> bool:
        """See `Store.page_append`."""
        return bool(await self._perform(self._pages.append(asked)))

    async def page_read(self, id: str, after: int = 0) -> Page | None:
        """See `Store.page_read`."""
        return await self._perform(self._pages.read(id, after))  # type: ignore[no-any-return]

    async def page_secret(self, fresh: bytes) -> bytes:
        """See `Store.page_secret`."""
        return await self._perform(self._pages.secret(fresh))  # type: ignore[no-any-return]

"""Answer pages in a store: operations and results. The rules are in `page_rules`.

A page is a sequence of pieces, which are opaque bytes to the store. It is written by the turn of
one message and, if that turn is cut off, again by the worker that takes it over. That worker's
pieces are compared with the stored ones, and the page is truncated where they differ. A page
therefore has an *edition*, a number that grows when it is truncated: a reader with another edition
has to read the page from its beginning.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

__all__ = [
    "PAGES",
    "ROOM",
    "Page",
    "PageAppend",
    "PageOpen",
    "PageRead",
    "PageSecret",
    "PageStore",
]

ROOM = 256 * 1024
"""Longest page, in bytes of its pieces."""

PAGES = 50
"""How many pages one user may have; the oldest is dropped for a new one."""


class PageStore(Protocol):
    """The methods for pages of `Store`, which return results, and of `AsyncStore`, awaitables."""

    def page_open(self, asked: PageOpen) -> Any:
        """See `Store.page_open`."""
        ...

    def page_append(self, asked: PageAppend) -> Any:
        """See `Store.page_append`."""
        ...

    def page_read(self, id: str, after: int = 0) -> Any:
        """See `Store.page_read`."""
        ...

    def page_secret(self, fresh: bytes) -> Any:
        """See `Store.page_secret`."""
        ...


class PageOpen(msgspec.Struct, frozen=True):
    """Create a page, unless it exists; see `Store.page_open`.

    Attributes:
        user: Key of its user.
        id: Its id, computed by the caller.
        ttl: Seconds for which it is kept.
        fence: Fencing token of the claim under which it is created; 0: there is none.
        within: Seconds within which a request needs the store's answer.
    """

    user: str
    id: str
    ttl: float
    fence: int = 0
    within: float = 1.0

    def on(self, store: PageStore) -> Any:
        """Perform it."""
        return store.page_open(self)


class PageAppend(msgspec.Struct, frozen=True):
    """Write to an existing page; see `Store.page_append`.

    Attributes:
        id: Its id.
        place: Place of the first piece, from 0.
        pieces: The pieces, in order.
        ttl: Seconds for which the page is kept from now on.
        fence: Fencing token of the writer's claim.
    """

    id: str
    place: int
    pieces: tuple[bytes, ...]
    ttl: float
    fence: int

    def on(self, store: PageStore) -> Any:
        """Perform it."""
        return store.page_append(self)


class PageRead(msgspec.Struct, frozen=True):
    """Read a page; see `Store.page_read`.

    Attributes:
        id: Its id.
        after: How many pieces the reader has.
    """

    id: str
    after: int = 0

    def on(self, store: PageStore) -> Any:
        """Perform it."""
        return store.page_read(self.id, self.after)


class PageSecret(msgspec.Struct, frozen=True):
    """Ask for the store's secret; see `Store.page_secret`.

    Attributes:
        fresh: The secret for a store that has none yet.
        within: See `PageOpen`.
    """

    fresh: bytes
    within: float = 1.0

    def on(self, store: PageStore) -> Any:
        """Perform it."""
        return store.page_secret(self.fresh)


class Page(msgspec.Struct, frozen=True):
    """A page as its reader gets it.

    Attributes:
        edition: Grows when the page is truncated.
        length: How many pieces it has.
        pieces: Those from the given place on, in order.
        age: Seconds since it was last written to.
    """

    edition: int
    length: int
    pieces: tuple[bytes, ...]
    age: float

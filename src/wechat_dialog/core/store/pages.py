"""Answer pages in a store: what is asked, what is returned, and the rules for one page.

A page is a row of pieces, bytes that no store reads. It is written by the turn of one message, and
again by the worker that takes that turn over: what this writes is compared with what is there, and
where it differs the page is cut back. So a page has an *edition*, a number that grows when that
happens, by which a reader knows that what they have is not the page any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from wechat_dialog.core.store.entry import micros
from wechat_dialog.errors import ClaimLost

if TYPE_CHECKING:
    from wechat_dialog.core.store.contract import AsyncStore, Store

__all__ = [
    "PAGES",
    "ROOM",
    "Page",
    "PageAppend",
    "PageEntry",
    "PageOpen",
    "PageRead",
    "PageSecret",
    "append",
    "opened",
    "shown",
]

ROOM = 256 * 1024
"""Bytes of the pieces of one page."""

PAGES = 50
"""Pages of one user; the oldest goes for a new one."""


class PageOpen(msgspec.Struct, frozen=True):
    """Make a page, if it is not there; see `Store.page_open`.

    Attributes:
        user: Key of its user.
        id: Its id, which the caller has made.
        ttl: Seconds it is kept.
        fence: Number of the claim of whoever makes it; 0: they have none.
        within: Seconds in which a request needs the store's answer.
    """

    user: str
    id: str
    ttl: float
    fence: int = 0
    within: float = 1.0

    def on(self, store: Store | AsyncStore) -> Any:
        """Perform it."""
        return store.page_open(self)


class PageAppend(msgspec.Struct, frozen=True):
    """Write on a page that is there; see `Store.page_append`.

    Attributes:
        id: Its id.
        place: Place of the first piece, from 0.
        pieces: They, in order.
        ttl: Seconds the page is kept from now on.
        fence: Number of the writer's claim.
    """

    id: str
    place: int
    pieces: tuple[bytes, ...]
    ttl: float
    fence: int

    def on(self, store: Store | AsyncStore) -> Any:
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

    def on(self, store: Store | AsyncStore) -> Any:
        """Perform it."""
        return store.page_read(self.id, self.after)


class PageSecret(msgspec.Struct, frozen=True):
    """Ask for the store's secret; see `Store.page_secret`.

    Attributes:
        fresh: One for a store that has none yet.
        within: See `PageOpen`.
    """

    fresh: bytes
    within: float = 1.0

    def on(self, store: Store | AsyncStore) -> Any:
        """Perform it."""
        return store.page_secret(self.fresh)


class Page(msgspec.Struct, frozen=True):
    """What a reader is told of a page.

    Attributes:
        edition: Grows when the page is cut back.
        length: How many pieces it has.
        pieces: Those from the asked place on, in order.
        age: Seconds since it was last written to.
    """

    edition: int
    length: int
    pieces: tuple[bytes, ...]
    age: float


class PageEntry(msgspec.Struct):
    """A page as the rules know it: all but its pieces. Times are µs on the store's clock.

    Attributes:
        expires: When it is over.
        changed: When it was last written to.
        edition: See `Page`.
        fence: The greatest one it was written under.
        size: Bytes of its pieces.
        length: How many pieces it has.
    """

    expires: int
    changed: int
    edition: int = 1
    fence: int = 0
    size: int = 0
    length: int = 0


def opened(entry: PageEntry | None, asked: PageOpen, now: int) -> PageEntry:
    """Make a page, or keep the one that is there for as long as is asked."""
    expires = now + micros(asked.ttl)
    if entry is None:
        return PageEntry(expires, now, fence=asked.fence)
    entry.expires = max(entry.expires, expires)
    return entry


def append(
    entry: PageEntry, tail: Sequence[bytes], asked: PageAppend, now: int
) -> tuple[int, Sequence[bytes]] | None:
    """Write on a page.

    Args:
        entry: The page, which is not over; changed.
        tail: Its pieces from the asked place on.
        asked: What is written.
        now: The time.

    Returns:
        How many of its pieces stay, and those that follow them now; None: nothing is written.

    Raises:
        ClaimLost: Whoever has a newer claim has written on it.
    """
    if asked.place > entry.length or entry.expires <= now:
        return None
    if asked.fence < entry.fence:
        raise ClaimLost("the turn's page is written by another worker")
    same = _same(tail, asked.pieces)
    new = asked.pieces[same:]
    cut = tail[same:] if new else ()
    size = entry.size - sum(map(len, cut)) + sum(map(len, new))
    if size > ROOM:
        return None
    if new:
        entry.edition += bool(cut)
        entry.size, entry.changed = size, now
        entry.length += len(new) - len(cut)
    entry.fence, entry.expires = asked.fence, now + micros(asked.ttl)
    return entry.length - len(new), new


def _same(there: Sequence[bytes], new: Sequence[bytes]) -> int:
    """Return how many pieces at the beginning are equal."""
    count = 0
    for one, other in zip(there, new, strict=False):
        if one != other:
            break
        count += 1
    return count


def shown(entry: PageEntry, pieces: Sequence[bytes], now: int) -> Page | None:
    """Return what a reader is told who wants these pieces; None if the page is over."""
    if entry.expires <= now:
        return None
    return Page(entry.edition, entry.length, tuple(pieces), (now - entry.changed) / 1e6)

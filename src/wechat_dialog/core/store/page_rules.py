"""The rules for one answer page, as functions on its entry.

A store that can lock a page calls them with what it has stored; the Redis store repeats them in
Lua. No function reads a clock.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from wechat_dialog.core.store.entry import micros
from wechat_dialog.errors import ClaimLost

from .pages import ROOM, Page, PageAppend, PageOpen

__all__ = ["PageEntry", "append", "opened", "shown"]


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
    for old_piece, new_piece in zip(there, new, strict=False):
        if old_piece != new_piece:
            break
        count += 1
    return count


def shown(entry: PageEntry, pieces: Sequence[bytes], now: int) -> Page | None:
    """Return what a reader is told who wants these pieces; None if the page is over."""
    if entry.expires <= now:
        return None
    return Page(entry.edition, entry.length, tuple(pieces), (now - entry.changed) / 1e6)

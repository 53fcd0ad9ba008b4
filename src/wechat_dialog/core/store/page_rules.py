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
    """A page as the rules know it: everything but its pieces. Times are µs by the store's clock.

    Attributes:
        expires: When it expires.
        changed: When it was last written to.
        edition: See `Page`.
        fence: The greatest fence under which it was written.
        size: Bytes of its pieces.
        length: How many pieces it has.
    """

    expires: int
    changed: int
    edition: int = 1
    fence: int = 0
    size: int = 0
    length: int = 0


def opened(entry: PageEntry | None, opening: PageOpen, now: int) -> PageEntry:
    """Create a page, or extend the time of the existing one."""
    expires = now + micros(opening.ttl)
    if entry is None:
        return PageEntry(expires, now, fence=opening.fence)
    entry.expires = max(entry.expires, expires)
    return entry


def append(
    entry: PageEntry, tail: Sequence[bytes], writing: PageAppend, now: int
) -> tuple[int, Sequence[bytes]] | None:
    """Write to a page.

    Args:
        entry: The page, not expired; changed.
        tail: Its pieces from the given place on.
        writing: The write.
        now: The time.

    Returns:
        How many of its pieces stay, and the pieces that follow them; None: nothing is written.

    Raises:
        ClaimLost: It was written under a newer claim.
    """
    if writing.place > entry.length or entry.expires <= now:
        return None
    if writing.fence < entry.fence:
        raise ClaimLost("the turn's page is written by another worker")
    same = _same(tail, writing.pieces)
    new = writing.pieces[same:]
    cut = tail[same:] if new else ()
    size = entry.size - sum(map(len, cut)) + sum(map(len, new))
    if size > ROOM:
        return None
    if new:
        entry.edition += bool(cut)
        entry.size, entry.changed = size, now
        entry.length += len(new) - len(cut)
    entry.fence, entry.expires = writing.fence, now + micros(writing.ttl)
    return entry.length - len(new), new


def _same(stored: Sequence[bytes], new: Sequence[bytes]) -> int:
    """Return how many pieces at the beginning are equal."""
    count = 0
    for old_piece, new_piece in zip(stored, new, strict=False):
        if old_piece != new_piece:
            break
        count += 1
    return count


def shown(entry: PageEntry, pieces: Sequence[bytes], now: int) -> Page | None:
    """Return what a reader of these pieces gets; None if the page has expired."""
    if entry.expires <= now:
        return None
    return Page(entry.edition, entry.length, tuple(pieces), (now - entry.changed) / 1e6)

"""Answer pages in the memory of one process."""

from __future__ import annotations

from dataclasses import dataclass, field

from wechat_dialog.core.store.page_rules import PageEntry, append, opened, shown
from wechat_dialog.core.store.pages import PAGES, Page, PageAppend, PageOpen

__all__ = ["MemoryPages"]


@dataclass(slots=True)
class _Kept:
    user: str
    entry: PageEntry
    pieces: list[bytes] = field(default_factory=list[bytes])


class MemoryPages:
    """The pages of a `MemoryStore`, whose lock is held during each call.

    Attributes:
        secret: The store's secret; empty: it has none yet.
    """

    def __init__(self) -> None:
        self._pages: dict[str, _Kept] = {}
        self.secret = b""

    def open(self, asked: PageOpen, now: int) -> None:
        """See `Store.page_open`; the caller has to check the claim."""
        self.forget_expired(now)
        stored = self._pages.pop(asked.id, None)
        entry = opened(None if stored is None else stored.entry, asked, now)
        self._pages[asked.id] = _Kept(asked.user, entry, [] if stored is None else stored.pieces)
        mine = [id for id, page in self._pages.items() if page.user == asked.user]
        for id in mine[:-PAGES]:
            del self._pages[id]

    def append(self, asked: PageAppend, now: int) -> bool:
        """See `Store.page_append`."""
        stored = self._pages.get(asked.id)
        if stored is None:
            return False
        new = append(stored.entry, stored.pieces[asked.place :], asked, now)
        if new is None:
            return False
        length, pieces = new
        stored.pieces = [*stored.pieces[:length], *pieces]
        return True

    def read(self, id: str, after: int, now: int) -> Page | None:
        """See `Store.page_read`."""
        stored = self._pages.get(id)
        if stored is None:
            return None
        return shown(stored.entry, stored.pieces[max(after, 0) :], now)

    def forget(self, user: str, now: int) -> bool:
        """Drop a user's pages; returns whether there were any."""
        self.forget_expired(now)
        mine = [id for id, page in self._pages.items() if page.user == user]
        for id in mine:
            del self._pages[id]
        return bool(mine)

    def forget_expired(self, now: int) -> None:
        """Drop expired pages."""
        self._pages = {id: page for id, page in self._pages.items() if page.entry.expires > now}

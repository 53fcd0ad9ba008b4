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
    """The pages of a `MemoryStore`, whose lock is held for each call.

    Attributes:
        secret: The store's; empty: it has none yet.
    """

    def __init__(self) -> None:
        self._pages: dict[str, _Kept] = {}
        self.secret = b""

    def open(self, asked: PageOpen, now: int) -> None:
        """See `Store.page_open`; the claim is the caller's to check."""
        self.forget_expired(now)
        kept = self._pages.pop(asked.id, None)
        entry = opened(None if kept is None else kept.entry, asked, now)
        self._pages[asked.id] = _Kept(asked.user, entry, [] if kept is None else kept.pieces)
        mine = [id for id, page in self._pages.items() if page.user == asked.user]
        for id in mine[:-PAGES]:
            del self._pages[id]

    def append(self, asked: PageAppend, now: int) -> bool:
        """See `Store.page_append`."""
        kept = self._pages.get(asked.id)
        if kept is None:
            return False
        new = append(kept.entry, kept.pieces[asked.place :], asked, now)
        if new is None:
            return False
        length, pieces = new
        kept.pieces = [*kept.pieces[:length], *pieces]
        return True

    def read(self, id: str, after: int, now: int) -> Page | None:
        """See `Store.page_read`."""
        kept = self._pages.get(id)
        if kept is None:
            return None
        return shown(kept.entry, kept.pieces[max(after, 0) :], now)

    def forget(self, user: str, now: int) -> bool:
        """Drop a user's pages; returns whether there were any."""
        self.forget_expired(now)
        mine = [id for id, page in self._pages.items() if page.user == user]
        for id in mine:
            del self._pages[id]
        return bool(mine)

    def forget_expired(self, now: int) -> None:
        """Drop what is over."""
        self._pages = {id: page for id, page in self._pages.items() if page.entry.expires > now}

"""The answer pages and parts of steps of a memory store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from threading import Lock

from wechat_dialog.core.store import rules
from wechat_dialog.core.store.pages import Page, PageAppend, PageOpen
from wechat_dialog.core.store.parts import PartPut

from .memory_pages import MemoryPages
from .memory_users import User

__all__ = ["KeptInMemory"]


class KeptInMemory(ABC):
    """The part of a `MemoryStore` that keeps pages and parts of steps."""

    _lock: Lock
    _pages: MemoryPages

    @abstractmethod
    def _now(self) -> int:
        """Return the time in whole microseconds."""

    @abstractmethod
    def _open(self, user: str, now: int) -> User:
        """Return everything of `user` that has not expired. The caller holds the lock."""

    def page_open(self, asked: PageOpen) -> None:
        """See `Store.page_open`."""
        with self._lock:
            now = self._now()
            if asked.fence:
                self._open(asked.user, now).entry.require_claim(asked.fence, now)
            self._pages.open(asked, now)

    def page_append(self, asked: PageAppend) -> bool:
        """See `Store.page_append`."""
        with self._lock:
            return self._pages.append(asked, self._now())

    def page_read(self, id: str, after: int = 0) -> Page | None:
        """See `Store.page_read`."""
        with self._lock:
            return self._pages.read(id, after, self._now())

    def page_secret(self, fresh: bytes) -> bytes:
        """See `Store.page_secret`."""
        with self._lock:
            self._pages.secret = self._pages.secret or fresh
            return self._pages.secret

    def part_put(self, asked: PartPut) -> None:
        """See `Store.part_put`."""
        with self._lock:
            now = self._now()
            known = self._open(asked.user, now)
            rules.put_part(known.entry, asked.fence, now)
            known.keep_part(asked, now)

    def parts(self, user: str, step: str = "") -> dict[str, dict[str, bytes]]:
        """See `Store.parts`."""
        with self._lock:
            now = self._now()
            known = self._open(user, now)
            known.forget_parts(now)
            return {
                key: {id: part.body for id, part in of_step.items()}
                for key, of_step in known.parts.items()
                if step in ("", key)
            }

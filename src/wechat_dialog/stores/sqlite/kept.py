"""The answer pages and parts of steps of a SQLite store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

from wechat_dialog.core.store.pages import Page, PageAppend, PageOpen
from wechat_dialog.core.store.parts import PartPut

from .operations import Operations

__all__ = ["Kept"]

T = TypeVar("T")


class Kept(ABC):
    """The part of a `SQLiteStore` that keeps pages and parts of steps."""

    @abstractmethod
    def _do(self, do: Callable[[Operations], T], *, durable: bool = False) -> T:
        """Do one operation; with `durable` it is on the disk when this returns."""

    def page_open(self, asked: PageOpen) -> None:
        """See `Store.page_open`."""
        self._do(lambda operations: operations.page_open(asked), durable=True)

    def page_append(self, asked: PageAppend) -> bool:
        """See `Store.page_append`."""
        return self._do(lambda operations: operations.page_append(asked))

    def page_read(self, id: str, after: int = 0) -> Page | None:
        """See `Store.page_read`."""
        return self._do(lambda operations: operations.page_read(id, after))

    def page_secret(self, fresh: bytes) -> bytes:
        """See `Store.page_secret`."""
        return self._do(lambda operations: operations.page_secret(fresh), durable=True)

    def part_put(self, asked: PartPut) -> None:
        """See `Store.part_put`."""
        self._do(lambda operations: operations.part_put(asked), durable=True)

    def parts(self, user: str, step: str = "") -> dict[str, dict[str, bytes]]:
        """See `Store.parts`."""
        return self._do(lambda operations: operations.parts(user, step))

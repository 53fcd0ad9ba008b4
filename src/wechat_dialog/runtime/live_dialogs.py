"""Live dialogs of this process, which save most turns a replay.

A document is taken out while a turn uses it, so no two turns share a running generator; afterwards
it is kept until newer ones displace it. Whether it is still current is checked by the store at the
commit.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

from wechat_dialog.forks import mind

if TYPE_CHECKING:
    from wechat_dialog.core.turn.document import Document

__all__ = ["LiveDialogs"]


class LiveDialogs:
    """A cache of the most recently used documents with their live dialogs; safe to use from several
    threads.
    """

    def __init__(self, size: int) -> None:
        """Create an empty cache.

        Args:
            size: How many documents are kept; the least recently used is dropped first. 0 keeps
                none.
        """
        self._size = size
        self._documents: OrderedDict[str, Document] = OrderedDict()
        self._lock = Lock()
        mind(self)

    def begin_anew(self) -> None:
        """See `forks.Forked`. The dialogs are kept: the child's copies are as good as the
        originals.
        """
        self._lock = Lock()

    def take(self, user: str) -> Document | None:
        """Return a user's document and forget it: it now belongs to the caller. None if there is
        none.
        """
        with self._lock:
            return self._documents.pop(user, None)

    def put(self, user: str, document: Document) -> None:
        """Keep a document for the user's next message; the dialog of a displaced one is closed."""
        pushed_out = None
        with self._lock:
            documents = self._documents
            before = documents.pop(user, None)
            documents[user] = document
            if len(documents) > self._size:
                pushed_out = documents.popitem(last=False)[1]
        for old in (before, pushed_out):
            if old is not None and old.run is not None:
                old.run.close()

    def clear(self) -> None:
        """Close every dialog."""
        with self._lock:
            documents, self._documents = list(self._documents.values()), OrderedDict()
        for document in documents:
            if document.run is not None:
                document.run.close()

    def __len__(self) -> int:
        return len(self._documents)

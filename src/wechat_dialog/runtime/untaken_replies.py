"""Replies that were not taken, of which the store has to be told after their commit.

If the last request of a message was answered with an apology, the commit of its turn may still have
succeeded; and if the platform hung up during the commit, no request was there to take the reply.
The same holds if the store returned the reply to a turn that waited for its claim and left, or to a
request that had left before the store answered. The next message must not be taken for an answer to
that reply, so the store is told (`Store.untaken`) as soon as possible: by a thread of this process,
and before the user's next message here has its turn. If this process dies first, the reply counts
as seen.
"""

from __future__ import annotations

import threading
import time

import msgspec

from wechat_dialog.core.logs import log
from wechat_dialog.core.store.contract import Store
from wechat_dialog.errors import StoreError
from wechat_dialog.forks import mind

from .retries import REMEMBERED, pauses
from .signals import Signal

__all__ = ["UntakenReplies", "UntakenReply"]


class UntakenReply(msgspec.Struct, frozen=True):
    """A reply of which the store has still to be told.

    Attributes:
        key: Key of its message.
        takes: How often this process was given the reply without using it.
        until: When the store has forgotten it, by `time.monotonic`.
    """

    key: str
    takes: int
    until: float


class UntakenReplies:
    """The replies that were not taken; safe to use from several threads.

    Attributes:
        users: Replies of which the store has still to be told, by user; usually empty.
    """

    def __init__(self, store: Store) -> None:
        """Create it; the thread starts later."""
        self._store = store
        self._stopped = threading.Event()
        self.begin_anew()
        mind(self)

    def begin_anew(self) -> None:
        """See `forks.Forked`: what the parent has noted is reported by the parent."""
        self.users: dict[str, UntakenReply] = {}
        self._lock = threading.Lock()
        self._telling: dict[str, Signal] = {}
        self._thread: threading.Thread | None = None

    def note(self, user: str, key: str, takes: int) -> None:
        """Note that the reply to a message was not taken: tell the store, with retries.

        Args:
            user: The user's key in the store.
            key: The message's key.
            takes: How often this process was given the reply without using it.
        """
        with self._lock:
            # No store remembers the reply for longer.
            self.users[user] = UntakenReply(key, takes, time.monotonic() + REMEMBERED)
            if self._thread is None:
                thread = threading.Thread(
                    target=self._tell_all, name="wechat-dialog-untaken", daemon=True
                )
                try:
                    thread.start()
                except RuntimeError:
                    # No thread is available now: the user's next request tells the store, or the
                    # thread that the next such reply starts.
                    log.debug("user %s: no thread is available to note an untaken reply", user)
                    return
                self._thread = thread

    def begin(self, user: str) -> tuple[UntakenReply, Signal | None] | None:
        """Take on the task of telling the store of a user's reply. Only one thread does at a time,
        and makes no other request for the user meanwhile: if the store were told a second time,
        after a copy has taken the reply, it would take that back.

        Returns:
            None if there is none. Otherwise the reply, and a signal that happens when the store has
            been told by another thread; with None instead of the signal, it is the caller's task,
            followed by `end`.
        """
        with self._lock:
            reply = self.users.get(user)
            if reply is None:
                return None
            by_another = self._telling.get(user)
            if by_another is None:
                self._telling[user] = Signal()
            return reply, by_another

    def end(self, user: str, reply: UntakenReply, *, store_knows: bool) -> None:
        """End what `begin` began; `store_knows`: whether the store has been told."""
        with self._lock:
            telling = self._telling.pop(user)
            if store_knows and self.users.get(user) == reply:
                del self.users[user]
        telling.happen()

    def _tell(self, user: str) -> None:
        begun = self.begin(user)
        if begun is None or begun[1] is not None:
            return
        reply, store_knows = begun[0], False
        try:
            self._store.untaken(user, reply.key, reply.takes)
            store_knows = True
        except StoreError:
            store_knows = time.monotonic() >= reply.until
        finally:
            self.end(user, reply, store_knows=store_knows)

    def _tell_all(self) -> None:
        for pause in pauses():
            for user in list(self.users):
                self._tell(user)
            with self._lock:
                if not self.users:
                    self._thread = None
                    return
            if self._stopped.wait(pause):
                return

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()

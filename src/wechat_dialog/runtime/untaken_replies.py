"""Replies that nobody took, and of which the store has to be told after their commit.

Where the last request of a message was answered with an apology, the commit of its turn may have
been done all the same; and where the platform hung up while the commit was on its way, nobody was
there to take the reply. Nor was anybody where the store gave it to a turn that waited for its claim
and left, or to a request that had left before the store answered it. The next message must not be
taken for an answer to it, so the store is told (`Store.untaken`), as soon as it can be: by a thread
of this process, and before the user's next message here has its turn. Where this process dies
first, it is not known, and the reply counts as seen.
"""

from __future__ import annotations

import threading
import time

import msgspec

from wechat_dialog.core.store.contract import Store
from wechat_dialog.errors import StoreError
from wechat_dialog.forks import mind

from .retries import REMEMBERED, pauses
from .signals import Signal

__all__ = ["UntakenReplies", "UntakenReply"]


class UntakenReply(msgspec.Struct, frozen=True):
    """One that the store has still to be told of.

    Attributes:
        key: Its message's.
        takes: How often this process was given the reply, for nobody.
        until: When the store has forgotten it, by `time.monotonic`.
    """

    key: str
    takes: int
    until: float


class UntakenReplies:
    """The replies that nobody took; safe to use from several threads.

    Attributes:
        users: What the store has still to be told, by user; mostly empty.
    """

    def __init__(self, store: Store) -> None:
        """Start nothing yet."""
        self._store = store
        self._stopped = threading.Event()
        self.begin_anew()
        mind(self)

    def begin_anew(self) -> None:
        """See `forks.Forked`: what the parent has noted is the parent's to tell."""
        self.users: dict[str, UntakenReply] = {}
        self._lock = threading.Lock()
        self._telling: dict[str, Signal] = {}
        self._thread: threading.Thread | None = None

    def note(self, user: str, key: str, takes: int) -> None:
        """Nobody took the reply to a message: tell the store, and again until it has been told.

        Args:
            user: The user's key in the store.
            key: The message's key.
            takes: How often this process was given the reply, for nobody.
        """
        with self._lock:
            # No store remembers the reply for longer.
            self.users[user] = UntakenReply(key, takes, time.monotonic() + REMEMBERED)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._tell_all, name="wechat-dialog-untaken", daemon=True
                )
                self._thread.start()

    def begin(self, user: str) -> tuple[UntakenReply, Signal | None] | None:
        """Take it on oneself to tell the store of a user's reply. Only one does at a time, and
        nothing else of the user is asked of the store meanwhile: told of it a second time, when a
        copy has taken the reply since, the store would take that back.

        Returns:
            None if there is none. The reply, and what happens when it has been told, where somebody
            else is telling of it; with None, it is the caller's to tell, and then to `end`.
        """
        with self._lock:
            reply = self.users.get(user)
            if reply is None:
                return None
            by_another = self._telling.get(user)
            if by_another is None:
                self._telling[user] = Signal()
            return reply, by_another

    def end(self, user: str, reply: UntakenReply, *, told: bool) -> None:
        """End what `begin` began; `told` is whether the store knows it now."""
        with self._lock:
            telling = self._telling.pop(user)
            if told and self.users.get(user) == reply:
                del self.users[user]
        telling.happen()

    def _tell(self, user: str) -> None:
        begun = self.begin(user)
        if begun is None or begun[1] is not None:
            return
        reply, told = begun[0], False
        try:
            self._store.untaken(user, reply.key, reply.takes)
            told = True
        except StoreError:
            told = time.monotonic() >= reply.until
        finally:
            self.end(user, reply, told=told)

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

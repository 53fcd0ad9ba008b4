"""The walk through all keys, which restores entries that an index lacks.

An index may lose what a user's own keys still say: a failover of its server lost the last writes,
somebody deleted it, a snapshot was restored. So once an hour one process scans the names of all
keys for users for whom something may become due, and adds each of them to the index if it is
missing. It does so in steps, each when the index is read, and as long as a key says that it is this
process's task. Another one takes over if this one stops reading.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from wechat_dialog.core.logs import log, report
from wechat_dialog.errors import StoreError

from .asking import Asking, Nodes, Scan
from .calls import Call
from .failures import FAILED, explain
from .keys import Keys
from .scripts import Scripts

__all__ = ["Walk"]

EVERY = 3600.0
"""Seconds between two walks."""
HELD = 300.0
"""Seconds for which a step has the walk to itself."""
LOOKS = 100
"""How many users are checked in one step."""
REST = 20
"""A step is followed by a pause this many times as long, so that a walk costs others little: a
million users take half an hour.
"""
TOLD = 10_000
"""After this many users, progress is logged."""


class Walk:
    """One store's part in the walk.

    Args:
        keys: The store's key names.
        scripts: The store's scripts.
        put_back: Adds a user to the index, and returns whether they were missing; takes the user,
            and the account whose index probably has them.
    """

    def __init__(
        self, keys: Keys, scripts: Scripts, put_back: Callable[[str, str], Asking]
    ) -> None:
        self._keys = keys
        self._scripts = scripts
        self._put_back = put_back
        self._taken = threading.Lock()
        self._process = os.getpid()
        self._token = b""
        self._asks_at = 0.0
        self._nodes: list[Any] = []
        self._cursor = 0
        self._users: list[str] = []
        self._looked = self._lacked = 0

    def step(self, account: str) -> Asking:
        """Do one step, if a walk is in progress, or it is time for one.

        Args:
            account: The account whose index was read.
        """
        now = time.monotonic()
        if self._process != os.getpid():  # after a fork: the walk is the parent's
            self._taken, self._process, self._token = threading.Lock(), os.getpid(), b""
        if now < self._asks_at or not self._taken.acquire(blocking=False):
            return
        try:
            yield from self._go(now, account)
            if self._token:
                ended = time.monotonic()
                self._asks_at = ended + REST * (ended - now)
        except (StoreError, *FAILED) as error:
            # Callers that read the index must not fail because of this. The walk starts again.
            why = error if isinstance(error, StoreError) else explain(error)
            report(logging.WARNING, "could not look for times that the index lacks", error=why)
            self._token, self._asks_at = b"", now + HELD
        finally:
            self._taken.release()

    def _go(self, now: float, account: str) -> Asking:
        begins = not self._token
        token = os.urandom(8) if begins else self._token
        if not (yield self._hold(token, HELD)):
            self._token, self._asks_at = b"", now + HELD
            return
        if begins:
            self._token, self._cursor, self._users = token, 0, []
            self._looked = self._lacked = 0
            self._nodes = list((yield Nodes()))
        if len(self._users) < LOOKS and self._nodes:
            yield from self._scan()
        users, self._users = self._users[:LOOKS], self._users[LOOKS:]
        for user in users:
            self._lacked += bool((yield from self._put_back(user, account)))
        self._tell(len(users))
        if not (self._nodes or self._users):
            yield self._hold(token, EVERY)
            self._token, self._asks_at = b"", now + EVERY

    def _scan(self) -> Asking:
        """Scan some keys; a user is found by any of several, and again if keys move."""
        node = self._nodes[0]
        self._cursor, keys = yield Scan(node, int(self._cursor), self._keys.timed)
        if not self._cursor:
            self._nodes.pop(0)
        known = set(self._users)
        for key in keys:
            of = self._keys.read(key)
            if of is not None and of[0] not in known:
                known.add(of[0])
                self._users.append(of[0])

    def _tell(self, looked: int) -> None:
        before, self._looked = self._looked, self._looked + looked
        over = not (self._nodes or self._users)
        if over and self._lacked:
            log.warning(
                "the index lacked %d of %d users who have a time, and has them again",
                *(self._lacked, self._looked),
            )
        elif over or before // TOLD < self._looked // TOLD:
            log.info(
                "looked whether the index lacks a time: %d users, %d were put back",
                *(self._looked, self._lacked),
            )

    def _hold(self, token: bytes, seconds: float) -> Call[int]:
        arguments = (1, self._keys.walk, token, round(seconds * 1000))
        return Call(self._scripts.walk, arguments, int)

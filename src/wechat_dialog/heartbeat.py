"""One thread of the process renews the claims of its long turns, whatever those turns are busy
with.

It does not matter to it whether a turn waits for a step, runs the blocking code of a 2017 dialog on
an event loop, or computes: the claim lives as long as the process does, and a process that was
killed or stopped loses it within a lease.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import dataclass

from .errors import ClaimLost, StoreError
from .logs import log, report
from .stores.base import Store

__all__ = ["Heartbeat"]


@dataclass(frozen=True, slots=True)
class _Held:
    user: str
    fence: int
    since: float


class Heartbeat:
    """Renews claims that are older than a third of their lease, every third of it."""

    def __init__(self, store: Store, lease: float) -> None:
        self._store = store
        self._lease = lease
        self._claims: dict[int, _Held] = {}
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._wake = threading.Event()
        self._start = threading.Lock()

    def hold(self, user: str, fence: int) -> int:
        """Renew this claim from now on, until `let_go`; returns what to hand to it."""
        held = _Held(user, fence, time.monotonic())
        self._claims[id(held)] = held
        if self._pid != os.getpid() or self._thread is None or not self._thread.is_alive():
            self._begin()
        return id(held)

    def let_go(self, mark: int) -> None:
        """Renew this claim no more."""
        self._claims.pop(mark, None)

    def _begin(self) -> None:
        with self._start:
            if self._pid == os.getpid() and self._thread is not None and self._thread.is_alive():
                return
            self._pid = os.getpid()
            # A daemon: a process that wants to end is not kept by its claims; they expire.
            self._thread = threading.Thread(
                target=self._beat, name="wechat-dialog-heartbeat", daemon=True
            )
            self._thread.start()

    def _beat(self) -> None:
        pause = self._lease / 3
        while not self._wake.wait(pause):
            old = time.monotonic() - pause
            for mark, held in list(self._claims.items()):
                if held.since > old:
                    continue
                try:
                    self._store.renew(held.user, held.fence, self._lease)
                except ClaimLost:
                    self._claims.pop(mark, None)
                except StoreError as error:
                    log.warning(
                        "a claim could not be renewed, once more in %.1f s: %s", pause, error
                    )
                except Exception as error:  # noqa: BLE001 - the other claims need their beat
                    report(
                        logging.ERROR, "renewing a claim failed in a way no store should",
                        error=error,
                    )  # fmt: skip

    def stop(self) -> None:
        """End the thread."""
        self._wake.set()

"""One thread of the process renews the claims of its long turns, whatever they are doing.

A turn may wait for a step, run the blocking code of a 2017 dialog on an event loop, or compute: its
claim is renewed as long as the process lives, and a process that was killed or stopped loses it
within a lease.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from wechat_dialog.core.logs import log, report
from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.values import RenewsAll
from wechat_dialog.errors import ClaimLost, StoreError

from .ticker import Ticker

__all__ = ["Heartbeat"]


_ODD = "renewing a claim failed in a way no store should"


@dataclass(frozen=True, slots=True)
class _Held:
    user: str
    fence: int
    since: float


class Heartbeat:
    """Renews claims that are older than a quarter of their lease, every quarter of it.

    All at once if the store can (`RenewsAll`), and never for longer than until the next beat, so
    that a claim whose renewal fails is tried again before it expires.
    """

    def __init__(self, store: Store, lease: float) -> None:
        """Create it; the thread starts later.

        Args:
            store: The store with the claims.
            lease: Seconds a claim lasts unless renewed.
        """
        self._store = store
        self._lease = lease
        self._pause = lease / 4
        self._due = 0.0
        self._claims: dict[int, _Held] = {}
        self._thread = Ticker("wechat-dialog-heartbeat")
        self._pid = 0
        self._warned = False
        self._start = threading.Lock()

    def hold(self, user: str, fence: int) -> int:
        """Renew this claim from now on; returns a handle for `let_go`, never 0."""
        held = _Held(user, fence, time.monotonic())
        self._claims[id(held)] = held
        if self._pid != os.getpid() or not self._thread.is_alive():
            self._begin()
        return id(held)

    def let_go(self, renewal: int) -> None:
        """Stop renewing this claim."""
        self._claims.pop(renewal, None)

    def _begin(self) -> None:
        with self._start:
            if self._pid == os.getpid() and self._thread.is_alive():
                return
            self._pid, self._due = os.getpid(), 0.0
            try:
                self._thread.start(self, Heartbeat._beat)
                self._warned = False
            except RuntimeError:
                # The claim lasts a lease without it, and the next turn tries again.
                if not self._warned:
                    self._warned = True
                    log.warning("no thread is available to renew claims; turns go on without it")

    def _beat(self) -> float:
        """Renew old claims; returns the seconds until the next beat."""
        now = time.monotonic()
        if not self._due:
            # Let the store look up its servers now, not when it matters.
            self._renew({})
        else:
            old = {
                renewal: held
                for renewal, held in list(self._claims.items())
                if held.since <= now - self._pause
            }
            if old:
                self._renew(old)
        self._due = now + self._pause
        return max(0.0, self._due - time.monotonic())

    def _renew(self, old: dict[int, _Held]) -> None:
        claims = [(held.user, held.fence) for held in old.values()]
        failures: Counter[str] = Counter()
        try:
            results = _renewed(self._store, claims, self._lease, self._pause)
        except Exception as error:  # noqa: BLE001 - the next beat may succeed
            report(logging.ERROR, _ODD, error=error)
            return
        for renewal, result in zip(old, results, strict=False):
            if isinstance(result, ClaimLost):
                self._claims.pop(renewal, None)
            elif isinstance(result, StoreError):
                failures[str(result)] += 1
            elif result is not None:
                report(logging.ERROR, _ODD, error=result)
        for failure, count in failures.items():
            log.warning(
                "%d of %d claims could not be renewed, next try in %.1f s: %s",
                count, len(old), self._pause, failure,
            )  # fmt: skip

    def stop(self) -> None:
        """End the thread."""
        self._thread.stop()


def _renewed(
    store: Store, claims: list[tuple[str, int]], lease: float, within: float
) -> Sequence[Exception | None]:
    """Renew claims on any store; see `RenewsAll.renew_all`."""
    if isinstance(store, RenewsAll):
        return store.renew_all(claims, lease, within)
    results: list[Exception | None] = []
    for user, fence in claims:
        try:
            store.renew(user, fence, lease)
        except Exception as error:  # noqa: BLE001 - the other claims have to be renewed, too
            results.append(error)
        else:
            results.append(None)
    return results

"""Writes that wait until replicas have them: `?wait=1` in the URL of a Redis store.

A replica that does not confirm in time does not undo the write: it is on the master, visible to
all. So it counts as done, and the log says that a failover would lose it. To have such writes
refused in advance, set the server's `min-replicas-to-write`.
"""

from __future__ import annotations

import time
from typing import Any, TypeVar

import msgspec

from wechat_dialog.core.logs import log
from wechat_dialog.stores.redis import clients
from wechat_dialog.stores.redis.address import Address

from .calls import Call

__all__ = ["Replicas", "replicas_of"]

T = TypeVar("T")

LONGEST = 1.0
"""Longest time in seconds that a write waits for its replicas."""
UNASKED = 10.0
"""Seconds for which writes do not wait after one has waited in vain: the replicas are missing, and
finding that out at every turn would keep all connections busy with waiting.
"""


class Replicas:
    """The number of replicas that have to confirm a write.

    Args:
        count: The number.
        limit: Seconds that an answer of the server may take; None: no limit.
    """

    def __init__(self, count: int, limit: float | None) -> None:
        self._count = count
        self._seconds = LONGEST if limit is None else min(LONGEST, limit / 2)
        self._resumes = 0.0

    def confirmed(self, call: Call[T]) -> Call[T]:
        """Return a write's call with the wait, which is sent along with it: no further round
        trip.
        """
        if time.monotonic() < self._resumes:
            return call

        def read(answers: Any) -> T:
            answer, count = answers
            if count < self._count:
                self._resumes = time.monotonic() + UNASKED
                log.warning(
                    "%d of %d replicas had a write after %.1f s; it is done, and a failover would "
                    "lose it; the writes of the next %.0f s do not wait",
                    count, self._count, self._seconds, UNASKED,
                )  # fmt: skip
            return call.read(answer)

        beside = ("WAIT", self._count, max(1, round(self._seconds * 1000)))
        instead = call.instead
        return msgspec.structs.replace(
            call,
            read=read,
            beside=beside,
            instead=instead and (lambda: self.confirmed(instead())),
        )


def replicas_of(address: Address) -> Replicas | None:
    """Return what waits for replicas if the address asks for it, else None."""
    count = clients.replicas(address)
    return Replicas(count, clients.limits(address)[0]) if count else None

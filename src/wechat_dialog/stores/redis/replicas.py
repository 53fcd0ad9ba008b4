"""Writes that wait until replicas have them: `?wait=1` in the URL of a Redis store.

A replica that does not confirm in time undoes nothing: the write is on the master, for everybody to
read. So it counts as done, since anything else would be a lie, and the log says that a failover
would lose it. Who would rather have such writes refused, before they are done, sets the
server's `min-replicas-to-write`.
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
"""Seconds that a write waits for its replicas."""
UNASKED = 10.0
"""Seconds for which writes do not wait after one has waited in vain: the replicas are gone, and to
find that out at every turn would keep all connections busy with waiting."""


class Replicas:
    """How many replicas have to have a write.

    Args:
        count: How many.
        limit: Seconds that an answer of the server may take; None: any.
    """

    def __init__(self, count: int, limit: float | None) -> None:
        self._count = count
        self._seconds = LONGEST if limit is None else min(LONGEST, limit / 2)
        self._resumes = 0.0

    def confirmed(self, call: Call[T]) -> Call[T]:
        """Return a write's call with the wait, which goes along with it: no further round trip."""
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
    """Return what waits for replicas where the address asks for it; None: it does not."""
    count = clients.replicas(address)
    return Replicas(count, clients.limits(address)[0]) if count else None

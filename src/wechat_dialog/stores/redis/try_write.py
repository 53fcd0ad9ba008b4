"""Whether Redis would take a write now, for both stores.

The trial is a script that sets a key only if it exists, which it never does. So it is refused where
the scripts of turns are: by a replica, by a server without memory or that cannot save, by one that
is busy, still loads, or lacks the replicas that it must have. It says nothing of what a larger
write would need, of replicas that should confirm writes (`?wait=`), or of a master that is cut off
and does not know it.

In a cluster it asks one of the masters: the others' users are another matter, and taking every
process out of service because one of several masters is dead would fail all users. After a failure
the next trial asks with a key in another slot, so a process is ready as long as any master is.
"""

from __future__ import annotations

from .asking import Asker, Asking, AsyncAsker, attempt, settle
from .calls import Call
from .failures import FAILED
from .keys import Keys
from .scripts import Scripts

__all__ = ["AsyncTries", "Tries", "TryCalls"]

SLOTS = 8
"""How many slots are tried in turn."""


class _TryScripts(Scripts):
    """The script of a trial."""

    def __init__(self, clock: str | None) -> None:
        self._begin(clock)
        self.try_write = self._script("try_write")


class TryCalls:
    """Builds the calls of trials for one store.

    Args:
        keys: The store's key names.
        clock: See `Scripts`.
    """

    def __init__(self, keys: Keys, clock: str | None) -> None:
        self._keys = keys
        self._script = _TryScripts(clock).try_write
        self._slot = 0

    def try_write(self, within: float) -> Asking:
        """See `TriesWrites.try_write`.

        A call that fails is repeated, as a turn's would be: the server may have closed a connection
        that was idle, or may have become a replica, and a new connection reaches the master. But
        not for the whole time, so that whoever waits is told the reason.
        """
        call = Call(self._script, (1, self._keys.tried(self._slot)), bool)
        try:
            yield from attempt(call)
        except FAILED as error:
            self._slot = (self._slot + 1) % SLOTS
            yield from settle(call, error, within / 2, through_stalls=False)


class Tries(Asker):
    """The trial of a `RedisStore`."""

    _try_calls: TryCalls

    def try_write(self, within: float) -> None:
        """See `TriesWrites.try_write`."""
        self._perform(self._try_calls.try_write(within))


class AsyncTries(AsyncAsker):
    """The trial of an `AsyncRedisStore`."""

    _try_calls: TryCalls

    async def try_write(self, within: float) -> None:
        """See `TriesWrites.try_write`."""
        await self._perform(self._try_calls.try_write(within))

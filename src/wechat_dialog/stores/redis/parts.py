"""Parts of steps in Redis: each operation as its calls, for both stores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wechat_dialog.core.store.entry import micros
from wechat_dialog.core.store.parts import PartPut

from .answers import read_done
from .asking import Asker, AsyncAsker
from .calls import Call
from .keys import Keys
from .scripts import Scripts

__all__ = ["AsyncParts", "PartCalls", "Parts"]


class _PartScripts(Scripts):
    """The scripts of parts."""

    def __init__(self, clock: str | None) -> None:
        self._begin(clock)
        self.put = self._script("entry", "part_put")
        self.read = self._script("parts")
        self.drop = self._script("parts_forget")


class PartCalls:
    """Builds the calls for parts of one store.

    Args:
        keys: The store's key names.
        clock: See `Scripts`.
        confirmed: Lets a write wait for replicas, if the store's writes do.
    """

    def __init__(
        self, keys: Keys, clock: str | None, confirmed: Callable[[Call[Any]], Call[Any]]
    ) -> None:
        self._keys = keys
        self._scripts = _PartScripts(clock)
        self._confirmed = confirmed

    def put(self, asked: PartPut) -> Call[None]:
        """See `Store.part_put`."""
        k = self._keys.of(asked.user)
        values = (asked.fence, asked.step, asked.part, micros(asked.ttl), asked.outcome)
        keys = (4, k + "h", k + "j", k + "c", k + "s")
        return self._confirmed(Call(self._scripts.put, (*keys, *values), read_done))

    def read(self, user: str, step: str) -> Call[dict[str, dict[str, bytes]]]:
        """See `Store.parts`."""
        return Call(self._scripts.read, (1, self._keys.of(user) + "s", step), _parts)

    def forget(self, user: str) -> Call[bool]:
        """Drop a user's parts; the result says whether there were any."""
        return Call(self._scripts.drop, (1, self._keys.of(user) + "s"), bool)


def _parts(answer: list[bytes]) -> dict[str, dict[str, bytes]]:
    parts: dict[str, dict[str, bytes]] = {}
    for step, part, outcome in zip(answer[::3], answer[1::3], answer[2::3], strict=True):
        parts.setdefault(step.decode(), {})[part.decode()] = outcome
    return parts


class Parts(Asker):
    """The operations on parts of a `RedisStore`."""

    _parts: PartCalls

    def part_put(self, asked: PartPut) -> None:
        """See `Store.part_put`."""
        self._call(self._parts.put(asked))

    def parts(self, user: str, step: str = "") -> dict[str, dict[str, bytes]]:
        """See `Store.parts`."""
        return self._call(self._parts.read(user, step))


class AsyncParts(AsyncAsker):
    """The operations on parts of an `AsyncRedisStore`."""

    _parts: PartCalls

    async def part_put(self, asked: PartPut) -> None:
        """See `Store.part_put`."""
        await self._call(self._parts.put(asked))

    async def parts(self, user: str, step: str = "") -> dict[str, dict[str, bytes]]:
        """See `Store.parts`."""
        return await self._call(self._parts.read(user, step))

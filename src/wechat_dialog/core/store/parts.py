"""Parts of a step in a store: operations. The rule is `rules.put_part`.

A part is identified by its step's idempotency key and an id of its own, and is opaque bytes to the
store. It is stored beside the user's document until the write that ends its step (`Write.ended`).
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

__all__ = ["PartPut", "PartStore", "PartsRead"]


class PartStore(Protocol):
    """The methods for parts of `Store`, which return results, and of `AsyncStore`, awaitables."""

    def part_put(self, asked: PartPut) -> Any:
        """See `Store.part_put`."""
        ...

    def parts(self, user: str, step: str = "") -> Any:
        """See `Store.parts`."""
        ...


class PartPut(msgspec.Struct, frozen=True):
    """Store the outcome of a part of a step; see `Store.part_put`.

    Attributes:
        user: The user's key.
        fence: Fencing token of the claim under which the step runs.
        step: The step's idempotency key.
        part: Its id among the parts of the step.
        outcome: Its outcome. Empty: drop the part.
        ttl: Seconds for which it is kept, if no write ends the step before.
    """

    user: str
    fence: int
    step: str
    part: str
    outcome: bytes
    ttl: float

    def on(self, store: PartStore) -> Any:
        """Perform it."""
        return store.part_put(self)


class PartsRead(msgspec.Struct, frozen=True):
    """Read parts of a user's steps; see `Store.parts`.

    Attributes:
        user: The user's key.
        step: The step's idempotency key; empty: of all steps.
    """

    user: str
    step: str = ""

    def on(self, store: PartStore) -> Any:
        """Perform it."""
        return store.parts(self.user, self.step)

"""Whether a store would take a write now, asked without writing: for health checks."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from .contract import AsyncStore, Store

__all__ = ["TriesWrites", "try_write"]

NOBODY = "nobody"
"""A name under which no account is noted."""


@runtime_checkable
class TriesWrites(Protocol):
    """An optional ability of a `Store`: to say whether it would take a write now.

    A store without it is asked for an account instead (`Store.account`), which shows only that it
    can be read.
    """

    def try_write(self, within: float) -> None:
        """Do what a write needs, and write nothing. One round trip.

        It does not wait for claims, and changes neither what is stored nor what is due.

        Args:
            within: Seconds after which nobody waits for the result any more. A store should not
                retry for longer, or hold a lock or a connection for longer, as far as it can.

        Raises:
            StoreError: A write would fail now.
        """
        ...


def try_write(store: Store | AsyncStore, within: float) -> Any:
    """Ask any store whether it would take a write now; see `TriesWrites.try_write`.

    Returns:
        The result of the store's method, to be awaited if it is an `AsyncStore`; otherwise
        meaningless.
    """
    return store.try_write(within) if isinstance(store, TriesWrites) else store.account(NOBODY)

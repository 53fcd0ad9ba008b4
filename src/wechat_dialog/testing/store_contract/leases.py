"""Leases of index entries that are ended before their time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.times import Due, EndsLeases, Post

from .asking import LONG, StoreCase
from .index import ACCOUNT, timed, users

__all__ = ["Leases"]


class Leases(StoreCase):
    """`EndsLeases`."""

    def test_end_leases_has_entries_returned_at_once(self, store: Store, other: Store) -> None:
        """`due` returns an entry again at once if `end_leases` has ended its lease."""
        end_leases = self.end_leases_of(store)
        timed(store, -2.0)
        timed(store, -1.0, user="bob")
        timed(store, 0.0, user="cy")
        first = store.due(ACCOUNT, 3, LONG).entries
        end_leases(first[:2])
        again = other.due(ACCOUNT, 10, LONG).entries
        assert [(due.user, due.at) for due in again] == [(due.user, due.at) for due in first[:2]]

    def test_end_leases_has_a_signal_returned_at_once(self, store: Store, other: Store) -> None:
        """`end_leases` ends the lease of `Post.lease`, too."""
        end_leases = self.end_leases_of(store)
        posted = store.post(Post("ada", ACCOUNT, "", b"paid", lease=LONG)).due
        assert posted is not None
        assert other.due(ACCOUNT, 10, LONG).entries == ()
        end_leases([posted])
        assert users(other.due(ACCOUNT, 10, LONG)) == ["ada"]

    def test_end_leases_leaves_a_newer_lease(self, store: Store, other: Store) -> None:
        """`end_leases` does nothing to an entry that was leased again since."""
        end_leases = self.end_leases_of(store)
        timed(store, 0.0)
        old = store.due(ACCOUNT, 10, self.short).entries
        self.advance(self.short)
        assert users(other.due(ACCOUNT, 10, LONG)) == ["ada"]
        end_leases(old)
        assert store.due(ACCOUNT, 10, LONG).entries == ()

    def test_end_leases_keeps_a_time_that_was_set_since(self, store: Store) -> None:
        """`end_leases` makes nothing due whose time has not come, or was removed."""
        end_leases = self.end_leases_of(store)
        timed(store, 0.0)
        timed(store, 0.0, user="bob")
        old = store.due(ACCOUNT, 10, LONG).entries
        timed(store, self.short * 2, key="k2")
        store.forget("bob")
        end_leases([*old, Due("nobody", 1, 1, ACCOUNT)])
        for due in store.due(ACCOUNT, 10, LONG).entries:
            store.undue(due)
        assert store.due(ACCOUNT, 10, LONG).entries == ()
        self.advance(self.short * 2.1)
        assert "ada" in users(store.due(ACCOUNT, 10, LONG))

    def end_leases_of(self, store: Store) -> Callable[[Sequence[Due]], None]:
        """Return the store's `end_leases`; skip the test if it has none."""
        if not isinstance(store, EndsLeases):
            pytest.skip("this store's leases end by themselves")
        return store.end_leases

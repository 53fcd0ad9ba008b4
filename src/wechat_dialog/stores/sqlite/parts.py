"""Parts of steps in the SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable

from wechat_dialog.core.store.entry import micros
from wechat_dialog.core.store.parts import PartPut

from .tables import as_bytes, as_stored

__all__ = ["PartRows"]


class PartRows:
    """One transaction's view of the parts; `sql` executes a statement in it."""

    def __init__(self, sql: Callable[..., sqlite3.Cursor]) -> None:
        self._sql = sql

    def put(self, asked: PartPut, now: int) -> None:
        """See `Store.part_put`; the caller has to check the claim."""
        self._sql(
            "DELETE FROM step_parts WHERE user = ? AND step = ? AND part = ?",
            (asked.user, asked.step, asked.part),
        )
        if asked.outcome:
            outcome, expires = as_stored(asked.outcome), now + micros(asked.ttl)
            self._sql(
                "INSERT INTO step_parts SELECT ?, ?, ?, ?, 1 + coalesce(max(number), 0), ? "
                "FROM step_parts WHERE user = ? AND step = ?",
                (asked.user, asked.step, asked.part, outcome, expires, asked.user, asked.step),
            )

    def of(self, user: str, step: str, now: int) -> dict[str, dict[str, bytes]]:
        """See `Store.parts`."""
        rows = self._sql(
            "SELECT step, part, outcome FROM step_parts "
            "WHERE user = ? AND (? = '' OR step = ?) AND expires > ? ORDER BY step, number",
            (user, step, step, now),
        )
        parts: dict[str, dict[str, bytes]] = {}
        for key, id, outcome in rows:
            parts.setdefault(key, {})[id] = as_bytes(outcome)
        return parts

    def drop(self, user: str, steps: Iterable[str]) -> None:
        """Drop the parts of steps."""
        for step in steps:
            self._sql("DELETE FROM step_parts WHERE user = ? AND step = ?", (user, step))

    def forget(self, user: str, now: int) -> bool:
        """Drop all parts of a user; returns whether there were any."""
        self._sql("DELETE FROM step_parts WHERE user = ? AND expires <= ?", (user, now))
        return self._sql("DELETE FROM step_parts WHERE user = ?", (user,)).rowcount > 0

    def purge(self, now: int) -> None:
        """Drop expired parts."""
        self._sql("DELETE FROM step_parts WHERE expires <= ?", (now,))

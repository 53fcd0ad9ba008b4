"""The file with the conversations of the simulator's bot: whose rows have changed."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

__all__ = ["LOOK", "changed_users", "opened"]

LOOK = 0.15
"""Seconds between two checks of the file for changes; a check reads one number."""


async def opened(store: str) -> sqlite3.Connection:
    """Open the bot's SQLite file for reading, as soon as it exists."""
    while True:
        try:
            return sqlite3.connect(
                f"{Path(store).as_uri()}?mode=ro", uri=True, isolation_level=None
            )
        except sqlite3.OperationalError:
            await asyncio.sleep(LOOK)


_COUNTED = "SELECT user, count(*) FROM {} GROUP BY user"


def changed_users(
    connection: sqlite3.Connection, known: dict[str, Any]
) -> tuple[set[str], dict[str, Any]]:
    """Return the OpenIDs of the users whose rows differ from `known`, and all present rows."""
    rows: dict[str, Any] = {}
    try:
        documents = connection.execute("SELECT user, head, length, revision FROM documents")
        for user, *columns in documents:
            rows[user] = tuple(columns)
        for table in ("parked", "mail", "step_parts"):
            for user, number in connection.execute(_COUNTED.format(table)):
                rows[user] = (*rows.get(user, ()), table, number)
    except sqlite3.OperationalError:  # the tables are being created
        return set(), known
    changed = {user for user in {*rows, *known} if rows.get(user) != known.get(user)}
    return {user.rpartition(":")[2] for user in changed}, rows

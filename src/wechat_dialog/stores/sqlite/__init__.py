"""SQLite as a store: the embedded default."""

from .store import SQLiteStore

__all__ = [
    "SQLiteStore",
]

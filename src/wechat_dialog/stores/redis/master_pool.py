"""The connections to a master behind Sentinel."""

from __future__ import annotations

from typing import Any

from redis.sentinel import SentinelConnectionPool

__all__ = ["MasterPool", "is_current"]


def is_current(pool: Any, connection: Any) -> bool:
    """Whether a connection of a pool behind Sentinel leads to the master, as far as is known."""
    return bool(pool.master_address == (connection.host, connection.port))


class MasterPool(SentinelConnectionPool):
    """The pool of threads, which takes back connections that do not lead to the master: it was
    replaced, or none was found.

    redis-py drops them and, before its version 8.1, still counts them. After some failovers, or a
    hundred attempts while no sentinel answered, there was no room for any other.
    """

    def release(self, connection: Any) -> None:
        """Take a connection back; the next call that uses it opens it anew, to the master."""
        if not is_current(self, connection):
            connection.disconnect()
        super().release(connection)

    def owns_connection(self, connection: Any) -> bool:
        """Whether a connection is of this process, wherever it leads."""
        return bool(connection.pid == self.pid)

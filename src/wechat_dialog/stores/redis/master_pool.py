"""The connections of threads to a master behind Sentinel."""

from __future__ import annotations

from typing import Any, cast

from redis.sentinel import SentinelConnectionPool

__all__ = ["MasterPool"]


class MasterPool(SentinelConnectionPool):
    """Takes connections back that do not lead to the master: it was replaced, or none was found.

    redis-py drops them and, before its version 8.1, still counts them. After some failovers, or a
    hundred attempts while no sentinel answered, there was no room for any other.
    """

    def release(self, connection: Any) -> None:
        """Take a connection back; the next call that uses it opens it anew, to the master."""
        master: Any = cast(Any, self).master_address
        if master != (connection.host, connection.port):
            connection.disconnect()
        super().release(connection)

    def owns_connection(self, connection: Any) -> bool:
        """Whether a connection is of this process, wherever it leads."""
        return bool(connection.pid == self.pid)

"""Redis as a store: one script per round trip; also with Cluster and Sentinel."""

from .async_store import AsyncRedisStore
from .store import RedisStore

__all__ = ["AsyncRedisStore", "RedisStore"]

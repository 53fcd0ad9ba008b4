"""Redis as a store: one script a round trip; Cluster and Sentinel too."""

from .async_store import AsyncRedisStore
from .store import RedisStore

__all__ = ["AsyncRedisStore", "RedisStore"]

"""Every store keeps the contract: by a clock that is set, and Redis by its own clock too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.stores.redis_clock import CLOCK, advance
from wechat_dialog.store_contract import StoreContract
from wechat_dialog.stores.base import Store
from wechat_dialog.stores.memory import MemoryStore
from wechat_dialog.stores.redis import RedisStore
from wechat_dialog.stores.sqlite import SQLiteStore


class Clocked(StoreContract):
    short = 5.0

    @pytest.fixture(autouse=True)
    def _start_of_time(self) -> None:
        self.time = 1_700_000_000.0

    def clock(self) -> float:
        self.time += 1e-5
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += seconds


class TestMemory(Clocked):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore(self.clock)


class TestSQLite(Clocked):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = SQLiteStore(tmp_path / "one.db", self.clock)
        yield store
        store.close()

    @pytest.fixture
    def other(self, store: Store, tmp_path: Path) -> Iterator[Store]:
        other = SQLiteStore(tmp_path / "one.db", self.clock)
        yield other
        other.close()


class TestRedis(Clocked):
    @pytest.fixture
    def store(self, redis_url: str) -> Iterator[Store]:
        self.client = redis.Redis.from_url(redis_url)
        advance(self.client, self.time)
        store = RedisStore(redis_url, _clock=CLOCK)
        yield store
        store.close()
        self.client.close()

    @pytest.fixture
    def other(self, store: Store, redis_url: str) -> Iterator[Store]:
        other = RedisStore(redis_url, _clock=CLOCK)
        yield other
        other.close()

    def advance(self, seconds: float) -> None:
        advance(self.client, seconds)


class TestRedisByItsOwnClock(StoreContract):
    @pytest.fixture
    def store(self, redis_url: str) -> Iterator[Store]:
        store = RedisStore(redis_url)
        yield store
        store.close()

    @pytest.fixture
    def other(self, store: Store, redis_url: str) -> Iterator[Store]:
        # A client of the application's own; it has the store's keys in another form's clothes.
        client = redis.Redis.from_url(redis_url)
        other = RedisStore(client, key_format="wechat-dialog:%(user)s")
        yield other
        client.close()

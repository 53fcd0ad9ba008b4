"""Every store keeps the contract: by a clock that is set, and Redis by its own clock too."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.redis_server import RedisServer, binaries, redis_servers
from tests.stores.redis_clock import CLOCK, advance
from wechat_dialog.core.store.contract import AsyncStore, Store
from wechat_dialog.stores.memory import MemoryStore
from wechat_dialog.stores.redis import RedisStore
from wechat_dialog.stores.sqlite import SQLiteStore
from wechat_dialog.testing.store_contract import StoreContract


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


@pytest.fixture(scope="module", params=binaries())
def server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    with redis_servers() as make:
        yield make(program=binaries()[request.param])


class TestRedis(Clocked):
    """On the oldest and the newest server there is, and all between."""

    @pytest.fixture
    def store(self, server: RedisServer) -> Iterator[Store]:
        self.client = redis.Redis.from_url(server.url)
        self.client.flushall()
        advance(self.client, self.time)
        store = RedisStore(server.url, _clock=CLOCK)
        yield store
        store.close()
        self.client.close()

    @pytest.fixture
    def other(self, store: Store, server: RedisServer) -> Iterator[Store]:
        other = RedisStore(server.url, _clock=CLOCK)
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


def test_both_faces_take_and_give_the_same() -> None:
    """An `AsyncStore` is a `Store` awaited, less what only an operator asks for."""
    faces = [
        {
            name: str(inspect.signature(method))
            for name, method in vars(face).items()
            if inspect.isfunction(method) and not name.startswith("_")
        }
        for face in (Store, AsyncStore)
    ]
    for_operators = {"list", "show", "end", "forget"}
    assert faces[1] == {n: said for n, said in faces[0].items() if n not in for_operators}
    assert all(inspect.iscoroutinefunction(getattr(AsyncStore, name)) for name in faces[1])

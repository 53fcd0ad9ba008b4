"""Whether a store would take a write now: what each can know of it, beyond the contract."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.proxy import Proxy
from tests.redis_server import RedisServer
from tests.redis_topology import start_cluster, start_sentinel
from wechat_dialog.core.store.try_write import TriesWrites, try_write
from wechat_dialog.errors import StoreError
from wechat_dialog.stores.asynchronous import in_threads
from wechat_dialog.stores.redis import RedisStore
from wechat_dialog.stores.redis.try_write import SLOTS
from wechat_dialog.stores.sqlite import SQLiteStore, disk
from wechat_dialog.testing.store_contract.asking import ONE, begin

WITHIN = 1.0
Servers = Callable[..., RedisServer]


@pytest.fixture(params=["threads", "event loop"])
def trial(request: pytest.FixtureRequest) -> Iterator[Callable[[RedisStore], str]]:
    """What a trial of a store says: "" if it takes writes, else the error; through both faces."""
    with asyncio.Runner() as runner:
        faces: dict[RedisStore, TriesWrites] = {}

        async def on_the_loop(store: RedisStore) -> None:
            face = faces.setdefault(store, store.for_async())  # type: ignore[arg-type]
            await try_write(face, WITHIN)  # type: ignore[arg-type]

        def trial(store: RedisStore) -> str:
            try:
                if request.param == "threads":
                    try_write(store, WITHIN)
                else:
                    runner.run(on_the_loop(store))
            except StoreError as error:
                return str(error)
            return ""

        yield trial
        for face in faces.values():
            runner.run(face.close())  # type: ignore[attr-defined]


Trial = Callable[[RedisStore], str]


# Redis ------------------------------------------------------------------------------------------


def test_a_trial_writes_nothing_to_a_server(trial: Trial, redis_server: Servers) -> None:
    server = redis_server(aof=True)
    with closing(RedisStore(server.url)) as store:
        begin(store, ONE)
        before = server.ask("INFO", "persistence"), server.ask("DBSIZE")
        for _ in range(3):
            assert trial(store) == ""
        after = server.ask("INFO", "persistence"), server.ask("DBSIZE")
    for name in ("rdb_changes_since_last_save", "aof_current_size"):
        assert after[0][name] == before[0][name]
    assert after[1] == before[1]


def test_a_connection_that_was_closed_meanwhile_is_opened_anew(
    trial: Trial, redis_server: Servers
) -> None:
    server = redis_server()
    with closing(RedisStore(server.url)) as store:
        assert trial(store) == ""
        server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert trial(store) == ""
        server.restart(crash=True)
        assert trial(store) == "", "the new one does not know the script"


def test_a_server_that_is_gone_or_hangs_is_said_to_be(trial: Trial, redis_server: Servers) -> None:
    server = redis_server()
    with closing(RedisStore(f"{server.url}?socket_timeout=0.2")) as store:
        assert trial(store) == ""
        with server.frozen():
            assert "it does not answer" in trial(store)
        assert trial(store) == ""
        server.kill()
        assert "it does not answer" in trial(store)
        server.start()
        assert trial(store) == ""


def test_a_hanging_server_is_asked_only_once(redis_server: Servers) -> None:
    server = redis_server()
    with (
        Proxy(server.port) as proxy,
        closing(RedisStore(f"redis://127.0.0.1:{proxy.port}/0?socket_timeout=0.2")) as store,
    ):
        try_write(store, WITHIN)
        proxy.stall()
        with pytest.raises(StoreError):
            try_write(store, WITHIN)
        assert len(proxy.swallowed) == 1, "not again, over another connection"
        proxy.restore()


def test_an_address_that_leads_to_another_master_is_followed(
    trial: Trial, redis_server: Servers
) -> None:
    old, new = redis_server(), redis_server()
    with (
        Proxy(old.port) as proxy,
        closing(RedisStore(f"redis://127.0.0.1:{proxy.port}/0")) as store,
    ):
        assert trial(store) == ""
        # A failover moves the address, and leaves open connections to the old master as they are.
        old.ask("REPLICAOF", "127.0.0.1", new.port)
        proxy._target = new.port
        assert trial(store) == "", "else it is never asked to take a message again"


def test_in_a_cluster_one_master_is_enough(trial: Trial) -> None:
    with start_cluster(3) as cluster:
        for node in cluster.nodes:
            node.ask("CONFIG", "SET", "cluster-require-full-coverage", "no")
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in cluster.nodes)
        with closing(RedisStore(f"redis+cluster://{hosts}")) as store:
            assert trial(store) == ""
            cluster.nodes[0].kill()
            assert "" in [trial(store) for _ in range(SLOTS)]
            assert trial(store) == "", "the one that answered is asked again"
            cluster.nodes[1].kill()
            assert "" in [trial(store) for _ in range(SLOTS)]
            cluster.nodes[2].kill()
            assert all(trial(store) for _ in range(2))


def test_behind_sentinels_the_new_master_is_asked(trial: Trial) -> None:
    with start_sentinel() as sentinel:
        url = f"redis+sentinel://127.0.0.1:{sentinel.sentinel.port}/{sentinel.name}/0"
        with closing(RedisStore(url)) as store:
            assert trial(store) == ""
            sentinel.fail_over()
            assert trial(store) == ""


# SQLite -----------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bot.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    with closing(SQLiteStore(path)) as store:
        begin(store, ONE)
        yield store


def refusal(store: SQLiteStore) -> str:
    with pytest.raises(StoreError) as raised:
        try_write(store, 0.1)
    return str(raised.value)


def test_a_locked_file_takes_no_writes(store: SQLiteStore, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "another process keeps it locked" in refusal(store)
    try_write(store, WITHIN)


def test_a_file_that_is_gone_is_said_to_be_once(store: SQLiteStore, path: Path) -> None:
    path.unlink()
    assert "the file was deleted, moved or replaced" in refusal(store)
    try_write(store, WITHIN)  # as a message would begin a new one
    assert path.exists()


def test_a_damaged_file_takes_no_writes(store: SQLiteStore, path: Path) -> None:
    store.close()
    path.write_bytes(b"\0" * path.stat().st_size)
    assert "it is" in refusal(store)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path / "nowhere" / "bot.db")) as store:
        assert "check that its folder exists" in refusal(store)


def test_a_disk_without_room_takes_no_writes(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is really full: `test_full_disk`."""
    monkeypatch.setattr(disk, "LEAST", 2**80)
    assert "the disk is full: make room" in refusal(store)


# Any other --------------------------------------------------------------------------------------


class Plain:
    """A store of somebody's own, which cannot try."""

    def __init__(self) -> None:
        self.failure: StoreError | None = None

    def account(self, name: str) -> str:
        if self.failure is not None:
            raise self.failure
        return ""


def test_a_store_that_cannot_try_is_read() -> None:
    store: Any = Plain()
    face = in_threads(store)

    async def on_a_loop() -> None:
        await try_write(face, WITHIN)

    try_write(store, WITHIN)
    asyncio.run(on_a_loop())
    store.failure = StoreError("it is gone")
    with pytest.raises(StoreError, match="it is gone"):
        try_write(store, WITHIN)
    with pytest.raises(StoreError, match="it is gone"):
        asyncio.run(on_a_loop())

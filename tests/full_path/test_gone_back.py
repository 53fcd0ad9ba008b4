"""A store that went back in time: a restored snapshot, a replica that had not got the last writes.

Nobody can bring back what such a store has lost. But a worker that still has the dialog as it was
must not go on as if nothing had happened: whatever the store has now is what counts.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.full_path.doors import WsgiDoor
from tests.full_path.people import TOKEN, Person
from tests.proxy import Proxy
from tests.redis_server import RedisServer, binaries, wait_until
from tests.redis_topology import Sentinel, start_cluster, start_sentinel
from wechat_dialog import Bot, Chat
from wechat_dialog.cli.serve_checks import advice
from wechat_dialog.core.store.try_write import try_write
from wechat_dialog.core.store.values import Claim, Commit, Write
from wechat_dialog.errors import ConfigurationError, StoreError
from wechat_dialog.stores.redis import AsyncRedisStore, RedisStore
from wechat_dialog.testing.store_contract.asking import begin, committed, granted
from wechat_dialog.testing.store_contract.index import ACCOUNT, timed, users

Servers = Callable[..., RedisServer]


@pytest.fixture
def store(redis_url: str) -> Iterator[RedisStore]:
    store = RedisStore(redis_url)
    yield store
    store.close()


@pytest.fixture(params=["fast", "claims"])
def make_bot(request: pytest.FixtureRequest) -> Callable[[RedisStore], Bot]:
    def made(store: RedisStore) -> Bot:
        bot = Bot(TOKEN, store=store)

        @bot.text("订")
        def orders(chat: Chat) -> Any:
            what = yield from chat.ask("什么？", key="what")
            size = yield from chat.ask("多大？", key="size")
            many = yield from chat.ask("几份？", key="many")
            return f"{many} 份 {size} {what}"

        if request.param == "claims":
            bot.settings.blocking.add("orders")
        return bot

    return made


@pytest.fixture
def bot_of(store: RedisStore, make_bot: Callable[[RedisStore], Bot]) -> Callable[[], Bot]:
    return lambda: make_bot(store)


def test_a_worker_does_not_go_on_from_what_the_store_has_lost(
    bot_of: Callable[[], Bot], redis_url: str
) -> None:
    here, there = Person(WsgiDoor(bot_of())), Person(WsgiDoor(bot_of()))
    here.say("订")
    assert here.say("茶") == "多大？"
    with redis.Redis.from_url(redis_url) as client:
        snapshot = {key: client.dump(key) or b"" for key in client.scan_iter()}
        assert here.say("大") == "几份？"
        client.flushall()
        for key, value in snapshot.items():
            client.restore(key, 60_000, value)
    assert there.say("小") == "几份？"
    assert here.say("2") == "2 份 小 茶"


def test_a_worker_that_has_more_than_the_store_asks_again(
    bot_of: Callable[[], Bot], redis_url: str
) -> None:
    here = Person(WsgiDoor(bot_of()))
    here.say("订")
    assert here.say("茶") == "多大？"
    with redis.Redis.from_url(redis_url) as client:
        snapshot = {key: client.dump(key) or b"" for key in client.scan_iter()}
        assert here.say("大") == "几份？"
        client.flushall()
        for key, value in snapshot.items():
            client.restore(key, 60_000, value)
    assert here.say("小") == "几份？", "the size is asked for, as far as the store knows"
    assert here.say("2") == "2 份 小 茶"


# A failover, as docs/redis.md has it ------------------------------------------------------------


@pytest.fixture
def sentinel() -> Iterator[Sentinel]:
    with start_sentinel() as sentinel:
        yield sentinel


def url_of(sentinel: Sentinel, query: str = "") -> str:
    return f"redis+sentinel://127.0.0.1:{sentinel.sentinel.port}/{sentinel.name}/0{query}"


def test_a_failover_loses_what_no_replica_had_and_nobody_goes_on_from_it(
    sentinel: Sentinel, make_bot: Callable[[RedisStore], Bot], caplog: pytest.LogCaptureFixture
) -> None:
    old, replica = sentinel.servers
    with (
        Proxy(old.port) as between,
        closing(RedisStore(url_of(sentinel, "?wait=1"), patience=20)) as store,
    ):
        replica.ask("REPLICAOF", "127.0.0.1", between.port)
        link = "master_link_status"
        wait_until(lambda: replica.ask("INFO", "replication")[link] == "up", "the replica")
        here = Person(WsgiDoor(make_bot(store)))
        here.say("订")
        assert here.say("茶") == "多大？"
        assert "a failover would lose it" not in caplog.text
        between.cut()
        assert here.say("大") == "几份？", "it is done, so it is not said to have failed"
        assert "0 of 1 replicas had a write" in caplog.text
        assert "a failover would lose it" in caplog.text
        old.kill()
        wait_until(lambda: sentinel.master is replica, "the sentinel to promote", seconds=30)
        wait_until(lambda: replica.ask("ROLE")[0] == "master", "the replica to be master")
        assert here.say("小") == "几份？", "the size is what the store asks for"
        assert here.say("2") == "2 份 小 茶"


def test_a_failover_loses_a_time_and_its_index_both_or_none(
    sentinel: Sentinel, caplog: pytest.LogCaptureFixture
) -> None:
    old, replica = sentinel.servers
    with (
        Proxy(old.port) as between,
        closing(RedisStore(url_of(sentinel, "?wait=1"), patience=20)) as store,
    ):
        replica.ask("REPLICAOF", "127.0.0.1", between.port)
        link = "master_link_status"
        wait_until(lambda: replica.ask("INFO", "replication")[link] == "up", "the replica")
        timed(store, -1.0, user="ada")
        assert "a failover would lose it" not in caplog.text
        between.cut()
        timed(store, -1.0, user="bob")
        assert "0 of 1 replicas had a write" in caplog.text
        assert sorted(users(store.due(ACCOUNT, 10, 0.0))) == ["ada", "bob"]
        old.kill()
        wait_until(lambda: sentinel.master is replica, "the sentinel to promote", seconds=30)
        wait_until(lambda: replica.ask("ROLE")[0] == "master", "the replica to be master")
        assert users(store.due(ACCOUNT, 10, 0.0)) == ["ada"]
        assert store.show("bob") is None


def test_a_master_without_its_replica_refuses_before_anything_is_done(sentinel: Sentinel) -> None:
    old, replica = sentinel.servers
    for name, value in (("min-replicas-to-write", 1), ("min-replicas-max-lag", 1)):
        old.ask("CONFIG", "SET", name, value)
    with closing(RedisStore(url_of(sentinel), patience=0.2)) as store:
        fence = granted(store.claim(Claim("ada", "k", lease=60))).fence
        replica.stop()
        wait_until(lambda: not old.ask("INFO", "replication")["min_slaves_good_slaves"], "lag")
        with pytest.raises(StoreError, match="too few replicas"):
            store.record("ada", fence, Write(b"h", (b"1",)))
        assert store.show("ada") is None


def test_an_ordered_failover_after_a_pause_loses_nothing_that_was_confirmed(
    sentinel: Sentinel,
) -> None:
    old, new = sentinel.servers
    confirmed, over = list[str](), threading.Event()

    def write() -> None:
        with closing(RedisStore(url_of(sentinel), patience=20)) as store:
            while not over.is_set():
                user = f"user {len(confirmed)}"
                begin(store, b"1", user=user)
                confirmed.append(user)

    def order() -> bool:
        # The sentinel refuses it as long as it has not asked the replica how it is.
        return bool(sentinel.sentinel.ask("SENTINEL", "FAILOVER", sentinel.name))

    writing = threading.Thread(target=write)
    writing.start()
    try:
        wait_until(lambda: len(confirmed) > 10, "the first writes")
        old.ask("CLIENT", "PAUSE", 60_000, "WRITE")
        wait_until(order, "the sentinel to begin")
        wait_until(lambda: sentinel.master is new, "the sentinel to promote")
        before = len(confirmed)
        wait_until(lambda: len(confirmed) > before + 10, "writes to the new master")
    finally:
        over.set()
        writing.join()
    with closing(RedisStore(new.url)) as store:
        assert [user for user in confirmed if store.show(user) is None] == []


def test_who_waits_in_vain_does_not_wait_again_soon(redis_server: Servers) -> None:
    server = redis_server()

    async def turns() -> None:
        store = AsyncRedisStore(server.url + "?wait=1&socket_timeout=1")
        fence = granted(await store.claim(Claim("ada", "k", lease=60))).fence
        await store.record("ada", fence, Write(b"h", (b"1",)))
        committed(
            await store.commit(Commit("ada", "k", Write(b"h", (b"2",)), reply=b"", fence=fence))
        )
        await store.close()

    asyncio.run(turns())
    # One, and one more for the server that did not know the script yet.
    assert server.ask("INFO", "commandstats")["cmdstat_wait"]["calls"] == 2


@pytest.mark.parametrize("url", ["redis://h/0?wait=x", "redis+cluster://h?wait=1"])
def test_a_wait_that_cannot_be_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="wait= "):
        RedisStore(url)


# What serve and check say -----------------------------------------------------------------------


def said(store: RedisStore) -> list[str]:
    return [sentence.removeprefix("Redis store: ").split(" is ")[0] for sentence in advice(store)]


def test_settings_that_lose_something_are_named(redis_server: Servers) -> None:
    server, replica = redis_server(), redis_server()
    with closing(RedisStore(server.url)) as store:
        assert said(store) == ["appendonly"]
        server.ask("CONFIG", "SET", "appendonly", "yes")
        assert said(store) == []
        server.ask("CONFIG", "SET", "appendfsync", "no")
        server.ask("CONFIG", "SET", "maxmemory", "1gb")
        server.ask("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
        replica.ask("REPLICAOF", "127.0.0.1", server.port)
        wait_until(lambda: server.ask("INFO", "replication")["connected_slaves"], "the replica")
        assert said(store) == ["appendfsync", "maxmemory-policy", "min-replicas-to-write"]


def test_a_server_that_does_not_tell_its_settings_is_no_error(redis_server: Servers) -> None:
    server = redis_server(aof=True)
    server.ask("ACL", "SETUSER", "bot", "on", ">word", "~*", "+@all", "-config")
    with closing(RedisStore(server.url.replace("redis://", "redis://bot:word@"))) as store:
        assert said(store) == []
        server.ask("ACL", "SETUSER", "bot", "-info")
        assert said(store) == []


def documented_user(password: str) -> list[str]:
    """The command with which docs/redis.md makes the bot's user."""
    page = (Path(__file__).parents[2] / "docs/redis.md").read_text("utf-8")
    [line] = [line.split() for line in page.splitlines() if "ACL SETUSER bot" in line]
    return [f">{password}" if word == ">…" else word for word in line]


def test_a_user_as_the_documentation_has_it_may_do_all_that_is_needed(
    redis_server: Servers, make_bot: Callable[[RedisStore], Bot]
) -> None:
    server = redis_server(aof=True)
    server.ask(*documented_user("word"))
    with closing(RedisStore(server.url.replace("redis://", "redis://bot:word@"))) as store:
        assert said(store) == []
        person = Person(WsgiDoor(make_bot(store)))
        assert [person.say(text) for text in ("订", "茶", "大", "2")][-1] == "2 份 大 茶"
        assert list(store.list()) == []
        try_write(store, 5.0)


@pytest.mark.parametrize("program", binaries().values(), ids=list(binaries()))
def test_a_user_as_the_documentation_has_it_may_use_a_cluster(program: str) -> None:
    with start_cluster(1, program=program) as cluster:
        [node] = cluster.nodes
        node.ask(*documented_user("word"))
        with closing(RedisStore(f"redis+cluster://bot:word@127.0.0.1:{node.port}")) as store:
            assert said(store) == ["appendonly"]
            timed(store, -1.0, user="ada")
            assert users(store.due(ACCOUNT, 10, 0.0)) == ["ada"]
            assert [stored.user for stored in store.list()] == ["ada"]
            try_write(store, 5.0)


def test_a_cluster_is_asked_node_by_node() -> None:
    with (
        start_cluster(2) as cluster,
        closing(RedisStore(f"redis+cluster://127.0.0.1:{cluster.nodes[0].port}")) as store,
    ):
        cluster.nodes[1].ask("CONFIG", "SET", "maxmemory", "1gb")
        cluster.nodes[1].ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        assert said(store) == ["appendonly", "maxmemory-policy"]
        store.close()

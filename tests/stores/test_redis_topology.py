"""The contract on a real cluster and behind a real sentinel, and the death of a master."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import pytest

from tests.redis_server import RedisServer
from tests.redis_topology import Cluster, Sentinel, start_cluster, start_sentinel
from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.values import Claim, Commit, Write
from wechat_dialog.errors import ConfigurationError, StoreError
from wechat_dialog.stores import for_async, open_store
from wechat_dialog.stores.redis import AsyncRedisStore, RedisStore
from wechat_dialog.stores.redis.address import Address
from wechat_dialog.testing.store_contract import StoreContract
from wechat_dialog.testing.store_contract.asking import begin, committed, granted


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with start_cluster(3) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def store_of_cluster(cluster: Cluster) -> Iterator[RedisStore]:
    """One for all tests: a client takes longer to connect than a test, asks for the slots and for
    all commands that there are.
    """
    with closing(RedisStore(cluster_url(cluster))) as store:
        yield store


@pytest.fixture(scope="module")
def sentinel() -> Iterator[Sentinel]:
    with start_sentinel() as sentinel:
        # On a busy machine a second of silence is no death, and no test here wants one.
        patience = ("down-after-milliseconds", 60_000)
        sentinel.sentinel.ask("SENTINEL", "SET", sentinel.name, *patience)
        yield sentinel


@pytest.fixture(scope="module")
def store_of_sentinel(sentinel: Sentinel) -> Iterator[RedisStore]:
    """One for all tests."""
    with closing(RedisStore(sentinel_url(sentinel))) as store:
        yield store


def cluster_url(cluster: Cluster) -> str:
    hosts = ",".join(f"127.0.0.1:{node.port}" for node in cluster.nodes[:2])
    return f"redis+cluster://{hosts}"


def sentinel_url(sentinel: Sentinel) -> str:
    # The first one named is not there: the next is asked.
    return f"redis+sentinel://127.0.0.1:1,127.0.0.1:{sentinel.sentinel.port}/{sentinel.name}/0"


class Clocked(StoreContract):
    """The contract by a time that the test owns: on a busy machine three tenths of a second pass
    between two lines, and a claim or a place in the queue that is to hold has run out.

    A script of a cluster may read no key but its user's, so the time stands in the scripts,
    beside a fraction of the server's.
    """

    short = 5.0

    @pytest.fixture(autouse=True)
    def _start_of_time(self) -> None:
        self.time = 1_700_000_000_000_000
        self.began = time.time_ns() // 1000
        self.stores: list[RedisStore] = []

    def keep_time_in(self, store: RedisStore) -> RedisStore:
        self.stores.append(store)
        self.advance(0.0)
        return store

    def advance(self, seconds: float) -> None:
        self.time += round(seconds * 1e6)
        # A twentieth of the server's own: slow enough for a busy machine, and no two writes are of
        # one microsecond.
        clock = (
            "local t = redis.call('TIME') "
            f"local now = {self.time} + math.floor((t[1] * 1000000 + t[2] - {self.began}) / 20)"
        )
        for store in self.stores:
            store._build(clock)


class TestCluster(Clocked):
    @pytest.fixture
    def store(self, store_of_cluster: RedisStore) -> Store:
        store_of_cluster._connected().flushall()
        return self.keep_time_in(store_of_cluster)

    @pytest.fixture
    def other(self, store: Store, cluster: Cluster) -> Iterator[Store]:
        other = self.keep_time_in(RedisStore(cluster_url(cluster)))
        yield other
        other.close()

    def test_users_are_spread_over_all_nodes(self, store: Store, cluster: Cluster) -> None:
        for i in range(50):
            begin(store, b"1", user=f"user {i}")
        assert all(node.ask("DBSIZE") > 0 for node in cluster.nodes)

    def test_nodes_that_forgot_the_scripts_are_told_them_again(
        self, store: Store, cluster: Cluster
    ) -> None:
        revisions = {f"user {i}": begin(store, user=f"user {i}").revision for i in range(20)}
        for node in cluster.nodes:
            node.ask("SCRIPT", "FLUSH")
        for user, revision in revisions.items():
            committed(store.commit(Commit(user, "k", Write(b"h"), reply=b"", revision=revision)))


class TestSentinel(Clocked):
    @pytest.fixture
    def store(self, store_of_sentinel: RedisStore) -> Store:
        store_of_sentinel._connected().flushall()
        return self.keep_time_in(store_of_sentinel)

    @pytest.fixture
    def other(self, store: Store, sentinel: Sentinel) -> Iterator[Store]:
        other = self.keep_time_in(RedisStore(sentinel_url(sentinel)))
        yield other
        other.close()


def test_a_store_follows_its_sentinel_to_the_new_master() -> None:
    with start_sentinel() as sentinel:
        store = open_store(sentinel_url(sentinel))
        revision = begin(store, b"1").revision
        sentinel.master.ask("WAIT", 1, 5000)
        sentinel.fail_over()
        made = committed(
            store.commit(Commit("ada", "k", Write(b"h", (b"2",)), reply=b"", revision=revision))
        )

        async def look() -> None:
            face = for_async(store)
            claim = granted(await face.claim(Claim("ada", "k2", lease=5)))
            assert (claim.revision, claim.records) == (made.revision, (b"1", b"2"))
            await face.close()

        asyncio.run(look())
        store.close()


def test_a_closed_store_leaves_no_node_connected_though_a_call_has_just_failed(
    cluster: Cluster,
) -> None:
    """A connection that is left open warns when it is collected, which fails here."""
    store = open_store(cluster_url(cluster))

    async def turn() -> None:
        face = for_async(store)
        await face.claim(Claim("ada", "k", lease=5))
        face._connected()._initialize = True  # type: ignore[attr-defined]  # as redis-py does then
        await face.close()

    asyncio.run(turn())
    store.close()
    gc.collect()


def test_renewals_follow_a_user_to_another_node(cluster: Cluster) -> None:
    cluster.flush()
    with closing(RedisStore(cluster_url(cluster))) as store:
        users = [f"user {number}" for number in range(12)]
        claims = [(user, granted(store.claim(Claim(user, "k", lease=60))).fence) for user in users]
        key = "{wechat-dialog:user 3}:c"
        old = cluster.owner(key)
        new = next(node for node in cluster.nodes if node is not old)
        slot = old.ask("CLUSTER", "KEYSLOT", key)
        assert store.renew_all(claims, 60, 5.0) == [None] * 12
        move(slot, old, new)
        try:
            assert store.renew_all(claims, 60, 5.0) == [None] * 12
        finally:
            move(slot, new, old)


def move(slot: int, old: RedisServer, new: RedisServer) -> None:
    """Let one node of a cluster have another's slot, and what is in it."""
    names = [node.ask("CLUSTER", "MYID") for node in (old, new)]
    new.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", names[0])
    old.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", names[1])
    keys = old.ask("CLUSTER", "GETKEYSINSLOT", slot, 100)
    old.ask("MIGRATE", "127.0.0.1", new.port, "", 0, 5000, "KEYS", *keys)
    for node in (new, old):
        node.ask("CLUSTER", "SETSLOT", slot, "NODE", names[1])


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_users_of_an_event_loop_talk_while_others_lose_a_node(cluster: Cluster, loop: str) -> None:
    """Whenever a task finds a node missing, redis-py closes connections that other tasks are about
    to write to; what such a task is told differs from loop to loop.
    """
    factory = pytest.importorskip("uvloop").new_event_loop if loop == "uvloop" else None
    cluster.flush()
    store = AsyncRedisStore(cluster_url(cluster), patience=30)

    async def talk(user: str) -> None:
        for turn in range(20):
            claim = granted(await store.claim(Claim(user, f"k{turn}", lease=60)))
            assert claim.length == turn
            write = Write(b"h", (b"%d" % turn,))
            committed(await store.commit(Commit(user, f"k{turn}", write, b"", fence=claim.fence)))

    async def lose_nodes() -> None:
        for _ in range(10):
            await asyncio.sleep(0.05)
            with suppress(RuntimeError):  # uvloop: another task has closed one of them
                await store._connected().aclose()

    async def all_talk() -> None:
        tasks = (lose_nodes(), *[talk(f"user {number}") for number in range(24)])
        failed = [one for one in await asyncio.gather(*tasks, return_exceptions=True) if one]
        await store.close()
        assert not failed

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(all_talk())


def test_a_user_who_is_being_moved_to_a_node_that_was_added_is_asked_for_again(
    cluster: Cluster,
) -> None:
    cluster.flush()
    key = "{wechat-dialog:ada}:c"
    home = cluster.owner(key)
    added = next(node for node in cluster.nodes if node is not home)
    slot = home.ask("CLUSTER", "KEYSLOT", key)
    names = [node.ask("CLUSTER", "MYID") for node in (home, added)]
    claim = Claim("ada", "k", lease=60)

    def forgotten(client: Any) -> Any:
        return client.nodes_manager.nodes_cache.pop(f"127.0.0.1:{added.port}")

    async def ask(store: RedisStore) -> None:
        face = for_async(store)
        client = face._connected()  # type: ignore[attr-defined]
        await client.initialize()
        await forgotten(client).disconnect()
        with pytest.raises(StoreError, match="does not answer"):
            await face.claim(claim)
        await face.close()

    with closing(RedisStore(cluster_url(cluster), patience=0.1)) as store:
        forgotten(store._connected())
        added.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", names[0])
        home.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", names[1])
        try:
            with pytest.raises(StoreError, match="does not answer"):
                store.claim(claim)
            asyncio.run(ask(store))
        finally:
            for node in (home, added):
                node.ask("CLUSTER", "SETSLOT", slot, "STABLE")
        granted(store.claim(claim))


def test_a_node_of_a_cluster_may_die_and_come_back() -> None:
    with start_cluster(3) as cluster:
        store = open_store(cluster_url(cluster))
        store._patience = 0.3  # type: ignore[attr-defined]
        users = {cluster.owner(f"{{wechat-dialog:user {i}}}").port: f"user {i}" for i in range(30)}
        node = cluster.nodes[2]
        user = users[node.port]
        begin(store, b"1", user=user)
        node.kill()
        with pytest.raises(StoreError, match="does not answer"):
            store.claim(Claim(user, "k", lease=5))
        node.start()
        store._patience = 20.0  # type: ignore[attr-defined]
        granted(store.claim(Claim(user, "k", lease=5)))
        store.close()


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://h:1/2", Address("server", "redis://h:1/2")),
        ("unix:///tmp/x.sock", Address("server", "unix:///tmp/x.sock")),
        (
            "redis+cluster://u:p@a:1,b,[::1]:3",
            Address("cluster", "redis://u:p@localhost/0", (("a", 1), ("b", 6379), ("::1", 3))),
        ),
        (
            "rediss+sentinel://:p@a,b:2/my%20master/3?socket_timeout=1",
            Address(
                "sentinel",
                "rediss://:p@localhost/3?socket_timeout=1",
                (("a", 26379), ("b", 2)),
                "my master",
            ),
        ),
        ("redis+sentinel://a/m", Address("sentinel", "redis://localhost/0", (("a", 26379),), "m")),
    ],
)
def test_a_url_says_where(url: str, address: Address) -> None:
    assert Address.parse(url) == address


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("redis+nonsense://a", id="unknown kind"),
        pytest.param("unix+cluster://a", id="sockets make no cluster"),
        pytest.param("redis+cluster://", id="no host"),
        pytest.param("redis+cluster://a:b", id="no port"),
        pytest.param("redis+cluster://a/3", id="a cluster has one database"),
        pytest.param("redis+sentinel://a", id="no service"),
        pytest.param("redis+sentinel://a/m/x", id="no database"),
        pytest.param("redis://a:6379/0?socket_timeout=soon", id="no number"),
    ],
)
def test_a_url_that_says_nothing_is_an_error(url: str) -> None:
    with pytest.raises(ConfigurationError):
        open_store(url)

"""A master behind Sentinel that was replaced while it ran: it goes on answering for a while."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from tests.redis_server import RedisServer, wait_until
from tests.redis_topology import Sentinel, start_sentinel
from wechat_dialog.core.store.values import Claim
from wechat_dialog.errors import StoreError
from wechat_dialog.stores.redis import AsyncRedisStore, RedisStore
from wechat_dialog.testing.store_contract.asking import granted


@pytest.fixture
def sentinel() -> Iterator[Sentinel]:
    with start_sentinel() as sentinel:
        yield sentinel


def url_of(sentinel: Sentinel) -> str:
    port = sentinel.sentinel.port
    return f"redis+sentinel://127.0.0.1:{port}/{sentinel.name}/0?socket_timeout=20"


def knows(server: RedisServer, user: str) -> bool:
    return bool(server.ask("EXISTS", f"{{wechat-dialog:{user}}}:c"))


def test_connections_leave_a_master_that_was_replaced_though_it_answers(
    sentinel: Sentinel,
) -> None:
    old, new = sentinel.servers
    # The sentinel may not make it a replica, however long this takes.
    old.ask("ACL", "SETUSER", "default", "-replicaof", "-slaveof")

    async def talk() -> None:
        async with asyncio.TaskGroup() as tasks:
            store = AsyncRedisStore(url_of(sentinel))
            blocking = RedisStore(url_of(sentinel))
            await store.claim(Claim("warm", "k", lease=60))
            renew(blocking, "zoe")
            order = ("SENTINEL", "FAILOVER", sentinel.name)
            wait_until(lambda: sentinel.sentinel.ask(*order), "the sentinel to know the replica")
            wait_until(lambda: sentinel.master is new, "the sentinel to name the new master")
            tasks.create_task(asyncio.to_thread(wait_until, lambda: come(blocking), "one"))
            while not knows(new, "ada"):
                await store.claim(Claim("ada", "k", lease=60))
                await asyncio.sleep(0.01)
        renew(blocking, "carl")
        assert old.ask("ROLE")[0] == "master"
        blocking.close()
        await store.close()

    def come(store: RedisStore) -> bool:
        store.claim(Claim("bob", "k", lease=60))
        return knows(new, "bob")

    def renew(store: RedisStore, user: str) -> None:
        fence = granted(store.claim(Claim(user, "k", lease=60))).fence
        assert store.renew_all([(user, fence)], 60, 5.0) == [None]

    asyncio.run(talk())


def test_what_a_frozen_master_answers_when_another_has_its_place_does_not_count(
    sentinel: Sentinel,
) -> None:
    old, new = sentinel.servers
    with closing(RedisStore(url_of(sentinel), patience=30)) as store:
        store.claim(Claim("warm", "k", lease=60))
        with old.frozen():
            claiming = threading.Thread(target=store.claim, args=(Claim("ada", "k", lease=60),))
            claiming.start()
            wait_until(lambda: sentinel.master is new, "the sentinel to name the new master")

            def found() -> bool:
                with suppress(StoreError):
                    store.claim(Claim("bob", "k", lease=60))
                return knows(new, "bob")

            wait_until(found, "the store to find the new master")
        claiming.join()
        assert knows(new, "ada")

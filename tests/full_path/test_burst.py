"""More messages at once than there are connections to Redis: they queue, and all are answered."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from tests.full_path.doors import PATIENCE
from tests.full_path.people import PATIENT, TOKEN, push, signed
from tests.redis_server import RedisServer, wait_until
from tests.redis_topology import start_cluster
from wechat_dialog import Bot, Chat
from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.values import Claim
from wechat_dialog.errors import StoreError
from wechat_dialog.stores import open_store
from wechat_dialog.stores.redis import AsyncRedisStore, clients
from wechat_dialog.stores.redis.address import Address

Servers = Callable[..., RedisServer]
USERS = 400


def bot_of(store: Store) -> Bot:
    bot = Bot(TOKEN, store=store, window=PATIENT)

    @bot.text("多少")
    async def asks(chat: Chat) -> str:
        return f"{await chat.ask('几个？', int)} 个"

    return bot


async def burst(bot: Bot, text: str, expected: str, users: int = USERS) -> None:
    """Every user says something at once."""

    async def says(number: int) -> str:
        body = push(f"oUser{number}", Content=text)
        return (await bot.answer_async(body, signed())).decode()

    answers = await asyncio.gather(*map(says, range(users)))
    wrong = [answer for answer in answers if expected not in answer]
    assert not wrong, f"{len(wrong)} of {users}, the first: {wrong[0]}"


async def bursts(url: str, users: int = USERS, looks: Callable[[], object] = lambda: None) -> None:
    """Let a crowd say two things; `looks` is called when all are answered."""
    store = open_store(url)
    bot = bot_of(store)
    await burst(bot, "多少", "几个？", users)
    await burst(bot, "3", "3 个", users)
    looks()
    await bot.close_async()  # the sweeper first: it would open connections again
    store.close()


def test_a_crowd_on_an_event_loop_queues_for_the_connections_there_are(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with redis.Redis.from_url(redis_url) as client:
        before = client.info("clients")["connected_clients"]

        def held() -> int:
            count: int = client.info("clients")["connected_clients"] - before
            return count

        def looks() -> None:
            # Besides the crowd's there may be the one over which claims are renewed, and the one of
            # the sweeper. Not those made are counted: what was not answered in time is closed.
            wait_until(lambda: held() <= 12, "the server to see the end of those that were closed")

        with caplog.at_level(logging.WARNING, "wechat_dialog"):
            asyncio.run(bursts(f"{redis_url}?max_connections=10", looks=looks))
    assert caplog.text.count("all 10 connections to Redis are in use") == 1


@pytest.mark.long
def test_three_thousand_messages_at_once(redis_url: str) -> None:
    asyncio.run(bursts(redis_url, 3000))


def test_a_crowd_of_threads_queues(redis_url: str) -> None:
    store = open_store(f"{redis_url}?max_connections=4")
    bot = bot_of_threads(store)
    together = threading.Barrier(40)

    def says(number: int) -> str:
        together.wait()
        return bot.answer(push(f"oUser{number}", Content="多少"), signed()).decode()

    with ThreadPoolExecutor(40) as pool:
        assert all("几个？" in answer for answer in pool.map(says, range(40)))
    bot.close()
    store.close()


def test_threads_that_come_first_together_have_the_same_connections(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would have as many as are allowed, and nobody would close those of the others."""
    both, make = threading.Barrier(2), clients.client

    def made_by_both(address: Address) -> redis.Redis:
        both.wait(PATIENCE)
        client: redis.Redis = make(address)
        both.wait(PATIENCE)
        return client

    monkeypatch.setattr(clients, "client", made_by_both)
    store = open_store(f"{redis_url}?max_connections=1")
    with redis.Redis.from_url(redis_url) as client:
        before = client.info("stats")["total_connections_received"]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda n: store.claim(Claim(f"user {n}", "k", lease=5)), range(2)))
        assert client.info("stats")["total_connections_received"] - before == 1
    store.close()


def test_a_closed_store_leaves_no_connection_open(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:

        def connected() -> int:
            count: int = client.info("clients")["connected_clients"]
            return count

        before = connected()
        store = open_store(redis_url)
        store.claim(Claim("ada", "k", lease=5))
        assert list(store.list(everybody=True)) == []
        used = store._client  # type: ignore[attr-defined]
        assert connected() > before
        store.close()
        wait_until(lambda: connected() == before, "the server to see the end of all")
        assert used is not None, "as where the collector has not come by yet"


def bot_of_threads(store: Store) -> Bot:
    bot = Bot(TOKEN, store=store, window=PATIENT)

    @bot.text("多少")
    def asks(chat: Chat):  # type: ignore[no-untyped-def]
        yield from chat.ask("几个？", int)

    return bot


def test_a_crowd_queues_at_each_node_of_a_cluster() -> None:
    with start_cluster(2) as cluster:
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in cluster.nodes)
        url = f"redis+cluster://{hosts}?max_connections=5"
        asyncio.run(bursts(url, 150))
        store = open_store(url)
        with ThreadPoolExecutor(30) as pool:
            list(pool.map(lambda n: store.claim(Claim(f"user {n}", "k", lease=5)), range(90)))
        store.close()


@pytest.mark.parametrize("kind", ["threads", "event loop"])
def test_who_waits_for_a_connection_for_too_long_is_told(
    redis_server: Servers, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("wechat_dialog.stores.redis.queue.LONGEST", 0.05)
    server = redis_server()
    url = f"{server.url}?max_connections=1"

    async def on_loop() -> None:
        face = open_store(url).for_async()  # type: ignore[attr-defined]
        await face.claim(Claim("ada", "k", lease=5))
        with server.frozen():
            first = asyncio.create_task(face.claim(Claim("bob", "k", lease=5)))
            await asyncio.sleep(0)
            with pytest.raises(StoreError, match="all 1 connections have been in use"):
                await face.claim(Claim("cy", "k", lease=5))
        await first
        await face.claim(Claim("cy", "k", lease=5))
        await face.close()

    def on_threads() -> None:
        store = open_store(url)
        store.claim(Claim("ada", "k", lease=5))
        taken = store._lines._idle.pop()  # type: ignore[attr-defined]
        with pytest.raises(StoreError, match="all 1 connections have been in use"):
            store.claim(Claim("cy", "k", lease=5))
        store._lines._idle.append(taken)  # type: ignore[attr-defined]
        store.claim(Claim("cy", "k", lease=5))
        store.close()

    asyncio.run(on_loop()) if kind == "event loop" else on_threads()


def test_a_queue_does_not_stand_before_a_server_that_is_gone(redis_server: Servers) -> None:
    """Whoever is called and finds no server calls the next, who shall not wait for nothing."""
    server = redis_server()

    async def crowd() -> None:
        store = AsyncRedisStore(f"{server.url}?max_connections=2&socket_timeout=1", patience=0.1)
        calls = [store.claim(Claim(f"user {n}", "k", lease=5)) for n in range(30)]
        server.freeze()
        asking = asyncio.ensure_future(asyncio.gather(*calls, return_exceptions=True))
        await asyncio.sleep(0.05)
        server.kill()
        results = await asking
        assert {type(result) for result in results} == {StoreError}
        assert not any("in use" in str(result) for result in results)
        server.start()
        await store.claim(Claim("ada", "k", lease=5))
        await store.close()

    asyncio.run(crowd())

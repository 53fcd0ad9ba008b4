"""Claims are renewed where the store is far away, and where a part of it is dead."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import pytest

from tests.full_path.people import ACCOUNT, PATIENT, TOKEN, push, signed
from tests.proxy import Proxy
from tests.redis_server import RedisServer
from tests.redis_topology import Cluster, start_cluster
from wechat_dialog import Bot, Chat
from wechat_dialog.errors import StoreError
from wechat_dialog.stores.redis import RedisStore

Servers = Callable[..., RedisServer]
USERS = 300
PATIENCE = 60.0


class Till:
    """Takes money, and takes its time: until it is told to go on, nothing but renewals keeps a
    claim.

    Attributes:
        users: How many pay.
        begun: How often each user's step ran.
        all_in: All of them are in their step.
        goes_on: They may leave it.
    """

    def __init__(self, users: int) -> None:
        self.users = users
        self.begun: Counter[str] = Counter()
        self.all_in = asyncio.Event()
        self.goes_on = asyncio.Event()

    async def pay(self, user: str) -> str:
        self.begun[user] += 1
        if len(self.begun) == self.users:
            self.all_in.set()
        await self.goes_on.wait()
        return "付了"


def bot_of(till: Till, store: RedisStore, lease: float) -> Bot:
    bot = Bot(TOKEN, store=store, lease=lease, window=PATIENT)

    @bot.text("付")
    async def pays(chat: Chat) -> str:
        return await chat.step(till.pay, chat.user)

    return bot


class Watched(RedisStore):
    """A store that tells when the claims of some users were all renewed."""

    def __init__(self, url: str, users: list[str]) -> None:
        super().__init__(url)
        self.users = set(users)
        self.left = 0
        self.enough = threading.Event()

    def renew_all(
        self, claims: Sequence[tuple[str, int]], lease: float, within: float
    ) -> list[StoreError | None]:
        results = super().renew_all(claims, lease, within)
        renewed = {
            key.rpartition(":")[2]
            for (key, _), result in zip(claims, results, strict=True)
            if result is None
        }
        self.left -= renewed >= self.users
        if self.left <= 0:
            self.enough.set()
        return results

    async def renewed(self, rounds: int) -> None:
        """Wait for so many rounds, from now on, in which all were."""
        self.left = rounds
        self.enough.clear()
        assert await asyncio.to_thread(self.enough.wait, PATIENCE)


async def crowd(bot: Bot, users: list[str]) -> None:
    """Every user pays at once; whatever becomes of their requests, their turns end."""
    await asyncio.gather(*(bot.answer_async(push(user, Content="付"), signed()) for user in users))


async def all_ended(bot: Bot) -> None:
    """Wait for turns whose requests have left."""
    while tasks := list(bot._runner._loops.turns):
        await asyncio.wait(tasks)


def test_a_crowd_in_steps_keeps_its_claims_though_the_store_is_far_away(
    redis_server: Servers,
) -> None:
    """One after another, a round of renewals would take 300 × 24 ms, where it may take 3 s."""
    server = redis_server()
    users = [f"oUser{number}" for number in range(USERS)]

    async def turns(port: int) -> None:
        till = Till(USERS)
        store = Watched(f"redis://127.0.0.1:{port}/0?max_connections=400", users)
        bot = bot_of(till, store, lease=12.0)
        paying = asyncio.create_task(crowd(bot, users))
        await till.all_in.wait()
        await store.renewed(1)
        till.goes_on.set()
        await paying
        await all_ended(bot)
        assert till.begun == dict.fromkeys(users, 1)
        await bot.close_async()  # the sweeper first: it would open connections again
        store.close()

    with Proxy(server.port, delay=0.012) as proxy:
        asyncio.run(turns(proxy.port))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with start_cluster(3) as cluster:
        for node in cluster.nodes:
            # Else the whole cluster refuses service when a part of its keys has no master.
            node.ask("CONFIG", "SET", "cluster-require-full-coverage", "no")
        yield cluster


@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_a_dead_master_costs_no_claim_of_users_that_live_elsewhere(
    cluster: Cluster, how: str
) -> None:
    healthy: list[str] = []
    others: list[str] = []
    dead = cluster.nodes[2]
    for number in range(60):
        owner = cluster.owner(f"{{wechat-dialog:{ACCOUNT}:oUser{number}}}")
        (others if owner is dead else healthy).append(f"oUser{number}")
    assert len(healthy) > 20 < 3 * len(others)
    hosts = ",".join(f"127.0.0.1:{node.port}" for node in cluster.nodes)

    async def turns() -> None:
        till = Till(len(healthy) + len(others))
        store = Watched(f"redis+cluster://{hosts}", healthy)
        bot = bot_of(till, store, lease=3.0)
        unlucky = asyncio.create_task(crowd(bot, others))
        lucky = asyncio.create_task(crowd(bot, healthy))
        await till.all_in.wait()
        dead.kill() if how == "kill" else dead.freeze()
        await store.renewed(3)
        till.goes_on.set()
        await lucky
        dead.start() if how == "kill" else dead.thaw()
        await unlucky
        await all_ended(bot)
        assert {user: till.begun[user] for user in healthy} == dict.fromkeys(healthy, 1)
        await bot.close_async()  # the sweeper first: it would open connections again
        store.close()

    asyncio.run(turns())

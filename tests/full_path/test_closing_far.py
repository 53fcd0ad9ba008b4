"""A bot is closed in time, whatever its store does: here it accepts requests and answers none."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from tests.full_path.people import ACCOUNT, push, signed
from tests.full_path.waiting import make_bot
from tests.proxy import Proxy
from tests.redis_server import wait_until
from wechat_dialog import Bot
from wechat_dialog.core.store.times import Dues

USERS = [f"oUser{number:022}" for number in range(3)]


@pytest.fixture
def proxy(redis_url: str) -> Iterator[Proxy]:
    with Proxy(int(redis_url.rpartition(":")[2].partition("/")[0])) as proxy:
        yield proxy


@pytest.fixture
def bot(proxy: Proxy, redis_url: str) -> Iterator[Bot]:
    """A bot whose store waits for an answer as long as it takes. Users of it are due."""
    other = make_bot(redis_url, list[str]().append, account=ACCOUNT, timers=False)
    for user in USERS:
        other.answer(push(user, Content="小睡"), signed())
    wait_until(lambda: len(other.store.due(ACCOUNT, 9, 0.0).entries) == len(USERS), "their time")
    url = f"redis://127.0.0.1:{proxy.port}/?socket_timeout=600&socket_connect_timeout=600"
    yield make_bot(url, list[str]().append, account=ACCOUNT, drain=0.0)
    assert other.run_due() == 0, "they are leased"
    other.close()


def given_back(bot: Bot, proxy: Proxy) -> int:
    """Return how many requests to give back something were sent in vain."""
    sha = bot.store._times._scripts.index_free.sha.encode()  # type: ignore[attr-defined]
    return b"".join(proxy.swallowed).count(sha)


def test_closing_does_not_wait_for_a_store_that_does_not_answer(bot: Bot, proxy: Proxy) -> None:
    due, leased, turns = bot.store.due, threading.Event(), bot._runner.turns

    def look(account: str, limit: int, lease: float) -> Dues:
        dues = due(account, limit, lease)
        if dues.entries:
            proxy.stall()
            leased.set()
            wait_until(lambda: turns.closing, "the bot to be closed")
        return dues

    bot.store.due = look  # type: ignore[method-assign]
    bot.sweep()
    leased.wait()
    closing = threading.Thread(target=bot.close, daemon=True)
    closing.start()
    closing.join(60)
    assert not closing.is_alive(), "it waits for the store"
    assert given_back(bot, proxy) == 1


def test_closing_on_a_loop_does_not_wait_for_a_store_that_does_not_answer(
    bot: Bot, proxy: Proxy
) -> None:
    async def close_once_it_has_leased() -> None:
        due, closing = bot.async_store.due, asyncio.Queue[asyncio.Task[None]]()

        async def look(account: str, limit: int, lease: float) -> Dues:
            dues = await due(account, limit, lease)
            if dues.entries:
                proxy.stall()
                closing.put_nowait(asyncio.ensure_future(bot.close_async()))
                await asyncio.sleep(0)
            return dues

        bot.async_store.due = look  # type: ignore[method-assign]
        bot.sweep_here()
        await asyncio.wait_for(await closing.get(), 60)

    asyncio.run(close_once_it_has_leased())
    assert given_back(bot, proxy) == 1

"""What a closed bot leaves open at its Redis: nothing, while its event loop runs on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import pytest

from tests.full_path.people import TOKEN, push, signed
from tests.redis_server import RedisServer, wait_until
from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.core.store.contract import Store
from wechat_dialog.stores.redis import RedisStore

Servers = Callable[..., RedisServer]
USERS = 8


def bot_on(store: str | Store, gate: asyncio.Event, begun: asyncio.Barrier | None = None) -> Bot:
    bot = Bot(TOKEN, store=store)

    async def waits() -> int:
        if begun is not None:
            await begun.wait()
        await gate.wait()
        return 1

    @bot.text("做")
    def works(chat: Chat) -> Dialog[str]:
        return f"好了{yield from chat.step(waits)}"

    return bot


def open_connections(server: RedisServer) -> list[str]:
    """Return what is connected, but for who asks."""
    with contextlib.closing(server.client()) as asking:
        own = asking.client_id()
        return [str(one) for one in asking.client_list() if int(one["id"]) != own]


def none_open(server: RedisServer) -> None:
    wait_until(lambda: not open_connections(server), "the connections to be closed")


async def crowd(bot: Bot) -> None:
    bodies = [push(f"oUser{number}", Content="做") for number in range(USERS)]
    await asyncio.gather(*(bot.answer_async(body, signed()) for body in bodies))


def test_a_bot_closed_on_its_loop_leaves_no_connection(redis_server: Servers) -> None:
    server = redis_server()

    async def lives() -> None:
        gate = asyncio.Event()
        gate.set()
        bot = bot_on(server.url, gate)
        await crowd(bot)
        assert open_connections(server)
        await bot.close_async()
        await asyncio.to_thread(none_open, server)

    asyncio.run(lives())


def test_a_bot_closed_on_a_store_that_it_was_given_leaves_no_connection(
    redis_server: Servers,
) -> None:
    """The store is its owner's; the connections of the bot's own face of it are not."""
    server = redis_server()
    store = RedisStore(server.url)

    async def lives() -> None:
        gate = asyncio.Event()
        gate.set()
        bot = bot_on(store, gate)
        await crowd(bot)
        await bot.close_async()
        store.close()
        await asyncio.to_thread(none_open, server)

    asyncio.run(lives())


def test_turns_that_outlast_the_closing_of_a_bot_leave_no_connection(
    redis_server: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    server = redis_server()

    async def lives() -> None:
        gate, begun = asyncio.Event(), asyncio.Barrier(USERS + 1)
        bot = bot_on(server.url, gate, begun)
        asked = asyncio.create_task(crowd(bot))
        await begun.wait()
        tasks = list(bot._runner._loops.turns)
        await bot.close_async(drain=0.05)
        assert "did not end within" in caplog.text
        gate.set()
        await asyncio.wait(tasks)
        with contextlib.suppress(Exception):
            await asked
        await asyncio.to_thread(none_open, server)

    asyncio.run(lives())

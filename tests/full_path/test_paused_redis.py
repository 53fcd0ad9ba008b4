"""A real Redis that is paused, or stopped, for longer than a lease, just as steps end: eight users
pay, and eight payments are made.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.full_path.test_outcomes_in_hand import USERS, asked_until_answered, said
from tests.redis_server import RedisServer
from wechat_dialog import Bot, Chat, replies
from wechat_dialog.stores.redis import RedisStore

Servers = Callable[..., RedisServer]
LEASE = 0.5


class Till:
    """Takes money; when everybody is at it, the server is held up."""

    def __init__(self, hold_up: Callable[[], object]) -> None:
        self.book: list[str] = []
        self._hold_up = hold_up
        self._lock = threading.Lock()

    def _enter(self, user: str) -> None:
        with self._lock:
            self.book.append(user)
            if len(self.book) == USERS:
                self._hold_up()

    def pay(self, user: str) -> int:
        self._enter(user)
        time.sleep(0.4)
        return 1

    async def pay_async(self, user: str) -> int:
        self._enter(user)
        await asyncio.sleep(0.4)
        return 1


@pytest.mark.parametrize("how", ["paused", "stopped"])
@pytest.mark.parametrize("driver", ["threads", "event loop"])
def test_eight_users_pay_eight_times_though_redis_is(
    redis_server: Servers, how: str, driver: str
) -> None:
    server = redis_server()
    seconds = LEASE * 3

    def stop() -> None:
        with server.frozen():
            time.sleep(seconds)

    def pause() -> None:
        server.client().execute_command("CLIENT", "PAUSE", int(seconds * 1000), "ALL")

    till = Till(threading.Thread(target=stop).start if how == "stopped" else pause)
    store = RedisStore(f"{server.url}?socket_timeout=0.3&socket_connect_timeout=0.3", patience=0.2)
    bot = Bot("t", store=store, lease=LEASE)

    @bot.text("付钱")
    def takes(chat: Chat) -> Any:
        yield from chat.step(till.pay if driver == "threads" else till.pay_async, chat.user)
        return "收到"

    users = [f"u{number}" for number in range(USERS)]
    if driver == "threads":
        with ThreadPoolExecutor(USERS) as threads:
            answers = list(threads.map(lambda user: asked_until_answered(bot, user), users))
    else:

        async def all_at_once() -> list[str]:
            outcomes = await asyncio.gather(
                *(bot.respond_async(said(user), time.time()) for user in users)
            )
            await bot.async_store.close()
            return [one.reply.content for one in outcomes if isinstance(one.reply, replies.Text)]

        answers = asyncio.run(all_at_once())
    bot.close()
    assert answers == ["收到"] * USERS
    assert Counter(till.book) == Counter(users)

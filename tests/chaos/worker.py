"""A worker of the chaos test: a real server with a bot whose steps write a ledger."""

from __future__ import annotations

import os
import random
import socket
import sys
import time

import redis
import redis.backoff
import redis.retry
import uvicorn

from wechat_dialog import Bot, Chat, Dialog, Window

TOKEN = "chaos"
LEDGER = os.environ.get("CHAOS_LEDGER", "redis://127.0.0.1:1/0")
STORE = os.environ.get("CHAOS_STORE", LEDGER)
WINDOW = 1.5
SLOW = 0.2

ledger = redis.Redis.from_url(
    LEDGER, retry=redis.retry.Retry(redis.backoff.ConstantBackoff(0.1), 40), socket_timeout=2
)
bot = Bot(
    TOKEN,
    store=STORE,
    timeout=3600,
    lease=0.6,
    window=Window(seconds=WINDOW, requests=3, patience=WINDOW - 0.3),
    live_dialogs=int(os.environ.get("CHAOS_LIVE", "1000")),
)


def append(user: str, place: int, number: int, idempotency_key: str = "") -> int:
    """Write one entry; every run is seen, a repeated one by its key.

    It takes its time before and after, so that most of what is killed is killed in a step.
    """
    time.sleep(random.uniform(0, SLOW))
    ledger.rpush(f"ledger:{user}", f"{place} {number} {idempotency_key}")
    time.sleep(random.uniform(0, SLOW))
    return number


@bot.text("记账")
def accounts(chat: Chat) -> Dialog[str]:
    """Add numbers up, each entered in the ledger once."""
    count = yield from chat.ask("几个数？", int)
    total = 0
    for place in range(1, count + 1):
        number = yield from chat.ask(f"第 {place} 个数？", int)
        total += yield from chat.step(append, chat.user, place, number)
    return f"合计 {total}"


@bot.fallback
def anything(_: Chat) -> str:
    """Say that nothing is running."""
    return "没有在记账"


class Server(uvicorn.Server):
    """Says when it serves."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print("ready", flush=True)


if __name__ == "__main__":
    config = uvicorn.Config(bot.asgi, fd=int(sys.argv[1]), log_level="critical", access_log=False)
    Server(config).run()

"""What the workers of the chaos tests share: a slow ledger in Redis, and a server on a socket that
outlives it.
"""

from __future__ import annotations

import os
import random
import socket
import sys
import time
from typing import Any

import redis
import redis.backoff
import redis.retry
import uvicorn

from wechat_dialog import Window

__all__ = ["LEASE", "STORE", "TOKEN", "WINDOW", "enter", "serve", "window"]

TOKEN = "chaos"
LEDGER = os.environ.get("CHAOS_LEDGER", "redis://127.0.0.1:1/0")
STORE = os.environ.get("CHAOS_STORE", LEDGER)
WINDOW = 1.5
LEASE = float(os.environ.get("CHAOS_LEASE", "0.6"))
SLOW = 0.2

ledger = redis.Redis.from_url(
    LEDGER, retry=redis.retry.Retry(redis.backoff.ConstantBackoff(0.1), 40), socket_timeout=2
)


def window() -> Window:
    """Return the platform's window, made shorter."""
    return Window(seconds=WINDOW, requests=3, patience=WINDOW - 0.3)


def enter(user: str, entry: str) -> None:
    """Write one entry of a user.

    It takes its time before and after, so that most of what is killed is killed in a step.
    """
    time.sleep(random.uniform(0, SLOW))
    ledger.rpush(f"ledger:{user}", entry)
    time.sleep(random.uniform(0, SLOW))


class Server(uvicorn.Server):
    """Says when it serves."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print("ready", flush=True)


def serve(app: Any) -> None:
    """Serve an application on the socket whose number is the first argument."""
    config = uvicorn.Config(app, fd=int(sys.argv[1]), log_level="critical", access_log=False)
    Server(config).run()

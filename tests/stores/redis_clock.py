"""A Redis store whose time the test owns: scripts that read the clock from a key."""

from __future__ import annotations

import redis

KEY = "clock of the test"
CLOCK = f"local now = redis.call('INCRBY', '{KEY}', 10)"


def advance(client: redis.Redis, seconds: float) -> None:
    client.incrby(KEY, round(seconds * 1e6))

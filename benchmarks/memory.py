"""Bytes in Redis of a conversation, by its length; bytes on the wire of a turn; and bytes of the
process for each dialog that is kept live.

    python -m benchmarks.memory [--crowd 100000]

The budget is 1 KiB for a fresh conversation, and for each record 60 bytes and one and a half times
what the user wrote. With a crowd: that many live conversations of three turns, and what a million
of them would take of Redis (the budget is 2 GB).
"""

from __future__ import annotations

import argparse
import gc
import sys
import tracemalloc
from collections.abc import Callable
from functools import partial

import redis

from benchmarks.turns import lengthen, ours, push
from tests.redis_server import redis_servers


def total(client: redis.Redis) -> int:
    """Return the bytes of all keys, their names and Redis's own upkeep included."""
    return sum(int(client.memory_usage(key, samples=0) or 0) for key in client.scan_iter())


def main(arguments: list[str] | None = None) -> int:
    """Print the tables; returns 1 over budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crowd", type=int, default=0)
    options = parser.parse_args(arguments)
    over = 0
    with redis_servers() as start:
        url = start().url
        client = redis.Redis.from_url(url)
        print(
            f"{'records':>8}{'text':>6}{'bytes':>10}{'budget':>10}{'sent/turn':>11}{'got/turn':>10}"
        )
        for length, text in ((1, ""), (10, "1"), (100, "1"), (1000, "1"), (100, "1" * 15)):
            client.flushall()
            answer = ours(url, live=True)
            answer(push("u", "累加器"))
            if length > 1:
                answer(push("u", "1000000"))
            for _ in range(length - 2):
                answer(push("u", text))
            # Replies of the last minute are kept once per message, and no conversation has many.
            used = total(client) - kept_replies(client)
            wrote = 9 + 7 + len(text) * max(0, length - 2)
            budget = 1024 + 1.5 * wrote + 60 * length
            lengthen(answer, "first", 3)  # has the server load what is loaded once
            sent, got = on_the_wire(client, partial(answer, push("u", text or "1")))
            print(f"{length:8}{len(text):6}{used:10}{budget:10.0f}{sent:11}{got:10}")
            over += used > budget
        print(f"{'records':>8}{'bytes of the process a live dialog':>38}")
        for length, count in ((2, 200), (20, 200), (1000, 20)):
            print(f"{length:8}{kept_live(url, length, count):38,.0f}")
        if options.crowd:
            client.flushall()
            million = crowd(client, url, options.crowd)
            print(f"a million live conversations of three turns: {million / 1e9:.2f} GB of Redis")
            over += million > 2e9
    return int(bool(over))


def on_the_wire(client: redis.Redis, turn: Callable[[], object]) -> tuple[int, int]:
    """Return the bytes that a turn sends to the server, and those that it gets."""

    def counted() -> tuple[int, int]:
        told = client.info("stats")
        return int(told["total_net_input_bytes"]), int(told["total_net_output_bytes"])

    first, before = counted(), counted()  # what the question itself takes
    turn()
    after = counted()
    sent, got = (c - b - (b - a) for a, b, c in zip(first, before, after, strict=True))
    return sent, got


def crowd(client: redis.Redis, url: str, users: int) -> float:
    """Return the bytes that a million conversations of three turns take, by those of `users`."""

    def used() -> int:
        return int(client.info("memory")["used_memory"])

    answer = ours(url, live=True)
    before = used()
    for number in range(users):
        lengthen(answer, f"o6_bmjrPTlm6_2sgVt7h{number:08}", 3)
        if number % 1000 == 0:
            print(f"  {number} of {users}", end="\r", file=sys.stderr)
    return (used() - before) / users * 1e6


def kept_live(url: str, length: int, count: int) -> float:
    """Return the bytes that a live dialog takes: what is there with them, less without."""
    found: list[int] = []
    for live in (False, True):
        answer = ours(url, live=live)
        lengthen(answer, "first", 2)  # what is made once
        tracemalloc.start()
        for number in range(count):
            lengthen(answer, f"{live}{length}{number}", length)
        gc.collect()
        found.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
    return (found[1] - found[0]) / count


def kept_replies(client: redis.Redis) -> int:
    """Return the bytes of the replies remembered for a minute, but for one."""
    sizes = [int(client.memory_usage(key) or 0) for key in client.scan_iter("*:a:*")]
    for key in client.scan_iter("*:h"):
        value = client.get(key)  # lua/entry.lua says what is where
        head = value if isinstance(value, bytes) else b""
        at, stop = 67, 67 + int.from_bytes(head[65:67], "big")
        while at < stop:
            sizes.append(15 + int.from_bytes(head[at + 13 : at + 15], "big"))
            at += sizes[-1]
    return sum(sizes) - max(sizes, default=0)


__all__ = ["lengthen", "main"]

if __name__ == "__main__":
    raise SystemExit(main())

"""A turn beside WeRoBot's Redis session and beside the floor, by where Redis runs.

    python -m benchmarks.peers [--rounds 15] [--users 10000]

WeRoBot is the peer that a user would pick. Its session is one GET and one SET of a JSON object; it
notices no repetition, has no claim, and two messages at once lose one. What runs where changes the
ratio: on one core with Redis a turn pays for the server's work as for its own, on two it waits for
another core to wake up. So the same contenders are measured in three placements: Redis pinned to
another core than this process, both pinned to the same one, and neither pinned. "Behind" are two
bots that take turns with each user, as two workers do; "first" is the first message of a new user,
beside WeRoBot's.

After that, in the placement of two cores:

- a crowd: many users write seven messages each, one message of each in turn, so that none is met
  twice in a row; turns per second;
- newcomers: beside as many conversations that are live, new users keep coming, each with two
  messages; the 99th percentile of a turn, with the garbage collector as `serve` has it;
- the processor time of Redis itself, a turn, as the server counts it;
- bytes and keys in Redis after seven quick turns of one user;
- a full garbage collection of a process with 10 000 live dialogs.

Ratios are taken within a round; median, and the quartiles as the spread.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import redis

from benchmarks.turns import (
    QUERY,
    Answer,
    accumulator,
    behind,
    floor,
    lengthen,
    ours,
    push,
    timed,
    werobot,
)
from tests.redis_server import RedisServer, redis_servers
from wechat_dialog import Bot
from wechat_dialog.runtime.garbage import SurvivorsFrozen

PLACEMENTS = ("another core", "the same core", "not pinned")
RATED = ("live", "behind", "cold", "first", "floor")
FIRST = ("first", "first of WeRoBot")
TURNS = 7
LIVE = 10_000

Ratios = list[float]


@contextmanager
def placed(server: RedisServer, where: str) -> Iterator[None]:
    """Pin this process and a server as a placement says, for the length of a block."""
    cores = sorted(os.sched_getaffinity(0))
    mine, its = {
        "another core": ({cores[0]}, {cores[-1]}),
        "the same core": ({cores[0]}, {cores[0]}),
        "not pinned": (set(cores), set(cores)),
    }[where]
    os.sched_setaffinity(0, mine)
    os.sched_setaffinity(server.pid, its)
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
        os.sched_setaffinity(server.pid, cores)


def quartiles(ratios: Ratios) -> str:
    """Return a median with the spread of the middle half."""
    low, middle, high = statistics.quantiles(ratios, n=4)
    return f"{middle:6.2f} ({low:.2f}–{high:.2f})"


def turns(url: str, rounds: int, users: int) -> dict[str, list[float]]:
    """Return µs per turn of each contender, a list by round."""
    contenders = {
        "floor": floor(url),
        "live": ours(url, live=True),
        "behind": behind(url),
        "cold": ours(url, live=False),
        "WeRoBot": werobot(url),
    }
    beginners = {"cold": ours(url, live=True)}
    # Bots of their own: so many new dialogs would push out those that are live.
    newcomers_of = dict(zip(FIRST, (ours(url, live=True), contenders["WeRoBot"]), strict=True))
    people = {name: [f"{name}{number}" for number in range(users)] for name in contenders}
    for name, answer in contenders.items():
        for user in people[name] if name != "floor" else ():
            lengthen(beginners.get(name, answer), user, 10)
    times: dict[str, list[float]] = {name: [] for name in (*contenders, *FIRST)}
    for number in range(rounds):
        print(f"  round {number + 1} of {rounds}", end="\r", file=sys.stderr)
        for name, answer in contenders.items():
            times[name].append(timed(answer, people[name]))
        for name, answer in newcomers_of.items():
            new = [f"{name}{number}-{user}" for user in range(users)]
            times[name].append(timed(answer, new, "累加器"))
    return times


def crowd(answer: Answer, name: str, users: int) -> float:
    """Return turns per second of users of whom each writes once before any writes again."""
    texts = ["累加器", "1000000", *["1"] * (TURNS - 2)]
    began = time.perf_counter()
    for text in texts:
        for number in range(users):
            answer(push(f"{name}{number}", text))
    return users * TURNS / (time.perf_counter() - began)


def newcomers(answer: Answer, name: str, users: int) -> float:
    """Return the 99th percentile, in ms, of the turns of new users, beside as many conversations
    that were begun before.
    """
    times: list[float] = []
    for number in range(2 * users):
        if number == users:
            times.clear()
        for text in ("累加器", "1000000"):
            body = push(f"{name}{number}", text)
            began = time.perf_counter()
            answer(body)
            times.append(time.perf_counter() - began)
    return statistics.quantiles(times, n=100)[98] * 1e3


def server_time(client: redis.Redis, answer: Answer, bodies: list[bytes]) -> float:
    """Return µs of processor time that the server spends on a turn, its reading and writing of the
    connection included.
    """

    def used() -> float:
        told = client.info("cpu")
        return float(told["used_cpu_user_main_thread"] + told["used_cpu_sys_main_thread"])

    before = used()
    for body in bodies:
        answer(body)
    return (used() - before) / len(bodies) * 1e6


def footprint(client: redis.Redis, answer: Answer) -> tuple[int, int]:
    """Return bytes and keys in Redis after seven quick turns of one user."""
    client.flushall()
    lengthen(answer, "o6_bmjrPTlm6_2sgVt7hMZOPfL2M", TURNS)
    keys = list(client.scan_iter())
    return sum(int(client.memory_usage(key, samples=0) or 0) for key in keys), len(keys)


def collection(survivors: SurvivorsFrozen | None = None) -> tuple[float, float]:
    """Return ms of the longest collection while many dialogs are begun and in a full one after
    that, and tracked objects for each.
    """
    bot = Bot("benchmark", store="memory://", live_dialogs=LIVE, timeout=3600)
    bot.text("累加器")(accumulator)
    bot.answer(push("first", "累加器"), QUERY)  # what is made once
    if survivors is not None:
        survivors.install()
    gc.collect()
    without = len(gc.get_objects())
    pauses = [0.0]

    def watch(phase: str, _: dict[str, int]) -> None:
        now = time.perf_counter() * 1e3
        if phase == "start":
            pauses.append(-now)
        else:
            pauses[-1] += now

    gc.callbacks.append(watch)
    for number in range(LIVE):
        for text in ("累加器", "1000000"):
            bot.answer(push(f"live{number}", text), QUERY)
    gc.collect()
    gc.callbacks.remove(watch)
    objects = (len(gc.get_objects()) - without) / LIVE
    if survivors is not None:
        survivors.uninstall()
    bot.close()
    return max(pauses), objects


def ratios(times: dict[str, list[float]], name: str) -> str:
    """Return a contender's ratios to WeRoBot."""
    beside = times[FIRST[1] if name in FIRST else "WeRoBot"]
    return quartiles([a / b for a, b in zip(times[name], beside, strict=True)])


def print_placements(client: redis.Redis, server: RedisServer, rounds: int, count: int) -> None:
    """Print ratios of a turn at ten records, by where Redis runs."""
    print(f"{'at 10 records, ÷ WeRoBot':30}" + "".join(f"{name:>22}" for name in RATED))
    for where in PLACEMENTS:
        client.flushall()
        with placed(server, where):
            times = turns(server.url, rounds, count)
        cells = "".join(f"{ratios(times, name):>22}" for name in RATED)
        micros = statistics.median(times["WeRoBot"])
        print(f"{'Redis, ' + where:30}{cells}   (WeRoBot {micros:.0f} µs)")


def in_turn(
    client: redis.Redis, url: str, users: int, what: str, measure: Callable[[Answer, str], float]
) -> dict[str, list[float]]:
    """Measure the live dialogs and WeRoBot in turn, on an empty store, three times each.

    Args:
        client: To empty the store with.
        url: Its address.
        users: How many users there are: with fewer dialogs, each would be pushed out before its
            user's next message.
        what: What is measured, for the terminal.
        measure: Measures one contender, given with its name.
    """
    contenders: dict[str, Callable[[str], Answer]] = {
        "live": partial(ours, live=True, kept=users), "WeRoBot": werobot,
    }  # fmt: skip
    figures: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(3):
        for name, make in contenders.items():
            client.flushall()
            print(f"  {what}, round {number + 1} of 3", end="\r", file=sys.stderr)
            figures[name].append(measure(make(url), name))
    return figures


def print_crowd(client: redis.Redis, url: str, users: int) -> None:
    """Print turns per second of many users."""
    rates = in_turn(client, url, users, "crowd", lambda answer, name: crowd(answer, name, users))
    print(
        f"{users} users × {TURNS} turns: {statistics.median(rates['live']):.0f} turns/s, "
        f"÷ WeRoBot {ratios(rates, 'live')}"
    )


def print_newcomers(client: redis.Redis, url: str, users: int) -> None:
    """Print the slowest turns while new users keep coming."""

    def measure(answer: Answer, name: str) -> float:
        survivors = SurvivorsFrozen()
        survivors.install()
        slowest = newcomers(answer, name, users)
        survivors.uninstall()
        return slowest

    found = in_turn(client, url, users, "newcomers", measure)
    print(
        f"{users} newcomers beside {users} live: 99 % of turns within "
        f"{statistics.median(found['live']):.2f} ms, ÷ WeRoBot {ratios(found, 'live')}"
    )


def print_server(client: redis.Redis, url: str) -> None:
    """Print what a turn costs Redis: its time, and its memory."""
    contenders = {"floor": floor(url), "live": ours(url, live=True), "WeRoBot": werobot(url)}
    for name, answer in contenders.items():
        # Nobody writes a thousand messages in a minute, in which each reply is remembered.
        people = [f"cpu-{name}-{number}" for number in range(1000)]
        for user in people if name != "floor" else ():
            lengthen(answer, user, 3)
        used = server_time(client, answer, [push(user, "1") for _ in range(4) for user in people])
        print(f"{name:10}{used:8.1f} µs of Redis a turn", end="")
        if name == "floor":
            print()
        else:
            size, keys = footprint(client, answer)
            print(f"; {size} bytes in {keys} keys after {TURNS} quick turns")


def main(arguments: list[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--turns", type=int, default=60)
    parser.add_argument("--users", type=int, default=10_000)
    options = parser.parse_args(arguments)
    with redis_servers() as start:
        server = start()
        client = redis.Redis.from_url(server.url)
        print_placements(client, server, options.rounds, options.turns)
        with placed(server, "another core"):
            print_crowd(client, server.url, options.users)
            print_newcomers(client, server.url, options.users)
            print_server(client, server.url)
    for name, survivors in (("", None), (", as under serve", SurvivorsFrozen())):
        took, objects = collection(survivors)
        print(
            f"longest garbage collection, {LIVE} live dialogs{name}: {took:.1f} ms"
            f" ({objects:.1f} objects each to walk)"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Real workers killed and stopped at random, a real Redis restarted, and the platform's repeats.

Many users each add numbers up in a dialog whose steps write a ledger. Whatever happens meanwhile,
every user gets a sum, the sum is right, and every entry is in the ledger under one idempotency
key. The ledger is in Redis whatever the conversations are in. `CHAOS_SEED` repeats a run's choices;
what the machine's scheduler makes of them is its own.
"""

from __future__ import annotations

import os
import random
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.processes import Worker, balanced, disturb, workers
from tests.redis_server import RedisServer

QUESTION = re.compile(r"第 (\d+) 个数")
SUM = re.compile(r"合计 (\d+)")


class User(threading.Thread):
    """A user who answers each question, and asks if they see none."""

    def __init__(
        self, number: int, count: int, workers: list[Worker], seed: int, until: float
    ) -> None:
        super().__init__(daemon=True)
        self.openid = f"oChaos{number:04d}"
        self.count = count
        self.numbers = [random.Random(f"{seed} {number} {i}").randrange(1000) for i in range(count)]
        self.until = until
        self.sum: int | None = None
        self.seen: list[str] = []
        self.platform = balanced(workers, random.Random(f"{seed} {number}"))

    def run(self) -> None:
        with self.platform.client:
            self.talk()

    def talk(self) -> None:
        say = "记账"
        while time.monotonic() < self.until:
            shown = self.platform.deliver(self.platform.message(self.openid, "text", Content=say))
            # The pace of typing; without it all is over before anything can be killed.
            time.sleep(self.platform.choose.uniform(0.1, 0.6))
            self.seen.append(f"{say} → {shown.text}")
            if found := SUM.search(shown.text):
                self.sum = int(found[1])
                return
            say = self.next(shown.text)

    def next(self, text: str) -> str:
        if found := QUESTION.search(text):
            return str(self.numbers[int(found[1]) - 1])
        if "几个数" in text:
            return str(self.count)
        if "没有在记账" in text:
            return "记账"
        return "继续" if "继续" in text else "？"


def run_chaos(
    redis_server: Callable[..., RedisServer],
    *,
    users: int,
    count: int,
    live: int,
    limit: float,
    seed: int,
    store: str = "",
) -> None:
    """Let a crowd talk while workers are disturbed.

    Args:
        redis_server: Makes the server of the ledger.
        users: How many there are.
        count: How many numbers each adds up.
        live: How many live dialogs a worker keeps.
        limit: Seconds after which whoever has no sum has been forgotten.
        seed: Of what is disturbed, and what is said.
        store: Where the conversations are; "": in the ledger's server, too.
    """
    server = redis_server(aof=True)
    ended = threading.Event()
    done: list[str] = []
    with workers(server.url, store, 3, live) as running:
        until = time.monotonic() + limit
        crowd = [User(number, count, running, seed, until) for number in range(users)]
        for user in crowd:
            user.start()
        troublemaker = threading.Thread(
            target=lambda: done.extend(disturb(running, server, random.Random(seed), ended)),
            daemon=True,
        )
        troublemaker.start()
        for user in crowd:
            user.join()
        ended.set()
        troublemaker.join()
    assert {"kill", "redis"} <= set(done), f"only {done} was disturbed, so little was shown"
    with server.client() as client:
        check(crowd, client, seed)


def check(crowd: list[User], client: Any, seed: int) -> None:
    for user in crowd:
        transcript = "\n".join(user.seen)
        assert user.sum is not None, f"seed {seed}: {user.openid} never got a sum:\n{transcript}"
        assert user.sum == sum(user.numbers), f"seed {seed}: a wrong sum:\n{transcript}"
        check_ledger(user, client.lrange(f"ledger:{user.openid}", 0, -1), seed)


def check_ledger(user: User, entries: list[Any], seed: int) -> None:
    keys: dict[str, dict[int, set[str]]] = {}
    for entry in entries:
        place, number, key = entry.split()
        assert int(number) == user.numbers[int(place) - 1], f"seed {seed}: {user.openid}: {entry!r}"
        conversation = key.partition(":")[0]
        keys.setdefault(conversation, {}).setdefault(int(place), set()).add(key)
    # A user whose last answer was lost three times begins again, although the sum is there.
    begun = sum(line.startswith("记账 ") for line in user.seen)
    assert len(keys) <= begun, f"seed {seed}: {user.openid} began {begun} times: {keys}"
    for places in keys.values():
        double = {place: found for place, found in places.items() if len(found) > 1}
        assert not double, f"seed {seed}: {user.openid} has steps under two keys: {double}"
    assert any(sorted(places) == list(range(1, user.count + 1)) for places in keys.values()), (
        f"seed {seed}: {user.openid}: {keys}"
    )


SEED = int(os.environ.get("CHAOS_SEED", "1"))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("live", [1000, 0], ids=["live dialogs", "no live dialogs"])
def test_every_sum_is_right_whatever_is_killed(
    redis_server: Callable[..., RedisServer], live: int
) -> None:
    run_chaos(redis_server, users=24, count=6, live=live, limit=200, seed=SEED)


@pytest.mark.timeout(300)
def test_every_sum_is_right_where_the_processes_of_one_machine_share_a_file(
    redis_server: Callable[..., RedisServer], tmp_path: Path
) -> None:
    store = f"sqlite:///{tmp_path}/bot.db"
    run_chaos(redis_server, users=16, count=6, live=1000, limit=200, seed=SEED, store=store)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("round_", range(5))
def test_every_sum_is_right_for_two_hundred_users(
    redis_server: Callable[..., RedisServer], round_: int
) -> None:
    run_chaos(redis_server, users=200, count=10, live=1000, limit=600, seed=SEED + round_)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("round_", range(3))
def test_every_sum_is_right_for_two_hundred_users_of_one_file(
    redis_server: Callable[..., RedisServer], tmp_path: Path, round_: int
) -> None:
    store = f"sqlite:///{tmp_path}/bot.db"
    run_chaos(
        redis_server, users=200, count=10, live=1000, limit=600, seed=SEED + round_, store=store
    )

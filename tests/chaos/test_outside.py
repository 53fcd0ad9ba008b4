"""Limits, waits, payments and reminders, while real workers are killed, stopped and replaced, and a
real Redis crashes.

Each customer opens one thing after another; each payment is told three times, to any worker, before
it is waited for, meanwhile or too late. Whatever happens, everything that began ends once, each of
its steps is in the ledger under one key, each signal is consumed once or kept, what is owed is
delivered, and nothing is left that is due. What three processes died of one after another is parked
and, all being over, resumed as an operator would; then the same holds of it.
"""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.chaos.books import ACCOUNT, FAR, Books, is_calm
from tests.chaos.customers import Customer
from tests.chaos.processes import Worker, disturb, workers
from tests.redis_server import RedisServer
from tests.redis_topology import start_cluster
from wechat_dialog.core.replay.header import decode_parked
from wechat_dialog.core.store.contract import Store
from wechat_dialog.stores import open_store

SEED = int(os.environ.get("CHAOS_SEED", "1"))
CALM = 90.0
"""Seconds in which all that is due is done once everybody lives: a kept message is left alone for
twenty of them."""


INDEX = 240.0
"""Seconds in which the index loses the entries of what is done: each is a minute overdue by then,
was hidden for two leases, and is looked at in its turn."""


def run_chaos(
    redis_server: Callable[..., RedisServer], *, customers: int, rounds: int,
    span: tuple[float, float], limit: float, seed: int, store: str = "", silent: bool = True,
    crash_every: int = 0, lease: float = 0.6, pace: tuple[float, float] = (0.1, 0.6),
    nodes: Sequence[RedisServer] = (),
) -> None:  # fmt: skip
    """Let a crowd open things while workers are disturbed.

    Args:
        redis_server: Makes the server of the ledger.
        customers: How many there are.
        rounds: How many things each opens.
        span: Seconds that each of these takes, at least and at most.
        limit: Seconds after which whatever has not ended is stuck.
        seed: Of what is disturbed, opened and paid.
        store: Where the conversations are; "": in the ledger's server, too.
        silent: Whether half of them write nothing until all is over.
        crash_every: See `disturb`.
        lease: Seconds that a claim lasts. Where the machine is busy for longer, it counts as a
            death, and the third one parks.
        pace: Seconds that it takes somebody to type, at least and at most.
        nodes: Of the cluster in `store`; see `disturb`.
    """
    server = redis_server(aof=True)
    ended, calm = threading.Event(), threading.Event()
    done: list[str] = []
    until = time.monotonic() + limit
    with (
        workers(server.url, store, 3, 1000, "tests.chaos.outside_worker", lease) as running,
        contextlib.closing(open_store(store or server.url)) as kept,
    ):
        crowd = [
            Customer(
                number, running, seed=seed, rounds=rounds, span=span, until=until, calm=calm,
                pace=pace, silent=silent and number % 2 == 0,
            )
            for number in range(customers)
        ]  # fmt: skip
        chaos = threading.Thread(
            target=lambda: done.extend(
                disturb(
                    running, server, random.Random(seed), ended,
                    kinds=("kill", "stop", "kill", "replace"), crash_every=crash_every, nodes=nodes,
                )
            ),
            daemon=True,
        )  # fmt: skip
        for thread in (*crowd, chaos):
            thread.start()
        while (busy := sum(not customer.over.is_set() for customer in crowd)) and (
            left := until - time.monotonic()
        ) > 0:
            print(f"{busy} customers are busy; {left:.0f} s are left", flush=True)
            time.sleep(min(10.0 if crash_every else 0.5, left))
        ended.set()
        chaos.join()
        calm_down(kept, crowd)
        resumed = resume(kept, crowd, running[0], store or server.url)
        calm.set()
        for customer in crowd:
            customer.join()
        calm_down(kept, crowd)
        judge(server, kept, crowd, Counter([*done, *("resumed" for _ in resumed)]), seed)
        if crash_every:
            wait_for_the_index(kept)


def calm_down(store: Store, crowd: list[Customer]) -> None:
    """Wait until nothing is due, or soon to be; what still is then is the judge's to name."""
    restless = list(crowd)
    end = time.monotonic() + CALM
    while restless and time.monotonic() < end:
        now = store.due(ACCOUNT, 0, 0.0).now
        restless = [customer for customer in restless if not is_calm(store, customer, now)]
        time.sleep(0.05)


def resume(store: Store, crowd: list[Customer], worker: Worker, url: str) -> list[str]:
    """Take up again what the third process has died of, as its operator would; what was parked for
    any other reason is the judge's to name. Returns the ids.
    """
    ids = [
        id
        for customer in crowd
        if (shown := store.show(f"{ACCOUNT}:{customer.openid}")) is not None
        for id, parked in shown.parked.items()
        if decode_parked(parked.document).error.startswith("WorkerDied")
    ]
    command = [sys.executable, "-m", "wechat_dialog", "conversations", "resume"]
    for id in ids:
        resumes = [*command, "tests.chaos.outside_worker:bot", id, "--store", url]
        subprocess.run(resumes, env=worker.environment, check=True, capture_output=True)
    return ids


def wait_for_the_index(store: Store) -> None:
    """Wait until the index has no entry of what is done: a sweep removes those that are left a
    minute after they fell due.
    """
    end = time.monotonic() + INDEX
    while (next_ := (dues := store.due(ACCOUNT, 0, 0.0)).next) is not None:
        if next_ > dues.now + FAR:
            return
        assert time.monotonic() < end, f"still in the index: {store.due(ACCOUNT, 100, 0.01)}"
        time.sleep(0.2)


def judge(
    server: RedisServer, store: Store, crowd: list[Customer], done: Counter[str], seed: int
) -> None:
    """See that all is right, and print how much was shown."""
    with contextlib.closing(server.client()) as client:
        books = [Books(one, client.lrange(f"ledger:{one.openid}", 0, -1), store) for one in crowd]
    opened = sum(len(customer.opened) for customer in crowd)
    began = sum(book.began() for book in books)
    ends = sum((book.ends() for book in books), Counter[str]())
    again = sum(book.again for book in books)
    print(
        f"seed {seed}: {began} of {opened} began; {dict(ends)}; {again} steps again; {dict(done)}"
    )
    for customer, book in zip(crowd, books, strict=True):
        problems = list(book.problems())
        transcript = "\n".join((*customer.seen, *map(str, sorted(book.entries))))
        assert not problems, f"seed {seed}: {customer.openid}: {problems}\n{transcript}"
    assert began > opened / 2, f"seed {seed}: only {began} of {opened} began"
    # Where the machine is busy for longer than a lease, it counts as a death; see `lease`.
    assert done["resumed"] <= max(2, opened / 100), f"seed {seed}: {done}"
    assert "hung" not in done, f"seed {seed}: a worker did not end when it was told to: {done}"
    assert {"kill", "redis"} <= set(done), f"only {done} was disturbed, so little was shown"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("where", ["redis", "sqlite"])
def test_what_began_ends_once(
    redis_server: Callable[..., RedisServer], tmp_path: Path, where: str
) -> None:
    store = f"sqlite:///{tmp_path}/bot.db" if where == "sqlite" else ""
    run_chaos(
        redis_server, customers=12, rounds=5, span=(0.8, 1.6), limit=150, seed=SEED, store=store,
        silent=False,
    )  # fmt: skip


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("where", ["redis", "sqlite"])
def test_what_two_hundred_began_ends_once(
    redis_server: Callable[..., RedisServer], tmp_path: Path, where: str
) -> None:
    store = f"sqlite:///{tmp_path}/bot.db" if where == "sqlite" else ""
    run_chaos(
        redis_server, customers=200, rounds=8, span=(1.0, 8.0), limit=900, seed=SEED, store=store,
        crash_every=20, lease=3.0, pace=(0.5, 2.0),
    )  # fmt: skip


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_what_began_ends_once_in_a_cluster_whose_nodes_crash(
    redis_server: Callable[..., RedisServer],
) -> None:
    with start_cluster(3, aof=True) as cluster:
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in cluster.nodes)
        run_chaos(
            redis_server, customers=40, rounds=6, span=(0.8, 3.0), limit=600, seed=SEED,
            store=f"redis+cluster://{hosts}", crash_every=5, lease=3.0, nodes=cluster.nodes,
        )  # fmt: skip

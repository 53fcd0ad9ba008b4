"""Real processes that are disturbed, and the platform before them; see `test_chaos`."""

from __future__ import annotations

import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx

from tests.chaos.serving import TOKEN, WINDOW
from tests.forking import Forked
from tests.redis_server import RedisServer
from wechat_dialog.platform.account import Account
from wechat_dialog.platform.emulator import Platform

__all__ = ["Balanced", "Worker", "balanced", "disturb", "workers"]

LOST = 0.05
"""How many answers never reach the platform, which sends the message again then."""

GRACE = 30.0
"""Seconds after which a process that was told to end should have."""

CRASH_AFTER = 2
"""Disturbances after which Redis itself crashes, once: early enough for the shortest run."""


class Worker:
    """One server process on a socket that outlives it, as a service manager keeps it."""

    def __init__(self, ledger: str, store: str, live: int, module: str, lease: float) -> None:
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(256)
        self.listener.set_inheritable(True)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"
        chaos = {"CHAOS_LEDGER": ledger, "CHAOS_STORE": store, "CHAOS_LIVE": str(live)}
        chaos["CHAOS_LEASE"] = str(lease)
        self.environment = {**os.environ, **chaos}
        self.module = module
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        fd = self.listener.fileno()
        return Forked(
            [sys.executable, "-m", self.module, str(fd)],
            pass_fds=(fd,),
            env=self.environment,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    def serves(self) -> bool:
        """Whether the process has said so."""
        assert self.process.stdout is not None
        return bool(select.select([self.process.stdout], [], [], 0)[0])

    def kill(self) -> None:
        self._end_process()
        self.process = self.start()

    def replace(self) -> bool:
        """End the process as a deployment does; returns whether it ended by itself."""
        self.process.terminate()
        try:
            self.process.wait(GRACE)
            return True
        except subprocess.TimeoutExpired:
            return False
        finally:
            self.kill()

    def _end_process(self) -> None:
        with self.process:
            self.process.kill()

    def pause(self, seconds: float) -> None:
        self.process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        self._end_process()
        self.listener.close()


class Balanced(Platform):
    """The platform behind a balancer without affinity."""

    workers: list[Worker]
    choose: random.Random
    lost: list[str]

    def _ask(self, method: str, query: str, body: bytes) -> tuple[int, bytes, str]:
        self.url = self.choose.choice(self.workers).url
        answered = super()._ask(method, query, body)
        if self.choose.random() < LOST:
            self.lost.append(answered[1].decode(errors="replace"))
            return 0, b"", "the answer got lost on its way"
        return answered


def balanced(workers: list[Worker], choose: random.Random) -> Balanced:
    """Return a platform before some workers."""
    client = httpx.Client(trust_env=False)
    platform = Balanced(Account(TOKEN), "", window=WINDOW, client=client)
    platform.workers, platform.choose, platform.lost = workers, choose, []
    return platform


@contextmanager
def workers(
    ledger: str,
    store: str,
    number: int,
    live: int,
    module: str = "tests.chaos.worker",
    lease: float = 0.6,
) -> Iterator[list[Worker]]:
    made = [Worker(ledger, store or ledger, live, module, lease) for _ in range(number)]
    try:
        yield made
    finally:
        for worker in made:
            worker.end()


def disturb(
    workers: list[Worker],
    server: RedisServer,
    choose: random.Random,
    ended: threading.Event,
    *,
    kinds: Sequence[str] = ("kill", "stop"),
    crash_every: int = 0,
    nodes: Sequence[RedisServer] = (),
) -> list[str]:
    """Kill, stop and replace workers until everything is over; have Redis crash.

    Who was killed is let alone until it serves again: where that takes longer than its turn to be
    killed is away, nobody would ever be answered.

    Args:
        workers: Who is disturbed.
        server: Crashes after `CRASH_AFTER` disturbances.
        choose: Decides what is done to whom, and when.
        ended: Ends it.
        kinds: What is done: "kill", "stop", "replace".
        crash_every: After how many more Redis crashes again; 0: it does not.
        nodes: Of the cluster in which the conversations are; one of them crashes with the server.

    Returns:
        What was done; "hung" for a process that was told to end and did not.
    """
    done: list[str] = []
    crash = CRASH_AFTER
    while not ended.wait(choose.uniform(0.4, 1.0)):
        worker = choose.choice(workers)
        if not worker.serves():
            continue
        # Each kind once before anything comes by chance: a short run shows all of them.
        what = kinds[len(done)] if len(done) < len(kinds) else choose.choice(kinds)
        if len(done) == crash:
            server.restart(crash=True)
            if nodes:
                choose.choice(nodes).restart(crash=True)
            crash += crash_every
            what = "redis"
        elif what == "kill":
            worker.kill()
        elif what == "replace":
            what = "replace" if worker.replace() else "hung"
        else:
            worker.pause(choose.uniform(0.3, 2.0))
        done.append(what)
    return done

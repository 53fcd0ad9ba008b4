"""Instructions a turn takes in our process, counted by valgrind: a figure that other work on the
machine does not move.

    python -m benchmarks.instructions [--turns 100] [floor live cold WeRoBot …]
    python -m benchmarks.instructions --server [floor live cold WeRoBot]

Each contender of `benchmarks.turns` runs in a process of its own under callgrind, which begins to
count when the conversations are there, and is asked for the count after some turns. The server's
own instructions are not in it, and what runs on after a reply (a thread that renews claims) hardly
is; nor are the looks at what is due, which come with time and not with turns. Under valgrind a turn
may take more than a second where other work runs beside it. Its dialog would count as one that
blocks, whose turns claim, which takes half as many instructions again; here none counts as that.
For the same reason the thread that calls `on_turn` looks that much more rarely. The budget is 0.65
of what WeRoBot's Redis session takes.

With `--server` it is Redis that runs under callgrind, and its instructions are counted, at ten
records, as the conversations of the other benchmarks have them; those of the kernel are not in it.
"""

from __future__ import annotations

import argparse
import gc
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

import redis
from uvloop import new_event_loop

from benchmarks.turns import (
    QUERY,
    TOKEN,
    Answer,
    accumulator,
    behind,
    floor,
    forget,
    lengthen,
    ours,
    push,
    users,
    werobot,
)
from tests.redis_server import RedisServer, binary, redis_servers
from wechat_dialog import Bot
from wechat_dialog.runtime import drive, report_thread

LENGTH = 20
BUDGET = 0.65
WARM = 10
SLOWER = 50
"""About so many times longer a turn takes under valgrind."""
SERVER_LENGTH, SERVER_TURNS = 10, 310


def in_file(folder: str, *, live: bool) -> Answer:
    """Return a bot of ours on SQLite."""
    return ours(f"sqlite:///{folder}/bench.db", live=live, timers=False)


def asgi(url: str) -> Answer:
    """Return the ASGI application of a bot of ours, on an event loop that `serve` would have. Its
    figure has what entering and leaving the loop takes.
    """
    bot, loop = Bot(TOKEN, store=url, timeout=3600, timers=False), new_event_loop()
    bot.text("累加器")(accumulator)
    bot.asgi.announced = True

    def answer(body: bytes) -> bytes:
        received = [{"type": "http.request", "body": body}]
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            return received.pop() if received else await loop.create_future()

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        loop.run_until_complete(bot.asgi(dict(SCOPE), receive, send))
        return sent[1]["body"]  # type: ignore[no-any-return]

    return answer


SCOPE = {
    "type": "http", "method": "POST", "path": "/", "headers": [], "http_version": "1.1",
    "query_string": QUERY.encode(),
}  # fmt: skip

CONTENDERS: dict[str, Callable[[str, str], Answer]] = {
    "floor": lambda url, folder: floor(url),
    "live": lambda url, folder: ours(url, live=True, timers=False),
    "reported": lambda url, folder: ours(url, live=True, timers=False, on_turn=forget),
    "behind": lambda url, folder: behind(url, timers=False),
    "cold": lambda url, folder: ours(url, live=False, timers=False),
    "ASGI": lambda url, folder: asgi(url),
    "memory": lambda url, folder: ours("memory://", live=True, timers=False),
    "SQLite-live": lambda url, folder: in_file(folder, live=True),
    "SQLite-cold": lambda url, folder: in_file(folder, live=False),
    "WeRoBot": lambda url, folder: werobot(url),
}

DEFAULT = ["floor", "live", "reported", "behind", "cold", "ASGI", "memory", "WeRoBot"]

BEGINNERS = {"cold": "live", "SQLite-cold": "SQLite-live"}
"""Who begins the conversations of those that replay; the others do so themselves."""


def run(name: str, url: str, turns: int) -> None:
    """Run some turns of a contender: what is counted, in a process of its own.

    It says when it is about to, and when it has, and waits for an answer each time.
    """
    warnings.simplefilter("ignore", DeprecationWarning)
    drive.BLOCKS = math.inf
    report_thread.GAP *= SLOWER
    with tempfile.TemporaryDirectory() as folder:
        answer = CONTENDERS[name](url, folder)
        people = users(name, LENGTH, WARM + turns)
        if name != "floor":
            begin = CONTENDERS[BEGINNERS[name]](url, folder) if name in BEGINNERS else answer
            for one in people:
                lengthen(begin, one, LENGTH)
        bodies = [push(one, "1") for one in people]
        # What the other conversations cost the collector is no part of a turn, and falls where it
        # likes: one pass over them is as much as ten turns.
        gc.collect()
        gc.freeze()
        for body in bodies[:WARM]:
            answer(body)
        input("ready\n")
        for body in bodies[WARM:]:
            answer(body)
        input("done\n")


def callgrind(out: Path) -> list[str]:
    """Return what a command is run under, to be counted into a file."""
    return ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]


def control(what: str, pid: int) -> None:
    """Have callgrind begin to count, or write down what it has counted."""
    subprocess.run(["callgrind_control", what, str(pid)], check=True, capture_output=True)


def written(out: Path) -> int:
    """Return what callgrind has counted."""
    found = re.search(r"^summary: (\d+)", Path(f"{out}.1").read_text(), re.MULTILINE)
    return int(found[1] if found else 0)


def counted(name: str, url: str, turns: int) -> float:
    """Return the instructions a turn of a process that runs some.

    Raises:
        RuntimeError: Valgrind did not count.
    """
    redis.Redis.from_url(url).flushall()
    own = [sys.executable, "-m", __spec__.name, "--run", name, "--url", url, "--turns", str(turns)]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "counted")
        with subprocess.Popen(
            [*callgrind(out), *own],
            env={**os.environ, "PYTHONHASHSEED": "0"},
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            for what in ("--zero", "--dump"):
                if not process.stdout.readline():
                    raise RuntimeError(f"{name} under valgrind ended early")
                control(what, process.pid)
                process.stdin.write("\n")
                process.stdin.flush()
        return written(out) / turns


def counted_of_server(name: str, folder: Path) -> float:
    """Return the instructions a turn that Redis takes.

    Args:
        name: The contender.
        folder: An empty folder.
    """
    program, out = folder / "server", folder / "counted"
    program.write_text(f'#!/bin/sh\nexec {" ".join(callgrind(out))} {binary()} "$@"\n')
    program.chmod(0o755)
    server = RedisServer(folder / "data", program=str(program), options={"hz": "1"}).start()
    try:
        answer = CONTENDERS[name](server.url, str(folder))
        begin = CONTENDERS["live"](server.url, str(folder)) if name == "cold" else answer
        people = users(name, SERVER_LENGTH, SERVER_TURNS)
        for one in people if name != "floor" else ():
            lengthen(begin, one, SERVER_LENGTH)
        for one in people[:WARM]:
            answer(push(one, "1"))
        control("--zero", server.pid)
        for one in people[WARM:]:
            answer(push(one, "1"))
        control("--dump", server.pid)
        server.ask("PING")  # callgrind obeys between two of its instructions
    finally:
        server.stop()
    return written(out) / (SERVER_TURNS - WARM)


def print_server(names: list[str]) -> None:
    """Print the instructions of Redis."""
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            found = counted_of_server(name, Path(folder))
        print(f"{name:12}{found:12,.0f} instructions of the server a turn", flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Print the table; returns 1 if a live turn is over its budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=DEFAULT)
    parser.add_argument("--turns", type=int, default=100)
    parser.add_argument("--server", action="store_true", help="count those of Redis")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.run:
        run(options.run, options.url, options.turns)
        return 0
    if shutil.which("valgrind") is None:
        print("valgrind is not installed: nothing counted")
        return 0
    if options.server:
        print_server([name for name in options.names if name != "memory"])
        return 0
    found: dict[str, float] = {}
    with redis_servers() as start:
        url = start().url
        for name in options.names:
            found[name] = counted(name, url, options.turns)
            print(f"{name:12}{found[name]:12,.0f} instructions a turn", flush=True)
    if "live" not in found or "WeRoBot" not in found:
        return 0
    ratio = found["live"] / found["WeRoBot"]
    print(f"{'':12}{ratio:12.2f} of WeRoBot's (budget {BUDGET})")
    return int(ratio > BUDGET)


if __name__ == "__main__":
    raise SystemExit(main())

"""Requests over real HTTP: our servers beside WeRoBot's, and beside handlers that only echo.

    python -m benchmarks.http [serve uvicorn …] [--seconds 3] [--rounds 3] [--quick] [--markdown]

With names only the contenders in whose name one of them occurs are measured, and WeRoBot, so that
the table can be made in parts; `--quick` takes two minutes for all, for a machine that is quiet for
a moment only. `--markdown` prints the rows as `docs/performance.md` has them.

Four connections of one client process send signed pushes of as many users, each in a conversation
that adds up numbers, and keep their connection where the server does (gunicorn's sync workers do
not). Contenders take turns; a ratio is taken within its round, the median of the rounds is printed.

- `WeRoBot` has its Redis session, behind gunicorn with two sync workers, as its documentation
  serves it; and behind the other kinds of gunicorn, for the ratio "behind the same".
- `bare` verifies and parses the push, renders a text, and keeps nothing: what the server costs.
- `newcomers`: each conversation has two messages, so that users keep coming; the 50th and the 99th
  percentile of the time to an answer.
- `one connection`: the median time to an answer on a single connection that is kept.
"""

from __future__ import annotations

import argparse
import http.client
import importlib.util
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.turns import QUERY, push
from tests.redis_server import free_port, redis_servers

APPS = """
import os
from benchmarks.turns import TOKEN, accumulator
from wechat_dialog import Bot, replies
from wechat_dialog.core.wire.codec import Codec
from wechat_dialog.web.wsgi import Application as Wsgi
from wechat_dialog.web.asgi import Application as Asgi

bot = Bot(TOKEN, store=os.environ["BENCH_STORE"], timeout=3600)
bot.text("累加器")(accumulator)
codec = Codec(TOKEN)


class Bare:
    echo = None

    def answer(self, body, query):
        got = codec.open(body, query, now=0.0)
        return codec.seal(got, replies.Text("好"), now=0, random16=bytes(16))

    async def answer_async(self, body, query):
        return self.answer(body, query)


bare_wsgi, bare_asgi = Wsgi(Bare()), Asgi(Bare())
wsgi, asgi = bot.wsgi, bot.asgi
"""
WEROBOT = """
import os
import redis
from benchmarks.turns import werobot_robot
from werobot.contrib.bottle import make_view
from bottle import Bottle

robot = werobot_robot(os.environ["BENCH_STORE"])
wsgi = Bottle()
wsgi.route("/", ["GET", "POST"], make_view(robot))
"""
MAIN = "from wechat_dialog.cli.main import main; main()"
GUNICORN = ["-m", "gunicorn", "--log-level", "error", "-b"]
UVICORN = ["-m", "uvicorn", "--log-level", "error", "--no-access-log", "--port"]


PEER = "WeRoBot, gunicorn, 2 sync"
GUNICORNS = {
    "gunicorn, 2 sync": ["-w", "2"],
    "gunicorn, 8 threads": ["--threads", "8"],
    "gunicorn, 2 × 8 threads": ["-w", "2", "--threads", "8"],
}


def commands(port: int) -> dict[str, list[str]]:
    """Return by contender what its server is started with, behind the interpreter."""
    at, address = ["--port", str(port)], [*GUNICORN, f"127.0.0.1:{port}"]
    serve, uvicorn = ["-c", MAIN, "serve", "bench_apps:bot", *at], [*UVICORN, str(port)]
    known: dict[str, list[str]] = {}
    for name, options in GUNICORNS.items():
        known[f"WeRoBot, {name}"] = [*address, *options, "bench_werobot:wsgi"]
        known[name] = [*address, *options, "bench_apps:wsgi"]
    known |= {
        "bare, gunicorn, 8 threads": [*address, "--threads", "8", "bench_apps:bare_wsgi"],
        "serve": serve,
        "serve, 2 workers": [*serve, "--workers", "2"],
        "uvicorn": [*uvicorn, "bench_apps:asgi"],
        "uvicorn, 2 workers": [*uvicorn, "--workers", "2", "bench_apps:asgi"],
        "uvicorn, 2 workers, asyncio": [
            *uvicorn, "--workers", "2", "--loop", "asyncio", "bench_apps:asgi",
        ],
        "bare, uvicorn": [*uvicorn, "bench_apps:bare_asgi"],
    }  # fmt: skip
    if importlib.util.find_spec("granian"):
        known["granian, 2 workers"] = [
            "-m", "granian", "--interface", "asgi", *at, "--workers", "2", "--log-level", "error",
            "bench_apps:asgi",
        ]  # fmt: skip
    return known


def chosen(words: list[str]) -> list[str]:
    """Return the contenders in whose name one of the words occurs, and their peers."""
    names = list(commands(0))
    if not words:
        return names
    wanted = {name for name in names if any(word in name for word in words)} | {PEER}
    wanted |= {f"WeRoBot, {name}" for name in wanted if name in GUNICORNS}
    return [name for name in names if name in wanted]


@contextmanager
def serving(folder: str, name: str, store: str) -> Iterator[int]:
    """Run one server; gives its port."""
    port = free_port()
    paths = os.pathsep.join((folder, str(Path.cwd())))
    environment = {**os.environ, "BENCH_STORE": store, "PYTHONPATH": paths}
    process = subprocess.Popen(
        [sys.executable, *commands(port)[name]],
        env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(20)


class Client:
    """A connection that is kept while its server keeps it."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def ask(self, body: bytes) -> float:
        """Send one push; returns seconds to the whole answer."""
        began = time.perf_counter()
        self._connection.request("POST", f"/?{QUERY}", body)
        answer = self._connection.getresponse()
        content = answer.read()
        took = time.perf_counter() - began
        if answer.status != 200 or b"<xml>" not in content:
            raise RuntimeError(f"{answer.status}: {content[:200]!r}")
        return took

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


@dataclass
class Figures:
    """What came out for one contender; a value for each round."""

    rate: list[float] = field(default_factory=list)
    half: list[float] = field(default_factory=list)
    slowest: list[float] = field(default_factory=list)
    single: list[float] = field(default_factory=list)


def load(port: int, seconds: float, *, newcomers: bool) -> list[float]:
    """Return the seconds of each answer that four connections got in `seconds`."""
    times: list[list[float]] = [[] for _ in range(4)]
    until = time.monotonic() + seconds

    def user(number: int) -> None:
        client = Client(port)
        name = f"http{number}-{time.monotonic_ns()}"
        for text in ("累加器", "1000000"):
            client.ask(push(name, text))
        count = 0
        while not times[number] or time.monotonic() < until:
            if newcomers:
                body = push(f"{name}-{count // 2}", ("累加器", "1000000")[count % 2])
                count += 1
            else:
                body = push(name, "1")
            times[number].append(client.ask(body))
        client.close()

    threads = [threading.Thread(target=user, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [one for of_user in times for one in of_user]


def single(port: int, count: int = 100) -> float:
    """Return the median ms to an answer on one connection that is kept."""
    client = Client(port)
    name = f"single-{time.monotonic_ns()}"
    for text in ("累加器", "1000000"):
        client.ask(push(name, text))
    times = [client.ask(push(name, "1")) for _ in range(count)]
    client.close()
    return statistics.median(times) * 1e3


def measure(port: int, seconds: float, figures: Figures) -> None:
    """Add one round."""
    figures.rate.append(len(load(port, seconds, newcomers=False)) / seconds)
    times = statistics.quantiles(load(port, seconds, newcomers=True), n=100)
    figures.half.append(times[49] * 1e3)
    figures.slowest.append(times[98] * 1e3)
    figures.single.append(single(port))


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median over the rounds."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def collect(names: list[str], seconds: float, rounds: int) -> dict[str, Figures]:
    """Run the contenders in turns, some rounds."""
    found = {name: Figures() for name in names}
    with tempfile.TemporaryDirectory() as folder, redis_servers() as start, ExitStack() as stack:
        Path(folder, "bench_apps.py").write_text(APPS, "utf-8")
        Path(folder, "bench_werobot.py").write_text(WEROBOT, "utf-8")
        url = start().url
        ports = {name: stack.enter_context(serving(folder, name, url)) for name in names}
        for number in range(rounds):
            for name in names:
                print(f"  round {number + 1} of {rounds}: {name:30}", end="\r", file=sys.stderr)
                measure(ports[name], seconds, found[name])
    return found


HEADS = (
    "server", "requests/s", "÷ WeRoBot", "behind the same", "newcomers 50 %", "99 %", "÷ WeRoBot",
    "one connection",
)  # fmt: skip


def row(name: str, found: dict[str, Figures]) -> list[str]:
    """Return one contender's cells; see `HEADS`."""
    figures, peer, same = found[name], found[PEER], found.get(f"WeRoBot, {name}")
    rate, half, slowest, kept = map(
        statistics.median, (figures.rate, figures.half, figures.slowest, figures.single)
    )
    return [
        name, f"{rate:.0f}", f"{ratio(figures.rate, peer.rate):.2f}",
        "" if same is None else f"{ratio(figures.rate, same.rate):.2f}",
        f"{half:.2f} ms", f"{slowest:.2f} ms", f"{ratio(figures.slowest, peer.slowest):.2f}",
        f"{kept:.2f} ms",
    ]  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="3 rounds of 1 second")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args(arguments)
    if options.quick:
        options.seconds, options.rounds = 1.0, 3
    found = collect(chosen(options.names), options.seconds, options.rounds)
    if options.markdown:
        print("| " + " | ".join(HEADS) + " |\n" + "|---" * len(HEADS) + "|")
    else:
        print(f"{HEADS[0]:32}" + "".join(f"{head:>16}" for head in HEADS[1:]))
    for name in found:
        first, *others = row(name, found)
        if options.markdown:
            print("| " + " | ".join((first, *others)) + " |")
        else:
            print(f"{first:32}" + "".join(f"{cell:>16}" for cell in others))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Requests over real HTTP: our servers beside WeRoBot's, and beside handlers that only echo.

    python -m benchmarks.http [--seconds 3] [--rounds 3]

Four connections of one client process send signed pushes of as many users, each in a conversation
that adds up numbers, and keep their connection where the server does (gunicorn's sync workers do
not). Contenders take turns; a ratio is taken within its round, the median of the rounds is printed.

- `WeRoBot` has its Redis session, behind gunicorn with two sync workers, as its documentation
  serves it.
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


def commands(port: int) -> dict[str, list[str]]:
    """Return by contender what its server is started with, behind the interpreter."""
    address = f"127.0.0.1:{port}"
    known = {
        "WeRoBot, gunicorn, 2 sync": [*GUNICORN, address, "-w", "2", "bench_werobot:wsgi"],
        "gunicorn, 2 sync": [*GUNICORN, address, "-w", "2", "bench_apps:wsgi"],
        "gunicorn, 8 threads": [*GUNICORN, address, "--threads", "8", "bench_apps:wsgi"],
        "bare, gunicorn, 8 threads": [*GUNICORN, address, "--threads", "8", "bench_apps:bare_wsgi"],
        "serve": ["-c", MAIN, "serve", "bench_apps:bot", "--port", str(port)],
        "serve, 2 workers": [
            "-c", MAIN, "serve", "bench_apps:bot", "--port", str(port), "--workers", "2",
        ],
        "uvicorn": [*UVICORN, str(port), "bench_apps:asgi"],
        "uvicorn, 2 workers, asyncio": [
            *UVICORN, str(port), "--workers", "2", "--loop", "asyncio", "bench_apps:asgi",
        ],
        "bare, uvicorn": [*UVICORN, str(port), "bench_apps:bare_asgi"],
    }  # fmt: skip
    if importlib.util.find_spec("granian"):
        known["granian, 2 workers"] = [
            "-m", "granian", "--interface", "asgi", "--port", str(port), "--workers", "2",
            "--log-level", "error", "bench_apps:asgi",
        ]  # fmt: skip
    return known


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
        while time.monotonic() < until:
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


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    names = list(commands(0))
    found = {name: Figures() for name in names}
    with tempfile.TemporaryDirectory() as folder, redis_servers() as start, ExitStack() as stack:
        Path(folder, "bench_apps.py").write_text(APPS, "utf-8")
        Path(folder, "bench_werobot.py").write_text(WEROBOT, "utf-8")
        url = start().url
        ports = {name: stack.enter_context(serving(folder, name, url)) for name in names}
        for number in range(options.rounds):
            for name in names:
                print(
                    f"  round {number + 1} of {options.rounds}: {name:30}",
                    end="\r",
                    file=sys.stderr,
                )
                measure(ports[name], options.seconds, found[name])
    print(
        f"{'':30}{'requests/s':>11}{'÷ WeRoBot':>11}{'newcomers 50 %':>16}{'99 %':>10}"
        f"{'÷ WeRoBot':>11}{'one connection':>16}"
    )
    peer = found["WeRoBot, gunicorn, 2 sync"]
    for name, figures in found.items():
        rate, half, slowest, kept = map(
            statistics.median, (figures.rate, figures.half, figures.slowest, figures.single)
        )
        print(
            f"{name:30}{rate:11.0f}{ratio(figures.rate, peer.rate):11.2f}{half:13.2f} ms"
            f"{slowest:7.2f} ms{ratio(figures.slowest, peer.slowest):11.2f}{kept:13.2f} ms"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

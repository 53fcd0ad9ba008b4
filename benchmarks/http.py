"""Requests over real HTTP: our servers beside WeRoBot's, and beside handlers that only echo.

    python -m benchmarks.http [serve uvicorn …] [--seconds 3] [--rounds 3] [--quick] [--markdown]

With names only the contenders in whose name one of them occurs are measured, and WeRoBot, so that
the table can be made in parts; `--quick` takes two minutes for all, for a machine that is quiet for
a moment only. `--markdown` prints the rows as `docs/performance.md` has them.

Four connections of one client process send signed pushes of fifty users each, who take turns, each
in a conversation that adds up numbers. Connections are kept where the server keeps them (gunicorn's
sync workers do not). Contenders take turns; a ratio is taken within its round, and the median of
the rounds is printed.

- `WeRoBot` has its Redis session, behind gunicorn with two sync workers, as its documentation
  serves it; and behind the other kinds of gunicorn, for the ratio "behind the same".
- `bare` verifies and parses the push, renders a text, and keeps nothing: what the server costs.
- `newcomers`: each conversation has two messages, so that users keep coming; the 50th and the 99th
  percentile of the time to an answer.
- `one connection`: the median time to an answer on a single connection that is kept.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Barrier

from benchmarks.turns import QUERY, push
from tests.redis_server import free_port, redis_servers

MAIN = "from wechat_dialog.cli.main import main; main()"
GUNICORN = ["-m", "gunicorn", "--log-level", "error", "-b"]
UVICORN = ["-m", "uvicorn", "--log-level", "error", "--no-access-log", "--port"]


PEER = "WeRoBot, gunicorn, 2 sync"
CONNECTIONS = 4
PEOPLE = 50
"""Users of each connection. One alone would send hundreds of messages a second, as nobody does: a
bot remembers its replies of the last minute.
"""
GUNICORNS = {
    "gunicorn, 2 sync": ["-w", "2"],
    "gunicorn, 8 threads": ["--threads", "8"],
    "gunicorn, 2 × 8 threads": ["-w", "2", "--threads", "8"],
}


def commands(port: int) -> dict[str, list[str]]:
    """Return by contender what its server is started with, behind the interpreter."""
    at, address = ["--port", str(port)], [*GUNICORN, f"127.0.0.1:{port}"]
    serve, uvicorn = ["-c", MAIN, "serve", "benchmarks.http_apps:bot", *at], [*UVICORN, str(port)]
    known: dict[str, list[str]] = {}
    for name, options in GUNICORNS.items():
        known[f"WeRoBot, {name}"] = [*address, *options, "benchmarks.http_werobot:wsgi"]
        known[name] = [*address, *options, "benchmarks.http_apps:wsgi"]
    known |= {
        "bare, gunicorn, 8 threads": [*address, "--threads", "8", "benchmarks.http_apps:bare_wsgi"],
        "serve": serve,
        "serve, 2 workers": [*serve, "--workers", "2"],
        "uvicorn": [*uvicorn, "benchmarks.http_apps:asgi"],
        "uvicorn, 2 workers": [*uvicorn, "--workers", "2", "benchmarks.http_apps:asgi"],
        "uvicorn, 2 workers, asyncio": [
            *uvicorn, "--workers", "2", "--loop", "asyncio", "benchmarks.http_apps:asgi",
        ],
        "bare, uvicorn": [*uvicorn, "benchmarks.http_apps:bare_asgi"],
    }  # fmt: skip
    for title, workers in (("granian", "1"), ("granian, 2 workers", "2")):
        known[title] = [
            "-m", "granian", "--interface", "asgi", *at, "--workers", workers,
            "--log-level", "error", "benchmarks.http_apps:asgi",
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
    """Run one server; gives its port as soon as it has answered.

    Raises:
        RuntimeError: It does not answer.
    """
    port = free_port()
    environment = {**os.environ, "BENCH_STORE": store, "PYTHONPATH": str(Path.cwd())}
    process = subprocess.Popen(
        [sys.executable, *commands(port)[name]],
        env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for(port, name)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def wait_for(port: int, name: str) -> None:
    """Wait until a server answers a push.

    That a connection is accepted says nothing: `serve --workers` listens before its workers have
    started, and they take turns to load on two cores where a dozen servers start.

    Raises:
        RuntimeError: It does not within a minute.
    """
    until = time.monotonic() + 60
    while True:
        client = Client(port)
        try:
            client.ask(push(f"first-{time.monotonic_ns()}", "累加器"))
            return
        except (OSError, RuntimeError) as error:
            if time.monotonic() > until:
                raise RuntimeError(f"{name} does not answer: {error}") from error
            time.sleep(0.05)
        finally:
            client.close()


class Client:
    """A connection that is kept while its server keeps it.

    It shares the machine with what it measures, so it does as little as it can: `http.client` takes
    as long for a request as a bot for its answer.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self._head = f"POST /?{QUERY} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ".encode()

    def ask(self, body: bytes) -> float:
        """Send one push; returns seconds to the whole answer.

        Raises:
            RuntimeError: It was not answered with a reply. `OSError` is passed on.
        """
        began = time.perf_counter()
        connection = self._socket
        if connection is None:
            connection = self._socket = socket.create_connection(("127.0.0.1", self._port), 10)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(self._head + b"%d\r\n\r\n%b" % (len(body), body))
        got = b""
        while not is_whole(got):
            more = connection.recv(65536)
            if not more:
                raise ConnectionError("hung up before the whole answer")
            got += more
        took = time.perf_counter() - began
        if not got.startswith(b"HTTP/1.1 200") or b"<xml>" not in got:
            raise RuntimeError(repr(got[:200]))
        if b"onnection: close" in got:
            self.close()
        return took

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def is_whole(answer: bytes) -> bool:
    """Whether the whole of an answer is there, as its Content-Length says."""
    head, separator, body = answer.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return bool(separator) and len(body) >= (int(length[1]) if length else 0)


_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


@dataclass
class Figures:
    """What came out for one contender; a value for each round."""

    rate: list[float] = field(default_factory=list)
    half: list[float] = field(default_factory=list)
    slowest: list[float] = field(default_factory=list)
    single: list[float] = field(default_factory=list)


def load(port: int, seconds: float, *, newcomers: bool) -> list[float]:
    """Return the seconds of each answer that four connections got in `seconds`.

    Raises:
        RuntimeError: A request was not answered as it should be. `OSError` is passed on.
    """
    ready = Barrier(CONNECTIONS)

    def connection(number: int) -> list[float]:
        times: list[float] = []
        client = Client(port)
        name = f"http{number}-{time.monotonic_ns()}"
        people = [f"{name}-{user}" for user in range(PEOPLE)]
        for text in () if newcomers else ("累加器", "1000000"):
            for person in people:
                client.ask(push(person, text))
        ready.wait()
        until, count = time.monotonic() + seconds, 0
        while not times or time.monotonic() < until:
            if newcomers:
                body = push(f"{name}-new{count // 2}", ("累加器", "1000000")[count % 2])
            else:
                body = push(people[count % PEOPLE], "1")
            count += 1
            times.append(client.ask(body))
        client.close()
        return times

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        return [one for times in threads.map(connection, range(CONNECTIONS)) for one in times]


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


def ratio(ours: list[float], theirs: list[float]) -> str:
    """Return the median over the rounds, with the spread of the middle half."""
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    if ours is theirs or len(ratios) < 2:
        return f"{ratios[0]:.2f}"
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"


def collect(names: list[str], seconds: float, rounds: int) -> dict[str, Figures]:
    """Run the contenders in turns, some rounds."""
    found = {name: Figures() for name in names}
    with tempfile.TemporaryDirectory() as folder, redis_servers() as start, ExitStack() as stack:
        url = start().url
        ports = {name: stack.enter_context(serving(folder, name, url)) for name in names}
        for name in names:  # workers that were slow to start, and the first turn of each
            load(ports[name], 0.2, newcomers=False)
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
        name, f"{rate:.0f}", ratio(figures.rate, peer.rate),
        "" if same is None else ratio(figures.rate, same.rate),
        f"{half:.2f} ms", f"{slowest:.2f} ms", ratio(figures.slowest, peer.slowest),
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
        print(f"{HEADS[0]:32}" + "".join(f"{head:>18}" for head in HEADS[1:]))
    for name in found:
        first, *others = row(name, found)
        if options.markdown:
            print("| " + " | ".join((first, *others)) + " |")
        else:
            print(f"{first:32}" + "".join(f"{cell:>18}" for cell in others))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

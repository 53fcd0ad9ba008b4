"""Turns per second over real HTTP: our bot behind gunicorn and uvicorn, beside handlers that only
echo.

    python -m benchmarks.http [--seconds 3] [--rounds 3]

Each server is one process; four connections of one client process send signed pushes of as many
users. The handler it is compared with verifies and parses the push and renders a text, and keeps
nothing.
"""

from __future__ import annotations

import argparse
import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.turns import QUERY, push
from tests.redis_server import free_port, redis_servers

APPS = """
import os
from benchmarks.turns import TOKEN, accumulator
from wechat_dialog import Bot, replies
from wechat_dialog.wire.codec import Codec
bot = Bot(TOKEN, store=os.environ["BENCH_STORE"], timeout=3600)
bot.text("累加器")(accumulator)
codec = Codec(TOKEN)
def echo(body, query):
    return codec.seal(codec.open(body, query, now=0.0), replies.Text("好"), now=0,
    random16=bytes(16))
class Bare:
    echo = None
    def answer(self, body, query): return echo(body, query)
    async def answer_async(self, body, query): return echo(body, query)
from wechat_dialog.web.wsgi import Application as Wsgi
from wechat_dialog.web.asgi import Application as Asgi
ours_wsgi, ours_asgi = bot.wsgi, bot.asgi
bare_wsgi, bare_asgi = Wsgi(Bare()), Asgi(Bare())
"""


@contextmanager
def serving(folder: str, kind: str, name: str, store: str) -> Iterator[int]:
    """Run one server; gives its port."""
    port = free_port()
    if kind == "wsgi":
        command = [
            "gunicorn",
            "--threads",
            "8",
            "-b",
            f"127.0.0.1:{port}",
            f"bench_apps:{name}_wsgi",
        ]
        command = [sys.executable, "-m", "gunicorn", *command[1:], "--log-level", "error"]
    else:
        command = [sys.executable, "-m", "uvicorn", f"bench_apps:{name}_asgi", "--port", str(port)]
        command += ["--log-level", "error"]
    paths = os.pathsep.join((folder, str(Path.cwd())))
    environment = {**os.environ, "BENCH_STORE": store, "PYTHONPATH": paths}
    process = subprocess.Popen(command, env=environment)
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


def load(port: int, seconds: float) -> float:
    """Return answers per second."""
    counts = [0] * 4
    until = time.monotonic() + seconds

    def user(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        name = f"http{number}-{time.monotonic_ns()}"
        for text in ("累加器", "1000000"):
            ask(connection, push(name, text))
        while time.monotonic() < until:
            ask(connection, push(name, "1"))
            counts[number] += 1
        connection.close()

    threads = [threading.Thread(target=user, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def ask(connection: http.client.HTTPConnection, body: bytes) -> None:
    """Send one push."""
    connection.request("POST", f"/?{QUERY}", body)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != 200 or b"<xml>" not in content:
        raise RuntimeError(f"{answer.status}: {content[:200]!r}")


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, redis_servers() as start:
        Path(folder, "bench_apps.py").write_text(APPS, "utf-8")
        url = start().url
        print(f"{'turns/s, one process':24}{'bare':>10}{'ours':>10}{'ratio':>8}")
        for kind, server in (("wsgi", "gunicorn, 8 threads"), ("asgi", "uvicorn")):
            bare, ours = [], []
            with (
                serving(folder, kind, "bare", url) as one,
                serving(folder, kind, "ours", url) as two,
            ):
                for _ in range(options.rounds):
                    bare.append(load(one, options.seconds))
                    ours.append(load(two, options.seconds))
            ratio = statistics.median(b / a for a, b in zip(bare, ours, strict=True))
            print(
                f"{server:24}{statistics.median(bare):10.0f}{statistics.median(ours):10.0f}{ratio:8.2f}"
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

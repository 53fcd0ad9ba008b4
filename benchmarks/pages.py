"""What answer pages cost: Redis, a process with many readers, a server of few threads.

    python -m benchmarks.pages [redis readers threads turn] [--readers 200] [--seconds 6]

- `redis`: commands and bytes of a page of 20 kB, written paragraph by paragraph, and of one look.
- `readers`: that many follow one page by its stream, served by one process (uvicorn), while it is
  written: the store's reads, the process's time, how late the last reader has each paragraph.
- `threads`: eight readers who ask every two seconds, as their script does, of gunicorn with eight
  threads, while somebody has turns: turns a second with readers, and without.
- `turn`: what a live turn that puts nothing on a page costs a bot that has pages, on the store in
  memory: beside a bot that has none, turn by turn, so that what else the machine does meets both.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import http.client
import json
import os
import re
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import redis

from benchmarks.turns import lengthen, ours
from benchmarks.turns import push as turn_push
from tests.answer_pages.model import ANSWER, URL, Gate, make_bot
from tests.answer_pages.test_streams import ID, Writer
from tests.full_path.people import push, signed
from tests.full_path.servers import Worker
from tests.redis_server import redis_servers, wait_until
from wechat_dialog.stores import open_store

PATH = f"/wx/p/{ID}"
PARAGRAPHS = ANSWER.split("\n\n")
AGAIN = 0.3
"""Seconds after which a browser takes up a stream that has ended, as the stream asks it to."""


def commands(server: redis.Redis) -> dict[str, int]:
    """Return how often Redis has carried out each command, those of scripts included."""
    stats: dict[str, Any] = server.info("commandstats")
    return {name.removeprefix("cmdstat_"): one["calls"] for name, one in stats.items()}


def spent(server: redis.Redis, before: dict[str, int]) -> dict[str, int]:
    """Return the commands since then."""
    now = commands(server)
    changed = {name: count - before.get(name, 0) for name, count in now.items()}
    return {name: count for name, count in changed.items() if count and name != "info"}


def cost_of_redis(url: str) -> None:
    """Print what a page costs the server."""
    server = redis.Redis.from_url(url)
    with tempfile.TemporaryDirectory() as folder:
        bot = make_bot(url, Gate(Path(folder)))
        keys = set(server.keys())
        begun = commands(server)
        write = Writer(bot, bot.store)
        print("made:", spent(server, begun))
        begun = commands(server)
        for place, text in enumerate(PARAGRAPHS):
            write(place, text)
        print(f"{len(PARAGRAPHS)} paragraphs:", spent(server, begun))
        begun = commands(server)
        bot.store.page_read(write.id, len(PARAGRAPHS) - 1)
        print("one look:", spent(server, begun))
        size = sum(server.memory_usage(key, samples=0) or 0 for key in set(server.keys()) - keys)
        print(f"{len(ANSWER.encode())} bytes of text: {size} bytes in Redis")
        bot.close()


# Many readers -------------------------------------------------------------------------------------


class Follower:
    """One reader's browser: follows the stream, and takes it up again where it ends."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.shown = ""
        self.has: dict[int, float] = {}

    async def follow(self) -> None:
        """Read until the page ends."""
        place = "1.0"
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(f"GET {PATH}?stream={place} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            async for line in reader:
                if line == b"0\r\n":
                    break  # the last chunk: the server ends a stream now and then
                if not line.startswith(b"data: "):
                    continue
                news = json.loads(line[6:])
                place = news["at"]
                self.shown = ("" if news.get("reset") else self.shown) + news.get("html", "")
                for number in map(int, re.findall("第 (\\d+) 段", news.get("html", ""))):
                    self.has.setdefault(number, time.monotonic())
                if "end" in news:
                    writer.close()
                    return
            writer.close()
            await asyncio.sleep(AGAIN)


async def followed(port: int, count: int, write: Writer, pause: float) -> list[list[float]]:
    """Write a page while readers follow it; returns how late each had each paragraph."""
    followers = [Follower(port) for _ in range(count)]
    tasks = [asyncio.ensure_future(one.follow()) for one in followers]
    await asyncio.sleep(2)
    written: dict[int, float] = {}
    for number, text in enumerate(PARAGRAPHS[1:]):
        await asyncio.to_thread(write, number, text)
        written[number] = time.monotonic()
        await asyncio.sleep(pause)
    await asyncio.to_thread(lambda: write(len(written), end=True))
    await asyncio.gather(*tasks)
    late = [[one.has[number] - at for one in followers] for number, at in written.items()]
    assert all(one.shown.count("<strong>") == len(written) for one in followers)
    return late


def many_readers(url: str, count: int, seconds: float) -> None:
    """Print what they cost one process, and how long they wait."""
    store = open_store(url)
    with tempfile.TemporaryDirectory() as folder:
        server = Worker("uvicorn", "tests.answer_pages.model", STORE=url, GATE=folder)
        try:
            write = Writer(make_bot(store, Gate(Path(folder))), store)
            process, counter = psutil.Process(server._process.pid), redis.Redis.from_url(url)
            wait_until(lambda: got(server.port, PATH)[0] == 200, "the server")
            begun, before, began = commands(counter), process.cpu_times(), time.monotonic()
            pause = seconds / len(PARAGRAPHS)
            late = asyncio.run(followed(server.port, count, write, pause))
            took, after = time.monotonic() - began, process.cpu_times()
            scripts = spent(counter, begun).get("evalsha", 0)
            cpu = after.user + after.system - before.user - before.system
            print(
                f"{count} readers, {len(late)} paragraphs in {took:.1f} s: {scripts} scripts in "
                f"the store, of which {len(late) + 1} wrote; {cpu:.2f} s of the process, "
                f"{process.memory_info().rss / 2**20:.0f} MiB; a paragraph is "
                f"{statistics.median(map(statistics.median, late)):.2f} s late, "
                f"with the last reader {max(map(max, late)):.2f} s"
            )
        finally:
            server.kill()
    store.close()


# Few threads --------------------------------------------------------------------------------------


def got(port: int, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    """Make one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET" if body is None else "POST", path, body)
    answer = connection.getresponse()
    return answer.status, answer.read()


def turns(port: int, seconds: float) -> float:
    """Return how many turns a second somebody has."""
    count, began = 0, time.monotonic()
    while time.monotonic() < began + seconds:
        user = f"oUser{os.getpid()}{time.monotonic_ns()}"
        status, _ = got(port, f"/wx?{signed()}", push(user, Content="长"))
        assert status == 200
        count += 1
    return count / (time.monotonic() - began)


def few_threads(url: str, seconds: float) -> None:
    """Print how a server of eight threads goes on while eight people read."""
    store = open_store(url)
    with tempfile.TemporaryDirectory() as folder:
        server = Worker(
            "gunicorn", "tests.answer_pages.model", "--threads=8",
            STORE=url, GATE=folder, PATIENT="yes",
        )  # fmt: skip
        try:
            write = Writer(make_bot(store, Gate(Path(folder))), store)
            write(0, "一")
            wait_until(lambda: got(server.port, PATH)[0] == 200, "the server")
            over, asked = threading.Event(), [0] * 8

            def read(number: int) -> None:
                while not over.wait(2.0):
                    assert got(server.port, f"{PATH}?after=1.1")[0] == 200
                    asked[number] += 1

            alone = turns(server.port, seconds)
            readers = [threading.Thread(target=read, args=(number,)) for number in range(8)]
            for one in readers:
                one.start()
            beside = turns(server.port, seconds)
            over.set()
            for one in readers:
                one.join()
            print(
                f"8 threads: {alone:.0f} turns a second; {beside:.0f} with 8 readers, who asked "
                f"{sum(asked)} times: {beside / alone:.2f}"
            )
        finally:
            server.kill()
    store.close()


# A turn without a page ----------------------------------------------------------------------------


def turn_without_page(rounds: int = 4000) -> None:
    """Print how much longer it takes, as the ratio of the medians of `rounds` turns each."""
    with_pages = ours("memory://", live=True, timers=False, pages=URL)
    bots = [ours("memory://", live=True, timers=False), with_pages]
    for number, bot in enumerate(bots):
        lengthen(bot, f"oUser{number}", 20)
    took: list[list[int]] = [[], []]
    gc.disable()
    for _ in range(rounds):
        for number, bot in enumerate(bots):
            body = turn_push(f"oUser{number}", "1")
            began = time.perf_counter_ns()
            bot(body)
            took[number].append(time.perf_counter_ns() - began)
    gc.enable()
    without, beside = (statistics.median(times[100:]) / 1000 for times in took)
    print(
        f"a turn without a page: {beside:.1f} µs, {without:.1f} of a bot that has none: "
        f"{beside / without:.3f}"
    )


def main(arguments: list[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["redis", "readers", "threads", "turn"])
    parser.add_argument("--readers", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=6.0)
    options = parser.parse_args(arguments)
    if "turn" in options.names:
        turn_without_page()
    with redis_servers() as start:
        for name in options.names:
            if name == "turn":
                continue
            url = start().url
            if name == "redis":
                cost_of_redis(url)
            elif name == "readers":
                many_readers(url, options.readers, options.seconds)
            elif name == "threads":
                few_threads(url, options.seconds)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

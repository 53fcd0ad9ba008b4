"""Timers that fall due evenly over a minute, one step each: how late they are, and what a message's
turn costs meanwhile.

    python -m benchmarks.timers [--timers 100000] [--over 60] [--processes 2] [--sqlite]

On a Redis of its own; with `--sqlite` on a file, with as many timers as half of the disk's bare
commits allow at three a timer. Each process sweeps, as a server does; the first answers a message
every 50 ms, too. The times of firings are the step's, on the machine's clock, which is the store's.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import sqlite3
import statistics
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.redis_server import redis_servers
from wechat_dialog import Bot, Chat, Dialog, messages

ACCOUNT = "gh_0123456789ab"
LATEST = 5.0
"""Seconds by which 99 % may be late at most (design, section 14)."""

PREPARED = 4
"""Threads that set the timers."""

_ids = itertools.count(24_000_000_000_000_000)


def make_bot(url: str, fired: list[tuple[int, float]], *, timers: bool) -> Bot:
    """Return the bot whose dialogs sleep."""
    bot = Bot(store=url, timeout=None, account=ACCOUNT, timers=timers)

    def note(number: int, at: float) -> None:
        fired.append((number, time.time() - at))

    @bot.message("text")
    def sleeps(chat: Chat) -> Dialog[None]:
        number, at = json.loads(chat.message.text)
        if number < 0:
            total = 0
            while True:
                total += yield from chat.ask(f"{total}", int)
        yield from chat.sleep(datetime.fromtimestamp(at, UTC))
        yield from chat.step(note, number, at)

    return bot


def say(bot: Bot, user: str, text: str) -> None:
    """Have a user write."""
    fields = {
        "ToUserName": ACCOUNT, "FromUserName": user, "CreateTime": str(int(time.time())),
        "MsgType": "text", "Content": text, "MsgId": str(next(_ids)),
    }  # fmt: skip
    bot.respond(messages.from_fields(fields), time.time())


def work(url: str, results: str, until: float, answers: bool) -> None:
    """Sweep until a time; write down how late each firing was, and how long each turn took."""
    fired: list[tuple[int, float]] = []
    turns: list[float] = []
    bot = make_bot(url, fired, timers=True)
    bot.sweep()
    if answers:
        say(bot, "live", "[-1, 0]")
    while time.time() < until:
        if answers:
            began = time.perf_counter()
            say(bot, "live", "1")
            turns.append(time.perf_counter() - began)
        time.sleep(0.05)
    bot.close()
    Path(results).write_text(json.dumps({"fired": fired, "turns": turns}))


def prepare(url: str, number: int, over: float) -> float:
    """Set the timers; returns when the first falls due."""
    bot = make_bot(url, [], timers=False)
    far = time.time() + 86_400
    began = time.monotonic()
    with ThreadPoolExecutor(PREPARED) as pool:
        few = min(number, 400)
        list(pool.map(lambda n: say(bot, f"far{n}", f"[0, {far}]"), range(few)))
        takes = (time.monotonic() - began) / few * number
        first = time.time() + takes * 1.5 + 5
        times = [first + over * n / number for n in range(number)]
        list(pool.map(lambda n: say(bot, f"u{n}", f"[{n}, {times[n]}]"), range(number)))
    print(f"{number} timers set in {time.monotonic() - began:.0f} s")
    bot.close()
    if time.time() > first:
        raise SystemExit("setting them took longer than expected; run it again")
    return first


def percentile(values: list[float], of: float) -> float:
    """Return a percentile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * of))]


def measure(url: str, number: int, over: float, processes: int) -> int:
    """Set timers, have them done, and print how that went; returns 1 if it is over its budget."""
    first = prepare(url, number, over)
    spawn: Any = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder) / f"{n}.json") for n in range(processes)]
        until = first + over + 20
        workers = [
            spawn.Process(target=work, args=(url, file, until, n == 0))
            for n, file in enumerate(files)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        told = [json.loads(Path(file).read_text()) for file in files]
    fired = [(n, late) for one in told for n, late in one["fired"]]
    late = [late for _, late in fired]
    turns = [turn for one in told for turn in one["turns"]]
    twice = sum(count > 1 for count in Counter(n for n, _ in fired).values())
    print(f"done {len(fired)} of {number}, twice {twice}, early {sum(one < 0 for one in late)}")
    print(
        f"late: 50 % {statistics.median(late):.2f} s, 99 % {percentile(late, 0.99):.2f} s, "
        f"at most {max(late):.2f} s"
    )
    print(
        f"a message's turn meanwhile: 50 % {statistics.median(turns) * 1e3:.1f} ms, "
        f"99 % {percentile(turns, 0.99) * 1e3:.1f} ms"
    )
    return int(twice > 0 or len(fired) < number or percentile(late, 0.99) >= LATEST)


def bare_commits(path: str, seconds: float = 3.0) -> float:
    """Return how many commits of one small row a second the disk takes."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE rows (number INTEGER PRIMARY KEY, text)")
    began, count = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        connection.execute("INSERT INTO rows (text) VALUES (?)", ("x" * 200,))
        count += 1
    connection.close()
    return count / seconds


def main(argv: list[str] | None = None) -> int:
    """Run it; returns 1 if it is over its budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--timers", type=int, default=100_000)
    parser.add_argument("--over", type=float, default=60.0, help="seconds")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--sqlite", action="store_true")
    asked = parser.parse_args(argv)
    if not asked.sqlite:
        with redis_servers() as make:
            return measure(make().url, asked.timers, asked.over, asked.processes)
    with tempfile.TemporaryDirectory() as folder:
        rate = bare_commits(str(Path(folder) / "bare.db"))
        number = min(asked.timers, int(rate * asked.over / 6))
        print(f"{rate:.0f} bare commits a second")
        return measure(f"sqlite:///{folder}/bot.db", number, asked.over, asked.processes)


if __name__ == "__main__":
    raise SystemExit(main())

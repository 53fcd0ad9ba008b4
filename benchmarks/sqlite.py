"""Turns per second on one SQLite file, by processes and threads, beside what its disk allows.

    python -m benchmarks.sqlite [--seconds 3] [--rounds 3]

A turn's commit is one `fsync` of the write-ahead log: that is what the user's answer is worth (see
the docstring of `stores/sqlite/store.py`). Threads of one process share it, processes do not. The
bare commit inserts one row of a record's size with the same settings, from as many processes and
threads, one fsync each. Ratios are taken within a round. On a disk whose fsync costs nothing there
is nothing to share.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from benchmarks.turns import ours, push

PEOPLE = 50
"""Users who take turns on each thread."""

SHAPES = ((1, 1), (1, 8), (2, 1), (2, 8))
"""Processes, and threads of each."""


def bare(path: str, name: str) -> Callable[[], None]:
    """Return what commits one row."""
    connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS rows (user TEXT, record BLOB)")

    def turn() -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO rows VALUES (?, ?)", (name, b"x" * 80))
        connection.execute("COMMIT")

    return turn


def whole(path: str, name: str) -> Callable[[], None]:
    """Return what answers one message, of fifty users in turn: one alone would fill the minute of
    remembered replies, and its journal.
    """
    answer = _bots.setdefault(path, ours(f"sqlite:///{path}", live=True))
    people = [f"{name}-{number}" for number in range(PEOPLE)]
    for text in ("累加器", "1000000"):
        for person in people:
            answer(push(person, text))
    next_person = itertools.cycle(people).__next__
    return lambda: (answer(push(next_person(), "1")), None)[1]


_bots: dict[str, Callable[[bytes], bytes]] = {}
KINDS = {"bare commit": bare, "turn": whole}


def work(kind: str, path: str, name: str, threads: int, seconds: float, counts: object) -> None:
    """Do turns in this process; puts how many into a queue."""
    turns = [KINDS[kind](path, f"{name}-{number}") for number in range(threads)]
    done = [0] * threads
    until = time.monotonic() + seconds

    def loop(number: int) -> None:
        while time.monotonic() < until:
            turns[number]()
            done[number] += 1

    running = [threading.Thread(target=loop, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    counts.put(sum(done))  # type: ignore[attr-defined]


def rate(kind: str, path: str, processes: int, threads: int, seconds: float) -> float:
    """Return turns per second of all processes together."""
    if kind == "bare commit":
        # Here, since of two processes that do it at once one is told that the file is locked.
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    context = multiprocessing.get_context("spawn")
    counts = context.Queue()
    running = [
        context.Process(target=work, args=(kind, path, f"p{number}", threads, seconds, counts))
        for number in range(processes)
    ]
    for process in running:
        process.start()
    total = sum(counts.get() for _ in running)
    for process in running:
        process.join()
    return total / seconds


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    print(f"{'processes × threads':24}{'bare commits/s':>16}{'turns/s':>10}{'ratio':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for processes, threads in SHAPES:
            rates: dict[str, list[float]] = {kind: [] for kind in KINDS}
            for number in range(options.rounds):
                print(f"  round {number + 1} of {options.rounds}", end="\r", file=sys.stderr)
                for kind in KINDS:
                    path = Path(folder, f"{kind}-{processes}-{threads}-{number}.db")
                    rates[kind].append(rate(kind, str(path), processes, threads, options.seconds))
            commits, turns = rates["bare commit"], rates["turn"]
            ratio = statistics.median(a / b for a, b in zip(turns, commits, strict=True))
            print(
                f"{f'{processes} × {threads}':24}{statistics.median(commits):16.0f}"
                f"{statistics.median(turns):10.0f}{ratio:8.2f}"
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

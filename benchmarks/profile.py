"""Where the time of a turn goes, in percent: wire, dispatch, engine, store call, server.

    python -m benchmarks.profile [live cold memory SQLite] [--rounds 15] [--turns 60]

A turn is that of `benchmarks.turns`: a signed text push as bytes, to the bytes of the reply, in a
conversation of ten records. A clock is switched wherever a turn passes from one part to another, so
that each moment is counted for one part:

- wire: the push verified and parsed, the reply rendered;
- engine: the author's dialog and what feeds it (`core/replay`, `core/dialog`);
- dispatch: what decides about the message and its turn (`core/turn`);
- runtime: what drives that, and `Bot.answer` itself;
- store call: the call packed and read, the kernel, and waiting for another core to wake up;
- server: the processor time that Redis says it took. It is a part of the call, and taken off it.

The switches take a few microseconds themselves; the last column is the turn without them. Redis is
pinned to another core than this process.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import redis

from benchmarks.peers import placed
from benchmarks.turns import QUERY, TOKEN, Answer, accumulator, lengthen, ours, push, timed
from tests.redis_server import RedisServer, redis_servers
from wechat_dialog import Bot
from wechat_dialog.core.replay.run import Run
from wechat_dialog.core.wire.codec import Codec
from wechat_dialog.runtime.drive import TurnDriver
from wechat_dialog.stores import open_store

NAMES = ("live", "cold", "memory", "SQLite")
PARTS: tuple[str, ...] = ("wire", "engine", "dispatch", "runtime", "store call")
LENGTH = 10
ENTRIES = ("feed", "fed", "replay", "start", "take", "close")
"""Methods by which a turn enters the engine."""


class Clock:
    """Counts each moment for the part that is at it.

    Attributes:
        spent: Seconds by part.
    """

    def __init__(self) -> None:
        self.spent = dict.fromkeys(PARTS, 0.0)
        self._part = "runtime"
        self._since = time.perf_counter()

    def enter(self, part: str) -> str:
        """Go over to a part; returns the one before, to come back to."""
        now = time.perf_counter()
        before, self._part = self._part, part
        self.spent[before] += now - self._since
        self._since = now
        return before

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that counts for a part, whoever calls it."""

        def call(*args: Any, **kwargs: Any) -> Any:
            before = self.enter(part)
            try:
                return function(*args, **kwargs)
            finally:
                self.enter(before)

        return call


class TimedGenerator:
    """A turn's generator: what runs in it is dispatch."""

    def __init__(self, clock: Clock, generator: Any) -> None:
        for name in ("send", "throw", "close"):
            setattr(self, name, clock.timed("dispatch", getattr(generator, name)))


class TimedStore:
    """A store whose calls count for themselves."""

    def __init__(self, clock: Clock, store: Any) -> None:
        self._clock = clock
        self._store = store

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if callable(found):
            found = self._clock.timed("store call", found)
        setattr(self, name, found)
        return found


@contextmanager
def switched(clock: Clock) -> Iterator[None]:
    """Have the clock switched where parts meet, for the length of a block."""
    drive = TurnDriver.drive

    def driven(driver: TurnDriver, transaction: Any, *args: Any) -> Any:
        return drive(driver, TimedGenerator(clock, transaction), *args)  # type: ignore[arg-type]

    with ExitStack() as stack:
        for owner, part, names in ((Codec, "wire", ("open", "seal")), (Run, "engine", ENTRIES)):
            for name in names:
                call = clock.timed(part, getattr(owner, name))
                # A function, so that it is bound to whoever has it.
                stack.enter_context(mock.patch.object(owner, name, call))
        stack.enter_context(mock.patch.object(TurnDriver, "drive", driven))
        yield


def url_of(name: str, server: RedisServer, folder: str) -> str:
    """Return the store of a contender."""
    stores = {"memory": "memory://", "SQLite": f"sqlite:///{folder}/profile.db"}
    return stores.get(name, server.url)


def watched(url: str, clock: Clock, *, live: bool) -> Answer:
    """Return a bot whose parts switch the clock, once its turns run within `switched`."""
    store: Any = TimedStore(clock, open_store(url))
    bot = Bot(TOKEN, store=store, live_dialogs=1000 if live else 0, timeout=3600)
    bot.text("累加器")(accumulator)
    return lambda body: bot.answer(body, QUERY)


def measure(
    name: str, server: RedisServer, folder: str, rounds: int, turns: int
) -> tuple[dict[str, float], float, float]:
    """Return µs a turn by part, of the server, and of a turn without switches; medians."""
    url, clock, live = url_of(name, server, folder), Clock(), name != "cold"
    bare, answer = ours(url, live=live), watched(url, clock, live=live)
    people = [[f"{name}-{kind}-{number}" for number in range(turns)] for kind in ("bare", "timed")]
    for answers, users in zip((bare, answer), people, strict=True):
        for user in users:
            lengthen(answers, user, LENGTH)
    client = redis.Redis.from_url(server.url)
    found: dict[str, list[float]] = {part: [] for part in PARTS}
    without, served = [], []
    for number in range(rounds):
        print(f"  {name}, round {number + 1} of {rounds}", end="\r", file=sys.stderr)
        without.append(timed(bare, people[0]))
        bodies = [push(user, "1") for user in people[1]]
        used = server_used(client)
        with switched(clock):
            clock.enter("runtime")
            clock.spent = dict.fromkeys(PARTS, 0.0)
            for body in bodies:
                answer(body)
            clock.enter("runtime")
        served.append((server_used(client) - used) / turns * 1e6)
        for part in PARTS:
            found[part].append(clock.spent[part] / turns * 1e6)
    parts = {part: statistics.median(times) for part, times in found.items()}
    return parts, statistics.median(served), statistics.median(without)


def server_used(client: redis.Redis) -> float:
    """Return the seconds of processor time that Redis's main thread has taken."""
    told = client.info("cpu")
    return float(told["used_cpu_user_main_thread"] + told["used_cpu_sys_main_thread"])


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(NAMES))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--turns", type=int, default=60)
    options = parser.parse_args(arguments)
    columns = (*PARTS, "server")
    print(
        f"{'':10}" + "".join(f"{part:>19}" for part in columns) + f"{'a turn':>11}{'without':>11}"
    )
    with tempfile.TemporaryDirectory() as folder, redis_servers() as start:
        server = start()
        for name in options.names:
            with placed(server, "another core"):
                parts, served, without = measure(
                    name, server, folder, options.rounds, options.turns
                )
            if name in ("live", "cold"):
                parts["server"] = min(served, parts["store call"])
                parts["store call"] -= parts["server"]
            total = sum(parts.values())
            cells = "".join(
                f"{parts.get(part, 0.0):10.1f} µs {parts.get(part, 0.0) / total:5.0%}"
                for part in columns
            )
            print(f"{name:10}{cells}{total:8.0f} µs{without:8.0f} µs")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

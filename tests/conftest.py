"""What every test may ask for: a real redis-server, and the tests that take minutes on request."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.redis_server import RedisServer, redis_servers


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--long`, which `make chaos` gives."""
    parser.addoption("--long", action="store_true", help="run the tests marked `long`, too")


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it puts in the background deaf to Ctrl-C, and all its children with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

HERE = Path(__file__).parent

SLOW = (
    "chaos", "typing", "simulator", "stores/test_redis_topology.py", "platform/test_outages.py",
    "stores/test_same_rules.py", "full_path/test_time_and_death.py", "full_path/test_hanging.py",
    "full_path/test_time_closing.py", "full_path/test_renewals_far.py", "cli/test_chat.py",
    "cli/test_tutorial.py", "cli/test_unfinished.py", "answer_pages/test_slow_model.py",
    "answer_pages/test_browser.py", "full_path/test_stalls.py", "platform/test_reload.py",
    "full_path/test_time_and_processes.py", "full_path/test_graceful_stop.py",
)  # fmt: skip
"""Files with tests that take several seconds, most of which they wait, and folders of such. See
`in_order`.
"""
_SLOW = tuple(str(HERE / path) for path in SLOW)


def in_order(items: list[pytest.Item], processes: int) -> list[pytest.Item]:
    """Begin the share of each process with as many slow files: while one waits, others work; and at
    the end no process waits for a slow test with nothing left to do.

    The tests of a file stay together, since they share servers. `--dist worksteal` first gives each
    process one of as many equal parts of the list.
    """
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    slow = [tests for name in _SLOW for path, tests in files.items() if str(path).startswith(name)]
    quick = iter([item for item in items if not str(item.path).startswith(_SLOW)])
    ordered: list[pytest.Item] = []
    for process in range(processes):
        end = len(items) * (process + 1) // processes
        ordered.extend(chain.from_iterable(slow[process::processes]))
        ordered.extend(islice(quick, max(0, end - len(ordered))))
    return [*ordered, *quick]


def pytest_configure(config: pytest.Config) -> None:
    """Set hypothesis up, and let the library run as it is shipped.

    pytest rewrites the `assert`s of a package that brings a plugin; of one that is installed
    editable it takes all modules for the plugin's.
    """
    # No test measures a time. And a change is judged by what it does, not by an input that is found
    # on the day it goes in: `make chaos` draws new ones.
    hypothesis.settings.register_profile(
        "wechat-dialog",
        deadline=None,
        derandomize=not config.getoption("--long"),
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
    hypothesis.settings.load_profile("wechat-dialog")
    hook: Any = config.pluginmanager.rewrite_hook
    getattr(hook, "_must_rewrite", set[str]()).discard("wechat_dialog")
    gc.disable()  # until everything is collected: hardly anything of it is garbage


def pytest_collection_finish() -> None:
    """Exempt the million objects of imported modules and collected tests from garbage collection,
    which would walk them again and again during ten thousand tests.
    """
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put slow tests first; skip those that take minutes, unless `--long` is given."""
    items[:] = in_order(items, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
    if config.getoption("--long"):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="takes minutes; run `make chaos`"))


def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Collect the garbage of a test that ignores warnings (of a coroutine that was never awaited,
    for example) while they are ignored: otherwise a later test would fail because of it.
    """
    if item.get_closest_marker("filterwarnings"):
        gc.collect()
        gc.freeze()  # what is alive, so that the next round is short


@pytest.fixture(scope="session")
def _worker_redis() -> Iterator[RedisServer]:
    # One server a pytest process, not one for all: a test may then count commands, watch MONITOR,
    # or flush, and no other worker is in the picture. It costs 8 MB and 30 ms.
    with redis_servers() as make:
        yield make()


@pytest.fixture
def redis_url(_worker_redis: RedisServer) -> str:
    """URL of a running, empty redis-server that no other test uses at the moment.

    Keys, functions, scripts and counters of earlier tests are gone; open connections are not.
    Stop, kill or freeze only servers of your own: `redis_server`.
    """
    if not _worker_redis.running:
        _worker_redis.start()
    for command in (("FLUSHALL",), ("SCRIPT", "FLUSH"), ("CONFIG", "RESETSTAT")):
        _worker_redis.ask(*command)
    return _worker_redis.url


@pytest.fixture
def redis_server() -> Iterator[Callable[..., RedisServer]]:
    """A factory of servers of this test's own: `redis_server(aof=True)` is started and yours.

    Kill, freeze and restart it as you like (`tests.redis_server.RedisServer`); it ends with the
    test.
    """
    with redis_servers() as make:
        yield make

"""URLs to stores, and any store for an event loop."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from wechat_dialog.core.store.values import Claim, Claimed
from wechat_dialog.errors import ConfigurationError
from wechat_dialog.stores import for_async, open_store
from wechat_dialog.stores.memory import MemoryStore
from wechat_dialog.stores.redis import AsyncRedisStore, RedisStore
from wechat_dialog.stores.sqlite import SQLiteStore
from wechat_dialog.testing.store_contract.asking import begin


@pytest.mark.parametrize(
    ("url", "path"),
    [
        (None, "/here/wechat-dialog.db"),
        ("sqlite:///file.db", "/here/file.db"),
        ("sqlite:///a/b.db", "/here/a/b.db"),
        ("sqlite:////var/my%20bot.db", "/var/my bot.db"),
    ],
)
def test_a_file_is_named_from_here_or_from_the_root(
    url: str | None, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store(url)
    assert isinstance(store, SQLiteStore)
    assert store.path == path.replace("/here", str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_memory_is_a_store() -> None:
    assert isinstance(open_store("memory://"), MemoryStore)


@pytest.mark.parametrize(
    "url",
    ["redis://h", "rediss://h:1/2", "unix:///s", "redis+cluster://a,b", "redis+sentinel://a/m/1"],
)
def test_nothing_is_connected_by_opening_redis(url: str) -> None:
    assert isinstance(open_store(url), RedisStore)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "bot.db",
        "sqlite://file.db",
        "sqlite:///",
        "sqlite:///a.db?mode=ro",
        "memory://x",
        "postgres://h",
        "http://[",
    ],
)
def test_another_url_is_an_error_that_says_what_is_allowed(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"use memory://, sqlite:///file\.db"):
        open_store(url)


def test_an_unknown_option_is_an_error_before_the_first_message() -> None:
    with pytest.raises(ConfigurationError, match="colour"):
        open_store("redis://h?colour=blue")


def test_no_error_shows_a_password() -> None:
    for url in ("postgres://me:hush@h", "redis+x://me:hush@h", "redis+sentinel://:hush@h"):
        with pytest.raises(ConfigurationError) as raised:
            open_store(url)
        assert "hush" not in str(raised.value)


def test_without_redis_py_the_extra_is_named() -> None:
    script = (
        "import sys; sys.modules['redis'] = None\n"
        "from wechat_dialog.stores import open_store\n"
        "try: open_store('redis://h')\n"
        "except Exception as e: print(type(e).__name__, e)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("ConfigurationError")
    assert "pip install 'wechat-dialog[redis]'" in done.stdout


# For an event loop ------------------------------------------------------------------------------


def test_redis_has_a_face_of_its_own() -> None:
    assert isinstance(for_async(RedisStore("redis://h")), AsyncRedisStore)


def test_a_face_serves_one_loop_after_another(tmp_path: Path, redis_url: str) -> None:
    stores = (MemoryStore(), SQLiteStore(tmp_path / "bot.db"), RedisStore(redis_url))
    for store in stores:
        face = for_async(store)

        async def turn(key: str, face=face) -> bool:  # type: ignore[no-untyped-def]
            try:
                return isinstance(await face.claim(Claim(key, key, lease=5)), Claimed)
            finally:
                await face.close()

        assert [asyncio.run(turn(key)) for key in ("a", "b", "c")] == [True] * 3
        store.close()


def test_a_store_waits_for_no_thread_of_the_loops_own(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "bot.db")

    async def turns() -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        step_may_end = threading.Event()
        step = loop.run_in_executor(None, step_may_end.wait)
        face = for_async(store)
        assert isinstance(
            await asyncio.wait_for(face.claim(Claim("ada", "k", lease=5)), 30), Claimed
        )
        step_may_end.set()
        await step
        await face.close()

    asyncio.run(turns())
    store.close()


def test_a_slow_store_does_not_stop_the_loop(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "bot.db")
    begin(store)

    async def turns() -> None:
        face = for_async(store)
        with store._database._alone():
            claim = asyncio.create_task(face.claim(Claim("ada", "k", lease=5)))
            for _ in range(10):
                await asyncio.sleep(0)
            assert not claim.done()
        assert isinstance(await claim, Claimed)
        await face.close()

    asyncio.run(turns())
    store.close()

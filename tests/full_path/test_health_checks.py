"""What a load balancer asks over HTTP, on real servers and real stores: `/healthz`, `/readyz`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from tests.full_path.accumulator import make_bot
from tests.full_path.doors import PATIENCE, HttpDoor, Response, WsgiDoor
from tests.full_path.people import TOKEN, Person, push, signed
from tests.full_path.servers import SERVERS, asgi_application
from tests.full_path.stoppable import server
from tests.platform.servers import wsgi
from tests.redis_server import RedisServer, wait_until
from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.core.store.contract import Store
from wechat_dialog.errors import Closing, ConfigurationError, SideEffect, StoreError
from wechat_dialog.runtime import readiness
from wechat_dialog.stores import open_store
from wechat_dialog.stores.memory import MemoryStore

Servers = Callable[..., RedisServer]
STORE = b"not ready: the store takes no messages; the log says why\n"


class Untouched(MemoryStore):
    """A store that nobody may use."""

    used: list[str]

    def __getattribute__(self, name: str) -> Any:
        if name in OPERATIONS:
            vars(self).setdefault("used", []).append(name)
            raise ZeroDivisionError(name)
        return super().__getattribute__(name)


OPERATIONS = {name for name in vars(Store) if not name.startswith("_")} - {"close"}


def get(port: int, path: str, query: str = "", method: str = "GET") -> Response:
    return HttpDoor(port, path).request(method, query)


@pytest.fixture(params=SERVERS)
def serving(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Bot], int]]:
    """Serves a bot by each kind of server; gives its port. The result of a trial holds for a moment
    only: these tests change what it finds.
    """
    monkeypatch.setattr(readiness, "HOLDS", 0.05)
    with contextlib.ExitStack() as stack:

        def serve(bot: Bot) -> int:
            stack.callback(bot.close)
            return stack.enter_context(SERVERS[request.param](bot))

        yield serve


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What the log has at INFO and above since the last time, but for what is due: a bot of an
    earlier test may still ask its store.
    """
    caplog.set_level(logging.INFO, "wechat_dialog")

    def lines() -> list[str]:
        found = [one.getMessage() for one in caplog.records if one.name == "wechat_dialog"]
        caplog.clear()
        return [line for line in found if "what is due" not in line]

    return lines


# What is answered -------------------------------------------------------------------------------


def test_a_bot_that_works_is_healthy_and_ready(
    serving: Callable[[Bot], int], store_url: str, told: Callable[[], list[str]]
) -> None:
    port = serving(make_bot(store_url))
    for path, query in (("/healthz", ""), ("/readyz", ""), ("/readyz", "verbose=1&x=%zz")):
        response = get(port, path, query)
        assert (response.status, response.body) == (200, b"ok\n")
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["content-type"] == "text/plain; charset=utf-8"
        head = get(port, path, query, "HEAD")
        assert (head.status, head.body) == (200, b"")
        assert head.headers["cache-control"] == "no-store"
    assert told() == []
    if not store_url.startswith("memory"):
        with closing(open_store(store_url)) as store:
            assert list(store.list(everybody=True)) == []


def test_healthz_does_not_touch_the_store(serving: Callable[[Bot], int]) -> None:
    store = Untouched()
    port = serving(Bot(TOKEN, store=store, timers=False))
    assert get(port, "/healthz").status == 200
    assert "used" not in vars(store)
    assert is_unready(get(port, "/readyz")), "whatever a store raises"
    assert store.used == ["account"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_request_of_the_platform_is_answered_on_any_path(
    serving: Callable[[Bot], int], path: str, told: Callable[[], list[str]]
) -> None:
    port = serving(make_bot("memory://"))
    door = HttpDoor(port, path)
    assert door.request("GET", f"{signed()}&echostr=77").body == b"77"
    assert Person(door).say("累加器") == "要加几个数？"
    assert told() == []
    # What is no health check, and is not signed, is refused as anywhere.
    assert door.request("POST", "", push("oUser")).status == 403
    assert door.request("GET", "signature=x").status == 403
    assert door.request("DELETE").status == 405
    for other in ("/healthz/", "/wx/healthz", "/wx/p/readyz", "/READYZ"):
        assert get(port, other).status == 403


def test_it_is_found_where_the_application_is_mounted() -> None:
    bot = make_bot("memory://")
    mounted = Starlette(routes=[Mount("/bots/one", app=bot.asgi)])
    with asgi_application(mounted) as port:
        for path in ("/healthz", "/readyz"):
            assert get(port, f"/bots/one{path}").body == b"ok\n"
            assert get(port, path).status == 404
        assert Person(HttpDoor(port, "/bots/one/readyz")).say("累加器") == "要加几个数？"
    bot.close()
    under = DispatcherMiddleware(lambda *_: [], {"/bots/one": bot.wsgi})
    with wsgi(under) as url:
        for path in ("/healthz", "/readyz"):
            assert get(int(url.rsplit(":", 1)[1].strip("/")), f"/bots/one{path}").body == b"ok\n"
    bot.close()


def test_many_that_ask_at_once_are_all_answered(
    serving: Callable[[Bot], int], store_url: str
) -> None:
    port = serving(make_bot(store_url))
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: get(port, "/readyz").status, range(100)))
    assert answers == [200] * 100


# What is not ready ------------------------------------------------------------------------------


def is_unready(response: Response, why: bytes = STORE) -> bool:
    """Whether it says that it is not ready, and nothing that only the log may say."""
    if response.status == 200:
        return False
    assert (response.status, response.body) == (503, why)
    assert response.headers["cache-control"] == "no-store"
    return True


def test_a_redis_that_hangs_or_is_gone_or_takes_no_writes(
    serving: Callable[[Bot], int], redis_server: Servers, told: Callable[[], list[str]]
) -> None:
    server, other = redis_server(), redis_server()
    port = serving(make_bot(server.url.replace("/0", "/0?socket_timeout=0.3"), timers=False))

    def becomes(ready: bool, what: str) -> None:
        wait_until(lambda: is_unready(get(port, "/readyz")) is not ready, what)
        assert get(port, "/healthz").status == 200

    becomes(ready=True, what="a server that works")
    with server.frozen():
        becomes(ready=False, what="a server that hangs")
    becomes(ready=True, what="a server that goes on")
    server.kill()
    becomes(ready=False, what="a server that is gone")
    server.start()
    becomes(ready=True, what="a new server")
    server.ask("REPLICAOF", "127.0.0.1", other.port)
    becomes(ready=False, what="a replica")
    server.ask("REPLICAOF", "NO", "ONE")
    becomes(ready=True, what="a master")
    server.ask("CONFIG", "SET", "maxmemory", "1")
    becomes(ready=False, what="a server without memory")
    assert come_in_order(
        told(),
        "not answer",
        "again",
        "not answer",
        "again",
        "is a replica",
        "again",
        "no memory",
    )


def come_in_order(lines: list[str], *causes: str) -> bool:
    """Whether the log says all this; there may be more on a machine that is busy for a second."""
    left = iter(lines)
    return all(any(cause in line for line in left) for cause in causes)


def test_a_sqlite_file_that_is_locked_or_gone(
    serving: Callable[[Bot], int], tmp_path: Path, told: Callable[[], list[str]]
) -> None:
    path = tmp_path / "bot.db"
    port = serving(make_bot(f"sqlite:///{path}", timers=False))
    assert not is_unready(get(port, "/readyz"))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        wait_until(lambda: is_unready(get(port, "/readyz")), "the lock to be met")
    wait_until(lambda: not is_unready(get(port, "/readyz")), "the lock to be gone")
    path.unlink()
    wait_until(lambda: is_unready(get(port, "/readyz")), "the loss to be noticed")
    wait_until(lambda: not is_unready(get(port, "/readyz")), "a new file, as a message gets one")
    assert come_in_order(told(), "keeps it locked", "again", "was deleted", "again")


def test_a_bot_whose_settings_cannot_work(serving: Callable[[Bot], int]) -> None:
    bot = make_bot("memory://")

    @bot.text("累加器")
    def never(_: Chat) -> str:
        return "never reached"

    port = serving(bot)
    assert get(port, "/healthz").status == 200
    assert is_unready(get(port, "/readyz"), b"not ready: a setting of the bot cannot work\n")


@pytest.mark.parametrize("kind", ["gunicorn, gthread", "gunicorn, sync", "uvicorn"])
def test_a_store_that_hangs_uses_up_no_server(
    kind: str, redis_server: Servers, tmp_path: Path
) -> None:
    stalled = redis_server()
    with server(kind, STORE=stalled.url, GATE=str(tmp_path)) as (_, door):
        assert get(door.port, "/readyz").status == 200
        with stalled.frozen(), ThreadPoolExecutor(16) as pool:
            wait_until(lambda: get(door.port, "/readyz").status == 503, "it to be noticed")
            # A question is answered, whatever is asked beside it and however often.
            answers = list(pool.map(lambda n: asked(door.port, n), range(200)))
        assert {status for path, status in answers if path == "/healthz"} == {200}
        assert {status for path, status in answers if path == "/readyz"} == {503}
        wait_until(lambda: get(door.port, "/readyz").status == 200, "the store to go on")


def asked(port: int, number: int) -> tuple[str, int]:
    path = "/readyz" if number % 4 else "/healthz"
    return path, get(port, path).status


# Stopping ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["付", "等付"])
@pytest.mark.parametrize("kind", SERVERS)
def test_a_bot_that_is_being_closed_is_healthy_and_not_ready(
    kind: str, text: str, tmp_path: Path
) -> None:
    begun, ends = threading.Event(), threading.Event()

    def pay() -> str:
        begun.set()
        assert ends.wait(PATIENCE)
        return "已付"

    async def pay_later() -> str:
        return await asyncio.to_thread(pay)

    bot = make_bot(f"sqlite:///{tmp_path / 'bot.db'}", drain=PATIENCE)

    @bot.text("付")
    def pays(chat: Chat) -> Dialog[str]:
        return (yield from chat.step(pay))

    @bot.text("等付")
    async def pays_later(chat: Chat) -> str:
        return await chat.step(pay_later)

    with SERVERS[kind](bot) as port, ThreadPoolExecutor(2) as pool:
        assert get(port, "/readyz").status == 200
        turn = pool.submit(Person(HttpDoor(port)).say, text)
        assert begun.wait(PATIENCE)
        closes = pool.submit(bot.close)
        wait_until(lambda: get(port, "/readyz").status == 503, "the closing to begin")
        assert is_unready(get(port, "/readyz"), b"not ready: stopping\n")
        assert get(port, "/healthz").status == 200
        assert not closes.done()
        assert not turn.done()
        ends.set()
        assert turn.result(PATIENCE) == "已付"
        closes.result(PATIENCE)


def test_a_trial_under_way_leaves_nothing_open_when_its_bot_is_closed(
    redis_server: Servers,
) -> None:
    stalled = redis_server()
    bot = make_bot(stalled.url, timers=False)

    async def live() -> None:
        await bot.check_ready_async()
        bot._runner.readiness._trial = None
        with stalled.frozen():
            asking = asyncio.ensure_future(bot.check_ready_async())
            await asyncio.sleep(0.05)
            await bot.close_async()
            with pytest.raises(Closing):
                await asking
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert others == set()

    asyncio.run(live())
    wait_until(lambda: len(connections(stalled)) == 1, "all connections but that to be closed")


def connections(server: RedisServer) -> list[str]:
    """The connections of the server, with the one that asks."""
    listed: str = server.ask("CLIENT", "LIST", "TYPE", "normal")
    return listed.splitlines()


# The call ---------------------------------------------------------------------------------------


def test_the_call_raises_what_is_wrong() -> None:
    bot = make_bot("memory://")
    bot.check_ready()
    asyncio.run(bot.check_ready_async())
    bot.close()
    broken = Bot(TOKEN, store=Untouched(), timers=False)
    with pytest.raises(ZeroDivisionError):
        broken.check_ready()
    broken.close()
    wrong = Bot(TOKEN, store="bogus://")
    with pytest.raises(ConfigurationError):
        wrong.check_ready()


def test_the_call_does_not_block_an_event_loop_or_stand_in_a_dialog() -> None:
    bot = make_bot("memory://")

    async def on_a_loop() -> None:
        bot.check_ready()

    with pytest.raises(RuntimeError, match=r"await bot.check_ready_async\(…\)"):
        asyncio.run(on_a_loop())
    raised: list[Exception] = []

    @bot.text("好吗")
    def asks(_: Chat) -> str:
        try:
            bot.check_ready()
        except SideEffect as error:
            raised.append(error)
            raise
        return "好"

    Person(WsgiDoor(bot)).say("好吗")
    assert len(raised) == 1
    bot.close()


def test_a_store_that_fails_is_an_error_for_the_caller(tmp_path: Path) -> None:
    bot = make_bot(f"sqlite:///{tmp_path / 'nowhere' / 'bot.db'}")
    with pytest.raises(StoreError, match="check that its folder exists"):
        bot.check_ready()
    bot.close()

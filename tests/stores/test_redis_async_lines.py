"""Calls of an event loop, read by ourselves or, where its connections are unknown, by redis-py."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from math import inf
from typing import Any, ParamSpec
from urllib.parse import urlsplit

import pytest
import redis
import redis.asyncio
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.exceptions import ResponseError

from wechat_dialog.stores.redis import connections
from wechat_dialog.stores.redis.address import Address
from wechat_dialog.stores.redis.async_connections import AsyncLines
from wechat_dialog.stores.redis.clients import async_client

P = ParamSpec("P")


def on_a_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


class Clock:
    """Sets the clock of the running loop forward."""

    def __init__(self) -> None:
        self.ahead = 0.0
        loop = asyncio.get_running_loop()
        time = loop.time
        loop.time = lambda: time() + self.ahead  # type: ignore[method-assign]


NEVER = ("BLPOP", "nothing comes here", "0")
"""A command that the server does not answer."""


@pytest.fixture(params=["direct", "through redis-py"], autouse=True)
def reading(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param != "direct":
        monkeypatch.setattr(connections, "_reader", None)
    return str(request.param)


@asynccontextmanager
async def opened(url: str, limit: float | None = 5.0) -> AsyncIterator[AsyncLines]:
    client = async_client(Address.parse(url))
    lines = AsyncLines(client, limit, 5.0)
    try:
        yield lines
    finally:
        await lines.close()
        await client.aclose()


async def own_id(lines: AsyncLines) -> int:
    """Return the server's number of a connection, which tells whether it is another one."""
    return int(await lines.ask(("CLIENT", "ID")))


@on_a_loop
async def test_connections_are_read_directly_if_hiredis_is_there(
    redis_url: str, reading: str
) -> None:
    async with opened(redis_url) as lines:
        await lines.ask(("PING",))
        (line,) = lines._idle
        assert (type(line).__name__ == "_DirectLine") is (reading == "direct")


@on_a_loop
async def test_a_call_returns_its_answer_and_several_a_list(redis_url: str) -> None:
    async with opened(redis_url) as lines:
        assert await lines.ask(("SET", "key", b"\x00\xff")) == b"OK"
        assert await lines.ask(("GET", "key"), ("STRLEN", "key")) == [b"\x00\xff", 2]


@on_a_loop
async def test_an_answer_may_be_larger_than_what_is_read_at_once(redis_url: str) -> None:
    large = bytes(range(256)) * 16_384
    async with opened(redis_url) as lines:
        await lines.ask(("SET", "key", large))
        assert await lines.ask(("GET", "key"), ("PING",)) == [large, b"PONG"]


@on_a_loop
async def test_an_error_among_the_answers_is_raised_and_the_connection_kept(
    redis_url: str,
) -> None:
    async with opened(redis_url) as lines:
        first = await own_id(lines)
        with pytest.raises(ResponseError, match="unknown command"):
            await lines.ask(("PING",), ("NO", "SUCH"), ("PING",))
        assert await own_id(lines) == first


@on_a_loop
async def test_a_connection_whose_answer_is_late_is_not_used_again(redis_url: str) -> None:
    clock = Clock()
    async with opened(redis_url, limit=100.0) as lines:
        first = await own_id(lines)
        call = asyncio.create_task(lines.ask(NEVER))
        await asyncio.sleep(0)
        clock.ahead += 101.0
        with pytest.raises(TimeoutError):
            await call
        assert await own_id(lines) > first


@on_a_loop
async def test_a_call_that_is_within_its_limit_is_not_given_up_for_the_one_before(
    redis_url: str,
) -> None:
    clock = Clock()
    async with opened(redis_url, limit=100.0) as lines:
        first = await own_id(lines)
        for _ in range(4):
            clock.ahead += 60.0  # longer than the limit, in all
            assert await own_id(lines) == first


@on_a_loop
async def test_a_connection_whose_call_was_cancelled_is_not_used_again(redis_url: str) -> None:
    async with opened(redis_url) as lines:
        first = await own_id(lines)
        call = asyncio.create_task(lines.ask(NEVER))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await own_id(lines) > first


@on_a_loop
async def test_a_server_that_closes_connections_fails_the_call_and_closes_the_idle_ones(
    redis_url: str,
) -> None:
    async with opened(redis_url) as lines:
        ids = await asyncio.gather(own_id(lines), own_id(lines))
        assert len(set(ids)) == len(lines._idle) == 2
        with redis.Redis.from_url(redis_url) as operator:
            for each in ids:
                operator.client_kill_filter(_id=str(each))
        with pytest.raises(redis.ConnectionError):
            await lines.ask(("PING",))
        assert not lines._idle
        assert await own_id(lines) > max(ids)


@on_a_loop
async def test_a_call_that_waits_fails_when_the_connection_is_closed(redis_url: str) -> None:
    async with opened(redis_url) as lines:
        number = await own_id(lines)
        call = asyncio.create_task(lines.ask(NEVER))
        await asyncio.sleep(0)
        with redis.Redis.from_url(redis_url) as operator:
            operator.client_kill_filter(_id=str(number))
        with pytest.raises(redis.ConnectionError):
            await call


@on_a_loop
async def test_a_call_that_cannot_be_sent_fails_when_the_server_hangs_up(reading: str) -> None:
    if reading != "direct":
        pytest.skip("redis-py leaves the connection open until all is sent")
    writers: list[asyncio.StreamWriter] = []
    hung_up = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while b"large" not in (words := await reader.read(4096)):
            writer.write(b"+OK\r\n" * words.count(b"*"))
        writer.write_eof()  # and it reads no further
        hung_up.set()

    clock = Clock()
    server = await asyncio.start_server(serve, "127.0.0.1")
    host, port = server.sockets[0].getsockname()
    async with opened(f"redis://{host}:{port}", limit=100.0) as lines:
        call = asyncio.create_task(lines.ask(("SET", "large", bytes(1 << 25))))
        await hung_up.wait()
        clock.ahead += 101.0
        await asyncio.wait([call], timeout=5.0)
        for writer in writers:
            writer.transport.abort()
        server.close()
        assert call.done()
        assert isinstance(call.exception(), redis.ConnectionError | TimeoutError)


@on_a_loop
async def test_what_the_server_says_by_itself_is_no_answer(redis_url: str) -> None:
    async with opened(f"{redis_url}?protocol=3") as lines:
        await lines.ask(("CLIENT", "TRACKING", "ON", "BCAST"))
        call = asyncio.create_task(lines.ask(("BLPOP", "list", "0")))
        await asyncio.sleep(0)
        with redis.Redis.from_url(redis_url) as operator:
            operator.set("key", "value")
            operator.rpush("list", "one")
        assert await call == [b"list", b"one"]
        assert await lines.ask(("GET", "key")) == b"value"


@on_a_loop
async def test_an_idle_connection_is_checked_if_the_url_says_so(redis_url: str) -> None:
    clock = Clock()
    async with opened(f"{redis_url}?health_check_interval=30") as lines:
        await lines.ask(("PING",))
        with redis.Redis.from_url(redis_url) as operator:
            operator.config_resetstat()
            clock.ahead += 31.0
            await lines.ask(("GET", "key"))
            assert operator.info("commandstats")["cmdstat_ping"]["calls"] == 1


@on_a_loop
async def test_the_connection_is_opened_as_the_url_says(redis_url: str) -> None:
    url = f"{redis_url.rpartition('/')[0]}/3"
    async with opened(url) as lines:
        await lines.ask(("SET", "key", "in the fourth"))
        with redis.Redis.from_url(url) as operator:
            assert operator.get("key") == b"in the fourth"
            operator.flushdb()


@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
@on_a_loop
async def test_connections_that_nobody_has_any_more_are_closed(redis_url: str) -> None:
    async with opened(redis_url) as other:
        lines = AsyncLines(async_client(Address.parse(redis_url)), 5.0, 5.0)
        number = await own_id(lines)
        del lines
        gc.collect()
        await asyncio.sleep(0)
        for _ in range(1000):
            if not await other.ask(("CLIENT", "LIST", "ID", str(number))):
                return
        pytest.fail("it is still open")


class Sentinels:
    """Names a master, as redis-py's `Sentinel` does: the server, by one of two names."""

    def __init__(self, url: str) -> None:
        parsed = urlsplit(url)
        self.masters = [(host, parsed.port) for host in ("127.0.0.1", "localhost")]

    async def discover_master(self, _service: str) -> tuple[str, int | None]:
        return self.masters[0]


@on_a_loop
async def test_one_call_meets_the_master_that_was_replaced_and_no_other(redis_url: str) -> None:
    sentinels = Sentinels(redis_url)
    pool = SentinelConnectionPool("service", sentinels, protocol=2)
    client = redis.asyncio.Redis(connection_pool=pool)
    lines = AsyncLines(client, 5.0, 5.0)
    assert lines._following is not None
    lines._following._next = inf  # the sentinels are asked here
    for line in [await lines._new() for _ in range(20)]:
        lines._give_back(line)
    sentinels.masters.reverse()
    await pool.get_master_address()  # as another task's new connection does
    with pytest.raises(redis.ConnectionError, match="master no more"):
        await lines.ask(("PING",))
    assert await lines.ask(("PING",)) == b"PONG"
    await lines.close()
    await client.aclose()

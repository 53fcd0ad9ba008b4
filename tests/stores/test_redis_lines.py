"""Calls of threads, read by ourselves or, where their connections are unknown, by redis-py."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from redis.exceptions import BusyLoadingError, ResponseError
from redis.sentinel import MasterNotFoundError

from wechat_dialog.stores.redis import clients, connections
from wechat_dialog.stores.redis.address import Address
from wechat_dialog.stores.redis.connections import Lines
from wechat_dialog.stores.redis.following import Following
from wechat_dialog.stores.redis.master_pool import MasterPool

NEVER = ("BLPOP", "nothing comes here", "0")
"""A command that the server does not answer."""


@pytest.fixture(params=["direct", "through redis-py"], autouse=True)
def reading(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param != "direct":
        monkeypatch.setattr(connections, "_reader", None)
    return str(request.param)


@contextmanager
def opened(url: str) -> Iterator[Lines]:
    client = clients.client(Address.parse(url))
    lines = Lines(client)
    try:
        yield lines
    finally:
        lines.close()
        client.close()


def own_id(lines: Lines) -> int:
    """Return the server's number of a connection, which tells whether it is another one."""
    return int(lines.ask(("CLIENT", "ID")))


def test_connections_are_read_directly_if_hiredis_is_there(redis_url: str, reading: str) -> None:
    with opened(redis_url) as lines:
        lines.ask(("PING",))
        (line,) = lines._idle
        assert (type(line).__name__ == "_DirectLine") is (reading == "direct")


@pytest.mark.parametrize("options", ["protocol=3", "health_check_interval=30"])
def test_what_only_redis_py_can_do_is_left_to_it(redis_url: str, options: str) -> None:
    with opened(f"{redis_url}?{options}") as lines:
        lines.ask(("PING",))
        (line,) = lines._idle
        assert type(line).__name__ == "Line"


def test_a_call_returns_its_answer_and_several_a_list(redis_url: str) -> None:
    with opened(redis_url) as lines:
        assert lines.ask(("SET", "key", b"\x00\xff")) == b"OK"
        assert lines.ask(("GET", "key"), ("STRLEN", "key")) == [b"\x00\xff", 2]


def test_an_answer_may_be_larger_than_what_is_read_at_once(redis_url: str) -> None:
    large = bytes(range(256)) * 16_384
    with opened(redis_url) as lines:
        lines.ask(("SET", "key", large))
        assert lines.ask(("GET", "key"), ("PING",)) == [large, b"PONG"]


def test_an_error_among_the_answers_is_raised_and_the_connection_kept(redis_url: str) -> None:
    with opened(redis_url) as lines:
        first = own_id(lines)
        with pytest.raises(ResponseError, match="unknown command"):
            lines.ask(("PING",), ("NO", "SUCH"), ("PING",))
        assert own_id(lines) == first


def test_a_connection_whose_answer_is_late_is_not_used_again(redis_url: str) -> None:
    with opened(f"{redis_url}?socket_timeout=0.05") as lines:
        first = own_id(lines)
        with pytest.raises(redis.TimeoutError):
            lines.ask(NEVER)
        assert own_id(lines) > first


def test_a_server_that_closes_connections_fails_the_call_and_closes_the_idle_ones(
    redis_url: str,
) -> None:
    with opened(redis_url) as lines, redis.Redis.from_url(redis_url) as operator:
        first = own_id(lines)
        line = lines._idle.pop()  # in use meanwhile
        second = own_id(lines)
        lines._give_back(line)
        for each in (first, second):
            operator.client_kill_filter(_id=str(each))
        with pytest.raises(redis.ConnectionError):
            lines.ask(("PING",))
        assert not lines._idle
        assert own_id(lines) > second


def test_a_call_that_waits_fails_when_the_connection_is_closed(redis_url: str) -> None:
    with opened(redis_url) as lines, redis.Redis.from_url(redis_url) as operator:
        number = own_id(lines)
        failed: list[BaseException] = []

        def wait() -> None:
            try:
                lines.ask(NEVER)
            except redis.ConnectionError as error:
                failed.append(error)

        waiting = threading.Thread(target=wait)
        waiting.start()
        while operator.info("clients")["blocked_clients"] == 0:
            pass
        operator.client_kill_filter(_id=str(number))
        waiting.join(10.0)
        assert len(failed) == 1


def test_a_server_that_refuses_everybody_fails_the_call_as_a_connection_does() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            connection, _ = server.accept()
            with connection:
                while b"GET" not in (words := connection.recv(4096)):
                    connection.sendall(b"+OK\r\n" * words.count(b"*"))
                connection.sendall(b"-LOADING Redis is loading the dataset in memory\r\n")

        serving = threading.Thread(target=refuse)
        serving.start()
        with opened(f"redis://127.0.0.1:{server.getsockname()[1]}") as lines:
            with pytest.raises(BusyLoadingError):
                lines.ask(("GET", "key"))
            assert not lines._idle
        serving.join(10.0)


def test_a_call_may_be_longer_than_what_the_socket_takes_at_once(redis_url: str) -> None:
    with opened(redis_url) as lines:
        assert lines.ask(("SET", "key", bytes(1 << 24))) == b"OK"
        assert lines.ask(("STRLEN", "key")) == 1 << 24


class Sentinels:
    """Names a master, as redis-py's `Sentinel` does: the server, by one of two names."""

    def __init__(self, url: str) -> None:
        parsed = urlsplit(url)
        self.masters = [(host, parsed.port) for host in ("127.0.0.1", "localhost")]

    def discover_master(self, _service: str) -> tuple[str, int | None]:
        if not self.masters:
            raise MasterNotFoundError("no sentinel answers")
        return self.masters[0]

    def replace(self) -> None:
        self.masters.reverse()


def following_of(lines: Lines) -> Following:
    assert lines._following is not None
    return lines._following


@contextmanager
def behind(sentinels: Sentinels, **options: int) -> Iterator[Lines]:
    make: Any = MasterPool
    client = redis.Redis(connection_pool=make("service", sentinels, protocol=2, **options))
    lines = Lines(client)
    following_of(lines)._next = inf  # the test says when the sentinels are asked
    try:
        yield lines
    finally:
        lines.close()
        client.close()


def opened_at_once(lines: Lines, count: int) -> None:
    """Let so many calls be under way at the same time."""
    taken = [lines._further() for _ in range(count)]
    for line in taken:
        lines._give_back(line)


def test_one_call_meets_the_master_that_was_replaced_and_no_other(redis_url: str) -> None:
    sentinels = Sentinels(redis_url)
    with behind(sentinels) as lines:
        opened_at_once(lines, 20)
        sentinels.replace()
        lines._pool.get_master_address()  # as another thread's new connection does
        with pytest.raises(redis.ConnectionError, match="master no more"):
            lines.ask(("PING",))
        assert lines.ask(("PING",)) == b"PONG"


def test_connections_to_a_master_that_was_replaced_make_room_for_others(redis_url: str) -> None:
    sentinels = Sentinels(redis_url)
    with behind(sentinels, max_connections=2) as lines:
        for _ in range(3):
            opened_at_once(lines, 2)
            sentinels.replace()
            lines._pool.get_master_address()
            lines.close()
        assert lines.ask(("PING",)) == b"PONG"


def test_connections_that_found_no_master_make_room_for_others(redis_url: str) -> None:
    sentinels = Sentinels(redis_url)
    known, sentinels.masters = sentinels.masters, []
    with behind(sentinels, max_connections=2) as lines:
        for _ in range(3):
            with pytest.raises(MasterNotFoundError):
                lines.ask(("PING",))
        sentinels.masters = known
        assert lines.ask(("PING",)) == b"PONG"


def test_a_call_goes_on_where_no_thread_can_be_begun_to_ask_the_sentinels(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    with behind(Sentinels(redis_url)) as lines:
        following_of(lines)._next = 0.0
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", refuse)
            assert lines.ask(("PING",)) == b"PONG"
        assert not following_of(lines)._asking.locked()

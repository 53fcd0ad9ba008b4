"""What a server that refuses makes us say, and whether we ask again: on every server there is.

The codes are the same on all of them; where they stand is not. Redis 6 wraps what fails in a script
in a sentence of its own, from 7 on it is said plainly, and redis-py takes some codes off the text
for a class of their own. A health check (`try_write`) is refused as a turn is, for the same reason.
"""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial

import pytest
import redis

from tests.redis_server import RedisServer, binaries, free_port, redis_servers, wait_until
from wechat_dialog.core.store.try_write import try_write
from wechat_dialog.core.store.values import Claim, Write
from wechat_dialog.errors import StoreError
from wechat_dialog.stores.redis import AsyncRedisStore, RedisStore
from wechat_dialog.testing.store_contract.asking import begin, granted

Servers = Callable[..., RedisServer]


@pytest.fixture(scope="module", params=binaries())
def make(request: pytest.FixtureRequest) -> Iterator[Servers]:
    with redis_servers() as make:
        yield partial(make, program=binaries()[request.param])


@pytest.fixture(scope="module")
def server(make: Servers) -> RedisServer:
    return make()


@pytest.fixture
def store(server: RedisServer) -> Iterator[RedisStore]:
    server.ask("FLUSHALL")
    with closing(RedisStore(server.url, patience=0.1)) as store:
        granted(store.claim(Claim("warm", "k", lease=5)))  # the server knows the script
        yield store


def refusal(store: RedisStore) -> str:
    with pytest.raises(StoreError) as raised:
        store.claim(Claim("ada", "k", lease=5))
    said = str(raised.value)
    assert without_cause(said) == looked(store)
    return said


def looked(store: RedisStore) -> str:
    """Return what both faces say of a store that would take no write; without the server's words:
    not every refusal of one cause has the same.
    """

    async def on_a_loop() -> None:
        face = store.for_async()
        try:
            await try_write(face, 0.2)
        finally:
            await face.close()

    with pytest.raises(StoreError) as raised:
        try_write(store, 0.2)
    with pytest.raises(StoreError) as raised_on_a_loop:
        asyncio.run(on_a_loop())
    said = without_cause(str(raised.value))
    assert without_cause(str(raised_on_a_loop.value)) == said
    return said


def without_cause(said: str) -> str:
    return said.partition(" (")[0]


def test_no_memory_left(make: Servers) -> None:
    server = make(options={"maxmemory": "3mb", "maxmemory-policy": "noeviction"})
    with closing(RedisStore(server.url)) as store:
        fence = granted(store.claim(Claim("ada", "k", lease=60))).fence
        with pytest.raises(StoreError, match=r"no memory left: raise maxmemory"):  # noqa: PT012
            for _ in range(20):
                store.record("ada", fence, Write(b"h", (b"x" * 500_000,)))
        server.ask("CONFIG", "SET", "maxmemory", "1mb")  # a look needs no more than a few bytes
        assert "no memory left: raise maxmemory" in looked(store)


def test_busy_with_a_script(server: RedisServer, store: RedisStore) -> None:
    server.ask("CONFIG", "SET", "lua-time-limit", 10)
    with server.client() as client:

        def spin() -> None:
            with suppress(redis.ResponseError):
                client.eval("while true do end", 0)

        spinning = threading.Thread(target=spin)
        spinning.start()

        def busy() -> bool:
            try:
                return not server.ask("PING")
            except redis.ResponseError as error:
                return "BUSY" in str(error)

        wait_until(busy, "the server to be busy")
        assert "is busy with a script" in refusal(store)
        server.ask("SCRIPT", "KILL")
        spinning.join()
    granted(store.claim(Claim("ada", "k", lease=5)))


def test_a_server_that_is_busy_for_a_moment_is_asked_again(server: RedisServer) -> None:
    server.ask("CONFIG", "SET", "lua-time-limit", 10)
    script = """
        local function now() local t = redis.call('TIME') return t[1] + t[2] / 1e6 end
        local start = now()
        while now() - start < 0.3 do end
    """
    with server.client() as client, closing(RedisStore(server.url, patience=20)) as store:
        spinning = threading.Thread(target=client.eval, args=(script, 0))
        spinning.start()
        for number in range(100):
            granted(store.claim(Claim(f"user {number}", "k", lease=5)))
            if not spinning.is_alive():
                break
        spinning.join()


def test_too_few_replicas(server: RedisServer, store: RedisStore) -> None:
    server.ask("CONFIG", "SET", "min-replicas-to-write", 1)
    try:
        assert "too few replicas follow it (min-replicas-to-write)" in refusal(store)
    finally:
        server.ask("CONFIG", "SET", "min-replicas-to-write", 0)
    granted(store.claim(Claim("ada", "k", lease=5)))


def test_a_disk_that_takes_nothing(make: Servers) -> None:
    server = make()
    server.ask("CONFIG", "SET", "save", "3600 1000")
    with closing(RedisStore(server.url, patience=0.1)) as store:
        granted(store.claim(Claim("warm", "k", lease=5)))
        shutil.rmtree(server.folder)
        with suppress(redis.ResponseError):
            server.ask("BGSAVE")
        state = "rdb_last_bgsave_status"
        wait_until(lambda: server.ask("INFO", "persistence")[state] == "err", "saving to fail")
        assert "cannot save to its disk" in refusal(store)


def test_a_replica(make: Servers, server: RedisServer) -> None:
    replica = make()
    replica.ask("REPLICAOF", "127.0.0.1", server.port)
    with closing(RedisStore(replica.url, patience=0.1)) as store:
        assert "is a replica: give the master's URL" in refusal(store)
        replica.ask("CONFIG", "SET", "replica-serve-stale-data", "no")
        replica.ask("REPLICAOF", "127.0.0.1", 1)
        assert "is a replica: give the master's URL" in refusal(store)


def test_a_user_that_may_not(server: RedisServer) -> None:
    server.ask("ACL", "SETUSER", "reader", "on", ">word", "~*", "+get")
    url = server.url.replace("redis://", "redis://reader:word@")
    with closing(RedisStore(url, patience=60)) as store:
        said = refusal(store)
        assert "its user may not do all that is needed" in said
        assert "word" not in said


ALLOWED = ("~{wechat-dialog:*", "+@read", "+@write", "+@scripting", "+time", "+info")
NEEDED = ("evalsha", "lrange", "time", "set", "hgetall", "zrangebyscore")


@pytest.mark.parametrize("command", NEEDED)
def test_a_user_that_may_do_all_but_one_thing(server: RedisServer, command: str) -> None:
    server.ask("FLUSHALL")
    server.ask("ACL", "SETUSER", "most", "reset", "on", ">word", *ALLOWED, f"-{command}")
    url = server.url.replace("redis://", "redis://most:word@")
    with closing(RedisStore(url, patience=60)) as store:
        assert_says(store, "its user may not do all that is needed", command)


@pytest.mark.parametrize(
    "command", ["evalsha", "lrange", "time", "set", "hgetall", "zrangebyscore"]
)
def test_a_command_that_was_renamed(make: Servers, command: str) -> None:
    server = make(options={"rename-command": f'{command}" "renamed_{command}'})
    with closing(RedisStore(server.url, patience=60)) as store:
        assert_says(store, "it does not know a command that is needed", command)


def assert_says(store: RedisStore, what: str, command: str) -> None:
    with pytest.raises(StoreError, match=what) as raised:  # noqa: PT012
        begin(store, b"1")
        store.end("ada")
        store.due("gh_1", 1, 5.0)
        for found in (store.list(), [store.show("ada")]):
            list(found)
    assert command in str(raised.value).lower()


def test_a_walk_that_is_refused_says_why(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.ask("ACL", "SETUSER", "most", "reset", "on", ">word", *ALLOWED, "-scan")
    url = server.url.replace("redis://", "redis://most:word@")
    with closing(RedisStore(url)) as store:
        store.due("gh_1", 1, 5.0)
    assert "its user may not do all that is needed" in caplog.text
    assert "'scan'" in caplog.text


def test_a_wrong_password(server: RedisServer) -> None:
    url = server.url.replace("redis://", "redis://reader:wrong@")
    with closing(RedisStore(url, patience=60)) as store:
        assert "check user and password" in refusal(store)


def test_a_server_that_is_no_cluster(server: RedisServer) -> None:
    with closing(RedisStore(f"redis+cluster://127.0.0.1:{server.port}", patience=60)) as store:
        assert "it is no cluster: begin the URL of the store with redis://" in refusal(store)


@pytest.mark.parametrize("password", ["word", "wrong"])
def test_a_node_that_does_not_tell_who_has_which_slots(make: Servers, password: str) -> None:
    node = make(cluster=True)
    node.ask("ACL", "SETUSER", "most", "reset", "on", ">word", *ALLOWED)
    url = f"redis+cluster://most:{password}@127.0.0.1:{node.port}"
    says = {"word": "its user may not do all that is needed", "wrong": "check user and password"}

    async def ask() -> None:
        store = AsyncRedisStore(url, patience=60)
        try:
            await store.claim(Claim("ada", "k", lease=5))
        finally:
            await store.close()

    with closing(RedisStore(url, patience=60)) as store:
        assert says[password] in refusal(store)
    with pytest.raises(StoreError, match=says[password]):
        asyncio.run(ask())


def test_sentinels_that_know_no_master_are_told_in_one_sentence() -> None:
    url = f"redis+sentinel://127.0.0.1:{free_port()}/mymaster/0"
    with (
        closing(RedisStore(url, patience=0.1)) as store,
        pytest.raises(StoreError) as raised,
    ):
        store.claim(Claim("ada", "k", lease=5))
    assert str(raised.value) == (
        "Redis store: it does not answer: check that it runs and can be reached "
        "(No master found for 'mymaster')"
    )

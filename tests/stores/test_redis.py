"""What only the Redis store has to prove: keys, and servers that vanish, stall and come back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
import redis

from tests.redis_server import RedisServer, wait_until
from tests.stores.counting import count_in_processes
from wechat_dialog.core.store.kept import Parked
from wechat_dialog.core.store.values import Answered, Claim, Commit, Committed, Running, Write
from wechat_dialog.errors import ClaimLost, ConfigurationError, StoreError
from wechat_dialog.stores.redis import AsyncRedisStore, RedisStore
from wechat_dialog.testing.store_contract.asking import begin, committed, granted

Servers = Callable[..., RedisServer]


@pytest.fixture
def store(redis_url: str) -> Iterator[RedisStore]:
    store = RedisStore(redis_url)
    yield store
    store.close()


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with closing(redis.Redis.from_url(redis_url)) as client:
        yield client


def keys(client: redis.Redis) -> list[str]:
    return sorted(str(key, "utf-8") for key in client.scan_iter())


def full(store: RedisStore, user: str = "ada") -> Committed:
    """Leave something under every key that a user can have."""
    fence = granted(store.claim(Claim(user, "k1", lease=5))).fence
    write = Write(b'{"at":1}', (b'{"a":1}', b'{"b":2}'), data=b"{}", park=(Parked("p", b"{}"),))
    made = committed(store.commit(Commit(user, "k1", write, reply=b"hi", fence=fence)))
    store.claim(Claim(user, "k2", lease=5))
    return made


# Keys ------------------------------------------------------------------------------------------


def test_all_keys_of_a_user_share_one_hash_tag_and_expire(
    store: RedisStore, client: redis.Redis
) -> None:
    full(store)
    store.defer("ada", "k2", b"said")
    assert keys(client) == [
        "{wechat-dialog:ada}:a:k2",
        "{wechat-dialog:ada}:c",
        "{wechat-dialog:ada}:d",
        "{wechat-dialog:ada}:h",
        "{wechat-dialog:ada}:j",
        "{wechat-dialog:ada}:p",
    ]
    forever = [key for key in keys(client) if client.ttl(key) == -1]
    assert forever == ["{wechat-dialog:ada}:d"]


def test_a_key_format_names_all_keys(redis_url: str, client: redis.Redis) -> None:
    store = RedisStore(redis_url, key_format="%(user)s")
    full(store, "demo:oABC")
    assert {key.partition("}")[0] for key in keys(client)} == {"{demo:oABC"}
    assert [line.user for line in store.list("demo:")] == ["demo:oABC"]
    store.close()


def test_a_tag_that_a_brace_would_break_is_escaped(redis_url: str, client: redis.Redis) -> None:
    store = RedisStore(redis_url, key_format="%(user)s")
    full(store, "}x")
    assert {key.partition("}")[0] for key in keys(client)} == {"{%7Dx"}
    assert [line.user for line in store.list()] == ["}x"]
    store.close()


def test_a_key_format_without_the_user_is_an_error(redis_url: str) -> None:
    with pytest.raises(ConfigurationError, match="key_format"):
        RedisStore(redis_url, key_format="everybody")


def test_a_journal_is_a_list_of_json(store: RedisStore, client: redis.Redis) -> None:
    full(store)
    records: list[bytes] = client.lrange("{wechat-dialog:ada}:j", 0, -1)  # type: ignore[assignment]
    assert [json.loads(record) for record in records] == [{"a": 1}, {"b": 2}]


def test_stores_with_other_prefixes_do_not_meet(redis_url: str, store: RedisStore) -> None:
    other = RedisStore(redis_url, prefix="other")
    full(store)
    assert other.show("ada") is None
    assert not list(other.list())
    other.close()


def test_a_strangers_keys_are_not_listed(store: RedisStore, client: redis.Redis) -> None:
    client.set("{wechat-dialog:x}:zzz", "1")
    client.set("{wechat-dialog:y", "1")
    full(store)
    assert [line.user for line in store.list()] == ["ada"]


def test_an_operation_is_one_command_on_a_connection_that_stays(
    store: RedisStore, client: redis.Redis
) -> None:
    def turns(revision: int, name: str) -> int:
        for turn in range(5):
            write = Write(b"h", (b"1",))
            made = store.commit(
                Commit("ada", f"{name} {turn}", write, reply=b"", revision=revision)
            )
            fence = granted(store.claim(Claim("ada", f"{name} {turn}b", lease=5))).fence
            made = store.commit(Commit("ada", f"{name} {turn}b", write, reply=b"", fence=fence))
            revision = committed(made).revision
        return revision

    revision = turns(begin(store).revision, "first")  # the server learns the scripts
    client.config_resetstat()
    turns(revision, "then")
    stats = client.info("commandstats")
    assert stats["cmdstat_evalsha"]["calls"] == 15
    assert "cmdstat_eval" not in stats
    assert client.info("stats")["total_connections_received"] == 0


def test_records_that_redis_evicted_take_the_conversation_along(
    store: RedisStore, client: redis.Redis
) -> None:
    revision = begin(store, b"1", b"2").revision
    client.delete("{wechat-dialog:ada}:j")
    refused = store.commit(Commit("ada", "k", Write(b"h", (b"3",)), reply=b"", revision=revision))
    assert type(refused).__name__ == "Conflict"
    begin(store, b"1", b"2", user="bob")
    client.delete("{wechat-dialog:bob}:j")
    assert granted(store.claim(Claim("bob", "k", lease=5))).length == 0


def test_a_fresh_conversation_takes_a_kibibyte_and_a_record_its_bytes_and_little_more(
    store: RedisStore, client: redis.Redis
) -> None:
    def used() -> int:
        # The last of the replies that live a millisecond may live still.
        return sum(client.memory_usage(key) or 0 for key in keys(client) if ":a:" not in str(key))

    user = "oX" + "y" * 26
    head = b"h" * 200
    record = b'{"p":1,"k":"0123456789abcdef","t":1700000000.0,"m":"' + b"z" * 20 + b'"}'
    fence = granted(store.claim(Claim(user, user + ":1", lease=5))).fence
    made = committed(
        store.commit(Commit(user, user + ":1", Write(head, (record,)), reply=b"r", fence=fence))
    )
    fresh = used()
    assert fresh <= 1024
    for turn in range(200):
        write = Write(head, (record,))
        # A remembered reply lives a minute, at a human's pace for a few turns only.
        made = committed(
            store.commit(
                Commit(user, f"{turn}", write, reply=b"", revision=made.revision, remember=0.001)
            )
        )
    assert (used() - fresh) / 200 <= len(record) + 15


# Asking twice ----------------------------------------------------------------------------------


class Doubled(RedisStore):
    """Sends every call twice, as if the first answer had got lost on the wire."""

    def _ask(self, command, script, call):  # type: ignore[no-untyped-def]
        super()._ask(command, script, call)
        return super()._ask(command, script, call)


def test_a_call_sent_twice_does_the_same_as_once(redis_url: str) -> None:
    store = Doubled(redis_url)
    claim = granted(store.claim(Claim("ada", "k1", lease=5)))
    assert claim.copies == 1
    made = store.record("ada", claim.fence, Write(b"h", (b"1",)))
    store.renew("ada", claim.fence, 5)
    waiting = store.claim(Claim("ada", "k2", lease=5))
    assert isinstance(waiting, Running)
    assert waiting.copies == 1
    made = committed(
        store.commit(Commit("ada", "k1", Write(b"h", (b"2",)), reply=b"r", fence=claim.fence))
    )
    claim = granted(store.claim(Claim("ada", "k2", lease=5)))
    assert (claim.revision, claim.records) == (made.revision, (b"1", b"2"))
    assert store.commit(Commit("ada", "k2", Write(b""), reply=b"", fence=claim.fence)) == Committed(
        0, 0
    )
    revision = begin(store, b"1", user="bob").revision
    made = committed(
        store.commit(Commit("bob", "k2", Write(b"h", (b"2",)), reply=b"", revision=revision))
    )
    made = committed(
        store.commit(Commit("bob", "k3", Write(b"h", data=b"x"), reply=b"", revision=made.revision))
    )
    shown = store.show("bob")
    assert shown is not None
    assert shown.records == (b"1", b"2")
    store.close()


# Servers that vanish, stall and come back ------------------------------------------------------


def test_a_server_that_forgot_the_scripts_is_told_them_again(
    store: RedisStore, client: redis.Redis
) -> None:
    revision = begin(store, b"1").revision
    client.script_flush()
    committed(store.commit(Commit("ada", "k", Write(b"h"), reply=b"", revision=revision)))


def test_nothing_is_lost_when_a_server_crashes_and_restarts(redis_server: Servers) -> None:
    server = redis_server(aof=True)
    store = RedisStore(server.url)
    revision = begin(store, b"1").revision
    server.restart(crash=True)
    made = committed(
        store.commit(Commit("ada", "k", Write(b"h", (b"2",)), reply=b"r", revision=revision))
    )
    server.restart()
    claim = granted(store.claim(Claim("ada", "k2", lease=5)))
    assert (claim.revision, claim.records) == (made.revision, (b"1", b"2"))
    assert store.claim(Claim("ada", "k", lease=5)) == Answered(b"r")
    store.close()


@pytest.mark.parametrize("kind", ["threads", "event loop"])
def test_connections_that_the_server_has_closed_cost_one_call_one_try(
    redis_server: Servers, kind: str
) -> None:
    """A crowd's connections, all closed by a restart: the next call must not try each of them."""
    crowd = 60  # more than there are tries in the store's patience
    server = redis_server()

    def claimed(number: int) -> tuple[str, str]:
        return f"user {number}", "k1"

    def on_threads() -> None:
        with closing(RedisStore(server.url)) as store:
            together = threading.Barrier(crowd)

            def claim(number: int) -> None:
                together.wait()
                store.claim(Claim(*claimed(number), lease=5))

            threads = [threading.Thread(target=claim, args=(number,)) for number in range(crowd)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert close_all(server) > 13
            granted(store.claim(Claim("afterwards", "k1", lease=5)))

    async def on_loop() -> None:
        store = AsyncRedisStore(server.url)
        await asyncio.gather(
            *(store.claim(Claim(*claimed(number), lease=5)) for number in range(crowd))
        )
        assert close_all(server) > 13
        granted(await store.claim(Claim("afterwards", "k1", lease=5)))
        await store.close()

    if kind == "threads":
        on_threads()
    else:
        asyncio.run(on_loop())


def close_all(server: RedisServer) -> int:
    """Let a server close every connection but our own; returns how many those were."""
    with closing(redis.Redis.from_url(server.url)) as client:
        return int(client.client_kill_filter(_type="normal", skipme=True))


def test_an_unreachable_server_is_an_error_until_it_is_back(redis_server: Servers) -> None:
    server = redis_server(aof=True)
    store = RedisStore(server.url, patience=0.2)
    begin(store, b"1")
    server.kill()
    with pytest.raises(StoreError, match="check that it runs and can be reached") as raised:
        store.claim(Claim("ada", "k", lease=5))
    assert isinstance(raised.value.__cause__, redis.ConnectionError)
    with pytest.raises(StoreError, match="check that it runs"):
        list(store.list())
    server.start()
    assert granted(store.claim(Claim("ada", "k", lease=5))).records == (b"1",)
    store.close()


def test_a_stalled_server_is_an_error_until_it_goes_on(redis_server: Servers) -> None:
    server = redis_server()
    store = RedisStore(server.url + "?socket_timeout=0.2", patience=0.3)
    revision = begin(store, b"1").revision
    with server.frozen(), pytest.raises(StoreError, match="does not answer"):
        store.commit(Commit("ada", "k", Write(b"h", (b"2",)), reply=b"r", revision=revision))
    # The commit was sent, perhaps twice: it is done by now, once, or it was not.
    claim = store.claim(Claim("ada", "k", lease=5))
    if isinstance(claim, Answered):
        assert claim.reply == b"r"
        claim = store.claim(Claim("ada", "k2", lease=5))
    assert granted(claim).records in ((b"1",), (b"1", b"2"))
    store.close()


@pytest.mark.parametrize("kind", ["fast", "whole"])
def test_a_commit_whose_sender_gave_up_is_not_done_when_the_server_goes_on(
    redis_server: Servers, kind: str
) -> None:
    """Its user got an apology: the pending question is the last one that they have seen."""
    server = redis_server()
    store = RedisStore(server.url + "?socket_timeout=0.2", patience=0.3)
    begun = begin(store, b"1")
    extra = None if kind == "fast" else b"{}"  # the script that knows every form of a write
    write = Write(b"h", (b"2",), data=extra)
    # Once before, so that the server knows the script.
    begun = committed(store.commit(Commit("ada", "j", write, reply=b"r", revision=begun.revision)))
    with server.frozen(), pytest.raises(StoreError, match="does not answer"):
        store.commit(Commit("ada", "k", write, reply=b"r", revision=begun.revision))
    after = granted(store.claim(Claim("ada", "k", lease=5)))
    assert (after.records, after.revision) == ((b"1", b"2"), begun.revision)
    store.close()


def test_a_claim_is_given_back_to_a_stalled_server_once() -> None:
    asked: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(0.01)
        port = silent.getsockname()[1]
        store = RedisStore(f"redis://127.0.0.1:{port}/0?socket_timeout=0.05", patience=0.5)
        with pytest.raises(StoreError, match="does not answer"):
            store.release("ada", 7)
        with contextlib.suppress(TimeoutError):
            while True:
                asked.append(silent.accept()[0])
        store.close()
    for one in asked:
        one.close()
    # One connection, and none more to try again: its user waits for an apology meanwhile.
    assert len(asked) == 1


def test_a_server_that_stalls_shorter_than_our_patience_is_waited_for(
    redis_server: Servers,
) -> None:
    server = redis_server()
    store = RedisStore(server.url + "?socket_timeout=0.2", patience=20)
    fence = granted(store.claim(Claim("ada", "k", lease=60))).fence
    server.freeze()
    timer = threading.Timer(0.7, server.thaw)
    timer.start()
    store.record("ada", fence, Write(b"h", (b"1",)))
    timer.join()
    committed(store.commit(Commit("ada", "k", Write(b"h", (b"2",)), reply=b"", fence=fence)))
    shown = store.show("ada")
    assert shown is not None
    assert shown.records == (b"1", b"2")
    store.close()


def test_an_async_store_outlives_crashes_and_reports_outages(redis_server: Servers) -> None:
    server = redis_server(aof=True)

    async def turns() -> None:
        store = AsyncRedisStore(server.url + "?socket_timeout=0.2", patience=0.3)
        fence = granted(await store.claim(Claim("ada", "k", lease=60))).fence
        server.restart(crash=True)
        await store.record("ada", fence, Write(b"h", (b"1",)))
        server.kill()
        with pytest.raises(StoreError, match="does not answer"):
            await store.record("ada", fence, Write(b"h", (b"2",)))
        server.start()
        with server.frozen(), pytest.raises(StoreError, match="does not answer"):
            await store.release("ada", fence + 1)
        committed(
            await store.commit(Commit("ada", "k", Write(b"h", (b"3",)), reply=b"", fence=fence))
        )
        claim = granted(await store.claim(Claim("ada", "k2", lease=60)))
        assert claim.records == (b"1", b"3")
        await store.close()

    asyncio.run(turns())


def test_a_cancelled_call_leaves_no_answer_for_the_next(redis_server: Servers) -> None:
    server = redis_server()

    async def turns() -> None:
        store = AsyncRedisStore(server.url)
        assert await store.defer("ada", "k0") is None
        with server.frozen():
            waiting = asyncio.create_task(store.claim(Claim("ada", "k1", lease=60)))
            await asyncio.sleep(0.05)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        assert await store.defer("ada", "k2") is None
        await store.close()

    asyncio.run(turns())


def test_claims_are_renewed_as_soon_as_the_server_is_there_again(redis_server: Servers) -> None:
    server = redis_server(aof=True)
    with closing(RedisStore(server.url)) as store:
        claims = [
            (user, granted(store.claim(Claim(user, "k", lease=60))).fence)
            for user in ("ada", "bob")
        ]
        assert store.renew_all(claims, 60, 5.0) == [None, None]
        server.restart(crash=True)  # its connections and its scripts are gone
        assert store.renew_all(claims, 60, 5.0) == [None, None]
        with server.frozen():
            for one in store.renew_all(claims, 60, 0.1):
                assert "does not answer" in str(one)
        wait_until(lambda: store.renew_all(claims, 60, 5.0) == [None, None], "the server to go on")


def test_a_replica_is_an_error_that_says_so(redis_server: Servers) -> None:
    master, replica = redis_server(), redis_server()
    replica.ask("REPLICAOF", "127.0.0.1", master.port)
    store = RedisStore(replica.url, patience=0.2)
    with pytest.raises(StoreError, match="is a replica: give the master's URL"):
        store.claim(Claim("ada", "k", lease=5))
    replica.ask("REPLICAOF", "NO", "ONE")
    granted(store.claim(Claim("ada", "k", lease=5)))
    store.close()


# Clients ---------------------------------------------------------------------------------------


def test_a_client_that_decodes_is_refused(redis_url: str) -> None:
    with (
        redis.Redis.from_url(redis_url, decode_responses=True) as client,
        pytest.raises(ConfigurationError, match="decode_responses=False"),
    ):
        RedisStore(client)


def test_a_url_cannot_make_it_decode(redis_url: str) -> None:
    store = RedisStore(redis_url + "?decode_responses=True")
    begin(store, b"\xff")
    store.close()


def test_a_unix_socket_will_do(redis_server: Servers) -> None:
    server = redis_server(unix=True)
    store = RedisStore(server.url)
    begin(store, b"1")

    async def look() -> None:
        face = store.for_async()
        assert granted(await face.claim(Claim("ada", "k", lease=5))).records == (b"1",)
        await face.close()

    asyncio.run(look())
    store.close()


def test_processes_at_once_lose_nothing(redis_url: str, store: RedisStore) -> None:
    assert count_in_processes(redis_url, store) == list(range(60))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_after_a_fork_both_go_on(store: RedisStore) -> None:
    revision = begin(store, b"1").revision
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            for turn in range(50):
                made = store.commit(
                    Commit("ada", f"c{turn}", Write(b"h", (b"2",)), reply=b"", revision=revision)
                )
                revision = committed(made).revision
            status = 0
        finally:
            os._exit(status)
    for turn in range(50):
        begin(store, user=f"user {turn}")
    assert os.waitpid(pid, 0)[1] == 0
    assert granted(store.claim(Claim("ada", "p", lease=5))).length == 51


def test_a_claim_lost_says_what_to_do(store: RedisStore) -> None:
    with pytest.raises(ClaimLost, match="start the turn again"):
        store.renew("ada", 7, 5)

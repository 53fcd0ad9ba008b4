"""Time and the mailbox in Redis: what is only there, such as an index apart from its users."""

from __future__ import annotations

import itertools
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.proxy import Proxy
from tests.redis_server import redis_servers
from tests.redis_topology import Cluster, start_cluster
from tests.stores.redis_clock import CLOCK, KEY, advance
from wechat_dialog.core.store.kept import Aside
from wechat_dialog.core.store.times import Due, Mail, Post, Posted, Wake
from wechat_dialog.core.store.values import (
    Claim,
    Claimed,
    Commit,
    Conflict,
    Running,
    Unclaimed,
    Write,
)
from wechat_dialog.errors import StoreError
from wechat_dialog.stores.redis import RedisStore, scripts
from wechat_dialog.testing.store_contract.asking import (
    HEAD,
    LONG,
    ONE,
    TWO,
    begin,
    committed,
    granted,
)
from wechat_dialog.testing.store_contract.index import ACCOUNT, timed, users

INDEX = f"{{wechat-dialog:due:0}}:z:{ACCOUNT}"
START = 1_700_000_000
RECORDED = Path(__file__).parent / "recorded" / "redis-scripts-before-time"


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with closing(redis.Redis.from_url(redis_url)) as client:
        client.set(KEY, START * 1_000_000)
        yield client


@pytest.fixture
def store(redis_url: str, client: redis.Redis) -> Iterator[RedisStore]:
    """A store by the test's own time."""
    assert client.ping()
    with closing(RedisStore(redis_url, _clock=CLOCK)) as store:
        store._times._walk._asks_at = float("inf")
        yield store


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with start_cluster(2) as cluster:
        yield cluster


@pytest.fixture
def apart(cluster: Cluster) -> Iterator[RedisStore]:
    """A store whose index has servers of its own."""
    cluster.flush()
    with closing(RedisStore(f"redis+cluster://127.0.0.1:{cluster.nodes[0].port}")) as store:
        yield store


def keys(client: redis.Redis) -> list[str]:
    """Names of a user's keys, without what all of them begin with."""
    found = (str(key, "utf-8") for key in client.scan_iter("{wechat-dialog:ada}*"))
    return sorted(key.partition("}:")[2] for key in found)


def wake(seconds: float) -> Wake:
    return Wake(ACCOUNT, round((START + seconds) * 1000))


def set_time(store: RedisStore, key: str, at: Wake | None, **more: object) -> None:
    fence = granted(store.claim(Claim("ada", key, lease=LONG))).fence
    write = Write(HEAD, (ONE,), ttl=LONG, wake=at, **more)  # type: ignore[arg-type]
    committed(store.commit(Commit("ada", key, write, reply=b"", fence=fence)))


# What lies where -------------------------------------------------------------------------------


def test_a_user_without_time_has_no_key_more(store: RedisStore, client: redis.Redis) -> None:
    begin(store, ONE, ttl=LONG)
    assert keys(client) == ["h", "j"]
    assert client.get("{wechat-dialog:ada}:h")[:1] == b"\t"  # type: ignore[index]


def test_one_with_a_time_has_it_in_h_and_no_longer_than_it_is_said(
    store: RedisStore, client: redis.Redis
) -> None:
    set_time(store, "k1", wake(60), aside=(Aside("a", b"1"),))
    assert keys(client) == ["b", "h", "j", "t"]
    assert client.get("{wechat-dialog:ada}:h")[:1] == b"\v"  # type: ignore[index]
    assert all(int(client.ttl(f"{{wechat-dialog:ada}}:{key}")) > 7 * 86400 for key in "bhjt")
    set_time(store, "k2", None, unaside=("a",))
    assert client.get("{wechat-dialog:ada}:h")[:1] == b"\t"  # type: ignore[index]
    assert "b" not in keys(client)


@pytest.mark.parametrize("how", ["empty", "forgotten"])
def test_what_is_aside_leaves_nothing_behind(
    store: RedisStore, client: redis.Redis, how: str
) -> None:
    set_time(store, "k1", wake(60), aside=(Aside("a", b"1"),))
    store.post(Post("ada", ACCOUNT, "wx1", b"paid"))
    fence = granted(store.claim(Claim("ada", "k2", lease=LONG))).fence
    write = Write(b"", forget=how == "forgotten")
    committed(store.commit(Commit("ada", "k2", write, reply=b"", fence=fence)))
    assert set(keys(client)) & set("bjtmid") == (set("mi") if how == "empty" else set())


def test_what_is_aside_is_kept_for_as_long_as_its_head(
    store: RedisStore, client: redis.Redis
) -> None:
    set_time(store, "k1", wake(60), aside=(Aside("a", b"1"),))
    fence = granted(store.claim(Claim("ada", "k2", lease=LONG))).fence
    write = Write(HEAD, (TWO,), ttl=60 * 86400.0)
    committed(store.commit(Commit("ada", "k2", write, reply=b"", fence=fence)))
    assert int(client.ttl("{wechat-dialog:ada}:b")) > 60 * 86400


def test_an_index_has_an_entry_for_each_time_and_none_is_overwritten(
    store: RedisStore, client: redis.Redis
) -> None:
    for key, seconds in (("k1", 60), ("k2", 30), ("k3", 60), ("k4", 90)):
        set_time(store, key, wake(seconds))
    entries: Any = client.zrange(INDEX, 0, -1, withscores=True)
    assert entries == [
        (f"{wake(seconds).at}:ada".encode(), wake(seconds).at * 1000.0) for seconds in (30, 60, 90)
    ]


def test_a_write_that_says_the_same_time_leaves_its_lease(
    store: RedisStore, client: redis.Redis
) -> None:
    set_time(store, "k1", wake(-5))
    (due,) = store.due(ACCOUNT, 10, LONG).entries
    claim = granted(store.claim(Claim("ada", "fire", lease=LONG, fires=due)))
    store.record("ada", claim.fence, Write(HEAD, (TWO,), ttl=LONG, wake=wake(-5)))
    assert store.due(ACCOUNT, 10, LONG).entries == ()
    write = Write(HEAD, ttl=LONG)
    committed(store.commit(Commit("ada", "fire", write, reply=b"", fence=claim.fence, fires=due)))
    assert client.zcard(INDEX) == 0


def test_what_goes_on_by_itself_leaves_no_entry(store: RedisStore, client: redis.Redis) -> None:
    set_time(store, "k1", None)
    due = Due("ada", START * 1000, account=ACCOUNT)
    claim = granted(store.claim(Claim("ada", "fire", lease=LONG, fires=due)))
    store.record("ada", claim.fence, Write(HEAD, (TWO,), ttl=LONG, wake=wake(0)))
    write = Write(HEAD, ttl=LONG)
    committed(store.commit(Commit("ada", "fire", write, reply=b"", fence=claim.fence, fires=due)))
    assert client.zcard(INDEX) == 0


def test_an_entry_that_was_written_anew_meanwhile_stays(
    store: RedisStore, client: redis.Redis
) -> None:
    set_time(store, "k1", wake(-5))
    (due,) = store.due(ACCOUNT, 10, LONG).entries
    set_time(store, "k2", None)
    set_time(store, "k3", wake(-5))
    store.undue(due)
    claim = granted(store.claim(Claim("ada", "fire", lease=LONG, fires=due)))
    commit = Commit("ada", "fire", Write(HEAD), reply=b"", fence=claim.fence, fires=due)
    committed(store.commit(commit))
    assert client.zcard(INDEX) == 1


@pytest.mark.parametrize("together", [True, False])
def test_an_entry_that_is_written_anew_during_a_look_stays(
    store: RedisStore, client: redis.Redis, redis_url: str, together: bool
) -> None:
    set_time(store, "k1", wake(-90))
    with closing(Interrupted(redis_url, _clock=CLOCK)) as looking:
        looking._times._walk._asks_at = float("inf")
        looking._times._together = together
        (due,) = looking.due(ACCOUNT, 10, LONG).entries
        set_time(store, "k2", None)
        looking.meanwhile = lambda: set_time(store, "k3", wake(-90))
        looking.undue(due)
    assert client.zrange(INDEX, 0, -1) == [f"{wake(-90).at}:ada".encode()]


class Interrupted(RedisStore):
    """Somebody else does something before an entry may be dropped."""

    meanwhile: Callable[[], None]

    def _ask(self, command, script, call):  # type: ignore[no-untyped-def]
        scripts = self._times._scripts
        drops = scripts.when if self._times._together else scripts.index_drop
        if call.script.sha == drops.sha:
            meanwhile, self.meanwhile = self.meanwhile, lambda: None
            meanwhile()
        return super()._ask(command, script, call)


def test_what_is_idle_is_gone_at_once(store: RedisStore, client: redis.Redis) -> None:
    client.zadd(INDEX, {f"{START * 1000}:ada": START * 1_000_000})
    (due,) = store.due(ACCOUNT, 10, 0.0).entries
    store.undue(due)
    assert client.zcard(INDEX) == 0


def test_apart_what_is_idle_is_looked_at_ever_less_and_gone_after_a_minute(
    store: RedisStore, client: redis.Redis
) -> None:
    store._times._together = False
    client.zadd(INDEX, {f"{START * 1000}:ada": START * 1_000_000})
    looked = []
    for second in range(100):
        for due in store.due(ACCOUNT, 10, 0.0).entries:
            looked.append(second)
            store.undue(due)
        advance(client, 1)
    assert looked[0] == 0
    assert looked[-1] >= 60
    assert len(looked) <= 7
    assert client.zcard(INDEX) == 0


def test_a_user_who_has_the_claim_keeps_their_entry(store: RedisStore, client: redis.Redis) -> None:
    client.zadd(INDEX, {f"{START * 1000 - 90_000}:ada": START * 1_000_000 - 90_000_000})
    fence = granted(store.claim(Claim("ada", "k", lease=LONG))).fence
    (due,) = store.due(ACCOUNT, 10, 0.0).entries
    store.undue(due)
    assert client.zcard(INDEX) == 1
    store.release("ada", fence)
    store.undue(due)
    assert client.zcard(INDEX) == 0


def test_what_is_due_stays_though_somebody_says_it_is_not(
    store: RedisStore, client: redis.Redis
) -> None:
    set_time(store, "k1", wake(-90))
    (due,) = store.due(ACCOUNT, 10, 0.0).entries
    store.undue(due)
    assert client.zcard(INDEX) == 1


def test_a_time_that_was_moved_on_is_in_the_index_after_a_look(
    store: RedisStore, client: redis.Redis
) -> None:
    set_time(store, "k1", wake(-90))
    look = store.claim(Claim("ada", "k2", lease=LONG, optimistic=True))
    assert isinstance(look, Unclaimed)
    write = Write(HEAD, ttl=LONG, wake=wake(90))
    committed(store.commit(Commit("ada", "k2", write, reply=b"", revision=look.revision)))
    (due,) = store.due(ACCOUNT, 10, 0.0).entries
    store.undue(due)
    assert client.zrange(INDEX, 0, -1) == [f"{wake(90).at}:ada".encode()]


# Between index and head ------------------------------------------------------------------------


class Died(BaseException):
    """A worker that is no more."""


class Dies(RedisStore):
    """Its worker dies before a call of some script, or after it."""

    before = after = ""

    def _ask(self, command, script, call):  # type: ignore[no-untyped-def]
        names = {
            self._times._scripts.write_timed.sha: "write",
            self._times._scripts.index_add.sha: "add",
            self._times._scripts.index_drop.sha: "drop",
            self._times._scripts.post.sha: "post",
        }
        name = names.get(call.script.sha, "")
        if name and name == self.before:
            raise Died
        answer = super()._ask(command, script, call)
        if name and name == self.after:
            raise Died
        return answer


@pytest.fixture
def dies(cluster: Cluster) -> Iterator[Dies]:
    cluster.flush()
    with closing(Dies(f"redis+cluster://127.0.0.1:{cluster.nodes[0].port}")) as store:
        yield store


def test_a_worker_that_dies_between_index_and_head_leaves_an_entry_that_means_nothing(
    dies: Dies, apart: RedisStore
) -> None:
    claim = granted(dies.claim(Claim("ada", "k", lease=0.05)))
    write = Write(HEAD, (ONE,), ttl=LONG, wake=Wake(ACCOUNT, claim.now - 70_000))
    dies.after = "add"
    with pytest.raises(Died):
        dies.commit(Commit("ada", "k", write, reply=b"", fence=claim.fence))
    assert apart.show("ada") is None
    (due,) = apart.due(ACCOUNT, 10, LONG).entries
    assert (due.user, due.at) == ("ada", claim.now - 70_000)
    again = apart.claim(Claim("ada", "fire", lease=0.0, arrival=False, fires=due))
    assert isinstance(again, Running | Claimed)
    assert apart.show("ada") is None
    while isinstance(apart.claim(Claim("ada", "k2", lease=0.0)), Running):
        pass
    apart.undue(due)
    assert apart.due(ACCOUNT, 10, 0.0).next is None


def test_one_that_dies_after_the_head_leaves_what_is_due(dies: Dies, apart: RedisStore) -> None:
    claim = granted(dies.claim(Claim("ada", "k", lease=LONG)))
    write = Write(HEAD, (ONE,), ttl=LONG, wake=Wake(ACCOUNT, claim.now))
    committed(dies.commit(Commit("ada", "k", write, reply=b"", fence=claim.fence)))
    assert users(apart.due(ACCOUNT, 10, 0.0)) == ["ada"]


def test_one_that_dies_between_the_firings_commit_and_the_index_leaves_an_entry_that_goes(
    dies: Dies, apart: RedisStore
) -> None:
    timed(apart, -70.0)
    (due,) = dies.due(ACCOUNT, 10, 0.0).entries
    claim = granted(dies.claim(Claim("ada", "fire", lease=LONG, fires=due)))
    dies.before = "drop"
    with pytest.raises(Died):
        dies.commit(Commit("ada", "fire", Write(HEAD), reply=b"", fence=claim.fence, fires=due))
    (left,) = apart.due(ACCOUNT, 10, 0.0).entries
    assert left.at == due.at
    apart.undue(left)
    assert apart.due(ACCOUNT, 10, 0.0).next is None


def test_who_dies_before_the_signal_is_kept_has_posted_nothing(
    dies: Dies, apart: RedisStore
) -> None:
    dies.before = "post"
    with pytest.raises(Died):
        dies.post(Post("ada", ACCOUNT, "wx1", b"paid"))
    (due,) = apart.due(ACCOUNT, 10, 0.0).entries
    assert granted(apart.claim(Claim("ada", "k", lease=0.0, fires=due))).signals == ()
    assert apart.post(Post("ada", ACCOUNT, "wx1", b"paid")).outcome == "kept"


def test_a_time_that_is_said_again_costs_a_cluster_one_round_trip(apart: RedisStore) -> None:
    timed(apart, 60.0)
    asked: list[str] = []
    ask = apart._ask

    def counted(command, script, call):  # type: ignore[no-untyped-def]
        asked.append(command)
        return ask(command, script, call)

    claim = granted(apart.claim(Claim("ada", "k", lease=LONG)))
    shown = apart.show("ada")
    assert shown is not None
    apart._ask = counted  # type: ignore[method-assign]
    write = Write(HEAD, (TWO,), ttl=LONG, wake=shown.wake)
    committed(apart.commit(Commit("ada", "k", write, reply=b"", fence=claim.fence)))
    assert asked == ["EVALSHA"]


def test_a_cluster_behind_one_address_is_found_out(cluster: Cluster) -> None:
    """As the proxies of managed Redis are: the URL is that of one server."""
    with start_cluster(1) as alone, closing(RedisStore(alone.url)) as store:
        at = timed(store, -1.0)
        assert at is not None
        (due,) = store.due(ACCOUNT, 10, LONG).entries
        claim = granted(store.claim(Claim("ada", "fire", lease=LONG, fires=due)))
        commit = Commit("ada", "fire", Write(HEAD), reply=b"", fence=claim.fence, fires=due)
        committed(store.commit(commit))
        assert store.due(ACCOUNT, 10, LONG).next is None
    with start_cluster(1) as alone, closing(RedisStore(alone.url)) as store:
        posted = store.post(Post("ada", ACCOUNT, "wx1", b"paid"))
        assert posted.outcome == "kept"
        assert users(store.due(ACCOUNT, 10, LONG)) == ["ada"]


# An answer that is lost ------------------------------------------------------------------------


@pytest.mark.parametrize("id", ["", "wx1"])
def test_a_signal_whose_answer_is_lost_is_kept_once(
    proxied: RedisStore, proxy: Proxy, id: str
) -> None:
    proxied.post(Post("bob", ACCOUNT, "", b"the script is known"))
    with lost(proxy, b"paid"):
        posted = proxied.post(Post("ada", ACCOUNT, id, b"paid"))
    assert posted.outcome == "kept"
    claim = granted(proxied.claim(Claim("ada", "k", lease=LONG)))
    assert claim.signals == (Mail(posted.number, b"paid"),)
    assert len(proxied.due(ACCOUNT, 10, 0.0).entries) == 2


def test_a_firing_whose_answer_is_lost_is_done_once_and_leaves_the_index_once(
    proxied: RedisStore, proxy: Proxy
) -> None:
    timed(proxied, -1.0, user="bob")
    timed(proxied, -1.0)
    bob, ada = sorted(proxied.due(ACCOUNT, 10, LONG).entries, key=lambda due: due.user == "ada")
    fence = granted(proxied.claim(Claim("bob", "fire", lease=LONG, fires=bob))).fence
    commit = Commit("bob", "fire", Write(HEAD), reply=b"", fence=fence, fires=bob)
    committed(proxied.commit(commit))
    claim = granted(proxied.claim(Claim("ada", "fire", lease=LONG, fires=ada)))
    write = Write(HEAD, (b"fired once",), ttl=LONG)
    with lost(proxy, b"fired once"):
        committed(
            proxied.commit(Commit("ada", "fire", write, reply=b"", fence=claim.fence, fires=ada))
        )
    shown = proxied.show("ada")
    assert shown is not None
    assert shown.records == (ONE, b"fired once")
    assert proxied.due(ACCOUNT, 10, 0.0).next is None


def test_an_entry_whose_answer_is_lost_comes_back_when_its_lease_is_over(
    proxied: RedisStore, proxy: Proxy
) -> None:
    timed(proxied, -1.0)
    proxied.due("gh_2", 10, LONG)
    with lost(proxy, ACCOUNT.encode()):
        dues = proxied.due(ACCOUNT, 10, 0.2)
    assert dues.entries == ()
    assert dues.next is not None
    while not (found := proxied.due(ACCOUNT, 10, LONG).entries):
        pass
    assert [due.user for due in found] == ["ada"]


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with redis_servers() as make, Proxy(make().port) as proxy:
        yield proxy


@pytest.fixture
def proxied(proxy: Proxy) -> Iterator[RedisStore]:
    with closing(RedisStore(f"redis://127.0.0.1:{proxy.port}", patience=20)) as store:
        yield store


@contextmanager
def lost(proxy: Proxy, text: bytes) -> Iterator[None]:
    """Lose the answer to what contains a text, and have all go on."""

    def restore() -> None:
        assert proxy.lost.wait(20)
        proxy.restore()

    proxy.lose_answer_to(text)
    restoring = threading.Thread(target=restore)
    restoring.start()
    yield
    restoring.join()


# The release before ----------------------------------------------------------------------------


@pytest.fixture
def before(
    store: RedisStore, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RedisStore]:
    """A worker that runs the scripts of before there was time; what it asks is the same."""
    source = scripts._source

    def recorded(name: str) -> str:
        path = RECORDED / f"{name}.lua"
        return path.read_text("utf-8") if path.exists() else source(name)

    with monkeypatch.context() as patched, closing(RedisStore(redis_url, _clock=CLOCK)) as before:
        patched.setattr(scripts, "_source", recorded)
        before._build(CLOCK)
        assert before._calls._scripts.claim != store._calls._scripts.claim
        yield before


def test_an_earlier_release_reads_whom_nothing_of_time_is_said_of(
    store: RedisStore, before: RedisStore
) -> None:
    made = begin(store, ONE, ttl=LONG)
    claim = granted(before.claim(Claim("ada", "k1", lease=LONG)))
    assert (claim.head, claim.records, claim.revision) == (HEAD, (ONE,), made.revision)
    write = Write(HEAD, (TWO,), ttl=LONG)
    made = committed(before.commit(Commit("ada", "k1", write, reply=b"", fence=claim.fence)))
    made = committed(before.commit(Commit("ada", "k2", write, reply=b"", revision=made.revision)))
    set_time(store, "k3", wake(60))
    set_time(store, "k4", None)
    assert granted(before.claim(Claim("ada", "k5", lease=LONG))).records == (
        ONE,
        TWO,
        TWO,
        ONE,
        ONE,
    )


def turns(store: RedisStore) -> None:
    """What is asked for a user who has no time and no signal: quick turns, claimed ones, a deferred
    one, one that is given back, and the end. (Data and what is parked are packed in another way
    than before, in as many arguments less.)
    """
    begin(store, ONE, ttl=LONG)
    look = store.claim(Claim("ada", "k1", lease=LONG, optimistic=True))
    assert isinstance(look, Unclaimed)
    write = Write(HEAD, (TWO,), ttl=LONG)
    committed(store.commit(Commit("ada", "k1", write, reply=b"one", revision=look.revision)))
    stale = Commit("ada", "k2", write, reply=b"two", revision=look.revision)
    assert isinstance(store.commit(stale), Conflict)
    fence = granted(store.claim(Claim("ada", "k3", lease=LONG, message=b"said"))).fence
    store.record("ada", fence, Write(HEAD, (ONE,), ttl=LONG))
    store.renew("ada", fence, LONG)
    assert isinstance(store.claim(Claim("ada", "k4", lease=LONG)), Running)
    assert store.defer("ada", "k3", b"said") is None
    committed(store.commit(Commit("ada", "k3", write, reply=b"three", fence=fence, deferred=True)))
    store.untaken("ada", "k3")
    fence = granted(store.claim(Claim("ada", "k4", lease=LONG))).fence
    store.release("ada", fence)
    fence = granted(store.claim(Claim("ada", "k6", lease=LONG))).fence
    committed(store.commit(Commit("ada", "k6", Write(b"", ttl=LONG), reply=b"bye", fence=fence)))


def watched(store: RedisStore, client: redis.Redis) -> list[tuple[str, str]]:
    """Who asks and what, of all these turns, word for word; a script counts by its place."""

    def start_over() -> None:
        client.flushdb()
        client.set(KEY, START * 1_000_000)

    start_over()
    turns(store)  # connects, and loads the scripts
    start_over()
    seen: list[tuple[str, str]] = []
    other = redis.Redis(connection_pool=client.connection_pool)
    with closing(other), other.monitor() as monitor:
        turns(store)
        client.echo("that was all")
        for line in monitor.listen():
            assert line is not None
            if "that was all" in line["command"]:
                break
            command = re.sub("^(EVALSHA) [0-9a-f]{40}", r"\1", line["command"])
            if not command.startswith(("HELLO ", "CLIENT ")):
                seen.append((line["client_type"], command))
    return seen


def test_turns_of_who_has_no_time_are_byte_for_byte_what_they_were(
    store: RedisStore, before: RedisStore, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[tuple[str, str]]] = []
    for version in (before, store):
        numbers = itertools.count()  # what a commit is known by where its answer is lost
        draw = lambda size, of=numbers: next(of).to_bytes(size, "big")  # noqa: E731
        with monkeypatch.context() as patched:
            patched.setattr(os, "urandom", draw)
            seen.append(watched(version, client))
    then, now = seen
    # What is in a Lua table has no order, nor where it is packed.
    for one, other in zip(now, then, strict=True):
        assert one == other or [sorted(word) for word in one] == [sorted(word) for word in other]
    assert {who for who, _ in then} == {"tcp", "lua"}
    assert len(then) > 60


def test_the_version_before_leaves_alone_of_whom_a_time_is_stored(
    store: RedisStore, before: RedisStore, client: redis.Redis
) -> None:
    set_time(store, "k1", wake(60), aside=(Aside("a", b"1"),))
    look = store.claim(Claim("ada", "k2", lease=LONG, optimistic=True))
    assert isinstance(look, Unclaimed)
    stored = {key: client.dump(key) for key in client.scan_iter("{wechat-dialog:ada}*")}
    commit = Commit("ada", "k2", Write(HEAD), reply=b"", revision=look.revision)
    for ask in (
        lambda: before.claim(Claim("ada", "k2", lease=LONG)),
        lambda: before.claim(Claim("ada", "k2", lease=LONG, optimistic=True)),
        lambda: before.commit(commit),
        lambda: before.defer("ada", "k2", b"said"),
        lambda: before.untaken("ada", "k1"),
    ):
        with pytest.raises(StoreError, match="refuses the command"):
            ask()
    assert {key: client.dump(key) for key in client.scan_iter("{wechat-dialog:ada}*")} == stored


def test_the_version_before_serves_who_has_a_signal_and_the_signal_stays(
    store: RedisStore, before: RedisStore
) -> None:
    begin(store, ONE, ttl=LONG)
    number = store.post(Post("ada", ACCOUNT, "wx1", b"paid")).number
    claim = granted(before.claim(Claim("ada", "k1", lease=LONG)))
    write = Write(HEAD, (TWO,), ttl=LONG)
    committed(before.commit(Commit("ada", "k1", write, reply=b"", fence=claim.fence)))
    (due,) = store.due(ACCOUNT, 10, 0.0).entries
    claim = granted(store.claim(Claim("ada", "fire", lease=LONG, fires=due)))
    assert claim.signals == (Mail(number, b"paid"),)


def test_what_an_earlier_release_drops_of_a_mailbox_is_found_by_a_firing(
    store: RedisStore, client: redis.Redis
) -> None:
    begin(store, ONE, ttl=LONG)
    number = store.post(Post("ada", ACCOUNT, "wx1", b"paid")).number
    client.delete("{wechat-dialog:ada}:c")
    assert isinstance(store.claim(Claim("ada", "k", lease=LONG, optimistic=True)), Unclaimed)
    (due,) = store.due(ACCOUNT, 10, 0.0).entries
    claim = granted(store.claim(Claim("ada", "fire", lease=LONG, fires=due)))
    assert claim.signals == (Mail(number, b"paid"),)
    store.release("ada", claim.fence)
    assert granted(store.claim(Claim("ada", "k", lease=LONG, optimistic=True))).signals
    assert store.post(Post("ada", ACCOUNT, "wx1", b"paid")) == Posted("repeated")


def test_the_fast_path_is_one_call_where_a_limit_is_over_with_the_answer(
    store: RedisStore, client: redis.Redis
) -> None:
    set_time(store, "k1", wake(60))
    look = store.claim(Claim("ada", "k2", lease=LONG, optimistic=True))
    assert isinstance(look, Unclaimed)
    assert look.head == HEAD
    made = begin(store, ONE, user="bob")
    commit = Commit("bob", "k", Write(HEAD, (TWO,)), reply=b"", revision=made.revision)
    assert store.commit(commit) != Conflict(), "the server learns the script"
    client.config_resetstat()
    commit = Commit("ada", "k2", Write(HEAD, (TWO,)), reply=b"", revision=look.revision)
    assert store.commit(commit) != Conflict()
    stats: Any = client.info("commandstats")
    assert stats["cmdstat_evalsha"]["calls"] == 1
    shown = store.show("ada")
    assert shown is not None
    assert (shown.wake, shown.records) == (None, (ONE, TWO))


def test_one_who_has_something_aside_keeps_it_however_they_go_on(
    store: RedisStore, client: redis.Redis
) -> None:
    set_time(store, "k1", wake(5), aside=(Aside("a", b"1"),))
    for turn in range(20):
        look = store.claim(Claim("ada", f"f{turn}", lease=LONG, optimistic=True))
        assert isinstance(look, Unclaimed)
        write = Write(HEAD, (TWO,), ttl=20 * 86400.0)
        commit = Commit("ada", f"f{turn}", write, reply=b"", revision=look.revision)
        if turn % 2:
            fence = granted(store.claim(Claim("ada", f"f{turn}", lease=LONG))).fence
            commit = Commit("ada", f"f{turn}", write, reply=b"", fence=fence)
        assert store.commit(commit) != Conflict()
        assert int(client.ttl("{wechat-dialog:ada}:b")) > 20 * 86400
        advance(client, 86400.0)
    claim = granted(store.claim(Claim("ada", "last", lease=LONG)))
    assert (claim.aside, claim.length) == ((Aside("a", b"1"),), 21)

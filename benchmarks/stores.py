"""What an operation of each store costs, beside the floor, in one interleaved run.

    python -m benchmarks.stores [--rounds 15] [--turns 200]

The floor is one script through redis-py that compares a number, appends a record and remembers a
reply under a new key. `cold` is a claim and a commit by a worker that holds nothing of a journal of
20 records; `live` the same by one that holds all of it; `fast` a commit without a claim. A ratio is
taken within its round; the median of the rounds is printed. SQLite syncs at every commit, so its
figures are those of the disk of the folder for temporary files.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing

import redis

from tests.redis_server import redis_servers
from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.values import NOTHING, Claim, Claimed, Commit, Committed, Have, Write
from wechat_dialog.stores import open_store

FLOOR = """
if redis.call('LLEN', KEYS[1]) ~= tonumber(ARGV[1]) then return 0 end
redis.call('RPUSH', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], 60000)
redis.call('SET', KEYS[2], ARGV[3], 'PX', 60000)
return 1
"""
ACCOUNT, OPENID = "gh_0123456789ab", "o6_bmjrPTlm6_2sgVt7hMZOPfL2M"
USER = f"{ACCOUNT}:{OPENID}"
HEAD = b'{"v":1,"dialog":"accumulator","version":"1","code":"5f1d7a84db00d2fc","asked":"c5f8a9"}'
RECORD = b'{"k":"1700000000:24000000000000000","t":1700000000.1,"q":"c5f8a9d2","m":"7"}'
REPLY = (
    b'{"type":"text","content":"\xe7\xac\xac 3 \xe4\xb8\xaa\xe6\x95\xb0\xe6\x98\xaf\xef\xbc\x9f"}'
)

_numbers = itertools.count()

Turn = Callable[[], object]


def key() -> str:
    """Return the key of a message nobody has sent yet."""
    return f"{USER}:{24_000_000_000_000_000 + next(_numbers)}:1700000000"


def floor(client: redis.Redis) -> Turn:
    """Return the floor's turn."""
    script = client.register_script(FLOOR)
    lengths = itertools.count()
    client.delete("floor")
    return lambda: script(keys=["floor", key()], args=[next(lengths), RECORD, REPLY])


def begin(store: Store, user: str, length: int) -> Committed:
    """Start a conversation with `length` records."""
    first = key()
    claim = store.claim(Claim(user, first, lease=5))
    assert isinstance(claim, Claimed)
    write = Write(HEAD, (RECORD,) * length, keep=0)
    done = store.commit(Commit(user, first, write, reply=REPLY, fence=claim.fence))
    assert isinstance(done, Committed)
    return done


def claimed(store: Store, user: str, *, live: bool) -> Turn:
    """Return a turn of claim and commit that leaves 20 records."""
    begin(store, user, 20)
    have = NOTHING

    def turn() -> None:
        nonlocal have
        name = key()
        claim = store.claim(Claim(user, name, lease=5, have=have if live else NOTHING))
        assert isinstance(claim, Claimed)
        keep = None if live else 19
        write = Write(HEAD, (RECORD,), keep=keep)
        done = store.commit(Commit(user, name, write, reply=REPLY, fence=claim.fence))
        assert isinstance(done, Committed)
        have = Have(done.journal, claim.length + 1)

    return turn


def fast(store: Store, user: str) -> Turn:
    """Return a turn of one commit without a claim."""
    revision = begin(store, user, 20).revision

    def turn() -> None:
        nonlocal revision
        write = Write(HEAD, (RECORD,))
        done = store.commit(
            Commit(user, key(), write, reply=REPLY, revision=revision, max_age=60.0)
        )
        assert isinstance(done, Committed)
        revision = done.revision

    return turn


def measure(turn: Turn, turns: int) -> float:
    """Return the seconds of one turn."""
    start = time.perf_counter()
    for _ in range(turns):
        turn()
    return (time.perf_counter() - start) / turns


def memory(client: redis.Redis, store: Store) -> None:
    """Print the bytes in Redis of conversations by length, replies of the last minute apart."""
    print(
        f"\n{'records':>8}{'bytes':>9}{'a record':>10}   (record {len(RECORD)}, head {len(HEAD)})"
    )
    for length in (1, 10, 100, 1000):
        client.flushall()
        begin(store, USER, length)
        used = sum(int(client.memory_usage(name, samples=0) or 0) for name in client.scan_iter())
        print(f"{length:>8}{used:>9}{used / length:>10.0f}")


def traffic(client: redis.Redis, turn: Turn, turns: int) -> str:
    """Return bytes sent and got per turn, and how many commands."""
    turn()
    before = client.info("stats")
    for _ in range(turns):
        turn()
    after = client.info("stats")
    names = ("total_net_input_bytes", "total_net_output_bytes")
    sent, got = ((after[name] - before[name]) / turns for name in names)
    return f"{sent:.0f} bytes sent, {got:.0f} got"


def main(arguments: list[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--turns", type=int, default=200)
    options = parser.parse_args(arguments)
    with (
        redis_servers() as start,
        tempfile.TemporaryDirectory() as folder,
        closing(redis.Redis.from_url((server := start()).url, protocol=2)) as client,
    ):
        urls = {
            "memory": "memory://",
            "sqlite": f"sqlite:///{folder}/bench.db",
            "redis": server.url,
        }
        stores = {name: open_store(url) for name, url in urls.items()}
        contenders = {"floor": floor(client)}
        for name, store in stores.items():
            contenders[f"{name} fast"] = fast(store, f"{USER}:fast")
            contenders[f"{name} live"] = claimed(store, f"{USER}:live", live=True)
            contenders[f"{name} cold"] = claimed(store, f"{USER}:cold", live=False)
        rounds = [
            {name: measure(turn, options.turns) for name, turn in contenders.items()}
            for _ in range(options.rounds + 1)
        ][1:]
        print(f"{'':>14}{'us':>9}{'x floor':>9}")
        for name in contenders:
            time_taken = statistics.median(r[name] for r in rounds) * 1e6
            ratio = statistics.median(r[name] / r["floor"] for r in rounds)
            print(f"{name:>14}{time_taken:>9.1f}{ratio:>9.2f}")
        print()
        for name in ("floor", "redis fast", "redis live", "redis cold"):
            print(f"{name:>14}: {traffic(client, contenders[name], options.turns)}")
        memory(client, stores["redis"])
        for store in stores.values():
            store.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

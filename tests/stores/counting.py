"""Processes that count together in one conversation, each turn by claim or by the fast path."""

from __future__ import annotations

import subprocess
import sys

from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.values import (
    NOTHING,
    Claim,
    Claimed,
    Commit,
    Committed,
    Have,
    Running,
    Write,
)
from wechat_dialog.errors import ClaimLost
from wechat_dialog.stores import open_store

USER = "account:counting"
TURNS = 15


def count(store: Store, name: str) -> None:
    """Append the number of records so far, `TURNS` times."""
    have, revision = NOTHING, 0
    for turn in range(TURNS):
        key = f"{name} {turn}"
        done: object = None
        if revision:
            write = Write(b"head", (b"%d" % have.length,))
            done = store.commit(Commit(USER, key, write, reply=b"", revision=revision, max_age=60))
        while not isinstance(done, Committed):
            claim = store.claim(Claim(USER, key, lease=5, have=have))
            if isinstance(claim, Running):
                continue
            assert isinstance(claim, Claimed), "nobody else has this key"
            write = Write(b"head", (b"%d" % claim.length,))
            have = Have(claim.journal, claim.length)
            try:
                done = store.commit(Commit(USER, key, write, reply=b"", fence=claim.fence))
            except ClaimLost:
                continue
        revision, have = done.revision, Have(done.journal, have.length + 1)


def count_in_processes(url: str, store: Store) -> list[int]:
    """Count in four processes at once; return the journal."""
    command = [sys.executable, "-m", "tests.stores.counting", url]
    workers = [subprocess.Popen([*command, str(number)]) for number in range(4)]
    assert [worker.wait(60) for worker in workers] == [0] * 4
    shown = store.show(USER)
    assert shown is not None
    return [int(record) for record in shown.records]


if __name__ == "__main__":
    count(open_store(sys.argv[1]), sys.argv[2])

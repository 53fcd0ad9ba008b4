"""What only the embedded store has to prove: files, processes, forks, disks."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.stores.counting import count_in_processes
from wechat_dialog.core.store.values import Claim, Claimed, Commit, Running, Write
from wechat_dialog.errors import StoreError
from wechat_dialog.stores.sqlite import SQLiteStore
from wechat_dialog.stores.sqlite.tables import FORMAT
from wechat_dialog.testing.store_contract.asking import begin, committed, granted


class Clock:
    def __init__(self) -> None:
        self.time = 1_700_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bot.db"


@pytest.fixture
def store(path: Path, clock: Clock) -> Iterator[SQLiteStore]:
    store = SQLiteStore(path, clock, patience=0.2)
    yield store
    store.close()


def rows(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(count)


def test_nobody_else_may_read_the_files(store: SQLiteStore, path: Path) -> None:
    begin(store, b"{}")
    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["bot.db", "bot.db-shm", "bot.db-wal"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_a_journal_is_readable_rows_of_json(store: SQLiteStore, path: Path) -> None:
    begin(store, '{"a":"苹果"}'.encode(), b'{"b":2}')
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT position, record FROM records").fetchall()
    assert found == [(0, '{"a":"苹果"}'), (1, '{"b":2}')]


def test_a_store_made_before_the_process_moved_away_keeps_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = SQLiteStore("bot.db")
    monkeypatch.chdir("/")
    begin(store)
    store.close()
    assert (tmp_path / "bot.db").exists()


def test_what_was_committed_is_synced_and_a_claim_is_not(store: SQLiteStore) -> None:
    def synced() -> bool:
        assert store._database._connection is not None
        (mode,) = store._database._connection.execute("PRAGMA synchronous").fetchone()
        return bool(mode == 2)

    fence = granted(store.claim(Claim("ada", "k", lease=5))).fence
    assert not synced()
    store.record("ada", fence, Write(b"head"))
    assert synced()
    store.renew("ada", fence, 5)
    assert not synced()
    store.commit(Commit("ada", "k", Write(b"head"), reply=b"", fence=fence))
    assert synced()


def test_what_ran_out_leaves_the_file(store: SQLiteStore, path: Path, clock: Clock) -> None:
    for i in range(20):
        begin(store, b"1", b"2", user=f"user {i}")
    store.defer("user 0", "deferred")
    assert (rows(path, "documents"), rows(path, "records")) == (20, 40)
    clock.time += 87_000
    begin(store, b"1", user="late")
    assert (rows(path, "documents"), rows(path, "records"), rows(path, "replies")) == (1, 1, 1)


# Failures --------------------------------------------------------------------------------------


def id_numbers() -> list[str]:
    return [f"34010219900101{number:04}" for number in range(50)]


def left_on_the_disk(path: Path) -> list[str]:
    files = [file for file in path.parent.iterdir() if file.name.startswith(path.name)]
    there = b"".join(file.read_bytes() for file in files)
    return [number for number in id_numbers() if number.encode() in there]


def turns(store: SQLiteStore, user: str, *words: str, data: str | None = None) -> None:
    kept = None if data is None else data.encode()
    for number, word in enumerate(words):
        key, said = f"{word}-{number}", word.encode()
        claim = granted(store.claim(Claim(user, key, lease=5, message=said)))
        write = Write(records=(said,), head=said, data=kept)
        committed(store.commit(Commit(user, key, write, reply=said, fence=claim.fence)))


@pytest.mark.parametrize("how", ["expired", "ended", "forgotten", "data replaced"])
def test_what_is_gone_is_no_longer_on_the_disk(
    how: str, store: SQLiteStore, path: Path, clock: Clock
) -> None:
    """Read as whoever finds a backup reads it: the log beside the file, too."""
    with_data = how in ("forgotten", "data replaced")
    for number, word in enumerate(id_numbers()):
        long = "b" * (1500 if number % 3 else 9000)
        turns(store, f"u{number}", "a", word, long, word, data=word if with_data else None)
        clock.time += 1
    assert len(left_on_the_disk(path)) == 50
    for number in range(50):
        if how == "ended":
            store.end(f"u{number}")
        elif how == "forgotten":
            store.forget(f"u{number}")
        elif how == "data replaced":
            turns(store, f"u{number}", "c", data="nothing")
    clock.time += 7 * 86400
    turns(store, "somebody", "a")
    assert left_on_the_disk(path) == []
    store.close()
    assert left_on_the_disk(path) == []


def test_a_full_disk_is_an_error_and_changes_nothing(store: SQLiteStore) -> None:
    revision = begin(store, b"1").revision
    assert store._database._connection is not None
    (pages,) = store._database._connection.execute("PRAGMA page_count").fetchone()
    store._database._connection.execute(f"PRAGMA max_page_count={pages}")
    big = Write(b"head", (b"x" * 1_000_000,))
    with pytest.raises(StoreError, match="the disk is full: make room") as raised:
        store.commit(Commit("ada", "k", big, reply=b"", revision=revision))
    assert isinstance(raised.value.__cause__, sqlite3.OperationalError)
    shown = store.show("ada")
    assert shown is not None
    assert shown.records == (b"1",)
    store._database._connection.execute("PRAGMA max_page_count=100000")
    store.commit(Commit("ada", "k", big, reply=b"", revision=revision))
    shown = store.show("ada")
    assert shown is not None
    assert len(shown.records) == 2


def test_a_file_that_is_deleted_while_it_is_opened_is_made_anew(
    store: SQLiteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(store)
    store.close()
    path.write_bytes(b"")
    connect: Callable[..., sqlite3.Connection] = sqlite3.connect

    def deleted_just_before(*args: Any, **options: Any) -> sqlite3.Connection:
        path.unlink()
        return connect(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", deleted_just_before)
        with pytest.raises(StoreError):
            store.account("gh_1")
    # SQLite would have made one that anybody may read; often with the number of the one that was
    # emptied, so that it would have counted as emptied for ever.
    assert not path.exists()
    store.account("gh_1")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["a?b#c%41 d.db", "会话.db"])
def test_any_name_is_the_name_of_a_file(tmp_path: Path, name: str) -> None:
    with closing(SQLiteStore(tmp_path / name)) as store:
        begin(store)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_locked_database_is_an_error_until_it_is_free(store: SQLiteStore, path: Path) -> None:
    begin(store, b"1")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process keeps it locked"):
            store.claim(Claim("ada", "k", lease=5))
    assert isinstance(store.claim(Claim("ada", "k", lease=5)), Claimed)


def test_a_lock_held_for_a_moment_is_waited_for(path: Path) -> None:
    store = SQLiteStore(path, patience=20)
    begin(store, b"1")
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.1, other.execute, ["COMMIT"])
        timer.start()
        assert isinstance(store.claim(Claim("ada", "k", lease=5)), Claimed)
        timer.join()
    store.close()


def test_a_database_that_may_not_be_written_is_an_error(store: SQLiteStore) -> None:
    begin(store, b"1")
    assert store._database._connection is not None
    store._database._connection.execute("PRAGMA query_only=1")
    with pytest.raises(StoreError, match="may not be written to: check owner and mode"):
        store.claim(Claim("ada", "k", lease=5))


def test_another_file_is_not_overwritten(path: Path) -> None:
    path.write_bytes(b"My diary. " * 1000)
    store = SQLiteStore(path)
    with pytest.raises(StoreError, match="not an SQLite database: give another path"):
        store.claim(Claim("ada", "k", lease=5))
    assert path.read_bytes() == b"My diary. " * 1000


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "nowhere" / "bot.db")
    with pytest.raises(StoreError, match=r"nowhere/bot\.db.*check that its folder exists"):
        store.claim(Claim("ada", "k", lease=5))


def test_a_file_of_a_later_version_is_left_alone(store: SQLiteStore, path: Path) -> None:
    begin(store, b"1")
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version={FORMAT + 1}")
    with pytest.raises(StoreError, match="upgrade wechat-dialog"):
        store.claim(Claim("ada", "k", lease=5))


# Processes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [1, 2])
def test_a_file_of_an_earlier_version_goes_on(path: Path, version: int) -> None:
    store = SQLiteStore(path)
    begin(store, b"1")
    # A message in line when the library was upgraded, as it stood then.
    granted(store.claim(Claim("ada", "k", lease=0.001)))
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        seen = json.dumps({"k": [1, 1, 1, 0, "said"][: 3 + version]})
        connection.execute("UPDATE documents SET seen = ?", (seen,))
        if version == 1:
            connection.execute("ALTER TABLE documents DROP COLUMN lost")
        connection.execute(f"PRAGMA user_version={version}")
        connection.commit()
    store = SQLiteStore(path)
    claim = granted(store.claim(Claim("ada", "k2", lease=5)))
    assert claim.records == (b"1",)
    committed(store.commit(Commit("ada", "k2", Write(b"h", (b"2",)), reply=b"", fence=claim.fence)))
    assert granted(store.claim(Claim("ada", "k3", lease=5))).records == (b"1", b"2")
    store.close()


def test_processes_at_once_lose_nothing(path: Path) -> None:
    store = SQLiteStore(path)
    assert count_in_processes(f"sqlite:///{path}", store) == list(range(60))
    store.close()


def test_a_process_killed_in_a_turn_frees_the_user(path: Path) -> None:
    script = (
        "import os, signal, sys; from wechat_dialog.stores import open_store; "
        "from wechat_dialog.core.store.values import Claim, Write; s = open_store(sys.argv[1]); "
        "c = s.claim(Claim('ada', 'k', lease=0.5)); "
        "s.record('ada', c.fence, Write(b'h', (b'1',))); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, f"sqlite:///{path}"], check=False)
    store = SQLiteStore(path)
    while isinstance(claim := store.claim(Claim("ada", "k", lease=5)), Running):
        pass
    assert granted(claim).records == (b"1",)
    store.close()


def in_a_fork(work: object) -> int:
    """Run `work` in a child; its exit status is 0 if it returned."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            assert callable(work)
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(pid, 0)[1]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_after_a_fork_both_go_on(store: SQLiteStore) -> None:
    revision = begin(store, b"1").revision

    def child() -> None:
        committed = store.commit(
            Commit("ada", "c", Write(b"h", (b"2",)), reply=b"", revision=revision)
        )
        store.close()
        assert type(committed).__name__ == "Committed"

    assert in_a_fork(child) == 0
    claim = granted(store.claim(Claim("ada", "p", lease=5)))
    assert claim.records == (b"1", b"2")


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_while_another_thread_is_in_the_store_does_not_hang(store: SQLiteStore) -> None:
    begin(store, b"1")
    with store._database._alone():
        assert in_a_fork(lambda: store.show("ada")) == 0

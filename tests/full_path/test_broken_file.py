"""The embedded store's file fails under a running bot: an apology for the user if it lasts, a
sentence for the operator, nothing half written, and everything goes on when the cause is gone.
"""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from tests.full_path import accumulator
from tests.full_path.accumulator import TRANSCRIPT
from tests.full_path.doors import OpenDoor
from tests.full_path.people import OneRequest, Person, content
from wechat_dialog import Texts
from wechat_dialog.stores.sqlite import SQLiteStore

APOLOGY = Texts().apology
NOBODY = 65534
PATIENCE = 20


# What is told is counted here: no sweep meets the broken file beside the messages.
make_bot = partial(accumulator.make_bot, timers=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bot.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(path, patience=0.1)
    yield store
    store.close()


@pytest.fixture
def platform() -> OneRequest:
    return OneRequest()


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What the operator was told since the last time."""
    caplog.set_level(logging.WARNING, "wechat_dialog")

    def lines() -> list[str]:
        found = [one.getMessage() for one in caplog.records if one.name == "wechat_dialog"]
        caplog.clear()
        return found

    return lines


def half_way(person: Person) -> None:
    for text, answer in TRANSCRIPT[:4]:
        assert person.say(text) == answer


def only(lines: list[str], advice: str) -> None:
    assert 1 <= len(lines) <= 2, "at the first failure, and at the apology"
    for line in lines:
        assert advice in line
        assert "bot.db" in line


def in_a_child(work: Callable[[], None]) -> None:
    """Run `work` in a fork, whose limits and rights are its own to give away."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            raise
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_disk_that_is_full(
    open_door: OpenDoor,
    platform: OneRequest,
    store: SQLiteStore,
    told: Callable[[], list[str]],
) -> None:
    def work() -> None:
        person = Person(open_door(make_bot(store, window=platform)))
        half_way(person)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))  # no file may grow, nor its log
        with platform.in_a_hurry():
            assert person.say("12") == APOLOGY
            only(told(), ": the disk ")  # has failed, at a limit; when it is opened again, is full
            assert content(person.again()) == APOLOGY
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        # The very same message: it was not counted before, and is counted once now.
        assert content(person.again()) == "一共是 15。"
        assert content(person.again()) == "一共是 15。"

    in_a_child(work)


@contextlib.contextmanager
def locked_elsewhere(path: Path) -> Iterator[None]:
    """Another process holds the write lock for the length of a block."""
    script = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); "
        "c.execute('BEGIN IMMEDIATE'); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline()
        yield
        other.stdin.close()
        assert other.wait(PATIENCE) == 0


@pytest.mark.parametrize("live", [100, 0], ids=["live", "cold"])
def test_a_lock_that_another_process_keeps(
    open_door: OpenDoor,
    platform: OneRequest,
    store: SQLiteStore,
    path: Path,
    told: Callable[[], list[str]],
    live: int,
) -> None:
    person = Person(open_door(make_bot(store, live_dialogs=live, window=platform)))
    half_way(person)
    with locked_elsewhere(path), platform.in_a_hurry():
        assert person.say("12") == APOLOGY
        only(told(), "another process keeps it locked")
    assert content(person.again()) == "一共是 15。"


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_file_that_may_not_be_written(
    open_door: OpenDoor, platform: OneRequest, told: Callable[[], list[str]]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if os.getuid() == 0:
            os.chown(folder, NOBODY, NOBODY)

        def work() -> None:
            if os.getuid() == 0:
                os.setuid(NOBODY)  # root may write whatever a mode says
            store = SQLiteStore(folder / "bot.db", patience=0.1)
            person = Person(open_door(make_bot(store, window=platform)))
            half_way(person)
            store.close()
            (folder / "bot.db").chmod(0o400)
            with platform.in_a_hurry():
                assert person.say("12") == APOLOGY
            only(told(), "it may not be written to: check owner and mode")
            assert [file.name for file in folder.iterdir()] == ["bot.db"]
            (folder / "bot.db").chmod(0o600)
            assert content(person.again()) == "一共是 15。"
            store.close()

        in_a_child(work)


def test_a_file_that_is_damaged(
    open_door: OpenDoor,
    platform: OneRequest,
    store: SQLiteStore,
    path: Path,
    told: Callable[[], list[str]],
) -> None:
    person = Person(open_door(make_bot(store, window=platform)))
    half_way(person)
    store.close()
    sound = path.read_bytes()
    damaged = sound[:4096] + b"\xff" * (len(sound) - 4096)
    path.write_bytes(damaged)
    # One message, twice: a turn of an earlier one might be tried again just when the file is sound.
    with platform.in_a_hurry():
        assert person.say("12") == APOLOGY
        only(told(), "it is damaged: move it away")
        assert content(person.again()) == APOLOGY
        only(told(), "it is damaged: move it away")
    assert path.read_bytes() == damaged
    path.write_bytes(sound)
    assert content(person.again()) == "一共是 15。"


def test_a_file_that_another_is_copied_into(
    open_door: OpenDoor,
    platform: OneRequest,
    store: SQLiteStore,
    path: Path,
    told: Callable[[], list[str]],
) -> None:
    # `cp` empties a file before it fills it. Whoever takes the empty file for a new store, the
    # request or the thread that has something to tell the store, hides what is copied behind new
    # tables: every conversation would be gone.
    person = Person(open_door(make_bot(store, window=platform)))
    half_way(person)
    store.close()
    sound = path.read_bytes()
    with path.open("wb", buffering=0) as copied, platform.in_a_hurry():
        assert person.say("12") == APOLOGY
        only(told(), "the file was emptied")
        assert path.stat().st_size == 0
        copied.write(sound[:4096])
        assert content(person.again()) == APOLOGY
        only(told(), "it is damaged")
        copied.write(sound[4096:])
    assert content(person.again()) == "一共是 15。"
    store.close()
    with path.open("wb"), platform.in_a_hurry():
        assert person.say("累加器") == APOLOGY
    path.unlink()
    # A file that was deleted is made anew. (The first one's turn may come along, owed.)
    assert person.say("累加器").endswith("要加几个数？")


@pytest.mark.parametrize("all_of_it", [True, False], ids=["with its log", "without its log"])
@pytest.mark.parametrize("live", [100, 0], ids=["live", "cold"])
def test_a_file_that_is_deleted(
    open_door: OpenDoor,
    platform: OneRequest,
    store: SQLiteStore,
    path: Path,
    told: Callable[[], list[str]],
    all_of_it: bool,
    live: int,
) -> None:
    other = SQLiteStore(path, patience=0.1)
    people = [
        Person(open_door(make_bot(one, live_dialogs=live, window=platform)), name)
        for one, name in ((store, "oHere"), (other, "oThere"))
    ]
    for person in people:
        half_way(person)
    for file in path.parent.iterdir() if all_of_it else [path]:
        file.unlink()
    # Each process says so once, also the one that finds a new file made by the other.
    for person in people:
        assert person.say("12") == "", "what it was an answer to is gone"
        only(told(), "the file was deleted, moved or replaced while it was in use")
        half_way(person)
    for person in people:
        assert person.say("12") == "一共是 15。"
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        users = connection.execute("SELECT count(DISTINCT user) FROM replies").fetchone()
    assert users == (2,), "both are in the one file that can be found"
    assert told() == []
    other.close()


def test_a_file_that_is_replaced_by_a_copy_of_earlier(
    open_door: OpenDoor,
    platform: OneRequest,
    store: SQLiteStore,
    path: Path,
    tmp_path: Path,
    told: Callable[[], list[str]],
) -> None:
    person = Person(open_door(make_bot(store, window=platform)))
    half_way(person)
    store.close()
    shutil.copy(path, tmp_path / "earlier")
    late = Person(person.door, "oLate")
    half_way(late)
    (tmp_path / "earlier").replace(path)
    # What stood in the log of the other file is not taken for a part of this one.
    assert person.say("12") == "一共是 15。"
    only(told(), "the file was deleted, moved or replaced while it was in use")
    assert content(person.again()) == "一共是 15。"
    assert late.say("12") == ""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)

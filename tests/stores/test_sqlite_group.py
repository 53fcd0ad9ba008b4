"""Writes of several threads in one transaction: each is accepted or refused by itself, and nobody
is told before it is on the disk.

Threads are made to wait by holding the line that they stand in: who comes first when it is let go
leads, and takes the others along.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.redis_server import wait_until
from wechat_dialog.core.store.times import Post
from wechat_dialog.core.store.values import Claim, Commit, Write
from wechat_dialog.errors import ClaimLost, StoreError
from wechat_dialog.stores.asynchronous import for_async
from wechat_dialog.stores.sqlite import SQLiteStore
from wechat_dialog.stores.sqlite.group import Line, Work
from wechat_dialog.testing.store_contract.asking import begin, granted

PATIENCE = 20
FULL, NORMAL = 2, 1


class Watched:
    """A connection that says what is going on when it commits, and fails if it is told to.

    Attributes:
        commits: The synchronous mode at each commit.
        before: Called before a commit.
        after: Called after one.
    """

    def __init__(self, store: SQLiteStore) -> None:
        connection = store._database._connection
        assert connection is not None
        self._connection = connection
        self.commits: list[int] = []
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None
        store._database._connection = self  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        if sql != "COMMIT":
            return self._connection.execute(sql, *parameters)
        (mode,) = self._connection.execute("PRAGMA synchronous").fetchone()
        self.commits.append(mode)
        self.before()
        cursor = self._connection.execute(sql)
        self.after()
        return cursor


class Crowd:
    """Threads that each make one call; what came of it is in `results`."""

    def __init__(self, store: SQLiteStore) -> None:
        self._line = store._database._line
        self._threads: list[threading.Thread] = []
        self.results: dict[int, Any] = {}

    def call(self, call: Callable[[], Any]) -> None:
        """Have one more thread stand in line."""
        number = len(self._threads)

        def run() -> None:
            try:
                self.results[number] = call()
            except BaseException as error:  # noqa: BLE001 - it is what came of it
                self.results[number] = error

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self._threads.append(thread)
        wait_until(lambda: len(self._line._waiting) == len(self._threads), "a thread in line")

    def told(self) -> list[Any]:
        """Return what came of each call, in the order in which they came."""
        for thread in self._threads:
            thread.join(PATIENCE)
        return [self.results[number] for number in range(len(self._threads))]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(tmp_path / "bot.db")
    store.note_account("first", "gh_first")
    yield store
    store.close()


@contextmanager
def in_line(store: SQLiteStore) -> Iterator[Crowd]:
    """Have all that is called meanwhile stand in line until the block ends."""
    crowd = Crowd(store)
    with store._database._alone():
        yield crowd
    crowd.told()


def post(number: int, user: str = "ada") -> Post:
    return Post(user, "gh", "", b"%d" % number)


def outcomes(results: list[Any]) -> list[Any]:
    return [getattr(one, "outcome", one) for one in results]


def posted(store: SQLiteStore, user: str = "ada") -> list[int]:
    shown = store.show(user)
    return [] if shown is None else [int(mail.body) for mail in shown.mail]


def test_writes_at_once_share_one_commit_and_are_told_after_it(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(store)
    order: list[str] = []
    watched.before = lambda: order.append("commit")
    tell = Work.tell

    def noted(work: Work[Any]) -> None:
        order.append("told")
        tell(work)

    monkeypatch.setattr(Work, "tell", noted)
    with in_line(store) as crowd:
        for number in range(8):
            crowd.call(partial(store.post, post(number)))
        crowd.call(lambda: store.show("ada"))
    *kept, shown = crowd.told()
    assert outcomes(kept) == ["kept"] * 8
    assert watched.commits == [FULL]
    assert order == ["told", "commit", *["told"] * 8], "the first that it leads, reads as writes"
    assert len(shown.mail) == 8
    assert posted(store) == list(range(8))


def test_who_leads_for_a_claim_waits_for_the_disk_with_those_who_have_to(
    store: SQLiteStore,
) -> None:
    watched = Watched(store)
    with in_line(store) as crowd:
        crowd.call(lambda: store.claim(Claim("ada", "k", lease=5)))
        crowd.call(lambda: store.post(post(1)))
    assert watched.commits == [FULL]


def test_who_has_to_wait_for_the_disk_does_not_join_those_who_do_not(store: SQLiteStore) -> None:
    watched, crowd = Watched(store), Crowd(store)

    def come(rows: object, now: int) -> None:
        del rows, now
        crowd.call(lambda: store.post(post(1)))

    store._database.run(come, durable=False)
    crowd.told()
    assert watched.commits == [NORMAL, FULL]
    assert posted(store) == [1]


def write_and(end: Callable[[], None]) -> Callable[[Any, int], None]:
    """Return what leaves a row behind, and then ends in some way."""

    def work(rows: Any, now: int) -> None:
        del now
        rows.times.note_account("left behind", "gh_left")
        end()

    return work


def refuse() -> None:
    raise ClaimLost("no")


@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_refused_write_is_undone_and_its_neighbours_stand(store: SQLiteStore, place: int) -> None:
    watched = Watched(store)
    with in_line(store) as crowd:
        for number in range(4):
            if number == place:
                crowd.call(lambda: store._database.run(write_and(refuse), durable=True))
            else:
                crowd.call(partial(store.post, post(number)))
    refused = crowd.told().pop(place)
    assert type(refused) is ClaimLost
    assert posted(store) == [number for number in range(4) if number != place]
    assert store.account("left behind") == ""
    assert watched.commits.count(FULL) == 1


def test_a_write_that_its_neighbour_overtook_is_refused(store: SQLiteStore) -> None:
    """As if each had a transaction of its own."""
    revision = begin(store, b"1").revision
    with in_line(store) as crowd:
        for number in range(3):
            commit = Commit("ada", f"k{number}", Write(b"h", (b"2",)), reply=b"", revision=revision)
            crowd.call(partial(store.commit, commit))
    assert [type(one).__name__ for one in crowd.told()] == ["Committed", "Conflict", "Conflict"]
    shown = store.show("ada")
    assert shown is not None
    assert shown.records == (b"1", b"2")


def test_a_write_that_sqlite_refuses_is_told_alone(store: SQLiteStore) -> None:
    watched = Watched(store)
    watched.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 10_000)
    with in_line(store) as crowd:
        crowd.call(lambda: store.post(post(1)))
        crowd.call(lambda: store.note_account("large", "x" * 20_000))
        crowd.call(lambda: store.post(post(2)))
    (refused,) = [one for one in crowd.told() if isinstance(one, Exception)]
    assert isinstance(refused, StoreError)
    assert isinstance(refused.__cause__, sqlite3.DataError)
    assert posted(store) == [1, 2]


def fail() -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
    raise error


def test_a_disk_that_fails_is_told_to_all(store: SQLiteStore) -> None:
    watched = Watched(store)
    watched.before = fail
    with in_line(store) as crowd:
        for number in range(3):
            crowd.call(partial(store.post, post(number)))
        crowd.call(lambda: store.show("ada"))
        crowd.call(lambda: store._database.run(write_and(refuse), durable=True))
    told = crowd.told()
    assert {type(one) for one in told} == {StoreError}
    assert len({id(one) for one in told}) == 5, "each has a traceback of its own"
    assert {str(one).partition(": ")[2].partition(":")[0] for one in told} == {"the disk failed"}
    assert posted(store) == [], "with another connection"


def test_a_disk_that_fails_under_one_write_is_told_to_all(store: SQLiteStore) -> None:
    Watched(store)
    with in_line(store) as crowd:
        crowd.call(lambda: store.post(post(1)))
        crowd.call(lambda: store._database.run(write_and(fail), durable=True))
    assert {type(one) for one in crowd.told()} == {StoreError}
    assert posted(store) == []


def test_who_is_interrupted_while_they_work_for_others_leaves_it_to_the_next(
    store: SQLiteStore,
) -> None:
    interrupts = iter([KeyboardInterrupt])

    def interrupt() -> None:
        for error in interrupts:
            raise error

    with in_line(store) as crowd:
        crowd.call(lambda: store.post(post(0)))
        crowd.call(lambda: store.post(post(1)))
        crowd.call(lambda: store._database.run(write_and(interrupt), durable=True))
        crowd.call(lambda: store.post(post(2)))
    interrupted, *others = crowd.told()
    assert type(interrupted) is KeyboardInterrupt
    assert outcomes([others[0], others[2]]) == ["kept"] * 2
    assert posted(store) == [1, 2]
    assert store.account("left behind") == "gh_left"


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_who_is_interrupted_when_they_commit_for_others_leaves_it_to_the_next(
    store: SQLiteStore, error: type[BaseException]
) -> None:
    watched = Watched(store)

    def interrupt() -> None:
        watched.before = lambda: None
        raise error

    watched.before = interrupt
    with in_line(store) as crowd:
        for number in range(3):
            crowd.call(partial(store.post, post(number)))
    interrupted, *others = crowd.told()
    assert type(interrupted) is error
    assert outcomes(others) == ["kept"] * 2
    assert posted(store) == [1, 2]


def test_who_left_while_they_were_worked_for_does_not_get_the_line() -> None:
    line, impatient = Line(), Work[None](lambda _rows, _now: None)

    def wait() -> None:
        with pytest.raises(TimeoutError):
            line.enter(impatient, 1.0)

    assert line.enter(Work[None](lambda _rows, _now: None))
    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    wait_until(lambda: line._waiting, "a thread in line")
    assert line.next(durable=True) is impatient
    thread.join(PATIENCE)
    line.give_back([impatient])  # who led was interrupted
    line.leave()
    assert line.enter(Work[None](lambda _rows, _now: None), 0.0), "nobody is waited for"


def test_who_is_interrupted_after_the_commit_has_done_it_for_all(store: SQLiteStore) -> None:
    watched = Watched(store)

    def interrupt() -> None:
        watched.after = lambda: None
        raise KeyboardInterrupt

    watched.after = interrupt
    with in_line(store) as crowd:
        for number in range(3):
            crowd.call(partial(store.post, post(number)))
    interrupted, *others = crowd.told()
    assert type(interrupted) is KeyboardInterrupt
    assert outcomes(others) == ["kept"] * 2
    assert posted(store) == [0, 1, 2], "once"


def test_who_does_not_wait_any_longer_has_left_the_line(store: SQLiteStore) -> None:
    fence = granted(store.claim(Claim("ada", "k", lease=5))).fence
    with in_line(store) as crowd:
        (error,) = store.renew_all([("ada", fence)], 5, within=0.01)
        assert isinstance(error, StoreError)
        assert "kept it busy" in str(error)
        crowd.call(lambda: store.post(post(1)))
    assert not isinstance(crowd.told()[0], Exception)
    store.renew("ada", fence, 5)


def test_a_store_is_closed_when_those_in_line_are_served(store: SQLiteStore) -> None:
    watched, there = Watched(store), []
    counted = "SELECT count(*) FROM mail"
    watched.before = lambda: there.append(watched.execute(counted).fetchone())
    with in_line(store) as crowd:
        for number in range(3):
            crowd.call(partial(store.post, post(number)))
        crowd.call(store.close)
        crowd.call(lambda: store.post(post(3)))
    assert outcomes(crowd.told()) == ["kept", "kept", "kept", None, "kept"]
    assert there == [(3,)], "the fourth has another connection"
    assert not store._database._line._waiting
    assert not store._database._line._led


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_does_not_inherit_the_line(store: SQLiteStore) -> None:
    with in_line(store) as crowd:
        for number in range(3):
            crowd.call(partial(store.post, post(number)))
        pid = os.fork()
        if pid == 0:
            signal.alarm(PATIENCE)  # it would wait for threads that are not there
            status = 1
            try:
                store.post(post(100))
                status = int(posted(store) != [100])
            finally:
                os._exit(status)
        assert os.waitpid(pid, 0)[1] == 0
    assert outcomes(crowd.told()) == ["kept"] * 3
    assert posted(store) == [100, 0, 1, 2], "what stood in line was written by the parent, once"


def test_tasks_at_once_share_commits(store: SQLiteStore, tmp_path: Path) -> None:
    face, watched = for_async(store), Watched(store)

    async def turns() -> None:
        with store._database._alone():
            posts = [asyncio.create_task(face.post(post(number))) for number in range(8)]
            waiting = store._database._line._waiting
            await asyncio.to_thread(wait_until, lambda: len(waiting) == 8, "8 tasks in line")
        assert outcomes(await asyncio.gather(*posts)) == ["kept"] * 8

    asyncio.run(turns())
    assert watched.commits == [FULL]
    asyncio.run(face.close())
    with closing(sqlite3.connect(tmp_path / "bot.db")) as connection:
        assert connection.execute("SELECT count(*) FROM mail").fetchone() == (8,)

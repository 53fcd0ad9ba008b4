"""The pool whose threads may never come back: each of its bounds, filled."""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Iterator

import pytest

from tests.full_path.doors import PATIENCE
from tests.redis_server import wait_until
from wechat_dialog.core.turn.window import Window
from wechat_dialog.errors import Closing
from wechat_dialog.runtime.holders import BUSY, CROWD, REMEMBERED, Holders
from wechat_dialog.runtime.thread_pool import Job, ThreadPool


class Hall:
    """Jobs that stay until they are let go, and who has begun."""

    def __init__(self, threads: ThreadPool) -> None:
        self.threads = threads
        self.begun: list[str] = []
        self.open = threading.Event()

    def enter(self, name: str) -> Job:
        def stay() -> str:
            self.begun.append(name)
            self.open.wait(PATIENCE)
            return name

        return self.threads.start(stay, name)

    def wait_for(self, *names: str) -> None:
        wait_until(lambda: self.begun == list(names), f"{names} to begin, not {self.begun}")


@pytest.fixture
def hall() -> Iterator[Hall]:
    made = Hall(ThreadPool("test", 2, 1))
    yield made
    made.open.set()
    made.threads.close()


def test_more_than_the_limit_wait_in_order(hall: Hall, caplog: pytest.LogCaptureFixture) -> None:
    jobs = [hall.enter(name) for name in "abcd"]
    wait_until(lambda: sorted(hall.begun) == ["a", "b"], "two to begin")
    assert [record.message for record in caplog.records] == [
        "all 2 threads of test are in use: further calls wait for one"
    ]
    hall.open.set()
    assert [job.result(PATIENCE) for job in jobs] == list("abcd")
    assert hall.begun[2:] == ["c", "d"]


def test_what_waits_and_is_given_up_never_begins(hall: Hall) -> None:
    jobs = [hall.enter(name) for name in "abcd"]
    assert hall.threads.give_up(jobs[2])
    hall.open.set()
    assert jobs[3].result(PATIENCE) == "d"
    assert sorted(hall.begun) == ["a", "b", "d"]


def test_a_thread_that_is_lost_is_replaced_up_to_a_bound(
    hall: Hall, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = [hall.enter(name) for name in "abcd"]
    assert not hall.threads.give_up(jobs[0])
    wait_until(lambda: "c" in hall.begun, "a third to begin in its place")
    assert not hall.threads.give_up(jobs[1])
    assert not hall.threads.give_up(jobs[1]), "which counts once"
    levels = [record.levelno for record in caplog.records if "still runs" in record.message]
    assert levels == [logging.ERROR, logging.ERROR]
    assert not jobs[3].running()
    hall.open.set()
    assert [job.result(PATIENCE) for job in jobs] == list("abcd")
    # And all of them are idle, or gone, for what comes next.
    more = [hall.enter(name) for name in "efgh"]
    assert [job.result(PATIENCE) for job in more] == list("efgh")


def test_a_job_sees_the_context_of_whoever_asked(hall: Hall) -> None:
    who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")
    who.set("ada")
    assert hall.threads.start(who.get).result(PATIENCE) == "ada"


def test_what_a_job_raises_is_raised_where_it_is_waited_for(hall: Hall) -> None:
    with pytest.raises(ZeroDivisionError):
        hall.threads.start(lambda: 1 // 0).result(PATIENCE)


def test_where_no_thread_can_be_had_nothing_is_lost(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = hall.enter("a")

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    second = hall.enter("b")
    assert not second.running(), "it waits for the thread that is there"
    hall.open.set()
    assert [first.result(PATIENCE), second.result(PATIENCE)] == ["a", "b"]
    alone = ThreadPool("alone", 2, 1)
    with pytest.raises(Closing):
        alone.start(lambda: None)


def test_whose_turn_it_is_is_remembered_for_so_many_users() -> None:
    holders = Holders()
    assert holders.age("ada", "1", 100.0) == 0.0
    assert holders.age("ada", "1", 107.0) == 7.0
    assert holders.age("ada", "2", 108.0) == 0.0
    for number in range(REMEMBERED):
        holders.age(f"user {number}", "1", 109.0)
    assert holders.age("ada", "2", 110.0) == 0.0
    assert holders.age("user 5000", "1", 111.0) == 2.0


@pytest.mark.parametrize(
    ("age", "before", "in_vain"),
    [
        (BUSY / 2, 100, False),  # a crowd of quick turns
        (BUSY + 1, CROWD - 1, False),
        (BUSY + 1, CROWD, True),
        (14.9, 0, False),
        (15.1, 0, True),
    ],
)
def test_who_waits_in_vain(age: float, before: int, in_vain: bool) -> None:
    assert Holders().in_vain(age, before, Window()) is in_vain

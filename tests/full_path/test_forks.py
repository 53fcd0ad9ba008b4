"""A bot that was used before its process forked, as `gunicorn --preload` and uWSGI do it: parent
and child answer, each with threads, claims and connections of its own.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.full_path.doors import HttpDoor
from tests.full_path.people import Person, push, signed
from tests.full_path.preloaded import make_bot, use
from tests.full_path.servers import Worker
from wechat_dialog import Bot, Chat
from wechat_dialog.runtime.heartbeat import Heartbeat
from wechat_dialog.stores import open_store
from wechat_dialog.stores.redis import RedisStore

pytestmark = pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded:DeprecationWarning"
)

PATIENCE = 20.0


def in_a_child(work: Callable[[], Any]) -> int:
    """Run `work` in a fork's child; its status is 0 if it returned. One that hangs is killed."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]


def answers_all_the_way(bot: Bot, user: str) -> None:
    asked, more, total = (body.decode() for body in use(bot, user))
    assert "几？" in asked
    assert "16，还有几？" in more
    assert "CDATA[23]" in total


def test_parent_and_child_both_answer_with_steps_on_threads(store_url: str) -> None:
    bot = make_bot(store_url)
    answers_all_the_way(bot, "oBefore")
    assert in_a_child(lambda: answers_all_the_way(bot, "oChild")) == 0
    answers_all_the_way(bot, "oParent")
    bot.close()


@pytest.mark.parametrize("store_url", ["SQLite", "Redis"], indirect=True)
def test_a_child_goes_on_where_the_parent_was(store_url: str) -> None:
    bot = make_bot(store_url)
    # Made here: what a child numbers, its parent would number alike.
    first, second, third = (push("oUser", Content=text) for text in ("加", "5", "7"))
    bot.answer(first, signed())

    def child() -> None:
        assert "16，还有几？" in bot.answer(second, signed()).decode()

    assert in_a_child(child) == 0
    assert "CDATA[23]" in bot.answer(third, signed()).decode()
    bot.close()


@pytest.mark.parametrize("store_url", ["SQLite", "Redis"], indirect=True)
def test_a_fork_in_the_middle_of_a_turn_leaves_it_to_the_parent(store_url: str) -> None:
    bot = Bot("full-path", store=store_url, lease=1.0)
    began, go_on, runs = threading.Event(), threading.Event(), list[int]()

    def slow() -> str:
        runs.append(os.getpid())
        began.set()
        go_on.wait(PATIENCE)
        return "好了"

    @bot.text("慢")
    def waits(chat: Chat) -> Any:
        return (yield from chat.step(slow))

    body = push("oUser", Content="慢")
    answers: list[bytes] = []
    turn = threading.Thread(target=lambda: answers.append(bot.answer(body, signed())))
    turn.start()
    assert began.wait(PATIENCE)

    def child() -> None:
        # A copy that reaches the child asks the store, and does not wait for a thread that is not
        # there; the parent's claim is the parent's to renew.
        assert "success" in bot.answer(push("oOther", "event", Event="VIEW"), signed()).decode()
        beats = [one for one in vars(bot._runner).values() if isinstance(one, Heartbeat)]
        assert [list(one._claims) for one in beats] == [[]]
        # Not its own any more, the parent having it: it waits, and gets the parent's answer.
        assert "好了" in bot.answer(body, signed()).decode()
        assert runs == [os.getppid()]

    timer = threading.Timer(0.3, go_on.set)
    timer.start()
    assert in_a_child(child) == 0
    turn.join(PATIENCE)
    assert "好了" in answers[0].decode()
    assert runs == [os.getpid()]
    bot.close()


def test_a_child_waits_for_no_lock_of_a_pool_that_a_thread_of_its_parent_held(
    redis_url: str,
) -> None:
    store = open_store(redis_url)
    store.show("gh:ada")  # which makes its connections
    assert isinstance(store, RedisStore)
    assert store._lines is not None
    pool, held, may_go = store._lines._pool, threading.Event(), threading.Event()

    def hold() -> None:
        with pool._lock, pool._fork_lock:
            held.set()
            may_go.wait(PATIENCE)

    threading.Thread(target=hold, daemon=True).start()
    assert held.wait(PATIENCE)
    assert in_a_child(lambda: store.show("gh:ada")) == 0
    may_go.set()
    store.close()


@pytest.mark.parametrize("store_url", ["SQLite"], indirect=True)
def test_a_fork_waits_until_no_thread_is_in_foreign_code(store_url: str) -> None:
    # SQLite has locks that are one for the whole process, and nobody can replace them.
    bots = [make_bot(store_url) for _ in range(2)]
    over = threading.Event()

    def busy(bot: Bot) -> None:
        while not over.is_set():
            bot.store.due("gh_1", 10, 0.0)

    threads = [threading.Thread(target=busy, args=(bot,)) for bot in bots]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            assert in_a_child(lambda: [bot.store.show("oNobody") for bot in bots]) == 0
    finally:
        over.set()
        for thread in threads:
            thread.join(PATIENCE)
    for bot in bots:
        bot.close()


@pytest.mark.parametrize("store_url", ["SQLite", "Redis"], indirect=True)
def test_gunicorn_may_preload_a_bot_that_has_answered(store_url: str) -> None:
    worker = Worker(
        "gunicorn", "tests.full_path.preloaded", "--preload", "--workers=2", STORE=store_url
    )
    try:
        for number in range(4):
            person = Person(HttpDoor(worker.port), f"oPreloaded{number}")
            assert person.say("加") == "几？"
            assert person.say("5") == "16，还有几？"
            assert person.say("7") == "23"
            assert person.say("谁") == "child"
    finally:
        worker.kill()

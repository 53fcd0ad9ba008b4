"""A moment in which the system gives no thread is over, for a process, when it is over."""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable

import pytest

from tests.full_path.doors import OpenDoor
from tests.full_path.people import ACCOUNT, TOKEN, Person, content
from tests.redis_server import wait_until
from wechat_dialog import Bot, Chat, Dialog, TurnReport, Window, step
from wechat_dialog.core.store.values import Answered, Claim, Claimed, Commit, Write
from wechat_dialog.runtime.ticker import Ticker
from wechat_dialog.runtime.untaken_replies import UntakenReplies
from wechat_dialog.stores.memory import MemoryStore

USER = "oScarce"
WINDOW = Window(seconds=0.3, requests=3, patience=0.2)

Scarce = Callable[[str], threading.Event]


@pytest.fixture
def begun() -> Callable[[], set[threading.Thread]]:
    """The threads that were started since."""
    before = set(threading.enumerate())
    return lambda: set(threading.enumerate()) - before


@pytest.fixture
def scarce(monkeypatch: pytest.MonkeyPatch) -> Scarce:
    """Have threads of one name refused while the event that is returned is set."""
    start = threading.Thread.start

    def begin(name: str) -> threading.Event:
        is_scarce = threading.Event()
        is_scarce.set()

        def refuse(thread: threading.Thread) -> None:
            if is_scarce.is_set() and thread.name == name:
                raise RuntimeError("can't start new thread")
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", refuse)
        return is_scarce

    return begin


def test_a_ticker_that_found_no_thread_starts_at_the_next_call(scarce: Scarce) -> None:
    class Owner:
        def __init__(self) -> None:
            self.ticked = threading.Event()

        def tick(self) -> float:
            self.ticked.set()
            return 1.0

    is_scarce = scarce("scarce")
    owner, ticker = Owner(), Ticker("scarce")
    before = len(weakref.finalize._registry)  # type: ignore[attr-defined]
    for _ in range(3):
        ticker.begin(owner, Owner.tick)
    assert not ticker.is_alive()
    assert len(weakref.finalize._registry) == before, "what was tried leaves nothing behind"  # type: ignore[attr-defined]
    is_scarce.clear()
    ticker.begin(owner, Owner.tick)
    wait_until(owner.ticked.is_set, "the ticker to tick")
    ticker.stop()


def test_a_hung_step_is_given_up_though_the_watch_found_no_thread_at_first(
    open_door: OpenDoor, scarce: Scarce
) -> None:
    store, let_go, times = MemoryStore(), threading.Event(), itertools.count()
    bot = Bot(TOKEN, store=store, window=WINDOW, longest_turn=0.5)

    @bot.text("付")
    def pays(chat: Chat) -> Dialog[str]:
        yield from chat.step(let_go.wait)
        return "已付"

    @bot.fallback
    def anything(chat: Chat) -> Dialog[str]:
        number = yield from chat.step(lambda: next(times))
        return f"第{number}次"

    is_scarce = scarce("wechat-dialog-watch")
    door = open_door(bot)
    assert Person(door, "oFirst").say("你好") == "第0次"
    is_scarce.clear()
    person = Person(door, USER)
    person.send(Content="付")
    wait_until(
        lambda: bool((shown := store.show(f"{ACCOUNT}:{USER}")) and shown.parked),
        "the hung turn to be given up",
    )
    let_go.set()


def test_turns_go_on_without_a_heartbeat_until_there_is_one(
    open_door: OpenDoor,
    scarce: Scarce,
    begun: Callable[[], set[threading.Thread]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    bot = Bot(TOKEN, store=MemoryStore(), window=WINDOW)

    @bot.fallback
    def anything(chat: Chat) -> Dialog[str]:
        return (yield from chat.step(lambda: "好"))

    def is_alive() -> bool:
        return any(thread.name == "wechat-dialog-heartbeat" for thread in begun())

    is_scarce = scarce("wechat-dialog-heartbeat")
    door = open_door(bot)
    person = Person(door, USER)
    assert [person.say("你好") for _ in range(3)] == ["好"] * 3
    assert [record.message for record in caplog.records] == [
        "no thread is available to renew claims; turns go on without it"
    ]
    assert not is_alive()
    is_scarce.clear()
    assert person.say("你好") == "好"
    assert is_alive()


def test_reports_are_passed_on_once_there_is_a_thread(open_door: OpenDoor, scarce: Scarce) -> None:
    reports: list[TurnReport] = []
    person = Person(open_door(Bot(TOKEN, store=MemoryStore(), on_turn=reports.append)), USER)
    is_scarce = scarce("wechat-dialog-report")
    for _ in range(2):
        person.say("你好")
    is_scarce.clear()
    person.say("你好")
    wait_until(lambda: len(reports) == 3, "three reports")


def test_an_untaken_reply_is_told_of_by_the_next_thread(scarce: Scarce) -> None:
    store = MemoryStore()
    untaken = UntakenReplies(store)
    for user in ("ada", "bob"):
        claim = store.claim(Claim(user, "1:1", lease=3.0))
        assert isinstance(claim, Claimed)
        store.commit(Commit(user, "1:1", Write(b"head"), reply=b"r", fence=claim.fence))
        assert isinstance(store.claim(Claim(user, "1:1", lease=3.0)), Answered)
    is_scarce = scarce("wechat-dialog-untaken")
    untaken.note("ada", "1:1", 1)
    is_scarce.clear()
    untaken.note("bob", "1:1", 1)
    wait_until(lambda: not untaken.users, "the store to be told of both")
    for user in ("ada", "bob"):
        claim = store.claim(Claim(user, "2:2", lease=3.0))
        assert isinstance(claim, Claimed)
        assert claim.untaken == (b"r",)
    untaken.stop()


def plain(chat: Chat, pay: Callable[..., int]) -> Dialog[None]:
    yield from chat.step(pay)


def limited(chat: Chat, pay: Callable[..., int]) -> Dialog[None]:
    yield from chat.step(step(pay, name="pay", timeout=30))


def after_another(chat: Chat, pay: Callable[..., int]) -> Dialog[None]:
    yield from limited(chat, pay)
    yield from chat.gather(chat.step(pay), chat.step(pay))


@pytest.mark.parametrize("pays", [plain, limited, after_another])
def test_a_step_that_finds_no_thread_is_left_to_the_repetition(
    pays: Callable[[Chat, Callable[..., int]], Dialog[None]], open_door: OpenDoor, scarce: Scarce
) -> None:
    ran: list[str] = []

    def pay(idempotency_key: str) -> int:
        ran.append(idempotency_key)
        return 1

    bot = Bot(TOKEN, store=MemoryStore(), lease=0.3)

    @bot.text("付")
    def begins(chat: Chat) -> Dialog[str]:
        yield from pays(chat, pay)
        return "已付"

    is_scarce = scarce("wechat-dialog-step")
    person = Person(open_door(bot), USER)
    first = person.send(Content="付")
    assert first.status == 503 or content(first) == "已付"  # on a thread a step needs no other
    is_scarce.clear()
    assert content(person.again()) == "已付"
    assert len(ran) == len(set(ran)) == (3 if pays is after_another else 1)

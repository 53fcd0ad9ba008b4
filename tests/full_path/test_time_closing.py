"""Signals, beginnings and what falls due while a bot is being closed, after that, and in a process
that has no thread to give.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.full_path.people import ACCOUNT, push, signed
from tests.full_path.waiting import Payment, make_bot
from tests.redis_server import wait_until
from wechat_dialog import Bot
from wechat_dialog.core.store.times import Dues
from wechat_dialog.errors import Closing
from wechat_dialog.stores.memory import MemoryStore

USER = "oUser0000000000000000000001"


@pytest.fixture(params=[False, True], ids=["threads", "loop"])
def call(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Call one of a bot's methods, or await its twin; `closes` closes the bot there, too."""

    def ask(bot: Bot, name: str, *args: Any, closes: bool = False, **more: Any) -> Any:
        async def asked() -> Any:
            try:
                return await getattr(bot, f"{name}_async")(*args, **more)
            finally:
                if closes:
                    await bot.close_async()

        if request.param:
            return asyncio.run(asked())
        try:
            return getattr(bot, name)(*args, **more)
        finally:
            if closes:
                bot.close()

    return ask


def say(bot: Bot, text: str) -> str:
    return bot.answer(push(USER, Content=text), signed()).decode()


def test_a_closed_bot_opens_its_store_anew(call: Callable[..., Any], store_url: str) -> None:
    ledger: list[str] = []
    bot = make_bot(store_url, ledger.append, account=ACCOUNT)
    visit = bot.router.collected.dialogs["visit", ""].fn
    for number in range(2):
        paid = (USER, "paid", Payment(1))
        sent = call(bot, "signal", *paid, match=f"B{number}", id=f"{number}", closes=True)
        assert sent == "kept"
        assert call(bot, "run_due", closes=True) == 0
        assert call(bot, "begin", USER, visit, {"place": f"{number}"}, closes=True) == "taken"
    assert [line for line in ledger if "begins" not in line] == [f"{USER} at 0", f"{USER} at 1"]
    if store_url != "memory://":  # which is another one each time
        again = call(bot, "signal", USER, "paid", Payment(1), match="B0", id="0", closes=True)
        assert again == "repeated"


class Held:
    """A bot that is being closed while a turn of it is in a step."""

    def __init__(self, store: str) -> None:
        self.ledger: list[str] = []
        self._may_end = threading.Event()
        self.bot = make_bot(store, self._note, account=ACCOUNT, drain=60.0)
        say(self.bot, "等钱")
        paid = lambda: self.bot.signal(USER, "paid", Payment(1), match="A1", id="T1")  # noqa: E731
        self._threads = [threading.Thread(target=paid), threading.Thread(target=self.bot.close)]
        self._threads[0].start()
        wait_until(lambda: self.ledger, "the step")
        self._threads[1].start()
        wait_until(lambda: self.bot._runner.turns.closing, "the bot to be closed")

    def _note(self, line: str) -> None:
        self.ledger.append(line)
        if "begins" in line:
            self._may_end.wait()

    def end(self) -> None:
        """Let the step end."""
        self._may_end.set()
        for thread in self._threads:
            thread.join()


def test_what_comes_while_it_is_being_closed_is_refused_for_another_process_to_take(
    call: Callable[..., Any], store_url: str
) -> None:
    held = Held(store_url)
    bot = held.bot
    visit = bot.router.collected.dialogs["visit", ""].fn
    try:
        for name, args in (
            ("signal", (USER, "paid", Payment(2))), ("begin", (USER, visit, {"place": "x"})),
        ):  # fmt: skip
            with pytest.raises(Closing):
                call(bot, name, *args, id=f"{name} 1")
    finally:
        held.end()
    assert held.ledger[1:] == [f"{USER} paid 1"]
    if store_url != "memory://":
        other = make_bot(store_url, held.ledger.append, account=ACCOUNT)
        sent = call(other, "signal", USER, "paid", Payment(2), id="signal 1", closes=True)
        assert sent == "kept"
        # What was under way was recorded, and is told to the user.
        assert "收到 1 分" in say(other, "嗨")
        other.close()


USERS = [f"oUser{number:022}" for number in range(3)]


def shared(store_url: str) -> Any:
    """Return a store for two bots of one process."""
    return MemoryStore() if store_url == "memory://" else store_url


def woken(store: Any) -> Bot:
    """Have users sleep for a moment, until it is over; returns a bot that sweeps for nobody."""
    bot = make_bot(store, list[str]().append, account=ACCOUNT, timers=False)
    for user in USERS:
        bot.answer(push(user, Content="小睡"), signed())
    wait_until(lambda: len(bot.store.due(ACCOUNT, 9, 0.0).entries) == len(USERS), "their time")
    return bot


def close_once_it_has_leased(bot: Bot, *, asked: bool) -> None:
    """Sweep on a thread, or if asked to, on this one; and close the bot between a look that leases
    entries and their begin.
    """
    due, closing = bot.store.due, list[threading.Thread]()
    turns = bot._runner.turns

    def look(account: str, limit: int, lease: float) -> Dues:
        dues = due(account, limit, lease)
        if dues.entries:
            thread = threading.Thread(target=bot.close)
            thread.start()
            closing.append(thread)
            wait_until(lambda: turns.closing, "the bot to be closed")
        return dues

    bot.store.due = look  # type: ignore[method-assign]
    if asked:
        with pytest.raises(Closing):
            bot.run_due()
    else:
        bot.sweep()
        wait_until(lambda: closing, "something to be leased")
    closing[0].join()
    bot.store.due = due  # type: ignore[method-assign]


async def close_once_it_has_leased_on_the_loop(bot: Bot, *, asked: bool) -> None:
    """The same on the running event loop."""
    due, closing = bot.async_store.due, asyncio.Queue[asyncio.Task[None]]()

    async def look(account: str, limit: int, lease: float) -> Dues:
        dues = await due(account, limit, lease)
        if dues.entries:
            closing.put_nowait(asyncio.ensure_future(bot.close_async()))
            await asyncio.sleep(0)
            assert bot._runner.turns.closing
        return dues

    bot.async_store.due = look  # type: ignore[method-assign]
    if asked:
        with pytest.raises(Closing):
            await bot.run_due_async()
    else:
        bot.sweep_here()
    await (await closing.get())


def closed_with_leased_entries(store: Any, *, on_loop: bool, asked: bool = False) -> list[str]:
    """Close a bot that has leased what is due, and begun none of it; returns what it did."""
    ledger: list[str] = []
    bot = make_bot(store, ledger.append, account=ACCOUNT)
    if on_loop:
        asyncio.run(close_once_it_has_leased_on_the_loop(bot, asked=asked))
    else:
        close_once_it_has_leased(bot, asked=asked)
    return ledger


@pytest.mark.parametrize("asked", [False, True], ids=["sweeping", "run_due"])
@pytest.mark.parametrize("on_loop", [False, True], ids=["threads", "loop"])
def test_what_a_closed_process_has_leased_and_not_begun_is_for_others_to_take_at_once(
    store_url: str, *, on_loop: bool, asked: bool
) -> None:
    store = shared(store_url)
    other = woken(store)
    assert closed_with_leased_entries(store, on_loop=on_loop, asked=asked) == []
    assert other.run_due() == len(USERS)
    other.close()


def without_firing_threads(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Have no thread for firings be had while the event that is returned is set."""
    start, scarce = threading.Thread.start, threading.Event()

    def refuse(thread: threading.Thread) -> None:
        if scarce.is_set() and thread.name == "wechat-dialog-firing":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    return scarce


def test_where_no_thread_can_be_had_it_is_given_back_on_the_one_that_closes(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is when the interpreter exits, since Python 3.12."""
    store = shared(store_url)
    other = woken(store)
    scarce = without_firing_threads(monkeypatch)
    scarce.set()
    assert closed_with_leased_entries(store, on_loop=False, asked=True) == []
    scarce.clear()
    assert other.run_due() == len(USERS)
    other.close()


@pytest.mark.parametrize("on_loop", [False, True], ids=["threads", "loop"])
def test_a_store_that_cannot_end_leases_keeps_them_and_no_closing_fails(*, on_loop: bool) -> None:
    late = 0.0
    store = MemoryStore(lambda: time.time() + late)
    store.end_leases = None  # type: ignore[assignment, method-assign]
    other = woken(store)
    assert closed_with_leased_entries(store, on_loop=on_loop) == []
    assert other.run_due() == 0
    late = 2 * other.settings.lease
    assert other.run_due() == len(USERS)
    other.close()


def test_a_step_of_a_turn_that_may_still_end_may_still_post(store_url: str) -> None:
    reached, may_go_on = threading.Event(), threading.Event()
    bot = make_bot(store_url, list[str]().append, drain=60.0)

    def tells() -> str:
        reached.set()
        may_go_on.wait()
        return bot.signal(USER, "paid", Payment(7), match="A1")

    @bot.text("转")
    def dialog(chat: Any) -> Any:
        return (yield from chat.step(tells))

    said: list[str] = []
    turn = threading.Thread(target=lambda: said.append(say(bot, "转")))
    turn.start()
    reached.wait()
    closing = threading.Thread(target=bot.close)
    closing.start()
    wait_until(lambda: bot._runner.turns.closing, "the bot to be closed")
    may_go_on.set()
    for thread in (turn, closing):
        thread.join()
    assert "kept" in said[0]


def test_a_process_that_has_no_thread_to_give_goes_on_once_it_has(
    store_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ledger: list[str] = []
    bot = make_bot(store_url, ledger.append, account=ACCOUNT)
    visit = bot.router.collected.dialogs["visit", ""].fn
    scarce = without_firing_threads(monkeypatch)
    bot.sweep()
    scarce.set()
    say(bot, "小睡")
    calls: list[Callable[[], str]] = [
        lambda: bot.begin(USER, visit, {"place": "x"}),
        lambda: bot.signal(USER, "paid", 1, match="A2"),
    ]
    for call in calls:
        with pytest.raises(Closing, match="no thread can be had"):
            call()
    wait_until(lambda: "waits for a thread" in caplog.text, "the sweep to find none, either")
    assert len(bot._runner.turns) == 0, "closing would wait for them"
    scarce.clear()
    wait_until(lambda: f"{USER} woke" in ledger, "it to be done after all")
    with caplog.at_level(logging.WARNING):
        caplog.clear()
        bot.close()
    assert not caplog.messages

"""Time and outside events through real bots: threads and event loops, on every store."""

from __future__ import annotations

import asyncio
import inspect
import threading
from typing import Any

import pytest

from tests.full_path.doors import OpenDoor
from tests.full_path.people import ACCOUNT, Person, push, signed
from tests.full_path.waiting import Payment, make_bot
from tests.redis_server import wait_until
from wechat_dialog import Bot
from wechat_dialog.errors import ConfigurationError, SideEffect, SignalMisfit

USER = "oUser0000000000000000000001"


class Ledger(list[str]):
    """What steps have told."""

    def of(self, what: str) -> int:
        return sum(line.endswith(what) for line in self)


def test_a_limit_is_over_though_the_user_never_writes_again(
    open_door: OpenDoor, store_url: str
) -> None:
    ledger = Ledger()
    person = Person(open_door(make_bot(store_url, ledger.append)))
    assert person.say("占座") == "付好了请回“好了”。"
    wait_until(lambda: ledger.of("released"), "the limit to be over")
    assert person.say("嗨") == "超时未付，座位已放回。\n嗨！"
    assert ledger.of("released") == 1


def test_what_sleeps_leaves_its_user_free_and_wakes_by_itself(
    open_door: OpenDoor, store_url: str
) -> None:
    ledger = Ledger()
    person = Person(open_door(make_bot(store_url, ledger.append)))
    assert person.say("小睡") == ""
    assert person.say("嗨") == "嗨！"
    wait_until(lambda: ledger.of("woke"), "it to wake")
    wait_until(lambda: person.say("嗨") == "醒了\n嗨！", "it to have ended")


def test_a_signal_goes_on_at_once_and_a_repeated_one_does_nothing(
    open_door: OpenDoor, store_url: str
) -> None:
    ledger = Ledger()
    bot = make_bot(store_url, ledger.append)
    person = Person(open_door(bot))
    person.say("等钱")
    assert bot.signal(USER, "paid", Payment(990), match="A2", id="T0") == "kept"
    assert bot.signal(USER, "paid", Payment(990), match="A1", id="T1") == "taken"
    assert ledger.of("paid 990") == 1
    assert bot.signal(USER, "paid", Payment(990), match="A1", id="T1") == "repeated"
    assert person.say("嗨") == "收到 990 分\n嗨！"
    assert ledger.of("paid 990") == 1


def test_a_signal_that_came_before_its_wait_counts(open_door: OpenDoor, store_url: str) -> None:
    ledger = Ledger()
    bot = make_bot(store_url, ledger.append, account=ACCOUNT)
    person = Person(open_door(bot))
    assert bot.signal(USER, "paid", {"fen": 5}, match="A1") == "kept"
    person.say("等钱")
    wait_until(lambda: ledger.of("paid 5"), "it to be taken")


def test_data_that_do_not_fit_are_refused_to_whoever_sends_them(
    open_door: OpenDoor, store_url: str
) -> None:
    ledger = Ledger()
    # A sweeper of its own may look after the user just then, and the signal is left to it ("kept").
    bot = make_bot(store_url, ledger.append, timers=False)
    person = Person(open_door(bot))
    person.say("等钱")
    with pytest.raises(SignalMisfit, match="fen"):
        bot.signal(USER, "paid", {"fen": "many"}, match="A1", id="T1")
    assert bot.signal(USER, "paid", {"fen": 5}, match="A1", id="T1") == "taken", (
        "mended, and sent again"
    )
    assert bot.signal(USER, "paid", {"fen": 5}, match="A1", id="T1") == "repeated"


def test_event_loops_send_without_blocking(open_door: OpenDoor, store_url: str) -> None:
    ledger = Ledger()
    bot = make_bot(store_url, ledger.append)
    person = Person(open_door(bot))
    person.say("等钱")
    # The bot's own connections belong to its door's event loop.
    shared = store_url != "memory://"
    sender = make_bot(store_url, ledger.append, account=ACCOUNT) if shared else bot

    async def pay() -> str:
        with pytest.raises(RuntimeError, match=r"await bot\.signal_async"):
            sender.signal(USER, "paid", Payment(1), match="A1")
        outcome = await sender.signal_async(USER, "paid", Payment(1), match="A1")
        if shared:
            await sender.close_async()
        return outcome

    assert asyncio.run(pay()) == "taken"
    assert ledger.of("paid 1") == 1


def test_a_conversation_is_begun_from_outside(open_door: OpenDoor, store_url: str) -> None:
    ledger = Ledger()
    bot = make_bot(store_url, ledger.append)
    person = Person(open_door(bot))
    person.say("嗨")
    visit = bot.router.collected.dialogs["visit", ""].fn
    assert bot.begin(USER, visit, {"place": "门口"}, id="V1") == "taken"
    assert bot.begin(USER, visit, {"place": "门口"}, id="V1") == "repeated"
    assert ledger.of("at 门口") == 1
    assert person.say("嗨") == "在门口见\n嗨！"
    with pytest.raises(LookupError, match="not a dialog of the bot"):
        bot.begin(USER, print)


def test_what_a_dialog_starts_runs_right_after(open_door: OpenDoor, store_url: str) -> None:
    ledger = Ledger()
    person = Person(open_door(make_bot(store_url, ledger.append, timers=False)))
    assert person.say("开始") == "好"
    wait_until(lambda: ledger.of("at 门口"), "it to run")


def test_in_a_step_a_signal_is_only_posted(open_door: OpenDoor, store_url: str) -> None:
    ledger = Ledger()
    person = Person(open_door(make_bot(store_url, ledger.append)))
    person.say("等钱")
    assert person.say("转告") == "kept"
    wait_until(lambda: ledger.of("paid 7"), "it to be taken by itself")


def test_between_two_questions_it_is_an_error_on_the_authors_line(
    open_door: OpenDoor, store_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    person = Person(open_door(make_bot(store_url, Ledger().append)))
    assert "出了点问题" in person.say("错")
    line = inspect.getsource(make_bot).splitlines().index('        bot.signal(chat.user, "paid")')
    at = f"waiting.py:{inspect.getsourcelines(make_bot)[1] + line}"
    (error,) = [text for text in caplog.messages if "bot.signal" in text]
    assert f"{SideEffect.__name__}: dialog 'wrong' calls bot.signal at " in error
    assert at in error


def test_where_no_process_lives_long_what_is_due_is_done_on_demand(
    open_door: OpenDoor, store_url: str
) -> None:
    if store_url == "memory://":
        return
    ledger = Ledger()
    person = Person(open_door(make_bot(store_url, ledger.append, timers=False)))
    person.say("小睡")
    job = make_bot(store_url, ledger.append, timers=False)
    wait_until(lambda: job.learn_account() == ACCOUNT, "the account to be noted")
    wait_until(job.run_due, "it to be due")
    assert ledger.of("woke") == 1
    assert job.run_due() == 0
    assert asyncio.run(in_one_loop(job)) == 0
    job.close()


async def in_one_loop(bot: Bot) -> int:
    done = await bot.run_due_async()
    await bot.close_async()
    return done


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda bot: bot.signal("", "paid"), ValueError),
        (lambda bot: bot.signal(7, "paid"), TypeError),
        (lambda bot: bot.signal(USER, ""), ValueError),
        (lambda bot: bot.signal(USER, 7), TypeError),
        (lambda bot: bot.signal(USER, "paid", object()), TypeError),
        (lambda bot: bot.signal(USER, "paid", float("nan")), TypeError),
        (lambda bot: bot.signal(USER, "paid", {"fen": [None, float("inf")]}), TypeError),
        (lambda bot: bot.signal(USER, "paid", match=7), TypeError),
        (lambda bot: bot.signal(USER, "paid", id=7), TypeError),
        (lambda bot: bot.signal(USER, "paid", id="7" * 201), ValueError),
        (lambda bot: bot.begin(USER, "visit"), TypeError),
        (lambda bot: bot.begin(USER, lambda _: None), LookupError),
    ],
)
def test_what_can_be_no_signal_is_an_error_on_the_authors_line(
    call: Any, error: type[Exception]
) -> None:
    bot = Bot(store="memory://", account=ACCOUNT)
    with pytest.raises(error) as raised:
        call(bot)
    assert f"{__file__}:{call.__code__.co_firstlineno}" in str(raised.value)
    bot.close()


def test_data_may_have_a_null_where_it_was_none() -> None:
    bot = Bot(store="memory://", account=ACCOUNT)
    assert bot.signal(USER, "paid", {"fen": 1.5, "coupon": None, "by": {1: (None, "x")}}) == "kept"
    bot.close()


def test_an_unknown_account_is_an_error_that_names_the_setting() -> None:
    bot = Bot(store="memory://")
    for call in (lambda: bot.signal(USER, "paid"), bot.run_due):
        with pytest.raises(ConfigurationError, match=r"Bot\(account='gh_…'\)"):
            call()
    bot.close()


def test_the_first_push_has_a_process_that_sweeps_already_note_the_account(
    open_door: OpenDoor, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot = make_bot(store_url, Ledger().append)
    door = open_door(bot)
    rung: list[str] = []
    monkeypatch.setattr(bot._outside.sweeping, "ring", lambda: rung.append("rung"))
    Person(door).say("嗨")
    Person(door).say("嗨")
    assert rung == ["rung"]


def test_fifty_signals_at_once_are_each_taken_once_while_their_user_writes(
    open_door: OpenDoor, store_url: str
) -> None:
    ledger = Ledger()
    bot = make_bot(store_url, ledger.append)
    person = Person(open_door(bot))
    person.say("等钱")
    outcomes: list[str] = []

    def send(number: int) -> None:
        outcomes.append(bot.signal(USER, "paid", Payment(number), match="A1", id=f"T{number}"))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        assert "嗨！" in person.say("嗨")
    for thread in threads:
        thread.join()
    wait_until(lambda: any("paid" in line for line in ledger), "one to be taken")
    assert sorted(set(outcomes)) in (["kept", "taken"], ["kept"])
    assert sum("begins" in line for line in ledger) == 1
    shown = bot.store.show(f"{ACCOUNT}:{USER}")
    assert shown is not None
    assert len(shown.mail) == 49


def test_what_is_due_of_many_is_done_on_demand_with_few_threads(
    store_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = Ledger()
    bot = make_bot(store_url, ledger.append, timers=False)
    for number in range(90):
        bot.answer(push(f"oUser{number:023}", Content="小睡"), signed())
    done: list[int] = []

    def all_done() -> bool:
        done.append(bot.run_due())
        return ledger.of("woke") >= 90

    wait_until(all_done, "all to be due")
    assert ledger.of("woke") == 90
    # Where a commit takes longer than the nap, what has fallen due runs right after its own turn.
    assert sum(done) <= 90
    assert not caplog.messages
    bot.close()

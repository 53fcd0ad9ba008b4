"""A user who unsubscribes, and a bot that keeps nothing of who has left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.errors import Cancelled
from wechat_dialog.testing import Talk

done: list[object] = []


def give_back(what: str) -> None:
    done.append(f"{what} given back")


def close_account(nickname: object) -> None:
    done.append(("closed", nickname))


@pytest.fixture
def bot() -> Bot:
    done.clear()
    bot = Bot(forget_on_unsubscribe=True)

    @bot.text("买")
    def buy(chat: Chat) -> Dialog[str]:
        chat.data["nickname"] = yield from chat.ask("怎么称呼？")
        try:
            return (yield from chat.ask("买什么？"))
        finally:
            yield from chat.step(give_back, "座位")

    @bot.text("坏")
    def broken(chat: Chat) -> str:
        raise ZeroDivisionError(chat.user)

    @bot.text("长")
    def long(chat: Chat) -> str:
        return "字" * 1000

    @bot.event("unsubscribe")
    def gone(chat: Chat) -> Dialog[str]:
        yield from chat.step(close_account, chat.data.get("nickname"))
        try:
            return (yield from chat.ask("为什么走？"))
        finally:
            yield from chat.step(give_back, "问卷")

    @bot.event("subscribe")
    def welcome(chat: Chat) -> str:
        return f"欢迎{chat.data.get('nickname', '新朋友')}"

    return bot


def stored(talk: Talk) -> list[str]:
    """Users of whom anything is stored."""
    return [line.user for line in talk._world.store.list(everybody=True)]


def test_clean_up_and_the_dialog_for_it_run_and_then_nothing_is_left(bot: Bot) -> None:
    talk = Talk(bot)
    talk("买")
    talk("小明")
    talk.other("oElse")("买")
    assert talk.event("unsubscribe") == ""
    # The conversation that ended says what it knows of the user, as ever; nobody after it does.
    assert done == ["座位 given back", ("closed", "小明"), "问卷 given back"]
    assert [user.partition(":")[2] for user in stored(talk)] == ["oElse"]
    assert talk.event("subscribe") == "欢迎新朋友"


def test_what_is_parked_or_held_goes_too(bot: Bot) -> None:
    talk = Talk(bot, apologies=True)
    talk("坏")
    talk("长")
    assert talk.parked == 1
    talk.event("unsubscribe")
    assert stored(talk) == []
    assert talk("继续") == ""


def test_a_repeated_unsubscribe_cleans_up_no_second_time(bot: Bot) -> None:
    talk = Talk(bot)
    talk("买")
    talk("小明")
    talk.event("unsubscribe")
    assert talk.resend() == ""
    assert done.count("座位 given back") == 1
    assert stored(talk) == []


@pytest.mark.parametrize("when", ["before", "in", "after"])
@pytest.mark.parametrize("repeats", [True, False])
@pytest.mark.parametrize("step", [give_back, close_account])
def test_a_worker_that_dies_in_it_leaves_nothing_half(
    bot: Bot, when: str, repeats: bool, step: Callable[..., Any]
) -> None:
    talk = Talk(bot)
    talk("买")
    talk("小明")
    talk.crashes(step, when, repeats=repeats)
    talk.event("unsubscribe")
    if not repeats:
        # Nobody repeats it: it is seen to before they who came back are anybody's.
        assert len(stored(talk)) == 1
        assert talk.event("subscribe") == "欢迎新朋友"
    assert stored(talk) == []
    assert [one for one in dict.fromkeys(done) if one != "问卷 given back"] == [
        "座位 given back",
        ("closed", "小明"),
    ]


@pytest.mark.parametrize("step", [give_back, close_account])
def test_a_step_that_kills_whoever_runs_it_keeps_nobody(bot: Bot, step: Callable[..., Any]) -> None:
    talk = Talk(bot)
    talk("买")
    talk("小明")
    talk.crashes(step, "in", times=100)
    talk.event("unsubscribe")
    for _ in range(2):
        talk.event("subscribe")
    assert stored(talk) == []
    assert talk.event("subscribe") == "欢迎新朋友"


def test_a_clean_up_that_kills_keeps_nobody_though_no_dialog_is_there_for_it() -> None:
    bot = Bot(forget_on_unsubscribe=True)

    @bot.text("买")
    def buy(chat: Chat) -> Dialog[str]:
        try:
            return (yield from chat.ask("买什么？"))
        finally:
            yield from chat.step(give_back, "座位")

    talk = Talk(bot)
    talk("买")
    talk.crashes(give_back, "in", times=100)
    talk.event("unsubscribe")
    for _ in range(2):
        talk.event("subscribe")
    assert stored(talk) == []


def test_a_dialog_that_breaks_in_it_keeps_nothing(bot: Bot) -> None:
    other = Bot(forget_on_unsubscribe=True)

    @other.event("unsubscribe")
    def gone(chat: Chat) -> Dialog[str]:
        chat.data["left"] = True
        yield from chat.step(close_account, "小明")
        raise ZeroDivisionError

    talk = Talk(other, apologies=True)
    talk.event("unsubscribe")
    assert done == [("closed", "小明")]
    assert stored(talk) == []


def test_who_only_has_data_is_forgotten(bot: Bot) -> None:
    talk = Talk(bot)
    talk("买")
    talk("小明")
    talk("取消")
    assert not talk.waiting
    assert len(stored(talk)) == 1
    talk.event("unsubscribe")
    assert stored(talk) == []


def test_a_bot_keeps_what_it_knows_unless_it_is_told(bot: Bot) -> None:
    other = Bot()

    @other.text("我")
    def me(chat: Chat) -> Dialog[str]:
        try:
            chat.data["nickname"] = yield from chat.ask("怎么称呼？")
        except Cancelled:
            chat.say("好")
            raise
        return "记住了"

    talk = Talk(other)
    talk("我")
    talk("小明")
    talk.event("unsubscribe")
    assert len(stored(talk)) == 1

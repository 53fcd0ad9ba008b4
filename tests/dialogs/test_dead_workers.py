"""Workers that die in a turn, one after another, until the platform gives up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.dialogs.outside import aside, bot_with, head_of
from wechat_dialog import Bot, Chat, Dialog, messages
from wechat_dialog.platform.display import FAULT
from wechat_dialog.testing import Talk


class Shop:
    """What the steps of a dialog call: it records the calls, and their keys."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def pay(self, what: str, idempotency_key: str = "") -> str:
        self.asked.append((what, idempotency_key))
        return f"付了{what}"

    @property
    def paid(self) -> list[str]:
        """What was paid for, each key once, as whoever takes money does it."""
        return [what for what, _ in dict.fromkeys(self.asked)]


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def talk(shop: Shop) -> Talk:
    bot = Bot()

    @bot.text("买")
    def buy(chat: Chat) -> Dialog[str]:
        first = yield from chat.ask("买什么？", str)
        chat.say((yield from chat.step(shop.pay, first)))
        second = yield from chat.ask("还要什么？", str)
        return (yield from chat.step(shop.pay, second))

    @bot.text("苹果")
    def apple(chat: Chat) -> str:
        return "没在买。"

    return Talk(bot)


@pytest.mark.parametrize("when", ["before", "in"])
def test_a_turn_that_nobody_finished_is_finished_first_when_its_user_writes_again(
    talk: Talk, shop: Shop, when: str
) -> None:
    talk("买")
    talk.crashes(Shop.pay, when, repeats=False)
    assert talk("苹果") == FAULT
    # The same word again: its step was done, and it is no answer to a question that was shown.
    assert talk("苹果") == "（刚才那条没有作为回答，请先看：）\n付了苹果\n还要什么？"
    assert talk("梨") == "付了梨"
    assert shop.paid == ["苹果", "梨"]
    assert not talk.waiting


def test_a_cut_off_turn_is_finished_first_hours_later_too(talk: Talk, shop: Shop) -> None:
    talk("买")
    talk.crashes(Shop.pay, "in", repeats=False)
    talk("苹果")
    talk.advance(3 * 3600)
    assert talk("梨").endswith("付了苹果\n还要什么？")
    assert shop.paid == ["苹果"]


def test_a_step_that_kills_whoever_runs_it_does_not_trap_its_user(talk: Talk, shop: Shop) -> None:
    talk("买")
    talk.crashes(Shop.pay, "in", times=100)
    assert talk("苹果") == FAULT
    assert talk("苹果") == "抱歉，出了点问题，请稍后再试。\n没在买。"
    assert talk.parked == 1
    assert len(shop.asked) == 3
    assert shop.paid == ["苹果"]


def test_two_machines_may_go_down_in_one_turn(talk: Talk, shop: Shop) -> None:
    talk("买")
    talk.crashes(Shop.pay, "in", times=2, repeats=False)
    assert talk("苹果") == FAULT
    assert talk("苹果") == FAULT
    assert talk("苹果").endswith("付了苹果\n还要什么？")
    assert shop.paid == ["苹果"]


def test_what_follows_from_a_turn_that_is_given_up_begins_with_its_message(shop: Shop) -> None:
    def bot_of(buy: Callable[[Chat], Dialog[Any]]) -> Bot:
        bot = Bot(timeout=None)
        bot.text("买", name="buy")(buy)

        @bot.text("客服", anytime=True)
        def serve(chat: Chat) -> Dialog[str]:
            yield from chat.step(len, "电话")
            return (yield from chat.step(shop.pay, "电话"))

        bot.dialog(name="check_out")(check_out)
        return bot

    def check_out(chat: Chat) -> str:
        assert isinstance(chat.message, messages.Text)
        return f"说了{chat.message.text}"

    def buy(chat: Chat) -> Dialog[str]:
        what = yield from chat.ask("买什么？")
        return what + str((yield from chat.ask("几个？", int)))

    def buy_one(chat: Chat) -> Dialog[object]:
        yield from chat.ask("买什么？")
        return chat.continue_as(check_out)

    talk = Talk(bot_of(buy))
    talk("买")
    talk("苹果")
    talk.crashes(Shop.pay, "in", times=3, repeats=False)
    assert [talk(text) for text in ("客服", "在吗？", "喂？")] == [FAULT] * 3
    talk.restart(bot_of(buy_one))
    assert "说了客服" in talk("有人吗？")


@pytest.mark.parametrize("recorded", [True, False])
def test_an_interruption_that_kills_its_workers_leaves_what_it_interrupted(
    shop: Shop, recorded: bool
) -> None:
    bot = Bot(timeout=None)

    @bot.text("买")
    def buy(chat: Chat) -> Dialog[str]:
        return f"买了{(yield from chat.ask('买什么？'))}。"

    @bot.text("客服", anytime=True)
    def serve(chat: Chat) -> Dialog[str]:
        if recorded:
            yield from chat.step(len, "电话")
        return (yield from chat.step(shop.pay, "电话"))

    talk = Talk(bot)
    talk("买")
    talk.crashes(Shop.pay, "in", times=3)
    assert talk("客服") == FAULT
    assert "买什么？" in talk("在吗？")
    assert talk.parked == 1
    assert talk("苹果") == "买了苹果。"


def check() -> None:
    """A step that the new release inserts."""


@pytest.mark.parametrize("answers", [1, 2], ids=["nothing is dropped", "an answer is dropped"])
def test_a_turn_that_changed_code_continued_repeats_no_earlier_request(
    answers: int,
) -> None:
    def release(*, checks: bool) -> Bot:
        def order(chat: Chat) -> Dialog[str]:
            yield from chat.ask("几位？")
            chat.remind(3600, "到点了")
            chat.say("记下了。")
            if checks:
                yield from chat.step(check)
            time = yield from chat.ask("几点？")
            return (yield from chat.ask(f"{time}，叫什么？"))

        return bot_with(order)

    talk = Talk(release(checks=False))
    talk("开始")
    assert talk("2") == "记下了。\n几点？"
    for _ in range(answers - 1):
        talk("9")
    talk.restart(release(checks=True))
    talk.crashes(check, "after")
    seen = talk("王")
    assert aside(talk) == 1, "the reminder of an earlier turn is set once"
    assert seen == f"{talk._world.bot.rules.texts.changed}\n几点？"


def test_a_conversation_below_another_is_not_taken_for_cut_off() -> None:
    """In one turn, changed code drops an answer and another dialog interrupts."""

    def release(question: str) -> Bot:
        def order(chat: Chat) -> Dialog[str]:
            yield from chat.ask("几位？")
            yield from chat.ask(question)
            return (yield from chat.ask("叫什么？"))

        def service(chat: Chat) -> Dialog[str]:
            return (yield from chat.ask("什么事？"))

        return bot_with(order, anytime=service)

    talk = Talk(release("几点？"))
    for said in ("开始", "2", "9"):
        talk(said)
    talk.restart(release("哪天？"))
    assert talk("帮助").endswith("什么事？")
    below, top = head_of(talk).stack
    assert below.base + below.length == top.base

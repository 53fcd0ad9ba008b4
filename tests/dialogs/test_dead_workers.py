"""Workers that die in a turn, one after another, until the platform gives up."""

from __future__ import annotations

import pytest

from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.platform.showing import FAULT
from wechat_dialog.testing import Talk


class Shop:
    """Whom the steps of a dialog call: he knows what he was asked for, and under which keys."""

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
    # The same word again: what it meant has been seen to, and it answers nothing he has seen.
    assert talk("苹果") == "（刚才那条没有作为回答，请先看：）\n付了苹果\n还要什么？"
    assert talk("梨") == "付了梨"
    assert shop.paid == ["苹果", "梨"]
    assert not talk.waiting


def test_it_is_finished_first_hours_later_too(talk: Talk, shop: Shop) -> None:
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

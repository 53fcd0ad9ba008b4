"""A hint that stands in the place of the question, which other libraries' users are used to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from wechat_dialog import Bot, Chat, Dialog, Texts
from wechat_dialog.testing import Talk


def talk_to(hint: str | None, *, repeat: bool = False, **settings: Any) -> Talk:
    bot = Bot(timeout=None, **settings)

    @bot.text("开始")
    def order(chat: Chat) -> Dialog[str]:
        count = yield from chat.ask("几份？", int, hint=hint, repeat=repeat)
        sure = yield from chat.confirm(f"{count} 份？", hint="是或者否。", repeat=False)
        return f"{count} {sure}"

    @bot.text("帮助", anytime=True)
    def explain(chat: Chat) -> str:
        return "说个数。"

    return Talk(bot)


def test_a_hint_stands_alone() -> None:
    talk = talk_to("请回复数字。")
    assert talk("开始") == "几份？"
    assert talk("很多") == "请回复数字。"
    assert talk("更多") == "请回复数字。"
    assert talk("3").startswith("3 份？")
    assert talk("也许") == "是或者否。"
    assert talk("是") == "3 True"


def test_behind_it_the_question_is_said_again_unless_told_otherwise() -> None:
    talk = talk_to("请回复数字。", repeat=True)
    talk("开始")
    assert talk("很多") == "请回复数字。\n几份？"


def test_what_the_parser_says_stands_alone_too() -> None:
    talk = talk_to(None)
    talk("开始")
    assert "几份？" not in talk("很多")


def test_a_hint_that_says_nothing_leaves_the_question() -> None:
    talk = talk_to("")
    talk("开始")
    assert talk("很多") == "几份？"


def test_an_interruption_asks_the_question_itself_again() -> None:
    talk = talk_to("请回复数字。")
    talk("开始")
    talk("很多")
    assert talk("帮助") == "说个数。\n几份？"
    talk.restart()
    assert talk("很多") == "请回复数字。"


def test_in_a_form_as_well() -> None:
    @dataclass
    class Order:
        count: int

    bot = Bot(timeout=None)

    @bot.text("开始")
    def order(chat: Chat) -> Dialog[str]:
        made = yield from chat.form(Order, hint="请回复数字。", repeat=False, summary=False)
        return str(made.count)

    talk = Talk(bot)
    asked = talk("开始")
    assert asked
    assert talk("很多") == "请回复数字。"
    assert talk("2") == "2"


WAY_OUT = "（不想继续的话，请回复“不玩了”。）"


@pytest.mark.parametrize("repeat", [True, False])
def test_who_is_lost_is_told_how_to_leave_at_every_third_answer(repeat: bool) -> None:
    talk = talk_to("请回复数字。", repeat=repeat, cancel=("不玩了", "取消"))
    talk("开始")
    told = [WAY_OUT in talk(text) for text in ("很多", "?", "帮助", "不多", "更多", "好多", "几个")]
    assert told == [False, False, False, True, False, False, True], "帮助 is no answer"
    assert WAY_OUT not in talk("3")
    assert [WAY_OUT in talk("也许") for _ in range(3)] == [False, False, True], "counted anew"
    assert talk("不玩了") == "已取消。"


@pytest.mark.parametrize(
    "settings", [{"cancel": ()}, {"texts": Texts(way_out="")}], ids=["no words", "not wanted"]
)
def test_where_there_is_no_way_out_none_is_told(settings: dict[str, Any]) -> None:
    talk = talk_to("请回复数字。", **settings)
    talk("开始")
    assert [talk("很多") for _ in range(6)] == ["请回复数字。"] * 6


def test_a_question_that_takes_the_word_as_an_answer_does_not_offer_it() -> None:
    bot = Bot()

    @bot.text("开始")
    def order(chat: Chat) -> Dialog[str]:
        return str((yield from chat.ask("几份？", int, hint="请回复数字。", cancel=False)))

    talk = Talk(bot)
    talk("开始")
    assert {talk("取消") for _ in range(3)} == {"请回复数字。\n几份？"}


@pytest.mark.parametrize("restart", [False, True], ids=["live", "replayed"])
def test_what_an_answer_that_does_not_fit_draws_is_drawn_again(restart: bool) -> None:
    """It is in no journal, so a replay knows nothing of the parser's and the hint's draws."""
    bot = Bot()

    @bot.text("猜")
    def guess(chat: Chat) -> Dialog[str]:
        def even(text: str) -> int:
            number = int(text) + chat.random.randint(0, 1) * 0
            if number % 2:
                raise ValueError("要双数")
            return number

        chat.say(str(chat.random.random()))
        yield from chat.ask("几？", even)
        yield from chat.ask("还有？", even, hint=lambda _: f"不行 {chat.random.random()}")
        return f"{chat.random.random()}"

    def last(*said: str) -> str:
        talk = Talk(bot)  # strict mode compares with a replay, too
        seen = ""
        for text in ("猜", *said):
            seen = talk(text)
            if restart:
                talk.restart()
        return seen

    assert last("2", "4") == last("1", "3", "2", "1", "好", "4")


def test_what_reading_a_secret_draws_is_drawn_again() -> None:
    """A replay does not read it."""
    bot = Bot()

    @bot.text("密")
    def confide(chat: Chat) -> Dialog[str]:
        def drawing(text: str) -> str:
            return f"{text} {chat.random.random()}"

        yield from chat.ask("密码？", drawing, secret=True)
        drawn = str(chat.random.random())
        yield from chat.step(str)
        return drawn

    talk = Talk(bot)
    talk("密")
    once = talk("1234")
    other = Talk(bot)
    other("密")
    other.crashes("str")
    assert other("1234") == once

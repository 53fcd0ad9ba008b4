"""`anytime` routes in the middle of a conversation, and messages handed back: design, 5."""

from __future__ import annotations

import logging
import re

import pytest

from tests.dialogs.journals import all_records, state
from wechat_dialog import Bot, Chat, Dialog, UnexpectedAnswer
from wechat_dialog.testing import Talk


def with_help() -> Bot:
    """A bot with a conversation of two questions, a plain 帮助 and a 人工 that asks."""
    bot = Bot()

    @bot.text("订餐")
    def order(chat: Chat) -> Dialog[str]:
        dish = yield from chat.ask("吃什么？")
        count = yield from chat.ask("几份？", int)
        return f"{dish} × {count}"

    @bot.text("帮助", anytime=True)
    def help_(chat: Chat) -> str:
        return "说“订餐”开始。"

    @bot.text("人工", anytime=True)
    def human(chat: Chat) -> Dialog[str]:
        topic = yield from chat.ask("什么事？")
        return f"已转告：{topic}"

    return bot


def test_a_plain_anytime_answers_and_the_pending_question_is_asked_again() -> None:
    talk = Talk(with_help())
    talk("订餐")
    talk("面")
    assert talk("帮助") == "说“订餐”开始。\n几份？"
    assert talk("2") == "面 × 2"


def test_an_anytime_route_answers_out_of_the_blue_as_well() -> None:
    assert Talk(with_help())("帮助") == "说“订餐”开始。"


def test_nothing_of_an_interruption_stays_in_the_journal() -> None:
    talk = Talk(with_help())
    talk("订餐")
    talk("面")
    before = all_records(talk)
    talk("帮助")
    talk("人工")
    assert len(all_records(talk)) == len(before) + 1, "while it runs, it has records of its own"
    talk("发票")
    assert all_records(talk) == before


def test_an_anytime_dialog_of_several_turns_pushes_the_running_one_aside_and_returns_to_it() -> (
    None
):
    talk = Talk(with_help())
    talk("订餐")
    assert talk("人工") == "什么事？"
    talk.restart()
    assert talk("发票") == "已转告：发票\n吃什么？"
    talk.restart()
    talk("面")
    assert talk("1") == "面 × 1"


def test_an_anytime_word_does_not_interrupt_its_own_dialog() -> None:
    talk = Talk(with_help())
    talk("人工")
    assert talk("人工") == "已转告：人工"


def test_an_anytime_word_that_is_an_option_is_an_answer() -> None:
    bot = with_help()

    @bot.text("问卷")
    def ask(chat: Chat) -> Dialog[str]:
        return (yield from chat.choose("您要什么？", ["帮助", "人工"]))

    talk = Talk(bot)
    talk("问卷")
    assert talk("帮助") == "帮助"


def test_an_anytime_route_for_another_kind_of_message_interrupts_a_question_for_text() -> None:
    bot = with_help()

    @bot.message("image", anytime=True)
    def picture(chat: Chat) -> str:
        return "好看。"

    talk = Talk(bot)
    talk("订餐")
    assert talk.image() == "好看。\n吃什么？"


def nested() -> Bot:
    bot = Bot()

    @bot.text("开始")
    def start(chat: Chat) -> Dialog[str]:
        return "底：" + (yield from chat.ask("底？"))

    for number in range(1, 7):

        def interrupt(chat: Chat, number: int = number) -> Dialog[str]:
            return f"{number}：" + (yield from chat.ask(f"{number}？"))

        bot.text(f"插{number}", anytime=True, name=f"i{number}")(interrupt)
    return bot


def test_conversations_interrupt_each_other_five_deep_at_most_and_return_in_order() -> None:
    talk = Talk(nested())
    talk("开始")
    for number in range(1, 5):
        assert talk(f"插{number}") == f"{number}？"
        talk.restart()
    assert talk("插5") == "4：插5\n3？", "the sixth is an answer to the fifth"
    assert [talk(text) for text in ("c", "b", "a", "z")] == [
        "3：c\n2？",
        "2：b\n1？",
        "1：a\n底？",
        "底：z",
    ]
    assert not talk.waiting


def test_cancelling_five_deep_goes_up_one_at_a_time() -> None:
    talk = Talk(nested())
    for text in ("开始", "插1", "插2"):
        talk(text)
    assert talk("取消") == "已取消。\n1？"
    assert talk("取消") == "已取消。\n底？"
    assert talk("取消") == "已取消。"


def test_a_bug_in_an_interruption_parks_it_alone() -> None:
    bot = with_help()

    @bot.text("坏", anytime=True)
    def broken(chat: Chat) -> str:
        raise RuntimeError("a bug")

    talk = Talk(bot, apologies=True)
    talk("订餐")
    assert talk("坏") == "抱歉，出了点问题，请稍后再试。\n吃什么？"
    assert talk.parked == 1
    assert talk("面") == "几份？"


def test_an_interruption_that_expires_takes_nothing_with_it_that_has_longer() -> None:
    bot = Bot(timeout=600)

    @bot.text("长")
    def long(chat: Chat) -> Dialog[str]:
        return "长：" + (yield from chat.ask("长？"))

    @bot.text("短", anytime=True, timeout=10)
    def short(chat: Chat) -> Dialog[str]:
        return "短：" + (yield from chat.ask("短？"))

    talk = Talk(bot)
    talk("长")
    talk("短")
    talk.advance(11)
    assert talk("x") == "长：x"


# Messages handed back ------------------------------------------------------------


def with_colours() -> Bot:
    bot = Bot()

    def colour(chat: Chat) -> Dialog[str]:
        said = yield from chat.ask("什么颜色？")
        if said not in ("红", "绿"):
            raise UnexpectedAnswer
        return said

    @bot.text("颜色")
    def ask(chat: Chat) -> Dialog[str]:
        chat.say("开始。")
        return "是" + (yield from colour(chat))

    @bot.text("天气")
    def weather(chat: Chat) -> str:
        return "晴"

    return bot


def test_an_unexpected_answer_of_a_sub_dialog_goes_to_the_router_as_a_first_message() -> None:
    talk = Talk(with_colours())
    talk("颜色")
    assert talk("天气") == "晴"
    assert not talk.waiting


def test_an_unexpected_answer_may_start_its_own_dialog_again() -> None:
    talk = Talk(with_colours())
    talk("颜色")
    assert talk("颜色") == "开始。\n什么颜色？"


def test_an_unexpected_answer_without_a_route_gets_no_reply() -> None:
    talk = Talk(with_colours())
    talk("颜色")
    assert talk("蓝") == ""
    assert not talk.waiting


def test_a_dialog_that_hands_back_its_first_message_gives_it_to_the_next_route_that_matches() -> (
    None
):
    bot = Bot()
    tried: list[str] = []

    @bot.text(re.compile("(?P<what>.+)天气"))
    def first(chat: Chat, what: str) -> str:
        tried.append("first")
        raise UnexpectedAnswer

    @bot.text(re.compile("明天(?P<what>.*)"))
    def second(chat: Chat, what: str) -> str:
        tried.append("second")
        return f"明天的{what}"

    talk = Talk(bot, strict=False)  # which runs an ended dialog once more, to compare
    assert talk("明天天气") == "明天的天气"
    assert tried == ["first", "second"]


def test_where_every_dialog_hands_it_back_there_is_no_reply_and_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bot = Bot()

    @bot.text("x")
    def first(chat: Chat) -> None:
        raise UnexpectedAnswer

    @bot.fallback
    def last(chat: Chat) -> None:
        raise UnexpectedAnswer

    with caplog.at_level(logging.WARNING, "wechat_dialog"):
        assert Talk(bot)("x") == ""
    assert "handed" in caplog.text


def test_an_interruption_that_hands_its_message_back_lets_the_question_have_it() -> None:
    bot = Bot()

    @bot.text("问")
    def ask(chat: Chat) -> Dialog[str]:
        return "答：" + (yield from chat.ask("？"))

    @bot.text(re.compile("帮.*"), anytime=True)
    def help_(chat: Chat) -> str:
        raise UnexpectedAnswer

    talk = Talk(bot)
    talk("问")
    assert talk("帮我") == "答：帮我"


def test_an_interruption_may_hand_a_later_answer_to_the_conversation_below() -> None:
    bot = Bot()

    @bot.text("问")
    def ask(chat: Chat) -> Dialog[str]:
        return "答：" + (yield from chat.ask("？"))

    @bot.text("帮助", anytime=True)
    def help_(chat: Chat) -> Dialog[str]:
        if (yield from chat.ask("一还是二？")) not in "一二":
            raise UnexpectedAnswer
        return "好"

    talk = Talk(bot)
    talk("问")
    talk("帮助")
    assert talk("别的") == "答：别的"


def test_an_event_that_an_anytime_dialog_hands_back_answers_no_question() -> None:
    bot = Bot()

    @bot.text("问")
    def ask(chat: Chat) -> Dialog[str]:
        return "答：" + (yield from chat.ask("？", attempts=1))

    @bot.click("k", anytime=True)
    def click(chat: Chat) -> str:
        raise UnexpectedAnswer

    talk = Talk(bot)
    talk("问")
    assert talk.event("CLICK", "k") == ""
    assert len(state(talk).stack) == 1
    assert talk("x") == "答：x"

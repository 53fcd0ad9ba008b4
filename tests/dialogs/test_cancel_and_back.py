"""Cancel words and back words, through a whole bot (design, section 5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.dialogs.journals import all_records
from wechat_dialog import Bot, Cancelled, Chat, Dialog
from wechat_dialog.core.replay.records import Rewind
from wechat_dialog.testing import Talk


def booking(done: list[str], question: str = "姓名？", **settings: Any) -> Bot:
    """A bot with one dialog that reserves, asks, and gives back what it reserved."""
    bot = Bot(**settings)

    def reserve() -> str:
        done.append("reserved")
        return "A1"

    def release(seat: str) -> None:
        done.append(f"released {seat}")

    @bot.text("订票")
    def book(chat: Chat) -> Dialog[str]:
        seat = yield from chat.step(reserve)
        try:
            name = yield from chat.ask(question)
            phone = yield from chat.ask("电话？")
        finally:
            yield from chat.step(release, seat)
        return f"{name} {phone}"

    return bot


@pytest.mark.parametrize("word", ["取消", "退出", " 取消 "])
def test_a_cancel_word_ends_the_conversation_and_says_so(word: str) -> None:
    done: list[str] = []
    talk = Talk(booking(done))
    talk("订票")
    assert talk(word) == "已取消。"
    assert not talk.waiting
    assert done == ["reserved", "released A1"]


def test_steps_in_a_finally_run_once_although_the_process_changes_hands_at_every_turn() -> None:
    done: list[str] = []
    talk = Talk(booking(done))
    for text in ("订票", "张三"):
        talk(text)
        talk.restart()
    assert done == ["reserved"]
    assert talk("139") == "张三 139"
    assert done == ["reserved", "released A1"]


def test_a_clean_up_step_is_not_repeated_after_a_crash_behind_it() -> None:
    done: list[str] = []
    talk = Talk(booking(done))
    talk("订票")
    talk.crashes("booking.<locals>.release", "after")
    assert talk("取消") == "已取消。"
    assert done == ["reserved", "released A1"]


def test_steps_in_a_finally_run_when_the_dialog_breaks() -> None:
    done: list[str] = []
    bot = Bot()

    @bot.text("坏")
    def broken(chat: Chat) -> Dialog[None]:
        try:
            number = yield from chat.ask("几？", int)
            chat.say(str(1 // number))
        finally:
            yield from chat.step(done.append, "cleaned")

    talk = Talk(bot, apologies=True)
    talk("坏")
    assert talk("0") == "抱歉，出了点问题，请稍后再试。"
    assert done == ["cleaned"]
    assert talk.parked == 1


def test_a_dialog_may_say_goodbye_in_its_own_words() -> None:
    bot = Bot()

    @bot.text("开始")
    async def start(chat: Chat) -> str:
        try:
            return await chat.ask("名字？")
        except Cancelled:
            why = await chat.ask("为什么？", cancel=False)
            return f"好的，{why}。"

    talk = Talk(bot)
    talk("开始")
    assert talk("取消") == "为什么？"
    assert talk("取消") == "好的，取消。"


def test_except_exception_does_not_swallow_a_cancel_word() -> None:
    bot = Bot()

    @bot.text("开始")
    def start(chat: Chat) -> Dialog[str]:
        while True:
            try:
                yield from chat.ask("名字？")
            except Exception:  # noqa: BLE001 - what an author writes
                continue

    talk = Talk(bot)
    talk("开始")
    assert talk("取消") == "已取消。"


def test_cancel_and_back_words_are_answers_where_a_question_turns_them_off() -> None:
    bot = Bot()

    @bot.text("开始")
    def start(chat: Chat) -> Dialog[str]:
        first = yield from chat.ask("一？", cancel=False)
        second = yield from chat.ask("二？", back=False)
        return first + second

    talk = Talk(bot)
    talk("开始")
    talk("取消")
    assert talk("返回") == "取消返回"


def test_the_words_are_the_bot_s_to_choose() -> None:
    bot = Bot(cancel=("再见",), back=("上一步",))

    @bot.text("开始")
    def start(chat: Chat) -> Dialog[str]:
        first = yield from chat.ask("一？")
        second = yield from chat.ask("二？")
        return first + second

    talk = Talk(bot)
    talk("开始")
    assert talk("取消") == "二？"
    assert talk("上一步") == "一？"
    assert talk("返回") == "二？"
    assert talk("再见") == "已取消。"


def three() -> Bot:
    bot = Bot()

    @bot.text("三")
    def ask_three(chat: Chat) -> Dialog[str]:
        said: list[str] = []
        for number in "一二三":
            said += [(yield from chat.ask(f"{number}？"))]
        return "".join(said)

    return bot


@pytest.mark.parametrize("restart", [False, True], ids=["live", "replayed"])
def test_back_over_several_answers_asks_each_question_again(restart: bool) -> None:
    talk = Talk(three())
    seen: list[str] = []
    for text in ["三", "a", "b", "返回", "返回", "返回", "x", "y", "返回", "z", "w"]:
        seen.append(talk(text))
        if restart:
            talk.restart()
    assert seen == [
        "一？", "二？", "三？", "二？", "一？", "已经不能再返回了。\n一？", "二？", "三？", "二？",
        "三？",
        "xzw",
    ]  # fmt: skip


def test_a_journal_is_never_rewritten_by_going_back() -> None:
    talk = Talk(three())
    for text in ("三", "a", "b"):
        talk(text)
    before = all_records(talk)
    talk("返回")
    after = all_records(talk)
    assert after[: len(before)] == before
    assert after[len(before) :] == [Rewind(2, "back")]


def test_there_is_no_way_back_over_a_step() -> None:
    bot = Bot()
    done: list[str] = []

    @bot.text("付款")
    def pay(chat: Chat) -> Dialog[str]:
        amount = yield from chat.ask("多少？")
        yield from chat.step(done.append, amount)
        note = yield from chat.ask("备注？")
        more = yield from chat.ask("还有？")
        return amount + note + more

    talk = Talk(bot)
    talk("付款")
    talk("5")
    assert talk("返回") == "已经不能再返回了。\n备注？"
    talk("x")
    assert talk("返回") == "备注？", "the answer behind the step can be taken back"
    assert talk("返回") == "已经不能再返回了。\n备注？"
    talk("y")
    assert talk("z") == "5yz"
    assert done == ["5"]


def test_what_an_answer_taken_back_left_in_the_user_s_data_is_taken_back_too() -> None:
    bot = Bot()

    @bot.text("名字")
    def name(chat: Chat) -> Dialog[str]:
        chat.data["name"] = yield from chat.ask("名字？")
        return (yield from chat.ask("好吗？"))

    @bot.text("我是谁")
    def who(chat: Chat) -> str:
        return str(chat.data.get("name", "不认识"))

    talk = Talk(bot)
    for text in ("名字", "张三", "返回", "取消"):
        talk(text)
    assert talk("我是谁") == "不认识"


def test_what_was_said_before_a_question_is_not_said_again_by_going_back() -> None:
    bot = Bot()

    @bot.text("开始")
    def start(chat: Chat) -> Dialog[str]:
        chat.say("欢迎！")
        first = yield from chat.ask("一？")
        chat.say("收到。")
        second = yield from chat.ask("二？")
        return first + second

    talk = Talk(bot)
    assert talk("开始") == "欢迎！\n一？"
    assert talk("1") == "收到。\n二？"
    assert talk("返回") == "一？"
    assert talk("1") == "收到。\n二？"


def test_cancel_and_back_inside_an_interruption_concern_the_interruption_only() -> None:
    bot = three()

    @bot.text("帮助", anytime=True)
    def help_(chat: Chat) -> Dialog[str]:
        topic = yield from chat.ask("什么事？")
        detail = yield from chat.ask("哪一点？")
        return topic + detail

    talk = Talk(bot)
    talk("三")
    talk("a")
    assert talk("帮助") == "什么事？"
    assert talk("返回") == "已经不能再返回了。\n什么事？"
    talk("价格")
    assert talk("返回") == "什么事？"
    assert talk("取消") == "已取消。\n二？"
    assert talk("返回") == "一？"


def test_a_cancel_word_that_is_an_option_is_an_answer() -> None:
    bot = Bot()

    @bot.text("单")
    def order(chat: Chat) -> Dialog[Any]:
        return (yield from chat.choose("订单怎么办？", {"取消": "取消了", "返回": "退回了"}))

    talk = Talk(bot)
    talk("单")
    assert talk.tap("取消") == "取消了"
    talk("单")
    assert talk("返回") == "退回了"


def cancels(talk: Talk, _done: list[str]) -> None:
    talk("取消")


def leaves(talk: Talk, _done: list[str]) -> None:
    talk.event("unsubscribe")


def changes_the_subject(talk: Talk, _done: list[str]) -> None:
    talk.event("CLICK", "menu")


def says_nothing(talk: Talk, _done: list[str]) -> None:
    talk.advance(61)
    talk("在吗")


def is_updated(talk: Talk, done: list[str]) -> None:
    talk.restart(booking(done, question="贵姓？", on_divergence="restart"))
    talk("王")


@pytest.mark.parametrize(
    ("ends", "cleans"),
    [
        (cancels, True),
        (leaves, True),
        (changes_the_subject, True),
        (says_nothing, False),
        (is_updated, False),
    ],
)
def test_which_endings_run_the_clean_up(
    ends: Callable[[Talk, list[str]], None], cleans: bool
) -> None:
    done: list[str] = []
    bot = booking(done)
    bot.click("menu")(lambda chat: f"好，{chat.user}")
    talk = Talk(bot)
    talk("订票")
    ends(talk, done)
    assert ("released A1" in done) is cleans

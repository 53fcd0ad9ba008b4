"""What one turn says: merged, cut and held (design, section 7; protocol reference 5.2)."""

from __future__ import annotations

import re

import pytest

from wechat_dialog import Bot, Chat, Dialog, replies
from wechat_dialog.replies import Article, Image, News, Text
from wechat_dialog.testing import Seen, Talk

LINES = "\n".join(f"第{number}行" + "字" * 60 for number in range(1, 31))


def fetch_all(talk: Talk, seen: Seen) -> list[str]:
    """Tap 继续 until there is none; returns the parts without it."""
    parts: list[str] = []
    while True:
        assert isinstance(seen.reply, Text)
        assert len(seen.reply.content.encode()) <= 2047
        parts.append(seen.removesuffix("\n继续"))
        if "继续" not in seen.taps:
            return parts
        talk.restart()
        seen = talk.tap("继续")


def long_bot() -> Bot:
    bot = Bot()

    @bot.text("长")
    def long(chat: Chat) -> str:
        return LINES

    @bot.text("长问")
    def long_question(chat: Chat) -> Dialog[str]:
        chat.say(LINES)
        return "答：" + (yield from chat.ask("看完了吗？"))

    @bot.text("嗨")
    def hi(chat: Chat) -> str:
        return "你好"

    return bot


def test_what_is_said_before_a_question_or_an_answer_comes_with_it_in_one_reply() -> None:
    bot = Bot()

    @bot.text("开始")
    def start(chat: Chat) -> Dialog[str]:
        chat.say("一")
        chat.say("二")
        chat.say(None)
        chat.say("  ")
        name = yield from chat.ask("三？")
        chat.say("四")
        return name

    talk = Talk(bot)
    assert talk("开始") == "一\n二\n三？"
    assert talk("五") == "四\n五"


def test_a_long_answer_is_cut_at_lines_and_comes_whole_and_in_order() -> None:
    talk = Talk(long_bot())
    parts = fetch_all(talk, talk("长"))
    assert len(parts) > 2
    assert "\n".join(parts) == LINES


def test_a_long_answer_is_never_cut_inside_a_character_or_a_link() -> None:
    bot = Bot()
    link = '<a href="https://example.com/?q=1">链接</a>'

    @bot.text("长")
    def long(chat: Chat) -> str:
        return ("👨‍👩‍👧‍👦" * 70 + link) * 4

    talk = Talk(bot)
    assert "".join(fetch_all(talk, talk("长"))) == ("👨‍👩‍👧‍👦" * 70 + "链接") * 4


def test_an_answer_of_exactly_2047_bytes_is_one_reply() -> None:
    bot = Bot()

    @bot.text("满")
    def full(chat: Chat) -> str:
        return "a" * 2047

    @bot.text("过")
    def over(chat: Chat) -> str:
        return "a" * 2048

    talk = Talk(bot)
    assert talk("满") == "a" * 2047
    assert "继续" in talk("过").taps


def test_the_word_may_be_typed_instead_of_tapped() -> None:
    talk = Talk(long_bot())
    talk("长")
    assert talk(" 继续 ").startswith("第")


def test_another_message_is_answered_as_itself_and_the_rest_stays_held() -> None:
    talk = Talk(long_bot())
    first = talk("长").removesuffix("\n继续")
    assert talk("嗨") == "你好"
    rest = fetch_all(talk, talk("继续"))
    assert "\n".join([first, *rest]) == LINES


def test_what_is_held_is_kept_for_24_hours_and_no_longer() -> None:
    talk = Talk(long_bot())
    talk("长")
    talk.advance(86_000)
    assert talk("继续").startswith("第")
    talk.advance(86_401)
    assert talk("继续") == ""


def test_the_word_without_anything_held_is_a_message_like_any_other() -> None:
    bot = long_bot()

    @bot.text("继续")
    def more(chat: Chat) -> str:
        return "继续什么？"

    assert Talk(bot)("继续") == "继续什么？"


def test_a_question_that_stands_unseen_is_not_answered_by_a_message_written_before_it() -> None:
    talk = Talk(long_bot())
    talk("长问")
    seen = talk("看完了")
    assert seen.startswith("（刚才那条没有作为回答，请先看：）\n第")
    while "继续" in seen.taps:
        seen = talk.tap("继续")
    assert seen.endswith("看完了吗？")
    assert talk("看完了") == "答：看完了"


def test_a_new_question_does_not_overtake_what_was_said_before_it() -> None:
    talk = Talk(long_bot())
    parts = fetch_all(talk, talk("长问"))
    assert "\n".join(parts) == f"{LINES}\n看完了吗？"


def test_a_second_kind_of_reply_is_held_and_announced() -> None:
    bot = Bot()

    @bot.text("看图")
    def show(chat: Chat) -> Dialog[str]:
        chat.say("第一张：")
        chat.say(Image("m1"))
        chat.say("第二张：")
        chat.say(News([Article("标题")]))
        return "好看吗？" + (yield from chat.ask("好看吗？"))

    talk = Talk(bot)
    assert talk("看图") == "第一张：\n继续"
    assert talk.tap("继续").reply == Image("m1")
    talk.restart()
    assert talk("继续") == "第二张：\n继续"
    assert talk.tap("继续").reply == News([Article("标题")])
    assert talk("继续") == "好看吗？"


def test_a_first_part_that_can_carry_no_link_is_announced_by_one_that_can() -> None:
    bot = Bot()

    @bot.text("看图")
    def show(chat: Chat) -> Dialog[str]:
        chat.say(Image("m1"))
        return (yield from chat.ask("好看吗？"))

    talk = Talk(bot)
    assert talk("看图") == "有几条内容给您，点一次看一条：继续"
    assert talk.tap("继续").reply == Image("m1")
    assert talk("继续") == "好看吗？"
    assert talk("好看") == "好看"


def test_a_picture_alone_is_a_reply_without_ado() -> None:
    bot = Bot()

    @bot.text("图")
    def show(chat: Chat) -> replies.Reply:
        return Image("m1")

    assert Talk(bot)("图").reply == Image("m1")


def test_an_option_named_like_the_word_that_fetches_can_be_tapped_while_something_is_held() -> None:
    bot = long_bot()

    @bot.text("选")
    def pick(chat: Chat) -> Dialog[str]:
        return (yield from chat.choose("还要吗？", ["继续", "停"]))

    talk = Talk(bot)
    talk("长")
    talk("选")
    assert talk.tap("继续") == "继续"


@pytest.mark.parametrize("value", ["", None, "  \n"])
def test_an_empty_answer_is_no_reply(value: str | None) -> None:
    bot = Bot()

    @bot.text("空")
    def nothing(chat: Chat) -> str | None:
        return value

    assert Talk(bot)("空").reply is None


# A reply that comes too late for its window


def slow_bot(*, asks: bool) -> Bot:
    bot = Bot(timeout=600)

    def think(text: str) -> str:
        return f"想好了：{text}。"

    @bot.text(re.compile("想(?P<what>.+)"))
    def slow(chat: Chat, what: str) -> Dialog[str]:
        thought = yield from chat.step(think, what)
        if asks:
            chat.say(thought)
            return "答：" + (yield from chat.ask("对吗？"))
        return thought

    @bot.text("嗨")
    def hi(chat: Chat) -> str:
        return "你好"

    @bot.click("menu")
    def menu(chat: Chat) -> str:
        return "菜单"

    return bot


def late(*, asks: bool) -> Talk:
    talk = Talk(slow_bot(asks=asks))
    talk.takes("slow_bot.<locals>.think", 40)
    assert talk("想吃饭") == "正在处理，请稍候…\n继续"
    talk.advance(30)
    talk.restart()
    return talk


def test_a_late_reply_is_fetched_by_a_tap() -> None:
    talk = late(asks=False)
    assert talk.tap("继续") == "想好了：吃饭。"
    assert talk("继续") == ""


def test_another_message_is_answered_behind_the_late_reply_of_a_conversation_that_ended() -> None:
    talk = late(asks=False)
    assert talk("嗨") == "想好了：吃饭。\n你好"
    assert talk("嗨") == "你好"


def test_another_message_is_no_answer_to_a_question_that_came_too_late_to_be_seen() -> None:
    talk = late(asks=True)
    assert talk("嗨") == "（刚才那条没有作为回答，请先看：）\n想好了：吃饭。\n对吗？"
    assert talk("对") == "答：对"


def test_a_question_that_was_fetched_is_answered() -> None:
    talk = late(asks=True)
    assert talk.tap("继续") == "想好了：吃饭。\n对吗？"
    talk.restart()
    assert talk("对") == "答：对"


def test_a_menu_tap_gets_the_late_reply_and_its_own() -> None:
    talk = late(asks=False)
    assert talk.event("CLICK", "menu") == "想好了：吃饭。\n菜单"


def test_a_late_reply_is_dropped_after_24_hours() -> None:
    talk = late(asks=False)
    talk.advance(86_401)
    assert talk("继续") == ""

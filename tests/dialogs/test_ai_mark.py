"""What an AI made says so: a line on a reply, the platform's label on what is pushed."""

from __future__ import annotations

import msgspec
import pytest

from wechat_dialog import Bot, Chat, Dialog, Texts, replies
from wechat_dialog.replies import Text
from wechat_dialog.replies.stored import decode_reply, encode_reply
from wechat_dialog.testing import Talk

LINE = "（以上内容由AI生成）"
LONG = "\n".join("一二三四五六七八九十" * 8 for _ in range(20))  # 4819 bytes


def of(bot: Bot) -> Talk:
    @bot.text("问")
    def answer(chat: Chat) -> str:
        return "答"

    @bot.text("续")
    def follow_up(chat: Chat) -> Dialog[str]:
        chat.say("先说一句")
        again = yield from chat.ask("还想问什么？")
        return f"关于{again}"

    @bot.text("菜单")
    def menu(chat: Chat) -> Dialog[str]:
        chat.say(replies.Text("模型说的", ai_generated=True))
        which = yield from chat.choose("哪一个？", ["甲", "乙"])
        return which

    @bot.text("长")
    def long(chat: Chat) -> Dialog[str]:
        chat.say(replies.Text(LONG, ai_generated=True))
        return f"好的，{yield from chat.ask('看完了吗？')}"

    @bot.text("图")
    def picture(chat: Chat) -> replies.Image:
        return replies.Image("m1", ai_generated=True)

    @bot.text("文")
    def article(chat: Chat) -> replies.News:
        return replies.News([replies.Article("标题", "摘要")], ai_generated=True)

    @bot.text("规定")
    def fixed(chat: Chat) -> Text:
        return Text("营业时间九点到六点", ai_generated=False)

    @bot.text("标记")
    def markdown(chat: Chat) -> replies.Markdown:
        return replies.Markdown("**重点**", ai_generated=True)

    @bot.text("坏")
    def broken(chat: Chat) -> str:
        raise RuntimeError("a bug")

    return Talk(bot, apologies=True)


def test_every_answer_of_a_bot_whose_dialogs_are_an_ai_has_the_line() -> None:
    talk = of(Bot(ai_generated=True))
    assert talk("问") == f"答\n{LINE}"
    assert talk("续") == f"先说一句\n还想问什么？\n{LINE}"
    assert talk("天气") == f"关于天气\n{LINE}"
    assert talk("规定") == "营业时间九点到六点"


def test_what_the_library_says_itself_has_none() -> None:
    talk = of(Bot(ai_generated=True))
    talk("续")
    assert talk("取消") == "已取消。"
    assert talk("坏") == "抱歉，出了点问题，请稍后再试。"


def test_the_line_stands_below_what_was_made_and_not_below_what_was_not() -> None:
    talk = of(Bot())
    assert talk("问") == "答"
    assert talk("菜单") == f"模型说的\n{LINE}\n哪一个？\n1. 甲\n2. 乙"
    assert talk("甲") == "甲"
    assert talk("标记") == f"重点\n{LINE}"


def test_each_part_of_a_long_answer_has_it_and_fits() -> None:
    talk = of(Bot())
    seen = [talk("长")]
    while "继续" in seen[-1].taps:
        seen.append(talk.tap("继续"))
    assert len(seen) == 3
    for one in seen:
        assert isinstance(one.reply, Text)
        assert len(one.reply.content.encode()) <= 2047
        assert one.count(LINE) == 1
    assert [line for one in seen for line in one.splitlines() if line[0] == "一"] == [*LONG.split()]
    assert seen[-1].endswith(f"\n{LINE}\n看完了吗？")


def test_a_reply_that_nobody_took_is_labelled_once() -> None:
    bot = Bot()
    asked: list[str] = []

    def ask_model() -> str:
        asked.append("")
        return "想好了"

    @bot.text("想")
    def think(chat: Chat) -> Dialog[Text]:
        return Text((yield from chat.step(ask_model)), ai_generated=True)

    talk = Talk(bot)
    talk.takes(ask_model, 40)
    assert "正在处理" in talk("想")
    assert talk("继续") == f"想好了\n{LINE}"


def test_pictures_have_no_line_and_articles_have_it_in_their_descriptions() -> None:
    talk = of(Bot())
    assert talk("图") == "[图片] m1"
    seen = talk("文").reply
    assert isinstance(seen, replies.News)
    assert seen.articles[0].description == f"摘要\n{LINE}"


def test_the_line_can_be_set_and_be_none() -> None:
    assert of(Bot(ai_generated=True, texts=Texts(ai_generated="AI 作答")))("问") == "答\nAI 作答"
    assert of(Bot(ai_generated=True, texts=Texts(ai_generated="")))("问") == "答"


def test_what_is_pushed_has_the_flag_and_no_line() -> None:
    bot = Bot(app_id="wx", app_secret="s", customer_messages=True)
    seen = of(bot)("长")
    assert isinstance(seen.reply, Text)
    assert seen.reply.content.endswith(f"\n{LINE}")
    first, last = seen.pushed
    assert isinstance(first, Text)
    assert isinstance(last, Text)
    assert LINE not in first.content + last.content
    assert first.ai_generated is True
    assert last.ai_generated is True


def test_a_question_is_the_same_with_and_without_the_line() -> None:
    """The flag may be set under running conversations."""
    talk = of(Bot())
    talk("续")
    marked = Bot(ai_generated=True)
    of(marked)
    talk.restart(marked)
    assert talk("天气") == f"关于天气\n{LINE}"


def test_a_text_without_the_flag_is_stored_as_it_was() -> None:
    assert encode_reply(Text("a")) == b'"a"'
    assert decode_reply(encode_reply(Text("a"))) == Text("a")
    made = Text("a", ai_generated=True)
    assert decode_reply(encode_reply(made)) == made
    assert msgspec.json.encode(replies.Image("m")) == b'{"type":"image","media_id":"m"}'


@pytest.mark.parametrize("flag", ["yes", 1, b"\xff"])
def test_a_flag_of_another_type_is_the_authors_mistake(flag: object) -> None:
    bot = Bot()

    @bot.fallback
    def wrong(chat: Chat) -> Text:
        return Text("a", ai_generated=flag)  # type: ignore[arg-type]

    with pytest.raises(TypeError, match="ai_generated"):
        Talk(bot)("a")

"""An answer that is late, or too long for one reply, stands on a page; a question never does."""

from __future__ import annotations

import re

import pytest

from wechat_dialog import Bot, Chat, Dialog, Texts, replies
from wechat_dialog.errors import ConfigurationError
from wechat_dialog.replies import Text
from wechat_dialog.testing import Seen, Talk
from wechat_dialog.testing.seen_page import SeenPage

URL = "https://example.com/wx/p"
LINE = "一二三四五六七八九十" * 8
LONG = "\n".join(f"{number} {LINE}" for number in range(40))  # some 9.7 kB
ANSWER = "# 标题\n\n" + "\n\n".join(f"**{number}** {LINE}" for number in range(30))


def thought(text: str) -> str:
    return text


def shop(bot: Bot) -> Bot:
    @bot.text("长")
    def long(chat: Chat) -> str:
        return LONG

    @bot.text("标记")
    def markdown(chat: Chat) -> replies.Markdown:
        return replies.Markdown(ANSWER)

    @bot.text("长问")
    def long_and_asks(chat: Chat) -> Dialog[str]:
        chat.say(LONG)
        return f"好的，{yield from chat.ask('还要什么？')}"

    @bot.text("短")
    def short(chat: Chat) -> Dialog[str]:
        return f"短，{yield from chat.ask('还要什么？')}"

    @bot.text("图")
    def mixed(chat: Chat) -> str:
        chat.say(LONG)
        chat.say(replies.Image("m1"))
        chat.say(replies.Image("m2"))
        return LONG[:500]

    @bot.text("想")
    def think(chat: Chat) -> Dialog[replies.Markdown]:
        return replies.Markdown((yield from chat.step(thought, "**想好了**")))

    @bot.text("想问")
    def think_and_ask(chat: Chat) -> Dialog[str]:
        chat.say((yield from chat.step(thought, "想好了")))
        return f"好，{yield from chat.ask('对吗？')}"

    @bot.text("想长")
    def think_long(chat: Chat) -> Dialog[str]:
        return (yield from chat.step(thought, LONG))

    @bot.text("坏")
    def breaks(chat: Chat) -> Dialog[str]:
        chat.say((yield from chat.step(thought, "先说一句")))
        raise RuntimeError("a bug")

    return bot


@pytest.fixture
def talk() -> Talk:
    return Talk(shop(Bot(pages=URL)), apologies=True)


def content(seen: Seen) -> str:
    assert isinstance(seen.reply, Text)
    assert len(seen.reply.content.encode()) <= 2047
    return seen.reply.content


def page(talk: Talk) -> SeenPage:
    found = talk.page
    assert found is not None
    return found


def held(talk: Talk) -> bool:
    return "继续" in talk("在吗").taps


# Too long. ----------------------------------------------------------------------------------------


def test_an_answer_too_long_is_its_first_part_and_a_link_and_nothing_is_held(talk: Talk) -> None:
    seen = talk("长")
    first, _, link = content(seen).rpartition("\n")
    assert re.fullmatch(rf'<a href="{URL}/[0-9a-f]{{32}}">看全文</a>', link)
    assert first.endswith("…")
    assert LONG.startswith(first.removesuffix("…"))
    assert len(first.encode()) > 1500
    assert "继续" not in seen
    assert talk.page == LONG
    assert page(talk).complete
    assert not page(talk).asks
    assert not held(talk)


def test_the_page_shows_markdown_as_it_was_written(talk: Talk) -> None:
    seen = talk("标记")
    assert seen.startswith("【标题】")
    assert talk.page == ANSWER
    assert "<h2>标题</h2>" in page(talk).html
    assert "<strong>29</strong>" in page(talk).html


def test_a_question_is_in_the_reply_whole_and_not_on_the_page(talk: Talk) -> None:
    seen = talk("长问")
    assert content(seen).endswith("看全文</a>\n还要什么？")
    assert talk.page == LONG
    assert page(talk).asks
    assert "还要什么" not in page(talk).html
    assert "请回到对话里回答" in page(talk).html
    assert talk("茶") == "好的，茶"


def test_a_short_answer_has_no_page(talk: Talk) -> None:
    assert talk("短") == "还要什么？"
    assert talk("茶") == "短，茶"
    assert talk.page is None


def test_what_is_no_text_is_held_as_ever_and_the_page_says_that_it_is_in_the_chat(
    talk: Talk,
) -> None:
    seen = talk("图")
    assert "看全文" in seen
    assert seen.taps == {"继续": "继续"}
    assert talk.page == f"{LONG}\n\n{LONG[:500]}"
    assert page(talk).html.count("不是文字的内容") == 1
    assert [talk("继续"), talk("继续")] == ["[图片] m1", "[图片] m2"]
    assert talk("继续") == LONG[:500], "this part fits"
    assert talk("继续") == ""


def test_a_question_that_leaves_no_room_comes_in_a_reply_of_its_own() -> None:
    bot = Bot(pages=URL)
    question = LONG[:600]  # 1.7 kB

    @bot.fallback
    def dialog(chat: Chat) -> Dialog[str]:
        chat.say(LONG)
        return f"好的，{yield from chat.ask(question)}"

    talk = Talk(bot)
    assert "看全文" in talk("a")
    assert talk.page == LONG
    assert talk("b").endswith(question), "it was not seen, and is delivered first"
    assert talk("c") == "好的，c"


def test_links_are_not_cut(talk: Talk) -> None:
    bot = Bot(pages=URL)

    @bot.fallback
    def dialog(chat: Chat) -> str:
        return f"{LINE * 7}\n{'长' * 50}" + '<a href="https://example.com/a">链接</a>' * 40

    reply = content(Talk(bot)("a"))
    assert reply.count("<a href=") == reply.count("</a>")


# Late. --------------------------------------------------------------------------------------------


def test_the_waiting_text_has_a_link_to_where_the_answer_will_be(talk: Talk) -> None:
    talk.takes(thought, 40)
    seen = talk("想")
    waiting, link, _ = content(seen).split("\n")
    assert waiting == "正在处理，请稍候…"
    assert re.fullmatch(rf'<a href="{URL}/[0-9a-f]{{32}}">在网页上等回答</a>', link)
    assert seen.taps == {"继续": "继续"}
    assert talk.page == "**想好了**"
    assert page(talk).complete
    talk.takes(thought, 0)
    assert talk("继续") == "想好了", "it is still owed, for who did not look"


def test_a_late_question_is_seen_in_the_chat_before_it_is_answered(talk: Talk) -> None:
    talk.takes(thought, 40)
    talk("想问")
    assert talk.page == "想好了"
    assert page(talk).asks
    assert talk("对") == "（刚才那条没有作为回答，请先看：）\n想好了\n对吗？"
    assert talk("对") == "好，对"


def test_a_late_answer_that_is_too_long_stands_on_the_page_it_was_promised_on(talk: Talk) -> None:
    talk.takes(thought, 40)
    talk("想长")
    url = page(talk).url
    assert talk.page == LONG
    talk.takes(thought, 0)
    seen = talk("继续")
    assert f'<a href="{url}">看全文</a>' in content(seen)
    assert "继续" not in seen


def test_a_turn_that_breaks_ends_its_page_with_the_apology(talk: Talk) -> None:
    talk.takes(thought, 40)
    talk("坏")
    assert talk.page == "抱歉，出了点问题，请稍后再试。"
    assert page(talk).complete


@pytest.mark.parametrize("when", ["before", "in", "after"])
def test_a_worker_that_dies_leaves_its_page_to_the_next(talk: Talk, when: str) -> None:
    talk.takes(thought, 40)
    talk.crashes(thought, when, repeats=False)
    talk("想长")
    if when == "in":  # the waiting text was out by then
        assert talk.page == ""
        assert not page(talk).complete
    talk.takes(thought, 0)
    assert "看全文" in talk("在吗")
    assert talk.page == LONG
    assert page(talk).complete


# What it is not. ----------------------------------------------------------------------------------


def test_off_unless_set() -> None:
    talk = Talk(shop(Bot()))
    assert talk("长").taps == {"继续": "继续"}
    assert "http" not in content(talk("长"))
    talk.takes(thought, 40)
    assert content(talk("想")).count("<a ") == 1
    assert talk.page is None


def test_an_account_that_pushes_waits_without_a_link_and_has_one_for_what_is_long() -> None:
    bot = Bot(app_id="wx", app_secret="s", customer_messages=True, pages=URL)
    talk = Talk(shop(bot))
    seen = talk("长问")
    assert "看全文" in seen
    assert seen.pushed == []
    assert talk.page == LONG
    talk("茶")
    talk.takes(thought, 40)
    late = talk("想长")
    assert late.reply is None
    [pushed] = late.pushed
    assert isinstance(pushed, Text)
    assert pushed.content.endswith("看全文</a>")


def test_a_page_is_gone_after_a_day(talk: Talk) -> None:
    talk("长")
    talk.advance(86_000)
    assert talk.page == LONG
    talk.advance(500)
    assert talk.page is None


def test_each_message_has_its_own_and_no_user_anothers(talk: Talk) -> None:
    urls = set()
    for one in (talk, talk, talk.other("o2")):
        one("长")
        urls.add(page(one).url)
    assert len(urls) == 3
    assert not any(talk.user in url for url in urls)


def test_its_words_can_be_set() -> None:
    texts = Texts(page_whole="全文在此", page_wait="去看", page_title="答复", page_end="完")
    talk = Talk(shop(Bot(pages=URL, texts=texts)))
    assert "全文在此" in talk("长")
    assert "<title>答复</title>" in page(talk).html
    assert ">完</p>" in page(talk).html
    talk.takes(thought, 40)
    assert "去看" in talk("想")


def test_what_an_ai_made_says_so_on_the_page_too() -> None:
    talk = Talk(shop(Bot(pages=URL, ai_generated=True)))
    seen = talk("长问")
    assert content(seen).endswith("看全文</a>\n还要什么？\n（以上内容由AI生成）")
    assert '<p id="made">（以上内容由AI生成）</p>' in page(talk).html
    plain = Talk(shop(Bot(pages=URL)))
    plain("长")
    assert '<p id="made" hidden>' in page(plain).html


def test_what_a_reviewer_refuses_stands_on_no_page() -> None:
    talk = Talk(shop(Bot(pages=URL, review=lambda going: going.text.replace("三", "＊"))))
    talk("长")
    assert talk.page == LONG.replace("三", "＊")
    silent = Talk(shop(Bot(pages=URL, review=lambda _: None)))
    silent.takes(thought, 40)
    silent("想长")
    assert silent.page == "抱歉，这条内容暂时不能发送。"


def test_a_text_of_a_megabyte_is_cut_where_the_page_ends() -> None:
    bot = Bot(pages=URL)

    @bot.fallback
    def dialog(chat: Chat) -> str:
        return LONG * 110

    talk = Talk(bot)
    assert "看全文" in talk("a")
    assert (LONG * 110).startswith(page(talk))
    assert 200_000 < len(page(talk).encode()) < 262_144
    assert "太长了" in page(talk).html
    assert page(talk).complete


@pytest.mark.parametrize(
    "url",
    ["", "example.com/p", "http://example.com/p", "https://example.com", "https://example.com/",
     "https://example.com/p?x=1", "https://example.com/p#x", "https://u:w@example.com/p",
     "ftp://a/p", "https://example.com/a b", "https://example.com:0/p", "https://[::1/p",
     "javascript:alert(1)//p",
     "https://例子.com/p", "https://example.com//p", 'https://example.com/"p'],
)  # fmt: skip
def test_an_address_that_cannot_be_is_refused_at_once(url: str) -> None:
    with pytest.raises(ConfigurationError, match="pages="):
        Bot(pages=url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/p", "http://localhost/wx/p/", "http://[::1]:8000/p", URL + "/"]
)
def test_plain_http_is_for_this_machine(url: str) -> None:
    talk = Talk(shop(Bot(pages=url)))
    talk("长")
    assert page(talk).url.startswith(url.rstrip("/") + "/")

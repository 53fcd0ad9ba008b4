"""`replies.Markdown`: wherever a text may stand in a dialog."""

from __future__ import annotations

from typing import Any

import pytest

from wechat_dialog import Bot, Chat, Dialog, replies
from wechat_dialog.api.customer import body
from wechat_dialog.testing import Talk


def test_markdown_is_said_asked_and_returned() -> None:
    bot = Bot(token="t", store="memory://")

    @bot.text("问")
    def ask(chat: Chat) -> Dialog[replies.Markdown]:
        chat.say(replies.Markdown("- **一**\n- 二"))
        name = yield from chat.ask(replies.Markdown("**名字**是？"))
        return replies.Markdown(f"## 你好，{name}\n[看](https://example.com)")

    talk = Talk(bot)
    assert talk("问") == "• 一\n• 二\n名字是？"
    last = talk("小李")
    assert last.reply == replies.Text('【你好，小李】\n<a href="https://example.com">看</a>')


def test_a_coroutine_says_it_too() -> None:
    bot = Bot(token="t", store="memory://")

    @bot.text("问")
    async def ask(chat: Chat) -> str:
        await chat.ask(replies.Markdown("**几**个？"), int, hint="数字")
        return "好"

    talk = Talk(bot)
    assert talk("问") == "几个？"
    assert talk("x").endswith("几个？")
    assert talk("3") == "好"


def test_one_that_shows_nothing_is_no_reply() -> None:
    assert replies.to_reply(replies.Markdown(" \n")) is None


def test_markdown_is_pushed_as_a_text() -> None:
    assert body(replies.Markdown("**a**")) == ("text", {"content": "a"})


@pytest.mark.parametrize("wrong", [None, 5, b"a"])
def test_markdown_is_made_of_a_text_only(wrong: Any) -> None:
    with pytest.raises(TypeError, match="it takes a str"):
        replies.Markdown(wrong)

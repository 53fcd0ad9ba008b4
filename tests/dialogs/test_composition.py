"""A dialog made of others, in both styles (design, section 5)."""

from __future__ import annotations

import re

import pytest

from wechat_dialog import Bot, Chat, Dialog, Dialogs, messages
from wechat_dialog.testing import Talk


def address(chat: Chat) -> Dialog[tuple[str, int]]:
    city = yield from chat.ask("城市？")
    number = yield from chat.ask("门牌？", int)
    return city, number


async def address_async(chat: Chat) -> tuple[str, int]:
    city = await chat.ask("城市？")
    return city, await chat.ask("门牌？", int)


def both() -> Bot:
    bot = Bot()

    @bot.text("生成器")
    def generator(chat: Chat) -> Dialog[str]:
        city, number = yield from address(chat)
        sure = yield from chat.confirm("对吗？")
        return f"{city} {number} {sure}"

    @bot.text("协程")
    async def coroutine(chat: Chat) -> str:
        city, number = await address_async(chat)
        sure = await chat.confirm("对吗？")
        return f"{city} {number} {sure}"

    return bot


@pytest.mark.parametrize("style", ["生成器", "协程"])
def test_a_sub_dialog_gives_its_caller_its_return_value(style: str) -> None:
    talk = Talk(both())
    talk(style)
    talk("上海")
    talk.restart()
    assert talk("返回") == "城市？"
    talk("北京")
    talk("五")
    talk.restart()
    assert talk("对") == "北京 5 True"


def test_both_styles_leave_the_same_journal() -> None:
    journals: list[object] = []
    for style in ("生成器", "协程"):
        talk = Talk(both())
        talk(style)
        for text in ("上海", "1"):
            talk(text)
        journals.append([getattr(record, "wait", None) for record in talk.journal])
    assert journals[0] == journals[1]


def test_a_bare_yield_asks_and_gives_back_the_message() -> None:
    bot = Bot()

    @bot.text("裸")
    def bare(chat: Chat) -> Dialog[str]:
        message = yield "说点什么？"
        return f"{message.kind}"

    talk = Talk(bot)
    assert talk("裸") == "说点什么？"
    assert talk.image() == "image"


def test_a_question_may_want_a_message_of_a_kind() -> None:
    bot = Bot()

    @bot.text("图")
    def picture(chat: Chat) -> Dialog[str]:
        image = yield from chat.ask("发张图？", messages.Image)
        return image.media_id

    talk = Talk(bot)
    talk("图")
    assert talk("没有") == "请发送一张图片。\n发张图？"
    assert talk.image("m7") == "m7"


def test_a_step_that_returns_something_else_than_it_says_is_an_error_in_the_dialog() -> None:
    def load() -> list[int]:
        return ["x"]  # type: ignore[list-item]

    bot = Bot()

    @bot.text("错")
    def wrong(chat: Chat) -> Dialog[str]:
        try:
            yield from chat.step(load)
        except TypeError as error:
            return str(error)
        return "没有错"

    assert "annotated" in Talk(bot)("错")


def test_routes_may_be_collected_elsewhere_and_named_groups_are_arguments() -> None:
    dialogs = Dialogs()

    @dialogs.text(re.compile(r"(?P<city>.+?)(?P<day>今天|明天)?天气"))
    def weather(chat: Chat, city: str, day: str = "今天") -> Dialog[str]:
        unit = yield from chat.choose("单位？", ["摄氏", "华氏"])
        return f"{city}{day}{unit}"

    bot = Bot()
    bot.include(dialogs)
    talk = Talk(bot)
    talk("上海明天天气")
    talk.restart()
    assert talk("1") == "上海明天摄氏"
    talk("北京天气")
    assert talk("2") == "北京今天华氏"

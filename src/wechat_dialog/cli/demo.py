"""The example bot of `wechat-dialog demo`: whole conversations in one function each."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from wechat_dialog import Bot, Chat, Dialog, Field, parsers, replies
from wechat_dialog.replies.links import link

__all__ = ["bot"]

bot = Bot(timeout=600)


def _help() -> str:
    descriptions = {
        "点餐": "菜单和确认",
        "挂号": "一张表，填完可改",
        "天气": "一步要七秒，照样有回答",
        "长文": "一条放不下的回答",
        "累加器": "几个数加起来",
    }
    lines = [f"{link(name)}　{description}" for name, description in descriptions.items()]
    return "\n".join(
        ["点一个试试：", *lines, "", f"随时可以说 {link('返回')}、{link('取消')}、{link('帮助')}。"]
    )


@bot.click("点餐")
@bot.text("点餐")
async def order(chat: Chat) -> str:
    """Take an order: a menu, a number, a yes or no."""
    dish = await chat.choose("今天吃什么？", ["牛肉面", "蛋炒饭", "饺子", "小笼包"])
    count = await chat.ask(f"{dish}，几份？", parsers.count("份", "碗", "盘"))
    if not await chat.confirm(f"{count} 份{dish}，对吗？"):
        return "那就不点了。"
    return f"好的，{count} 份{dish}，马上来。"


@dataclass
class Visit:
    """The fields of a clinic's form."""

    name: Annotated[str, Field("姓名", ask="您的姓名？")]
    day: Annotated[date, Field("日期", ask="哪天来？（明天、周五、8月5号都行）")]
    ward: Annotated[str, Field("科室", ask="看哪一科？")]


@bot.click("挂号")
@bot.text("挂号")
async def register(chat: Chat) -> str:
    """Fill in a form, and change answers at its end."""
    visit = await chat.form(Visit)
    return f"{visit.name}，{visit.day:%m月%d日}{visit.ward}，挂好了。"


async def forecast(city: str) -> str:
    """Ask a slow service, which takes seven seconds."""
    await asyncio.sleep(7)
    return f"{city}：晴，二十六度。"


@bot.click("天气")
@bot.text("天气")
async def weather(chat: Chat) -> str:
    """Run a step once, however often its message is repeated.

    WeChat waits five seconds and asks again; the second request gets the answer of the same step.
    """
    city = await chat.ask("哪个城市？（要查七秒：看右边的请求）")
    return await chat.step(forecast, city)


@bot.text("长文")
def long(_: Chat) -> str:
    """Answer with a text too long for one reply; the user fetches the rest with 继续."""
    lines = [
        f"{number:02}. 一条文字回复最多 2047 字节，多出来的先攒着。" for number in range(1, 61)
    ]
    return "\n".join(lines)


@bot.text("累加器")
def accumulator(chat: Chat) -> Dialog[str]:
    """Add numbers up: a generator, with a loop, as in any program."""
    count = yield from chat.ask("要加几个数？", int)
    total = 0
    for i in range(count):
        total += yield from chat.ask(f"第 {i + 1} 个数是？（已有 {total}）", int)
    return f"一共是 {total}。"


@bot.text("链接")
def links(_: Chat) -> replies.News:
    """Answer with an article."""
    about = "把一整段对话写成一个函数"
    return replies.News([replies.Article("wechat-dialog", about, url="https://example.com/")])


@bot.event("subscribe")
def welcome(_: Chat) -> str:
    """Greet a new follower."""
    return f"感谢关注！\n{_help()}"


@bot.text("帮助", anytime=True)
def explain(_: Chat) -> str:
    """Help in the middle of any dialog, whose question is then asked again."""
    return _help()


@bot.fallback
def anything(_: Chat) -> str:
    """List what the bot can do."""
    return _help()

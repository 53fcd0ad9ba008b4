"""The example bot of `wechat-dialog demo`."""

from __future__ import annotations

import asyncio

from wechat_dialog import Bot, Chat, Dialog, replies

__all__ = ["bot"]

bot = Bot()

HELP = """\
可以这样试：
累加器　　问几个数，一个个加起来
点餐　　　选择、确认，随时可以「取消」「返回」
天气　　　一个要等几秒的步骤
链接　　　一条图文"""


@bot.click("累加器")
@bot.text("累加器")
def accumulator(chat: Chat) -> Dialog[str]:
    """Add numbers up: a generator."""
    count = yield from chat.ask("要加几个数？", int)
    total = 0
    for i in range(count):
        total += yield from chat.ask(f"第 {i + 1} 个数是？（已有 {total}）", int)
    return f"一共是 {total}。"


@bot.click("点餐")
@bot.text("点餐")
async def order(chat: Chat) -> str:
    """Take an order: a coroutine."""
    dish = await chat.choose("今天吃什么？", ["牛肉面", "炒饭", "饺子"])
    count = await chat.ask("几份？", int)
    if not await chat.confirm(f"{count} 份{dish}，对吗？"):
        return "那就不点了。"
    return f"好的，{count} 份{dish}，马上来。"


async def forecast(city: str) -> str:
    """Ask somebody who takes his time."""
    await asyncio.sleep(1)
    return f"{city}晴，二十六度"


@bot.click("天气")
@bot.text("天气")
async def weather(chat: Chat) -> str:
    """Run a step once, however often its message is repeated."""
    city = await chat.ask("哪个城市？")
    return await chat.step(forecast, city)


@bot.text("链接")
def links(_: Chat) -> replies.News:
    """Answer with an article."""
    about = "把一整段对话写成一个函数"
    return replies.News([replies.Article("wechat-dialog", about, url="https://example.com/")])


@bot.event("subscribe")
def welcome(_: Chat) -> str:
    """Greet a new follower."""
    return f"感谢关注！{HELP}"


@bot.text("帮助", anytime=True)
def explain(_: Chat) -> str:
    """Help in the middle of anything."""
    return HELP


@bot.fallback
def anything(_: Chat) -> str:
    """Say what there is."""
    return HELP

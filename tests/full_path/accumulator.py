"""The article's first dialog in both of the library's own styles, and what a user sees of it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from tests.full_path.people import PATIENT, TOKEN
from wechat_dialog import Bot, Chat
from wechat_dialog.core.store.contract import Store

STYLES = ("generator", "coroutine")

TRANSCRIPT = [
    ("累加器", "要加几个数？"),
    ("2", "第 1 个数是？（已有 0）"),
    ("苹果", "请回复一个整数，例如 12。\n第 1 个数是？（已有 0）"),
    ("3", "第 2 个数是？（已有 3）"),
    ("十二", "一共是 15。"),
    ("5", ""),
]


def generator(chat: Chat) -> Generator[Any, Any, str]:
    count = yield from chat.ask("要加几个数？", int)
    total = 0
    for i in range(count):
        total += yield from chat.ask(f"第 {i + 1} 个数是？（已有 {total}）", int)
    return f"一共是 {total}。"


async def coroutine(chat: Chat) -> str:
    count = await chat.ask("要加几个数？", int)
    total = 0
    for i in range(count):
        total += await chat.ask(f"第 {i + 1} 个数是？（已有 {total}）", int)
    return f"一共是 {total}。"


def make_bot(store: str | Store, style: str = "generator", **options: Any) -> Bot:
    """A bot with the accumulator on a store, or the store of a URL. Its platform waits as long as
    the slowest machine takes, unless `window` says otherwise.
    """
    bot = Bot(TOKEN, store=store, **{"window": PATIENT, **options})
    bot.text("累加器", name="accumulator")({"generator": generator, "coroutine": coroutine}[style])
    return bot

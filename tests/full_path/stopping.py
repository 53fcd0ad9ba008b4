"""What the servers serve that are stopped, or that something hangs in.

Environment: `STORE`, a URL. `GATE`, a folder: each run of a step is a line of `runs` there (its
idempotency key), and the step goes on when the file `open` is there; `WINDOW`, the seconds of
a request.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from tests.full_path.people import TOKEN
from wechat_dialog import Bot, Chat, Dialog, Window

QUICK = Window(seconds=0.3, requests=3, patience=0.2)


def make_bot(store: str, gate: Path, window: Window = QUICK) -> Bot:
    """The bot, in whichever process."""
    bot = Bot(TOKEN, store=store, window=window, lease=0.6, drain=8.0)

    def runs(idempotency_key: str) -> None:
        with (gate / "runs").open("a") as lines:
            lines.write(f"{idempotency_key}\n")

    def pay(idempotency_key: str = "") -> str:
        runs(idempotency_key)
        while not (gate / "open").exists():
            time.sleep(0.01)
        return "已付"

    async def pay_later(idempotency_key: str = "") -> str:
        runs(idempotency_key)
        while not (gate / "open").exists():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return "已付"

    @bot.text("付")
    def pays(chat: Chat) -> Dialog[str]:
        done = yield from chat.step(pay)
        more = yield from chat.ask(f"{done}，备注？")
        return f"{done}：{more}"

    @bot.text("等付")
    async def pays_later(chat: Chat) -> str:
        done = await chat.step(pay_later)
        more = await chat.ask(f"{done}，备注？")
        return f"{done}：{more}"

    @bot.text("你好")
    def hello(_chat: Chat) -> str:
        return "你好"

    return bot


if "GATE" in os.environ:
    seconds = float(os.environ.get("WINDOW", "0.3"))
    window = Window(seconds=seconds, requests=3, patience=seconds * 0.8)
    bot = make_bot(os.environ["STORE"], Path(os.environ["GATE"]), window)
    application = bot.wsgi

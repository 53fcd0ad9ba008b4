"""What a server with `--preload` loads before it forks: a bot that has answered by then, with every
kind of thread a bot starts.

Environment: `STORE`, a URL.
"""

from __future__ import annotations

import asyncio
import os

from tests.full_path.people import TOKEN, push, signed
from wechat_dialog import Bot, Chat, Dialog, step

PARENT = os.getpid()


def plain() -> int:
    return 1


@step(timeout=20)
def limited() -> int:
    return 2


async def awaited() -> int:
    await asyncio.sleep(0)
    return 3


def make_bot(store: str) -> Bot:
    bot = Bot(TOKEN, store=store)

    @bot.text("加")
    def adds(chat: Chat) -> Dialog[str]:
        """Add up what steps on every kind of thread return."""
        number = yield from chat.ask("几？", int)
        number += yield from chat.step(plain)
        number += yield from chat.step(limited)
        number += yield from chat.step(awaited)
        number += sum((yield from chat.gather(chat.step(limited), chat.step(awaited))))
        number += yield from chat.ask(f"{number}，还有几？", int)
        return f"{number}"

    @bot.text("谁")
    def who(_: Chat) -> str:
        return "parent" if os.getpid() == PARENT else "child"

    return bot


def use(bot: Bot, user: str) -> list[bytes]:
    """Let one user go all the way."""
    return [bot.answer(push(user, Content=text), signed()) for text in ("加", "5", "7")]


if "STORE" in os.environ:
    bot = make_bot(os.environ["STORE"])
    use(bot, "oParent")
    application = bot.wsgi

"""A desk and an application in this process, on an event loop in the test's hands."""

from __future__ import annotations

import asyncio

from wechat_dialog import Bot, Chat
from wechat_dialog.platform.account import Account
from wechat_dialog.platform.emulator import AsyncPlatform
from wechat_dialog.platform.simulator.desk import Desk


def mute() -> Bot:
    """A bot that has something to say about one word only."""
    bot = Bot("secret", store="memory://")

    @bot.text("有")
    def there(chat: Chat) -> str:
        return "有货"

    @bot.fallback
    def nothing(chat: Chat) -> None:
        """Say nothing."""

    return bot


async def seen_while_the_state_is_looked_up() -> list[tuple[str, str, bool | None]]:
    """Have a message answered while it is not known yet whether a conversation is running after the
    one before it, which got no reply; returns the screen.
    """
    async with AsyncPlatform.to_asgi(mute().asgi, Account("secret")) as platform:
        desk = Desk(platform)
        asked, known = asyncio.Event(), asyncio.Event()

        async def rests(_user: str) -> bool:
            asked.set()
            await known.wait()
            return True

        desk.rests = rests
        user = desk.add_user().id
        first = desk.text(user, "喂")
        await asked.wait()
        await desk.text(user, "有")
        known.set()
        await first
        return [(bubble.sender, bubble.kind, bubble.rests) for bubble in desk.bubbles[user]]


def test_that_there_was_no_reply_is_told_at_once_and_not_below_a_later_answer() -> None:
    assert asyncio.run(seen_while_the_state_is_looked_up()) == [
        ("user", "text", None),
        ("system", "silence", True),
        ("user", "text", None),
        ("bot", "text", None),
    ]

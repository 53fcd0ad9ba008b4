"""A desk and an application in this process, on an event loop in the test's hands."""

from __future__ import annotations

import asyncio
from typing import Any

from wechat_dialog import Bot, Chat
from wechat_dialog.platform.account import Account
from wechat_dialog.platform.emulator import AsyncPlatform
from wechat_dialog.platform.simulator.desk import Desk
from wechat_dialog.platform.simulator.values import Place

PLACES = [Place("shop.py:7", "spins", "while True:")]


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


async def told_of_a_request_that_hangs() -> list[tuple[bool, list[Place] | None]]:
    """Return what the developer is told of a request: as soon as there is more to tell of it than
    that it was made, and when it has been answered.
    """
    may_go_on = asyncio.Event()

    async def application(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await may_go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"success"})

    async def where() -> list[Place]:
        return PLACES

    async with AsyncPlatform.to_asgi(application, Account("secret"), window=600.0) as platform:
        desk = Desk(platform)
        desk.late, desk.where = 0.0, where
        user = desk.add_user().id
        sent = desk.text(user, "转")
        with desk.feed.listening(dict) as listener:
            for _ in range(20):
                event = await listener.next(60)
                if event is None or b'"doing":[' in event[1]:
                    break
        (request,) = desk.requests[user]
        before = request.open, request.doing
        may_go_on.set()
        await sent
        return [before, (request.open, request.doing)]


def test_while_there_is_no_answer_the_developer_is_told_what_the_bot_does() -> None:
    assert asyncio.run(told_of_a_request_that_hangs()) == [(True, PLACES), (False, PLACES)]

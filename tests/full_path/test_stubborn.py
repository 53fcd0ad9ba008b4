"""Steps that take no notice of being told to stop."""

from __future__ import annotations

import asyncio
import threading

from tests.full_path.doors import OpenDoor
from tests.full_path.people import PATIENT, TOKEN, Person
from wechat_dialog import Bot, Chat, step
from wechat_dialog.errors import TimedOut


def test_a_coroutine_that_swallows_its_cancellation_is_out_of_time_all_the_same(
    open_door: OpenDoor,
) -> None:
    bot, over = Bot(TOKEN, store="memory://", window=PATIENT), threading.Event()

    @step(timeout=0.1)
    async def stubborn() -> None:
        while not over.is_set():
            try:
                await asyncio.sleep(0.1)
            except asyncio.CancelledError:
                continue

    @bot.text("试")
    async def tries(chat: Chat) -> str:
        try:
            await chat.step(stubborn)
        except TimedOut:
            return "超时"
        return "好"

    door = open_door(bot)
    assert Person(door).say("试") == "超时"
    over.set()

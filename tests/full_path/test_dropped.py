"""A bot that somebody drops without closing it: nothing of it stays behind."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import pytest

from tests.full_path.doors import PATIENCE
from tests.full_path.people import TOKEN, push, signed
from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.runtime import thread_pool


def working_bot() -> Bot:
    """Return a bot that has run a turn under a claim, with steps on each kind of thread."""
    bot = Bot(TOKEN, store="memory://")

    def plain() -> int:
        return 1

    async def on_a_loop() -> int:
        return 2

    @bot.text("做")
    def works(chat: Chat) -> Dialog[str]:
        one = yield from chat.step(plain)
        two = yield from chat.step(on_a_loop)
        return f"{one}{two}"

    return bot


def answering_bot(number: int, *, on_a_loop: bool) -> Bot:
    bot = working_bot()
    body, query = push(f"oUser{number}", Content="做"), signed()
    said = asyncio.run(bot.answer_async(body, query)) if on_a_loop else bot.answer(body, query)
    assert b"12" in said
    return bot


@pytest.mark.parametrize("on_a_loop", [False, True], ids=["threads", "event loop"])
def test_bots_that_are_dropped_leave_no_thread_behind(
    on_a_loop: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread_pool, "IDLE", 0.5)
    before = set(threading.enumerate())
    dropped = [weakref.ref(answering_bot(number, on_a_loop=on_a_loop)) for number in range(50)]
    assert {one.name for one in set(threading.enumerate()) - before} >= {
        "wechat-dialog-heartbeat",
        "wechat-dialog-watch",
    }
    # Idle threads of the pools go after a while, and hold nothing of the bot meanwhile.
    gc.collect()
    assert [one for one in dropped if one() is not None] == []
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE)
        assert not thread.is_alive(), f"{thread.name} lives on"

"""What must not end a server: a dialog or a step that exits, cancels itself, or closes itself; and
what has to, though it is raised in the middle of one: a signal.
"""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.full_path.people import ACCOUNT, TOKEN, push, signed
from wechat_dialog import Bot, Chat, Dialog, Texts, step
from wechat_dialog.errors import StepFailed
from wechat_dialog.stores.memory import MemoryStore

USER = "oUser0000000000000000000001"
APOLOGY = Texts().apology


def leaves() -> int:
    sys.exit(3)


def closes() -> int:
    raise GeneratorExit


def cancels() -> int:
    raise asyncio.CancelledError("by itself")


async def leaves_later() -> int:
    await asyncio.sleep(0)
    sys.exit(3)


async def cancels_later() -> int:
    await asyncio.sleep(0)
    raise asyncio.CancelledError("by itself")


async def works_later() -> int:
    await asyncio.sleep(0)
    return 7


ENDINGS = [leaves, closes, cancels]
STEPS = [*ENDINGS, leaves_later, cancels_later]


def say(bot: Bot, text: str, awaiting: bool) -> str:
    """Say one thing, on a thread or on an event loop that has to outlive it."""
    body = push(USER, Content=text)
    if not awaiting:
        return bot.answer(body, signed()).decode()

    async def ask() -> bytes:
        answer = await bot.answer_async(body, signed())
        await asyncio.sleep(0)
        return answer

    return asyncio.run(ask()).decode()


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def awaiting(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.__name__)
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "after a question"])
def test_a_dialog_that_ends_everything_is_a_dialog_that_breaks(
    ending: Callable[[], int], at_once: bool, awaiting: bool
) -> None:
    store = MemoryStore()
    bot = Bot(TOKEN, store=store)

    @bot.text("走")
    def go(chat: Chat) -> Dialog[str]:
        if at_once:
            ending()
        yield from chat.ask("真的？")
        return str(ending())

    answers = [say(bot, "走", awaiting)] + ([] if at_once else [say(bot, "嗯", awaiting)])
    assert APOLOGY in answers[-1]
    shown = store.show(f"{ACCOUNT}:{USER}")
    assert shown is not None
    assert len(shown.parked) == 1
    assert ("真的？" in say(bot, "走", awaiting)) is not at_once
    bot.close()


@pytest.mark.parametrize("limit", [None, 60.0], ids=["no limit", "limit"])
@pytest.mark.parametrize("fn", STEPS, ids=lambda fn: fn.__name__)
def test_a_step_that_ends_everything_is_a_step_that_fails(
    fn: Callable[[], Any], limit: float | None, awaiting: bool
) -> None:
    bot = Bot(TOKEN, store="memory://")

    @bot.text("走")
    def go(chat: Chat) -> Dialog[str]:
        try:
            yield from chat.step(step(fn, timeout=limit))
        except StepFailed as failed:
            number = yield from chat.step(works_later)
            return f"{failed.type} {number}"
        return "not at all"

    answer = say(bot, "走", awaiting)
    assert re.search("(SystemExit|GeneratorExit|CancelledError) 7", answer), answer
    bot.close()


@pytest.mark.parametrize("fn", STEPS, ids=lambda fn: fn.__name__)
def test_of_several_steps_one_that_ends_everything_fails_alone(
    fn: Callable[[], Any], awaiting: bool
) -> None:
    bot = Bot(TOKEN, store="memory://")

    @bot.text("走")
    def go(chat: Chat) -> Dialog[str]:
        try:
            yield from chat.gather(chat.step(works_later), chat.step(fn), chat.step(works_later))
        except StepFailed:
            return "一个没成"
        return "not at all"

    assert "一个没成" in say(bot, "走", awaiting)
    bot.close()


def test_whoever_sits_at_the_terminal_may_interrupt_and_nothing_is_lost(awaiting: bool) -> None:
    now = [1_700_000_001.0]
    bot = Bot(TOKEN, store=MemoryStore(lambda: now[0]), clock=lambda: now[0])
    interrupted: list[bool] = []

    @bot.text("走")
    def go(_: Chat) -> str:
        if not interrupted:
            interrupted.append(True)
            signal.raise_signal(signal.SIGINT)
        return "走了"

    body = push(USER, Content="走")

    def ask() -> bytes:
        if awaiting:
            return asyncio.run(bot.answer_async(body, signed()))
        return bot.answer(body, signed())

    with pytest.raises(KeyboardInterrupt):
        ask()
    now[0] += 5.0
    assert "走了" in bot.answer(body, signed()).decode()
    bot.close()


@pytest.mark.parametrize("place", ["dialog", "parser", "step"])
@pytest.mark.parametrize("bound", [False, True], ids=["function", "method"])
def test_a_server_that_is_told_to_stop_stops_and_nothing_is_lost(place: str, bound: bool) -> None:
    """gunicorn's sync worker raises `SystemExit` from its signal handlers, in the main thread, and
    that may be busy with a dialog.
    """
    now = [1_700_000_001.0]
    store = MemoryStore(lambda: now[0])
    bot = Bot(TOKEN, store=store, clock=lambda: now[0])
    told: list[bool] = []

    class Worker:
        def handle_quit(self, *_: object) -> None:
            sys.exit(0)

    def handle_quit(*_: object) -> None:
        sys.exit(0)

    def work(_: object = None) -> str:
        if not told:
            told.append(True)
            signal.raise_signal(signal.SIGTERM)
        return "走了"

    @bot.text("走")
    def go(chat: Chat) -> Dialog[str]:
        if place == "dialog":
            return work()
        if place == "step":
            return (yield from chat.step(work))
        return (yield from chat.ask("真的？", work))

    before = signal.signal(signal.SIGTERM, Worker().handle_quit if bound else handle_quit)
    body = push(USER, Content="走")
    try:
        if place == "parser":
            bot.answer(body, signed())
            now[0] += 1
            body = push(USER, Content="真的")
        with pytest.raises(SystemExit):
            bot.answer(body, signed())
    finally:
        signal.signal(signal.SIGTERM, before)
    shown = store.show(f"{ACCOUNT}:{USER}")
    assert shown is None or not shown.parked
    now[0] += 5.0
    assert "走了" in bot.answer(body, signed()).decode()
    bot.close()


def test_a_loop_that_ends_in_the_middle_of_a_step_is_not_held_up_and_nothing_is_lost() -> None:
    now = [1_700_000_001.0]
    bot = Bot(TOKEN, store=MemoryStore(lambda: now[0]), clock=lambda: now[0])
    begun = asyncio.Event()

    async def work() -> str:
        if not begun.is_set():
            begun.set()
            await asyncio.sleep(3600)
        return "走了"

    @bot.text("走")
    async def go(chat: Chat) -> str:
        return await chat.step(work)

    body = push(USER, Content="走")

    async def leave() -> None:
        asking = asyncio.ensure_future(bot.answer_async(body, signed()))
        await begun.wait()
        asking.cancel()

    asyncio.run(leave())
    now[0] += 5.0
    assert "走了" in asyncio.run(bot.answer_async(body, signed())).decode()
    bot.close()

"""What a step raised is told with the line that raised it, and the line that asked for the step."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from wechat_dialog import Bot, Chat, Dialog, messages, step
from wechat_dialog.core.blame import places
from wechat_dialog.errors import StepFailed
from wechat_dialog.operators import Conversations
from wechat_dialog.stores.memory import MemoryStore
from wechat_dialog.testing import Talk


def line(fn: Callable[..., Any], mark: str) -> str:
    """`file:line` of the line of a function that has the mark."""
    lines, first = inspect.getsourcelines(fn)
    [number] = [number for number, text in enumerate(lines) if text.rstrip().endswith(mark)]
    return f"{inspect.getsourcefile(fn)}:{first + number}"


def price(dish: str) -> int:
    return _look_up({"炒饭": 18}, dish)


def _look_up(prices: dict[str, int], dish: str) -> int:
    return prices[dish]  # looked up


async def price_async(dish: str) -> int:
    await asyncio.sleep(0)
    return price(dish)


@step(timeout=5)
def price_in_time(dish: str) -> int:
    return price(dish)


class Unlike(Exception):
    """One that no record can make anew."""

    def __init__(self, one: object, other: object) -> None:
        super().__init__(f"{one} {other}")


def raises_unlike() -> None:
    raise Unlike(1, 2)  # unlike


def asks_for(fn: Any, *args: str) -> Callable[[Chat], Dialog[str]]:
    def order(chat: Chat) -> Dialog[str]:
        yield from chat.ask("吃什么？")
        return str((yield from chat.step(fn, *args)))  # asked

    return order


def asks_for_two(chat: Chat) -> Dialog[str]:
    yield from chat.ask("吃什么？")
    both = yield from chat.gather(chat.step(price, "炒饭"), chat.step(price, "龙虾"))  # asked
    return str(both)


async def awaits(chat: Chat) -> str:
    await chat.ask("吃什么？")
    return str(await chat.step(price_async, "龙虾"))  # asked


def asks_a_library(chat: Chat) -> Dialog[str]:
    yield from chat.ask("吃什么？")
    return str((yield from chat.step(json.loads, "{")))  # asked


CASES = [
    pytest.param(asks_for(price, "龙虾"), _look_up, "# looked up", id="a function"),
    pytest.param(asks_for(price_async, "龙虾"), _look_up, "# looked up", id="a coroutine"),
    pytest.param(asks_for(price_in_time, "龙虾"), _look_up, "# looked up", id="with a time limit"),
    pytest.param(asks_for(raises_unlike), raises_unlike, "# unlike", id="not of its own class"),
    pytest.param(asks_for_two, _look_up, "# looked up", id="a gathering"),
    pytest.param(awaits, _look_up, "# looked up", id="awaited"),
]


def say(bot: Bot, *texts: str, on_loop: bool) -> None:
    async def respond(message: messages.Message) -> None:
        await bot.respond_async(message, 1_700_000_000.0)

    for number, text in enumerate(texts):
        fields = {
            "ToUserName": "gh_1", "FromUserName": "oUser", "CreateTime": "1700000000",
            "MsgType": "text", "Content": text, "MsgId": str(number + 1),
        }  # fmt: skip
        message = messages.from_fields(fields)
        if on_loop:
            asyncio.run(respond(message))
        else:
            bot.respond(message, 1_700_000_000.0)


@pytest.mark.parametrize("on_loop", [False, True], ids=["threads", "loop"])
@pytest.mark.parametrize(("dialog", "fn", "mark"), CASES)
def test_the_log_and_the_parked_conversation_have_both_lines(
    dialog: Callable[..., Any],
    fn: Callable[..., Any],
    mark: str,
    on_loop: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bot = Bot("t", store=MemoryStore(), timeout=None)
    bot.text("开始")(dialog)
    with caplog.at_level(logging.ERROR):
        say(bot, "开始", "龙虾", on_loop=on_loop)
    bot.close()
    assert f"at {line(fn, mark)}, called from {line(dialog, '# asked')}" in caplog.text
    shown = Conversations(bot).show("oUser")
    for place in (line(fn, mark), line(dialog, "# asked")):
        file, _, number = place.rpartition(":")
        assert f'File "{file}", line {number}' in shown


@pytest.mark.parametrize(("dialog", "fn", "mark"), CASES)
def test_a_talk_raises_it_from_that_line(
    dialog: Callable[..., Any], fn: Callable[..., Any], mark: str
) -> None:
    bot = Bot(timeout=None)
    bot.text("开始")(dialog)
    talk = Talk(bot)
    talk("开始")
    with pytest.raises(Exception) as told:  # noqa: PT011 - of any class
        talk("龙虾")
    assert str(places(told.value)[-1]) == line(fn, mark)


def test_what_a_library_raised_in_a_step_is_told_at_the_step(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bot = Bot("t", store=MemoryStore(), timeout=None)
    bot.text("开始")(asks_a_library)
    with caplog.at_level(logging.ERROR):
        say(bot, "开始", "龙虾", on_loop=False)
    bot.close()
    assert caplog.text.rstrip().endswith(f" at {line(asks_a_library, '# asked')}")


def ends_early() -> None:
    next(iter(()))


def tells_generator(chat: Chat) -> Dialog[str]:
    try:
        yield from chat.step(ends_early)
    except StepFailed as error:
        return str(error)
    return "好"


async def tells_coroutine(chat: Chat) -> str:
    try:
        await chat.gather(chat.step(ends_early))
    except StepFailed as error:
        return str(error)
    return "好"


@pytest.mark.parametrize("dialog", [tells_generator, tells_coroutine])
def test_what_no_generator_can_raise_is_told_as_a_step_that_failed(
    dialog: Callable[..., Any],
) -> None:
    """Python turns a `StopIteration` that is thrown into a generator into a `RuntimeError` about
    the generator.
    """
    bot = Bot()
    bot.text("开始")(dialog)
    assert Talk(bot)("开始").startswith("builtins.StopIteration")

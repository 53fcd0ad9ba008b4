"""A coroutine or generator of the author's own that a dialog makes and never waits for: strict mode
names its line.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.errors import NotWaitedFor
from wechat_dialog.testing import Talk

# Python tells of the live dialog's coroutine, at whatever line runs then.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")


async def name_of(chat: Chat) -> str:
    return await chat.ask("叫什么？")


def steps_of(chat: Chat) -> Dialog[str]:
    return (yield from chat.ask("叫什么？"))


async def price(dish: str) -> int:
    return len(dish)


async def statement(chat: Chat) -> str:
    await chat.ask("好吗？")
    name_of(chat)  # type: ignore[unused-coroutine]  # here
    return "完"


def statement_of_a_generator(chat: Chat) -> Dialog[str]:
    yield from chat.ask("好吗？")
    steps_of(chat)  # here
    return "完"


def coroutine_in_a_generator(chat: Chat) -> Dialog[str]:
    yield from chat.ask("好吗？")
    name_of(chat)  # type: ignore[unused-coroutine]  # here
    return "完"


async def last_words(chat: Chat) -> str:
    await chat.ask("好吗？")
    name = name_of(chat)
    return f"你好，{name}"  # here


def last_words_of_a_generator(chat: Chat) -> Dialog[str]:
    yield from chat.ask("好吗？")
    name = steps_of(chat)
    return "你好，" + str(name)  # here


async def question(chat: Chat) -> str:
    cost = price("饺子")
    await chat.ask(f"{cost} 元，好吗？")  # here
    return "完"


async def condition(chat: Chat) -> str:
    await chat.ask("好吗？")
    return "贵" if price("饺子") else "不贵"  # type: ignore[truthy-bool]  # here


async def never_used(chat: Chat) -> str:
    await chat.ask("好吗？")
    cost = price("饺子")  # here  # noqa: F841
    return "完"


async def overwritten(chat: Chat) -> str:
    cost: Any = price("饺子")  # here
    cost = await chat.ask("多少？", int)
    await chat.ask("好吗？")
    return f"{cost}"


def pay(cost: object) -> str:
    return "付了"


async def argument_of_a_step(chat: Chat) -> str:
    await chat.ask("好吗？")
    return await chat.step(pay, price("饺子"))  # here


def greet(chat: Chat) -> None:
    name_of(chat)  # type: ignore[unused-coroutine]  # here


async def in_a_helper(chat: Chat) -> str:
    await chat.ask("好吗？")
    greet(chat)
    return "完"


def answer_at_once(chat: Chat) -> str:
    name_of(chat)  # type: ignore[unused-coroutine]  # here
    return "完"


FORGETFUL: list[tuple[Callable[..., Any], Callable[..., Any], str]] = [
    (statement, statement, "name_of"),
    (statement_of_a_generator, statement_of_a_generator, "steps_of"),
    (coroutine_in_a_generator, coroutine_in_a_generator, "name_of"),
    (last_words, last_words, "name_of"),
    (last_words_of_a_generator, last_words_of_a_generator, "steps_of"),
    (question, question, "price"),
    (condition, condition, "price"),
    (never_used, never_used, "price"),
    (overwritten, overwritten, "price"),
    (argument_of_a_step, argument_of_a_step, "price"),
    (in_a_helper, greet, "name_of"),
    (answer_at_once, answer_at_once, "name_of"),
]


def line_of(fn: Callable[..., Any]) -> str:
    lines, first = inspect.getsourcelines(fn)
    number = next(number for number, line in enumerate(lines) if "# here" in line)
    return f"{__file__}:{first + number}"


def bot_of(fn: Callable[..., Any]) -> Bot:
    bot = Bot(cancel=("取消",))
    bot.text("开始")(fn)
    return bot


def drive(talk: Talk) -> None:
    for text in ("开始", "5", "好"):
        talk(text)


@pytest.mark.parametrize(
    ("fn", "guilty", "name"), FORGETFUL, ids=[row[0].__name__ for row in FORGETFUL]
)
def test_strict_mode_names_the_line(
    fn: Callable[..., Any], guilty: Callable[..., Any], name: str
) -> None:
    talk = Talk(bot_of(fn))
    with pytest.raises(NotWaitedFor) as told:
        drive(talk)
    assert told.value.where == line_of(guilty)
    assert told.value.call == f"{name}(…)"
    assert "`await`" in str(told.value)


async def waited_for_later(chat: Chat) -> str:
    name, cost = name_of(chat), price("饺子")
    await chat.ask("好吗？")
    return f"{await name} {await cost}"


async def kept_in_a_list(chat: Chat) -> str:
    all_: list[Any] = []
    all_.append(price("饺子"))
    kept: dict[str, Any] = {}
    kept.setdefault("one", price("面"))
    await chat.ask("好吗？")
    return f"{await all_[0]} {await kept['one']}"


def looped_over(chat: Chat) -> Dialog[str]:
    yield from chat.ask("好吗？")
    numbers = (number for number in (1, 2))
    next(numbers)
    return "，".join(str(number) for number in numbers) + f"{[*(n for n in (3,))]}"


async def cancelled(chat: Chat) -> str:
    name = name_of(chat)
    await chat.ask("取消吗？")
    return await name


HONEST: list[Callable[..., Any]] = [waited_for_later, kept_in_a_list, looped_over, cancelled]


@pytest.mark.parametrize("fn", HONEST)
def test_what_is_waited_for_later_is_none(fn: Callable[..., Any]) -> None:
    talk = Talk(bot_of(fn))
    for text in ("开始", "取消" if fn is cancelled else "好", "小明"):
        talk(text)
        talk.restart()


async def compared(chat: Chat) -> str:
    return "多" if chat.ask("几个？", int) > 5 else "少"  # type: ignore[operator]  # here


async def added(chat: Chat) -> str:
    count = chat.ask("几个？", int)
    return f"{count + 1}"  # type: ignore[operator]  # here


async def counted(chat: Chat) -> str:
    for _ in range(chat.ask("几个？", int)):  # type: ignore[call-overload]  # here
        pass
    return "完"


async def multiplied(chat: Chat) -> str:
    return f"{2 * chat.step(price, '饺子')}"  # type: ignore[operator]  # here


async def looked_into(chat: Chat) -> str:
    found = chat.step(price, "饺子")
    return "有" if "饺" in found else found["饺"]  # type: ignore[index]  # here


@pytest.mark.parametrize("fn", [compared, added, counted, multiplied, looked_into])
@pytest.mark.parametrize("strict", [True, False])
def test_a_question_stands_for_no_answer(fn: Callable[..., Any], strict: bool) -> None:
    talk = Talk(bot_of(fn), strict=strict)
    with pytest.raises(NotWaitedFor, match="never waited for") as told:
        talk("开始")
    assert told.value.where == line_of(fn)


@pytest.mark.parametrize(
    ("made", "word"), [(name_of, "await"), (steps_of, "yield from")], ids=["coroutine", "generator"]
)
def test_an_answer_that_was_not_waited_for_says_what_is_missing(
    made: Callable[..., Any], word: str
) -> None:
    def returned(chat: Chat) -> Dialog[Any]:
        yield from chat.ask("好吗？")
        return made(chat)

    talk = Talk(bot_of(returned))
    talk("开始")
    with pytest.raises(TypeError, match=f"never waited for; write `{word}`"):
        talk("好")

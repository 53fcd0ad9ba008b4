"""A question or step that is made and never waited for, with its line: an error in strict mode, a
line in the log elsewhere, once for each place.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.errors import NotWaitedFor
from wechat_dialog.testing import Talk

done: list[str] = []


def pay(what: str = "paid") -> str:
    done.append(what)
    return what


@dataclass
class Order:
    dish: str


def step_then_end(chat: Chat) -> Dialog[str]:
    yield from chat.ask("好吗？")
    chat.step(pay)  # here
    return "付了"


async def step_then_end_awaiting(chat: Chat) -> str:
    await chat.ask("好吗？")
    chat.step(pay)  # here
    return "付了"


def question_then_end(chat: Chat) -> Dialog[str]:
    yield from chat.ask("好吗？")
    answer = chat.ask("几个？", int)  # here
    return f"好{answer is None}"


def menu_between_questions(chat: Chat) -> Dialog[str]:
    yield from chat.ask("好吗？")
    chat.choose("哪个？", ["甲", "乙"])  # here
    yield from chat.ask("还好吗？")
    return "好"


async def gathering(chat: Chat) -> str:
    await chat.ask("好吗？")
    chat.gather(chat.step(pay), chat.step(pay))  # here
    return "付了"


def whole_order(chat: Chat) -> Dialog[str]:
    yield from chat.ask("好吗？")
    chat.form(Order)  # here
    return "点了"


def helper(chat: Chat) -> None:
    chat.step(pay)  # here


def in_a_helper(chat: Chat) -> Dialog[str]:
    yield from chat.ask("好吗？")
    helper(chat)
    return "付了"


def among_steps_in_a_loop(chat: Chat) -> Dialog[str]:
    while True:
        yield from chat.step(pay)
        chat.step(pay)  # here
        yield from chat.ask("好吗？")


FORGETFUL: list[tuple[Callable[..., Any], Callable[..., Any]]] = [
    (step_then_end, step_then_end),
    (step_then_end_awaiting, step_then_end_awaiting),
    (question_then_end, question_then_end),
    (menu_between_questions, menu_between_questions),
    (gathering, gathering),
    (whole_order, whole_order),
    (in_a_helper, helper),
    (among_steps_in_a_loop, among_steps_in_a_loop),
]


def made_before(chat: Chat) -> Dialog[str]:
    question = chat.ask("几个？", int)
    yield from chat.ask("好吗？")
    return f"{yield from question}"


def gathered_later(chat: Chat) -> Dialog[str]:
    calls = [chat.step(pay), chat.step(pay)]
    yield from chat.ask("好吗？")
    results = yield from chat.gather(*calls)
    yield from chat.gather()
    return "，".join(results)


async def cancelled_and_asked_on(chat: Chat) -> str:
    try:
        await chat.form(Order)
    finally:
        await chat.step(pay)
    return "好"


def asked_twice_for_one(chat: Chat) -> Dialog[str]:
    question = chat.ask("好吗？")
    first = yield from question
    return first + (yield from question)


HONEST = [made_before, gathered_later, cancelled_and_asked_on, asked_twice_for_one]


def bot_of(fn: Callable[..., Any], **settings: Any) -> Bot:
    bot = Bot(**settings)
    bot.text("开始")(fn)
    return bot


def line_of(fn: Callable[..., Any]) -> str:
    lines, first = inspect.getsourcelines(fn)
    number = next(number for number, line in enumerate(lines) if "# here" in line)
    return f"{__file__}:{first + number}"


def drive(talk: Talk) -> None:
    for text in ("开始", "好", "5", "2", "3"):
        talk(text)
        if text == "好":
            talk.restart()


@pytest.mark.parametrize(("fn", "guilty"), FORGETFUL)
def test_strict_mode_names_the_line(fn: Callable[..., Any], guilty: Callable[..., Any]) -> None:
    done.clear()
    with pytest.raises(NotWaitedFor) as told:
        drive(Talk(bot_of(fn)))
    assert told.value.where == line_of(guilty)
    assert told.value.where in str(told.value)
    assert len(done) <= (fn is among_steps_in_a_loop)


@pytest.mark.parametrize(("fn", "guilty"), FORGETFUL)
@pytest.mark.parametrize("live", [0, 100], ids=["cold", "live"])
def test_elsewhere_the_log_names_it_once(
    fn: Callable[..., Any], guilty: Callable[..., Any], live: int, caplog: pytest.LogCaptureFixture
) -> None:
    source = inspect.getsource(fn).replace(fn.__name__, f"{fn.__name__}_{live}")
    names = dict(globals())
    place = f"forgotten/{live}/{fn.__name__}.py"
    exec(compile(source, place, "exec"), names)
    bot = bot_of(names[f"{fn.__name__}_{live}"], live_dialogs=live, timeout=None)
    caplog.set_level(logging.WARNING)
    drive(Talk(bot, strict=False))
    drive(Talk(bot, strict=False, user="another"))
    found = [text for text in caplog.messages if "never waited for" in text]
    if guilty is fn:
        assert len(found) == 1
        assert f"{place}:" in found[0]
    else:
        assert len(found) <= 1  # the helper's line is the same for live and cold


@pytest.mark.parametrize("fn", HONEST)
@pytest.mark.parametrize("strict", [True, False])
def test_what_is_waited_for_later_is_none(
    fn: Callable[..., Any], strict: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    bot = bot_of(fn, cancel=("取消",))
    for texts in (("开始", "好", "5", "确认"), ("开始", "取消")):
        talk = Talk(bot, strict=strict, user="".join(texts))
        for text in texts:
            talk(text)
            talk.restart()
    assert "never waited for" not in caplog.text


@pytest.mark.parametrize("use", [str, "{}".format, "{:>5}".format, bool])
def test_a_question_not_waited_for_has_no_text_and_is_neither_true_nor_false(
    use: Callable[[object], Any],
) -> None:
    """Else a user reads `<…Wait object at 0x7fa1…>`, and every `if chat.confirm(…)` is a yes."""

    def dialog(chat: Chat) -> Dialog[str]:
        yield from chat.ask("好吗？")
        question = chat.confirm("真的？")
        return f"好{use(question)}"

    talk = Talk(bot_of(dialog), apologies=True)
    talk("开始")
    with pytest.raises(NotWaitedFor, match=r"chat\.confirm\(…\) at .*test_forgotten\.py:\d+"):
        talk("好")
    talk = Talk(bot_of(dialog), strict=False, apologies=True)
    talk("开始")
    assert "抱歉" in talk("好")
    assert talk.parked == 1

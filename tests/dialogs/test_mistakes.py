"""What every author gets wrong on the first evening, told in one sentence that names their line."""

from __future__ import annotations

import asyncio
import inspect
import logging
import random
import re
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from wechat_dialog import Bot, Chat, Dialog, messages, replies
from wechat_dialog.errors import (
    ConfigurationError,
    ForeignAwait,
    NotRepeatable,
    NotSayable,
    SideEffect,
)
from wechat_dialog.stores.memory import MemoryStore
from wechat_dialog.testing import Talk

APOLOGY = "抱歉，出了点问题，请稍后再试。"


def here(fn: Callable[..., Any], mark: str = "# here") -> str:
    """`file:line` of the line of a function that has the mark."""
    lines, first = inspect.getsourcelines(fn)
    [number] = [number for number, line in enumerate(lines) if line.rstrip().endswith(mark)]
    return f"{inspect.getsourcefile(fn)}:{first + number}"


def talk_to(dialog: Callable[..., Any], **how: Any) -> Talk:
    bot = Bot(timeout=None)
    bot.text("开始")(dialog)
    return Talk(bot, **how)


# Awaiting something else ------------------------------------------------------------------------


async def sleeps(chat: Chat) -> str:
    await asyncio.sleep(1)  # here
    return "醒了"


async def fetches(chat: Chat) -> str:
    async with httpx.AsyncClient() as client:
        await client.get("http://127.0.0.1:9/")  # here
    return "好"


async def fetches_in_a_helper(chat: Chat) -> str:
    return await asks_the_net()


async def asks_the_net() -> str:
    await asyncio.sleep(1)  # here
    return "好"


FOREIGN = [
    pytest.param(sleeps, sleeps, "asyncio.tasks.sleep", id="asyncio.sleep"),
    pytest.param(fetches_in_a_helper, asks_the_net, "asyncio.tasks.sleep", id="in a helper"),
]


@pytest.mark.parametrize(("dialog", "place", "call"), FOREIGN)
def test_what_is_awaited_besides_the_chat_is_told_with_the_authors_line(
    dialog: Callable[..., Any], place: Callable[..., Any], call: str
) -> None:
    with pytest.raises(ForeignAwait) as told:
        talk_to(dialog)("开始")
    assert here(place) in str(told.value)
    assert call in str(told.value)
    assert "into a step" in str(told.value)


def test_an_awaited_call_of_httpx_is_told_with_the_authors_line() -> None:
    with pytest.raises(ForeignAwait, match="into a step") as told:
        talk_to(fetches)("开始")
    # httpx finds out that no loop runs when it closes its client.
    assert re.search(
        rf"httpx\S+ at {re.escape(str(inspect.getsourcefile(fetches)))}", str(told.value)
    )


@pytest.mark.parametrize(("dialog", "place", "call"), FOREIGN)
def test_on_an_event_loop_it_is_the_authors_line_too(
    dialog: Callable[..., Any],
    place: Callable[..., Any],
    call: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bot = Bot("t", store=MemoryStore(), timeout=None)
    bot.text("开始")(dialog)
    raw = {
        "ToUserName": "gh_1", "FromUserName": "oUser", "CreateTime": "1700000000",
        "MsgType": "text", "Content": "开始", "MsgId": "1",
    }  # fmt: skip

    async def serve() -> Any:
        return await bot.respond_async(messages.from_fields(raw), 1_700_000_000.0)

    with caplog.at_level(logging.ERROR):
        outcome = asyncio.run(serve())
    bot.close()
    assert outcome.reply == replies.Text(APOLOGY)
    assert f"{call} at {here(place)}" in caplog.text
    assert "into a step" in caplog.text


def misses_a_loop() -> None:
    raise RuntimeError("no running event loop")


@pytest.mark.parametrize("fetch", [misses_a_loop, asyncio.all_tasks])
def test_a_step_that_misses_a_loop_is_no_dialog_that_awaits(fetch: Callable[[], Any]) -> None:
    async def dialog(chat: Chat) -> None:
        await chat.step(fetch)

    with pytest.raises(RuntimeError, match="no running event loop"):
        talk_to(dialog)("开始")


# Acting between questions -------------------------------------------------------------------------


def sleeps_in_between(chat: Chat) -> Dialog[str]:
    yield from chat.ask("好吗？")
    time.sleep(0.01)  # here
    return "好"


def asks_a_server(chat: Chat) -> Dialog[str]:
    yield from chat.ask("好吗？")
    urllib.request.urlopen("http://127.0.0.1:9/")  # here
    return "好"


def asks_with_httpx(chat: Chat) -> Dialog[str]:
    yield from chat.ask("好吗？")
    httpx.get("http://127.0.0.1:9/")  # here
    return "好"


def excuses_itself(chat: Chat) -> Dialog[str]:
    yield from chat.ask("好吗？")
    try:
        httpx.get("http://127.0.0.1:9/")  # here
    except Exception:  # noqa: BLE001 - as authors do
        return "网络不好"
    return "好"


def starts_a_process(chat: Chat) -> Dialog[str]:
    yield from chat.ask("好吗？")
    subprocess.run(["true"], check=True)  # here
    return "好"


ACTING = [
    pytest.param(sleeps_in_between, "time.sleep", id="time.sleep"),
    pytest.param(asks_a_server, "urlopen", id="urllib"),
    pytest.param(asks_with_httpx, "httpx", id="httpx"),
    pytest.param(excuses_itself, "httpx", id="caught by the dialog"),
    pytest.param(starts_a_process, "subprocess", id="a process"),
]


@pytest.mark.parametrize(("dialog", "call"), ACTING)
def test_strict_mode_sees_a_dialog_act_between_its_questions(
    dialog: Callable[..., Any], call: str
) -> None:
    talk = talk_to(dialog)
    talk("开始")
    with pytest.raises(SideEffect, match="into a step") as told:
        talk("好")
    assert here(dialog) in str(told.value)
    assert call in str(told.value)


@pytest.mark.parametrize("asked", [0, 1])
def test_strict_mode_sees_a_dialog_ask_at_the_terminal(asked: int) -> None:
    def dialog(chat: Chat) -> Dialog[str]:
        for _ in range(asked):
            yield from chat.ask("好吗？")
        name = input("你是？")
        return name + (yield from chat.ask("好吗？"))

    talk = talk_to(dialog)
    *before, last = ("开始", "好")[: asked + 1]
    for text in before:
        talk(text)
    with pytest.raises(SideEffect, match=r"calls input at .*: ask its user with `chat\.ask"):
        talk(last)


def test_what_a_step_does_is_its_own() -> None:
    def nap() -> None:
        time.sleep(0.001)

    def dialog(chat: Chat) -> Dialog[str]:
        yield from chat.ask("好吗？")
        yield from chat.step(nap)
        return "好"

    talk = talk_to(dialog)
    talk("开始")
    assert talk("好") == "好"


def test_a_log_record_that_is_sent_somewhere_is_no_act_of_the_dialog() -> None:
    class Sends(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            time.sleep(0)

    log = logging.getLogger("clinic")
    log.addHandler(Sends())

    def dialog(chat: Chat) -> Dialog[str]:
        yield from chat.ask("好吗？")
        log.warning("asked")
        return "好"

    talk = talk_to(dialog)
    talk("开始")
    assert talk("好") == "好"


# Bugs ---------------------------------------------------------------------------------------------


def breaks(chat: Chat) -> Dialog[str]:
    name = yield from chat.ask("叫什么？")
    prices = {"小王": 1}
    return f"{prices[name]}"  # here


def test_a_talk_raises_what_a_dialog_raises_from_its_own_line() -> None:
    talk = talk_to(breaks)
    talk("开始")
    with pytest.raises(KeyError) as told:
        talk("小李")
    entry = told.traceback[-1]
    assert f"{entry.path}:{entry.lineno + 1}" == here(breaks)
    assert [one.name for one in told.traceback if "wechat_dialog" in str(one.path)] == [
        "__call__", "send", "_deliver",
    ]  # fmt: skip
    assert talk.parked == 1
    assert talk.transcript[-1] == f"公众号：{APOLOGY}"


def test_a_talk_of_apologies_answers_as_in_production() -> None:
    talk = talk_to(breaks, apologies=True)
    talk("开始")
    assert talk("小李") == APOLOGY
    other = talk.other("oOther")
    other("开始")
    assert other("小李") == APOLOGY


# What steps return --------------------------------------------------------------------------------


@dataclass
class Order:
    dish: str


RETURNED = [
    pytest.param(Decimal(18), "annotate it `-> Decimal`", id="Decimal"),
    pytest.param({1}, "annotate it `-> set`", id="set"),
    pytest.param((1, 2), "annotate it `-> tuple`", id="tuple"),
    pytest.param(date(2026, 8, 5), "annotate it `-> date`", id="date"),
    pytest.param(b"x", "annotate it `-> bytes`", id="bytes"),
    pytest.param(Order("面"), "annotate it `-> Order`", id="dataclass"),
    pytest.param({"价": [Decimal(1)]}, "Decimal at ['价'][0]", id="deep"),
    pytest.param({1: 2}, "int at key 1", id="a key"),
]


@pytest.mark.parametrize(("value", "advice"), RETURNED)
def test_a_result_that_would_come_back_as_something_else_is_refused(
    value: object, advice: str
) -> None:
    def fetch():  # type: ignore[no-untyped-def]
        return value

    async def dialog(chat: Chat) -> str:
        return repr(await chat.step(fetch))

    with pytest.raises(TypeError, match=re.escape(advice)):
        talk_to(dialog)("开始")


def test_a_value_in_an_annotated_dict_that_would_come_back_otherwise_is_refused() -> None:
    def fetch() -> dict[str, Any]:
        return {"价": Decimal(1)}

    async def dialog(chat: Chat) -> str:
        return repr(await chat.step(fetch))

    with pytest.raises(TypeError, match="Decimal at"):
        talk_to(dialog)("开始")


def plain():  # type: ignore[no-untyped-def]
    return {"a": [1, 2.5, None, True, "文"], "b": {}}


def priced() -> Decimal:
    return Decimal(18)


def paired() -> tuple[int, str]:
    return 1, "一"


def listed() -> list[Decimal]:
    return [Decimal(18)]


@pytest.mark.parametrize("fetch", [plain, priced, paired, listed])
def test_what_comes_back_as_it_was_is_handed_over(fetch: Callable[[], Any]) -> None:
    async def dialog(chat: Chat) -> str:
        return repr(await chat.step(fetch))

    assert talk_to(dialog)("开始") == repr(fetch())


# What a replay would make otherwise ---------------------------------------------------------------

served = 0


def pay(order: str) -> str:
    return "付了"


def orders_anew(chat: Chat) -> Dialog[str]:
    order = str(uuid.uuid4())
    yield from chat.ask("好吗？")
    yield from chat.step(pay, order)  # here
    return "付了"


def draws(chat: Chat) -> Dialog[str]:
    lot = random.random()
    yield from chat.ask("好吗？")
    yield from chat.gather(chat.step(pay, str(lot)), chat.step(pay, "一"))
    return "付了"


def counts(chat: Chat) -> Dialog[str]:
    global served
    served += 1
    number = served
    yield from chat.ask("好吗？")
    return f"您是第 {number} 位"


def announces(chat: Chat) -> Dialog[str]:
    number = str(uuid.uuid4())
    yield from chat.ask("好吗？")
    chat.say(f"单号 {number}")
    yield from chat.ask("还好吗？")
    return "好"


def shows(chat: Chat) -> Dialog[replies.Image]:
    number = str(uuid.uuid4())
    yield from chat.ask("好吗？")
    return replies.Image(number)


@pytest.mark.parametrize("dialog", [orders_anew, draws, counts, announces, shows])
def test_strict_mode_compares_arguments_and_words(dialog: Callable[..., Any]) -> None:
    talk = talk_to(dialog)
    talk("开始")
    with pytest.raises(NotRepeatable, match=r"a clock, chance, a global") as told:
        talk("好")
    assert str(inspect.getsourcefile(dialog)) in str(told.value)


def starts_at_once(chat: Chat) -> str:
    chat.start(starts_later, {"order": str(uuid.uuid4())})
    return "好"


def starts_later(chat: Chat, order: str = "") -> Dialog[str]:
    yield from chat.ask("好吗？")
    chat.start(starts_later, {"order": "A1"})
    chat.start(starts_later, {"order": str(uuid.uuid4())})
    return "好"


def words(chat: Chat) -> Dialog[str]:
    if not chat.user:
        yield from chat.ask("好吗？")
    return str(uuid.uuid4())


def test_strict_mode_names_the_dialogs_line_where_it_came_to_no_other() -> None:
    with pytest.raises(NotRepeatable) as told:
        talk_to(words)("开始")
    assert f"({__file__}:{inspect.getsourcelines(words)[1]})" in str(told.value)


async def starts_before_a_question(chat: Chat) -> None:
    chat.start(starts_later, {"order": str(uuid.uuid4())})
    await chat.ask("好吗？")


def reminds(chat: Chat) -> Dialog[str]:
    yield from chat.ask("好吗？")
    chat.remind(60, str(uuid.uuid4()))
    return "好"


def stops(chat: Chat) -> Dialog[str]:
    yield from chat.ask("好吗？")
    chat.stop(str(uuid.uuid4()))
    return "好"


ORDERS: list[int] = []


def starts_in_its_first_turn_and_sometimes_later(chat: Chat) -> Dialog[None]:
    chat.start(starts_later, key="a")
    yield from chat.ask("好吗？")
    ORDERS.append(1)
    if len(ORDERS) < 3:
        chat.start(starts_later, key="b")
    yield from chat.ask("还好吗？")


def starts_the_first_time(chat: Chat) -> str:
    ORDERS.append(1)
    if len(ORDERS) % 2:
        chat.start(starts_later)
    return "好"


@pytest.mark.parametrize(
    ("dialog", "line"),
    [
        (starts_at_once, 1),
        (starts_later, 3),
        (starts_before_a_question, 1),
        (reminds, 2),
        (stops, 2),
        (starts_the_first_time, 3),
        (starts_in_its_first_turn_and_sometimes_later, 5),
    ],
)
def test_strict_mode_names_the_line_of_a_request_that_differs(
    dialog: Callable[..., Any], line: int
) -> None:
    ORDERS.clear()
    bot = Bot()
    bot.text("开始")(dialog)
    bot.dialog(name="later")(starts_later)
    talk = Talk(bot)
    with pytest.raises(NotRepeatable) as told:
        _ = talk("开始"), talk("好")
    place = f"({inspect.getsourcefile(dialog)}:{inspect.getsourcelines(dialog)[1] + line})"
    assert place in str(told.value)


def repeatable(chat: Chat) -> Dialog[str]:
    number = f"{chat.random.random()} {chat.now()}"
    yield from chat.ask("好吗？")
    chat.say(number)
    paid = yield from chat.step(pay, number)
    yield from chat.ask(None)
    return f"{paid} {number}"


def test_what_is_the_same_each_time_passes() -> None:
    talk = talk_to(repeatable)
    talk("开始")
    assert talk("好")
    talk("返回")
    assert talk("好").startswith("付了")


def test_a_dialog_that_only_returns_may_act_and_draw() -> None:
    def joke(chat: Chat) -> str:
        time.sleep(0.001)
        return str(uuid.uuid4())

    assert len(talk_to(joke)("开始")) == 36


def goes_back(chat: Chat) -> Dialog[str]:
    yield from chat.ask("一？")
    chat.say("说过的话")
    yield from chat.ask("二？")
    return "完"


def test_what_is_not_said_again_on_the_way_back_is_no_difference() -> None:
    talk = talk_to(goes_back)
    talk("开始")
    assert talk("甲") == "说过的话\n二？"
    assert talk("返回") == "一？"
    assert talk("乙") == "说过的话\n二？"
    assert talk("丙") == "完"


# What can be no dialog ----------------------------------------------------------------------------


def no_chat() -> str:
    return "好"


def answers_a_dict(chat: Chat) -> dict[str, int]:
    return {}


async def answers_a_number(chat: Chat) -> int:
    return 1


def asks_and_answers_a_list(chat: Chat) -> Dialog[list[str]]:
    yield from chat.ask("好吗？")
    return []


def wants_a_city(chat: Chat, city: str) -> str:
    return city


def wants_nothing(chat: Chat) -> str:
    return "好"


async def yields(chat: Chat) -> Any:
    await chat.ask("好吗？")
    yield 1


CITY = re.compile(r"(?P<city>.+)天气")
CANNOT_BE = [
    pytest.param(no_chat, (), "takes no chat", id="def a():"),
    pytest.param(answers_a_dict, (), "answers dict", id="-> dict"),
    pytest.param(answers_a_number, (), "answers int", id="async -> int"),
    pytest.param(asks_and_answers_a_list, (), "answers list", id="-> Dialog[list]"),
    pytest.param(yields, (), "async generator", id="async generator"),
    pytest.param(wants_a_city, ("天气",), "has no group", id="no group"),
    pytest.param(wants_a_city, (), "its route has no pattern", id="no pattern"),
    pytest.param(
        wants_a_city, (re.compile(r"(?P<city>.+)?天气"),), "need not match", id="may not match"
    ),
    pytest.param(
        wants_a_city, (re.compile(r"天气|(?P<city>.+)天气"),), "need not match", id="in one branch"
    ),
    pytest.param(wants_nothing, (CITY,), "takes no 'city'", id="a group nobody takes"),
    pytest.param(wants_a_city, (CITY, "天气"), "'天气' has no group", id="one of two patterns"),
]


@pytest.mark.parametrize(("fn", "patterns", "why"), CANNOT_BE)
def test_the_decorator_refuses_what_can_be_no_dialog(
    fn: Callable[..., Any], patterns: tuple[Any, ...], why: str
) -> None:
    with pytest.raises(ConfigurationError, match=why) as told:
        Bot().text(*patterns)(fn)
    line = inspect.getsourcelines(fn)[1]
    assert f"{fn.__qualname__} ({inspect.getsourcefile(fn)}:{line})" in str(told.value)


def with_a_default(chat: Chat, city: str = "北京") -> str:
    return city


def takes_all(chat: Chat, **found: str) -> str:
    return str(found)


def sometimes(chat: Chat) -> str | None:
    return None


@pytest.mark.parametrize(
    ("fn", "patterns"),
    [
        (wants_a_city, (CITY,)),
        (wants_a_city, (re.compile(r"(?:(?P<city>北京)市){1,2}"),)),
        (with_a_default, (re.compile(r"(?P<city>.+)?天气"), "天气")),
        (takes_all, (CITY, "天气")),
        (sometimes, ()),
        (lambda chat: "好", ()),
        (len, ()),
    ],
)
def test_what_fits_is_taken(fn: Callable[..., Any], patterns: tuple[Any, ...]) -> None:
    Bot().text(*patterns, name="fits")(fn)


def later(chat: Chat) -> Menu:  # type: ignore[name-defined]  # noqa: F821
    return ""


def test_check_says_what_had_no_name_when_it_was_decorated() -> None:
    bot = Bot()
    bot.text("菜单")(later)
    later.__globals__["Menu"] = dict
    try:
        with pytest.raises(ConfigurationError, match="answers dict"):
            bot.check()
    finally:
        del later.__globals__["Menu"]


@pytest.mark.parametrize("kind", ["text", "event", "click", "scan", "message"])
def test_a_decorator_without_its_parentheses_says_so(kind: str) -> None:
    with pytest.raises(TypeError, match=rf"@bot\.{kind}\(…\)"):
        getattr(Bot(), kind)(sometimes)


def test_the_fallback_may_have_parentheses() -> None:
    bot = Bot()

    @bot.fallback()
    def anything(chat: Chat) -> str:
        return "好"

    assert Talk(bot)("嗯") == "好"


# Parsers ------------------------------------------------------------------------------------------


def hours_left(text: str, now: datetime) -> int:
    return int(text) - now.hour


class Reads:
    def __call__(self, text: str, now: datetime) -> str:
        return f"{text}@{now:%Z}"


@pytest.mark.parametrize(
    ("parse", "said", "answer"), [(hours_left, "23", "17"), (Reads(), "甲", "甲@CST")]
)
def test_a_parser_may_take_the_moment(parse: Any, said: str, answer: str) -> None:
    def dialog(chat: Chat) -> Dialog[str]:
        return str((yield from chat.ask("几点？", parse)))

    talk = talk_to(dialog)
    talk("开始")
    talk._world.clock = datetime(2026, 3, 1, 6, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()
    talk = talk.other("oOther")
    talk("开始")
    assert talk(said) == answer


def test_a_parser_of_three_is_refused_on_the_authors_line() -> None:
    def three(text: str, now: datetime, more: int) -> str:
        return text

    async def dialog(chat: Chat) -> str:
        return str(await chat.ask("好吗？", three))  # type: ignore[arg-type]  # here

    with pytest.raises(TypeError, match=r"three\(.*cannot read an answer") as told:
        talk_to(dialog)("开始")
    assert any(f"{one.path}:{one.lineno + 1}" == here(dialog) for one in told.traceback)


# Saying what cannot be said -----------------------------------------------------------------------


async def says_a_number(chat: Chat) -> str:
    chat.say(5)  # type: ignore[arg-type]  # here
    return "好"


async def asks_a_number(chat: Chat) -> str:
    await chat.ask(5)  # type: ignore[call-overload]  # here
    return "好"


@pytest.mark.parametrize(
    ("dialog", "call"), [(says_a_number, "chat.say(…)"), (asks_a_number, "chat.ask(…)")]
)
def test_what_cannot_be_said_is_told_with_the_line_and_the_dialog(
    dialog: Callable[..., Any], call: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(NotSayable, match="int") as told:
        talk_to(dialog)("开始")
    assert f"{call} at {here(dialog)}" in str(told.value)
    assert f"dialog '{dialog.__name__}'" in caplog.text
    assert here(dialog) in caplog.text


@pytest.mark.parametrize(
    "reply",
    [
        replies.Image("https://example.com/cover.jpg"),
        replies.Voice("http://example.com/a.amr"),
        replies.Video("https://example.com/a.mp4"),
    ],
    ids=lambda reply: type(reply).__name__,
)
@pytest.mark.parametrize("way", ["said", "asked with", "returned"])
def test_an_address_is_no_id_of_an_upload(reply: replies.Reply, way: str) -> None:
    bot = Bot()

    @bot.text("图")
    def show(chat: Chat) -> Dialog[replies.Reply | None]:
        chat.say(reply if way == "said" else "请看：")
        yield from chat.ask(reply if way == "asked with" else "好看吗？")
        return reply

    talk = Talk(bot)
    if way == "returned":
        talk("图")
    with pytest.raises(TypeError, match=r"media_id.*not an address.*News"):
        talk("好" if way == "returned" else "图")

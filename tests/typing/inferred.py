"""What mypy and pyright infer of every call, in both styles; never run: see `test_types.py`."""

from __future__ import annotations

import dataclasses
import enum
import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal, TypedDict, assert_type

import msgspec

from wechat_dialog import (
    AsyncSteps,
    Bot,
    Chat,
    Dialog,
    Dialogs,
    Outgoing,
    Steps,
    messages,
    parsers,
    replies,
    step,
)
from wechat_dialog.core.dialog.effects import ContinueAs


class Size(enum.Enum):
    SMALL = "小杯"


@dataclasses.dataclass
class Order:
    name: str


# Declared, since pyright takes a literal 1 for Literal[1] where it stands in the call itself.
PAIRS: list[tuple[str, int]] = [("a", 1), ("b", 2)]
COUNTS: dict[str, int] = {"a": 1}


class Contact(msgspec.Struct):
    tel: str


class Told(TypedDict, total=False):
    visits: int


@dataclasses.dataclass
class Profile:
    born: date | None = None


def fetch(city: str, *, days: int = 1) -> float:
    return 1.0


def pay(order: str, amount: int, *, idempotency_key: str) -> float:
    return 1.0


async def pay_async(order: str, *, idempotency_key: str) -> list[int]:
    return [1]


def tick(*, idempotency_key: str) -> int:
    return 1


async def fetch_async(city: str) -> list[int]:
    return [1]


@step(retries=3)
def send(text: str) -> bool:
    return True


@step
async def send_async(text: str) -> bytes:
    return b""


def parted(steps: Steps, city: str, days: int = 1) -> list[str]:
    assert_type(steps.run("fetch", fetch, city, days=days), float)
    assert_type(steps.run("send", send.fn, city), Any)
    steps.say("。")
    steps.say(replies.Markdown("。"))
    return [city]


async def parted_async(steps: AsyncSteps, city: str) -> dict[str, int]:
    assert_type(await steps.run("fetch", fetch, city, days=2), float)
    assert_type(await steps.run("fetch", fetch_async, city), list[int])
    await steps.say("。")
    return {}


@step(retries=3)
def parted_with_options(steps: Steps, city: str) -> set[int]:
    return {1}


@step
async def parted_with_options_async(steps: AsyncSteps, city: str) -> tuple[int, str]:
    return 1, city


def digits(text: str) -> set[int]:
    return {1}


async def awaited(chat: Chat) -> str:
    assert_type(await chat.ask("？"), str)
    assert_type(await chat.ask("？", int), int)
    assert_type(await chat.ask("？", float), float)
    assert_type(await chat.ask("？", Decimal), Decimal)
    assert_type(await chat.ask("？", bool), bool)
    assert_type(await chat.ask("？", date), date)
    assert_type(await chat.ask("？", time), time)
    assert_type(await chat.ask("？", datetime), datetime)
    assert_type(await chat.step(pay, "a", 1), float)
    assert_type(await chat.step(pay_async, "a"), list[int])
    assert_type(await chat.step(tick), int)
    assert_type(await chat.step(parted, "x"), list[str])
    assert_type(await chat.step(parted, "x", days=2), list[str])
    assert_type(await chat.step(parted_async, "x"), dict[str, int])
    assert_type(await chat.step(parted_with_options, "x"), set[int])
    assert_type(await chat.step(parted_with_options_async, "x"), tuple[int, str])
    assert_type(await chat.ask("？", datetime, future=True), datetime)
    assert_type(await chat.ask("？", date, future=True, hint="几号？", repeat=False), date)
    assert_type(await chat.ask("？", Size), Size)
    assert_type(await chat.ask("？", re.compile("x")), re.Match[str])
    assert_type(await chat.ask("？", messages.Image), messages.Image)
    assert_type(await chat.ask("？", digits), set[int])
    assert_type(await chat.ask("？", parsers.phone), str)
    assert_type(await chat.ask("？", parsers.amount, attempts=3, hint="x"), Decimal)
    assert_type(await chat.ask("？", secret=True), str)
    assert_type(await chat.ask("？", digits, secret=True, key="k"), set[int])
    assert_type(await chat.choose("？", ["a", "b"]), str)
    assert_type(await chat.choose("？", ("a", "b"), key="k"), str)
    assert_type(await chat.choose("？", PAIRS), int)
    assert_type(await chat.choose("？", {"a": 1.5}), float)
    assert_type(await chat.choose("？", Size), Size)
    assert_type(await chat.choose("？", ["a"], many=True), list[str])
    assert_type(await chat.choose("？", PAIRS, many=True), list[int])
    assert_type(await chat.choose("？", COUNTS, many=True), list[int])
    assert_type(await chat.choose("？", Size, many=True, timeout=9), list[Size])
    assert_type(await chat.confirm("？"), bool)
    assert_type(await chat.confirm("？", default=True, yes="好"), bool)
    assert_type(await chat.form(Order), Order)
    assert_type(await chat.form(Contact, given={"tel": "1"}, summary=False), Contact)
    assert_type(await chat.step(fetch, "x", days=2), float)
    assert_type(await chat.step(fetch_async, "x"), list[int])
    assert_type(await chat.step(send, "x"), bool)
    assert_type(await chat.step(send_async, "x"), bytes)
    assert_type(await chat.gather(chat.step(fetch, "x"), chat.step(send, "x")), tuple[float, bool])
    assert_type(chat.now(), datetime)
    assert_type(chat.user, str)
    assert_type(chat.message, messages.Message)
    assert_type(chat.continue_as(generated, count=1), ContinueAs)
    return ""


def yielded(chat: Chat) -> Dialog[str]:
    assert_type((yield from chat.ask("？")), str)
    assert_type((yield from chat.ask("？", int)), int)
    assert_type((yield from chat.ask("？", Decimal)), Decimal)
    assert_type((yield from chat.ask("？", Size)), Size)
    assert_type((yield from chat.ask("？", re.compile("x"))), re.Match[str])
    assert_type((yield from chat.ask("？", messages.Location)), messages.Location)
    assert_type((yield from chat.ask("？", digits, key="k")), set[int])
    assert_type((yield from chat.choose("？", ["a"])), str)
    assert_type((yield from chat.choose("？", PAIRS)), int)
    assert_type((yield from chat.choose("？", {"a": 1.5})), float)
    assert_type((yield from chat.choose("？", Size)), Size)
    assert_type((yield from chat.choose("？", ["a"], many=True)), list[str])
    assert_type((yield from chat.choose("？", COUNTS, many=True)), list[int])
    assert_type((yield from chat.confirm("？", default=False)), bool)
    assert_type((yield from chat.form(Order)), Order)
    assert_type((yield from chat.form(Contact)), Contact)
    assert_type((yield from chat.step(fetch, "x")), float)
    assert_type((yield from chat.step(fetch_async, "x")), list[int])
    assert_type((yield from chat.step(send, "x")), bool)
    assert_type((yield from chat.step(parted, "x")), list[str])
    assert_type((yield from chat.step(parted_async, "x")), dict[str, int])
    assert_type((yield from chat.step(parted_with_options_async, "x")), tuple[int, str])
    assert_type((yield from chat.gather(chat.step(fetch, "x"))), tuple[float])
    assert_type((yield from generated(chat)), int)
    return ""


async def waits(chat: Chat) -> str:
    assert_type(await chat.ask("？", int, within=900), int)
    assert_type(await chat.choose("？", PAIRS, within=timedelta(hours=1)), int)
    assert_type(await chat.confirm("？", within=chat.now()), bool)
    await chat.sleep(timedelta(days=3))
    assert_type(await chat.wait_for("paid"), object)
    assert_type(await chat.wait_for("paid", Contact, match="7", within=9.5), Contact)
    assert_type(await chat.wait_for("paid", int), int)
    chat.start(generated, {"count": 1}, key="k")
    chat.remind(60, "到点了", key="r")
    chat.stop("k")
    match await chat.race(chat.wait_for("paid", Contact), chat.ask("？", int), chat.sleep(9)):
        case 0, contact:
            assert_type(contact, Contact)
        case 1, number:
            assert_type(number, int)
        case 2, nothing:
            assert_type(nothing, None)
    number, value = await chat.race(chat.ask("？"), chat.sleep(900))
    assert_type(number, Literal[0, 1])
    assert_type(value, str | None)
    return ""


def waits_too(chat: Chat) -> Dialog[str]:
    yield from chat.sleep(9)
    assert_type((yield from chat.wait_for("paid", Contact)), Contact)
    match (yield from chat.race(chat.wait_for("paid", Contact), chat.ask("？", int))):
        case 0, contact:
            assert_type(contact, Contact)
        case 1, number:
            assert_type(number, int)
    return ""


def generated(chat: Chat, count: int = 0) -> Dialog[int]:
    name = yield from chat.ask("？")
    return len(name) + count


async def typed(chat: Chat[Profile]) -> str:
    assert_type(chat.data, Profile)
    if chat.data.born is None:
        born = await chat.ask("？", date)
        chat.data.born = born
    assert_type(chat.data.born, date)
    chat.data = Profile()
    return await sub_dialog(chat)


def told(chat: Chat[Told]) -> Dialog[str]:
    assert_type(chat.data.get("visits", 0), int)
    chat.data["visits"] = yield from chat.ask("？", int)
    return (yield from yielded(chat))


async def sub_dialog(chat: Chat) -> str:
    count: int = chat.data["visits"]
    return await chat.ask(str(count))


bot = Bot(data=Profile)
bot.text("t")(typed)
bot.text("d")(told)
dialogs = Dialogs()


def reviewed(going: Outgoing) -> str | None:
    assert_type(going.text, str)
    assert_type(going.message, messages.Message)
    return going.text


async def reviewed_later(going: Outgoing) -> replies.Sayable:
    return going.reply if going.question else None


Bot(review=reviewed, ai_generated=True)
Bot(review=reviewed_later)
Bot(review=step(reviewed, timeout=3))


@bot.text("a", re.compile("(?P<count>.*)"), anytime=True, timeout=5)
def routed(chat: Chat, count: str = "") -> Dialog[str]:
    return (yield from chat.ask(count))


@dialogs.click("k")
async def tapped(chat: Chat) -> Any:
    return chat.continue_as(generated)


bot.include(dialogs)
MESSAGE = messages.Text(user="u", account="a", created=0, raw={}, text="")
assert_type(routed(Chat("u", MESSAGE)), Dialog[str])

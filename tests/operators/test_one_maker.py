"""`check`, transcripts and the simulator replay a conversation as its turns do.

Whatever a bot sets that a dialog can see (its sentences, the shape of its users' data, what a menu
offers) has to be the same wherever a journal is replayed, or the gate before a deployment reports
differences that are not there, and misses those that are.
"""

from __future__ import annotations

import ast
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest

import wechat_dialog
from tests.architecture import Module, modules
from wechat_dialog import Bot, Chat, Dialog, Field, Texts, messages
from wechat_dialog.operators import Conversations
from wechat_dialog.operators.inspection import inspect
from wechat_dialog.stores.memory import MemoryStore

USER = "oOneMaker"
SRC = next(iter(wechat_dialog.__path__))


@dataclasses.dataclass
class Profile:
    visits: int = 0


@dataclasses.dataclass
class Order:
    dish: Annotated[str, Field("吃什么？")]
    count: Annotated[int, Field("几份？")] = 2


def buys(chat: Chat) -> Dialog[str]:
    yes = yield from chat.confirm("buy?")
    name = yield from chat.ask("name?")
    return f"{yes} {name}"


def buys_one(chat: Chat) -> Dialog[str]:
    yes = yield from chat.confirm("buy?", yes="要", key="buy")
    return str(yes)


def visits(chat: Chat[Profile]) -> Dialog[str]:
    chat.data.visits += 1
    name = yield from chat.ask("name?")
    city = yield from chat.ask(f"visit {chat.data.visits}, city?")
    return f"{name} {city}"


def orders(chat: Chat) -> Dialog[str]:
    order = yield from chat.form(Order)
    sure = yield from chat.ask("sure?")
    return f"{order} {sure}"


def chooses(chat: Chat) -> Dialog[str]:
    size = yield from chat.choose("size?", ["S", "M", "L"], key="size")
    return str(size)


def chooses_otherwise(chat: Chat) -> Dialog[str]:
    size = yield from chat.choose("size?", ["M", "S", "L"], key="size")
    return str(size)


SKIP = Texts(no="不要", skip="就这样", keep="别动")

BOTS: list[Any] = [
    pytest.param(buys_one, [], {"texts": Texts(no="不要")}, id="a word of confirm is the bot's"),
    pytest.param(buys, ["来一个"], {"texts": Texts(yes="来一个")}, id="an answer in its word"),
    pytest.param(visits, ["Ada"], {"data": Profile}, id="the data have a shape"),
    pytest.param(orders, ["饺子", "就这样"], {"texts": SKIP}, id="a form's skip is the bot's"),
    pytest.param(chooses, [], {}, id="a menu under a key"),
]


def talked(fn: Callable[..., Any], said: list[str], settings: dict[str, Any]) -> Bot:
    """A bot in the middle of a conversation, as another process would find it."""
    store = MemoryStore()
    bot = Bot("t", store=store, **settings)
    bot.text("go", name="dialog")(fn)
    now = int(time.time())
    for number, text in enumerate(["go", *said]):
        raw = {
            "ToUserName": "gh",
            "FromUserName": USER,
            "CreateTime": str(now),
            "MsgType": "text",
            "Content": text,
            "MsgId": str(number + 1),
        }
        bot.respond(messages.from_fields(raw), now)
    return bot


@pytest.mark.parametrize(("fn", "said", "settings"), BOTS)
def test_check_sees_no_difference_where_a_turn_sees_none(
    fn: Callable[..., Any], said: list[str], settings: dict[str, Any]
) -> None:
    bot = talked(fn, said, settings)
    [checked] = Conversations(bot).check()
    assert checked.verdict.outcome == "unchanged", checked.verdict


@pytest.mark.parametrize(("fn", "said", "settings"), BOTS)
def test_the_simulator_sees_no_difference_where_a_turn_sees_none(
    fn: Callable[..., Any], said: list[str], settings: dict[str, Any]
) -> None:
    bot = talked(fn, said, settings)
    told = inspect(bot, USER, now=time.time())
    assert told is not None
    assert told["divergence"] is None
    assert told["waiting"] is not None
    assert told["waiting"]["prompt"]


@pytest.mark.parametrize(("fn", "said", "settings"), BOTS)
def test_a_transcript_tells_every_question(
    fn: Callable[..., Any], said: list[str], settings: dict[str, Any]
) -> None:
    shown = Conversations(talked(fn, said, settings)).show(USER)
    assert "goes on otherwise" not in shown


def test_the_simulator_sees_that_a_menu_under_a_key_offers_something_else() -> None:
    bot = talked(chooses, [], {})
    changed = Bot("t", store=bot.store)
    changed.text("go", name="dialog")(chooses_otherwise)
    told = inspect(changed, USER, now=time.time())
    assert told is not None
    assert told["divergence"] is not None
    [checked] = Conversations(changed).check()
    assert checked.verdict.outcome != "unchanged"


def makers(module: Module) -> list[str]:
    """Where a module makes a chat or a run by hand."""
    return [
        f"{module.name}:{node.lineno}"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"Run", "Chat", "RedactedRun"}
    ]


def test_nothing_else_makes_a_run() -> None:
    found = [place for module in modules(Path(SRC).parent) for place in makers(module)]
    # The terminal's `Chat` is a person typing, and no author's.
    assert [place for place in found if not place.startswith("wechat_dialog.cli.chat")] == [
        place for place in found if place.startswith("wechat_dialog.core.replay.runs")
    ]

"""What an operator sees and does, and what the gate before a deployment says."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from wechat_dialog import Bot, Chat, Dialog, messages
from wechat_dialog.errors import UnexpectedAnswer
from wechat_dialog.operators import Conversations, NotFound, conversations
from wechat_dialog.stores.memory import MemoryStore

USER = "oOperator"


class World:
    """A store, and a bot whose code can be changed over it."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.sent = 0
        self.bot = Bot("t", store=self.store)

    def deploy(self, name: str, fn: Callable[..., Any], **settings: Any) -> None:
        self.bot = Bot("t", store=self.store, **settings)
        self.bot.text("开始", name=name)(fn)
        self.bot.fallback(lambda _: "没有对话")

    def say(self, text: str) -> str:
        self.sent += 1
        raw = {
            "ToUserName": "gh",
            "FromUserName": USER,
            "CreateTime": str(int(time.time())),
            "MsgType": "text",
            "Content": text,
            "MsgId": str(9000 + self.sent),
        }
        reply = self.bot.respond(messages.from_fields(raw), time.time()).reply
        return getattr(reply, "content", "")

    @property
    def conversations(self) -> Conversations:
        return Conversations(self.bot)


@pytest.fixture
def world() -> World:
    return World()


def price(dish: str) -> int:
    return len(dish) * 10


def order(chat: Chat) -> Dialog[str]:
    dish = yield from chat.ask("吃什么？")
    cost = yield from chat.step(price, dish)
    count = yield from chat.ask(f"{cost} 元，几份？", int)
    return f"一共 {cost * count} 元"


def broken(chat: Chat) -> Dialog[str]:
    dish = yield from chat.ask("吃什么？")
    cost = yield from chat.step(price, dish)
    count = yield from chat.ask(f"{cost} 元，几份？", int)
    raise ZeroDivisionError(count)


def swapped(chat: Chat) -> Dialog[str]:
    count = yield from chat.ask("几份？", int)
    dish = yield from chat.ask("吃什么？")
    return f"{count}{dish}"


def two(chat: Chat) -> Dialog[str]:
    name = yield from chat.ask("叫什么？")
    city = yield from chat.ask("住哪里？")
    return name + city


def two_swapped(chat: Chat) -> Dialog[str]:
    city = yield from chat.ask("住哪里？")
    name = yield from chat.ask("叫什么？")
    return name + city


def test_a_broken_conversation_is_parked_and_its_user_is_free(world: World) -> None:
    world.deploy("order", broken)
    for text in ("开始", "面条"):
        world.say(text)
    assert world.say("3") == world.bot.rules.texts.apology
    assert world.say("喂") == "没有对话"
    [parked] = world.conversations.list()
    assert (parked.state, parked.dialog, parked.openid) == ("parked", "order", USER)
    assert parked.why == "ZeroDivisionError: 3"


def hinting(hint: Callable[[str], Any], parse: Any = int) -> Callable[[Chat], Dialog[str]]:
    def order(chat: Chat) -> Dialog[str]:
        count = yield from chat.ask("几份？", parse, hint=hint)
        return f"{count} 份"

    return order


@pytest.mark.parametrize(
    ("hint", "why"),
    [
        pytest.param(lambda said: said[99], "IndexError", id="raises"),
        pytest.param(lambda said: 99, "TypeError", id="says no text"),
    ],
)
def test_a_broken_hint_parks_the_conversation_as_any_bug_does(
    world: World, hint: Callable[[str], Any], why: str
) -> None:
    world.deploy("order", hinting(hint))
    world.say("开始")
    assert world.say("很多") == world.bot.rules.texts.apology
    [parked] = world.conversations.list()
    assert (parked.state, parked.why.partition(":")[0]) == ("parked", why)
    assert "said '很多'" in world.conversations.show(parked.id)
    assert not world.conversations.resume(USER)  # nothing was mended: it breaks again
    assert [one.id for one in world.conversations.list()] == [parked.id]
    assert world.say("在吗") == "没有对话", "the user has had an apology"
    world.deploy("order", hinting(lambda said: f"“{said}”不是数。"))
    assert world.conversations.resume(USER)
    assert world.say("在吗") == f"{world.bot.rules.texts.not_taken}\n“很多”不是数。\n几份？"
    assert world.say("3") == "3 份"


def test_an_answer_on_which_the_parser_broke_is_read_again(world: World) -> None:
    def parse(text: str) -> int:
        return {"一": 1}[text]

    def mended(text: str) -> int:
        if text not in {"一": 1}:
            raise ValueError("没看懂。")
        return 1

    world.deploy("order", hinting(lambda said: f"“{said}”？", parse))
    world.say("开始")
    assert world.say("二") == world.bot.rules.texts.apology
    world.deploy("order", hinting(lambda said: f"“{said}”？", mended))
    world.conversations.resume(USER)
    assert world.say("在吗") == f"{world.bot.rules.texts.not_taken}\n“二”？\n几份？"
    assert world.say("一") == "1 份"


def test_a_parked_conversation_goes_on_with_the_message_that_broke_it(world: World) -> None:
    world.deploy("order", broken)
    for text in ("开始", "面条", "3"):
        world.say(text)
    world.deploy("order", order)
    world.conversations.resume(USER)
    assert world.say("在吗") == "一共 60 元\n没有对话"
    assert list(world.conversations.list()) == []


def test_a_user_has_a_parked_and_a_running_conversation_told_apart_by_id(world: World) -> None:
    world.deploy("order", broken)
    for text in ("开始", "面条", "3", "开始"):
        world.say(text)
    first, second = world.conversations.list()
    assert [first.state, second.state] == ["waiting", "parked"]
    assert first.id != second.id
    world.conversations.end(second.id)
    assert [one.id for one in world.conversations.list()] == [first.id]
    world.conversations.end(first.id)
    assert list(world.conversations.list()) == []


def test_a_transcript_shows_who_said_what_and_where_it_broke(world: World) -> None:
    world.deploy("order", broken)
    for text in ("开始", "面条", "3"):
        world.say(text)
    shown = world.conversations.show(USER)
    assert re.search(r"said '开始'.*said '面条'.*step price → 20.*said '3'", shown, re.DOTALL)
    assert "test_conversations.py" in shown
    assert "ZeroDivisionError: 3" in shown


def test_ending_a_running_conversation_runs_its_clean_up_once(world: World) -> None:
    done: list[str] = []

    def cleaning(chat: Chat) -> Dialog[str]:
        try:
            yield from chat.ask("等着？")
        finally:
            yield from chat.step(done.append, "cleaned")
        return ""

    world.deploy("cleaning", cleaning)
    world.say("开始")
    assert done == []
    world.conversations.end(USER)
    assert done == ["cleaned"]
    assert world.say("喂") == "没有对话"


def test_a_resume_that_breaks_again_apologises_to_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All are resumed within one millisecond."""
    now = time.time()
    monkeypatch.setattr(conversations, "time", SimpleNamespace(time=lambda: now))
    world.deploy("shop", broken)
    for text in ("开始", "面"):
        world.say(text)
    assert world.say("2") == world.bot.rules.texts.apology
    for _ in range(2):
        assert not world.conversations.resume(USER)
    assert world.say("在吗？") == "没有对话"
    world.deploy("shop", order)
    assert world.conversations.resume(USER)
    assert world.say("在吗？").startswith("一共 20 元")


def test_a_resumed_conversation_that_breaks_at_a_later_message_apologises(world: World) -> None:
    world.deploy("shop", broken)
    world.say("开始")

    def breaks_later(chat: Chat) -> Dialog[str]:
        yield from chat.ask("吃什么？")
        raise ZeroDivisionError

    world.deploy("shop", breaks_later)
    assert world.say("面") == world.bot.rules.texts.apology
    world.deploy("shop", broken)
    assert world.conversations.resume(USER)
    assert "几份？" in world.say("好了吗？")
    assert world.say("2") == world.bot.rules.texts.apology


def test_a_message_that_a_resumed_dialog_hands_back_is_not_given_to_it_again(world: World) -> None:
    done: list[str] = []
    broken = True

    def handing(chat: Chat) -> Dialog[str]:
        yield from chat.step(done.append, "once")
        if broken:
            raise ZeroDivisionError
        raise UnexpectedAnswer

    world.deploy("handing", handing)
    world.say("开始")
    broken = False
    world.conversations.resume(USER)
    assert done == ["once"]
    assert world.say("喂").startswith("没有对话")
    assert done == ["once"]


def test_what_is_not_there_is_said_by_name(world: World) -> None:
    world.deploy("order", order)
    for method in (world.conversations.show, world.conversations.resume, world.conversations.end):
        with pytest.raises(NotFound, match="oNobody"):
            method("oNobody")


def in_conversation(world: World, fn: Callable[..., Any], *answers: str) -> None:
    world.deploy("dialog", fn)
    world.say("开始")
    for answer in answers:
        world.say(answer)


@pytest.mark.parametrize(
    ("old", "answers", "new", "policy", "verdict"),
    [
        pytest.param(two, ["小明"], two, "resume", "unchanged", id="the same code"),
        pytest.param(two, ["小明"], two_swapped, "park", "parked", id="swapped, park"),
        pytest.param(two, ["小明"], two_swapped, "restart", "restarted", id="swapped, restart"),
        pytest.param(two, ["小明"], two_swapped, "resume", "asks again", id="swapped, resume"),
        pytest.param(order, ["面条"], swapped, "resume", "parked", id="a step would be lost"),
    ],
)
def test_the_gate_says_what_production_then_does(
    world: World,
    old: Callable[..., Any],
    answers: list[str],
    new: Callable[..., Any],
    policy: str,
    verdict: str,
) -> None:
    in_conversation(world, old, *answers)
    world.deploy("dialog", new, on_divergence=policy)
    [checked] = world.conversations.check()
    assert checked.verdict.outcome == verdict
    said = world.say("北京")
    texts = world.bot.rules.texts
    expected = {
        "unchanged": "小明北京",
        "parked": texts.apology,
        "restarted": f"{texts.restarted}\n住哪里？",
        "asks again": f"{texts.changed}\n住哪里？",
    }
    assert said == expected[verdict]


def test_who_has_no_conversation_but_the_rest_of_an_answer_is_not_found(world: World) -> None:
    world.deploy("long", lambda _: "长" * 3000)
    assert world.say("开始")
    assert [stored.user for stored in world.store.list()] == [f"gh:{USER}"]
    for command in (world.conversations.show, world.conversations.end, world.conversations.resume):
        for name in (USER, f"gh:{USER}"):
            with pytest.raises(NotFound):
                command(name)


def test_a_bot_with_an_account_sees_its_own_conversations_only() -> None:
    store = MemoryStore()
    shop, news = (Bot("t", store=store, account=account) for account in ("gh_1", "gh_2"))
    shop.text("开始", name="order")(order)
    news.text("开始", name="two")(two)
    for number, (bot, account) in enumerate([(shop, "gh_1"), (news, "gh_2")]):
        raw = {
            "ToUserName": account,
            "FromUserName": USER,
            "CreateTime": str(int(time.time())),
            "MsgType": "text",
            "Content": "开始",
            "MsgId": str(number),
        }
        bot.respond(messages.from_fields(raw), time.time())
    own, other = Conversations(shop), Conversations(news)
    [running] = own.list()
    [foreign] = other.list()
    assert (running.dialog, own.count()) == ("order", 1)
    assert [checked.verdict.outcome for checked in own.check()] == ["unchanged"]
    with pytest.raises(NotFound):
        own.end(foreign.id)
    own.forget(USER)
    assert [*own.list()] == []
    assert [*other.list()] == [foreign]

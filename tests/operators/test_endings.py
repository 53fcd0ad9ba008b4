"""An operator ends a conversation (`wechat-dialog conversations end`): its clean-up steps run, once
each and in order, whatever the dialog does on its way out, on every store.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli import command
from wechat_dialog import Bot, Cancelled, Chat, Dialog, messages
from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.kept import Parked
from wechat_dialog.core.store.values import Claim, Claimed, Commit, Write
from wechat_dialog.core.turn import ending
from wechat_dialog.errors import AskAgain
from wechat_dialog.operators import Conversations
from wechat_dialog.stores import open_store

USER = "oEnding"
_sent = itertools.count(1)
done: list[str] = []


def do(what: str) -> None:
    done.append(what)


def broken() -> None:
    done.append("broken")
    raise ZeroDivisionError


@pytest.fixture(params=["memory", "sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    done.clear()
    if request.param == "redis":
        made = open_store(request.getfixturevalue("redis_url"))
    else:
        urls = {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path / 'endings.db'}"}
        made = open_store(urls[request.param])
    yield made
    made.close()


# Each in both styles. -----------------------------------------------------------------------------


def plain(chat: Chat) -> Dialog[str]:
    try:
        return (yield from chat.ask("好吗？"))
    finally:
        yield from chat.step(do, "一")


async def plain_awaiting(chat: Chat) -> str:
    try:
        return await chat.ask("好吗？")
    finally:
        await chat.step(do, "一")


def remembers(chat: Chat) -> Dialog[str]:
    chat.data["times"] = chat.data.get("times", 0) + 1
    return (yield from chat.ask(f"第 {chat.data['times']} 次？"))


def helper(chat: Chat) -> Dialog[str]:
    try:
        return (yield from chat.ask("好吗？"))
    finally:
        yield from chat.step(do, "里一")
        yield from chat.step(do, "里二")


def helped(chat: Chat) -> Dialog[str]:
    try:
        return (yield from helper(chat))
    finally:
        yield from chat.step(do, "外")


async def helper_awaiting(chat: Chat) -> str:
    try:
        return await chat.ask("好吗？")
    finally:
        await chat.step(do, "里一")
        await chat.step(do, "里二")


async def helped_awaiting(chat: Chat) -> str:
    try:
        return await helper_awaiting(chat)
    finally:
        await chat.step(do, "外")


def two_blocks(chat: Chat) -> Dialog[str]:
    try:
        try:
            return (yield from chat.ask("好吗？"))
        finally:
            yield from chat.step(do, "里")
    finally:
        yield from chat.gather(chat.step(do, "外"), chat.step(do, "外"))
        yield from chat.step(do, "完")


async def two_blocks_awaiting(chat: Chat) -> str:
    try:
        try:
            return await chat.ask("好吗？")
        finally:
            await chat.step(do, "里")
    finally:
        await chat.gather(chat.step(do, "外"), chat.step(do, "外"))
        await chat.step(do, "完")


class Desk:
    """What is opened with `with`, and closed in code only."""

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *_: object) -> None:
        done.append("with")


def within(chat: Chat) -> Dialog[str]:
    """Whoever comes by code alone, comes at each replay; the step around it runs once."""
    try:
        with Desk():
            return (yield from chat.ask("好吗？"))
    finally:
        yield from chat.step(do, "外")


def fails() -> None:
    raise ZeroDivisionError


def raises_before_its_step(chat: Chat) -> Dialog[str]:
    try:
        try:
            return (yield from chat.ask("好吗？"))
        finally:
            fails()
            yield from chat.step(do, "里")
    finally:
        yield from chat.step(do, "外")


async def raises_after_its_step(chat: Chat) -> str:
    try:
        try:
            return await chat.ask("好吗？")
        finally:
            await chat.step(do, "里")
            fails()
    finally:
        await chat.step(do, "外")


def has_a_step_that_raises(chat: Chat) -> Dialog[str]:
    try:
        try:
            return (yield from chat.ask("好吗？"))
        finally:
            yield from chat.step(broken)
    finally:
        yield from chat.step(do, "外")


def asks_on_its_way_out(chat: Chat) -> Dialog[str]:
    try:
        try:
            return (yield from chat.ask("好吗？"))
        finally:
            yield from chat.step(do, "里")
            yield from chat.ask("为什么？")
    finally:
        yield from chat.step(do, "外")


async def asks_on_its_way_out_awaiting(chat: Chat) -> str:
    try:
        try:
            return await chat.ask("好吗？")
        finally:
            await chat.step(do, "里")
            await chat.ask("为什么？")
    finally:
        await chat.step(do, "外")


def asks_bare(chat: Chat) -> Any:
    try:
        try:
            yield "好吗？"
        finally:
            yield "为什么？"
    finally:
        yield from chat.step(do, "外")


def asks_on(chat: Chat) -> Dialog[str]:
    """A user who cancels is asked on; an operator waits for nobody."""
    try:
        try:
            name = yield from chat.ask("叫什么？")
        except Cancelled:
            name = "无名"
        city = yield from chat.ask("住哪里？")
        return name + city
    finally:
        yield from chat.step(do, "外")


def never_takes_no_for_an_answer(chat: Chat) -> Dialog[str]:
    while True:
        try:
            yield from chat.ask("好吗？")
        except Cancelled:
            chat.say("再问一次。")


def never_takes_no_and_does_something(chat: Chat) -> Dialog[str]:
    times = 0
    while True:
        try:
            yield from chat.ask("好吗？")
        except Cancelled:
            times += 1
            if times <= 3:
                yield from chat.step(do, "又")


ROWS = [
    (plain, ["一"], ""),
    (plain_awaiting, ["一"], ""),
    (helped, ["里一", "里二", "外"], ""),
    (helped_awaiting, ["里一", "里二", "外"], ""),
    (two_blocks, ["里", "外", "外", "完"], ""),
    (two_blocks_awaiting, ["里", "外", "外", "完"], ""),
    (within, ["外"], ""),
    (raises_before_its_step, ["外"], "ZeroDivisionError"),
    (raises_after_its_step, ["里", "外"], "ZeroDivisionError"),
    (has_a_step_that_raises, ["broken", "外"], "ZeroDivisionError"),
    (asks_on_its_way_out, ["里", "外"], ""),
    (asks_on_its_way_out_awaiting, ["里", "外"], ""),
    (asks_bare, ["外"], ""),
    (asks_on, ["外"], ""),
    (never_takes_no_for_an_answer, [], ""),
    (never_takes_no_and_does_something, ["又", "又", "又"], ""),
]


def bot_on(store: Store, fn: Callable[..., Any], live: int = 100, *, lease: float = 3.0) -> Bot:
    bot = Bot("t", store=store, timeout=None, live_dialogs=live, lease=lease)
    bot.text("开始", name="ending")(fn)
    bot.click("menu", name="menu")(lambda _: "菜单")
    bot.fallback(lambda _: "没有对话")
    return bot


def say(bot: Bot, text: str, user: str = USER, **fields: str) -> str:
    raw = {
        "ToUserName": "gh",
        "FromUserName": user,
        "CreateTime": str(1_700_000_000 + next(_sent)),
        "MsgType": "text",
        "Content": text,
        "MsgId": str(9000 + next(_sent)),
    }
    reply = bot.respond(messages.from_fields(raw | fields), time.time()).reply
    return getattr(reply, "content", "")


@pytest.mark.parametrize("live", [0, 100], ids=["cold", "live"])
@pytest.mark.parametrize(("fn", "expected", "told"), ROWS)
def test_clean_up_runs_once_and_the_conversation_is_gone(
    store: Store, fn: Callable[..., Any], expected: list[str], told: str, live: int,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    serving = bot_on(store, fn, live)
    say(serving, "开始")
    # The operator's process has no dialog in memory, whatever the server's has.
    Conversations(bot_on(store, fn)).end(USER)
    assert [one for one in done if one != "with"] == expected
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == bool(told)
    assert told in "".join(errors)
    assert list(Conversations(serving).list()) == [], "neither running nor parked"
    assert say(serving, "喂") == "没有对话"
    assert [one for one in done if one != "with"] == expected
    assert say(serving, "开始").endswith("？"), "and the user may begin anew"


@pytest.mark.parametrize("fn", [asks_on_its_way_out, asks_on_its_way_out_awaiting, asks_on])
def test_a_change_of_subject_waits_for_nobody_either(store: Store, fn: Callable[..., Any]) -> None:
    bot = bot_on(store, fn, 0)
    say(bot, "开始")
    assert say(bot, "", MsgType="event", Event="CLICK", EventKey="menu") == "菜单"
    assert done[-1] == "外"
    assert list(Conversations(bot).list()) == []


def wrecks() -> list[tuple[str, Callable[[Bot], None]]]:
    def stack(bot: Bot) -> None:
        spoil(bot, head=b'{"stack": 5}')

    def journal(bot: Bot) -> None:
        spoil(bot, records=(b"[]", b"5"))

    def nothing(bot: Bot) -> None:
        spoil(bot, head=b"\xff", records=(b"\xff",))

    return [("a head", stack), ("a journal", journal), ("both", nothing)]


def spoil(bot: Bot, head: bytes | None = None, records: tuple[bytes, ...] = ()) -> None:
    """Write what no version of the library does over what is stored."""
    store, user = bot.store, f"gh:{USER}"
    claimed = store.claim(Claim(user, "spoil", lease=3.0))
    assert isinstance(claimed, Claimed)
    write = Write(head=claimed.head if head is None else head, records=records, ttl=3600.0)
    store.commit(Commit(user, "spoil", write, reply=b"null", fence=claimed.fence))


@pytest.mark.parametrize(("what", "wreck"), wrecks(), ids=["head", "journal", "both"])
def test_what_nobody_can_read_can_be_ended(
    store: Store, what: str, wreck: Callable[[Bot], None]
) -> None:
    bot = bot_on(store, remembers, 0)
    say(bot, "开始")
    wreck(bot)
    assert [one.state for one in Conversations(bot).list()] == ["unreadable"]
    with pytest.raises(AskAgain):
        say(bot, "喂")
    Conversations(bot).end(USER)
    assert list(Conversations(bot).list()) == []
    assert say(bot, "开始") == "第 2 次？", "what is remembered of the user is still there"


def test_what_nobody_can_read_is_ended_where_it_is_parked_too(store: Store) -> None:
    bot = bot_on(store, plain, 0)
    say(bot, "开始")
    claimed = store.claim(Claim(f"gh:{USER}", "spoil", lease=3.0))
    assert isinstance(claimed, Claimed)
    write = Write(head=claimed.head, ttl=3600.0, park=(Parked("other", b"5", 3600.0),))
    store.commit(Commit(f"gh:{USER}", "spoil", write, reply=b"null", fence=claimed.fence))
    Conversations(bot).end("other")
    assert [one.state for one in Conversations(bot).list()] == ["waiting"], "and it alone"
    assert done == []


def test_one_whose_dialog_is_gone_can_be_ended(store: Store) -> None:
    say(bot_on(store, plain), "开始")
    bot = Bot("t", store=store, timeout=None)
    bot.fallback(lambda _: "没有对话")
    Conversations(bot).end(USER)
    assert list(Conversations(bot).list()) == [], "nor is it parked"


def test_what_breaks_in_a_way_no_dialog_can_is_taken_away_as_it_is(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    say(bot_on(store, plain), "开始")

    def breaks(*_: object) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(ending, "clean_up", breaks)
    Conversations(bot_on(store, plain)).end(USER)
    assert list(Conversations(bot_on(store, plain)).list()) == []
    assert "ended without its clean-up: ZeroDivisionError" in caplog.text
    assert done == []


SHOP = """
import os
from pathlib import Path
from wechat_dialog import Bot

bot = Bot("t", store={store!r}, timeout=None, lease=0.2)
HERE = Path(__file__).parent

def do(what):
    with (HERE / "done").open("a") as file:
        file.write(what)
    if (HERE / f"die in {{what}}").exists():
        (HERE / f"die in {{what}}").unlink()
        os._exit(9)

@bot.text("开始")
def ending(chat):
    try:
        try:
            return (yield from chat.ask("好吗？"))
        finally:
            yield from chat.step(do, "a")
            yield from chat.ask("为什么？")
    finally:
        yield from chat.step(do, "b")
        yield from chat.step(do, "c")

@bot.fallback
def nothing(chat):
    return "没有对话"
"""


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_who_comes_next_finishes_an_ending_whose_process_died(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The operator's command is killed in a clean-up step behind a question."""
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    url = url if kind == "sqlite" else request.getfixturevalue("redis_url")
    (tmp_path / "shop.py").write_text(SHOP.format(store=url), "utf-8")
    (tmp_path / "die in b").touch()
    names: dict[str, Any] = {"__name__": "shop", "__file__": str(tmp_path / "shop.py")}
    exec(compile(SHOP.format(store=url), names["__file__"], "exec"), names)
    serving: Bot = names["bot"]
    say(serving, "开始")
    assert command.run(tmp_path, "conversations", "end", "shop:bot", USER).returncode == 9
    assert (tmp_path / "done").read_text() == "ab"
    assert say(serving, "喂") == "没有对话"
    assert (tmp_path / "done").read_text() == "abbc", "only the step it died in ran again"
    assert list(Conversations(serving).list()) == []
    serving.close()

"""An operator ends a conversation: its clean-up runs once, to its end, whatever stands in it, and
the user is free.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wechat_dialog import Bot, Chat, Dialog, messages
from wechat_dialog.operators import Conversations
from wechat_dialog.stores import open_store
from wechat_dialog.stores.base import Store

USER = "oEnded"
done: list[str] = []


def note(what: str) -> str:
    done.append(what)
    return what


def waits(chat: Chat) -> Dialog[str]:
    return (yield from chat.ask("等着？"))


def in_a_helper(chat: Chat) -> Dialog[str]:
    try:
        try:
            return (yield from waits(chat))
        finally:
            yield from chat.step(note, "里")
    finally:
        yield from chat.gather(chat.step(note, "外"), chat.step(note, "外"))


async def waits_too(chat: Chat) -> str:
    try:
        return await chat.ask("等着？")
    finally:
        await chat.step(note, "里")


async def as_a_coroutine(chat: Chat) -> str:
    try:
        return await waits_too(chat)
    finally:
        await chat.gather(chat.step(note, "外"), chat.step(note, "外"))


class Room:
    """A context manager around a conversation; what it does outside of steps is its author's."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat

    def __enter__(self) -> Room:
        return self

    def __exit__(self, *_: object) -> None:
        if not self.chat.put_away:
            done.append("外")


def in_a_with(chat: Chat) -> Dialog[str]:
    with Room(chat):
        try:
            return (yield from waits(chat))
        finally:
            yield from chat.step(note, "里")


def whose_clean_up_raises(chat: Chat) -> Dialog[str]:
    try:
        return (yield from waits(chat))
    finally:
        yield from chat.step(note, "里")
        raise ZeroDivisionError


def whose_clean_up_asks(chat: Chat) -> Dialog[str]:
    try:
        return (yield from waits(chat))
    finally:
        yield from chat.step(note, "里")
        chat.say((yield from chat.ask("真的？")))
        yield from chat.step(note, "后来")


def that_will_not_go(chat: Chat) -> Dialog[str]:
    while True:
        try:
            yield from waits(chat)
        finally:
            yield from chat.step(note, "里")
            continue  # noqa: B012 - what is tested


DIALOGS: list[tuple[Callable[..., Any], list[str]]] = [
    (in_a_helper, ["里", "外", "外"]),
    (as_a_coroutine, ["里", "外", "外"]),
    (in_a_with, ["里", "外"]),
    (whose_clean_up_raises, ["里"]),
    (whose_clean_up_asks, ["里"]),
    (that_will_not_go, ["里"]),
]


@pytest.fixture(params=["memory", "SQLite", "Redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    urls = {"memory": "memory://", "SQLite": f"sqlite:///{tmp_path}/bot.db"}
    url = urls.get(request.param) or request.getfixturevalue("redis_url")
    opened = open_store(url)
    yield opened
    opened.close()


def bot_of(fn: Callable[..., Any], store: Store) -> Bot:
    bot = Bot("t", store=store)
    bot.text("开始", name="waiting")(fn)
    bot.fallback(lambda _: "没有对话")
    return bot


def say(bot: Bot, text: str, number: int) -> str:
    raw = {
        "ToUserName": "gh",
        "FromUserName": USER,
        "CreateTime": str(int(time.time())),
        "MsgType": "text",
        "Content": text,
        "MsgId": str(9000 + number),
    }
    reply = bot.respond(messages.from_fields(raw), time.time()).reply
    return getattr(reply, "content", "")


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "in another process"])
@pytest.mark.parametrize(("fn", "expected"), DIALOGS, ids=[fn.__name__ for fn, _ in DIALOGS])
def test_an_operator_ends_it_and_its_clean_up_runs_once(
    store: Store, fn: Callable[..., Any], expected: list[str], elsewhere: bool
) -> None:
    done.clear()
    bot = bot_of(fn, store)
    assert say(bot, "开始", 1) == "等着？"
    assert done == []
    Conversations(bot_of(fn, store) if elsewhere else bot).end(USER)
    assert done == expected
    assert say(bot, "喂", 2) == "没有对话"
    assert say(bot, "开始", 3) == "等着？"
    assert done == expected

"""Old code and new at the same time, as in every rolling deployment: each process has live dialogs
of its own, and a user's messages reach now one and now the other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wechat_dialog import Bot, Chat, Dialog, messages
from wechat_dialog.stores import open_store
from wechat_dialog.stores.base import Store

USER = "oSideBySide"


def city(chat: Chat) -> Dialog[str]:
    name = yield from chat.ask("叫什么？")
    city = yield from chat.ask("住哪里？")
    return f"{name}住{city}"


def trade(chat: Chat) -> Dialog[str]:
    name = yield from chat.ask("叫什么？")
    trade = yield from chat.ask("做什么？")
    return f"{name}做{trade}"


def swapped(chat: Chat) -> Dialog[str]:
    city = yield from chat.ask("住哪里？")
    name = yield from chat.ask("叫什么？")
    return f"{name}住{city}"


@pytest.fixture(params=["memory", "SQLite", "Redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    urls = {"memory": "memory://", "SQLite": f"sqlite:///{tmp_path}/bot.db"}
    opened = open_store(urls.get(request.param) or request.getfixturevalue("redis_url"))
    yield opened
    opened.close()


class User:
    """Somebody whose messages reach this worker or that."""

    def __init__(self) -> None:
        self.sent = 0

    def says(self, text: str, to: Bot) -> str:
        self.sent += 1
        raw = {
            "ToUserName": "gh",
            "FromUserName": USER,
            "CreateTime": str(int(time.time())),
            "MsgType": "text",
            "Content": text,
            "MsgId": str(9000 + self.sent),
        }
        reply = to.respond(messages.from_fields(raw), time.time()).reply
        return getattr(reply, "content", "").splitlines()[-1]


def worker(fn: Callable[..., Any], store: Store, live: int) -> Bot:
    bot = Bot("t", store=store, live_dialogs=live)
    bot.text("开始", name="talk")(fn)
    return bot


@pytest.mark.parametrize("live", [100, 0], ids=["live", "replayed"])
def test_no_answer_is_given_to_the_question_of_another_code(store: Store, live: int) -> None:
    old, new, user = worker(city, store, live), worker(trade, store, live), User()
    assert user.says("开始", old) == "叫什么？"
    assert user.says("小明", old) == "住哪里？"
    assert user.says("北京", new) == "做什么？"  # not taken: what it asks was not what he saw
    # The old process still has the dialog live, at its own question; nothing was journaled since.
    assert user.says("木匠", old) == "住哪里？"
    assert user.says("北京", old) == "小明住北京"


@pytest.mark.parametrize("live", [100, 0], ids=["live", "replayed"])
def test_they_may_take_turns_while_they_ask_the_same(store: Store, live: int) -> None:
    old, new, user = worker(city, store, live), worker(trade, store, live), User()
    assert user.says("开始", old) == "叫什么？"
    assert user.says("小明", new) == "做什么？"
    assert user.says("木匠", new) == "小明做木匠"


@pytest.mark.parametrize("live", [100, 0], ids=["live", "replayed"])
def test_an_answer_goes_with_its_question_where_two_are_swapped(store: Store, live: int) -> None:
    old, new, user = worker(city, store, live), worker(swapped, store, live), User()
    assert user.says("开始", old) == "叫什么？"
    assert user.says("小明", old) == "住哪里？"
    assert user.says("北京", new) == "住哪里？"  # begins anew: its first question is this one
    assert user.says("北京", old) == "叫什么？"
    assert user.says("小明", new) == "住哪里？"
    assert user.says("北京", new) == "叫什么？"
    assert user.says("小明", new) == "小明住北京"

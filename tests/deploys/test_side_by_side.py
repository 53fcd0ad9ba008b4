"""An older and a newer worker beside each other on one store, each with its own code and its own
live dialogs, while the conversation moves on under one of them. And what else makes a live dialog
stale: a deployment, a difference, an operator.

A question is answered with its first character, so the last reply tells whose answer went where;
and a journal that is read anew says the same as whoever answered from memory.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wechat_dialog import Bot, Chat, Dialog, messages
from wechat_dialog.core.dialog.texts import Texts
from wechat_dialog.core.store.contract import Store
from wechat_dialog.operators import Conversations
from wechat_dialog.stores import open_store

CHANGED, APOLOGY, UNSEEN = Texts().changed, Texts().apology, Texts().not_taken
USER = "oBeside"
_sent = itertools.count(1)
ran: list[str] = []


def fetch(thing: str) -> str:
    ran.append(thing)
    return f"<{thing}>"


def older(chat: Chat) -> Dialog[str]:
    name = yield from chat.ask("叫什么？")
    city = yield from chat.ask("住哪里？")
    job = yield from chat.ask("做什么？")
    return f"叫={name} 住={city} 做={job}"


def newer(chat: Chat) -> Dialog[str]:
    name = yield from chat.ask("叫什么？")
    city = yield from chat.ask("住哪里？")
    age = yield from chat.ask("几岁了？")
    job = yield from chat.ask("做什么？")
    return f"叫={name} 住={city} 几={age} 做={job}"


def swapped(chat: Chat) -> Dialog[str]:
    name = yield from chat.ask("叫什么？")
    job = yield from chat.ask("做什么？")
    city = yield from chat.ask("住哪里？")
    return f"叫={name} 住={city} 做={job}"


def stepping(chat: Chat) -> Dialog[str]:
    name = yield from chat.ask("叫什么？")
    found = yield from chat.step(fetch, name)
    city = yield from chat.ask("住哪里？")
    job = yield from chat.ask("做什么？")
    return f"叫={name} {found} 住={city} 做={job}"


def broken(chat: Chat) -> Dialog[str]:
    name = yield from chat.ask("叫什么？")
    yield from chat.ask("住哪里？")
    raise ZeroDivisionError(name)


@pytest.fixture(params=["memory", "sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    ran.clear()
    if request.param == "redis":
        made = open_store(request.getfixturevalue("redis_url"))
    else:
        urls = {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path / 'beside.db'}"}
        made = open_store(urls[request.param])
    yield made
    made.close()


@pytest.fixture(params=[True, False], ids=["fast path", "always claimed"])
def pure(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


class Worker:
    """A process: one code, and live dialogs of its own."""

    def __init__(self, store: Store, fn: Callable[..., Any], *, pure: bool = True) -> None:
        self.bot = Bot("t", store=store, timeout=None)
        self.bot.text("开始", name="shop", pure=pure)(fn)
        self.bot.text("帮助", name="help", anytime=True)(helping)
        self.bot.fallback(lambda _: "没有对话")

    def say(self, text: str, key: int = 0) -> str:
        raw = {
            "ToUserName": "gh",
            "FromUserName": USER,
            "CreateTime": "1700000000",
            "MsgType": "text",
            "Content": text,
            "MsgId": str(key or 9000 + next(_sent)),
        }
        return getattr(
            self.bot.respond(messages.from_fields(raw), time.time()).reply, "content", ""
        )

    def go_on(self, asked: str) -> str:
        """Answer what is asked until nothing is."""
        for _ in range(8):
            if not asked.endswith("？"):
                return asked
            asked = self.say(asked.splitlines()[-1][0])
        raise AssertionError("it never ends")

    @property
    def conversations(self) -> Conversations:
        return Conversations(self.bot)


def helping(chat: Chat) -> Dialog[str]:
    what = yield from chat.ask("帮什么？")
    return f"帮={what}"


ALL = "叫=叫 住=住 做=做"


def test_the_newer_one_has_moved_on_to_a_question_the_older_has_not(
    store: Store, pure: bool
) -> None:
    old, new = Worker(store, older, pure=pure), Worker(store, newer, pure=pure)
    old.say("开始")
    assert old.say("叫") == "住哪里？", "and is kept live there"
    assert new.say("住") == "几岁了？"
    assert old.say("几") == f"{CHANGED}\n做什么？", "几 is an answer to nothing it asks"
    # Both have a live dialog now; the newer one's is two records behind.
    assert new.say("做").startswith(CHANGED)
    assert new.go_on("几岁了？") == "叫=叫 住=住 几=几 做=做"


def test_the_newer_one_waits_at_a_question_that_the_older_has_elsewhere(
    store: Store, pure: bool
) -> None:
    old, new = Worker(store, older, pure=pure), Worker(store, swapped, pure=pure)
    old.say("开始")
    asked = new.say("叫")
    assert asked == "做什么？"
    asked = old.say("做")
    assert asked == f"{CHANGED}\n住哪里？", "not taken for where one lives"
    assert old.go_on(asked) == ALL


def test_the_older_ones_dialog_waits_at_a_question_of_another_conversation(
    store: Store, pure: bool
) -> None:
    """The conversation ended, and another of as many records stands at the same question."""
    old, new = Worker(store, older, pure=pure), Worker(store, older, pure=pure)
    old.say("开始")
    old.say("一")  # old is live at 住哪里？
    new.say("住")
    new.say("做")
    new.say("开始")
    assert new.say("二") == "住哪里？"
    assert old.say("住") == "做什么？"
    assert old.say("做") == "叫=二 住=住 做=做"


def test_a_conversation_that_was_interrupted_elsewhere_is_not_answered(
    store: Store, pure: bool
) -> None:
    old, new = Worker(store, older, pure=pure), Worker(store, newer, pure=pure)
    old.say("开始")
    old.say("叫")
    assert new.say("帮助") == "帮什么？"
    assert old.say("帮") == "帮=帮\n住哪里？"
    assert old.go_on("住哪里？") == ALL


def test_both_have_a_live_dialog_and_take_turns(store: Store, pure: bool) -> None:
    one, other = Worker(store, older, pure=pure), Worker(store, older, pure=pure)
    for _ in range(3):
        assert one.say("开始") == "叫什么？"
        assert other.say("叫") == "住哪里？"
        assert one.say("住") == "做什么？"
        assert other.say("做") == ALL


def test_a_message_answered_by_the_newer_one_is_not_answered_again_by_the_older(
    store: Store, pure: bool
) -> None:
    old, new = Worker(store, older, pure=pure), Worker(store, newer, pure=pure)
    old.say("开始")
    old.say("叫")
    key = 7
    assert new.say("住", key) == "几岁了？"
    assert old.say("住", key) == "几岁了？", "the very reply, and no turn of its own"
    assert new.say("几") == "做什么？"


def test_a_step_the_newer_one_ran_is_not_run_by_the_older(store: Store) -> None:
    old, new = Worker(store, older), Worker(store, stepping)
    old.say("开始")
    assert new.say("叫") == "住哪里？"
    assert old.say("住") == APOLOGY, "a step would be lost: parked for the code that knows it"
    assert old.say("喂") == "没有对话"
    new.conversations.resume(USER)
    assert new.say("喂") == f"{UNSEEN}\n做什么？"
    assert new.say("做") == "叫=叫 <叫> 住=住 做=做"
    assert ran == ["叫"]


# What else makes a live dialog stale. -------------------------------------------------------------


def test_a_live_dialog_after_another_worker_parked_the_conversation(
    store: Store, pure: bool
) -> None:
    old, new = Worker(store, older, pure=pure), Worker(store, broken, pure=pure)
    old.say("开始")
    old.say("叫")
    assert new.say("住") == APOLOGY
    assert old.say("住") == "没有对话", "it is not running any more"
    [parked] = old.conversations.list()
    assert parked.state == "parked"


def test_a_live_dialog_after_an_operator_ended_the_conversation(store: Store, pure: bool) -> None:
    worker = Worker(store, older, pure=pure)
    worker.say("开始")
    worker.say("叫")
    Worker(store, older).conversations.end(USER)
    assert worker.say("住") == "没有对话"
    assert worker.say("开始") == "叫什么？"
    assert worker.say("叫") == "住哪里？"


def test_a_live_dialog_after_an_operator_resumed_another_conversation(
    store: Store, pure: bool
) -> None:
    """Parked and running side by side; the resumed one comes on top of the live one."""
    bad = Worker(store, broken, pure=pure)
    for text in ("开始", "一", "住"):
        bad.say(text)
    worker = Worker(store, older, pure=pure)
    worker.say("开始")
    assert worker.say("二") == "住哪里？"
    states = [(one.state, one.dialog) for one in worker.conversations.list()]
    assert states == [("waiting", "shop"), ("parked", "shop")]
    [_, parked] = worker.conversations.list()
    Worker(store, older).conversations.resume(parked.id)
    # The very message that broke it, 住, is its answer; the next one has not seen its question.
    assert worker.say("喂") == f"{UNSEEN}\n做什么？"
    assert worker.say("做").startswith("叫=一 住=住 做=做")
    assert worker.go_on("住哪里？") == "叫=二 住=住 做=做"
    assert list(worker.conversations.list()) == []


def test_a_live_dialog_after_a_difference_was_resolved_elsewhere(store: Store, pure: bool) -> None:
    first, old, new = (Worker(store, fn, pure=pure) for fn in (older, older, swapped))
    first.say("开始")
    assert first.say("叫") == "住哪里？"
    asked = new.say("住")
    assert asked == f"{CHANGED}\n做什么？", "at the question waited at nothing is lost"
    # The first one still waits at 住哪里？, live.
    asked = first.say("做")
    assert asked == f"{CHANGED}\n住哪里？"
    assert first.go_on(asked) == ALL
    assert old.say("喂") == "没有对话"

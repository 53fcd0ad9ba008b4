"""The bot of the worlds of time: after each wait, its dialogs run a step that writes to the
ledger.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import replace
from typing import Any

from wechat_dialog.core.dialog.chat import Chat
from wechat_dialog.core.dialog.router import Dialogs, Router
from wechat_dialog.core.turn.settings import Rules
from wechat_dialog.errors import NoAnswer

__all__ = ["ASKED", "PUSHING", "RULES", "begun"]

Flow = Generator[Any, Any, Any]
routes = Dialogs()

ASKED = re.compile(r"([\w.:-]+) 问？")
"""A question asked by a turn that no message began, with the id of its conversation."""


def note(conversation: str, what: str, idempotency_key: str = "") -> None:
    """Stands for an effect; the world keeps the ledger."""
    raise NotImplementedError


@routes.text(re.compile(r"限(?P<n>\d+)"))
def limited(chat: Chat, n: str) -> Flow:
    """A question with a limit, asked twice."""
    for round_ in range(2):
        try:
            said = yield from chat.ask(f"{round_}？", within=int(n))
        except NoAnswer:
            yield from chat.step(note, chat.id, f"limit {round_}")
            return f"超时 {chat.id}"
        yield from chat.step(note, chat.id, f"said {round_} {said}")
    return f"完 {chat.id}"


@routes.text(re.compile(r"睡(?P<n>\d+)"))
def sleeps(chat: Chat, n: str) -> Flow:
    """Wakes three times."""
    for round_ in range(3):
        yield from chat.sleep(int(n))
        yield from chat.step(note, chat.id, f"woke {round_}")
    return f"醒 {chat.id}"


@routes.text(re.compile(r"等(?P<n>\d+)"))
async def waits(chat: Chat, n: str) -> str:
    """Waits for two signals."""
    for round_ in range(2):
        try:
            data = await chat.wait_for("paid", int, within=int(n))
        except NoAnswer:
            await chat.step(note, chat.id, f"none {round_}")
            return "没有"
        await chat.step(note, chat.id, f"signal {data}")
    return f"收 {chat.id}"


@routes.text("听")
def listens(chat: Chat) -> Flow:
    """Takes signals without a step, before which the claim would be checked."""
    for _ in range(3):
        yield from chat.wait_for("paid", int, within=50)
    return "听完"


@routes.text(re.compile(r"赛(?P<n>\d+)"))
def races(chat: Chat, n: str) -> Flow:
    """Whatever comes first."""
    race = chat.race(chat.wait_for("paid", int), chat.ask(f"{chat.id}？"), chat.sleep(int(n)))
    number, value = yield from race
    yield from chat.step(note, chat.id, f"race {number} {value}")
    return f"赛 {number}"


@routes.text(re.compile(r"起(?P<n>\d+)"))
def starts(chat: Chat, n: str) -> Flow:
    """Starts a conversation beside itself, under a key that is used twice."""
    chat.start(tidies, {"n": int(n)}, key=f"k{int(n) % 2}")
    chat.remind(int(n), f"记 {chat.id}")
    if int(n) % 3 == 0:
        chat.stop("k1")
    yield from chat.step(note, chat.id, "started")
    return "起"


@routes.dialog
def tidies(chat: Chat, n: int) -> Flow:
    """Cleans up, however it ends."""
    try:
        yield from chat.sleep(n)
    finally:
        yield from chat.step(note, chat.id, "tidied")
    said = yield from chat.ask(f"{chat.id} 问？", within=n)
    yield from chat.step(note, chat.id, "answered")
    return said


@routes.dialog
def begun(chat: Chat, n: int) -> Flow:
    """Begun by no message."""
    yield from chat.step(note, chat.id, f"begun {n}")
    yield from chat.sleep(n % 7)
    yield from chat.step(note, chat.id, f"went on {n}")


@routes.text("说", anytime=True)
def interrupts(chat: Chat) -> Flow:
    """Interrupts other conversations for a while."""
    said = yield from chat.ask("什么？", timeout=9)
    return f"说 {said}"


@routes.fallback
def anything(chat: Chat) -> str:
    """Answers."""
    return f"？{chat.message.raw.get('Content')}"


def _rules() -> Rules:
    router = Router()
    router.include(routes)
    return Rules(routes=router, cancel=frozenset({"取消"}), timeout=30.0)


RULES = _rules()

PUSHING = replace(RULES, may_push=True)
"""The bot of an account that may push."""

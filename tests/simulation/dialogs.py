"""The bot under simulation: each sentence of its dialogs shows what led to it.

A number that a simulated user types is the serial number of their message, so it is unique. A
question shows its conversation and all numbers that were accepted so far. Everything that must be
said exactly once has a mark, `⟨serial.conversation.count⟩`. So the judge can see from a reply alone
which messages took effect, in which order, and whether a part of an answer was lost or said twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

from wechat_dialog.core.dialog.chat import Chat
from wechat_dialog.core.dialog.router import Dialogs, Router
from wechat_dialog.core.dialog.step_parts import Steps
from wechat_dialog.core.turn.settings import Rules
from wechat_dialog.errors import UnexpectedAnswer

__all__ = ["FIRST_ID", "FORGETFUL", "LONG", "MARK", "QUESTION", "RULES", "clean", "serial_of"]

FIRST_ID = 24_000_000_000_000_000
"""Above every serial number: MsgId = FIRST_ID + serial."""

MARK = re.compile(r"⟨(\d+)\.([0-9a-f]+)\.(\d+)(?:<(\d+\.[0-9a-f]+\.\d+))?⟩")
"""A mark: serial, conversation, count; after `<` the mark before it in the same turn."""

QUESTION = re.compile(r"([0-9a-f]{16}):([\d,]*)[?]")
LONG = "\n" + "长篇大论，说来话长。\n" * 90
"""More than one reply can hold."""

routes = Dialogs()


def serial_of(chat: Chat) -> int:
    """Return the serial number of the current message."""
    message = chat.message
    return (
        int(message.raw["EventKey"][2:])
        if message.kind == "event"
        else int(message.msg_id) - FIRST_ID
    )


def mark(chat: Chat, count: int, after: str = "") -> str:
    """Return a mark of this turn: the `count`-th of its conversation."""
    return f"⟨{serial_of(chat)}.{chat.id}.{count}{'<' + after if after else ''}⟩"


# Side effects: the world runs them, and keeps the ledger. ----------------------------------------


def note(serial: int, idempotency_key: str = "") -> int:
    """Stands for an effect that returns a receipt."""
    raise NotImplementedError


def refuse(serial: int, idempotency_key: str = "") -> int:
    """Stands for an effect that raises `ValueError`."""
    raise NotImplementedError


def research(steps: Steps, number: int, count: int, serial: int) -> int:
    """Stands for a step with parts, which says marks from `count` on; see `parted.py`."""
    raise NotImplementedError


def clean(serial: int, idempotency_key: str = "") -> int:
    """Stands for an effect at the end of a conversation."""
    raise NotImplementedError


Flow = Generator[Any, Any, Any]


@routes.text(re.compile(r"加(?P<n>\d)(?P<flags>[a-z]*)"))
def accumulate(chat: Chat, n: str, flags: str = "") -> Flow:
    """Adds numbers, in as many ways as there are flags."""
    return (yield from around(chat, numbers, int(n), flags))


def around(chat: Chat, asks: Callable[[Chat, int, str], Flow], n: int, flags: str) -> Flow:
    """What `accumulate` does before and after its questions."""
    first = serial_of(chat)
    if "a" in flags:
        yield from chat.step(note, first)
        chat.say(mark(chat, 1))
    if "f" not in flags:
        return (yield from asks(chat, n, flags))
    try:
        return (yield from asks(chat, n, flags))
    finally:
        yield from chat.step(clean, first)


def numbers(chat: Chat, n: int, flags: str) -> Flow:
    """The questions of `accumulate`."""
    got: list[int] = []
    said = 0
    while len(got) < n:
        limit = 10.0 if "t" in flags and len(got) % 2 else None
        number = yield from chat.ask(f"{chat.id}:{','.join(map(str, got))}?", int, timeout=limit)
        got.append(number)
        said = 1
        chat.say(mark(chat, said) + (LONG if "l" in flags else ""))
        said += yield from effects(chat, number, flags)
        if "u" in flags and number % 4 == 0:
            raise UnexpectedAnswer
        if "b" in flags and number % 5 == 0:
            raise RuntimeError("a bug in a dialog")
    if "c" in flags:
        last = f"{serial_of(chat)}.{chat.id}.{said}" if said else ""
        return chat.continue_as(afterwards, got=got, after=last)
    chat.data["done"] = chat.data.get("done", 0) + 1
    return f"完{chat.data['done']} {sum(got)} {mark(chat, said + 1)}"


def effects(chat: Chat, number: int, flags: str) -> Flow:
    """The steps behind an answer; returns how many marks were said."""
    said = 0
    if "s" in flags:
        yield from chat.step(note, number)
        chat.say(mark(chat, 2))
        said += 1
        if number % 3 == 0:
            said += yield from agent(chat, number, 2 + said)
    if "g" in flags:
        yield from chat.gather(chat.step(note, -number), chat.step(clean, -number))
        chat.say(mark(chat, 2 + said))
        said += 1
    if "e" in flags:
        try:
            yield from chat.step(refuse, number)
        except ValueError:
            chat.say(mark(chat, 2 + said))
            said += 1
    return said


def agent(chat: Chat, number: int, count: int) -> Flow:
    """A step with parts; returns how many marks it has said."""
    yield from chat.step(research, number, count, serial_of(chat))
    return 2


@routes.dialog
async def afterwards(chat: Chat, got: list[int], after: str) -> str:
    """The dialog that `accumulate` continues as: a coroutine, with a step and one more question."""
    chat.say(mark(chat, 1, after))
    await chat.step(clean, serial_of(chat))
    chat.say(mark(chat, 2))
    number = await chat.ask(f"{chat.id}:?", int)
    return f"后 {sum(got) + number} {mark(chat, 1)}"


@routes.text("帮助", anytime=True)
def assist(chat: Chat) -> str:
    """Answers at any time and asks nothing."""
    return "帮" + mark(chat, 1)


@routes.text("客服", anytime=True)
def service(chat: Chat) -> Flow:
    """Answers at any time, with a step before its question and one after it."""
    yield from chat.step(note, serial_of(chat))
    chat.say(mark(chat, 1))
    number = yield from chat.ask(f"{chat.id}:?", int, timeout=20)
    yield from chat.step(clean, number)
    return "客" + mark(chat, 1)


@routes.click(re.compile(r"go\d+"))
def menu(chat: Chat) -> Flow:
    """A change of subject."""
    chat.say(mark(chat, 1))
    number = yield from chat.ask(f"{chat.id}:?", int)
    return f"点 {number} {mark(chat, 1)}"


@routes.text(re.compile(r"密(?P<flags>[a-z]*)"))
def confide(chat: Chat, flags: str = "") -> Flow:
    """Passes a secret answer to steps, without seeing it."""
    if "a" in flags:
        yield from chat.step(note, serial_of(chat))
        chat.say(mark(chat, 1))
    secret = yield from chat.ask(f"{chat.id}:?", int, secret=True)
    yield from chat.step(note, secret)
    chat.say(mark(chat, 1))
    if "g" in flags:
        yield from chat.gather(chat.step(note, serial_of(chat)), chat.step(clean, secret))
    if "e" in flags:
        try:
            yield from chat.step(refuse, secret)
        except ValueError:
            chat.say(mark(chat, 2))
    if "c" in flags:
        last = f"{serial_of(chat)}.{chat.id}.{2 if 'e' in flags else 1}"
        return chat.continue_as(afterwards, got=[], after=last)
    return "密" + mark(chat, 3 if "e" in flags else 2)


@routes.event("unsubscribe")
def farewell(chat: Chat) -> Flow:
    """The dialog for users who unsubscribe, who see nothing of it."""
    yield from chat.step(clean, 3000 + serial_of(chat))
    return "别" + mark(chat, 1)


@routes.text(re.compile(r"\d+"))
def stray(chat: Chat) -> Flow:
    """Takes a number that answers no question; passes some of them on."""
    number = serial_of(chat)
    if number % 3:
        try:
            yield from (
                chat.step(refuse, 1000 + number)
                if number % 7 == 0
                else chat.step(note, 1000 + number)
            )
        except ValueError:
            return "拒" + mark(chat, 1)
        if number % 5 == 0:
            raise UnexpectedAnswer
    return "散" + mark(chat, 1)


@routes.fallback
def anything(chat: Chat) -> Flow:
    """Takes all messages that no other dialog takes."""
    if chat.message.kind == "event":
        return None
    yield from chat.step(clean, 2000 + serial_of(chat))
    return "？" + mark(chat, 1)


def _rules() -> Rules:
    router = Router()
    router.include(routes)
    return Rules(routes=router, cancel=frozenset({"取消"}), back=frozenset({"返回"}))


RULES = _rules()
FORGETFUL = replace(RULES, forget_on_unsubscribe=True)
"""The same, of a bot that keeps nothing of a user who unsubscribed."""

"""The bot under simulation after a deployment: its `accumulate` does something else than the one of
`dialogs` does, where the flags of a conversation say so.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from wechat_dialog.core.dialog.chat import Chat
from wechat_dialog.core.dialog.router import Dialogs, Router

from . import dialogs
from .dialogs import LONG, afterwards, around, effects, mark, serial_of
from .plan import SECRET

__all__ = ["CHANGES", "ROUTES", "renew"]

CHANGES = "vwk"
"""Flags: a step comes before each question but the first; a question has other words; the last
number is not asked for.
"""

Flow = Generator[Any, Any, Any]


def renew(number: int, idempotency_key: str = "") -> int:
    """Stands for an effect that only the changed code has."""
    raise NotImplementedError


def accumulate(chat: Chat, n: str, flags: str = "") -> Flow:
    """Adds numbers; see `dialogs.accumulate`."""
    return (yield from around(chat, numbers, int(n), flags))


def numbers(chat: Chat, n: int, flags: str) -> Flow:
    """The questions of `accumulate`."""
    got: list[int] = []
    said = 0
    while len(got) < max(1, n - ("k" in flags)):
        if got and "v" in flags:
            yield from chat.step(renew, got[-1] % SECRET)
        words = f"{chat.id}:{','.join(map(str, got))}?" + "！" * ("w" in flags)
        number = yield from chat.ask(words, int)
        got.append(number)
        said = 1
        chat.say(mark(chat, said) + (LONG if "l" in flags else ""))
        said += yield from effects(chat, number, flags)
    if "c" in flags:
        last = f"{serial_of(chat)}.{chat.id}.{said}" if said else ""
        return chat.continue_as(afterwards, got=got, after=last)
    if "k" in flags:
        # The judge counts by what is said, and this may be said to a user who has left.
        return f"毕 {sum(got)} {mark(chat, said + 1)}"
    chat.data["done"] = chat.data.get("done", 0) + 1
    return f"完{chat.data['done']} {sum(got)} {mark(chat, said + 1)}"


def _routes() -> Router:
    changed = Dialogs()
    for route in dialogs.routes.routes:
        fn = accumulate if route.dialog.fn is dialogs.accumulate else route.dialog.fn
        changed.add(route.kind, route.patterns, fn, anytime=route.anytime)
    changed.register(afterwards)
    router = Router()
    router.include(changed)
    return router


ROUTES = _routes()
"""The routes of the changed code."""

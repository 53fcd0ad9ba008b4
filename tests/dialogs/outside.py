"""A bot for the tests of time and outside events, and what a test reads of its store."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import msgspec

from wechat_dialog import Bot
from wechat_dialog.core.replay.header import UserHead, decode_head
from wechat_dialog.core.replay.records import Record, decode_records
from wechat_dialog.core.store.kept import Shown
from wechat_dialog.testing import Talk

DAY = 86_400


class Payment(msgspec.Struct):
    fee: int


def bot_with(
    *dialogs: Callable[..., Any], anytime: Callable[..., Any] | None = None, **settings: Any
) -> Bot:
    """Return a bot whose first dialog begins with 开始, the others with their names; 帮助 answers
    at any time, and anything else is echoed.
    """
    bot = Bot(**settings)
    bot.text("开始")(dialogs[0])
    for dialog in dialogs[1:]:
        plain = len(inspect.signature(dialog).parameters) == 1
        (bot.text(dialog.__name__) if plain else bot.dialog)(dialog)
    if anytime is not None:
        bot.text("帮助", anytime=True)(anytime)

    @bot.fallback
    def echo(chat: Any) -> str | None:
        return None if chat.message.kind == "event" else f"您说：{chat.message.text}"

    return bot


def talk_of(*dialogs: Callable[..., Any], **settings: Any) -> Talk:
    return Talk(bot_with(*dialogs, **settings))


def stored(talk: Talk) -> Shown | None:
    return talk._world.store.show(f"{talk.account}:{talk.user}")


def head_of(talk: Talk) -> UserHead:
    shown = stored(talk)
    return decode_head(b"" if shown is None else shown.head)


def aside(talk: Talk) -> int:
    shown = stored(talk)
    return 0 if shown is None else len(shown.aside)


def parked_records(talk: Talk) -> list[Record]:
    from wechat_dialog.core.replay.header import decode_parked

    shown = stored(talk)
    assert shown is not None
    [parked] = shown.parked.values()
    return decode_records([bytes(raw) for raw in decode_parked(parked.document).records])

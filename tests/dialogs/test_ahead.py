"""A day or a moment that must lie ahead."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.testing import Talk


def talk_to(kind: Any) -> Talk:
    bot = Bot(timeout=None)

    @bot.text("开始")
    def book(chat: Chat) -> Dialog[str]:
        when = yield from chat.ask("什么时候？", kind, future=True)
        return f"{when:%m-%d %H:%M}"

    talk = Talk(bot)
    talk("开始")  # on 15 November 2023, at 6:13 in China
    return talk


@pytest.mark.parametrize(
    ("kind", "said", "read"),
    [
        (datetime, "昨天下午三点", ""),
        (datetime, "今天上午五点", ""),
        (datetime, "今天三点", "11-15 15:00"),
        (datetime, "五分钟后", "11-15 06:18"),
        (date, "昨天", ""),
        (date, "今天", "11-15 00:00"),
        (date, "明天", "11-16 00:00"),
    ],
)
def test_what_is_over_is_asked_again(kind: Any, said: str, read: str) -> None:
    talk = talk_to(kind)
    answer = talk(said)
    if read:
        assert answer == read
    else:
        assert answer.endswith("\n什么时候？")
        assert talk("明天下午三点" if kind is datetime else "明天").startswith("11-16")


def test_anything_else_is_refused_on_the_authors_line() -> None:
    with pytest.raises(TypeError, match="future=True goes with date and datetime"):
        talk_to(int)

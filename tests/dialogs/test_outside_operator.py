"""An operator's hand in conversations that wait for times and signals."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dialogs.outside import aside, bot_with, head_of, talk_of
from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.operators import Conversations, NotFound
from wechat_dialog.testing import Talk

ran: list[Any] = []


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    ran.clear()


def note(what: str) -> None:
    ran.append(what)


def tidies(chat: Chat) -> Dialog[str]:
    try:
        yield from chat.sleep(3600)
    finally:
        yield from chat.step(note, "旁")
    return "好"


def asks(chat: Chat) -> Dialog[str]:
    try:
        yield from chat.ask("什么？")
    finally:
        yield from chat.step(note, "问")
    return "好"


def operator(talk: Talk) -> Conversations:
    bot = talk._world.bot
    bot.simulate(store=talk._world.store)
    return Conversations(bot)


def both() -> Talk:
    talk = talk_of(tidies, asks, timeout=None)
    talk("开始")
    talk("asks")
    return talk


def test_all_of_a_user_ends_what_is_aside_too() -> None:
    talk = both()
    operator(talk).end(talk.user)
    assert sorted(ran) == ["旁", "问"]
    assert not talk.waiting
    assert aside(talk) == 0
    talk.advance(4000)
    assert talk("？") == "您说：？"


def test_one_that_is_aside_ends_alone() -> None:
    talk = both()
    operator(talk).end(head_of(talk).aside[0].id)
    assert ran == ["旁"]
    assert talk.waiting
    assert aside(talk) == 0


def test_one_that_waits_is_not_said_to_be_missing_when_it_is_resumed() -> None:
    talk = both()
    for one in list(operator(talk).list()):
        with pytest.raises(NotFound, match="continues by itself"):
            operator(talk).resume(one.id)
    with pytest.raises(NotFound, match="no conversation or user"):
        operator(talk).resume("nobody")


def test_one_that_runs_leaves_what_is_aside() -> None:
    talk = both()
    operator(talk).end(head_of(talk).stack[0].id)
    assert ran == ["问"]
    assert aside(talk) == 1
    talk.advance(3600)
    assert talk("？") == "好\n您说：？"


def test_forgetting_a_user_runs_all_clean_up() -> None:
    talk = both()
    operator(talk).forget(talk.user)
    assert sorted(ran) == ["旁", "问"]
    assert aside(talk) == 0


def mended(*, breaks: bool) -> Bot:
    def order(chat: Chat) -> Dialog[str]:
        yield from chat.sleep(60)
        if breaks:
            raise KeyError("x")
        yield from chat.step(note, "醒")
        return "醒了"

    return bot_with(order)


def test_one_that_broke_when_it_was_taken_up_is_resumed_from_there() -> None:
    talk = Talk(mended(breaks=True), apologies=True)
    talk("开始")
    talk.advance(60)
    assert talk.parked == 1
    talk.restart(mended(breaks=False))
    operator(talk).resume(talk.user)
    assert ran == ["醒"]
    assert talk.parked == 0
    assert talk("？") == "醒了\n您说：？"


def changed(*, asks_more: bool) -> Bot:
    def order(chat: Chat) -> Dialog[str]:
        yield from chat.ask("几位？")
        if asks_more:
            yield from chat.ask("几点？")
        yield from chat.sleep(60)
        yield from chat.ask("来吗？")
        return "好"

    return bot_with(order, timeout=None)


def test_a_resume_that_would_lose_a_timer_parks() -> None:
    talk = Talk(changed(asks_more=False), apologies=True)
    talk("开始")
    talk("2")
    talk.advance(60)
    assert talk("在") == "您说：在\n来吗？"
    talk.restart(changed(asks_more=True))
    talk("来")
    assert talk.parked == 1


def test_check_knows_them_all() -> None:
    talk = both()
    outcomes = {one.summary.state: one.verdict.outcome for one in operator(talk).check()}
    assert outcomes == {"asleep": "unchanged", "waiting": "unchanged"}


def test_a_reminder_is_no_dialog_that_check_misses() -> None:
    def order(chat: Chat) -> str:
        chat.remind(60, "记得")
        return "好"

    talk = talk_of(order)
    talk("开始")
    conversations = operator(talk)
    [one] = conversations.check()
    assert (one.summary.dialog, one.verdict.outcome) == ("chat.remind", "unchanged")
    assert "chat.remind" in conversations.show(talk.user)


def test_a_redacted_reminder_is_no_dialog_that_check_misses() -> None:
    from io import BytesIO

    def order(chat: Chat) -> str:
        chat.remind(60, "记得")
        return "好"

    talk = talk_of(order)
    talk("开始")
    file = BytesIO()
    operator(talk).export(file, redact=True)
    assert "记得".encode() not in file.getvalue()
    [one] = Conversations(talk._world.bot).check(BytesIO(file.getvalue()))
    assert one.verdict.outcome == "unchanged"

"""What is kept of one user has a limit, and what is over is dropped with a word in the log."""

from __future__ import annotations

import logging
import re

import pytest

from tests.dialogs.held_zoo import LONG
from tests.dialogs.journals import state
from wechat_dialog import Bot, Chat, Dialog, Limits, errors
from wechat_dialog.core.dialog.texts import Texts
from wechat_dialog.replies import Article as One
from wechat_dialog.replies import Image, News
from wechat_dialog.testing import Seen, Talk


def book(**limits: int) -> Talk:
    bot = Bot(limits=Limits(**limits), timeout=None)

    @bot.text(re.compile(r"书(?P<name>\d*)"))
    def read(chat: Chat, name: str) -> str:
        return f"{name}。" + LONG + f"{name}完。"

    @bot.text("书架")
    def shelf(chat: Chat) -> str:
        return "\n".join(f"第{number}页" + "字" * 50 for number in range(2_000))

    @bot.text(re.compile(r"问(?P<size>\d*)"))
    def asks(chat: Chat, size: str) -> Dialog[str]:
        chat.say("首。" + LONG * 3 + "尾。")
        return "答" + (yield from chat.ask("问" * int(size) + "？"))

    @bot.text("图文")
    def picture(chat: Chat) -> Dialog[str]:
        chat.say("看。")
        big = News([One(str(number), "长" * 1000) for number in range(8)])
        return "答" + (yield from chat.ask(big))

    @bot.text("图")
    def pictures(chat: Chat) -> str:
        for number in range(100):
            chat.say(Image(f"m{number}"))
        return "完"

    return Talk(bot, strict=False)


def size(talk: Talk) -> int:
    return sum(len(bytes(one.reply)) for one in state(talk).held)


def taps(talk: Talk, seen: Seen) -> list[Seen]:
    """Tap 继续 until nothing is held."""
    all_ = [seen]
    while state(talk).held:
        all_.append(talk("继续"))
    return all_


def test_who_never_fetches_has_no_more_than_the_limit_and_the_newest_of_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    talk = book()
    for number in range(99):
        talk.advance(1)
        talk(f"书{number}")
    talk.advance(1)
    seen = talk("书99")
    assert 50_000 < size(talk) <= 64 * 1024
    assert len(state(talk).held) <= 50
    assert "Limits(held_parts=50, held_bytes=65536)" in caplog.text
    assert "99完" in taps(talk, seen)[1]


def test_so_many_parts_and_no_more() -> None:
    talk = book(held_parts=10)
    talk("图")
    assert [bytes(one.reply) for one in state(talk).held] == [
        f'{{"type":"image","media_id":"m{number}"}}'.encode() for number in range(10)
    ]


def test_one_answer_above_the_limit_loses_its_end(caplog: pytest.LogCaptureFixture) -> None:
    talk = book(held_bytes=20_000)
    read = "\n".join(one.removesuffix("\n继续") for one in taps(talk, talk("书架")))
    assert 19_000 < len(read.encode()) <= 20_000 + 2047
    assert read.splitlines() == [f"第{number}页" + "字" * 50 for number in range(read.count("页"))]
    assert caplog.records[0].levelno == logging.WARNING


def test_the_question_is_the_last_to_go() -> None:
    talk = book(held_bytes=3_000)
    talk("书1")
    seen = talk("问10")
    assert [one.asks != "" for one in state(talk).held] == [False, True]
    assert taps(talk, seen)[-1].endswith("问？")
    assert talk("好") == "答好"


def test_a_question_above_the_limit_is_known_to_be_unseen_and_can_be_answered() -> None:
    talk = book(held_bytes=6_000)
    talk("问5000")
    for _ in range(20):
        if (seen := talk("好")) == "答好":
            break
        assert "问" in seen or "说" in seen
    else:
        pytest.fail(f"no way out\n{talk}")


def test_a_question_that_was_dropped_is_asked_again_before_it_is_answered() -> None:
    talk = book(held_bytes=3_000)
    assert talk("图文") == "看。\n继续"
    assert size(talk) < 10
    assert isinstance(talk("好").reply, News)
    assert talk("好") == "答好"


def test_what_is_owed_goes_after_what_was_left_of_what_was_seen() -> None:
    bot = Bot(limits=Limits(held_bytes=5_000), timeout=None)

    @bot.text("迟")
    def late(chat: Chat) -> Dialog[str]:
        yield from chat.step(think)
        return "想好了" + "一" * 600

    @bot.text("书")
    def read(chat: Chat) -> str:
        return LONG * 2

    talk = Talk(bot, strict=False)
    talk("书")
    talk.takes("think", 40)
    talk("迟")
    talk("书")
    talk("书")
    assert "想好了" in "".join(taps(talk, talk("继续")))


def test_so_many_broken_conversations_are_parked_and_the_log_says_which_are_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bot = Bot(limits=Limits(parked=3))

    @bot.text("坏")
    def broken(chat: Chat) -> str:
        raise RuntimeError("a bug")

    talk = Talk(bot, strict=False, apologies=True)
    for _ in range(5):
        assert talk("坏") == Texts().apology
    assert talk.parked == 3
    assert caplog.text.count("1 parked conversations are dropped for a new one") == 2


def test_parked_conversations_have_so_many_bytes() -> None:
    bot = Bot(limits=Limits(parked_bytes=20_000))

    @bot.text(re.compile("坏.*", re.DOTALL))
    def broken(chat: Chat) -> str:
        raise RuntimeError("a bug")

    talk = Talk(bot, strict=False, apologies=True)
    for _ in range(20):
        talk("坏" + "长" * 2_000)
    found = talk._world.store.show(f"{talk.account}:{talk.user}")
    assert found is not None
    assert 10_000 < sum(len(one.document) for one in found.parked.values()) <= 20_000


def think() -> None:
    """Takes too long."""


@pytest.mark.parametrize("name", ["held_parts", "held_bytes", "parked", "parked_bytes"])
def test_a_limit_below_one_is_refused(name: str) -> None:
    with pytest.raises(errors.ConfigurationError, match=name):
        Limits(**{name: 0})

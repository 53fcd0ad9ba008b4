"""A message that was written before the pending question was shown is no answer to it, however late
it comes.
"""

from __future__ import annotations

import re
from itertools import count

import pytest

from tests.dialogs.journals import state
from wechat_dialog import Bot, Chat, Dialog, Texts, messages
from wechat_dialog.core.turn.pending import sealed_pending
from wechat_dialog.messages.keys import message_key, message_number
from wechat_dialog.testing import Seen, Talk

NOT_TAKEN = Texts().not_taken
LONG = "说来话长。" * 300
"""More than one reply has room for."""
BEGIN = 1_700_000_000


@pytest.fixture
def bot() -> Bot:
    bot = Bot()

    @bot.text("记账")
    def add(chat: Chat) -> Dialog[str]:
        first = yield from chat.ask("第一个数？", int)
        second = yield from chat.ask(f"第二个数？（已有 {first}）", int)
        return f"合计 {first + second}"

    @bot.text("长篇")
    def tell(chat: Chat) -> Dialog[str]:
        chat.say(LONG)
        return f"您说{yield from chat.ask('读完了吗？')}"

    @bot.text("打车")
    def fetch(chat: Chat) -> Dialog[str]:
        place = yield from chat.ask("在哪儿？", messages.LocationReport)
        return f"在 {place.latitude}"

    @bot.text("帮助", anytime=True)
    def assist(chat: Chat) -> str:
        return "在的。"

    @bot.text("客服", anytime=True)
    def service(chat: Chat) -> Dialog[str]:
        return f"单号 {yield from chat.ask('单号？', int)}"

    return bot


@pytest.fixture(params=["live", "cold"])
def talk(bot: Bot, request: pytest.FixtureRequest) -> Talk:
    """Time is the test's: every message says when it was written."""
    talk = Talk(bot)
    if request.param == "cold":
        say = talk.send

        def on_another_worker(kind: str, **fields: object) -> Seen:
            talk.restart()
            return say(kind, **fields)

        talk.send = on_another_worker  # type: ignore[method-assign]
    return talk


def say(talk: Talk, written: int, text: str) -> str:
    """Send a text that was written so many seconds after all began."""
    return str(talk.send("text", Content=text, CreateTime=BEGIN + written))


def test_a_belated_message_gets_the_question_again_and_the_next_one_answers(talk: Talk) -> None:
    say(talk, 0, "记账")
    assert say(talk, 9, "5") == "第二个数？（已有 5）"
    assert say(talk, 8, "7") == f"{NOT_TAKEN}\n第二个数？（已有 5）"
    assert say(talk, 8, "7") == f"{NOT_TAKEN}\n第二个数？（已有 5）"
    assert say(talk, 10, "6") == "合计 11"


@pytest.mark.parametrize("written", [9, 10, 9 - 3600])
def test_one_of_the_same_second_or_of_another_clock_answers(talk: Talk, written: int) -> None:
    say(talk, 0, "记账")
    say(talk, 9, "5")
    assert say(talk, written, "7") == "合计 12"


@pytest.mark.parametrize("live", [0, 9])
def test_a_copy_that_comes_when_the_reply_is_forgotten_is_no_second_answer(live: int) -> None:
    """Its request lay in the queue of a process that was stopped for more than a minute."""
    bot = Bot(timeout=None, live_dialogs=live)

    @bot.text("记账")
    def add(chat: Chat) -> Dialog[str]:
        first = yield from chat.ask("第一个数？", int)
        return f"合计 {first + (yield from chat.ask('第二个数？', int))}"

    talk = Talk(bot)
    talk("记账")
    talk.advance(1)
    assert str(talk("5")) == "第二个数？"
    talk.advance(59)
    assert str(talk.resend()) == "第二个数？"
    for seconds in (11, 600, 2000):
        talk.advance(seconds)
        assert str(talk.resend()) == ""
    assert str(talk("7")) == "合计 12"


def test_what_was_written_in_the_same_second_and_waited_with_it_answers(talk: Talk) -> None:
    """Both came to a process that was stopped, the only one."""
    talk.advance(100)
    say(talk, 0, "记账")
    assert say(talk, 0, "5") == "第二个数？（已有 5）"
    assert say(talk, 0, "7") == "合计 12"


def test_two_messages_of_one_second_are_told_apart(talk: Talk) -> None:
    """The checksums of their keys end with the same four digits: they were taken for copies."""
    talk.advance(100)
    first, second = alike(10_000)
    talk._world.sent = first - 1
    say(talk, 0, "记账")
    talk._world.sent = second - 1
    assert say(talk, 0, "5") == "第二个数？（已有 5）"


def alike(numbers: int) -> tuple[int, int]:
    """Return two messages of one second whose keys have the same of so many checksums, by how many
    messages were sent before.
    """
    seen: dict[int, int] = {}
    for sent in count(1):
        number = message_number(BEGIN, f"{BEGIN}:{24_000_000_000_000_000 + sent}") % numbers
        if number in seen:
            return seen[number], sent
        seen[number] = sent
    raise AssertionError("unreachable")


def test_it_answers_where_the_journal_has_nothing_of_that_second(talk: Talk) -> None:
    talk.advance(100)
    say(talk, 0, "记账")
    say(talk, 30, "客服")
    assert say(talk, 30, "12") == "单号 12\n第一个数？"
    assert say(talk, 30, "5") == "第二个数？（已有 5）"


@pytest.mark.parametrize("live", [0, 9])
def test_a_copy_is_no_second_answer_after_the_stores_clock_was_set_forward(live: int) -> None:
    """Its reply is forgotten at once, and it has come as soon as any."""
    bot = Bot(timeout=None, live_dialogs=live)

    @bot.text("记账")
    def add(chat: Chat) -> Dialog[str]:
        first = yield from chat.ask("第一个数？", int)
        return f"合计 {first + (yield from chat.ask('第二个数？', int))}"

    @bot.text("客服", anytime=True)
    def service(chat: Chat) -> Dialog[str]:
        return f"单号 {yield from chat.ask('单号？', int)}"

    talk, ahead = Talk(bot), 0.0
    talk._world.store.use_clock(lambda: talk._world.clock + ahead)
    talk("记账")
    for text, asked in (("5", "第二个数？"), ("客服", "单号？"), ("6", "单号 6\n第二个数？")):
        assert str(talk(text)) == asked
        ahead += 300
        assert str(talk.resend()) == ""
    assert str(talk("7")) == "合计 12"


def test_a_belated_message_cancels_and_interrupts_all_the_same(talk: Talk) -> None:
    say(talk, 9, "记账")
    assert say(talk, 5, "帮助") == "在的。\n第一个数？"
    assert say(talk, 5, "取消") == "已取消。"


def test_the_words_for_the_way_back_are_no_more_than_an_answer(talk: Talk) -> None:
    say(talk, 0, "记账")
    say(talk, 9, "5")
    assert say(talk, 8, "返回") == f"{NOT_TAKEN}\n第二个数？（已有 5）"
    assert say(talk, 20, "返回") == "第一个数？"
    assert say(talk, 15, "6") == f"{NOT_TAKEN}\n第一个数？"


def test_a_question_that_is_shown_again_was_known_before(talk: Talk) -> None:
    say(talk, 0, "记账")
    say(talk, 9, "5")
    assert say(talk, 20, "帮助") == "在的。\n第二个数？（已有 5）"
    assert say(talk, 22, "几？").endswith("第二个数？（已有 5）")
    assert say(talk, 15, "7") == "合计 12"


def test_what_was_written_for_another_question_is_not_for_the_one_below(talk: Talk) -> None:
    say(talk, 0, "记账")
    say(talk, 9, "5")
    assert say(talk, 20, "客服") == "单号？"
    assert say(talk, 15, "7") == f"{NOT_TAKEN}\n单号？"
    assert say(talk, 30, "42") == "单号 42\n第二个数？（已有 5）"
    assert say(talk, 25, "41") == f"{NOT_TAKEN}\n第二个数？（已有 5）"
    assert say(talk, 31, "7") == "合计 12"


def test_a_question_that_was_held_is_known_from_when_it_came(talk: Talk) -> None:
    assert "读完了吗" not in say(talk, 0, "长篇")
    while "读完了吗" not in say(talk, 20, "继续"):
        pass
    assert say(talk, 10, "嗯").endswith("读完了吗？")
    assert say(talk, 21, "是") == "您说是"


def test_a_place_that_was_reported_before_is_none(talk: Talk) -> None:
    place = {"Event": "LOCATION", "Latitude": "31.2", "Longitude": "121.4", "Precision": "10"}
    say(talk, 9, "打车")
    before = talk.send("event", **place, CreateTime=BEGIN + 8)
    assert str(before) == f"{NOT_TAKEN}\n在哪儿？"
    assert str(talk.send("event", **place, CreateTime=BEGIN + 9)) == "在 31.2"


@pytest.mark.parametrize("word", ["继续", "6"])
def test_its_user_is_told_once_where_nobody_waited_for_that(bot: Bot, word: str) -> None:
    talk = Talk(bot)
    say(talk, 0, "记账")
    say(talk, 9, "5")
    fields = {"ToUserName": talk.account, "FromUserName": talk.user, "CreateTime": str(BEGIN + 8)}
    message = messages.from_fields({**fields, "MsgType": "text", "Content": "7", "MsgId": "1"})
    kept = sealed_pending(bot.rules.seal, message, message.created * 1000)
    talk._world.store.defer(f"{talk.account}:{talk.user}", message_key(message), kept)
    assert say(talk, 10, word) == f"{NOT_TAKEN}\n第二个数？（已有 5）"
    assert say(talk, 11, "6") == "合计 11"


def test_belated_is_what_was_written_before_the_question_that_was_shown_last(talk: Talk) -> None:
    say(talk, 9, "记账")
    assert say(talk, 5, "客服") == "单号？"
    assert state(talk).shown_at == BEGIN + 9


def written_by_an_earlier_version(talk: Talk, shown: bytes) -> None:
    """Replace what the head says of the message that first showed the question."""
    entry = talk._world.store._users[f"{talk.account}:{talk.user}"].entry
    entry.head, found = re.subn(rb',"by":\d+', shown, entry.head)
    assert found == 1
    talk.restart()


def test_a_head_of_an_earlier_version_says_nothing_of_it(talk: Talk) -> None:
    say(talk, 9, "记账")
    written_by_an_earlier_version(talk, b"")
    assert say(talk, 8, "5") == "第二个数？（已有 5）"


@pytest.mark.parametrize("shown", [BEGIN + 9, (BEGIN + 9) * 10_000 + 1234])
def test_a_head_of_an_earlier_version_has_the_time(talk: Talk, shown: int) -> None:
    say(talk, 9, "记账")
    written_by_an_earlier_version(talk, b',"shown":%d' % shown)
    assert state(talk).shown_at == BEGIN + 9
    assert say(talk, 8, "5") == f"{NOT_TAKEN}\n第一个数？"

"""Time limits, attempts, and conversations that never end (design, section 5)."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.dialogs.journals import all_records, counted, state, stored_bytes
from wechat_dialog import Bot, Chat, Dialog, Texts, TooManyAttempts
from wechat_dialog.testing import Talk


def asking(
    dialog_timeout: float | None = None, question: float | None = None, **bot_how: Any
) -> Bot:
    bot = Bot(**bot_how)

    @bot.text("问", timeout=dialog_timeout)
    def ask(chat: Chat) -> Dialog[str]:
        first = yield from chat.ask("一？", timeout=question)
        second = yield from chat.ask("二？")
        return first + second

    @bot.fallback
    def other(chat: Chat) -> str:
        return "什么？"

    return bot


@pytest.mark.parametrize(
    ("bot", "seconds"),
    [
        pytest.param(asking(), 60, id="a minute, as in 2017"),
        pytest.param(asking(timeout=600), 600, id="the bot's"),
        pytest.param(asking(300, timeout=600), 300, id="the dialog's before the bot's"),
        pytest.param(asking(300, 20, timeout=600), 20, id="the question's before both"),
        pytest.param(asking(None, 3600), 3600, id="a question may wait longer"),
    ],
)
def test_a_conversation_waits_its_time_and_no_longer(bot: Bot, seconds: float) -> None:
    in_time, late = Talk(bot, "in-time"), Talk(bot, "late")
    in_time("问")
    in_time.advance(seconds - 1)
    assert in_time("a") == "二？"
    late("问")
    late.advance(seconds + 1)
    assert late("a") == "什么？"


def test_a_question_s_time_is_that_question_s_alone() -> None:
    talk = Talk(asking(None, 3600))
    talk("问")
    talk.advance(3000)
    assert talk("a") == "二？"
    talk.advance(61)
    assert talk("b") == "什么？"


def test_without_a_limit_a_conversation_waits_for_ever() -> None:
    talk = Talk(asking(timeout=None))
    talk("问")
    talk.advance(365 * 86400)
    talk.restart()
    assert talk("a") == "二？"


@pytest.mark.parametrize("restart", [False, True], ids=["live", "another process"])
def test_a_message_that_came_too_late_starts_afresh_and_may_be_told_so(restart: bool) -> None:
    talk = Talk(asking(texts=Texts(expired="刚才的对话已经过期。")))
    talk("问")
    talk.advance(3600)
    if restart:
        talk.restart()
    assert talk("问") == "刚才的对话已经过期。\n一？"
    assert talk("a") == "二？"


def test_by_default_nothing_is_said_of_it() -> None:
    talk = Talk(asking())
    talk("问")
    talk.advance(61)
    assert talk("问") == "一？"


# Attempts ------------------------------------------------------------


def counting(caught: bool) -> Bot:
    bot = Bot()

    @bot.text("数")
    def count(chat: Chat) -> Dialog[str]:
        try:
            number = yield from chat.ask("几？", int, attempts=3)
        except TooManyAttempts as tired:
            if not caught:
                raise
            word = yield from chat.ask(f"{tired.attempts} 次了，随便说点什么？")
            return f"好，{word}"
        again = yield from chat.ask("再来？", int, attempts=2)
        return str(number + again)

    return bot


@pytest.mark.parametrize("restart", [False, True], ids=["live", "replayed"])
def test_after_the_last_attempt_the_dialog_is_told(restart: bool) -> None:
    talk = Talk(counting(caught=True))
    talk("数")
    for _ in range(2):
        assert talk("x").endswith("几？")
        if restart:
            talk.restart()
    assert talk("x") == "3 次了，随便说点什么？"
    if restart:
        talk.restart()
    assert talk("y") == "好，y"


def test_a_dialog_that_does_not_care_ends_with_an_apology() -> None:
    talk = Talk(counting(caught=False))
    for text in ("数", "x", "x"):
        talk(text)
    assert talk("x") == "几次都没有看懂，先到这里吧。"
    assert not talk.waiting
    assert talk.parked == 0


def test_attempts_are_counted_for_each_question_anew() -> None:
    talk = Talk(counting(caught=False))
    for text in ("数", "x", "x", "1", "x"):
        talk(text)
    assert talk("2") == "3"


def test_fifty_wrong_answers_cost_nothing() -> None:
    bot = Bot()

    @bot.text("数")
    def count(chat: Chat) -> Dialog[str]:
        return str((yield from chat.ask("几？", int, hint=lambda said: f"“{said}”不是数。")))

    talk = Talk(bot)
    talk("数")
    before = all_records(talk)
    for number in range(1, 51):
        way_out = "" if number % 3 else "（不想继续的话，请回复“取消”。）\n"
        assert talk(f"x{number}") == f"“x{number}”不是数。\n{way_out}几？"
    assert all_records(talk) == before
    assert talk("7") == "7"


# Bounded ------------------------------------------------------------


def test_an_endless_chat_that_hands_over_to_itself_keeps_one_length() -> None:
    bot = Bot(journal_limit=10)

    @bot.text("聊")
    def talk_on(chat: Chat, count: int = 0) -> Dialog[Any]:
        said = yield from chat.ask(f"{count}？")
        if said == "完":
            return f"聊了 {count} 句。"
        return chat.continue_as(talk_on, count=count + 1)

    talk = Talk(bot, strict=False)
    asked = counted(talk)
    talk("聊")
    lengths: set[int] = set()
    sizes: list[int] = []
    commands: set[tuple[str, ...]] = set()
    for number in range(1, 10_001):
        asked.clear()
        assert talk("嗯") == f"{number}？"
        if number % 1000 == 0:
            commands.add(tuple(asked))
            lengths.add(len(all_records(talk)))
            sizes.append(stored_bytes(talk))
        elif number % 1000 == 1:
            commands.add(tuple(asked))
            talk.restart()
        elif number % 1000 == 2:
            assert asked == ["claim", "commit"], "as cold as a turn can be"
    assert lengths == {1}
    assert commands == {("commit",)}
    assert max(sizes) - min(sizes) <= 8, "the digits of the count, and of the message's id"
    assert len(state(talk).stack) == 1
    assert talk("完") == "聊了 10000 句。"


def test_what_was_said_before_handing_over_comes_before_the_new_question() -> None:
    bot = Bot()

    @bot.text("甲")
    def first(chat: Chat) -> Dialog[Any]:
        name = yield from chat.ask("名字？")
        chat.say(f"你好，{name}。")
        return chat.continue_as(second, name=name)

    @bot.dialog
    def second(chat: Chat, name: str) -> Dialog[str]:
        age = yield from chat.ask("几岁？", int)
        return f"{name} {age}"

    talk = Talk(bot)
    talk("甲")
    assert talk("张三") == "你好，张三。\n几岁？"
    talk.restart()
    assert talk("7") == "张三 7"


def test_back_does_not_reach_behind_a_hand_over() -> None:
    bot = Bot()

    @bot.text("甲")
    def first(chat: Chat, name: str = "") -> Dialog[Any]:
        said = yield from chat.ask(f"名字？{name}")
        return chat.continue_as(first, name=said)

    talk = Talk(bot)
    talk("甲")
    talk("张三")
    assert talk("返回") == "已经不能再返回了。\n名字？张三"


def test_a_journal_warns_at_half_its_limit_and_then_refuses(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bot = Bot(journal_limit=8)

    @bot.text("聊")
    def talk_on(chat: Chat) -> Dialog[str]:
        while True:
            yield from chat.ask("？")

    talk = Talk(bot, apologies=True)
    talk("聊")
    with caplog.at_level(logging.WARNING, "wechat_dialog"):
        for _ in range(7):
            assert talk("嗯") == "？"
        assert caplog.text.count("continue_as") == 1
    assert talk("嗯") == "抱歉，出了点问题，请稍后再试。"
    assert talk.parked == 1
    assert talk("聊") == "？"


def test_a_dialog_that_hands_over_without_end_is_stopped() -> None:
    bot = Bot()

    @bot.text("转")
    def turn(chat: Chat) -> Any:
        return chat.continue_as(turn)

    talk = Talk(bot, apologies=True)
    assert talk("转") == "抱歉，出了点问题，请稍后再试。"
    assert talk.parked == 1

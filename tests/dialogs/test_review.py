"""A reviewer sees what goes out before it does, and what it does not pass is not sent."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from wechat_dialog import Bot, Chat, Dialog, Outgoing, Texts, messages, replies, step
from wechat_dialog.errors import ConfigurationError
from wechat_dialog.operators import Conversations
from wechat_dialog.replies import Text
from wechat_dialog.stores.memory import MemoryStore
from wechat_dialog.testing import Talk

REFUSED = "抱歉，这条内容暂时不能发送。"


def shop(bot: Bot) -> Bot:
    @bot.text("点单")
    def order(chat: Chat) -> Dialog[str]:
        chat.say("欢迎！")
        chat.say("今天有茶。")
        name = yield from chat.ask("您贵姓？")
        count = yield from chat.choose("几杯？", ["一杯", "两杯"])
        return f"{name}，{count}好了。"

    @bot.text("图")
    def picture(chat: Chat) -> Dialog[str]:
        chat.say("看")
        chat.say(replies.Image("m1"))
        return f"谢谢{yield from chat.ask('好看吗？')}"

    @bot.text("登录")
    def log_in(chat: Chat) -> Dialog[str]:
        yield from chat.ask("密码？", secret=True)
        return "进来了"

    @bot.text("帮助", anytime=True)
    def helping(chat: Chat) -> str:
        return "这是帮助"

    return bot


class Reviewer:
    """Notes what it is shown, and says what a test wants."""

    def __init__(self, verdict: Callable[[Outgoing], Any] = lambda going: going.reply) -> None:
        self.seen: list[Outgoing] = []
        self.verdict = verdict

    def __call__(self, going: Outgoing) -> Any:
        self.seen.append(going)
        return self.verdict(going)

    @property
    def texts(self) -> list[str]:
        return [going.text for going in self.seen]


def test_a_reviewer_sees_what_goes_out_and_what_came_in() -> None:
    reviewer = Reviewer()
    talk = Talk(shop(Bot(review=reviewer)))
    assert talk("点单") == "欢迎！\n今天有茶。\n您贵姓？"
    assert reviewer.texts == ["欢迎！\n今天有茶。", "您贵姓？"], "texts that follow are one"
    assert [going.question for going in reviewer.seen] == [False, True]
    assert [going.user for going in reviewer.seen] == [talk.user] * 2
    came = [going.message for going in reviewer.seen]
    assert all(isinstance(one, messages.Text) and one.text == "点单" for one in came)
    reviewer.seen.clear()
    talk.other("o2")("图")
    assert [going.reply for going in reviewer.seen[:2]] == [Text("看"), replies.Image("m1")]
    assert reviewer.texts == ["看", "", "好看吗？"]


def test_what_it_says_is_sent_and_the_question_stays_the_question() -> None:
    def mask(going: Outgoing) -> str:
        return going.text.replace("贵姓", "＊＊").replace("王", "＊")

    talk = Talk(shop(Bot(review=mask)))
    assert talk("点单") == "欢迎！\n今天有茶。\n您＊＊？"
    talk.restart()  # replayed from its journal, which knows the question as it was asked
    assert talk("王") == "几杯？\n1. 一杯\n2. 两杯"
    talk.restart()
    assert talk.tap("两杯") == "＊，两杯好了。"


def test_what_it_refuses_is_not_sent_and_the_conversation_goes_on() -> None:
    talk = Talk(shop(Bot(review=lambda going: None if "茶" in going.text else going.reply)))
    assert talk("点单") == f"{REFUSED}\n您贵姓？"
    assert talk("王") == "几杯？\n1. 一杯\n2. 两杯"
    assert talk("帮助") == "这是帮助\n几杯？\n1. 一杯\n2. 两杯"
    assert talk("一杯") == "王，一杯好了。"


def test_a_question_that_is_refused_waits_all_the_same() -> None:
    talk = Talk(shop(Bot(review=lambda going: None if "姓" in going.text else going.reply)))
    assert talk("点单") == f"欢迎！\n今天有茶。\n{REFUSED}"
    assert talk("王") == "几杯？\n1. 一杯\n2. 两杯"
    quiet = Texts(refused="")
    silent = Talk(shop(Bot(review=lambda _: None, texts=quiet)))
    assert silent("点单") == ""
    assert silent("王") == ""
    assert silent("一杯") == ""
    assert not silent.waiting


def test_a_refusal_is_said_once() -> None:
    talk = Talk(shop(Bot(review=lambda _: None, texts=Texts(refused="不便发送"))))
    assert talk("点单") == "不便发送"
    assert talk.other("o2")("图") == "不便发送"


def raises(_: Outgoing) -> Any:
    raise RuntimeError("the moderation service is away")


@pytest.mark.parametrize(
    "verdict",
    [raises, lambda _: 3, lambda _: True, lambda _: ["a"], lambda going: going, lambda _: Text(3)],  # type: ignore[arg-type]
    ids=["raises", "number", "bool", "list", "outgoing", "text of a number"],
)
def test_a_reviewer_that_fails_refuses(
    verdict: Callable[[Outgoing], Any], caplog: pytest.LogCaptureFixture
) -> None:
    reviewer = Reviewer(verdict)
    talk = Talk(shop(Bot(review=reviewer)))
    assert talk("点单") == REFUSED
    assert len(reviewer.seen) == 1, "it would fail at the rest, too"
    [line] = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert "the reviewer failed" in line.getMessage()
    assert "茶" not in caplog.text
    reviewer.verdict = lambda going: going.reply
    assert talk("王") == "几杯？\n1. 一杯\n2. 两杯"


def test_nothing_of_an_answer_is_reviewed_twice_in_one_turn_and_its_copies() -> None:
    reviewer = Reviewer()
    talk = Talk(shop(Bot(review=reviewer)))
    first = talk("点单")
    assert talk.resend() == first
    assert len(reviewer.seen) == 2


def test_what_is_held_was_reviewed_before() -> None:
    reviewer = Reviewer(lambda going: going.text.upper() or going.reply)
    bot = Bot(review=reviewer)

    @bot.text("long")
    def long(chat: Chat) -> Dialog[str]:
        chat.say("abc\n" * 1000)
        return f"you said {yield from chat.ask('what now?')}"

    talk = Talk(bot)
    seen = [talk("long")]
    while "继续" in seen[-1].taps:
        seen.append(talk.tap("继续"))
    assert [len(one) > 1000 for one in seen] == [True, True]
    assert len(reviewer.seen) == 2
    assert not any(letter.islower() for one in seen for letter in one)
    assert talk("b") == "YOU SAID B"


def test_a_late_answer_is_reviewed_before_it_is_kept() -> None:
    bot = Bot(review=lambda going: None if "坏话" in going.text else going.reply)

    def model() -> str:
        return "坏话"

    @bot.fallback
    def answer(chat: Chat) -> Dialog[str]:
        return (yield from chat.step(model))

    talk = Talk(bot)
    talk.takes(model, 40)
    assert "正在处理" in talk("你好")
    talk.takes(model, 0)
    assert talk("继续") == REFUSED


@pytest.mark.parametrize("when", ["before", "in", "after"])
def test_a_worker_that_dies_at_it_sends_nothing_it_has_not_passed(when: str) -> None:
    reviewer = Reviewer(lambda going: going.text.replace("茶", "＊"))
    talk = Talk(shop(Bot(review=step(reviewer, name="review"))))
    talk.crashes("review", when)
    assert talk("点单") == "欢迎！\n今天有＊。\n您贵姓？"
    assert talk("王") == "几杯？\n1. 一杯\n2. 两杯"


def test_what_was_said_in_secret_is_not_shown_to_it() -> None:
    reviewer = Reviewer()
    talk = Talk(shop(Bot(review=reviewer)))
    talk("登录")
    assert talk("open sesame") == "进来了"
    assert "sesame" not in repr(reviewer.seen)


def test_what_stands_in_the_place_of_an_ais_words_is_an_ais() -> None:
    talk = Talk(shop(Bot(ai_generated=True, review=lambda going: going.text[:2])))
    assert talk("点单") == "欢迎\n您贵\n（以上内容由AI生成）"
    assert Talk(shop(Bot(ai_generated=True, review=lambda _: None)))("点单") == REFUSED


def test_an_operators_turn_is_reviewed_too() -> None:
    store, broken = MemoryStore(), [True]
    bot = Bot("t", store=store, review=lambda going: going.text.replace("茶", "＊"))

    @bot.text("茶")
    def tea(chat: Chat) -> str:
        if broken:
            raise RuntimeError("a bug")
        return "一杯茶"

    heard(bot, "茶")
    broken.clear()
    Conversations(bot).resume("o1")
    assert heard(bot, "在吗") == Text("一杯＊")
    bot.close()


# On threads and on event loops. -------------------------------------------------------------------


def message(text: str) -> messages.Message:
    return messages.from_fields(
        {"ToUserName": "gh", "FromUserName": "o1", "CreateTime": str(int(time.time())),
         "MsgType": "text", "MsgId": str(time.monotonic_ns()), "Content": text}
    )  # fmt: skip


def heard(bot: Bot, text: str) -> replies.Reply | None:
    return bot.respond(message(text), time.time()).reply


def heard_on_loop(bot: Bot, text: str) -> replies.Reply | None:
    async def answer() -> replies.Reply | None:
        try:
            return (await bot.respond_async(message(text), time.time())).reply
        finally:
            await bot.close_async()

    return asyncio.run(answer())


HEARD = pytest.mark.parametrize("hear", [heard, heard_on_loop], ids=["threads", "event loop"])


def shout(going: Outgoing) -> str:
    return going.text.upper()


async def shout_later(going: Outgoing) -> str:
    await asyncio.sleep(0)
    return going.text.upper()


class Shouting:
    async def __call__(self, going: Outgoing) -> str:
        return await shout_later(going)


def echo(review: Any, **settings: Any) -> Bot:
    bot = Bot("t", store=MemoryStore(), review=review, **settings)

    @bot.fallback
    def dialog(chat: Chat) -> Dialog[str]:
        return f"{chat.message.raw['Content']}!{yield from chat.ask('go on?')}"

    return bot


@HEARD
@pytest.mark.parametrize("review", [shout, shout_later, Shouting(), step(shout, retries=1)])
def test_a_reviewer_may_be_a_function_or_a_coroutine(hear: Callable[..., Any], review: Any) -> None:
    bot = echo(review)
    assert hear(bot, "a") == Text("GO ON?")
    assert hear(bot, "b") == Text("A!B")
    bot.close()


@HEARD
@pytest.mark.parametrize("kind", ["function", "coroutine"])
def test_one_that_hangs_refuses(
    hear: Callable[..., Any], kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    go_on = threading.Event()

    def hang(_: Outgoing) -> str:
        go_on.wait(30)
        return "too late"

    async def hang_later(_: Outgoing) -> str:
        await asyncio.sleep(30)
        return "too late"

    bot = echo(step(hang if kind == "function" else hang_later, timeout=0.05))
    assert hear(bot, "a") == Text(REFUSED)
    assert "TimedOut" in caplog.text
    go_on.set()
    bot.close()


@HEARD
def test_one_that_outlasts_the_turn_refuses_and_parks_nothing(hear: Callable[..., Any]) -> None:
    async def hang(_: Outgoing) -> str:
        await asyncio.sleep(30)
        return "too late"

    bot = echo(step(hang, timeout=60), longest_turn=0.3)
    assert hear(bot, "a") == Text(REFUSED)
    assert not any(one.state == "parked" for one in Conversations(bot).list())
    bot.close()


def test_what_is_no_function_is_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match="review='words'"):
        Bot(review="words")  # type: ignore[arg-type]

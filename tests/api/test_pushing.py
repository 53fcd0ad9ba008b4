"""Answers that are pushed: late ones, long ones, an operator's; and what if that fails."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.api.fake_platform import OK, Asked, FakePlatform
from tests.redis_server import wait_until
from wechat_dialog import Bot, Chat, Dialog, Texts, Window, messages, replies
from wechat_dialog.core.replay.header import UserHead, decode_head
from wechat_dialog.core.store.values import Commit
from wechat_dialog.errors import ConfigurationError, StoreError
from wechat_dialog.operators import Conversations
from wechat_dialog.stores.memory import MemoryStore
from wechat_dialog.testing import Talk

USER = "oDemoOpenId0123456789abcdefgh"
ACCOUNT = "gh_0123456789ab"
LONG = "\n".join("一二三四五六七八九十" * 8 for _ in range(40))  # 9639 bytes
numbers = itertools.count(1)


def message(kind: str, **fields: str) -> messages.Message:
    return messages.from_fields(
        {
            "ToUserName": ACCOUNT, "FromUserName": USER, "CreateTime": str(int(time.time())),
            "MsgType": kind, "MsgId": str(next(numbers)), **fields,
        }
    )  # fmt: skip


class Pushing:
    """A bot with customer messages, and its user."""

    def __init__(self, platform: FakePlatform, respond: Any, store: MemoryStore) -> None:
        self.platform = platform
        self.store = store
        self.respond = respond
        self.slow = threading.Event()
        self.bot = Bot(
            "t", app_id="wx0123456789abcdef", app_secret="secret", customer_messages=True,
            api_host=platform.host, store=store, window=Window(seconds=0.5, patience=0.2),
        )  # fmt: skip

        def wait() -> str:
            assert self.slow.wait(30)
            return "想好了"

        @self.bot.text("想")
        def think(chat: Chat) -> Dialog[str]:
            chat.say((yield from chat.step(wait)))
            again = yield from chat.ask("对吗？")
            return f"您说{again}"

        @self.bot.text("长")
        def long(chat: Chat) -> Dialog[str]:
            chat.say(LONG)
            chat.say(replies.Image("m1"))
            return f"读完了吗？{yield from chat.ask('好看吗？')}"

        @self.bot.text("短")
        def short(chat: Chat) -> str:
            return "短"

        @self.bot.text("作文")
        def essay(chat: Chat) -> replies.Text:
            return replies.Text(LONG, ai_generated=True)

        @self.bot.text("坏")
        def broken(chat: Chat) -> Dialog[str]:
            name = yield from chat.ask("叫什么？")
            if self.slow.is_set():
                return f"{name}，好了"
            raise RuntimeError("a bug")

        @self.bot.event("subscribe")
        def welcome(chat: Chat) -> replies.News:
            chat.say("欢迎")
            return replies.News([replies.Article("a"), replies.Article("b")])

    def send(self, kind: str, **fields: str) -> replies.Reply | None:
        return self.heard(message(kind, **fields))

    def heard(self, one: messages.Message) -> replies.Reply | None:
        found: replies.Reply | None = self.respond(self.bot, one)
        return found

    def __call__(self, text: str) -> str:
        reply = self.send("text", Content=text)
        return reply.content if isinstance(reply, replies.Text) else repr(reply)

    @property
    def pushed(self) -> list[Any]:
        return [content.get("content", content) for _, content in self.platform.sent()]

    @property
    def state(self) -> UserHead:
        shown = self.store.show(f"{ACCOUNT}:{USER}")
        return UserHead() if shown is None else decode_head(shown.head)

    def until(self, fact: Callable[[], bool]) -> None:
        wait_until(fact, "the pushing is over")

    def settled(self) -> bool:
        """Whether nothing is held, and nobody is at it."""
        return not self.state.held


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture(params=["threads", "event loop"])
def pushing(
    request: pytest.FixtureRequest, platform: FakePlatform, store: MemoryStore
) -> Iterator[Pushing]:
    if request.param == "threads":

        def respond(bot: Bot, one: messages.Message) -> Any:
            return bot.respond(one, time.time()).reply

        found = Pushing(platform, respond, store)
        yield found
        found.slow.set()
        found.bot.close()
        return
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def respond_async(bot: Bot, one: messages.Message) -> Any:
        async def answer() -> Any:
            return (await bot.respond_async(one, time.time())).reply

        return asyncio.run_coroutine_threadsafe(answer(), loop).result(30)

    found = Pushing(platform, respond_async, store)
    yield found
    found.slow.set()
    asyncio.run_coroutine_threadsafe(found.bot.async_api.close(), loop).result(30)
    found.bot.close()
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(30)  # its task is cancelled
    loop.call_soon_threadsafe(loop.stop)
    thread.join(30)
    loop.close()


def test_a_late_answer_is_pushed_and_the_repetitions_end_with_success(pushing: Pushing) -> None:
    one = message("text", Content="想")
    assert pushing.heard(one) is None, "the first request already, so there is no second"
    assert pushing.heard(one) is None, "a copy that was on its way"
    assert pushing.pushed == []
    pushing.slow.set()
    pushing.until(lambda: pushing.pushed == ["想好了\n对吗？"])
    pushing.until(pushing.settled)
    assert pushing.heard(one) is None, "nor does a copy that comes later bring it twice"
    assert pushing("对") == "您说对", "the pushed question has been seen"
    assert len(pushing.pushed) == 1


def test_what_was_written_before_a_question_that_was_pushed_is_no_answer_to_it(
    pushing: Pushing,
) -> None:
    now = int(time.time())
    pushing.send("text", Content="长", CreateTime=str(now))
    pushing.until(pushing.settled)
    reply = pushing.send("text", Content="难看", CreateTime=str(now - 1))
    assert reply == replies.Text(f"{Texts().not_taken}\n好看吗？")
    assert pushing("好看") == "读完了吗？好看"


def test_an_answer_in_time_is_the_reply_and_nothing_is_pushed(pushing: Pushing) -> None:
    pushing.slow.set()
    assert pushing("想") == "想好了\n对吗？"
    assert pushing("短") == "您说短"
    assert pushing.platform.asked == [], "nor asked for"


def test_what_does_not_fit_one_reply_follows_in_order_without_a_word_on_it(
    pushing: Pushing,
) -> None:
    first = pushing("长")
    assert "继续" not in first
    assert len(first.encode()) <= 2047
    pushing.until(pushing.settled)
    texts, (picture, question) = pushing.pushed[:-2], pushing.pushed[-2:]
    assert "\n".join([first, *texts]) == LONG
    assert max(len(text.encode()) for text in texts) <= 2047
    assert (picture, question) == ({"media_id": "m1"}, "好看吗？")
    assert pushing("好看") == "读完了吗？好看"


def test_a_reply_does_not_wait_for_what_is_pushed_after_it(pushing: Pushing) -> None:
    pushing.bot.window = Window()  # a request that waits would wait for longer than all of that
    replied, in_order = threading.Event(), list[bool]()

    def take(_: Asked) -> Any:
        in_order.append(replied.wait(3))
        return OK

    pushing.platform.answers["send"] = take
    pushing("长")
    replied.set()
    pushing.until(pushing.settled)
    assert in_order
    assert all(in_order)


def test_the_platform_is_told_of_each_pushed_part_that_an_ai_made_it(pushing: Pushing) -> None:
    line = "（以上内容由AI生成）"
    first = pushing("作文")
    assert first.endswith(f"\n{line}"), "the platform labels no replies"
    pushing.until(pushing.settled)
    sent = [one.json for one in pushing.platform.asked if one.name == "send"]
    assert [one["aimsgcontext"] for one in sent] == [{"is_ai_msg": 1}] * 4
    assert "\n".join([first.removesuffix(f"\n{line}"), *pushing.pushed]) == LONG
    pushing("长")
    pushing.until(pushing.settled)
    others = [one.json for one in pushing.platform.asked if one.name == "send"][4:]
    assert len(others) > 4
    assert not any("aimsgcontext" in one for one in others)


@pytest.mark.parametrize("code", [45015, 45047, 43004])
def test_what_the_platform_refuses_comes_with_the_next_message(pushing: Pushing, code: int) -> None:
    pushing.platform.refusals["send"] = [0, 0, code]
    pieces = [pushing("长")]
    pushing.until(lambda: pushing.platform.names().count("send") == 3)
    pieces += pushing.pushed
    assert len(pieces) == 3
    note, _, rest = pushing("在吗").partition("\n")
    assert note == "（刚才那条没有作为回答，请先看：）", "the question was not seen yet"
    pieces.append(rest)
    pushing.until(pushing.settled)
    pieces += pushing.pushed[2:-2]
    assert "\n".join(pieces) == LONG
    assert pushing.pushed[-1] == "好看吗？"
    assert pushing("好看") == "读完了吗？好看"


def test_a_platform_that_cannot_be_reached_loses_nothing(
    pushing: Pushing, caplog: pytest.LogCaptureFixture
) -> None:
    pushing.bot.simulate(api="http://127.0.0.1:9")
    assert pushing("想") == "None"
    pushing.slow.set()
    pushing.until(lambda: "was not pushed" in caplog.text)
    assert "secret" not in caplog.text
    assert pushing("在吗") == "（刚才那条没有作为回答，请先看：）\n想好了\n对吗？"
    assert pushing("对") == "您说对"


def test_an_account_that_may_not_push_is_answered_as_others_are(
    pushing: Pushing, caplog: pytest.LogCaptureFixture
) -> None:
    pushing.platform.refusals["send"] = [48001]
    pushing("长")
    pushing.until(lambda: "customer_messages=True, but" in caplog.text)
    assert not pushing.bot.settings_now().rules.may_push
    second = pushing("在吗")
    assert second.endswith('msgmenuid=0">继续</a>'), "announced, and fetched"
    assert pushing("继续").startswith("一二三四五六七八九十")
    assert pushing.platform.names().count("send") == 1


def test_what_no_customer_message_can_carry_comes_with_the_next_message(
    pushing: Pushing,
) -> None:
    one = messages.from_fields(
        {"ToUserName": ACCOUNT, "FromUserName": USER, "CreateTime": "1700000000",
         "MsgType": "event", "Event": "subscribe", "EventKey": ""}
    )  # fmt: skip
    assert pushing.heard(one) == replies.Text("欢迎")
    pushing.until(lambda: len(pushing.state.held) == 1)
    assert isinstance(pushing.send("text", Content="短"), replies.News)
    pushing.until(lambda: pushing.pushed == ["短"])


def test_a_message_that_comes_meanwhile_waits_and_answers_what_was_pushed(
    pushing: Pushing,
) -> None:
    sending, go_on = threading.Event(), threading.Event()

    def slowly(_: Asked) -> dict[str, int]:
        sending.set()
        assert go_on.wait(30)
        return {"errcode": 0}

    pushing.platform.answers["send"] = slowly
    pushing("想")
    pushing.slow.set()
    assert sending.wait(30)
    said: list[str] = []
    # Its own window may end while it waits; then its answer is pushed as well.
    asking = threading.Thread(target=lambda: said.append(pushing("对")))
    asking.start()
    go_on.set()
    asking.join(30)
    pushing.until(lambda: "您说对" in [*said, *pushing.pushed])
    assert pushing.pushed[0] == "想好了\n对吗？"


class Failing(MemoryStore):
    """A store that fails at the first write after `armed`."""

    armed = False

    def commit(self, commit: Commit) -> Any:
        if self.armed and commit.key.startswith("push:"):
            self.armed = False
            raise StoreError("gone")
        return super().commit(commit)


@pytest.fixture
def failing() -> Failing:
    return Failing()


def test_a_part_whose_pushing_the_store_never_heard_of_is_repeated_and_not_lost(
    platform: FakePlatform, failing: Failing, caplog: pytest.LogCaptureFixture
) -> None:
    pushing = Pushing(platform, lambda bot, one: bot.respond(one, time.time()).reply, failing)
    failing.armed = True
    pushing("想")
    pushing.slow.set()
    pushing.until(lambda: "it comes with their next message" in caplog.text)
    assert pushing.pushed == ["想好了\n对吗？"]
    assert pushing("对").endswith("想好了\n对吗？"), "and not taken as the answer"
    assert pushing("对") == "您说对"
    pushing.bot.close()


def test_an_operators_resume_pushes_its_answer(pushing: Pushing) -> None:
    pushing("坏")
    assert pushing("小王") == pushing.bot.rules.texts.apology
    pushing.slow.set()
    Conversations(pushing.bot).resume(USER)
    assert pushing.pushed == ["小王，好了"]
    assert pushing.settled()


def test_a_talk_shows_what_is_pushed() -> None:
    bot = Bot(customer_messages=True)

    def think() -> str:
        return "想好了"

    @bot.text("想")
    def slow(chat: Chat) -> Dialog[str]:
        chat.say((yield from chat.step(think)))
        return "您说" + (yield from chat.ask("对吗？"))

    @bot.text("长")
    def long(chat: Chat) -> str:
        chat.say(LONG)
        return "完"

    talk = Talk(bot)
    talk.takes("think", 60)
    talk.takes(think, 60)
    seen = talk("想")
    assert (seen, seen.reply) == ("想好了\n对吗？", None)
    assert talk("对") == "您说对"
    seen = talk("长")
    assert seen == f"{LONG}\n完"
    assert len(seen.pushed) == 4


def test_customer_messages_want_credentials() -> None:
    with pytest.raises(ConfigurationError, match="needs app_id= and app_secret="):
        Bot("token", customer_messages=True)
    with pytest.raises(ConfigurationError, match="needs app_id= and app_secret="):
        _ = Bot("token", app_id="wx0123456789abcdef").api


# Typing -------------------------------------------------------------------------------------------


def typed(platform: FakePlatform) -> list[Any]:
    return [one.json for one in platform.asked if one.name == "typing"]


def test_a_slow_turn_shows_that_the_account_is_typing(pushing: Pushing) -> None:
    pushing("想")
    pushing.until(lambda: bool(typed(pushing.platform)))
    assert typed(pushing.platform) == [{"touser": USER, "command": "Typing"}]
    assert pushing.pushed == []
    pushing.slow.set()
    pushing.until(lambda: pushing.pushed == ["想好了\n对吗？"])
    assert pushing("短") == "您说短"
    # The sign may be taken back: the answer went out while it was being shown.
    shown = [one for one in typed(pushing.platform) if one["command"] == "Typing"]
    assert shown == [{"touser": USER, "command": "Typing"}], "the second was quick"


@pytest.mark.parametrize("code", [48001, 45081, 45080, 45015, 40001, -1])
def test_a_sign_that_is_refused_is_nobodys_answer(pushing: Pushing, code: int) -> None:
    pushing.platform.refusals["typing"] = [code] * 9
    pushing("想")
    pushing.until(lambda: bool(typed(pushing.platform)))
    pushing.slow.set()
    pushing.until(lambda: pushing.pushed == ["想好了\n对吗？"])
    assert pushing("短") == "您说短"


def test_a_sign_that_hangs_holds_nobody_up(pushing: Pushing) -> None:
    hangs, asked = threading.Event(), threading.Event()

    def hang(_: Asked) -> Any:
        asked.set()
        hangs.wait(30)
        return {"errcode": 0}

    pushing.platform.answers["typing"] = hang
    pushing("想")
    assert asked.wait(30)
    pushing.slow.set()
    pushing.until(lambda: pushing.pushed == ["想好了\n对吗？"])
    assert pushing("短") == "您说短"
    hangs.set()
    pushing.until(
        lambda: [one["command"] for one in typed(pushing.platform)][1:] == ["CancelTyping"]
    )

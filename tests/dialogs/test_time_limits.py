"""What takes too long in a talk ends as it does in production, on the talk's clock."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from wechat_dialog import Bot, Chat, Dialog, step
from wechat_dialog.core.dialog.step_parts import Steps
from wechat_dialog.core.replay.records import GatheredReturned
from wechat_dialog.errors import StepEnded, TimedOut
from wechat_dialog.testing import Talk
from wechat_dialog.testing.world import START

APOLOGY = "抱歉，出了点问题，请稍后再试。"
WAITING = "正在处理，请稍候…\n继续"


def bot_with(fn: Any, **options: Any) -> Bot:
    """Return a bot whose dialog 查 runs one step, and says what came of it."""
    bot = Bot(**options)

    @bot.text("查")
    def looks_up(chat: Chat) -> Dialog[str]:
        yield from chat.ask("什么？")
        try:
            found = yield from chat.step(fn)
        except TimedOut as error:
            return f"{error.seconds:g} 秒没有回答。"
        return f"查到 {found}。"

    return bot


def begun(bot: Bot) -> Talk:
    talk = Talk(bot)
    talk("查")
    return talk


def clock(talk: Talk) -> float:
    """Return the seconds that have passed in a talk."""
    return talk._world.clock - START


@pytest.mark.parametrize("faked", [False, True])
@pytest.mark.parametrize("coroutine", [False, True])
def test_a_step_that_outlasts_its_timeout_raises_timed_out_in_the_dialog(
    faked: bool, coroutine: bool
) -> None:
    async def look_up_later() -> str:
        return "书"

    def look_up() -> str:
        return "书"

    fn: Any = look_up_later if coroutine else look_up
    talk = begun(bot_with(step(fn, name="look up", timeout=3)))
    if faked:
        talk.fake("look up", "书")
    talk.takes("look up", 30)
    assert talk("书") == "3 秒没有回答。"
    assert clock(talk) == 3


def test_a_step_that_takes_just_its_timeout_is_in_time() -> None:
    talk = begun(bot_with(step(lambda: "书", name="look up", timeout=3)))
    talk.takes("look up", 3)
    assert talk("书") == "查到 书。"


def test_what_a_step_did_before_it_timed_out_is_done_and_its_exception_is_lost() -> None:
    done: list[str] = []

    def pay() -> str:
        done.append("paid")
        raise KeyError

    talk = begun(bot_with(step(pay, name="pay", timeout=3)))
    talk.takes("pay", 4)
    assert talk("书") == "3 秒没有回答。"
    assert done == ["paid"]


def test_retries_and_the_pauses_before_them_take_the_time_of_the_talk() -> None:
    tries: list[int] = []

    def look_up() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise ConnectionError
        return "书"

    patient = step(look_up, name="look up", retries=2, backoff=lambda _: 4.0, timeout=3)
    talk = begun(bot_with(patient))
    talk.takes("look up", 1)
    assert talk("书") == "查到 书。"
    assert clock(talk) == 1 + 4 + 1 + 4 + 1


@pytest.mark.parametrize(("retries", "seconds"), [(0, 3), (2, 3 + 1 + 3 + 1 + 3)])
def test_a_timeout_is_retried_like_any_exception(retries: int, seconds: float) -> None:
    tries: list[int] = []
    slow = step(
        lambda: tries.append(1), name="look up", retries=retries, backoff=lambda _: 1.0, timeout=3
    )
    talk = begun(bot_with(slow))
    talk.takes("look up", 4)
    talk("书")
    assert len(tries) == 1 + retries
    assert clock(talk) == seconds


def test_a_fake_that_raises_is_retried_as_the_step_would_be() -> None:
    talk = begun(bot_with(step(lambda: None, name="look up", retries=3, backoff=lambda _: 1.0)))
    talk.fake("look up", raises=ConnectionError("away"))
    with pytest.raises(ConnectionError):
        talk("书")
    assert clock(talk) == 3


# The longest turn ---------------------------------------------------------------------------------


@pytest.mark.parametrize("takes", [301.0, math.inf])
def test_a_step_that_outlasts_the_longest_turn_parks_its_conversation(takes: float) -> None:
    talk = begun(bot_with(step(lambda: "书", name="look up")))
    talk.takes("look up", takes)
    assert talk("书") == WAITING
    assert clock(talk) == 300
    assert talk.parked == 1
    assert not talk.waiting
    assert talk("继续") == APOLOGY


def test_a_step_within_the_longest_turn_is_waited_for() -> None:
    talk = begun(bot_with(step(lambda: "书", name="look up")))
    talk.takes("look up", 300)
    assert talk("书") == WAITING
    assert talk("继续") == "查到 书。"


def test_the_steps_of_a_turn_share_its_longest_time() -> None:
    bot = Bot(longest_turn=10)

    @bot.text("查")
    def twice(chat: Chat) -> Dialog[str]:
        for _ in range(2):
            yield from chat.step(step(lambda: None, name="look up"))
        return "查到了。"

    talk = Talk(bot)
    talk.takes("look up", 6)
    assert talk("查") == APOLOGY
    assert clock(talk) == 10


def test_a_turn_is_given_up_in_the_pause_before_a_retry() -> None:
    tries: list[int] = []

    def look_up() -> None:
        tries.append(1)
        raise ConnectionError

    patient = step(look_up, name="look up", retries=5, backoff=lambda _: 6.0)
    talk = begun(bot_with(patient, longest_turn=10))
    assert talk("书") == APOLOGY
    assert talk.parked == 1
    assert clock(talk) == 10
    assert len(tries) == 2


def test_without_a_longest_turn_a_step_may_take_an_hour_but_not_for_ever() -> None:
    bot = bot_with(step(lambda: "书", name="look up"), longest_turn=None, timeout=None)
    talk = begun(bot)
    talk.takes("look up", 3_600)
    talk("书")
    assert talk("继续") == "查到 书。"
    talk("查")
    talk.takes("look up", math.inf)
    with pytest.raises(AssertionError, match=r"no timeout=.* no longest_turn="):
        talk("书")


@pytest.mark.parametrize("seconds", [-1.0, math.nan])
def test_a_step_cannot_take_less_than_no_time(seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds"):
        Talk(Bot()).takes("look up", seconds)


def test_a_turn_that_no_message_began_has_thirty_seconds() -> None:
    bot = Bot(timeout=None)

    @bot.text("睡")
    def sleeps(chat: Chat) -> Dialog[str]:
        yield from chat.sleep(60)
        yield from chat.step(step(lambda: None, name="look up"))
        return "醒了。"

    talk = Talk(bot)
    talk("睡")
    talk.takes("look up", 31)
    talk.advance(60)
    assert talk.parked == 1
    assert clock(talk) == pytest.approx(90)


# Several steps, and the parts of one --------------------------------------------------------------


def gathering(**options: Any) -> Bot:
    bot = Bot(**options)

    @bot.text("查")
    def looks_up(chat: Chat) -> Dialog[str]:
        try:
            yield from chat.gather(
                chat.step(step(lambda: None, name="slow", timeout=20)),
                chat.step(step(lambda: None, name="fast")),
            )
        except TimedOut as error:
            yield from chat.ask(f"{error.seconds:g} 秒没有回答。")
        yield from chat.ask("查到了。")
        return ""

    return bot


def test_steps_of_a_gathering_are_recorded_in_the_order_of_their_ends() -> None:
    talk = Talk(gathering())
    talk.takes("slow", 8)
    talk.takes("fast", 3)
    assert talk("查") == "查到了。"
    outcomes = [record for record in talk.journal if isinstance(record, GatheredReturned)]
    assert [record.name for record in outcomes] == ["fast", "slow"]
    assert clock(talk) == 8


def test_a_step_of_a_gathering_times_out() -> None:
    talk = Talk(gathering())
    talk.takes("slow", 21)
    assert talk("查") == WAITING
    assert talk("继续") == "20 秒没有回答。"
    assert clock(talk) == 20


def test_a_gathering_is_given_up_with_the_turn() -> None:
    talk = Talk(gathering(longest_turn=10))
    talk.takes("slow", 12)
    assert talk("查") == APOLOGY
    assert talk.parked == 1
    assert clock(talk) == 10


@pytest.mark.parametrize("name", ["slow", "fast"])
def test_the_worker_dies_after_the_step_of_a_gathering_that_was_named(name: str) -> None:
    talk = Talk(gathering())
    talk.crashes(name, "after")
    assert talk("查") == "查到了。"
    assert "——：进程中断" in talk.transcript


def with_parts(timeout: float | None, ended: Callable[[str], object]) -> Any:
    @step(name="agent", timeout=timeout)
    def agent(steps: Steps) -> str:
        for name in ("first", "second"):
            try:
                steps.run(name, lambda: None)
            except StepEnded:
                ended(name)
                raise
        return "书"

    return agent


@pytest.mark.parametrize(("timeout", "longest"), [(10, 300), (None, 10)])
def test_the_parts_of_a_step_share_its_time(timeout: float | None, longest: float) -> None:
    ended: list[str] = []
    talk = begun(bot_with(with_parts(timeout, ended.append), longest_turn=longest))
    talk.takes("first", 6)
    talk.takes("second", 6)
    seen = talk("书")
    assert seen == (APOLOGY if timeout is None else "10 秒没有回答。")
    assert ended == ["second"]
    assert clock(talk) == 10

"""Strict mode, which the testing kit has by default: what depends on anything but the journal is
reported, with file and line. And endings: clean-up steps run once, whatever keeps dialogs alive.
"""

from __future__ import annotations

import inspect
import itertools
import logging
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.full_path.people import push, signed
from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.core.replay.records import Failed, GatheredFailed, GatheredReturned, Returned
from wechat_dialog.errors import NotRepeatable, UnexpectedAnswer
from wechat_dialog.testing import Talk

STEPS = (Returned, Failed, GatheredReturned, GatheredFailed)

ticks = itertools.count()


class Basket:
    """As a set is in another process: in another order, each time it is looped over."""

    turns = itertools.count()

    def __iter__(self) -> Iterator[str]:
        things = ["苹果", "梨", "桃"]
        return iter(things if next(self.turns) % 2 else things[::-1])


def by_chance(chat: Chat) -> Dialog[str]:
    yield from chat.ask("一？")
    if random.random() < 0.5:
        yield from chat.ask("二？")  # HERE
    return (yield from chat.ask("三？"))


def by_the_clock(chat: Chat) -> Dialog[str]:
    yield from chat.ask("一？")
    if datetime.now().microsecond % 2:
        yield from chat.ask("二？")  # HERE
    return (yield from chat.ask("三？"))


def by_a_counter(chat: Chat) -> Dialog[str]:
    yield from chat.ask("一？")
    if next(ticks) % 2:
        yield from chat.ask("二？")  # HERE
    return (yield from chat.ask("三？"))


def by_the_order_of_a_set(chat: Chat) -> Dialog[str]:
    counts = {}
    for thing in Basket():
        counts[thing] = yield from chat.ask(f"{thing}几个？", int)  # HERE
    return str(counts)


def by_a_counter_at_its_end(chat: Chat) -> Dialog[str]:
    yield from chat.ask("一？")
    if next(ticks) % 2:
        return "好"
    return (yield from chat.ask("二？"))  # HERE


def by_a_counter_that_raises_at_its_end(chat: Chat) -> Dialog[str]:
    yield from chat.ask("一？")  # HERE
    if next(ticks) % 2:
        raise ZeroDivisionError
    return "好"


def by_a_counter_in_a_step_at_its_end(chat: Chat) -> Dialog[str]:
    yield from chat.ask("一？")
    if next(ticks) % 2:
        yield from chat.step(str)  # HERE
    return "好"


def by_a_counter_to_another_line(chat: Chat) -> Dialog[str]:
    if next(ticks) % 2:
        yield from chat.ask("一？")
    else:
        yield from chat.ask("一？")  # HERE
    return "好"


def by_a_counter_in_its_steps(chat: Chat) -> Dialog[str]:
    yield from chat.ask("一？")
    if next(ticks) % 2:
        yield from chat.step(str)  # HERE
    return (yield from chat.ask("三？"))


def test_a_server_in_strict_mode_logs_file_and_line_and_no_word_that_was_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The simulator's bot is one: an author sees its output, and the user an apology."""
    bot = Bot("t", store="memory://", timeout=None, strict=True)
    bot.text("开始")(by_a_counter)
    bot.fallback(lambda _: "没有对话")
    for number in range(20):
        for text in ("开始", "1"):
            bot.answer(push(f"oUser{number}", Content=text), signed("t"))
    assert "dialog 'by_a_counter' goes another way when it is replayed, at record" in caplog.text
    assert f"({__file__}:" in caplog.text
    assert "？" not in caplog.text


@pytest.mark.parametrize("live", [0, 100], ids=["replayed", "live"])
@pytest.mark.parametrize(
    "fn",
    [
        by_chance, by_the_clock, by_a_counter, by_the_order_of_a_set, by_a_counter_at_its_end,
        by_a_counter_in_its_steps, by_a_counter_that_raises_at_its_end,
        by_a_counter_in_a_step_at_its_end, by_a_counter_to_another_line,
    ],
)  # fmt: skip
def test_what_changes_a_question_a_branch_or_a_step_is_reported_with_file_and_line(
    fn: Callable[..., Any], live: int
) -> None:
    bot = Bot(live_dialogs=live, timeout=None)
    bot.text("开始")(fn)
    lines, start = inspect.getsourcelines(fn)
    here = start + next(number for number, line in enumerate(lines) if "HERE" in line)

    def talk_till_it_falls_otherwise() -> None:
        for _ in range(40):
            talk = Talk(bot)
            for text in ("开始", "1", "2", "3"):
                talk(text)

    with pytest.raises(NotRepeatable) as error:
        talk_till_it_falls_otherwise()
    assert f"{__file__}:" in str(error.value)
    assert error.value.dialog == fn.__name__
    places = f"{error.value}"
    assert f"{__file__}:{here}" in places or f"{__file__}:{here + 1}" in places
    assert "chat.now(), chat.random or a step" in str(error.value)


def test_where_it_ends_is_compared_too() -> None:
    falls = itertools.count()

    def ends_the_first_time(chat: Chat) -> Dialog[str]:
        yield from chat.ask("一？")
        if next(falls) == 0:
            return "好"
        return (yield from chat.ask("二？"))

    with pytest.raises(NotRepeatable, match="first its end, then the way by /"):
        say_both(ends_the_first_time)


def test_that_it_ends_well_is_compared_too() -> None:
    falls = itertools.count()

    def breaks_the_second_time(chat: Chat) -> Dialog[str]:
        yield from chat.ask("一？")
        return str(1 // (1 - next(falls)))

    with pytest.raises(NotRepeatable, match="first its end, then raise ZeroDivisionError"):
        say_both(breaks_the_second_time)


def say_both(fn: Callable[..., Any]) -> None:
    bot = Bot()
    bot.text("开始")(fn)
    talk = Talk(bot)
    talk("开始")
    talk("1")


def test_a_clock_in_a_prompt_only_warns(caplog: pytest.LogCaptureFixture) -> None:
    bot = Bot()

    @bot.text("开始")
    def clocked(chat: Chat) -> Dialog[str]:
        return (yield from chat.ask(f"{datetime.now().timestamp()}：叫什么？"))

    talk = Talk(bot)
    assert talk("开始").endswith("叫什么？")
    assert talk("小明") == "小明"
    assert [r.levelno for r in caplog.records] == [logging.WARNING]
    assert f"{__file__}:" in caplog.text


def test_a_conversation_of_three_days_is_a_test_like_any_other() -> None:
    bot = Bot(timeout=4 * 86400)

    @bot.text("开始")
    def patient(chat: Chat) -> Dialog[str]:
        begun = chat.now()
        for day in range(3):
            yield from chat.ask(f"第 {day + 1} 天好吗？")
        return f"{(chat.now() - begun) // timedelta(days=1)} 天"

    talk = Talk(bot)
    said = talk("开始")
    for _ in range(3):
        talk.advance(86400)
        said = talk("好")
    assert said == "3 天"


# Endings. -----------------------------------------------------------------------------------------

done: list[str] = []


def inner(chat: Chat) -> Dialog[str]:
    try:
        answer = yield from chat.ask("怎么样？")
        if answer == "坏":
            raise ZeroDivisionError
        if answer == "不懂":
            raise UnexpectedAnswer
        return answer
    finally:
        yield from chat.step(done.append, "里")


def nested(chat: Chat) -> Dialog[str]:
    try:
        return (yield from inner(chat))
    finally:
        yield from chat.step(done.append, "外")


async def inner_too(chat: Chat) -> str:
    try:
        answer = await chat.ask("怎么样？")
        if answer == "坏":
            raise ZeroDivisionError
        if answer == "不懂":
            raise UnexpectedAnswer
        return answer
    finally:
        await chat.step(done.append, "里")


async def nested_too(chat: Chat) -> str:
    try:
        return await inner_too(chat)
    finally:
        await chat.step(done.append, "外")


@pytest.mark.parametrize("restarted", [False, True], ids=["live", "replayed"])
@pytest.mark.parametrize("said", ["好", "坏", "不懂", "取消", "menu", "unsubscribe"])
@pytest.mark.parametrize("fn", [nested, nested_too])
def test_clean_up_runs_once_at_the_true_ending_and_never_when_put_away(
    fn: Callable[..., Any], said: str, restarted: bool
) -> None:
    done.clear()
    bot = Bot()
    bot.text("开始")(fn)
    bot.click("menu", name="menu")(lambda _: "菜单")
    bot.fallback(lambda _: "什么？")
    talk = Talk(bot, apologies=True)
    talk("开始")
    for _ in range(3):
        if restarted:
            talk.restart()
        talk.image()  # no answer, so the question is asked again
    assert done == [], "put away, not ended"
    if said == "menu":
        assert talk.event("CLICK", "menu") == "菜单"
    elif said == "unsubscribe":
        talk.event("unsubscribe")
    else:
        talk(said)
    assert done == ["里", "外"]
    talk("喂")
    assert done == ["里", "外"]


# Any change at all. -------------------------------------------------------------------------------

KEYS = "甲乙丙丁戊己"
Edit = tuple[str, int, int]


def dialog_of(questions: list[str], branches: frozenset[str], ran: list[str]) -> Callable[..., Any]:
    """A dialog of these questions; a capital is a step; one in `branches` asks once more."""

    def step(name: str) -> str:
        ran.append(name)
        return name

    def asks(chat: Chat) -> Dialog[str]:
        for one in questions:
            if one.isascii():
                assert (yield from chat.step(step, one)) == one, "a result of another step"
                continue
            answer = yield from chat.ask(f"{one}？")
            assert answer[0] == one, "an answer to another question"
            if one in branches and answer.endswith("！"):
                again = yield from chat.ask(f"{one}，真的？", key=f"{one}!")
                assert again[0] == one, "an answer to another question"
        return "完"

    return asks


edits = st.lists(
    st.tuples(st.sampled_from(["swap", "drop", "add"]), st.integers(0, 8), st.integers(0, 8)),
    max_size=4,
)


WORDS = ["", "", "取消", "返回", "帮助"]
"""What the user writes after a deployment; "" is an answer to the question that they see."""


def edited(questions: list[str], script: list[Edit]) -> list[str]:
    changed = list(questions)
    for what, one, other in script:
        if what == "add":
            changed.insert(one % (len(changed) + 1), (KEYS + "ABC")[other])
        elif changed and what == "drop":
            del changed[one % len(changed)]
        elif changed:
            a, b = one % len(changed), other % len(changed)
            changed[a], changed[b] = changed[b], changed[a]
    return changed


@settings(max_examples=150)
@example(["A", "甲", "甲", "甲", "甲"], frozenset(), [], [([("add", 0, 7)], "")], "resume")
@example([*"甲乙丙丁"], frozenset(), [], [([("swap", 0, 1)], "取消")], "resume")
@example([*"甲乙丙丁"], frozenset(), [], [([("swap", 0, 1)], "帮助")], "restart")
@given(
    st.lists(st.sampled_from(KEYS + "ABC"), min_size=1, max_size=9),
    st.frozensets(st.sampled_from(KEYS)),
    st.lists(st.booleans(), max_size=8),
    st.lists(st.tuples(edits, st.sampled_from(WORDS)), min_size=1, max_size=3),
    st.sampled_from(["resume", "restart", "park"]),
)
def test_no_change_gives_an_answer_to_another_question_or_runs_a_step_twice(
    questions: list[str],
    branches: frozenset[str],
    emphasis: list[bool],
    deployments: list[tuple[list[Edit], str]],
    policy: str,
) -> None:
    ran: list[str] = []

    def bot_of(fn: Callable[..., Any]) -> Bot:
        bot = Bot(timeout=None, on_divergence=policy)  # type: ignore[arg-type]
        bot.text("开始", name="asks")(fn)
        bot.text("帮助", anytime=True, name="helps")(lambda chat: "帮。")
        return bot

    talk = Talk(bot_of(dialog_of(questions, branches, ran)))
    asked = talk("开始")
    hurry = iter(emphasis)
    for script, word in [*deployments, ([], "")]:
        for _ in range(3):
            if not asked.endswith("？"):
                break
            asked = talk(asked.splitlines()[-1][0] + ("！" if next(hurry, False) else ""))
            assert "抱歉" not in asked or talk.parked, asked
        if not talk.waiting:
            break
        before, questions = list(ran), edited(questions, script)
        talk.restart(bot_of(dialog_of(questions, branches, ran)))
        journaled = [record.name for record in talk.journal if isinstance(record, STEPS)]
        if asked.endswith("？"):
            asked = talk(word or asked.splitlines()[-1][0])
            waits: bool = talk.waiting
            assert word != "取消" or not waits, "who cancels has cancelled"
            assert word != "帮助" or "帮。" in asked or talk.parked, "who asks for help has it"
            if waits and policy != "restart":
                new = ran[len(before) :]
                kept = [record for record in talk.journal if hasattr(record, "name")]
                assert len(kept) == len(journaled) + len(new), "each step once"
    parked = talk._world.store.show(f"{talk.account}:{talk.user}")
    for one in parked.parked.values() if parked else ():
        assert b"AssertionError" not in one.document


LATE = """
import gc
from wechat_dialog.core.replay import foreign
foreign.watch()
class Late:
    def __del__(self, opened=open):
        opened(DEVNULL).close()
foreign.late = Late()
gc.freeze()
"""


def test_the_end_of_a_process_that_was_strict_is_silent() -> None:
    late = LATE.replace("DEVNULL", repr(os.devnull))
    done = subprocess.run([sys.executable, "-c", late], capture_output=True, text=True, check=True)
    assert done.stderr == ""

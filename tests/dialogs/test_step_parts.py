"""Parts of a step: run once and recorded one by one, whatever dies; and what a step says."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from wechat_dialog import AsyncSteps, Bot, Chat, Dialog, Steps, replies, step
from wechat_dialog.core.turn import step_parts
from wechat_dialog.errors import StepEnded, StepFailed, TooManyParts
from wechat_dialog.operators import Conversations
from wechat_dialog.operators.inspection import inspect
from wechat_dialog.testing import Talk
from wechat_dialog.testing.seen_page import link_in
from wechat_dialog.testing.world import Delivery

CALLS: list[str] = []


@pytest.fixture(autouse=True)
def no_calls() -> None:
    CALLS.clear()


def tool(name: str, number: int = 0) -> str:
    CALLS.append(f"{name}{number or ''}")
    return f"<{name}>"


async def tool_async(name: str) -> str:
    CALLS.append(name)
    await asyncio.sleep(0)
    return f"<{name}>"


def research(steps: Steps, question: str) -> str:
    found = [steps.run(name, tool, name) for name in ("a", "b", "c", "d", "e")]
    return question + "".join(found)


async def research_async(steps: AsyncSteps, question: str) -> str:
    found = [await steps.run(name, tool_async, name) for name in ("a", "b", "c", "d", "e")]
    return question + "".join(found)


def bot_of(fn: Callable[..., Any], *, pages: bool = False, **settings: Any) -> Bot:
    bot = Bot(token="t", pages="https://example.com/wx/p" if pages else None, **settings)

    @bot.text("问")
    def ask(chat: Chat) -> Dialog[str]:
        question = yield from chat.ask("？")
        chat.say("先说。")
        answer = yield from chat.step(fn, question)
        return f"答：{answer}"

    return bot


def begun(fn: Callable[..., Any], **settings: Any) -> Talk:
    talk = Talk(bot_of(fn, **settings))
    talk("问")
    return talk


def kept(talk: Talk) -> dict[str, dict[str, bytes]]:
    return talk._world.store.parts(f"{talk.account}:{talk.user}")


BOTH = pytest.mark.parametrize("fn", [research, research_async])


@BOTH
def test_parts_run_in_order_and_leave_nothing_behind(fn: Callable[..., Any]) -> None:
    talk = begun(fn)
    assert talk("x") == "先说。\n答：x<a><b><c><d><e>"
    assert CALLS == ["a", "b", "c", "d", "e"]
    assert kept(talk) == {}


@BOTH
@pytest.mark.parametrize("when", ["before", "in", "after"])
def test_a_worker_that_dies_repeats_one_part_at_most(fn: Callable[..., Any], when: str) -> None:
    talk = begun(fn)
    talk.crashes("c", when)
    assert talk("x") == "先说。\n答：x<a><b><c><d><e>"
    assert ["a", "b", "c", *(["c"] if when == "in" else []), "d", "e"] == CALLS
    assert kept(talk) == {}


def test_a_turn_that_gets_on_is_not_parked_for_its_third_death() -> None:
    talk = begun(research)
    for name in ("b", "c", "d", "e"):
        talk.crashes(name, "after", repeats=False)
    assert talk("x").startswith("该公众号")
    for _ in range(3):
        assert talk("y").startswith("该公众号")
    assert "x<a><b><c><d><e>" in talk("z")
    assert CALLS == ["a", "b", "c", "d", "e"]
    assert talk.parked == 0


def test_a_conversation_is_parked_where_a_part_kills_its_workers() -> None:
    talk = begun(research)
    talk.crashes("c", times=3)
    talk("x")
    talk("y")
    assert talk.parked == 1
    assert CALLS == ["a", "b", "c", "c", "c"]
    [parts] = kept(talk).values()
    assert len(parts) == 2  # for as long as it may be taken up again


def test_parts_are_told_apart_by_name_arguments_and_count() -> None:
    counter = itertools.count(1)

    def count() -> int:
        return next(counter)

    def work(steps: Steps, question: str) -> list[int]:
        one = [steps.run("n", count), steps.run("n", count), steps.run("m", count)]
        two = [steps.run("t", lambda a: count() + a, a) for a in (10, 20, 10)]
        last = steps.run("last", count)
        return [*one, *two, last]

    talk = begun(work)
    talk.crashes("last")
    assert talk("x") == "先说。\n答：[1, 2, 3, 14, 25, 16, 8]"


def test_in_another_order_they_are_still_the_same_parts() -> None:
    order = [["a", "b", "c"], ["c", "b", "a"]]

    def work(steps: Steps, question: str) -> str:
        names = order.pop(0) if order else ["b", "a", "c"]
        return "".join(steps.run(name, tool, name) for name in names)

    talk = begun(work)
    talk.crashes("c", "in")
    assert talk("x") == "先说。\n答：<c><b><a>"
    assert CALLS == ["a", "b", "c", "c"]


def test_a_part_within_a_part_is_not_taken_for_one_beside_it() -> None:
    def outer(steps: Steps) -> str:
        return steps.run("t", tool, "inner", 1) + steps.run("t", tool, "inner", 2)

    def work(steps: Steps, question: str) -> str:
        whole = steps.run("outer", outer, steps)
        return whole + steps.run("t", tool, "inner", 1) + steps.run("last", tool, "last")

    talk = begun(work)
    talk.crashes("last")
    assert talk("x") == "先说。\n答：<inner><inner><inner><last>"
    assert CALLS == ["inner1", "inner2", "inner1", "last", "last"]


def test_parts_may_run_at_once() -> None:
    def work(steps: Steps, question: str) -> str:
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda n: steps.run("t", tool, "t", n), range(1, 20)))
        return str(len(found)) + steps.run("last", tool, "last")

    async def work_async(steps: AsyncSteps, question: str) -> str:
        calls = [steps.run("t", tool, "t", n) for n in range(1, 20)]
        found = await asyncio.gather(*calls)
        return str(len(found)) + await steps.run("last", tool, "last")

    for fn in (work, work_async):
        CALLS.clear()
        talk = begun(fn)
        talk.crashes("last")
        assert talk("x") == "先说。\n答：19<last>"
        assert sorted(CALLS) == sorted([*(f"t{n}" for n in range(1, 20)), "last", "last"])


def test_a_part_that_raised_is_not_run_again_by_who_takes_over() -> None:
    def broken() -> None:
        CALLS.append("broken")
        raise KeyError("x")

    def work(steps: Steps, question: str) -> str:
        try:
            steps.run("broken", broken)
        except KeyError as error:
            steps.run("last", tool, "last")
            return f"{error!r}"
        return ""

    talk = begun(work)
    talk.crashes("last", "before")
    assert talk("x") == "先说。\n答：KeyError('x')"
    assert CALLS == ["broken", "last"]


def test_an_error_is_the_same_for_both_workers() -> None:
    class Own(Exception):
        def __init__(self, a: int, b: int) -> None:
            super().__init__(f"{a}{b}")

    def broken() -> None:
        raise Own(1, 2)

    def work(steps: Steps, question: str) -> str:
        try:
            steps.run("broken", broken)
        except Exception as error:  # noqa: BLE001 - of whatever class
            steps.run("last", tool, "last")
            return type(error).__name__
        return ""

    for crashes in (False, True):
        talk = begun(work)
        if crashes:
            talk.crashes("last")
        assert talk("x") == f"先说。\n答：{StepFailed.__name__}"


def test_what_raised_is_forgotten_when_the_step_is_retried() -> None:
    tries = itertools.count(1)

    def flaky() -> str:
        CALLS.append("flaky")
        if next(tries) < 3:
            raise ConnectionError("no")
        return "ok"

    @step(retries=4, backoff=0)
    def work(steps: Steps, question: str) -> str:
        return steps.run("a", tool, "a") + steps.run("flaky", flaky)

    talk = begun(work)
    assert talk("x") == "先说。\n答：<a>ok"
    assert CALLS == ["a", "flaky", "flaky", "flaky"]
    assert kept(talk) == {}


def test_after_the_end_of_its_step_nothing_is_run_or_said() -> None:
    held: list[Steps] = []

    def work(steps: Steps, question: str) -> str:
        held.append(steps)
        return "."

    talk = begun(work)
    talk("x")
    line = research.__code__.co_filename
    with pytest.raises(StepEnded, match=rf"steps.run\('a', …\) at .*{line.rpartition('/')[2]}:"):
        held[0].run("a", tool, "a")
    with pytest.raises(StepEnded, match="has ended"):
        held[0].say("spät")
    assert CALLS == []


def test_results_go_through_json_live_and_given_back() -> None:
    def pair() -> tuple[int, int]:
        return 1, 2

    def anything() -> Any:
        return (1, 2)

    def work(steps: Steps, question: str) -> str:
        value = steps.run("pair", pair)
        try:
            steps.run("anything", anything)
        except TypeError as error:
            return f"{value} {error}"
        return ""

    assert "(1, 2)" in begun(work)("x")
    assert "annotate it `-> tuple`" in begun(work)("x")


def test_there_is_room_for_so_many_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_parts, "MOST", 3)
    monkeypatch.setattr(step_parts, "ROOM", 300)

    def many(steps: Steps, question: str) -> str:
        for n in range(4):
            steps.run("t", tool, "t", n)
        return ""

    def large(steps: Steps, question: str) -> str:
        return steps.run("t", lambda: "x" * 300)

    def much(steps: Steps, question: str) -> str:
        for n in range(4):
            steps.say(str(n))
        return ""

    for fn, call in ((many, "steps.run('t', …) at "), (large, "steps.run"), (much, "steps.say")):
        with pytest.raises(TooManyParts) as caught:
            begun(fn)("x")
        assert str(caught.value).startswith(call)
        assert "test_step_parts.py" in str(caught.value)


def test_the_other_kind_of_steps_is_refused_where_it_is_asked_for() -> None:
    async def wrong(steps: Steps, question: str) -> str:
        return ""

    def wrong_too(steps: AsyncSteps, question: str) -> str:
        return ""

    for fn, says in ((wrong, "declare `steps: AsyncSteps`"), (wrong_too, "declare `steps: Steps`")):
        with pytest.raises(TypeError, match=says):
            begun(fn)("x")


def test_what_is_no_function_is_refused_with_what_to_write() -> None:
    def no_name(steps: Any, question: str) -> str:
        return str(steps.run(tool, "a"))

    def called(steps: Any, question: str) -> str:
        return str(steps.run("a", tool("a")))

    for fn, says in ((no_name, "a name comes first"), (called, "not what it returned")):
        fn.__annotations__["steps"] = Steps
        with pytest.raises(TypeError, match=says):
            begun(fn)("x")


def test_a_part_gets_an_idempotency_key_of_its_own() -> None:
    keys: list[str] = []

    def pay(amount: int, *, idempotency_key: str = "") -> int:
        keys.append(idempotency_key)
        return amount

    def work(steps: Steps, question: str) -> int:
        return steps.run("pay", pay, 1) + steps.run("pay", pay, 1)

    talk = begun(work)
    talk.crashes("pay", "in")
    assert talk("x") == "先说。\n答：2"
    assert keys[0] == keys[1] != keys[2]


# What it says -------------------------------------------------------------------------------------


def speaks(steps: Steps, question: str) -> str:
    steps.say("一。")
    steps.run("a", tool, "a")
    steps.say("二。")
    steps.run("b", tool, "b")
    steps.say(replies.Markdown("**三。**"))
    return "完"


async def speaks_async(steps: AsyncSteps, question: str) -> str:
    await steps.say("一。")
    await steps.run("a", tool, "a")
    await steps.say("二。")
    await steps.run("b", tool, "b")
    await steps.say(replies.Markdown("**三。**"))
    return "完"


SPEAKS = pytest.mark.parametrize("fn", [speaks, speaks_async])


@SPEAKS
@pytest.mark.parametrize("when", ["", "before", "in", "after"])
def test_what_a_step_says_is_part_of_the_answer_once(fn: Callable[..., Any], when: str) -> None:
    talk = begun(fn)
    if when:
        talk.crashes("b", when)
    assert talk("x") == "先说。\n一。\n二。\n三。\n答：完"


def test_what_a_step_says_is_said_once_where_the_worker_dies_after_the_step() -> None:
    bot = Bot(token="t")

    def last() -> str:
        return "."

    @bot.text("问")
    def ask(chat: Chat) -> Dialog[str]:
        chat.say("先说。")
        yield from chat.step(speaks, "x")
        chat.say("后说。")
        return (yield from chat.step(last))

    talk = Talk(bot)
    talk.crashes(last, "before")
    assert talk("问") == "先说。\n一。\n二。\n三。\n后说。\n."


@SPEAKS
def test_what_a_step_says_is_on_the_page_at_once(fn: Callable[..., Any]) -> None:
    talk = begun(fn, pages=True)
    pages: list[str | None] = []
    talk.takes("a", 20)
    talk.takes("b", 20)

    def look(name: str) -> str:
        delivery = talk._world.performer
        assert isinstance(delivery, Delivery)
        assert delivery.answered is not None
        talk._page = link_in(talk._world.rules, delivery.answered.reply)
        pages.append(None if talk.page is None else str(talk.page))
        return "<b>"

    talk.fake("b", None)
    talk._world.plans.of("b", "fake").fake = look
    assert talk("x").startswith("正在处理")
    assert pages == ["先说。\n\n一。\n\n二。"]
    assert talk.page == "先说。\n\n一。\n\n二。\n\n**三。**\n\n答：完"
    assert talk.page is not None
    assert talk.page.complete


def test_where_the_next_worker_says_something_else_the_page_is_cut_back() -> None:
    said = iter(["甲。", "乙。"])
    pages: list[str | None] = []

    def work(steps: Steps, question: str) -> str:
        steps.say("一。")
        steps.say(next(said))
        steps.run("a", tool, "a")
        pages.append(str(talk.page))
        steps.say("二。")
        return "完"

    talk = begun(work, pages=True)
    talk.takes("a", 40)
    talk.crashes("a", "after", repeats=False)
    talk("x")
    assert talk.page == "先说。\n\n一。\n\n甲。"
    assert talk.page is not None
    assert not talk.page.complete
    talk("y")
    assert pages == ["先说。\n\n一。\n\n乙。"]
    assert talk.page == "先说。\n\n一。\n\n乙。\n\n二。\n\n答：完"


def test_what_a_part_said_is_said_again_where_it_is_not_run_again() -> None:
    def model(steps: Steps) -> str:
        CALLS.append("model")
        steps.say("一。")
        steps.say("二。")
        return "m"

    def work(steps: Steps, question: str) -> str:
        whole = steps.run("model", model, steps)
        return whole + steps.run("last", tool, "last")

    talk = begun(work)
    talk.crashes("last")
    assert talk("x") == "先说。\n一。\n二。\n答：m<last>"
    assert CALLS == ["model", "last", "last"]


def test_what_was_said_stays_where_the_step_raises() -> None:
    def work(steps: Steps, question: str) -> str:
        steps.say("一。")
        raise ConnectionError("cut")

    bot = Bot(token="t")

    @bot.text("问")
    def ask(chat: Chat) -> Dialog[str]:
        try:
            return (yield from chat.step(work, "x"))
        except ConnectionError as error:
            return f"断了：{error}"

    assert Talk(bot)("问") == "一。\n断了：cut"


def test_what_was_said_before_a_retry_is_not() -> None:
    tries = itertools.count()

    @step(retries=1, backoff=0)
    def work(steps: Steps, question: str) -> str:
        number = next(tries)
        steps.say(f"{number}。")
        if not number:
            raise ConnectionError
        return "完"

    assert begun(work)("x") == "先说。\n1。\n答：完"


def test_steps_of_a_gathering_have_their_own_parts() -> None:
    bot = Bot(token="t")

    @bot.text("问")
    def ask(chat: Chat) -> Dialog[str]:
        one, two = yield from chat.gather(chat.step(speaks, "x"), chat.step(research, "y"))
        return f"{one} {two}"

    talk = Talk(bot)
    talk.crashes("e")
    assert talk("问") == "一。\n二。\n三。\n完 y<a><b><c><d><e>"
    assert CALLS.count("a") == 2
    assert CALLS.count("e") == 2
    assert kept(talk) == {}


def test_what_is_on_the_page_has_been_reviewed() -> None:
    pages: list[str] = []

    def work(steps: Steps, question: str) -> str:
        steps.say("一。")
        steps.run("a", tool, "a")
        pages.append(str(talk.page))
        return "完"

    talk = begun(work, pages=True, review=lambda outgoing: outgoing.reply)
    talk.takes("a", 40)
    talk("x")
    assert pages == ["None"]
    assert talk.page == "先说。\n\n一。\n\n答：完"


def test_a_secret_is_in_no_part_and_in_no_paragraph() -> None:
    bot = Bot(token="t")

    def login(steps: Steps, password: str) -> str:
        steps.say(f"你说的是 {password}。")
        steps.run("token", lambda p: f"token of {p}", password)
        return steps.run("last", tool, "last")

    @bot.text("登录")
    def ask(chat: Chat) -> Dialog[str]:
        password = yield from chat.ask("密码？", secret=True)
        return (yield from chat.step(login, password))

    talk = Talk(bot)
    talk("登录")
    talk.crashes("last", "after", repeats=False)
    talk("hunter22")
    everything = repr(kept(talk)) + repr(talk._world.store.show(f"{talk.account}:{talk.user}"))
    assert len(next(iter(kept(talk).values()))) == 2
    assert "hunter22" not in everything
    assert "你说的是 ●●●。" in talk("。")
    assert CALLS == ["last"]


def test_who_is_forgotten_has_no_parts() -> None:
    talk = begun(research)
    talk.crashes("c", times=3)
    talk("x")
    assert kept(talk)
    talk._world.store.forget(f"{talk.account}:{talk.user}")
    assert not kept(talk)


def test_a_function_that_goes_another_way_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    way = iter("ab")

    def work(steps: Steps, question: str) -> str:
        steps.run("clock", tool, next(way))
        return steps.run("last", tool, "last")

    talk = begun(work)
    talk.crashes("last", "before")
    with caplog.at_level(logging.WARNING):
        talk("x")
    assert "did not come to 1 of its parts ('clock')" in caplog.text


def test_operators_see_the_parts_of_a_step_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    talk = begun(research)
    talk.crashes("c", "after", repeats=False)
    talk("x")
    bot = talk._world.bot
    monkeypatch.setattr(bot, "store", talk._world.store, raising=False)
    shown = Conversations(bot).show(talk.user)
    assert 'part a → "<a>"' in shown
    assert 'part c → "<c>"' in shown
    assert '环节 b → "<b>"' in Conversations(bot).show(talk.user, chinese=True)
    seen = inspect(bot, f"{talk.account}:{talk.user}", now=talk._world.clock)
    assert seen is not None
    parts = [(one["title"], one["detail"]) for one in seen["journal"] if "↳" in one["title"]]
    assert parts == [("↳ a", '"<a>"'), ("↳ b", '"<b>"'), ("↳ c", '"<c>"')]

"""Steps with parts in real processes: on threads and event loops, with stores that fail them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from wechat_dialog import AsyncSteps, Bot, Chat, Dialog, Steps, messages, replies, step
from wechat_dialog.core.dialog.steps import StepCall, StepOptions
from wechat_dialog.core.store.parts import PartPut
from wechat_dialog.core.turn.given_parts import GivenParts
from wechat_dialog.core.turn.operations import RunStep
from wechat_dialog.core.turn.outcome import Outcome
from wechat_dialog.core.turn.outcomes_in_hand import Call, Outcomes
from wechat_dialog.errors import ClaimLost, StepEnded, StoreError, TimedOut
from wechat_dialog.messages.keys import message_key
from wechat_dialog.runtime.attempt import Attempt
from wechat_dialog.runtime.step_parts import PartPerformer
from wechat_dialog.runtime.steps import Steps as StepRunner
from wechat_dialog.stores.memory import MemoryStore
from wechat_dialog.stores.sqlite import SQLiteStore

CALLS: list[str] = []


@pytest.fixture(autouse=True)
def no_calls() -> None:
    CALLS.clear()


def tool(name: str) -> str:
    CALLS.append(name)
    return f"<{name}>"


async def tool_async(name: str) -> str:
    await asyncio.sleep(0)
    return tool(name)


def research(steps: Steps) -> str:
    found = [steps.run(name, tool, name) for name in "abc"]
    steps.say("说。")
    return "".join(found)


async def research_async(steps: AsyncSteps) -> str:
    found = [await steps.run("a", tool_async, "a")]
    found += [await steps.run(name, tool, name) for name in "bc"]
    await steps.say("说。")
    return "".join(found)


class Fails(MemoryStore):
    """Fails the second part that it is to keep, once."""

    def __init__(self, error: type[StoreError], *, after: bool = False) -> None:
        super().__init__()
        self._errors = iter([None, error])
        self._after = after

    def fails_first(self) -> None:
        """Fail the first part instead."""
        next(self._errors)

    def part_put(self, asked: PartPut) -> None:
        error = next(self._errors, None)
        if error is None or self._after:
            super().part_put(asked)
        if error is ClaimLost:
            self.release(asked.user, asked.fence)
        if error is not None:
            raise error("on purpose")


class TakenOver(MemoryStore):
    """Gives the turn to another worker before the second part is kept, which keeps its own outcome
    of that, and dies.
    """

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[bytes] = []

    def part_put(self, asked: PartPut) -> None:
        self.kept.append(asked.outcome)
        if len(self.kept) != 2:
            super().part_put(asked)
            return
        theirs = asked.outcome.replace(b"<b>", b"<theirs>")
        super().part_put(msgspec.structs.replace(asked, outcome=theirs))
        self.release(asked.user, asked.fence)
        raise ClaimLost("on purpose")


def bot_of(fn: Callable[..., Any], store: Any) -> Bot:
    bot = Bot(token="t", store=store)

    @bot.text("问")
    def ask(chat: Chat) -> Dialog[str]:
        answer: str = yield from chat.step(fn)
        return answer

    return bot


def asked(bot: Bot, *, on_loop: bool, created: int | None = None) -> Outcome:
    raw = {
        "ToUserName": "gh", "FromUserName": "ada", "CreateTime": str(created or int(time.time())),
        "MsgType": "text", "Content": "问", "MsgId": "1",
    }  # fmt: skip
    message = messages.from_fields(raw)
    request = bot.user_key(message), message, message_key(message), int(time.time() * 1000)
    runner: Any = bot._runner
    if not on_loop:
        try:
            outcome: Outcome = runner.run(*request)
            return outcome
        finally:
            bot.close()

    async def ask() -> Outcome:
        try:
            outcome: Outcome = await runner.run_async(*request)
            return outcome
        finally:
            await bot.close_async()

    return asyncio.run(ask())


BOTH = pytest.mark.parametrize("fn", [research, research_async])
WHERE = pytest.mark.parametrize("on_loop", [False, True])


@BOTH
@WHERE
def test_parts_run_on_threads_and_on_loops(
    fn: Callable[..., Any], on_loop: bool, tmp_path: Path
) -> None:
    store = SQLiteStore(tmp_path / "bot.db")
    outcome = asked(bot_of(fn, store), on_loop=on_loop)
    assert outcome.reply == replies.Text("说。\n<a><b><c>")
    assert CALLS == ["a", "b", "c"]
    assert store.parts("gh:ada") == {}
    store.close()


@BOTH
@WHERE
@pytest.mark.parametrize("error", [ClaimLost, StoreError])
@pytest.mark.parametrize("after", [False, True])
def test_a_part_that_has_ended_runs_once_where_the_store_fails_it(
    fn: Callable[..., Any], on_loop: bool, error: type[StoreError], after: bool
) -> None:
    store = Fails(error, after=after)
    outcome = asked(bot_of(fn, store), on_loop=on_loop)
    assert outcome.reply == replies.Text("说。\n<a><b><c>")
    assert CALLS == ["a", "b", "c"]
    assert store.parts("gh:ada") == {}


@BOTH
@WHERE
def test_what_another_worker_recorded_of_a_part_counts_and_not_what_is_in_hand_of_it(
    fn: Callable[..., Any], on_loop: bool
) -> None:
    store = TakenOver()
    outcome = asked(bot_of(fn, store), on_loop=on_loop)
    assert outcome.reply == replies.Text("说。\n<a><theirs><c>")
    assert CALLS == ["a", "b", "c"]
    assert [b"<b>" in kept for kept in store.kept] == [False, True, False]


def test_whatever_a_function_makes_of_it_its_turn_starts_over() -> None:
    def stubborn(steps: Steps) -> str:
        found = ""
        for name in "abc":
            try:
                found += steps.run(name, tool, name)
            except Exception:  # noqa: BLE001 - as agents do
                found += "?"
        return found

    outcome = asked(bot_of(stubborn, Fails(ClaimLost)), on_loop=False)
    assert outcome.reply == replies.Text("<a><b><c>")
    assert CALLS == ["a", "b", "c"]


@pytest.mark.parametrize("gathered", [False, True])
@WHERE
def test_who_joins_a_call_whose_parts_the_store_fails_starts_over_and_does_not_make_it(
    gathered: bool, on_loop: bool
) -> None:
    begun, made, joins = list[str](), threading.Event(), threading.Event()

    def research(steps: Steps) -> str:
        begun.append("")
        made.set()
        joins.wait(20)
        return steps.run("a", tool, "a")

    class Joined(Outcomes):
        def when_over(self, call: Call, tell: Callable[[], object]) -> None:
            super().when_over(call, tell)
            joins.set()

    store = Fails(ClaimLost)
    store.fails_first()
    steps = StepRunner(Joined(), parts=PartPerformer(store))
    given = GivenParts("k", 60.0, lambda _: None, user="gh:ada")
    call: StepCall[Any] = StepCall(SimpleNamespace(made=0), research, (), {}, StepOptions())  # type: ignore[arg-type]
    run = RunStep(call, "k", parts=given)

    def join() -> object:
        if on_loop:
            return asyncio.run(join_async())
        if gathered:
            return steps.gather((run,), "gh:ada", Attempt())(20)
        return steps.run(run, "gh:ada")

    async def join_async() -> object:
        if gathered:
            return await steps.gather_async((run,), "gh:ada")()
        return await steps.run_async(run, "gh:ada")

    with ThreadPoolExecutor() as pool:
        first = pool.submit(steps.run, run, "gh:ada")
        assert made.wait(20)
        with pytest.raises(StoreError):
            join()
        assert isinstance(first.exception(20), ClaimLost)
    steps.close()
    assert len(begun) == 1


def test_a_function_that_takes_too_long_runs_no_more_parts() -> None:
    ended: list[BaseException] = []

    @step(timeout=0.05)
    def slow(steps: Steps) -> str:
        steps.run("a", tool, "a")
        steps.run("wait", time.sleep, 0.3)
        return ""

    def watched(steps: Steps) -> str:
        try:
            return slow.fn(steps)  # type: ignore[no-any-return]
        except BaseException as error:
            ended.append(error)
            raise

    bot = Bot(token="t", store=MemoryStore())

    @bot.text("问")
    def ask(chat: Chat) -> Dialog[str]:
        try:
            return (yield from chat.step(step(watched, timeout=0.05)))
        except TimedOut:
            return "晚了"

    outcome = asked(bot, on_loop=False)
    assert outcome.reply == replies.Text("晚了")
    until = time.monotonic() + 20
    while not ended and time.monotonic() < until:
        time.sleep(0.01)
    assert isinstance(ended[0], StepEnded)


PROGRAM = """
import sys, time
from wechat_dialog import Bot, Steps
from tests.full_path.test_step_parts import asked, bot_of

def tool(name):
    with open(sys.argv[2], "a") as file:
        file.write(name)
    if name == sys.argv[3]:
        print("there", flush=True)
        time.sleep(60)
    return f"<{name}>"

def research(steps: Steps) -> str:
    for name in "abcde":
        steps.run(name, tool, name)
        steps.say(name)
    return "完"

bot = bot_of(research, "sqlite:///" + sys.argv[1])
outcome = asked(bot, on_loop=sys.argv[4] == "loop", created=int(sys.argv[5]))
print(outcome.reply.content)
"""


@pytest.fixture
def killed(tmp_path: Path) -> Iterator[Callable[[str, str], tuple[str, str]]]:
    database, calls, program = tmp_path / "bot.db", tmp_path / "calls", tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM), "utf-8")
    begun: list[subprocess.Popen[str]] = []
    created = str(int(time.time()))

    def run(at: str, where: str) -> tuple[str, str]:
        said = ""
        for dies in (at, ""):
            process = subprocess.Popen(
                [sys.executable, program, database, calls, dies, where, created],
                stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            )  # fmt: skip
            begun.append(process)
            assert process.stdout is not None
            said = process.stdout.readline()
            if dies:
                assert said == "there\n"
                process.send_signal(signal.SIGKILL)
                process.wait()
                continue
            said += process.stdout.read()
            process.wait()
        return said, calls.read_text("utf-8")

    yield run
    for process in begun:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.parametrize("where", ["threads", "loop"])
def test_a_process_that_is_killed_in_the_fourth_of_five_parts_repeats_that_one(
    killed: Callable[[str, str], tuple[str, str]], where: str
) -> None:
    said, calls = killed("d", where)
    assert said.split() == ["a", "b", "c", "d", "e", "完"]
    assert calls == "abcdde"


class Counts(MemoryStore):
    """Notes what it is asked for parts."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def parts(self, user: str, step: str = "") -> dict[str, dict[str, bytes]]:
        self.asked.append("parts")
        return super().parts(user, step)

    def part_put(self, asked: PartPut) -> None:
        self.asked.append("part_put")
        super().part_put(asked)


def test_a_part_costs_one_question_and_a_step_without_parts_none() -> None:
    store = Counts()
    asked(bot_of(research, store), on_loop=False)
    assert store.asked == ["parts", *["part_put"] * 3]
    store = Counts()
    asked(bot_of(lambda: "x", store), on_loop=False)
    assert store.asked == []

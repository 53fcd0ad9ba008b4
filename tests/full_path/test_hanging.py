"""A step that never returns keeps its own user's conversation, for a time, and nothing else."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.full_path.doors import PATIENCE, OpenDoor, WsgiDoor
from tests.full_path.people import ACCOUNT, TOKEN, Person, content, push, signed
from tests.full_path.stoppable import runs, server
from tests.redis_server import wait_until
from wechat_dialog import Bot, Chat, Dialog, Texts, Window, step
from wechat_dialog.core.dialog.steps import StepCall, StepOptions
from wechat_dialog.core.turn.operations import RunStep
from wechat_dialog.operators import Conversations
from wechat_dialog.runtime.attempt import GivenUp
from wechat_dialog.runtime.steps import Steps
from wechat_dialog.stores import open_store
from wechat_dialog.stores.memory import MemoryStore

USER = "oHangs"
KEY = f"{ACCOUNT}:{USER}"
WINDOW = Window(seconds=0.3, requests=3, patience=0.2)
TEXTS = Texts()


def test_eight_threads_serve_on_whatever_one_user_sends_behind_a_hung_step(tmp_path: Path) -> None:
    settings = {"STORE": f"sqlite:///{tmp_path / 'bot.db'}", "GATE": str(tmp_path), "WINDOW": "1.0"}
    with server("gunicorn, gthread", **settings) as (_, door), ThreadPoolExecutor(32) as threads:

        def send(text: str) -> str:
            return Person(door, USER).say(text)

        first = threads.submit(send, "付")
        wait_until(lambda: bool(runs(tmp_path)), "the step to begin")
        more = [threads.submit(send, str(number)) for number in range(20)]
        for number in range(10):
            assert Person(door, f"oOther{number}").say("你好") == "你好"
        # A request's window ends, or it is told at once that this takes a while.
        told = [one.result(PATIENCE) for one in [first, *more]]
        assert [one for one in told if one and TEXTS.waiting not in one] == []
        time.sleep(1.5)  # until the turn has been under way for longer than the whole window
        again = list(threads.map(send, map(str, range(20))))
        assert [one for one in again if TEXTS.waiting not in one] == [], "nobody waits any more"
        assert Person(door, "oLast").say("你好") == "你好"
        (tmp_path / "open").touch()
    assert len(runs(tmp_path)) == 1


def until_answered(person: Person, text: str) -> str:
    """Send a message, and copies of it until there is an answer; what is seen."""
    response = person.send(Content=text)
    while not (seen := content(response)):
        response = person.again()
    return seen


class Hanging:
    """A bot whose step waits until it is let go, and counts how often it was run."""

    def __init__(self, store: Any, **settings: Any) -> None:
        self.keys: list[str] = []
        self.let_go = threading.Event()
        self.bot = Bot(TOKEN, store=store, **{"window": WINDOW, **settings})

        def pay(idempotency_key: str = "") -> str:
            self.keys.append(idempotency_key)
            self.let_go.wait(PATIENCE)
            return "已付"

        @self.bot.text("付")
        def pays(chat: Chat) -> Dialog[str]:
            done = yield from chat.step(pay)
            return f"{done}。"

        @self.bot.fallback
        def anything(chat: Chat) -> str:
            return f"听到{chat.message.text}"  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)


def test_each_message_behind_a_hung_step_leaves_nothing_that_runs(open_door: OpenDoor) -> None:
    # A store keeps the place of who waits for a second: the window has to be longer.
    hanging = Hanging("memory://", window=Window(seconds=0.8, requests=3, patience=0.6))
    door = open_door(hanging.bot)
    person = Person(door, USER)
    with ThreadPoolExecutor(32) as threads:
        first = threads.submit(until_answered, person, "付")
        wait_until(lambda: bool(hanging.keys), "the step to begin")
        others = [Person(door, USER) for _ in range(10)]
        said = list(threads.map(until_answered, others, map(str, range(10))))
        assert [one for one in [first.result(PATIENCE), *said] if TEXTS.waiting not in one] == []
        running = hanging.bot._runner.turns.running
        wait_until(lambda: len(running()) == 1, "those who wait in vain to leave")
        hanging.let_go.set()
        wait_until(lambda: not running(), "the step to end")
    # The store has them, and whoever comes next takes their turns first, each once.
    seen = until_answered(person, "完了")
    while "完了" not in seen:
        seen += until_answered(person, TEXTS.more)
    assert sorted(re.findall(r"听到(\d|完了)", seen)) == [*map(str, range(10)), "完了"]
    assert len(hanging.keys) == 1


def test_a_turn_that_takes_too_long_is_parked_and_its_user_goes_on(
    open_door: OpenDoor, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()
    hanging = Hanging(store, longest_turn=2.5)
    door = open_door(hanging.bot)
    person = Person(door, USER)
    person.send(Content="付")
    person.again()
    assert TEXTS.waiting in content(person.again())
    wait_until(lambda: bool((shown := store.show(KEY)) and shown.parked), "it to be parked")
    assert "longest_turn=2.5 s" in caplog.text
    assert TEXTS.apology in person.say(TEXTS.more)
    assert person.say("然后") == "听到然后"
    assert len(hanging.keys) == 1
    hanging.let_go.set()


def test_a_coroutine_that_takes_too_long_is_cancelled(open_door: OpenDoor) -> None:
    store = MemoryStore()
    bot = Bot(TOKEN, store=store, window=WINDOW, longest_turn=0.5)
    ended: list[str] = []

    async def pay() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")
        return "已付"

    @bot.text("付")
    async def pays(chat: Chat) -> str:
        return await chat.step(pay)

    @bot.text("一起")
    async def gathers(chat: Chat) -> str:
        done: tuple[str, str] = await chat.gather(chat.step(pay), chat.step(pay))
        return done[0]

    door = open_door(bot)
    Person(door, USER).send(Content="付")
    other = Person(door, "oGathers")
    other.send(Content="一起")
    wait_until(lambda: len(ended) == 3, "the coroutines to be cancelled")
    for name in (USER, "oGathers"):
        key = f"{ACCOUNT}:{name}"
        wait_until(
            lambda key=key: bool((shown := store.show(key)) and shown.parked),  # type: ignore[misc]
            "it to be parked",
        )


def test_what_is_taken_up_again_runs_its_step_under_the_same_key(open_door: OpenDoor) -> None:
    store = MemoryStore()
    hanging = Hanging(store, longest_turn=1.0)
    person = Person(open_door(hanging.bot), USER)
    person.send(Content="付")
    for count in (1, 2):
        wait_until(lambda: bool((shown := store.show(KEY)) and shown.parked), "it to be parked")
        assert len(hanging.keys) == count
        if count == 2:
            hanging.let_go.set()
        Conversations(hanging.bot).resume(USER)
    assert len(hanging.keys) == 3
    assert len(set(hanging.keys)) == 1, "whoever is paid can tell"
    assert "已付。" in person.say(TEXTS.more)


def test_who_leaves_is_forgotten_though_the_farewell_hangs(open_door: OpenDoor) -> None:
    store, let_go = MemoryStore(), threading.Event()
    bot = Bot(TOKEN, store=store, window=WINDOW, longest_turn=0.5, forget_on_unsubscribe=True)

    @bot.event("unsubscribe")
    def farewell(chat: Chat) -> Dialog[None]:
        yield from chat.step(let_go.wait)

    door = open_door(bot)
    door.request("POST", signed(), push(USER, "event", Event="unsubscribe"))
    running = bot._runner.turns.running
    wait_until(lambda: not running(), "the turn to be given up")
    assert store.show(KEY) is None
    let_go.set()


def test_who_joins_a_call_that_is_given_up_is_given_up_with_it() -> None:
    begun = 0

    async def waits() -> None:
        nonlocal begun
        begun += 1
        await asyncio.Event().wait()

    async def call() -> None:
        steps = Steps()
        run = RunStep(StepCall(SimpleNamespace(made=0), waits, (), {}, StepOptions()), "k")  # type: ignore[arg-type]
        made = asyncio.create_task(steps.run_async(run, USER))
        await asyncio.sleep(0)
        joined = asyncio.create_task(steps.run_async(run, USER))
        following = steps.gather_async((run,), USER)
        gathered = asyncio.ensure_future(following())
        await asyncio.sleep(0)
        made.cancel()
        for other in (joined, gathered):
            with pytest.raises(GivenUp):
                await asyncio.wait_for(other, PATIENCE)
        steps.close()

    asyncio.run(call())
    assert begun == 1


def test_code_that_hangs_between_two_questions_loses_its_claim(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = MemoryStore()
    bot = Bot(TOKEN, store=store, window=WINDOW, lease=0.3, longest_turn=0.4)
    let_go = threading.Event()

    @bot.text("挂")
    def hangs(_chat: Chat) -> str:
        let_go.wait(PATIENCE)
        return "好了"

    door = WsgiDoor(bot)
    with ThreadPoolExecutor(4) as threads:
        body = push(USER, Content="挂")
        threads.submit(door.request, "POST", signed(), body)
        wait_until(lambda: "is not renewed any more" in caplog.text, "the claim to be let go")
        # And from now on no request is kept by such code.
        wait_until(lambda: bot._runner._watch.wary, "the process to grow wary")
        before = time.monotonic()
        door.request("POST", signed(), push(USER, Content="挂"))
        assert time.monotonic() - before < PATIENCE / 2
        let_go.set()
    bot.close()


def test_what_was_given_up_before_it_began_never_begins(open_door: OpenDoor) -> None:
    bot = Bot(TOKEN, store="memory://")
    hold, ran = threading.Event(), list[str]()

    def hangs(name: str) -> str:
        ran.append(name)
        hold.wait(PATIENCE)
        return name

    @bot.text(re.compile("(?P<name>.+)"))
    def waits(chat: Chat, name: str) -> Dialog[str]:
        try:
            return (yield from chat.step(step(hangs, timeout=0.3), name))
        except Exception as error:  # noqa: BLE001 - what the dialog is told
            return type(error).__name__

    bot._runner.steps = Steps(at_once=2, left_behind=1)
    door = open_door(bot)
    with ThreadPoolExecutor(2) as threads:
        people = [Person(door, f"oPool{n}") for n in range(2)]
        assert list(threads.map(lambda one: one.say(one.name), people)) == ["TimedOut"] * 2
    # One of the two threads that never came back is replaced, and then there are no more.
    assert Person(door, "oThird").say("oThird") == "TimedOut"
    assert Person(door, "oFourth").say("oFourth") == "TimedOut"
    assert sorted(ran) == ["oPool0", "oPool1", "oThird"]
    hold.set()
    assert Person(door, "oAfter").say("oAfter") == "oAfter"
    assert sorted(ran) == ["oAfter", "oPool0", "oPool1", "oThird"]


def test_a_bot_that_is_closed_lets_its_turns_end(store_url: str) -> None:
    store = open_store(store_url)
    hanging = Hanging(store, lease=0.3, drain=PATIENCE)
    person = Person(WsgiDoor(hanging.bot), USER)
    with ThreadPoolExecutor(2) as threads:
        said = threads.submit(person.say, "付")
        wait_until(lambda: bool(hanging.keys), "the step to begin")
        closing = threads.submit(hanging.bot.close)
        said.result(PATIENCE)
        wait_until(lambda: hanging.bot._runner.turns.closing, "the bot to be closed")
        refused = person.door.request("POST", signed(), push("oNew", Content="你好"))
        assert refused.status == 503
        time.sleep(0.7)  # longer than its claim holds by itself
        hanging.let_go.set()
        closing.result(PATIENCE)
    other = Hanging(store)
    person.door = WsgiDoor(other.bot)
    assert content(person.again()) == "已付。"
    assert hanging.keys
    assert not other.keys
    other.bot.close()
    store.close()


def test_what_does_not_end_in_time_is_named(caplog: pytest.LogCaptureFixture) -> None:
    hanging = Hanging("memory://", drain=0.2)
    person = Person(WsgiDoor(hanging.bot), USER)
    person.say("付")
    hanging.bot.close()
    assert f"user {KEY}: a turn did not end within the 0.2 s" in caplog.text
    assert "in step 'Hanging.__init__.<locals>.pay'" in caplog.text
    hanging.let_go.set()


def test_a_coroutine_that_outlasts_the_closing_goes_on_to_its_end() -> None:
    begun, let_go, paid = threading.Event(), asyncio.Event(), threading.Event()
    loops: list[asyncio.AbstractEventLoop] = []
    bot = Bot(token=TOKEN, store="memory://", window=WINDOW, drain=0.1)

    async def pay() -> None:
        loops.append(asyncio.get_running_loop())
        begun.set()
        await let_go.wait()
        paid.set()

    @bot.text("付")
    def paying(chat: Chat) -> Dialog[str]:
        yield from chat.step(pay)
        return "已付。"

    Person(WsgiDoor(bot), USER).say("付")
    assert begun.wait(PATIENCE)
    bot.close()
    loops[0].call_soon_threadsafe(let_go.set)
    assert paid.wait(PATIENCE), "as a function on a thread does"


def test_what_waits_for_its_turn_leaves_when_the_bot_is_closed(caplog: Any) -> None:
    store = MemoryStore()
    hanging = Hanging(store, drain=PATIENCE)
    hanging.bot.window = Window(seconds=60.0, requests=3, patience=50.0)
    door = WsgiDoor(hanging.bot)
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(Person(door, USER).say, "付")
        wait_until(lambda: bool(hanging.keys), "the step to begin")
        second = threads.submit(Person(door, USER).send, Content="二")
        turns = hanging.bot._runner.turns
        wait_until(lambda: bool(turns._waiting.get(KEY)), "it to wait")
        closing = threads.submit(hanging.bot.close)
        assert second.result(PATIENCE).status == 503
        assert not first.done()
        hanging.let_go.set()
        assert first.result(PATIENCE) == "已付。"
        closing.result(PATIENCE)


def catches_all(chat: Chat) -> Dialog[str]:
    while True:
        try:
            yield from chat.ask("几？", int)
        except:  # noqa: E722 - the mistake
            continue


async def catches_all_later(chat: Chat) -> str:
    while True:
        try:
            await chat.ask("几？", int)
        except:  # noqa: E722 - the mistake
            continue


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("dialog", [catches_all, catches_all_later])
def test_a_dialog_that_catches_everything_can_be_put_away(
    dialog: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bot = Bot(TOKEN, store="memory://", live_dialogs=1)
    bot.text("问")(dialog)
    one, other = Person(WsgiDoor(bot), USER), Person(WsgiDoor(bot), "oOther")
    assert one.say("问") == "几？"
    assert other.say("问") == "几？", "which puts the first one's away"
    assert f"dialog '{dialog.__name__}' went on asking at {__file__}:" in caplog.text
    assert "could not" not in one.say("5")
    assert one.say("6") == "几？"
    bot.close()

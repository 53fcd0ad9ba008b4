"""`Bot(on_turn=…)` in processes that answer: through both applications, on every store."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Generator
from contextvars import ContextVar
from types import ModuleType
from typing import Any

import pytest

from tests.full_path.doors import OpenDoor
from tests.full_path.people import ACCOUNT, PATIENT, TOKEN, Person, push, signed
from tests.full_path.test_forks import in_a_child
from tests.redis_server import wait_until
from wechat.bot import ModuleBot
from wechat_dialog import Bot, Chat, Dialog, Texts, TurnReport, Window
from wechat_dialog.core.store.values import Claim, Commit
from wechat_dialog.errors import Closing, StoreError
from wechat_dialog.operators import Conversations
from wechat_dialog.runtime import report_thread
from wechat_dialog.stores.memory import MemoryStore

PATIENCE = 30.0
who: ContextVar[str] = ContextVar("who", default="nobody")


class Kept:
    """A hook that keeps its reports.

    Attributes:
        reports: The reports so far.
        seen: Of each, what the turn's context said.
        gate: The hook hangs while it is closed.
        fails: What it raises.
    """

    def __init__(self) -> None:
        self.reports: list[TurnReport] = []
        self.seen: list[str] = []
        self.threads: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()
        self.fails: Exception | None = None

    def __call__(self, report: TurnReport) -> None:
        assert self.gate.wait(PATIENCE)
        self.reports.append(report)
        self.seen.append(who.get())
        self.threads.add(threading.current_thread().name)
        if self.fails is not None:
            raise self.fails

    def after(self, count: int) -> list[TurnReport]:
        """Return the reports, once there are so many."""
        wait_until(lambda: len(self.reports) >= count, f"{count} reports")
        assert len(self.reports) == count
        return self.reports


def pay() -> str:
    return "付"


async def pay_later() -> str:
    await asyncio.sleep(0)
    return "付"


def make_bot(on_turn: Any, store: Any = "memory://", **settings: Any) -> Bot:
    bot = Bot(TOKEN, store=store, on_turn=on_turn, window=settings.pop("window", PATIENT),
              account=ACCOUNT, **settings)  # fmt: skip

    @bot.text("买")
    def buy(chat: Chat) -> Dialog[str]:
        who.set(chat.user)
        count = yield from chat.ask("几个？", int, key="count")
        yield from chat.step(pay)
        yield from chat.step(pay_later)
        return f"{count} 个"

    @bot.text("等")
    def waits(chat: Chat) -> Dialog[str]:
        paid: str = yield from chat.wait_for("paid", str)
        return paid

    @bot.text("坏")
    def bad(chat: Chat) -> Dialog[str]:
        yield from chat.ask("说")
        raise ZeroDivisionError

    return bot


def test_every_turn_is_reported_once(open_door: OpenDoor, store_url: str) -> None:
    kept = Kept()
    before = time.time()
    person = Person(open_door(make_bot(kept, store_url)), "oAda")
    assert person.say("买") == "几个？"
    assert person.say("二") == "2 个"
    person.again()  # gets the remembered reply, in a request that is no turn
    begun, paid = kept.after(2)
    assert (begun.outcome, begun.way, begun.answered) == ("waits", "cold", "")
    assert (paid.outcome, paid.way, paid.answered) == ("finished", "claimed", "a=count")
    assert [(one.name, one.attempts, one.error) for one in paid.steps] == [
        ("pay", 1, ""), ("pay_later", 1, ""),
    ]  # fmt: skip
    assert (begun.trips, paid.trips) == (2, 4)
    for report in (begun, paid):
        assert report.user == "oAda"
        assert report.account == ACCOUNT
        assert (report.delivery, report.request) == ("reply", 1)
        assert before - 1 < report.arrived < time.time() + 1
        assert 0 < report.store_seconds < report.seconds
    assert kept.threads == {"wechat-dialog-report"}


def test_a_hook_runs_in_the_context_of_its_turn(open_door: OpenDoor) -> None:
    kept = Kept()
    person = Person(open_door(make_bot(kept)), "oAda")
    person.say("买")
    person.say("三")
    kept.after(2)
    assert kept.seen[0] == "oAda"


def test_a_live_turn_takes_one_trip(open_door: OpenDoor, store_url: str) -> None:
    kept = Kept()
    person = Person(open_door(make_bot(kept, store_url)))
    person.say("买")
    person.say("什么")
    live = kept.after(2)[1]
    assert (live.way, live.trips, live.outcome, live.restarts) == ("live", 1, "asked_again", 0)


def test_a_turn_that_another_process_was_quicker_for_begins_anew(open_door: OpenDoor) -> None:
    store, kept, other = MemoryStore(), Kept(), Kept()
    here, there = open_door(make_bot(kept, store)), open_door(make_bot(other, store))
    person = Person(here)
    person.say("买")
    person.door = there
    person.say("什么")
    person.door = here
    person.say("什么")
    anew = kept.after(2)[1]
    assert (anew.way, anew.restarts, anew.replayed) == ("cold", 1, 1)
    assert anew.trips == 3


def test_a_hook_that_hangs_keeps_nobody_waiting(
    open_door: OpenDoor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(report_thread, "LAST", 0.05)
    kept = Kept()
    kept.gate.clear()
    bot = make_bot(kept)
    person = Person(open_door(bot))
    for _ in range(3):
        assert person.say("买") == "几个？"
        assert person.say("取消")
    with caplog.at_level(logging.WARNING, "wechat_dialog"):
        bot._runner._stop(0.0)
    assert "did not get the last 5 reports" in caplog.text
    kept.gate.set()
    kept.after(6)


def test_what_a_hook_raises_is_logged_once_and_hurts_nobody(
    open_door: OpenDoor, caplog: pytest.LogCaptureFixture
) -> None:
    kept = Kept()
    kept.fails = LookupError("a word that was said")
    person = Person(open_door(make_bot(kept)))
    with caplog.at_level(logging.INFO, "wechat_dialog"):
        for text in ("买", "二", "买", "三"):
            assert person.say(text)
        kept.after(4)
    told = [record.message for record in caplog.records if "on_turn" in record.message]
    assert len(told) == 1
    assert "LookupError" in told[0]
    assert "said" not in told[0]


def test_a_hook_that_returns_a_coroutine_is_told_so(
    open_door: OpenDoor, caplog: pytest.LogCaptureFixture
) -> None:
    async def audit() -> None:
        """Never awaited."""

    person = Person(open_door(make_bot(lambda _: audit())))
    assert person.say("买")
    wait_until(lambda: "a plain function is wanted" in caplog.text, "a line in the log")


def test_reports_beyond_the_limit_are_dropped_and_counted(
    open_door: OpenDoor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(report_thread, "MOST", 2)
    monkeypatch.setattr(report_thread, "GAP", 0.01)
    kept = Kept()
    kept.gate.clear()
    person = Person(open_door(make_bot(kept)))
    for _ in range(6):
        person.say("哦")
    assert "slower than the turns: 2 reports wait" in caplog.text
    kept.gate.set()
    wait_until(lambda: "did not get" in caplog.text, "the number that were dropped")
    lost = int(caplog.text.partition("did not get ")[2].split()[0])
    assert len(kept.reports) == 6 - lost


def test_a_closed_bot_has_passed_on_what_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_thread, "GAP", 3600.0)
    kept = Kept()
    bot = make_bot(kept)
    for number in range(5):
        bot.answer(push("oAda", Content=f"哦{number}"), signed())
    bot.close()
    assert len(kept.reports) == 5
    assert kept.threads == {"wechat-dialog-report"}
    bot.answer(push("oAda", Content="买"), signed())
    bot.close()
    assert kept.reports[-1].dialog == "buy"


def test_an_event_loop_goes_on_while_a_closing_bot_passes_on_what_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(report_thread, "GAP", 3600.0)
    monkeypatch.setattr("wechat_dialog.runtime.runner.LAST", PATIENCE)
    reports: list[TurnReport] = []

    async def answers_and_closes() -> None:
        loop = asyncio.get_running_loop()

        def sends(report: TurnReport) -> None:
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(PATIENCE)
            reports.append(report)

        bot = make_bot(sends)
        for number in range(2):
            await bot.answer_async(push("oAda", Content=f"哦{number}"), signed())
        await bot.close_async()

    asyncio.run(answers_and_closes())
    assert len(reports) == 2


def test_a_turn_that_outlives_its_bot_does_not_wait_for_a_hook_that_hangs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    kept = Kept()
    kept.gate.clear()
    reports = report_thread.ReportThread(kept)
    here = TurnReport(user="oAda", account=ACCOUNT, turn="1", cause="message", outcome="waits")
    reports.put(here)
    wait_until(reports._calling.locked, "a hook that hangs")
    passed_on = reports.pass_on()
    reports.stop()
    assert not passed_on.done()
    reports.put(here)
    kept.gate.set()
    kept.after(2)
    assert kept.threads == {"wechat-dialog-report"}


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_forked_process_reports_its_own_turns(tmp_path: Any) -> None:
    kept = Kept()
    bot = make_bot(kept, f"sqlite:///{tmp_path / 'bot.db'}")
    bot.answer(push("oAda", Content="买"), signed())
    kept.after(1)

    def child() -> None:
        kept.reports.clear()
        bot.answer(push("oBen", Content="买"), signed())
        assert [one.user for one in kept.after(1)] == ["oBen"]

    assert in_a_child(child) == 0
    bot.close()


class Failing(MemoryStore):
    """A store that fails whatever is asked of it while `fails`."""

    fails = False

    def claim(self, claim: Claim) -> Any:
        self._may_fail()
        return super().claim(claim)

    def commit(self, commit: Commit) -> Any:
        self._may_fail()
        return super().commit(commit)

    def defer(self, user: str, key: str, message: bytes = b"") -> Any:
        self._may_fail()
        return super().defer(user, key, message)

    def _may_fail(self) -> None:
        if self.fails:
            raise StoreError("away")


def test_a_turn_that_the_store_failed_is_reported(open_door: OpenDoor) -> None:
    store, kept = Failing(), Kept()
    window = Window(requests=1, seconds=0.2, patience=0.1)
    person = Person(open_door(make_bot(kept, store, window=window)))
    store.fails = True
    assert person.say("买") == Texts().apology
    wait_until(lambda: kept.reports, "a report")
    assert {(one.outcome, one.error, one.delivery) for one in kept.reports} == {
        ("failed", "StoreError", "none")
    }
    assert all(one.cause == "message" and one.trips for one in kept.reports)


def test_an_account_that_begins_no_more_turns_reports_none() -> None:
    kept = Kept()
    bot = make_bot(kept)
    bot.answer(push("oAda", Content="买"), signed())
    bot._runner.turns.close(lambda: None)
    with pytest.raises(Closing):
        bot.answer(push("oAda", Content="3"), signed())
    bot.close()
    assert len(kept.reports) == 1


class Slow:
    """A step that ends when it is told to."""

    def __init__(self, bot: Bot) -> None:
        self.begun, self.ends = threading.Event(), threading.Event()

        def work() -> str:
            self.begun.set()
            assert self.ends.wait(PATIENCE)
            return "好了"

        @bot.text("慢")
        def slow(chat: Chat) -> Dialog[str]:
            yield from chat.step(work)
            again: str = yield from chat.ask("还要？")
            return again


def test_a_reply_that_nobody_waited_for_is_reported_with_the_way_it_went(
    open_door: OpenDoor,
) -> None:
    kept = Kept()
    window = Window(requests=1, seconds=0.3, patience=0.2)
    bot = make_bot(kept, window=window)
    slow = Slow(bot)
    person = Person(open_door(bot))
    assert "处理" in person.say("慢")
    slow.ends.set()
    [late] = kept.after(1)
    assert (late.outcome, late.delivery, late.request) == ("waits", "held", 0)
    fetched = kept.after(1) and person.say("继续")
    assert "还要" in fetched
    assert kept.after(2)[1].outcome == "fetched"


def test_the_time_spent_waiting_for_another_message_is_reported() -> None:
    kept = Kept()
    bot = make_bot(kept)
    slow = Slow(bot)
    first = threading.Thread(target=bot.answer, args=(push("oAda", Content="慢"), signed()))
    second = threading.Thread(target=bot.answer, args=(push("oAda", Content="好"), signed()))
    first.start()
    assert slow.begun.wait(PATIENCE)
    second.start()
    wait_until(lambda: bot._runner.turns._waiting, "a message that waits")
    slow.ends.set()
    first.join(PATIENCE)
    second.join(PATIENCE)
    slow_one, other = kept.after(2)
    assert slow_one.waited == 0
    assert 0 < other.waited < other.seconds
    assert other.before is not None
    bot.close()


def test_signals_and_beginnings_are_reported_on_threads_and_on_event_loops(store_url: str) -> None:
    kept = Kept()
    bot = make_bot(kept, store_url, timers=False)

    @bot.dialog
    def visit(chat: Chat) -> Dialog[str]:
        yield from chat.sleep(3600)
        return "到了"

    bot.answer(push("oAda", Content="等"), signed())
    assert bot.signal("oAda", "paid", "好") == "taken"

    async def on_a_loop() -> None:
        assert await bot.begin_async("oAda", visit) == "taken"
        await bot.close_async()

    asyncio.run(on_a_loop())
    aside, paid, begun = kept.after(3)
    assert (aside.outcome, aside.dialog) == ("aside", "waits")
    assert (paid.cause, paid.kind, paid.outcome) == ("signal", "paid", "finished")
    assert (begun.cause, begun.outcome, begun.dialog) == ("begin", "aside", visit.__name__)
    assert all(one.user == "oAda" and one.account == ACCOUNT for one in kept.reports)
    assert all(0 < one.store_seconds < one.seconds for one in kept.reports)
    assert bot.signal("oAda", "unheard", "好") == "kept"
    bot.close()
    assert len(kept.reports) == 3


def test_what_an_operator_does_is_reported(store_url: str) -> None:
    kept = Kept()
    bot = make_bot(kept, store_url)
    for text in ("坏", "哦"):
        bot.answer(push("oAda", Content=text), signed())
    parked = kept.after(2)[1]
    conversations = Conversations(bot)
    assert not conversations.resume(parked.parked)
    bot.answer(push("oAda", Content="买"), signed())
    conversations.end("oAda")
    _, _, resumed, _, ended = kept.after(5)
    assert (resumed.cause, resumed.kind, resumed.outcome) == ("operator", "resume", "parked")
    assert resumed.error == "ZeroDivisionError"
    assert (ended.cause, ended.kind, ended.outcome) == ("operator", "end", "ended")
    assert ended.dialog == "buy"
    bot.close()


def test_a_conversation_that_an_operator_resumes_is_named() -> None:
    kept, fails = Kept(), iter([True])
    bot = make_bot(kept)

    @bot.text("试")
    def tries(_: Chat) -> str:
        if next(fails, False):
            raise ZeroDivisionError
        return "好"

    bot.answer(push("oAda", Content="试"), signed())
    [parked] = kept.after(1)
    assert Conversations(bot).resume(parked.parked)
    resumed = kept.after(2)[1]
    assert (resumed.outcome, resumed.dialog) == ("finished", "tries")
    assert resumed.conversation == parked.parked
    bot.close()


def test_a_2017_module_is_reported() -> None:
    module, kept = ModuleType("fruit"), Kept()

    def greet(_user: str) -> Generator[Any, Any, None]:
        yield None
        yield None
        said, _ = yield ("TextMsg", "谁？")
        yield ("TextMsg", said)

    vars(module).update(greet=greet, ROUTER={"text": [("你好", "greet")]})
    bot = ModuleBot(module, token=TOKEN, store="memory://", on_turn=kept)
    bot.answer(push("oAda", Content="你好"), signed())
    [begun] = kept.after(1)
    assert (begun.dialog, begun.outcome, begun.way) == ("greet", "waits", "claimed")
    bot.close()


def test_a_bot_without_a_hook_takes_no_notes_and_starts_no_thread() -> None:
    before, bot = set(threading.enumerate()), make_bot(None)
    bot.answer(push("oAda", Content="买"), signed())
    assert "wechat-dialog-report" not in {one.name for one in set(threading.enumerate()) - before}
    assert bot._runner._reports is None
    bot.close()

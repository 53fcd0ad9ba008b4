"""One trial of the store a second, shared by all who ask; one that hangs keeps nobody waiting."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.redis_server import wait_until
from wechat_dialog.errors import Closing, NoThread, StoreError
from wechat_dialog.runtime import readiness
from wechat_dialog.runtime.readiness import HOLDS, OLD, Readiness
from wechat_dialog.runtime.running_turns import RunningTurns
from wechat_dialog.stores.asynchronous import in_threads
from wechat_dialog.stores.memory import MemoryStore

PATIENCE = 30.0


class Watched(MemoryStore):
    """A store that counts trials, and hangs or fails when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.trials = self.ended = 0
        self.failure: Exception | None = None
        self.answers = threading.Event()
        self.answers.set()

    def try_write(self, within: float) -> None:
        self.trials += 1
        failure = self.failure
        answers = self.answers.wait(PATIENCE)
        self.ended += 1
        assert answers
        if failure is not None:
            raise failure


class Process:
    """A process with a clock that is set, and whoever asks whether it is ready."""

    def __init__(self) -> None:
        self.now = 100.0
        self.store = Watched()
        self.face = in_threads(self.store)
        self.turns = RunningTurns()
        self.readiness = Readiness(self.store, lambda: self.face, self.turns, lambda: self.now)

    def ask(self) -> str:
        """Return "" if it is ready, otherwise the error."""
        try:
            self.readiness.check()
        except (Closing, StoreError) as error:
            return str(error)
        return ""

    async def ask_async(self) -> str:
        try:
            await self.readiness.check_async()
        except (Closing, StoreError) as error:
            return str(error)
        return ""


@pytest.fixture
def process() -> Iterator[Process]:
    process = Process()
    yield process
    process.store.answers.set()
    process.face.stop()  # type: ignore[attr-defined]


def at_once(count: int, call: Callable[[], str]) -> list[str]:
    """Call it from so many threads, and return what each was told."""
    told: list[str] = []
    barrier = threading.Barrier(count)

    def ask() -> None:
        barrier.wait(PATIENCE)
        told.append(call())

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return told


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Process]:
    """A process that was ready a while ago, and whose store hangs now; nobody waits for long."""
    monkeypatch.setattr(readiness, "PATIENCE", 0.05)
    process = Process()
    assert process.ask() == ""
    process.store.answers.clear()
    process.now += HOLDS
    yield process
    process.store.answers.set()


def test_whoever_asks_within_a_second_shares_one_trial(process: Process) -> None:
    assert at_once(20, process.ask) == [""] * 20
    assert process.store.trials == 1
    process.now += HOLDS - 0.01
    assert process.ask() == ""
    assert process.store.trials == 1
    process.now += 0.01
    assert at_once(20, process.ask) == [""] * 20
    assert process.store.trials == 2


def test_tasks_and_threads_share_one_trial(process: Process) -> None:
    async def crowd() -> list[str]:
        return await asyncio.gather(*(process.ask_async() for _ in range(20)))

    assert asyncio.run(crowd()) == [""] * 20
    assert process.ask() == ""
    assert process.store.trials == 1
    process.now += HOLDS
    process.store.failure = StoreError("it is gone")
    assert asyncio.run(crowd()) == ["it is gone"] * 20
    assert process.ask() == "it is gone"
    assert process.store.trials == 2


def test_a_failure_holds_no_longer_than_a_success(process: Process) -> None:
    process.store.failure = StoreError("it is gone")
    assert [process.ask(), process.ask()] == ["it is gone"] * 2
    process.store.failure = None
    process.now += HOLDS
    assert process.ask() == ""


def test_a_store_that_hangs_is_not_ready_and_asked_no_more(hanging: Process) -> None:
    hanging.now += OLD
    assert hanging.ask() == "the store has not answered within 0.05 s"
    trials = [each for each in threading.enumerate() if each.name == "wechat-dialog-ready"]
    assert len(trials) == 1
    for _ in range(10):
        hanging.now += 10.0
        assert "has not answered" in hanging.ask()
    assert hanging.store.trials == 2
    assert [e for e in threading.enumerate() if e.name == "wechat-dialog-ready"] == trials
    hanging.store.answers.set()
    wait_until(lambda: hanging.ask() == "", "the trial to end")


def test_one_waits_for_a_store_that_hangs_and_others_get_the_result_before(
    hanging: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "PATIENCE", PATIENCE)  # else whoever waits would be told as much
    first = threading.Thread(target=hanging.ask)
    first.start()
    wait_until(lambda: hanging.store.trials == 2, "the trial to begin")
    assert at_once(20, hanging.ask) == [""] * 20
    assert first.is_alive()
    hanging.now += PATIENCE  # the trial is late, and an old success is no answer any more
    assert "has not answered" in hanging.ask()
    hanging.store.answers.set()
    first.join(PATIENCE)
    assert not first.is_alive()


def test_a_trial_that_is_late_counts_more_than_the_result_before(hanging: Process) -> None:
    assert "has not answered" in hanging.ask()
    hanging.now += 2 * readiness.PATIENCE
    assert hanging.now - 100.0 < OLD
    assert "has not answered" in hanging.ask()


def test_whoever_got_the_result_before_logs_no_change(
    hanging: Process, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "wechat_dialog")
    first = threading.Thread(target=hanging.ask)
    first.start()
    wait_until(lambda: hanging.store.trials == 2, "the trial to begin")
    before, begins = hanging.readiness._join(may_wait=False)
    assert not begins
    first.join(PATIENCE)
    hanging.readiness._conclude(before)
    assert [each.levelname for each in caplog.records] == ["WARNING"]


def test_a_result_that_is_old_is_not_passed_on(hanging: Process) -> None:
    hanging.now += OLD
    assert all("has not answered" in told for told in at_once(5, hanging.ask))


def test_tasks_do_not_wait_either(hanging: Process) -> None:
    async def crowd() -> None:
        hanging.now += OLD
        told = await asyncio.gather(*(hanging.ask_async() for _ in range(20)))
        assert all("has not answered" in each for each in told)
        assert hanging.store.trials == 2
        hanging.store.answers.set()

    asyncio.run(crowd())
    hanging.face.stop()  # type: ignore[attr-defined]


def test_a_trial_whose_event_loop_was_stopped_is_given_up(process: Process) -> None:
    process.store.answers.clear()
    loop = asyncio.new_event_loop()
    task = loop.create_task(process.ask_async())
    loop.call_later(0.05, loop.stop)
    loop.run_forever()
    assert process.store.trials == 1
    process.store.answers.set()
    assert process.ask() == ""
    assert process.store.trials == 2
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    loop.run_until_complete(process.readiness.stop())
    loop.close()


def test_a_trial_ends_before_its_connections_are_closed(process: Process) -> None:
    async def closing() -> None:
        process.store.answers.clear()
        asking = asyncio.ensure_future(process.ask_async())
        await asyncio.sleep(0)
        process.turns.close(lambda: None)
        await process.readiness.stop()
        assert await asking == "the bot is being closed"
        assert process.store.ended == 0, "it was waited for"
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert left == set()

    asyncio.run(closing())


def test_a_bot_that_is_being_closed_is_not_ready_at_once(process: Process) -> None:
    assert process.ask() == ""
    process.turns.close(lambda: None)
    assert process.ask() == "the bot is being closed"
    assert asyncio.run(process.ask_async()) == "the bot is being closed"
    process.now += HOLDS
    assert process.ask() == "the bot is being closed"
    assert process.store.trials == 1


def test_a_process_without_threads_is_not_ready(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none)
    with pytest.raises(NoThread):
        process.readiness.check()
    monkeypatch.undo()
    process.now += HOLDS
    assert process.ask() == ""


def test_the_log_has_a_line_for_each_change_and_none_for_a_question(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "wechat_dialog")

    def told() -> list[str]:
        lines = [f"{each.levelname} {each.getMessage()}" for each in caplog.records]
        caplog.clear()
        return lines

    def several() -> None:
        for _ in range(5):
            process.ask()
            process.now += HOLDS / 2

    several()
    assert told() == []
    process.store.failure = StoreError("it is full")
    several()
    assert told() == ["WARNING not ready: the store takes no messages: StoreError: it is full"]
    process.store.failure = None
    several()
    assert told() == ["INFO ready: the store takes messages again"]
    process.turns.close(lambda: None)
    several()
    assert told() == []


def test_a_failure_that_is_told_again_does_not_grow(process: Process) -> None:
    process.store.failure = StoreError("it is gone")

    def depth() -> int:
        with pytest.raises(StoreError) as raised:
            process.readiness.check()
        return len(raised.traceback)

    first = depth()
    assert [depth() for _ in range(20)] == [first] * 20

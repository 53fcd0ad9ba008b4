"""One user's messages all at once, as a finger that slips or a script sends them: each has one
turn, all are counted, nobody is answered with another's reply, and nobody else waits for them.
"""

from __future__ import annotations

import dataclasses
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from tests.full_path.accumulator import TRANSCRIPT, make_bot
from tests.full_path.doors import PATIENCE, HttpDoor, OpenDoor
from tests.full_path.people import ACCOUNT, PATIENT, Person, content, push, signed
from tests.full_path.servers import worker
from wechat_dialog.core.replay.records import TextRecord, decode_records
from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.turn import job
from wechat_dialog.stores import open_store
from wechat_dialog.stores.redis import RedisStore
from wechat_dialog.stores.sqlite import SQLiteStore

USER = "oAtOnce"
ASKS = re.compile(r"第 (\d+) 个数是？（已有 (\d+)）")


def journaled(store: Store) -> list[int]:
    """The numbers the user has said, in the order of their turns."""
    shown = store.show(f"{ACCOUNT}:{USER}")
    assert shown is not None
    records = [one for one in decode_records(shown.records) if isinstance(one, TextRecord)]
    return [int(record.text) for record in records[2:]]


def check(numbers: list[int], answers: dict[int, str]) -> None:
    """Every message was heard once, and told how far things were when it was."""
    assert sorted(numbers) == sorted(answers)
    total = 0
    for place, number in enumerate(numbers, 2):
        total += number
        found = ASKS.fullmatch(answers[number])
        assert found, answers[number]
        assert (int(found[1]), int(found[2])) == (place, total)


def all_at_once(bodies: dict[int, bytes], doors: list[Any]) -> dict[int, str]:
    """Send every message at the same moment, and again as the platform does; what comes back."""
    together = threading.Barrier(len(bodies))

    def send(number: int) -> str:
        together.wait(PATIENCE)
        for copy in range(3):
            response = doors[(number + copy) % len(doors)].request("POST", signed(), bodies[number])
            if said := content(response):
                return said
        raise AssertionError(f"{number} got no answer")

    with ThreadPoolExecutor(len(bodies)) as threads:
        return dict(zip(bodies, threads.map(send, bodies), strict=True))


def begun(door: Any) -> None:
    person = Person(door, USER)
    person.say("累加器")
    assert person.say("1000") == "第 1 个数是？（已有 0）"


def test_a_hundred_messages_have_a_hundred_turns(open_door: OpenDoor, store_url: str) -> None:
    store = open_store(store_url)
    door = open_door(make_bot(store, window=PATIENT))
    begun(door)
    answers = all_at_once({n: push(USER, Content=str(n)) for n in range(1, 101)}, [door])
    check(journaled(store), answers)
    store.close()


@pytest.mark.parametrize("store_url", ["SQLite", "Redis"], indirect=True)
def test_forty_messages_have_forty_turns_in_four_processes(store_url: str) -> None:
    with ExitStack() as stack:
        kinds = ("gunicorn", "uvicorn", "gunicorn", "uvicorn")
        environment = {"STORE": store_url, "PATIENT": "1"}
        workers = [stack.enter_context(worker(kind, **environment)) for kind in kinds]
        doors = [HttpDoor(one.port) for one in workers]
        begun(doors[0])
        answers = all_at_once({n: push(USER, Content=str(n)) for n in range(1, 41)}, doors)
        store = open_store(store_url)
        check(journaled(store), answers)
        store.close()


class CountingRedis(RedisStore):
    claims = 0

    def claim(self, *args: Any, **kwargs: Any) -> Any:
        self.claims += 1
        return super().claim(*args, **kwargs)


class CountingSQLite(SQLiteStore):
    claims = 0

    def claim(self, *args: Any, **kwargs: Any) -> Any:
        self.claims += 1
        return super().claim(*args, **kwargs)


@pytest.mark.parametrize("store_url", ["SQLite", "Redis"], indirect=True)
def test_those_who_wait_are_told_when_it_is_their_turn_and_need_not_ask(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "LONGEST_POLL", PATIENCE)
    store: CountingRedis | CountingSQLite = (
        CountingRedis(store_url)
        if store_url.startswith("redis")
        else CountingSQLite(store_url.removeprefix("sqlite:///"))
    )
    bot = make_bot(store, window=PATIENT)
    bot.settings = dataclasses.replace(bot.settings, poll=PATIENCE)
    bot.answer(push(USER, Content="累加器"), signed())
    bot.answer(push(USER, Content="1000"), signed())
    store.claims = 0
    bodies = {n: push(USER, Content=str(n)) for n in range(1, 61)}
    together = threading.Barrier(len(bodies))

    def send(number: int) -> None:
        together.wait(PATIENCE)
        bot.answer(bodies[number], signed())

    with ThreadPoolExecutor(len(bodies)) as threads:
        list(threads.map(send, bodies))
    assert sorted(journaled(store)) == list(range(1, 61))
    # One when it comes, one when it is told to; a few who were told that another is the next.
    assert store.claims <= 4 * len(bodies)
    bot.close()
    store.close()


def test_nobody_waits_for_a_user_who_keeps_the_bot_busy(
    open_door: OpenDoor, store_url: str
) -> None:
    bot = make_bot(store_url)
    hold, held = threading.Event(), threading.Event()

    def busy() -> str:
        held.set()
        hold.wait(PATIENCE)
        return "好了"

    @bot.text("忙")
    async def works(chat: Any) -> str:
        done: str = await chat.step(busy)
        return done

    door = open_door(bot)
    bodies = [push(USER, Content=text) for text in ("忙", "一", "二", "三", "忙")]
    with ThreadPoolExecutor(len(bodies)) as threads:
        first = threads.submit(door.request, "POST", signed(), bodies[0])
        assert held.wait(PATIENCE)
        others = [threads.submit(door.request, "POST", signed(), body) for body in bodies[1:]]
        # Another user's whole conversation fits into the time that the step takes.
        person = Person(door, "oSomebodyElse")
        for text, answer in TRANSCRIPT:
            assert person.say(text) == answer
        assert not first.done()
        assert not any(other.done() for other in others)
        hold.set()
        assert content(first.result(PATIENCE)) == "好了"
        assert [content(other.result(PATIENCE)) for other in others] == ["", "", "", "好了"]

"""A reply that is ready when its connection is gone was not seen: it is owed, or a copy has it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.full_path.doors import PATIENCE, HttpDoor
from tests.full_path.people import TOKEN, OneRequest, Person, content, push, signed
from tests.full_path.servers import SERVERS, werkzeug_server
from tests.redis_server import wait_until
from wechat_dialog import Bot, Chat, Texts
from wechat_dialog.core.store.values import Answered
from wechat_dialog.core.turn import listening
from wechat_dialog.core.turn.window import Window
from wechat_dialog.stores.sqlite import SQLiteStore

NOT_TAKEN = Texts().not_taken
TELLING = {**SERVERS, "werkzeug": werkzeug_server}
QUICK = Window(seconds=0.6, requests=3, patience=0.5)
WINDOWS = {"wsgiref": QUICK, "uvicorn": Window(), "werkzeug": Window()}
HANGS_UP = 0.2
"""After how many seconds: under wsgiref that is found out by the clock alone; others tell, long
before the window is over.
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "SLACK", 0.05)
    monkeypatch.setattr(listening, "LOOK_AGAIN", 0.02)


class Slow(Bot):
    """Asks for a name, works until `gate` is open, and asks for more."""

    def __init__(self, store: Any, window: Window) -> None:
        super().__init__(TOKEN, store=store, window=window)
        self.gate = threading.Event()
        self.works = threading.Event()

        def work() -> None:
            self.works.set()
            assert self.gate.wait(PATIENCE)

        @self.text("开始")
        def begin(chat: Chat) -> Any:
            name = yield from chat.ask("名字？")
            yield from chat.step(work)
            more = yield from chat.ask(f"{name}，还有？")
            return f"{name}和{more}。"


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "SQLite":
        return f"sqlite:///{tmp_path / 'bot.db'}"
    found: str = request.getfixturevalue("redis_url")
    return found


@pytest.fixture(params=SERVERS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=TELLING)
def served(request: pytest.FixtureRequest, url: str) -> Iterator[tuple[Slow, int]]:
    bot = Slow(url, WINDOWS[request.param])
    with TELLING[request.param](bot) as port:
        try:
            yield bot, port
        finally:
            bot.gate.set()
    bot.close()


def cut(bot: Slow, port: int, text: str) -> Person:
    """Have the connection of a message closed while it is worked on."""
    person = Person(HttpDoor(port))
    assert person.say("开始") == "名字？"
    person.door = HttpDoor(port, timeout=HANGS_UP)
    with pytest.raises(TimeoutError):
        person.send(Content=text)
    assert bot.works.is_set()
    (turn,) = bot._runner.turns.running()
    silent = turn.nobody_waits
    wait_until(lambda: silent(time.monotonic(), bot.window), "the request to be gone")
    person.door = HttpDoor(port)
    return person


stores = pytest.mark.parametrize("url", ["SQLite", "Redis"], indirect=True)


@stores
def test_the_next_message_gets_it_and_is_no_answer_to_it(served: tuple[Slow, int]) -> None:
    bot, port = served
    person = cut(bot, port, "小王")
    bot.gate.set()
    seen = person.say("x")
    assert seen.startswith(NOT_TAKEN)
    assert seen.endswith("小王，还有？")
    assert person.say("小李") == "小王和小李。"


@stores
def test_a_copy_that_comes_later_gets_it_and_then_it_is_owed_to_nobody(
    served: tuple[Slow, int],
) -> None:
    bot, port = served
    person = cut(bot, port, "小王")
    bot.gate.set()
    wait_until(lambda: not bot._runner.turns.running(), "the turn to be over")
    assert content(person.again()) == "小王，还有？"
    assert content(person.again()) == "小王，还有？"
    assert person.say("小李") == "小王和小李。"


@stores
def test_a_copy_that_comes_behind_the_next_message_is_told_nothing_more(
    served: tuple[Slow, int],
) -> None:
    bot, port = served
    person = cut(bot, port, "小王")
    bot.gate.set()
    assert person.say("x").endswith("小王，还有？")
    late = Person(person.door, sent=person.sent[:-1])
    assert content(late.again()) == ""
    assert person.say("小李") == "小王和小李。"


# A deferral that is heard when its request has left ---------------------------------------------


class Stalls(SQLiteStore):
    """A store that hears no deferral until `gate` is open; `takes` is what it is told by
    `untaken`.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.gate, self.asked = threading.Event(), threading.Event()
        self.takes: list[int] = []

    def defer(self, user: str, key: str, message: bytes = b"") -> Answered | None:
        self.asked.set()
        assert self.gate.wait(PATIENCE)
        return super().defer(user, key, message)

    def untaken(self, user: str, key: str, takes: int = 0) -> None:
        super().untaken(user, key, takes)
        self.takes.append(takes)


def hear_late(bot: Slow, store: Stalls) -> None:
    """Have the turn commit its reply for nobody, and then the deferral be heard."""
    bot.gate.set()
    wait_until(lambda: not bot._runner.turns.running(), "the turn to be over")
    store.gate.set()
    wait_until(lambda: 1 in store.takes, "the store to be told that nobody took the reply")


def test_a_deferral_that_is_heard_when_its_request_has_left_takes_no_reply(
    kind: str, tmp_path: Path
) -> None:
    store = Stalls(tmp_path / "bot.db")
    window = OneRequest()
    bot = Slow(store, window)
    with SERVERS[kind](bot) as port:
        person = Person(HttpDoor(port))
        assert person.say("开始") == "名字？"
        with window.in_a_hurry(room=0.2):
            assert person.say("小王") == Texts().apology
        assert store.asked.is_set()
        hear_late(bot, store)
        seen = person.say("x")
        assert seen.startswith(NOT_TAKEN)
        assert seen.endswith("小王，还有？")
        assert person.say("小李") == "小王和小李。"
    bot.close()
    store.close()


def test_a_deferral_whose_client_hung_up_meanwhile_takes_no_reply(tmp_path: Path) -> None:
    store = Stalls(tmp_path / "bot.db")
    window = OneRequest()
    bot = Slow(store, window)

    async def say(text: str) -> str:
        return (await bot.answer_async(push("oUser", Content=text), signed())).decode()

    async def talk() -> str:
        await say("开始")
        with window.in_a_hurry():
            asked = asyncio.ensure_future(say("小王"))
            await asyncio.to_thread(store.asked.wait, PATIENCE)
            asked.cancel()
            await asyncio.wait([asked])
        await asyncio.to_thread(hear_late, bot, store)
        return await say("x")

    seen = asyncio.run(talk())
    assert NOT_TAKEN in seen
    assert "小王，还有？" in seen
    bot.close()
    store.close()

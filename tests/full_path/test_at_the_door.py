"""Requests that wait at the door of a process that is starting, stopped or busy, until the platform
has hung up: their turns run, and nobody has seen what they say.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.full_path.doors import HttpDoor
from tests.full_path.people import TOKEN, Person, push, signed
from tests.full_path.servers import asgi_application, werkzeug_server, worker
from tests.redis_server import wait_until
from wechat_dialog import Bot, Chat, Texts
from wechat_dialog.stores.sqlite import SQLiteStore

NOT_TAKEN = Texts().not_taken
WAITED = 6
"""Seconds since the user wrote."""

LONG = 70
"""Seconds after which the store may have forgotten a reply."""


@pytest.fixture(params=["memory", "SQLite"])
def bot(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bot]:
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path / 'bot.db'}"
    bot = Bot(TOKEN, store=url)

    @bot.text("转账")
    def transfer(chat: Chat) -> Any:
        account = yield from chat.ask("哪个账号？")
        return f"转给 {account}。"

    yield bot
    bot.close()


@pytest.fixture(params=["asyncio", "uvloop", "werkzeug"])
def serve(bot: Bot, request: pytest.FixtureRequest) -> Callable[[socket.socket], Any]:
    if request.param == "werkzeug":
        return lambda listening: werkzeug_server(bot, listening)
    if request.param == "uvloop":
        pytest.importorskip("uvloop")
    return lambda listening: asgi_application(bot.asgi, loop=request.param, listening=listening)


def leave(port: int, body: bytes) -> None:
    """Post something, and hang up before it is answered."""
    head = f"POST /?{signed()} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(head.encode() + body)


@pytest.mark.parametrize("copies", [1, 3])
def test_a_question_that_nobody_waited_for_takes_no_answer(
    bot: Bot, serve: Callable[[socket.socket], Any], copies: int
) -> None:
    person = Person(HttpDoor(0))
    asked = push(person.name, Content="转账", CreateTime=str(int(time.time()) - WAITED))
    listening = socket.create_server(("127.0.0.1", 0))
    for _ in range(copies):
        leave(listening.getsockname()[1], asked)
    with serve(listening) as port:
        wait_until(lambda: any(bot.store.list()), "the turn's end")
        person.door = HttpDoor(port)
        seen = person.say("转账")
        assert seen.startswith(NOT_TAKEN)
        assert seen.endswith("哪个账号？")
        assert person.say("7 号") == "转给 7 号。"


def test_what_may_have_been_answered_and_forgotten_begins_nothing(
    bot: Bot, serve: Callable[[socket.socket], Any], caplog: pytest.LogCaptureFixture
) -> None:
    person = Person(HttpDoor(0))
    listening = socket.create_server(("127.0.0.1", 0))
    written = str(int(time.time()) - LONG)
    leave(listening.getsockname()[1], push(person.name, Content="转账", CreateTime=written))
    with serve(listening) as port:
        wait_until(lambda: "may have been answered" in caplog.text, "the turn's end")
        assert not any(bot.store.list())
        person.door = HttpDoor(port)
        assert person.say("转账") == "哪个账号？"


@pytest.mark.parametrize("waited", [WAITED, LONG])
def test_a_question_that_was_waited_for_takes_an_answer(
    bot: Bot, serve: Callable[[socket.socket], Any], waited: int
) -> None:
    person = Person(HttpDoor(0))
    body = push(person.name, Content="转账", CreateTime=str(int(time.time()) - waited))
    with serve(socket.create_server(("127.0.0.1", 0))) as port:
        person.door = HttpDoor(port)
        assert "哪个账号？".encode() in person.door.request("POST", signed(), body).body
        assert person.say("7 号") == "转给 7 号。"


def test_a_question_for_which_nobody_waited_at_a_stopped_gunicorn_takes_no_answer(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'bot.db'}"
    with (
        worker("gunicorn", STORE=url) as server,
        closing(SQLiteStore(tmp_path / "bot.db")) as store,
    ):
        person = Person(HttpDoor(server.port))
        assert person.say("累加器") == "要加几个数？"
        written = str(int(time.time()) - WAITED)
        with server.stopped():
            leave(server.port, push(person.name, Content="2", CreateTime=written))
        wait_until(lambda: [one.length for one in store.list()] == [2], "the turn's end")
        seen = person.say("7")
        assert seen.startswith(NOT_TAKEN)
        assert seen.endswith("第 1 个数是？（已有 0）")

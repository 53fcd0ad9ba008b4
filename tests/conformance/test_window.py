"""Cases 34 to 36 of protocol reference 10: a platform that hangs up and repeats itself.

Its window is made small, so that it hangs up after half a second; nothing here measures a time. A
dialog is slow in that it waits for a gate that the test opens.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.full_path.doors import PATIENCE, HttpDoor, Response
from tests.full_path.people import TOKEN, Person, content, push, signed
from tests.full_path.servers import SERVERS, worker
from tests.redis_server import wait_until
from wechat_dialog import Bot, Chat, Texts
from wechat_dialog.core.turn.window import Window

WINDOW = Window(seconds=0.6, requests=3, patience=0.3)
USER = "oUser0000000000000000000001"


class Slow(Bot):
    """A bot whose one dialog waits for `gate`, and which counts.

    Attributes:
        arrived: Requests so far.
        runs: Times the dialog's work was begun.
    """

    def __init__(self) -> None:
        super().__init__(TOKEN, store="memory://", window=WINDOW)
        self.gate = threading.Event()
        self.arrived = 0
        self.runs = 0

        def work() -> str:
            self.runs += 1
            assert self.gate.wait(PATIENCE)
            return "好了"

        @self.text("慢")
        async def slow(chat: Chat) -> str:
            return await chat.step(work)

    def answer(self, body: bytes, query: Any) -> bytes:
        self.arrived += 1
        return super().answer(body, query)

    async def answer_async(self, body: bytes, query: Any) -> bytes:
        self.arrived += 1
        return await super().answer_async(body, query)


def platform(port: int, body: bytes) -> Iterator[Response | None]:
    """Send a push as the platform does: at most thrice, until one request is answered in time."""
    for _ in range(WINDOW.requests):
        try:
            response = HttpDoor(port, timeout=WINDOW.seconds).request("POST", signed(), body)
        except TimeoutError:
            yield None
        else:
            yield response
            return


@contextmanager
def pushing(port: int, body: bytes) -> Iterator[Future[list[Response | None]]]:
    """Let the platform push in a thread; the future has what each request came to."""
    with ThreadPoolExecutor(1) as thread:
        yield thread.submit(lambda: list(platform(port, body)))


@pytest.fixture(params=SERVERS)
def slow(request: pytest.FixtureRequest) -> Iterator[tuple[Slow, int]]:
    """A slow bot, and the port that a server of each kind serves it at."""
    bot = Slow()
    with SERVERS[request.param](bot) as port:
        try:
            yield bot, port
        finally:
            bot.gate.set()
    bot.close()


def test_case_34_the_request_that_is_open_gets_the_reply(slow: tuple[Slow, int]) -> None:
    bot, port = slow
    body = push(USER, Content="慢")
    with pushing(port, body) as pushed:
        wait_until(lambda: bot.arrived == 2, "the second request")
        bot.gate.set()
        first, second = pushed.result(PATIENCE)
    assert first is None
    assert second is not None
    assert content(second) == "好了"
    later = HttpDoor(port).request("POST", signed(), body)
    assert content(later) in ("好了", "")
    assert bot.runs == 1


def test_case_35_the_last_request_is_told_to_wait(slow: tuple[Slow, int]) -> None:
    bot, port = slow
    with pushing(port, push(USER, Content="慢")) as pushed:
        first, second, third = pushed.result(PATIENCE)
    assert (first, second) == (None, None)
    assert third is not None
    assert content(third).startswith(Texts().waiting)
    bot.gate.set()
    assert Person(HttpDoor(port), USER).say("继续") == "好了"
    assert bot.runs == 1


@pytest.mark.parametrize(("store", "kind"), [("SQLite", "event"), ("Redis", "text")])
def test_case_36_two_processes_do_it_once(
    store: str, kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if store == "SQLite":
        url = f"sqlite:///{tmp_path / 'bot.db'}"
    else:
        url = request.getfixturevalue("redis_url")
    fields = {"text": {"Content": "慢"}, "event": {"Event": "CLICK", "EventKey": "slow"}}[kind]
    body = push(USER, kind, **fields)
    runs = tmp_path / "runs"
    environment = {"STORE": url, "GATE": str(tmp_path)}
    with (
        worker("gunicorn", **environment) as one,
        worker("uvicorn", **environment) as two,
        ThreadPoolExecutor(2) as threads,
    ):
        doors = HttpDoor(one.port), HttpDoor(two.port)
        begun = threads.submit(doors[0].request, "POST", signed(), body)
        wait_until(runs.exists, "the dialog to begin")
        # The other process is surely told that the message is being worked on: it gives no answer.
        with pytest.raises(TimeoutError):
            HttpDoor(two.port, timeout=WINDOW.seconds).request("POST", signed(), body)
        joined = threads.submit(doors[1].request, "POST", signed(), body)
        (tmp_path / "open").touch()
        replies = [content(copy.result(PATIENCE)) for copy in (begun, joined)]
        replies += [content(door.request("POST", signed(), body)) for door in doors]
    assert replies == ["好了"] * 4
    assert len(runs.read_text().splitlines()) == 1

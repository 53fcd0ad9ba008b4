"""Who follows a page by its stream: what comes, to whom, at what cost, and when it ends."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.answer_pages.model import Gate, make_bot
from wechat_dialog import Bot
from wechat_dialog.core.pages import pieces
from wechat_dialog.core.pages.pieces import Piece
from wechat_dialog.core.store.contract import Store
from wechat_dialog.core.store.pages import Page, PageAppend, PageOpen
from wechat_dialog.errors import StoreError
from wechat_dialog.stores.memory import MemoryStore
from wechat_dialog.web import asgi, streams

ID = "0123456789abcdef" * 2
DAY = 86400.0


class Counting(MemoryStore):
    """Counts how often a page is read, and may be away."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self.away = False

    def page_read(self, id: str, after: int = 0) -> Page | None:
        self.reads += 1
        if self.away:
            raise StoreError("away")
        return super().page_read(id, after)


class Writer:
    """Writes on a page as a turn does."""

    def __init__(self, bot: Bot, store: Store) -> None:
        self._store = store
        self._pages = bot.rules.pages
        store.page_open(PageOpen("gh:o1", self.id, DAY))

    @property
    def id(self) -> str:
        assert self._pages is not None
        asking = self._pages.stored(ID)
        try:
            op = next(asking)
            while True:
                op = asking.send(op.on(self._store))
        except StopIteration as stop:
            id: str = stop.value
            return id

    def __call__(self, place: int, *said: str, end: bool = False) -> None:
        written = [Piece(pieces.TEXT, text) for text in said]
        written += [Piece(pieces.END)] if end else []
        assert self._store.page_append(PageAppend(self.id, place, pieces.encode(written), DAY, 0))


class Reader:
    """One reader's stream, as a server sees it."""

    def __init__(self, application: Any, place: str = "1.0", last: str = "") -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.text = ""
        self.over = False
        self.hung_up = asyncio.Event()
        self._came = asyncio.Event()
        headers = [(b"last-event-id", last.encode())] if last else []
        scope = {"type": "http", "method": "GET", "path": f"/wx/p/{ID}", "headers": headers,
                 "query_string": f"stream={place}".encode(), "http_version": "1.1"}  # fmt: skip
        self._task = asyncio.ensure_future(self._run(application, scope))

    async def _run(self, application: Any, scope: dict[str, Any]) -> None:
        await application(scope, self._receive, self._send)
        self.over = True
        self._came.set()

    async def _receive(self) -> dict[str, Any]:
        await self.hung_up.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): text.decode() for name, text in message["headers"]}
        self.text += message.get("body", b"").decode()
        self._came.set()

    async def until(self, fact: Callable[[Reader], object]) -> None:
        """Wait until something is so; the test's own time limit ends it."""
        while not fact(self):
            await self._came.wait()
            self._came.clear()

    async def end(self) -> None:
        """Wait until the response is over."""
        await self._task

    @property
    def events(self) -> list[dict[str, Any]]:
        """What came: the news, in order."""
        return [json.loads(line) for line in re.findall(r"^data: (.*)$", self.text, re.MULTILINE)]

    @property
    def shown(self) -> str:
        """What the page shows then."""
        html = ""
        for event in self.events:
            html = ("" if event.get("reset") else html) + event.get("html", "")
        return re.sub(r"<[^>]+>|\s", "", html)


Test = Callable[[Any, Counting, Writer], Coroutine[Any, Any, None]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Test], None]:
    monkeypatch.setattr(streams, "EVERY", 0.01)
    monkeypatch.setattr(streams, "SELDOM", 0.05)
    store = Counting()
    bot = make_bot(store, Gate(tmp_path))

    def run(test: Test) -> None:
        async def whole() -> None:
            application = asgi.Application(bot)
            await test(application, store, Writer(bot, store))
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

        asyncio.run(whole())

    return run


def test_what_is_written_comes_as_it_is_written(run: Callable[[Test], None]) -> None:
    async def test(application: Any, store: Counting, write: Writer) -> None:
        reader = Reader(application)
        await reader.until(lambda one: one.events)
        assert reader.status == 200
        assert reader.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert reader.headers["cache-control"] == "no-store"
        assert reader.headers["x-accel-buffering"] == "no"
        assert reader.events == [{"at": "1.0"}], "something at once, or it is taken for held back"
        write(0, "一")
        await reader.until(lambda one: one.shown == "一")
        write(1, "二", "三")
        await reader.until(lambda one: one.shown == "一二三")
        write(3, "四", end=True)
        await reader.end()
        assert reader.shown == "一二三四"
        assert "写完了" in reader.events[-1]["end"]

    run(test)


def test_a_page_that_is_cut_back_is_shown_anew(run: Callable[[Test], None]) -> None:
    async def test(application: Any, store: Counting, write: Writer) -> None:
        write(0, "一", "二")
        reader = Reader(application, "1.2")
        await reader.until(lambda one: one.events)
        write(1, "两", "三")
        await reader.until(lambda one: one.shown == "一两三")
        assert reader.events[-1]["reset"] is True

    run(test)


def test_who_takes_a_stream_up_again_goes_on_where_they_were(run: Callable[[Test], None]) -> None:
    async def test(application: Any, store: Counting, write: Writer) -> None:
        write(0, "一", "二")
        reader = Reader(application, "1.0", last="1.1")
        await reader.until(lambda one: one.events)
        assert reader.shown == "二"

    run(test)


def test_a_stream_ends_after_its_segment(
    run: Callable[[Test], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "SEGMENT", 0.1)

    async def test(application: Any, store: Counting, write: Writer) -> None:
        reader = Reader(application)
        await reader.end()
        assert reader.events == [{"at": "1.0"}]
        assert "retry: 300" in reader.text

    run(test)


def test_two_hundred_readers_cost_one_look_and_one_more_is_told_to_ask(
    run: Callable[[Test], None],
) -> None:
    async def test(application: Any, store: Counting, write: Writer) -> None:
        readers = [Reader(application) for _ in range(200)]
        for reader in readers:
            await reader.until(lambda one: one.events)
        one_too_many = Reader(application)
        await one_too_many.end()
        assert one_too_many.status == 503
        before = store.reads
        for number in range(10):
            write(number, str(number))
            for reader in readers:
                await reader.until(lambda one: one.shown.endswith(str(number)))  # noqa: B023
        assert {reader.shown for reader in readers} == {"0123456789"}
        # One that finds it for each piece; what else looks is time's.
        looks = store.reads - before
        assert looks < 200, "each reader would have looked ten times"
        readers[0].hung_up.set()
        await readers[0].end()
        again = Reader(application)
        await again.until(lambda one: one.events)
        assert again.status == 200

    run(test)


def test_of_three_hundred_readers_at_once_a_hundred_are_told_to_ask(
    run: Callable[[Test], None],
) -> None:
    async def test(application: Any, store: Counting, write: Writer) -> None:
        readers = [Reader(application) for _ in range(300)]
        for reader in readers:
            await reader.until(lambda one: one.status)
        assert Counter(reader.status for reader in readers) == {200: 200, 503: 100}
        write(0, "好", end=True)
        for reader in readers:
            await reader.end()
        again = Reader(application)
        await again.end()
        assert again.status == 200

    run(test)


def test_who_comes_later_lacks_nothing_and_hears_nothing_twice(
    run: Callable[[Test], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "EVERY", 0.2)

    async def test(application: Any, store: Counting, write: Writer) -> None:
        first = Reader(application)
        await first.until(lambda one: one.events)
        write(0, "一")  # the first has not been told of it yet
        second = Reader(application)
        third = Reader(application, "1.1")
        await second.until(lambda one: one.shown == "一")
        write(1, "二", end=True)
        for reader in (first, second, third):
            await reader.end()
        assert [one.shown for one in (first, second, third)] == ["一二", "一二", "二"]

    run(test)


def test_who_comes_at_the_same_time_shares_a_look_and_whoever_hangs_up_takes_nobody_along(
    run: Callable[[Test], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "EVERY", 5.0)

    async def test(application: Any, store: Counting, write: Writer) -> None:
        write(0, "一")
        pages = application._bot.pages
        before = store.reads
        first = asyncio.ensure_future(pages.hear(ID, "1.0", comes=True))
        others = [asyncio.ensure_future(pages.hear(ID, "1.0", comes=True)) for _ in range(50)]
        await asyncio.sleep(0)
        first.cancel()
        heard = await asyncio.gather(*others)
        assert {one.place for one in heard} == {"1.1"}
        assert store.reads == before + 1
        whole = await asyncio.gather(*(pages.answer_async(ID, "", streams=True) for _ in range(50)))
        assert {one.status for one in whole} == {200}
        assert store.reads == before + 2
        store.away = True
        with pytest.raises(StoreError):
            await pages.hear(ID, "1.1")
        store.away = False
        write(1, "二")
        assert (await pages.hear(ID, "1.1")).place == "1.2"

    run(test)


def test_nobody_looks_when_nobody_follows(run: Callable[[Test], None]) -> None:
    async def test(application: Any, store: Counting, write: Writer) -> None:
        reader = Reader(application)
        await reader.until(lambda one: one.events)
        reader.hung_up.set()
        await reader.end()
        before = store.reads
        await asyncio.sleep(0.1)
        assert store.reads == before

    run(test)


def test_a_page_that_is_complete_gone_or_left_is_not_followed(
    run: Callable[[Test], None],
) -> None:
    async def test(application: Any, store: Counting, write: Writer) -> None:
        write(0, "一", end=True)
        complete = Reader(application, "1.2")
        await complete.end()
        assert (complete.status, complete.text) == (204, "")
        behind = Reader(application, "1.1")
        await behind.end()
        assert behind.events[-1]["end"]
        store.forget("gh:o1")
        gone = Reader(application)
        await gone.end()
        assert gone.status == 204
        store.page_open(PageOpen("gh:o1", write.id, DAY))
        now = 1_800_000_000.0
        store.use_clock(lambda: now)
        left = Reader(application)
        await left.end()
        assert left.status == 204, "nobody has written on it for a quarter of an hour"

    run(test)


def test_a_store_that_is_away_ends_no_stream_that_is_open(run: Callable[[Test], None]) -> None:
    async def test(application: Any, store: Counting, write: Writer) -> None:
        reader = Reader(application)
        await reader.until(lambda one: one.events)
        store.away = True
        refused = Reader(application)
        await refused.end()
        assert refused.status == 503
        store.away = False
        write(0, "一", end=True)
        await reader.end()
        assert reader.shown == "一"

    run(test)

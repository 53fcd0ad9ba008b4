"""A page over HTTP: an unverified account, a model that is slow and says much, and nobody else's
business.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.answer_pages.model import ANSWER, URL, Gate, make_bot
from tests.full_path.doors import HttpDoor, Response
from tests.full_path.people import Person, content, push, signed
from tests.full_path.servers import SERVERS, Worker
from tests.redis_server import wait_until
from wechat_dialog import Bot
from wechat_dialog.core.pages.document import HEADERS
from wechat_dialog.stores import open_store
from wechat_dialog.stores.memory import MemoryStore

LINK = re.compile(rf'<a href="{URL}/([0-9a-f]{{32}})">(.+?)</a>')
USER = "oUser0000000000000000000001"


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path)
    yield gate
    gate.open()


@pytest.fixture(params=SERVERS)
def serve(request: pytest.FixtureRequest) -> Callable[[Bot], AbstractContextManager[int]]:
    return SERVERS[request.param]


def say(port: int, text: str, user: str = USER) -> str:
    door = HttpDoor(port, "/wx")
    return content(door.request("POST", signed(), push(user, Content=text)))


def get(port: int, id: str, query: str = "", method: str = "GET") -> Response:
    return HttpDoor(port, f"/wx/p/{id}").request(method, query)


def news(port: int, id: str, after: str) -> dict[str, Any]:
    response = get(port, id, f"after={after}")
    assert response.status == 200
    found: dict[str, Any] = json.loads(response.body)
    return found


def place(document: Response) -> str:
    found = re.search(rb'data-at="([\d.]+)"', document.body)
    assert found is not None
    return found[1].decode()


@pytest.fixture(params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "redis":
        url: str = request.getfixturevalue("redis_url")
        return url
    return f"sqlite:///{tmp_path}/bot.db"


def test_the_first_reply_has_the_link_and_the_page_ends_complete(
    serve: Callable[[Bot], AbstractContextManager[int]], store: str, gate: Gate
) -> None:
    bot = make_bot(store, gate)
    with serve(bot) as port:
        waiting = say(port, "问")
        found = LINK.search(waiting)
        assert found is not None
        id, label = found.groups()
        assert label == "在网页上等回答"
        assert waiting.startswith("正在处理")
        page = get(port, id)
        assert page.status == 200
        assert "正在写" in page.body.decode()
        assert '<div id="answer" data-at="1.0"' in page.body.decode()
        assert news(port, id, "1.0") == {"at": "1.0", "html": ""}
        gate.open()
        wait_until(lambda: "end" in news(port, id, "1.0"), "the page to end")
        whole = news(port, id, "1.0")
        assert whole["html"].count("<strong>") == 32
        assert "请回到对话里回答" in whole["html"]
        document = get(port, id).body.decode()
        assert whole["html"] in document
        assert "还想知道什么" not in document
        assert news(port, id, place(get(port, id))) == {"at": whole["at"], "html": ""}
        # In the chat it is its first part, the link, and the question.
        fetched = say(port, "继续")
        assert fetched.startswith("【回答】\n第 0 段：一二三")
        assert fetched.endswith(f'…\n<a href="{URL}/{id}">看全文</a>\n还想知道什么？')
        assert say(port, "天气") == "您还想知道天气。"
        assert gate.calls == 1
    bot.close()


def test_processes_agree_on_pages_again_after_redis_has_lost_their_secret(
    redis_url: str, gate: Gate
) -> None:
    def page(bot: Bot) -> str:
        link = LINK.search(bot.answer(push(USER, Content="长"), signed()).decode())
        assert link is not None
        return link[1]

    with (
        closing(make_bot(redis_url, gate)) as old,
        closing(make_bot(redis_url, gate)) as other,
        closing(make_bot(redis_url, gate)) as new,
    ):
        bots = old, other, new
        assert statuses(page(old), old, other) == [200, 200]
        with redis.Redis.from_url(redis_url) as client:
            client.flushall()
        assert statuses(page(new), *bots) == [200, 200, 200]
        assert statuses(page(old), *bots) == [200, 200, 200]


def statuses(id: str, *bots: Bot) -> list[int]:
    """What each of these processes answers to a reader."""
    found = [bot.pages for bot in bots]
    return [pages.answer(id, "").status for pages in found if pages is not None]


def test_a_wrong_link_tells_nobody_anything(
    serve: Callable[[Bot], AbstractContextManager[int]], gate: Gate
) -> None:
    now = 1_700_000_000.0
    store = MemoryStore(clock=lambda: now)
    bot, other = make_bot(store, gate), make_bot(store, gate, app_id="wx0123456789abcdef")
    with serve(bot) as port, serve(other) as port_of_other:
        link = LINK.search(say(port, "长"))
        assert link is not None
        id = link[1]
        assert get(port, id).status == 200
        gone = [
            get(port, "0" * 32), get(port, "f" * 32), get(port_of_other, id),
            get(port, "0" * 32, "after=1.0"), get(port_of_other, id, "after=1.3"),
        ]  # fmt: skip
        streams = [get(port, "0" * 32, "stream=1.0"), get(port_of_other, id, "stream=1.3")]
        now += 86400.0 + 1
        gone += [get(port, id), get(port, id, "after=1.0")]
        streams.append(get(port, id, "stream=1.0"))
        now -= 86400.0 + 1
        link = LINK.search(say(port, "长"))
        assert link is not None
        assert get(port, link[1]).status == 200
        bot.store.forget(f"gh_0123456789ab:{USER}")
        gone += [get(port, link[1]), get(port, id)]
        streams.append(get(port, link[1], "stream=1.0"))
        for one in streams:  # 204 is what ends an EventSource for good
            assert one.status in (204, 404)
            assert {**one.headers, "date": ""} == {**streams[0].headers, "date": ""}
            assert (one.status, one.body) == (streams[0].status, streams[0].body)
        for one in gone:
            assert one.status == 404
            assert one.body == gone[0].body
            assert {**one.headers, "date": ""} == {**gone[0].headers, "date": ""}
        assert "不存在" in gone[0].body.decode()
    bot.close()
    other.close()


def test_its_headers_allow_nothing(
    serve: Callable[[Bot], AbstractContextManager[int]], gate: Gate
) -> None:
    bot = make_bot(MemoryStore(), gate)
    with serve(bot) as port:
        link = LINK.search(say(port, "长"))
        assert link is not None
        for response in (get(port, link[1]), get(port, link[1], "after=1.0"), get(port, "0" * 32)):
            for name, value in HEADERS.items():
                assert response.headers[name.lower()] == value
            assert "set-cookie" not in response.headers
        policy = response.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'sha256-")
        assert "unsafe" not in policy
        assert response.headers["cache-control"] == "no-store"
        body = get(port, link[1]).body.decode()
        assert USER not in body
        assert not re.search(r"""(src|action)=|@import|url\(|href="(?!https?://)""", body)
        head = get(port, link[1], method="HEAD")
        assert (head.status, head.body) == (200, b"")
        for method in ("POST", "PUT", "DELETE"):
            refused = get(port, link[1], method=method)
            assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")
    bot.close()


@pytest.mark.parametrize(
    "query", ["after=", "after=x", "after=1", "after=1.99999999", "after=9.1", "after=1.-1",
              "after=%00", "stream", "x=1", "after=1.0&after=2.0"],
)  # fmt: skip
def test_any_query_is_answered(gate: Gate, query: str) -> None:
    bot = make_bot(MemoryStore(), gate)
    with SERVERS["wsgiref"](bot) as port:
        link = LINK.search(say(port, "长"))
        assert link is not None
        assert get(port, link[1], query).status == 200
    bot.close()


def test_a_path_that_is_no_pages_is_the_platforms(
    serve: Callable[[Bot], AbstractContextManager[int]], gate: Gate
) -> None:
    bot = make_bot(MemoryStore(), gate)
    with serve(bot) as port:
        for path in ("/wx", "/wx/p", "/wx/p/", "/wx/p/abc", f"/wx/q/{'0' * 32}", f"/{'0' * 32}",
                     f"/wx/p/{'0' * 33}", f"/wx/p/{'A' * 32}", f"/wx/p/{'0' * 32}/"):  # fmt: skip
            assert HttpDoor(port, path).request("GET").status == 403
            assert HttpDoor(port, path).request("GET", signed() + "&echostr=e").body == b"e"
    bot.close()


def test_a_store_that_is_away_is_a_503_or_500_without_a_word(gate: Gate) -> None:
    bot = make_bot("redis://127.0.0.1:9/0", gate)
    with SERVERS["wsgiref"](bot) as port:
        response = get(port, "0" * 32)
        assert (response.status, response.body) == (500, b"")
    bot.close()


# Killed. ------------------------------------------------------------------------------------------


@contextmanager
def process(kind: str, store: str, gate: Gate, **more: str) -> Iterator[Worker]:
    worker = Worker(kind, "tests.answer_pages.model", STORE=store, GATE=str(gate.folder), **more)
    try:
        yield worker
    finally:
        worker.kill()


@pytest.mark.parametrize("kind", ["gunicorn", "uvicorn"])
def test_a_worker_that_is_killed_leaves_its_page_to_the_next(
    kind: str, tmp_path: Path, gate: Gate
) -> None:
    store = f"sqlite:///{tmp_path}/bot.db"
    with process(kind, store, gate) as first:
        link = LINK.search(say(first.port, "问"))
        assert link is not None
        first.kill()
    with process(kind, store, gate, PATIENT="yes") as second:
        id = link[1]
        assert news(second.port, id, "1.0") == {"at": "1.0", "html": ""}
        gate.open()
        person = Person(HttpDoor(second.port, "/wx"), USER)
        assert person.say("在吗").endswith("看全文</a>\n还想知道什么？")
        whole = news(second.port, id, "1.0")
        assert whole["html"].count("<strong>") == 32
        assert whole["end"]
        assert gate.calls == 2, "the step in which it died runs again, and nothing else"
        assert person.say("天气") == "您还想知道天气。"
    stored = open_store(store)
    assert stored.page_read("0" * 32) is None
    stored.close()


def test_any_process_serves_a_page_that_another_writes(tmp_path: Path, gate: Gate) -> None:
    store = f"sqlite:///{tmp_path}/bot.db"
    with process("gunicorn", store, gate) as one, process("uvicorn", store, gate) as other:
        link = LINK.search(say(one.port, "问"))
        assert link is not None
        assert "正在写" in get(other.port, link[1]).body.decode()
        gate.open()
        wait_until(lambda: "end" in news(other.port, link[1], "1.0"), "the page to end")
        assert get(one.port, link[1]).body.count(b"<strong>") == 32
        assert ANSWER.count("**") == 64

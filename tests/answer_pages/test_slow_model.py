"""A model that takes its time, read on a phone: an unverified account, 20 kB, paragraph by
paragraph, the worker killed in the middle, another taking over. The test lets each come.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.answer_pages.conftest import Open
from tests.answer_pages.fake_model import FakeModel, fake_model
from tests.answer_pages.model import URL
from tests.answer_pages.test_full_path import LINK, USER
from tests.full_path.doors import HttpDoor
from tests.full_path.people import TOKEN, Person
from tests.full_path.servers import Worker
from tests.proxy import Proxy
from tests.redis_server import wait_until

pytestmark = pytest.mark.browser

SAID = [f"**第 {number} 段**：" + "一二三四五六七八九十" * 20 for number in range(32)]
LATER = [text.replace("段", "段（再）") for text in SAID]
KILLED, AGAIN = 20, 10


class Slow:
    """An answer whose paragraphs come when they are let go."""

    def __init__(self, model: FakeModel, paragraphs: list[str]) -> None:
        self._gates = [Event() for _ in paragraphs]
        told = [
            piece
            for text, gate in zip(paragraphs, self._gates, strict=True)
            for piece in (gate, text[:7], text[7:], "\n\n")
        ]
        model.says(*told)

    def goes_on(self, to: int) -> None:
        for gate in self._gates[:to]:
            gate.set()


def shows(page: Page, paragraphs: list[str]) -> None:
    plain = [text.replace("**", "") for text in paragraphs]
    expect(page.locator("#answer p")).to_have_text(plain)


@pytest.mark.parametrize(("kind", "scheme"), [("gunicorn", "light"), ("uvicorn", "dark")])
def test_an_answer_is_read_to_its_end_though_its_worker_is_killed_in_the_middle(
    tmp_path: Path, open_page: Open, kind: str, scheme: str
) -> None:
    assert 19_000 < len("\n\n".join(SAID).encode()) < 24_000
    with fake_model() as model, ThreadPoolExecutor() as threads:
        settings = {"MODEL_URL": model.url, "TOKEN": TOKEN, "PAGES": URL}
        settings["STORE"] = f"sqlite:///{tmp_path}/bot.db"
        module = "tests.answer_pages.served_assistant"
        one, other = Worker(kind, module, **settings), Worker(kind, module, PATIENT="", **settings)
        try:
            read_to_the_end(model, one, other, open_page, scheme, threads)
        finally:
            one.kill()
            other.kill()


def read_to_the_end(
    model: FakeModel, one: Worker, other: Worker, open_page: Open, scheme: str, threads: Any
) -> None:
    person = Person(HttpDoor(other.port, "/wx"), USER)
    assert person.say("聊天").startswith("请说")
    first, second = Slow(model, SAID), Slow(model, [*SAID[:AGAIN], *LATER[AGAIN:]])
    person.door = HttpDoor(one.port, "/wx")
    link = LINK.search(person.say("写长一点"))
    assert link is not None
    assert link[2] == "在网页上等回答"
    with Proxy(one.port) as proxy:
        page = open_page(proxy.port, id=link[1], color_scheme=scheme)
        expect(page.locator("#state")).to_contain_text("正在写")
        first.goes_on(KILLED)
        shows(page, SAID[:KILLED])
        one.kill()
        first.goes_on(len(SAID))
        proxy._target = other.port
        # The user's next message has another worker finish the turn.
        person.door = HttpDoor(other.port, "/wx")
        answer = threads.submit(person.say, "继续")
        wait_until(lambda: len(model.asked) == 2, "the model to be asked again")
        second.goes_on(AGAIN + 1)
        shows(page, [*SAID[:AGAIN], LATER[AGAIN]])
        second.goes_on(len(SAID))
        shows(page, [*SAID[:AGAIN], *LATER[AGAIN:]])
        expect(page.locator("#state")).to_contain_text("写完了")
        page.reload()
        shows(page, [*SAID[:AGAIN], *LATER[AGAIN:]])
        said = answer.result()
        assert said.startswith("第 0 段")
        assert re.search(rf'…\n<a href="{URL}/{link[1]}">看全文</a>', said)
        page.close()
    model.says("不客气。")
    assert person.say("谢谢").startswith("不客气。")
    past = [(one["role"], one["content"]) for one in model.asked[-1]["messages"]]
    assert [role for role, _ in past] == ["user", "assistant", "user"], "the dialog advanced once"
    assert past[0][1] == "写长一点"
    assert len(model.asked) == 3

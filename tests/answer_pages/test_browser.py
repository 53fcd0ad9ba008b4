"""What a reader sees of a page, in a real Chromium at a phone's size."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.answer_pages.conftest import Open
from tests.answer_pages.model import Gate, make_bot
from tests.answer_pages.test_full_path import process
from tests.answer_pages.test_markup import HOSTILE, SHOWN
from tests.answer_pages.test_streams import Writer
from tests.full_path.servers import SERVERS
from tests.proxy import Proxy
from tests.simulator.chromium import Desk
from wechat_dialog import Bot
from wechat_dialog.core.pages.document import HEADERS
from wechat_dialog.stores import open_store
from wechat_dialog.stores.memory import MemoryStore

pytestmark = pytest.mark.browser


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Bot]:
    bot = make_bot(MemoryStore(), Gate(tmp_path), ai_generated=True)
    yield bot
    bot.close()


def writer(bot: Bot) -> Writer:
    return Writer(bot, bot.store)


def test_a_slow_answer_appears_though_the_worker_is_killed_in_the_middle(
    tmp_path: Path, open_page: Open
) -> None:
    store, gate = f"sqlite:///{tmp_path}/bot.db", Gate(tmp_path)
    write = Writer(make_bot(store, gate), open_store(store))
    with (
        process("uvicorn", store, gate) as one,
        process("uvicorn", store, gate) as other,
        Proxy(one.port) as proxy,
    ):
        page = open_page(proxy.port)
        expect(page.locator("#state")).to_contain_text("正在写")
        write(0, "# 第一段")
        expect(page.locator("h2")).to_have_text("第一段")
        proxy._target = other.port
        one.kill()
        write(1, "第二段")
        expect(page.locator("#answer")).to_contain_text("第二段")
        write(1, "第二段，不同的", "第三段")
        expect(page.locator("#answer p")).to_have_text(["第二段，不同的", "第三段"])
        write(3, end=True)
        expect(page.locator("#state")).to_contain_text("写完了")
        expect(page.locator("#answer")).to_have_attribute("aria-busy", "false")
        page.close()


OLD = "delete window.EventSource; delete window.fetch; delete window.Promise;"


@pytest.mark.parametrize("script", ["", OLD], ids=["today's", "old"])
def test_behind_wsgi_it_asks(bot: Bot, open_page: Open, script: str) -> None:
    write = writer(bot)
    write(0, "一")
    with SERVERS["wsgiref"](bot) as port:
        page = open_page(port, script=script)
        expect(page.locator("#answer")).to_have_text(re.compile("一"))
        write(1, "二", "三", end=True)
        expect(page.locator("#answer p")).to_have_text(["一", "二", "三"])
        expect(page.locator("#state")).to_contain_text("写完了")
        page.reload()
        expect(page.locator("#answer p")).to_have_text(["一", "二", "三"])
        page.close()


def test_a_page_that_goes_away_says_so(bot: Bot, open_page: Open) -> None:
    write = writer(bot)
    write(0, "一")
    with SERVERS["wsgiref"](bot) as port:
        page = open_page(port)
        bot.store.forget("gh:o1")
        expect(page.locator("#state")).to_contain_text("已经过期")
        page.close()


def test_without_script_there_is_what_was_written(bot: Bot, open_page: Open) -> None:
    write = writer(bot)
    write(0, "一")
    with SERVERS["uvicorn"](bot) as port:
        page = open_page(port, java_script_enabled=False)
        expect(page.locator("#answer")).to_contain_text("一")
        assert 'http-equiv="refresh"' in page.content()
        write(1, "二", end=True)
        page.reload()
        expect(page.locator("#answer p")).to_have_text(["一", "二"])
        expect(page.locator("#state")).to_contain_text("写完了")
        assert "refresh" not in page.content()
        page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_fits_a_small_phone_and_keeps_nobody_out(
    bot: Bot, open_page: Open, scheme: str
) -> None:
    write = writer(bot)
    long = "AVeryLongWordWithoutAnyBlank" * 10
    table = f"|{'列|' * 12}\n|{'-|' * 12}\n|{'一二三四|' * 12}"
    write(0, *SHOWN, long, f"`{long}`", f"```\n{long}\n```", f"# {long}", table, end=True)
    with SERVERS["uvicorn"](bot) as port:
        page = open_page(port, color_scheme=scheme)
        page.set_viewport_size({"width": 320, "height": 560})
        expect(page.locator("#state")).to_contain_text("写完了")
        expect(page.locator("#made")).to_be_hidden()
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 320
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        light = sum(map(int, re.findall(r"\d+", colour))) > 384
        assert light == (scheme == "light")
        assert Desk(page, "").barriers() == []
        page.close()


def test_nothing_hostile_runs(bot: Bot, open_page: Open) -> None:
    write = writer(bot)
    with SERVERS["uvicorn"](bot) as port:
        page = open_page(port)
        write(0, *HOSTILE, "最后", end=True)
        expect(page.locator("#answer")).to_contain_text("最后")
        expect(page.locator("#state")).to_contain_text("写完了")
        kinds = "script, img, iframe, svg, style, form, input, object, embed, [onerror], [onclick]"
        assert page.locator(f"#answer :is({kinds})").count() == 0
        links = page.locator("#answer a").evaluate_all("all => all.map(one => one.protocol)")
        assert set(links) <= {"https:", "http:"}
        page.reload()
        assert page.locator(f"#answer :is({kinds})").count() == 0
        page.close()


def test_its_script_is_for_old_webviews() -> None:
    source = Path(__file__).parents[2] / "src/wechat_dialog/core/pages/page.js"
    code = re.sub(r"//.*|\"[^\"]*\"", "", source.read_text("utf-8"))
    young = (
        r"=>|`|\b(let|const|class|async|await|fetch|Promise|for \(\w+ \w+ of)\b|\.\.\.|\?\?|\?\."
    )
    assert re.findall(young, code) == []
    assert "sha256" in HEADERS["Content-Security-Policy"]

"""`wechat-dialog simulate` over real HTTP, with the bot in a process of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import PATIENCE
from tests.platform.pages import Page, page_of, simulating

SHOP = """
import pathlib, time
from wechat_dialog import Bot

bot = Bot(store="sqlite:///never.db")

@bot.text("加")
def add(chat):
    total = yield from chat.ask("一？", int)
    total += yield from chat.ask("二？", int)
    return f"{total}"

def slow():
    pathlib.Path("begun").touch()
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
    return "慢"

@bot.text("慢")
def wait(chat):
    return (yield from chat.step(slow))

@bot.click("k1")
def tapped(chat):
    return "点了"

@bot.text("菜单")
def menu(chat):
    return (yield from chat.choose("选", ["甲", "乙"]))
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Page]]:
    folder = tmp_path_factory.mktemp("simulator")
    (folder / "shop.py").write_text(SHOP)
    with page_of(folder, "simulate", "shop:bot") as page:
        yield folder, page


@pytest.fixture
def page(shared: tuple[Path, Page]) -> Page:
    """The simulator's page, with a new user in front."""
    page = shared[1]
    user = page.do("new_user")["id"]
    page.until(lambda: any(one["id"] == user for one in page.state["users"]))
    page.state["users"].sort(key=lambda one: one["id"] != user)
    return page


def test_a_conversation_is_seen_with_its_requests_and_its_journal(page: Page) -> None:
    assert page.say("加") == "一？"
    assert page.say("2") == "二？"
    told = page.until(lambda: (c := page.conversation()) and c["waiting"]["prompt"] == "二？" and c)
    assert [entry["title"] for entry in told["journal"]] == ["加", "2"]
    assert page.say("40") == "42"
    page.until(lambda: page.conversation() is None)
    requests = page.state["requests"][page.user]
    assert [(one["number"], one["status"], one["open"]) for one in requests] == [
        (1, 200, False)
    ] * 3
    assert "<Content><![CDATA[40]]></Content>" in requests[-1]["plain"]
    assert "42" in requests[-1]["reply"]


def test_ctrl_c_ends_it_and_its_bot_with_a_page_open(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    with simulating(tmp_path, "simulate", "shop:bot") as (process, url):
        page = Page(url)
        assert page.say("加") == "一？"
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
        assert process.wait(PATIENCE) == 0
        page.close()
    assert [path.name for path in tmp_path.iterdir()] == ["shop.py"]

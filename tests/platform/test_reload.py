"""The bot's source changes under a running simulator: read anew, and what differs is shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.platform.pages import Page, page_of
from wechat_dialog.platform.display import FAULT

BEFORE = """
import words
from wechat_dialog import Bot

bot = Bot(store="memory://")

@bot.text("加")
def add(chat):
    total = yield from chat.ask("一？", int)
    total += yield from chat.ask("二？", int)
    return f"{words.SUM}{total}"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(BEFORE)
    (tmp_path / "words.py").write_text("SUM = '和'\n")
    return tmp_path


@pytest.fixture
def page(folder: Path) -> Iterator[Page]:
    with page_of(folder, "simulate", "shop:bot") as page:
        page.until(lambda: page.state["bot"]["status"] == "running")
        yield page


def test_the_conversation_goes_on_in_the_changed_code(folder: Path, page: Page) -> None:
    page.say("加")
    page.say("2")
    seen = len(page.events)
    (folder / "words.py").write_text("SUM = '共'\n")  # a module that the bot's own imports
    reloaded = page.wait(lambda event: event["type"] == "reloaded", after=seen)
    assert (reloaded["divergence"], reloaded["error"]) == (None, "")
    assert page.say("40") == "共42"


def test_a_change_that_diverges_is_shown_with_its_place(folder: Path, page: Page) -> None:
    page.say("加")
    page.say("2")
    seen = len(page.events)
    (folder / "shop.py").write_text(BEFORE.replace("二？", "还有？"))
    reloaded = page.wait(lambda event: event["type"] == "reloaded", after=seen)
    divergence = reloaded["divergence"]
    assert divergence["dialog"] == "add"
    assert divergence["position"] == 2
    assert "还有？" in divergence["found"]
    assert Path(divergence["file"]).name == "shop.py"
    assert divergence["line"] == 1 + BEFORE.splitlines().index(
        '    total += yield from chat.ask("二？", int)'
    )
    page.until(lambda: (told := page.conversation()) and told["divergence"] == divergence)


def test_a_change_that_does_not_load_is_shown_and_mended(folder: Path, page: Page) -> None:
    page.say("加")
    (folder / "shop.py").write_text(BEFORE.replace("def add(chat):", "def add(chat)"))
    page.until(lambda: page.state["bot"]["status"] == "crashed")
    assert "SyntaxError" in page.state["bot"]["error"]
    assert page.say("2") == FAULT  # at once: nobody is there
    assert {one["status"] for one in page.state["requests"][page.user][-3:]} == {0}
    (folder / "shop.py").write_text(BEFORE)
    page.until(lambda: page.state["bot"]["status"] == "running")
    assert page.say("2") == "二？"


STUCK = """
import time

@bot.text("转")
def spins(chat):
    yield from chat.ask("转几圈？")
    while True:
        time.sleep(0.01)
"""


def test_code_that_hangs_is_ended_for_the_changed_code_and_its_line_is_told(
    folder: Path, page: Page
) -> None:
    seen = len(page.events)
    (folder / "shop.py").write_text(BEFORE + STUCK)
    page.wait(lambda event: event["type"] == "reloaded", after=seen)
    assert page.say("转") == "转几圈？"
    page.do("text", user=page.user, content="3")
    page.until(lambda: page.state["requests"][page.user][-1]["open"])
    seen = len(page.events)
    mended = STUCK.replace("time.sleep(0.01)", "return '停'")
    (folder / "shop.py").write_text(BEFORE + mended)
    told = page.wait(
        lambda event: event["type"] == "log" and "spins()" in event["line"], after=seen
    )
    assert "shop.py:" in told["line"]
    page.until(lambda: page.shown()[-1] == ("bot", "停"))

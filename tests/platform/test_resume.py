"""A dialog that breaks on the desk: its traceback is shown, and it goes on once mended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.platform.pages import Page, page_of

BROKEN = """
from wechat_dialog import Bot

bot = Bot(store="memory://")

@bot.text("菜")
def menu(chat):
    dish = yield from chat.ask("点什么？")
    prices = {"面": 18}
    return f"{prices[dish]} 元"
"""


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    (tmp_path / "shop.py").write_text(BROKEN)
    with page_of(tmp_path, "simulate", "shop:bot") as page:
        page.until(lambda: page.state["bot"]["status"] == "running")
        yield page


def test_what_broke_is_shown_and_goes_on_in_mended_code(page: Page, tmp_path: Path) -> None:
    page.say("菜")
    assert page.say("饺子") == "抱歉，出了点问题，请稍后再试。"
    told = page.until(lambda: (page.conversation() or {}).get("parked"))
    assert "KeyError" in told[0]["error"]
    assert f'File "{tmp_path / "shop.py"}", line 10' in told[0]["traceback"]
    assert page.do("resume", user=page.user, id=told[0]["id"]) == {"resumed": False}
    seen = len(page.events)
    (tmp_path / "shop.py").write_text(BROKEN.replace('{"面": 18}', '{"面": 18, "饺子": 20}'))
    page.wait(lambda event: event["type"] == "reloaded", after=seen)
    assert page.do("resume", user=page.user, id=told[0]["id"]) == {"resumed": True}
    page.until(lambda: (page.conversation() or {}).get("parked") == [])
    assert page.say("嗯").startswith("20 元")


def test_one_that_is_not_there_is_refused_with_a_sentence(page: Page) -> None:
    answer = page.ask("resume", user=page.user, id="0123456789abcdef")
    assert answer.status_code == 409
    assert "0123456789abcdef" in answer.json()["error"]

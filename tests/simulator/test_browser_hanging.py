"""While a bot hangs, the page says which request is waited for, and what is executed: in a real
Chromium.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.simulator.conftest import Opener, Starter

pytestmark = pytest.mark.browser

BOT = Path(__file__).with_name("hanging.py")
PHONE = {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True}


def test_while_a_bot_hangs_the_page_says_which_request_waits_and_where_the_code_is(
    starter: Starter, opener: Opener, tmp_path: Path
) -> None:
    (tmp_path / BOT.name).write_text(BOT.read_text("utf-8"), "utf-8")
    # Each request is waited for as long as the test takes.
    url = starter(tmp_path, "simulate", "hanging:bot", "--window", "600")
    desk = opener(url)
    desk.say("转")
    desk.shows("转几圈？")
    desk.say("3")
    said = desk.said.last
    expect(said).to_contain_text("机器人还没有回答（第 1 次请求，共 3 次）")
    expect(said.locator(".doing")).to_contain_text("正在执行hanging.py:")
    expect(said.locator(".doing")).to_contain_text("spins()")
    expect(desk.tab("requests").locator(".request.open .doing")).to_contain_text("spins()")
    assert desk.barriers() == []

    phone = opener(url, "Ada", **PHONE, locale="en-US", color_scheme="dark")
    phone.page.get_by_role("button", name="Ada").tap()
    phone.say("?")
    expect(phone.said.last).to_contain_text("The bot has not answered yet (request 1 of 3)")
    expect(phone.said.last).to_contain_text("It is executing")
    assert phone.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert phone.barriers() == []

    desk.ask("kill")
    expect(said).to_contain_text("机器人还没有回答（第 2 次请求，共 3 次）")
    expect(desk.page.locator(".outage")).to_contain_text("机器人没有在运行")
    failed = desk.page.locator(".request.bad").last
    expect(failed.locator(".doing")).to_contain_text("没有回答时在执行hanging.py:")

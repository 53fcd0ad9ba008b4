"""What is wrong is told in words, where it is looked for: in a real Chromium."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.platform.pages import simulating
from tests.platform.servers import wsgi
from tests.simulator.chromium import Desk
from tests.simulator.conftest import Opener, Starter, folder_with
from wechat_dialog import Bot

pytestmark = pytest.mark.browser

BOT = Path(__file__).with_name("quiet.py")
PHONE = {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a simulator of that bot."""
    folder = folder_with(tmp_path_factory, BOT)
    with simulating(folder, "simulate", "quiet:bot", "--window", "2") as (_, address):
        yield address


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """The address of a simulator of a URL where nothing listens, and the URL's port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with simulating(tmp_path, "simulate", f"http://127.0.0.1:{port}/", "--token", "a") as found:
        yield found[1], port


def looking(browser: Browser, url: str, **options: object) -> Desk:
    """A window with its first user in front, whatever the bot's state is."""
    page = browser.new_context(locale="zh-CN", reduced_motion="reduce", **options).new_page()  # type: ignore[arg-type]
    desk = Desk(page, url)
    page.goto(url)
    return desk


def test_a_url_where_nothing_listens_is_red_and_says_why(
    browser: Browser, elsewhere: tuple[str, int]
) -> None:
    url, port = elsewhere
    desk = looking(browser, url, viewport={"width": 1440, "height": 900})
    dot, bar = desk.page.locator(".bot-chip .dot"), desk.page.locator(".outage")
    expect(dot).to_have_class("dot unreachable")
    expect(bar).to_contain_text("机器人没有回答")
    expect(bar).to_contain_text("没有程序在那里监听；机器人在运行吗？（ConnectionRefusedError）")
    expect(desk.tab("conversation")).to_contain_text("没有程序在那里监听")
    assert desk.barriers() == []
    bar.click()
    expect(desk.page.locator("#panel-bot .bot-error")).to_contain_text("没有程序在那里监听")
    desk.say("喂")
    expect(desk.said.last).to_contain_text("3 次请求都是：连不上：没有程序在那里监听")
    marks = desk.said.first.locator(".copies")
    for number in (1, 2, 3):
        expect(marks).to_have_attribute("title", re.compile(f"第 {number} 次请求：连不上"))
    marks.click()
    expect(desk.page.locator("#panel-requests .problem")).to_have_count(3)
    assert desk.barriers() == []
    with wsgi(Bot("a", store="memory://").wsgi, port):
        expect(dot).to_have_class("dot running")
        expect(bar).to_have_count(0)
    assert desk.complaints == []
    desk.page.context.close()


def test_the_same_on_a_phone_at_night(browser: Browser, elsewhere: tuple[str, int]) -> None:
    desk = looking(browser, elsewhere[0], color_scheme="dark", **PHONE)
    page = desk.page
    page.locator(".person").first.tap()
    bar = page.locator(".outage")
    expect(bar).to_contain_text("没有程序在那里监听")
    assert desk.barriers() == []
    bar.tap()
    expect(page.get_by_role("dialog", name="开发者")).to_contain_text("没有程序在那里监听")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert desk.barriers() == []
    page.context.close()


def test_code_that_does_not_load_is_told_with_its_line_and_nothing_covers_that(
    starter: Starter, opener: Opener, tmp_path: Path
) -> None:
    source = tmp_path / "quiet.py"
    source.write_text(BOT.read_text("utf-8"), "utf-8")
    phone = opener(starter(tmp_path, "simulate", "quiet:bot"), "掌上", **PHONE)
    page = phone.page
    page.get_by_role("button", name="掌上").tap()
    source.write_text("def f(:\n", "utf-8")
    bar = page.locator(".outage")
    expect(bar).to_contain_text("quiet.py:1: SyntaxError")
    toast = page.locator(".toast")
    expect(toast).to_contain_text("改过的代码加载不了")
    above, below = bar.bounding_box(), toast.bounding_box()
    assert above is not None
    assert below is not None
    assert above["y"] + above["height"] <= below["y"]
    composer = page.locator(".composer").bounding_box()
    assert composer is not None
    assert below["y"] + below["height"] <= composer["y"]


def test_without_a_process_the_desk_does_not_claim_that_no_conversation_is_running(
    starter: Starter, opener: Opener, tmp_path: Path
) -> None:
    (tmp_path / "quiet.py").write_text(BOT.read_text("utf-8"), "utf-8")
    desk = opener(starter(tmp_path, "simulate", "quiet:bot"))
    panel = desk.tab("conversation")
    expect(panel).to_contain_text("没有进行中的对话")
    desk.ask("kill")
    expect(panel.locator(".outage-box")).to_contain_text("机器人没有在运行")
    expect(panel).not_to_contain_text("没有进行中的对话")
    expect(desk.page.locator(".outage")).to_contain_text("机器人没有在运行")
    assert desk.barriers() == []
    panel.get_by_role("button", name="启动").click()
    expect(panel).to_contain_text("没有进行中的对话")
    desk.say("静")
    desk.shows("说点什么")
    expect(desk.waiting).to_have_text("说点什么")
    desk.ask("kill")
    expect(panel.locator(".outage-box")).to_contain_text("最后一次回答时的样子")
    expect(desk.waiting).to_have_text("说点什么")
    restart(desk)
    desk.say("好")
    desk.shows("好", "没有回复")
    desk.say("买")
    desk.shows("买", "请付款。")
    expect(panel.locator(".aside")).to_be_visible()
    desk.ask("kill")
    expect(panel.locator(".outage-box")).to_be_visible()
    expect(panel).not_to_contain_text("没有进行中的对话")
    restart(desk)
    expect(panel.locator(".outage-box")).to_have_count(0)


def restart(desk: Desk) -> None:
    """Start a process in place of the one that was killed, and wait until it serves."""
    desk.ask("restart")
    expect(desk.page.locator(".bot-chip .dot")).to_have_class("dot running")


def test_no_reply_is_a_note_and_not_a_wait(desk: Desk) -> None:
    desk.say("静")
    desk.shows("静", "说点什么")
    desk.say("好")
    desk.shows("好", "机器人没有回复；现在没有进行中的对话")
    expect(desk.page.locator(".person[aria-current] .person-says")).to_contain_text("没有回复")
    assert desk.barriers() == []


def test_what_broke_is_named_below_the_apology_and_on_the_tab(desk: Desk) -> None:
    desk.tab("bot")
    desk.say("错")
    desk.shows("哪里？")
    desk.say("这里")
    desk.shows("抱歉", "ZeroDivisionError: 不该除以零")
    tab = desk.page.locator("#tab-conversation")
    expect(tab).to_have_class(re.compile(r"\bfresh\b"))
    expect(tab).to_have_attribute("title", "ZeroDivisionError: 不该除以零")
    assert desk.barriers() == []
    desk.said.last.get_by_role("button", name="看堆栈").click()
    expect(desk.page.locator("#panel-conversation .parked pre")).to_contain_text("quiet.py")


def test_steps_of_a_signal_s_turn_are_shown_as_those_of_a_message_s(desk: Desk) -> None:
    desk.say("买")
    desk.shows("买", "请付款。")
    records = desk.tab("conversation").locator(".aside .record-title")
    expect(records).to_have_text(["买", "look"])
    desk.ask("signal", user=desk.user, name="paid", match="A1", data="5")
    expect(records).to_have_text(["买", "look", "paid", "look"])
    desk.page.locator(".aside .record-head").last.click()
    expect(desk.page.locator(".aside .record pre")).to_contain_text("有货")
    assert desk.barriers() == []

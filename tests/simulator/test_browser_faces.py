"""The same page for everybody: a phone's window, the keyboard alone, night, English, other senses.

And beside a server that is not ours, which breaks the platform's rules.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.simulator.chromium import Desk
from tests.simulator.conftest import Opener, Starter

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True}


def test_a_window_of_a_phone_s_size(opener: Opener, url: str) -> None:
    desk = opener(url, "掌上", **PHONE)
    page = desk.page
    page.get_by_role("button", name="掌上").tap()
    page.get_by_role("button", name="发送").wait_for(state="hidden")
    desk.field.fill("点餐")
    page.get_by_role("button", name="发送").tap()
    desk.shows("今天吃什么")
    page.get_by_role("button", name="饺子", exact=True).tap()
    desk.shows("饺子", "几份？")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    pane = page.get_by_role("dialog", name="开发者")
    expect(pane).to_have_count(0)
    page.locator(".phone").get_by_role("button", name="开发者").tap()
    expect(pane.get_by_role("tab", selected=True)).to_be_focused()
    pane.get_by_role("tab", name="对话").tap()
    expect(desk.waiting).to_have_text("几份？")
    assert desk.barriers() == []
    pane.get_by_role("button", name="关闭").tap()
    expect(pane).to_have_count(0)
    page.get_by_role("button", name="返回用户列表").tap()
    expect(page.get_by_role("heading", name="测试用户")).to_be_visible()
    expect(page.locator(".phone")).to_be_hidden()
    assert desk.barriers() == []


def test_the_keyboard_alone_is_enough(desk: Desk) -> None:
    keyboard, page = desk.page.keyboard, desk.page
    keyboard.press("Tab")
    expect(page.get_by_role("link", name="跳到输入框")).to_be_focused()
    keyboard.press("Enter")
    expect(desk.field).to_be_focused()
    keyboard.type("点餐")
    keyboard.press("Enter")
    desk.shows("点餐", "今天吃什么")
    page.get_by_role("button", name="饺子", exact=True).focus()
    keyboard.press("Enter")
    desk.shows("饺子", "几份？")
    keyboard.press("Alt+Digit2")
    expect(page.get_by_role("tab", name="对话")).to_be_focused()
    expect(desk.waiting).to_have_text("几份？")
    keyboard.press("ArrowLeft")
    expect(page.get_by_role("tab", name="请求")).to_be_focused()
    keyboard.press("Alt+KeyM")  # the account's menu
    expect(page.get_by_role("group", name="公众号菜单").get_by_role("button").first).to_be_focused()
    keyboard.press("Alt+KeyM")
    expect(desk.field).to_be_focused()
    keyboard.press("ArrowUp")
    expect(desk.field).to_have_value("点餐")
    desk.field.fill("")
    keyboard.press("Alt+KeyP")
    expect(page.locator(".tile").first).to_be_focused()
    keyboard.press("Escape")
    expect(page.locator(".tile")).to_have_count(0)
    keyboard.press("Alt+KeyR")
    desk.shows("几份？", "几份？")
    expect(desk.said.nth(2).locator(".copies")).to_be_visible()
    keyboard.press("Alt+KeyT")
    keyboard.press("Enter")  # 61 seconds
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".clock-chip")).to_be_visible()
    keyboard.press("Alt+Digit1")
    keyboard.press("?")
    expect(page.get_by_role("dialog", name="键盘")).to_be_visible()
    keyboard.press("Escape")
    expect(page.get_by_role("tab", name="请求")).to_be_focused()
    keyboard.press("Alt+ArrowDown")
    expect(page.locator(f"[data-user='{desk.user}']")).not_to_have_attribute("aria-current", "true")


def test_focus_can_be_seen_wherever_it_goes(desk: Desk) -> None:
    desk.page.evaluate("document.activeElement.blur()")
    for _ in range(12):
        desk.page.keyboard.press("Tab")
        seen = desk.page.evaluate(
            "(() => { const style = getComputedStyle(document.activeElement);"
            " return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2; })()"
        )
        assert seen, desk.page.evaluate("document.activeElement.outerHTML.slice(0, 200)")


def test_night_and_english_follow_the_browser_and_can_be_chosen(opener: Opener, url: str) -> None:
    desk = opener(url, color_scheme="dark", locale="en-US")
    page = desk.page
    expect(page.locator(".phone")).to_have_css("background-color", "rgb(17, 17, 17)")
    expect(page.get_by_role("heading", name="Test users")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    desk.say("累加器")
    desk.shows("要加几个数？")  # what a bot says is not ours to translate
    desk.field.fill("still here")
    page.get_by_role("button", name="Theme: the system’s").click()
    expect(page.locator(".phone")).to_have_css("background-color", "rgb(237, 237, 237)")
    page.get_by_role("button", name="中", exact=True).click()
    expect(page.get_by_role("heading", name="测试用户")).to_be_visible()
    expect(desk.field).to_have_value("still here")
    page.reload()
    expect(page.get_by_role("heading", name="测试用户")).to_be_visible()
    expect(page.get_by_role("button", name="外观：浅色")).to_be_visible()
    desk.shows("累加器", "要加几个数？")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_anybody_out(opener: Opener, url: str, scheme: str) -> None:
    desk = opener(url, color_scheme=scheme)
    page = desk.page
    desk.say("图文")
    desk.shows("好消息")
    desk.say("点餐")
    desk.shows("今天吃什么")
    found = {"chat": desk.barriers()}
    desk.tab("requests").locator(".request-head").first.click()
    expect(page.locator(".request-body")).to_be_visible()
    found["requests"] = desk.barriers()
    desk.tab("conversation").locator(".record-head").first.click()
    expect(page.locator(".record pre")).to_be_visible()
    found["conversation"] = desk.barriers()
    desk.tab("bot")
    page.get_by_role("button", name="更多", exact=True).click()
    found["bot, more"] = desk.barriers()
    page.locator("[data-send=event]").click()
    found["form"] = desk.barriers()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="表情").click()
    found["emoticons"] = desk.barriers()
    page.get_by_role("button", name="资料").click()
    found["profile"] = desk.barriers()
    assert {place: faults for place, faults in found.items() if faults} == {}


def test_axe_would_find_a_barrier(desk: Desk) -> None:
    desk.page.locator("#people .icon-button").evaluate(
        "(one) => ['aria-label', 'title'].forEach((name) => one.removeAttribute(name))"
    )
    assert any("button-name" in one for one in desk.barriers())


class _Rude(BaseHTTPRequestHandler):
    """A server that answers nothing a platform takes, and would speak markup to a browser."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b"<xml><Content><![CDATA[<img src=x onerror=alert(1)>]]></Content></xml>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def rude() -> Iterator[str]:
    """The URL of a server in no framework of ours."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Rude) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_a_broken_rule_is_a_notice_to_the_user_and_a_reason_to_the_developer(
    starter: Starter, opener: Opener, rude: str, tmp_path: Path
) -> None:
    desk = opener(starter(tmp_path, "simulate", rude, "--token", "secret"))
    page = desk.page
    expect(page.locator(".outage")).to_contain_text("HTTP 状态是 501")
    desk.say("你好")
    notice = desk.said.last
    expect(notice).to_contain_text("该公众号提供的服务出现故障，请稍后再试")
    expect(notice.locator(".why")).to_contain_text("ToUserName 是 None")
    expect(notice.locator(".why")).to_contain_text("协议 5.1")
    notice.get_by_role("button", name="查看请求").click()
    detail = page.locator(".request-body")
    # What looks like markup stays the text that it is.
    expect(detail.locator("pre").last).to_contain_text("<img src=x onerror=alert(1)>")
    expect(page.locator("img[src=x]")).to_have_count(0)
    expect(page.locator(".request.bad .problem")).to_contain_text("ToUserName")
    assert desk.barriers() == []
    expect(desk.tab("conversation")).to_contain_text("看不到它的对话记录")
    expect(desk.tab("bot").get_by_role("button", name="杀掉")).to_have_count(0)
    expect(page.get_by_role("button", name="过 1 小时")).to_be_hidden()

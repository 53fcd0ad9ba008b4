"""What waits, for what and until when, signals, and what is owed: in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.platform.pages import simulating
from tests.simulator.chromium import Desk
from tests.simulator.conftest import Opener, folder_with

pytestmark = pytest.mark.browser

BOT = Path(__file__).with_name("waiting.py")
PHONE = {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a simulator of that bot."""
    folder = folder_with(tmp_path_factory, BOT)
    with simulating(folder, "simulate", "waiting:bot") as (_, address):
        yield address


def hours(desk: Desk, name: str = "过 1 小时") -> None:
    """Let an hour pass."""
    desk.page.get_by_role("button", name=name, exact=True).click()


def form(desk: Desk, **values: str) -> Locator:
    """Fill the open form in and send it; returns the form."""
    dialog = desk.page.get_by_role("dialog", name="发信号")
    for name, value in values.items():
        dialog.locator(f"[name={name}]").fill(value)
    dialog.get_by_role("button", name="发送", exact=True).click()
    return dialog


def seen(desk: Desk, what: Locator) -> None:
    """Expect that nothing lies over it: an open window covers the page and makes it inert."""
    what.scroll_into_view_if_needed()
    box = what.bounding_box()
    assert box is not None
    at = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
    assert what.evaluate("(it, [x, y]) => it.contains(document.elementFromPoint(x, y))", at)
    assert desk.page.locator(".toast").count() == 0


def test_what_waits_is_shown_and_a_signal_ends_it(desk: Desk) -> None:
    desk.say("买票")
    desk.shows("买票", "请付款。")
    panel = desk.tab("conversation")
    aside = panel.locator(".aside")
    expect(aside).to_contain_text("ticket")
    expect(aside.locator(".rival")).to_have_count(2)
    expect(aside.locator(".rival").first).to_contain_text("paid (A1)")
    expect(aside.locator("time")).to_contain_text("最晚")
    aside.get_by_role("button", name="发信号").click()
    dialog = desk.page.get_by_role("dialog", name="发信号")
    expect(dialog.locator("[name=match]")).to_have_value("A1")
    assert desk.barriers() == []
    refusal = form(desk, data='{"fen": "many"}').get_by_role("alert")
    expect(refusal).to_contain_text("要 int，给的是 str，在 $.fen")
    seen(desk, refusal)
    assert desk.barriers() == []
    [complaint] = desk.complaints  # the browser's own, of a status that says no
    assert "status of 4" in complaint
    desk.complaints.clear()
    form(desk, data='{"fen": 9900}', id="T1")
    expect(dialog).to_have_count(0)
    expect(desk.page.locator(".toast").last).to_contain_text("有对话接着走了")
    expect(panel.locator(".aside")).to_have_count(0)
    owed = panel.locator(".card-box", has_text="欠着没说的（1）")
    expect(owed).to_contain_text("收到 99.00 元。")
    assert desk.barriers() == []
    desk.say("在吗")
    desk.shows("在吗", "收到 99.00 元。")
    expect(owed).to_have_count(0)


def test_a_signal_for_nobody_is_kept_and_a_repeated_one_does_nothing(desk: Desk) -> None:
    panel = desk.tab("conversation")
    toast = desk.page.locator(".toast")
    for said in ("先存着", "来过了"):
        panel.get_by_role("button", name="发信号").click()
        expect(form(desk, match="A1", data='{"fen": 1}', id="T1")).to_have_count(0)
        expect(toast.last).to_contain_text(said)
    expect(panel.locator(".card-box", has_text="存着的信号（1）")).to_contain_text("paid A1")
    assert desk.barriers() == []


def test_an_hour_does_what_falls_due_on_the_way(desk: Desk) -> None:
    desk.say("提醒")
    desk.shows("提醒", "好。")
    desk.say("充值")
    desk.shows("充值", "付好了吗？")
    panel = desk.tab("conversation")
    expect(desk.waiting).to_have_text("付好了吗？")
    expect(panel.locator(".waiting .rival")).to_have_count(2)
    expect(panel.locator(".aside")).to_contain_text("等到")
    assert desk.barriers() == []
    hours(desk)
    owed = panel.locator(".card-box", has_text="欠着没说的（2）")
    expect(owed.locator("li")).to_have_text(["十分钟没等到。", "该喝水了。"])
    desk.say("在吗")
    desk.shows("在吗", "十分钟没等到。\n该喝水了。\n您说：在吗")


def test_at_night_in_english_on_a_phone(opener: Opener, url: str) -> None:
    desk = opener(url, "Ada", **PHONE, color_scheme="dark", locale="en-US")
    page = desk.page
    page.get_by_role("button", name="Ada").tap()
    for text in ("买票", "提醒", "充值"):
        desk.field.fill(text)
        page.get_by_role("button", name="Send", exact=True).tap()
        expect(desk.said.nth(-2)).to_contain_text(text)
    desk.shows("付好了吗？")
    page.locator(".phone").get_by_role("button", name="Developer").tap()
    pane = page.get_by_role("dialog", name="Developer")
    pane.get_by_role("tab", name="Conversation").tap()
    expect(pane.locator(".aside")).to_have_count(2)
    assert desk.barriers() == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    pane.get_by_role("button", name="Send a signal").first.tap()
    form = page.get_by_role("dialog", name="Send a signal")
    expect(form.locator("[name=match]")).to_have_value("B7")
    assert desk.barriers() == []
    form.locator("[name=data]").fill('{"fen": 500}')
    form.get_by_role("button", name="Send", exact=True).tap()
    expect(pane.locator(".card-box", has_text="Still to be said (1)")).to_contain_text("到账 5.00")

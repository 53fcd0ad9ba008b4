"""A bot with answer pages on the desk: its page is opened in the phone, and its parts are in the
journal while a step runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.platform.pages import simulating
from tests.simulator.conftest import Opener

pytestmark = pytest.mark.browser

BOT = """
import pathlib, time
from wechat_dialog import Bot, Chat, Dialog, Steps, Window, replies

bot = Bot(
    pages="https://bot.example.com/wx/p", timeout=600, window=Window(requests=1, patience=0.3)
)


def found(question: str) -> int:
    return 3


def model() -> str:
    while not pathlib.Path("go").exists():
        time.sleep(0.02)
    return "**写完**了。"


def research(steps: Steps, question: str) -> str:
    count = steps.run("search", found, question)
    steps.say(replies.Markdown(f"## 找到 {count} 篇\\n\\n[出处](https://example.com/source)"))
    steps.say(replies.Markdown(steps.run("model", model)))
    return "就这些。"


@bot.text("问")
def ask(chat: Chat) -> Dialog[str]:
    question = yield from chat.ask("想问什么？")
    return (yield from chat.step(research, question))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "reader.py").write_text(BOT, "utf-8")
    return tmp_path


@pytest.fixture
def url(folder: Path) -> Iterator[str]:
    with simulating(folder, "simulate", "reader:bot") as (_, address):
        yield address


def test_a_page_is_read_in_the_phone_and_parts_are_in_the_journal(
    url: str, folder: Path, opener: Opener
) -> None:
    desk = opener(url, "小明")
    page = desk.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    desk.say("问")
    desk.shows("想问什么？")
    desk.say("天气")
    link = page.get_by_role("button", name="在网页上等回答", exact=True)
    expect(link).to_be_visible()
    expect(desk.tab("conversation")).to_contain_text("↳ search")
    link.click()
    phone = page.locator("#phone")
    shown = page.frame_locator("#phone .browser iframe")
    expect(phone.locator(".browser-title")).to_have_text("回答")
    expect(phone.locator("#write")).not_to_be_focused()
    expect(shown.locator("h3")).to_have_text("找到 3 篇")
    expect(shown.locator("#state")).to_contain_text("正在写")
    (folder / "go").touch()
    expect(shown.locator("#answer strong")).to_have_text("写完")
    expect(shown.locator("#state")).to_contain_text("写完了")
    shown.get_by_role("link", name="出处").click()
    expect(page.get_by_role("dialog")).to_contain_text("https://example.com/source")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    assert desk.barriers() == []
    phone.locator(".browser").get_by_role("button", name="关闭").click()
    expect(phone.locator("iframe")).to_have_count(0)
    expect(link).to_be_focused()
    link.press("Enter")
    expect(shown.locator("#state")).to_contain_text("写完了")
    shown.locator("#answer").click()
    page.keyboard.press("Escape")  # within the page
    expect(phone.locator("iframe")).to_have_count(0)
    assert [address for address in asked if not address.startswith(f"{url}/")] == []

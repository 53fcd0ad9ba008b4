"""A bot that pushes, before a simulator: it is told where the active side is, and may use it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.platform.pages import Page, page_of

BOT = """
from wechat_dialog import Bot

bot = Bot(customer_messages=True)

def push(user):
    bot.api.typing(user)
    media = bot.api.upload("image", b"picture", "a.png", "image/png")
    bot.api.send_text(user, bot.api.download(media).content.decode())
    bot.api.create_menu([{"name": "一", "type": "click", "key": "k"}])

@bot.text("推")
def pushes(chat):
    print("a line of its own")
    yield from chat.step(push, chat.user)
    return "推好了"
"""


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    (tmp_path / "pusher.py").write_text(BOT)
    with page_of(tmp_path, "simulate", "pusher:bot", "--kind", "service") as page:
        yield page


def test_what_it_pushes_is_seen_with_its_calls(page: Page) -> None:
    page.do("text", user=page.user, content="推")
    page.until(lambda: page.shown()[1:] == [("bot", "picture"), ("bot", "推好了")])
    pushed = page.state["messages"][page.user][1]
    assert pushed["pushed"]
    calls = [one for one in page.state["requests"][page.user] if one["method"] == "API"]
    assert [one["url"].rpartition("/")[2] for one in calls] == ["typing", "send"]
    page.until(lambda: page.state["messages"][page.user][1]["requests"] == [calls[-1]["id"]])
    assert [button["name"] for button in page.state["menu"]] == ["一"]
    page.wait(lambda event: event == {"type": "log", "line": "a line of its own"})


def test_nothing_secret_is_told_to_the_page(page: Page) -> None:
    page.do("text", user=page.user, content="推")
    page.until(lambda: ("bot", "推好了") in page.shown())
    told = str(page.events)
    assert "access_token=" not in told
    assert "simulated" not in str(page.state["requests"])

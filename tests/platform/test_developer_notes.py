"""What a phone would not show, told to the developer in the chat: no reply, and what broke."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.platform.pages import Event, Page, page_of

SHOP = """
import random
from wechat_dialog import Bot

bot = Bot()

@bot.text("静")
def quiet(chat):
    yield from chat.ask("说点什么")

@bot.text("等")
def waits(chat):
    yield from chat.wait_for("paid", dict, match="A1")

@bot.text("错")
def broken(chat):
    yield from chat.ask("哪里？")
    raise ZeroDivisionError("不该除以零")

@bot.text("晚")
def late(chat):
    yield from chat.sleep(60)
    raise ZeroDivisionError("晚了才错")

@bot.text("掷")
def throws(chat):
    if random.random() < 2 and not chat.replaying:
        yield from chat.ask("大吗？")
    yield from chat.ask("小吗？")
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("notes")
    (folder / "shop.py").write_text(SHOP)
    with page_of(folder, "simulate", "shop:bot") as page:
        yield page


@pytest.fixture
def page(shared: Page) -> Page:
    shared.front = shared.do("new_user")["id"]
    shared.until(lambda: any(one["id"] == shared.front for one in shared.state["users"]))
    return shared


def last(page: Page, kind: str) -> Event:
    """The last bubble, as soon as it is of this kind."""

    def found() -> Event | None:
        bubbles: list[Event] = page.state["messages"][page.user]
        return bubbles[-1] if bubbles and bubbles[-1]["kind"] == kind else None

    note: Event = page.until(found)
    return note


def explained(page: Page) -> Event:
    """The last bubble, as soon as it says that there was no reply, and how the user stands."""
    last(page, "silence")
    page.until(lambda: last(page, "silence")["rests"] is not None)
    return last(page, "silence")


def test_a_dialog_that_ends_without_a_word_is_not_a_silence_without_end(page: Page) -> None:
    page.say("静")
    page.do("text", user=page.user, content="好")
    note = explained(page)
    assert (note["from"], note["rests"]) == ("system", True)
    request = page.state["requests"][page.user][-1]
    assert (note["requests"], request["answer"]) == ([request["id"]], "success")
    assert page.person["unread"] == 1, "the user sees no more than the question"


def test_a_dialog_that_waits_for_a_signal_is_not_said_to_be_over(page: Page) -> None:
    page.do("text", user=page.user, content="等")
    assert explained(page)["rests"] is False


def test_what_broke_stands_below_the_apology(page: Page) -> None:
    page.say("错")
    assert page.say("这里") == "抱歉，出了点问题，请稍后再试。"
    note = last(page, "parked")
    assert note["why"] == "ZeroDivisionError: 不该除以零"
    kinds = [bubble["kind"] for bubble in page.state["messages"][page.user]]
    assert kinds == ["text", "text", "text", "text", "parked"]


def test_what_broke_in_a_turn_that_no_message_began_is_told_too(page: Page) -> None:
    page.do("text", user=page.user, content="晚")
    last(page, "silence")
    page.do("advance", seconds=61)
    assert last(page, "parked")["why"] == "ZeroDivisionError: 晚了才错"


def test_why_a_message_does_not_count_stands_below_the_apology(page: Page) -> None:
    assert page.say("掷") == "抱歉，出了点问题，请稍后再试。"
    note = last(page, "refused")
    assert note["why"].startswith("NotRepeatable: dialog 'throws' goes another way")
    assert note["why_zh"].startswith("NotRepeatable: 对话 'throws' 重放时走了另一条路")
    assert [bubble["kind"] for bubble in page.state["messages"][page.user]] == [
        "text", "text", "refused",
    ]  # fmt: skip

"""Time and signals in the simulator: what waits is shown, and an hour does what falls due in it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.platform.pages import Page, page_of

SHOP = """
import pathlib, time
from wechat_dialog import Bot, NoAnswer, Steps

bot = Bot(timeout=None, customer_messages={pushes}, app_id="wx1", app_secret="s")

@bot.text("买")
def buy(chat):
    chat.say("请付款")
    try:
        paid = yield from chat.wait_for("paid", dict, match="A1", within=900)
    except NoAnswer:
        return "超时了"
    return f"收到 {{paid['fen']}} 分"

@bot.text("两件")
def two(chat):
    chat.remind(120, "后")
    chat.remind(60, "先")
    return "好"

def look():
    return "有货"

def ship(steps: Steps, fen):
    number = steps.run("book", str, fen)
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
    return f"运单 {{number}}"

@bot.text("寄")
def send(chat):
    yield from chat.step(look)
    paid = yield from chat.wait_for("paid", dict, match="B1")
    number = yield from chat.step(ship, paid["fen"])
    yield from chat.wait_for("arrived", dict, match="B1")
    return number

@bot.text("嗨")
def hello(chat):
    return "嗨！"
"""


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    """A personal account's page."""
    (tmp_path / "shop.py").write_text(SHOP.format(pushes=False))
    with page_of(tmp_path, "simulate", "shop:bot") as page:
        yield page


def test_what_waits_is_shown_for_what_and_until_when(page: Page) -> None:
    assert page.say("买") == "请付款"
    told = page.until(lambda: (c := page.conversation()) and c["aside"] and c)
    (one,) = told["aside"]
    assert (one["dialog"], one["state"]) == ("buy", "waits for paid")
    signal, limit = one["waits"]
    assert (signal["name"], signal["match"]) == ("paid", "A1")
    assert limit["limit"]
    assert limit["due"] > page.state["now"]


def aside(page: Page) -> list[tuple[str, str, str]]:
    """The journal of the one conversation that waits."""
    told = (page.conversation() or {}).get("aside") or [{"journal": []}]
    return [(one["kind"], one["title"], one["detail"]) for one in told[0]["journal"]]


def test_the_steps_of_a_turn_that_no_message_began_are_shown(page: Page, tmp_path: Path) -> None:
    page.do("text", user=page.user, content="寄")
    before = [("message", "寄", ""), ("step", "look", '"有货"')]
    page.until(lambda: aside(page) == before)
    fields = {"user": page.user, "name": "paid", "match": "B1", "data": '{"fen": 5}'}
    thread = threading.Thread(target=page.do, args=("signal",), kwargs=fields)
    thread.start()
    # While the step runs, its parts that have ended; once it has ended, its result.
    page.until(lambda: ("step", "↳ book", '"5"') in aside(page))
    (tmp_path / "go").touch()
    thread.join()
    signalled = ("signal", "paid", '{"fen":5}')
    page.until(lambda: aside(page) == [*before, signalled, ("step", "ship", '"运单 5"')])


def test_a_form_sends_a_signal(page: Page) -> None:
    page.say("买")
    answer = page.do("signal", user=page.user, name="paid", match="A1", data='{"fen": 5}', id="T")
    assert answer["outcome"] == "taken"
    told = page.until(lambda: (c := page.conversation()) and c["owed"] and c)
    assert told["owed"] == ["收到 5 分"]
    again = page.do("signal", user=page.user, name="paid", match="A1", data='{"fen": 5}', id="T")
    assert again["outcome"] == "repeated"
    page.do("signal", user=page.user, name="other", data="")
    told = page.until(lambda: (c := page.conversation()) and c["mail"] and c)
    assert [letter["name"] for letter in told["mail"]] == ["other"]
    refused = page.ask("signal", user=page.user, name="paid", data="{")
    assert refused.status_code == 409
    assert "no JSON" in refused.json()["error"]
    assert "数据不是 JSON" in refused.json()["error_zh"]
    assert page.say("嗨") == "收到 5 分\n嗨！"


def test_data_that_the_waiting_dialog_does_not_take_are_refused_in_both_languages(
    page: Page,
) -> None:
    page.say("买")
    refused = page.ask("signal", user=page.user, name="paid", match="A1", data="[]")
    assert refused.status_code == 409
    assert refused.json() == {
        "error": "signal 'paid' does not fit what is waited for: Expected `object`, got `array`",
        "error_zh": "信号 'paid' 和对话在等的不符：要 object，给的是 array",
    }


def test_a_signal_may_be_the_first_that_a_bot_hears(page: Page) -> None:
    answer = page.do("signal", user=page.user, name="paid", match="A1", data='{"fen": 5}', id="T")
    assert answer["outcome"] == "kept"
    assert page.say("买") == "请付款"
    page.until(lambda: (c := page.conversation()) and c["owed"])
    assert page.say("嗨") == "收到 5 分\n嗨！"


def test_an_hour_does_what_falls_due_on_its_way_in_order(page: Page) -> None:
    page.say("两件")
    page.say("买")
    page.do("advance", seconds=3600)
    told = page.until(lambda: (c := page.conversation()) and len(c["owed"]) == 3 and c)
    assert told["owed"] == ["先", "后", "超时了"]
    assert page.say("嗨") == "先\n后\n超时了\n嗨！"


def test_an_account_that_may_is_pushed_to_at_that_time(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP.format(pushes=True))
    with page_of(tmp_path, "simulate", "shop:bot", "--kind", "service") as page:
        page.say("两件")
        page.do("advance", seconds=3600)
        page.until(
            lambda: [text for who, text in page.shown() if text in ("先", "后")] == ["先", "后"]
        )
        bubbles = page.state["messages"][page.user]
        first, second = [one["at"] for one in bubbles if one.get("pushed")]
        assert 59_000 <= second - first <= 61_000, "each at its own time"

"""`wechat-dialog simulate` over real HTTP, with the bot in a process of its own."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.command import PATIENCE
from tests.platform.pages import Page, page_of, simulating

SHOP = """
import pathlib, time
from wechat_dialog import Bot

bot = Bot(store="sqlite:///never.db")

@bot.text("加")
def add(chat):
    total = yield from chat.ask("一？", int)
    total += yield from chat.ask("二？", int)
    return f"{total}"

def slow():
    pathlib.Path("begun").touch()
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
    return "慢"

@bot.text("慢")
def wait(chat):
    return (yield from chat.step(slow))

@bot.click("k1")
def tapped(chat):
    return "点了"

@bot.text("菜单")
def menu(chat):
    return (yield from chat.choose("选", ["甲", "乙"]))
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Page]]:
    folder = tmp_path_factory.mktemp("simulator")
    (folder / "shop.py").write_text(SHOP)
    with page_of(folder, "simulate", "shop:bot") as page:
        yield folder, page


@pytest.fixture
def page(shared: tuple[Path, Page]) -> Page:
    """The simulator's page, with a new user in front."""
    page = shared[1]
    page.front = page.do("new_user")["id"]
    page.until(lambda: any(one["id"] == page.front for one in page.state["users"]))
    return page


def test_a_conversation_is_seen_with_its_requests_and_its_journal(page: Page) -> None:
    assert page.say("加") == "一？"
    assert page.say("2") == "二？"
    told = page.until(lambda: (c := page.conversation()) and c["waiting"]["prompt"] == "二？" and c)
    assert [entry["title"] for entry in told["journal"]] == ["加", "2"]
    assert page.say("40") == "42"
    page.until(lambda: page.conversation() is None)
    requests = page.state["requests"][page.user]
    assert [(one["number"], one["status"], one["open"]) for one in requests] == [
        (1, 200, False)
    ] * 3
    assert "<Content><![CDATA[40]]></Content>" in requests[-1]["plain"]
    assert "42" in requests[-1]["reply"]


def test_ctrl_c_ends_it_and_its_bot_with_a_page_open(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    with simulating(tmp_path, "simulate", "shop:bot") as (process, url):
        page = Page(url)
        assert page.say("加") == "一？"
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
        assert process.wait(PATIENCE) == 0
        page.close()
    assert [path.name for path in tmp_path.iterdir()] == ["shop.py"]


def test_nothing_of_the_bots_own_store_is_touched(shared: tuple[Path, Page], page: Page) -> None:
    folder, _ = shared
    page.say("加")
    assert not (folder / "never.db").exists()


# What a phone can do. ------------------------------------------------------------------


def test_a_tapped_option_is_sent_with_its_id(page: Page) -> None:
    page.say("菜单")
    menu = page.state["messages"][page.user][-1]
    (first, *_) = [part["tap"] for part in menu["parts"] if "tap" in part]
    page.do("tap", user=page.user, **first)
    page.until(lambda: len(page.state["requests"][page.user]) == 2)
    assert "<bizmsgmenuid>" in page.state["requests"][page.user][-1]["plain"]


def test_the_account_s_menu_is_made_of_the_keys_it_has_routes_for(page: Page) -> None:
    assert [button["key"] for button in page.state["menu"]] == ["k1"]
    page.do("menu", user=page.user, index=[0])
    page.until(lambda: page.shown()[-1] == ("bot", "点了"))
    assert page.state["messages"][page.user][0]["kind"] == "event"
    assert page.ask("menu", user=page.user, index=[7]).status_code == 409


@pytest.mark.parametrize(
    ("command", "fields", "pushed"),
    [
        ("image", {"name": "a.png", "data": "aGk="}, "<PicUrl><![CDATA[http://127.0.0.1:"),
        ("voice", {"recognition": "你好"}, "<Recognition><![CDATA[你好]]></Recognition>"),
        ("location", {"latitude": 1.5, "longitude": 2, "label": "某"}, "<Location_X><![CDATA[1.5"),
        ("link", {"title": "题", "url": "https://a/"}, "<Url><![CDATA[https://a/]]></Url>"),
        ("scan", {"scene": "s1"}, "<EventKey><![CDATA[s1]]></EventKey>"),
        ("event", {"name": "LOCATION", "fields": {"Latitude": "1"}}, "<Latitude>"),
    ],
)
def test_everything_a_phone_sends_is_pushed(
    page: Page, command: str, fields: dict[str, object], pushed: str
) -> None:
    page.do(command, user=page.user, **fields)
    request = page.until(
        lambda: (made := page.state["requests"][page.user]) and not made[0]["open"] and made[0]
    )
    assert pushed in request["plain"]
    assert (request["status"], request["problem"]) == (200, "")


def test_a_picture_that_was_sent_can_be_fetched_by_its_address(page: Page) -> None:
    page.do("image", user=page.user, name="a.png", data="aGk=")
    address = page.state["messages"][page.user][0]["image"]["url"]
    assert page.client.get(address).content == b"hi"


def test_who_does_not_follow_cannot_write_and_follows_by_scanning(page: Page) -> None:
    page.do("unfollow", user=page.user)
    assert page.ask("text", user=page.user, content="加").status_code == 409
    page.do("scan", user=page.user, scene="s1")
    page.until(lambda: len(page.state["requests"][page.user]) == 2)
    pushed = page.state["requests"][page.user][-1]["plain"]
    assert "<![CDATA[subscribe]]>" in pushed
    assert "<![CDATA[qrscene_s1]]>" in pushed
    assert page.person["following"]


def test_a_message_resent_is_the_same_message_and_gets_the_same_answer(page: Page) -> None:
    page.say("加")
    page.say("2")
    page.do("resend", user=page.user)
    page.until(lambda: page.shown()[-2:] == [("bot", "二？"), ("bot", "二？")])
    first, again = page.state["requests"][page.user][-2:]
    assert first["plain"] == again["plain"]
    assert first["query"]["nonce"] != again["query"]["nonce"]


def test_two_messages_at_once_have_two_turns_in_some_order(page: Page) -> None:
    page.say("加")
    page.do("together", user=page.user, contents=["2", "3"])
    page.until(lambda: ("bot", "5") in page.shown())


@pytest.mark.parametrize(
    ("command", "fields", "status"),
    [
        ("nonsense", {}, 404),
        ("text", {}, 400),
        ("text", {"user": "oNobody", "content": "a"}, 409),
        ("image", {"user": "oNobody", "name": "a.txt", "data": ""}, 409),
        ("advance", {"seconds": -1}, 409),
        ("back", {"user": "oNobody", "point": 1}, 409),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    page: Page, command: str, fields: dict[str, object], status: int
) -> None:
    answer = page.ask(command, **fields)
    assert answer.status_code == status
    assert answer.json()["error"]


# What a developer can do. --------------------------------------------------------------


def test_time_that_passes_ends_a_conversation(page: Page) -> None:
    page.say("加")
    page.do("advance", seconds=61)
    page.until(lambda: page.conversation() is None)
    assert page.ask("text", user=page.user, content="2").status_code == 200
    page.until(lambda: page.state["requests"][page.user][-1]["answer"] == "success")


def test_going_back_takes_back_what_was_said_since_and_goes_on_from_there(page: Page) -> None:
    page.say("加")
    page.say("2")
    point = page.state["messages"][page.user][2]["point"]
    page.say("40")
    page.do("advance", seconds=600)
    page.do("back", user=page.user, point=point)
    page.until(lambda: page.shown() == [("user", "加"), ("bot", "一？")])
    assert page.say("5") == "二？"
    assert page.say("6") == "11"
    page.do("back", user=page.user, point=page.state["messages"][page.user][0]["point"])
    page.until(lambda: page.shown() == [] and page.conversation() is None)
    assert page.say("加") == "一？"


def test_clearing_ends_the_conversation(page: Page) -> None:
    page.say("加")
    page.do("clear", user=page.user)
    page.until(lambda: page.shown() == [] and page.conversation() is None)
    assert page.say("加") == "一？"


def test_a_bot_killed_in_a_step_finishes_the_turn_on_the_platforms_next_request(
    shared: tuple[Path, Page], page: Page
) -> None:
    folder, _ = shared
    page.do("text", user=page.user, content="慢")
    page.until(lambda: page.person["typing"])
    page.until(lambda: (folder / "begun").exists() or (page.do("seen", user=page.user) and False))
    page.do("kill")
    page.until(lambda: page.state["bot"]["status"] == "stopped")
    (folder / "go").touch()
    page.do("restart")
    page.until(lambda: ("bot", "慢") in page.shown())
    assert len(page.state["requests"][page.user]) >= 2


def test_two_users_talk_side_by_side(page: Page) -> None:
    other = page.do("new_user", name="别人")["id"]
    assert page.say("加") == "一？"
    assert page.say("加", other) == "一？"
    assert page.say("1") == "二？"
    assert page.say("10", other) == "二？"
    assert page.say("2") == "3"
    assert page.say("20", other) == "30"


# Who may speak to it. ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": "192.168.1.1"}, 403),
        ({"Host": "[::1"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_a_stranger_s_page_cannot_speak_to_it(
    page: Page, headers: dict[str, str], status: int
) -> None:
    sent = {"Content-Type": "application/json", **headers}
    body = json.dumps({"user": page.user})
    assert page.client.post("/do/seen", content=body, headers=sent).status_code == status


def test_a_page_of_its_own_may(page: Page) -> None:
    assert page.ask("seen", user=page.user).status_code == 200
    answer = page.client.post("/do/seen", json={"user": page.user}, headers={"Origin": page.url})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/assets/../web.py", "/assets/%2e%2e/web.py", "/assets/none.js"])
def test_nothing_but_the_page_is_served(page: Page, path: str) -> None:
    assert page.client.get(path).status_code == 404


def test_no_other_file_of_the_machine_is_served(page: Page, tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text("{}")
    assert page.client.get(f"/assets/{tmp_path}/secret.json").status_code == 404
    assert page.client.get(f"/assets//{tmp_path}/secret.json").status_code == 404


LONG = """
from wechat_dialog import Bot

bot = Bot(store="memory://", pages="https://example.com/wx/p")

@bot.text("长")
def long(chat):
    return "很长。" * 1000
"""


def test_the_link_to_an_answer_page_leads_to_the_bot_that_runs_here(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text(LONG)
    with page_of(tmp_path, "simulate", "long:bot") as page:
        page.until(lambda: page.state["bot"]["status"] == "running")
        page.say("长")
        [bubble] = [one for one in page.state["messages"][page.user] if one["from"] == "bot"]
        [link] = [part["href"] for part in bubble["parts"] if part.get("href")]
        assert link.startswith("http://127.0.0.1:")
        served = httpx.get(link, trust_env=False)
        assert "很长。" * 1000 in served.text
        # Within the simulator's page, and nowhere else, it may be shown in a frame.
        shown = page.client.get(f"/pages/{'/'.join(link.split('/')[-2:])}")
        assert "很长。" * 1000 in shown.text
        policy = served.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert served.headers["x-frame-options"] == "DENY"
        assert shown.headers["content-security-policy"] == policy.replace(
            "frame-ancestors 'none'", "frame-ancestors 'self'"
        )
        for other in ("", "p/0", f"wx/p/{'0' * 32}", f"p/{'0' * 32}", "..%2fwx"):
            assert page.client.get(f"/pages/{other}").status_code == 404

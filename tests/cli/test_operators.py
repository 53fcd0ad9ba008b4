"""`wechat-dialog conversations` and `check` as people call them: processes of their own."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pexpect
import pytest

from tests.cli import command
from tests.deploys.town import ACCOUNT, USER, town
from wechat_dialog import Bot, Chat, Dialog, messages

OLD = """
@bot.text("开始")
def shop(chat):
    name = yield from chat.ask("叫什么？")
    city = yield from chat.ask("住哪里？")
    return f"叫={name} 住={city}"
"""
NEW = """
@bot.text("开始")
def shop(chat):
    city = yield from chat.ask("住哪里？")
    name = yield from chat.ask("叫什么？")
    return f"叫={name} 住={city}"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a conversation under the old code, and that code as a module."""
    with town(tmp_path) as made:
        made.deploy(OLD)
        made.say("开始")
        made.say("小明")
    command.write_shop(tmp_path, OLD)
    return tmp_path


def test_check_is_quiet_in_a_pipe_and_fails_where_an_answer_would_be_lost(folder: Path) -> None:
    fits = command.run(folder, "check", "shop:bot")
    assert (fits.returncode, fits.stderr.count("\n")) == (0, 1)
    assert fits.stdout == "1 conversations\n      1  unchanged\n"
    command.write_shop(folder, NEW)
    asks = command.run(folder, "check", "shop:bot")
    assert (asks.returncode, asks.stderr.count("\n")) == (0, 1)
    assert "1  asks again" in asks.stdout
    assert "asks again from record 1: dialog 'shop' at record 1" in asks.stdout
    assert f"({folder / 'shop.py'}:6)" in asks.stdout
    assert command.run(folder, "check", "shop:bot", "--strict").returncode == 1
    command.write_shop(folder, NEW.replace('"开始"', '"开始", on_divergence="park"'))
    told = command.run(folder, "check", "shop:bot", "--json")
    assert told.returncode == 1
    report = json.loads(told.stdout)
    assert (report["conversations"], report["failed"]) == (1, True)
    assert report["outcomes"]["parked"] == 1
    assert report["first"][0]["position"] == 1


def test_conversations_go_into_a_file_and_are_checked_from_it(folder: Path) -> None:
    written = command.run(folder, "conversations", "export", "shop:bot", "all.jsonl", "--redact")
    assert (written.returncode, written.stdout) == (0, "")
    assert written.stderr.endswith("exported 1 conversations, redacted\n")
    file = folder / "all.jsonl"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "小明" not in file.read_text("utf-8")
    store = f"sqlite:///{folder / 'town.db'}"
    whole = command.run(folder, "conversations", "export", "--store", store, "-")
    assert "小明" in whole.stdout
    (folder / "town.db").rename(folder / "gone.db")
    command.write_shop(folder, NEW)
    checked = command.run(folder, "check", "shop:bot", "--from", "all.jsonl")
    assert "1  asks again" in checked.stdout
    assert not (folder / "town.db").exists()
    wrong = command.run(folder, "check", "shop:bot", "--from", "shop.py")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "line 1 of the file" in wrong.stderr
    assert command.run(folder, "conversations", "export", "x.jsonl").returncode == 2
    assert command.run(folder, "check", "shop:bot", "--from", "none").returncode == 2


def test_a_terminal_gets_a_progress_bar(folder: Path) -> None:
    child = pexpect.spawn(
        command.COMMAND[0], [*command.COMMAND[1:], "check", "shop:bot"], cwd=str(folder),
        env={**command.environment(), "TERM": "xterm", "COLUMNS": "120"}, encoding="utf-8",
        timeout=command.PATIENCE,
    )  # fmt: skip
    try:
        child.expect("replaying")
        child.expect("1  unchanged")
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)
    assert child.exitstatus == 0


def test_a_check_of_several_accounts_says_how_to_see_one(folder: Path) -> None:
    bot = Bot("t", store=f"sqlite:///{folder / 'town.db'}", timeout=None)

    @bot.text("开始", name="news")
    def news(chat: Chat) -> Dialog[None]:
        yield from chat.ask("哪里的？")

    raw = {"ToUserName": "gh_news", "FromUserName": "oReader", "CreateTime": "1700000000",
           "MsgType": "text", "Content": "开始", "MsgId": "1"}  # fmt: skip
    bot.respond(messages.from_fields(raw), 1_700_000_000)
    bot.close()
    command.write_shop(folder, OLD)
    both = command.run(folder, "check", "shop:bot")
    assert (both.returncode, "Bot(account=…)" in both.stdout) == (1, True), both.stdout
    command.write_shop(folder, OLD + f"bot.account = {ACCOUNT!r}\n")
    one = command.run(folder, "check", "shop:bot")
    assert (one.returncode, "Bot(account=…)" in one.stdout) == (0, False), one.stdout


def test_an_operator_is_told_that_mending_a_step_is_not_enough(folder: Path) -> None:
    stepping = """
@bot.text("开始")
def shop(chat):
    city = yield from chat.ask("住哪里？")
    rain = yield from chat.step(forecast, city)
    return f"{city}{rain}"
"""
    step = "def forecast(city):\n    return {'上海': '有雨'}[city]\n"
    mended = step.replace("'}", "', '北京': '没雨'}")
    caught = stepping.replace("    rain =", "    try:\n        rain =").replace(
        "    return",
        "    except KeyError:\n        rain = yield from chat.step(forecast, city)\n    return",
    )
    with town(folder) as made:
        made.deploy(step + stepping)
        made.say("开始", user="oStep")
        made.say("北京", user="oStep")
    command.write_shop(folder, mended + stepping)
    again = command.run(folder, "conversations", "resume", "shop:bot", "oStep")
    assert again.returncode == 1
    assert "catch it in the dialog" in again.stderr
    command.write_shop(folder, mended + caught)
    assert command.run(folder, "conversations", "resume", "shop:bot", "oStep").returncode == 0
    with town(folder) as made:
        made.deploy(mended + caught)
        made.clock += 200
        assert made.say("在吗", user="oStep") == "北京没雨"


def test_an_operator_lists_shows_resumes_and_ends(folder: Path) -> None:
    with town(folder) as made:
        made.deploy(OLD.replace("return f", 'raise ZeroDivisionError("零"); return f'))
        made.clock += 100
        made.say("北京")
    command.write_shop(folder, OLD)
    checked = command.run(folder, "check", "shop:bot", chinese=True)
    assert (checked.returncode, checked.stdout.partition("：")[0]) == (
        0, "0 个对话\n（搁置着的 1 个没有重放",
    )  # fmt: skip
    report = command.run(folder, "check", "shop:bot", "--json").stdout
    assert json.loads(report)["parked_before"] == 1
    listed = command.run(folder, "conversations", "list", "shop:bot").stdout
    assert "parked" in listed
    assert "ZeroDivisionError: 零" in listed
    shown = command.run(folder, "conversations", "show", "shop:bot", USER).stdout
    parts = ("said '开始'", "asked 叫什么？", "said '小明'", "asked 住哪里？", "said '北京'",
             "Traceback", "town_bot.py", "ZeroDivisionError: 零")  # fmt: skip
    places = [shown.index(part) for part in parts]
    assert places == sorted(places)
    resumed = command.run(folder, "conversations", "resume", "shop:bot", USER)
    assert resumed.stdout == "resumed; the user gets the answer with their next message\n"
    with town(folder) as made:
        made.deploy(OLD)
        made.clock += 200
        assert made.say("在吗") == "叫=小明 住=北京"
        made.say("开始")
    for name in (f"{ACCOUNT}:{USER}", USER):
        done = command.run(folder, "conversations", "end", "shop:bot", name)
        assert done.returncode == (0 if ":" in name else 2)
    assert "no conversations" in command.run(folder, "conversations", "list", "shop:bot").stdout

"""`conversations list`, `show` and `check` of what waits for a time or a signal."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli import command
from tests.deploys.town import USER, town
from wechat_dialog.core.blame import told
from wechat_dialog.errors import (
    JournalFull,
    ReplayMismatch,
    SecretGone,
    TimedOut,
    TooManyAside,
    TooManyAttempts,
    TurnTooLong,
    WorkerDied,
)
from wechat_dialog.platform.refusals import chinese_of

OLD = """
@bot.text("付")
def pays(chat):
    order = yield from chat.ask("订单号？")
    return (yield from chat.wait_for("paid", str, match=order, within=3600))
"""
NEW = OLD.replace("paid", "payment")
RACES = OLD.replace(
    'chat.wait_for("paid", str, match=order, within=3600)',
    'chat.race(chat.sleep(60), chat.wait_for("paid", str))',
)
OTHER = """
@bot.text("付")
def pays(chat):
    number = yield from chat.ask("几号？", int)
    return "好"
"""
DUE = r"20\d\d-\d\d-\d\d \d\d:\d\d"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a conversation that waits for a signal with a limit."""
    with town(tmp_path) as made:
        made.deploy(OLD)
        made.say("付")
        made.say("A17")
    command.write_shop(tmp_path, OLD)
    return tmp_path


def said(folder: Path, *words: str, chinese: bool = False) -> str:
    return command.run(folder, *words, chinese=chinese).stdout


def test_a_list_says_until_when_a_conversation_waits(folder: Path) -> None:
    listed = ("conversations", "list", "shop:bot")
    assert re.search(rf"{USER}  until {DUE}\n$", said(folder, *listed))
    assert re.search(rf"{USER}  等到 {DUE}\n$", said(folder, *listed, chinese=True))


def test_a_check_says_of_a_changed_wait_that_nobody_is_asked(folder: Path) -> None:
    command.write_shop(folder, NEW)
    english = said(folder, "check", "shop:bot")
    assert "1  waits again\n(waits again: nobody is asked anything." in english
    assert "waits again from record 2: dialog 'pays' at record 2" in english
    chinese = said(folder, "check", "shop:bot", chinese=True)
    assert "1  会改等别的\n（会改等别的：不问用户。" in chinese
    assert "会改等别的，从第 2 条记录起：对话 'pays' 第 2 条记录" in chinese
    strict = command.run(folder, "check", "shop:bot", "--strict", "--json")
    assert strict.returncode == 1
    assert json.loads(strict.stdout)["outcomes"]["waits again"] == 1


def test_a_difference_is_told_in_chinese(folder: Path) -> None:
    command.write_shop(folder, RACES)
    place = f"({folder / 'shop.py'}:7)"
    checked = said(folder, "check", "shop:bot", chinese=True)
    assert f"日志里是 wait_for 'paid'，现在是 竞赛（sleep, wait_for 'paid'） {place}；给" in checked
    shown = said(folder, "conversations", "show", "shop:bot", USER, chinese=True)
    assert "问 (竞赛（sleep, wait_for 'paid'）)" in shown
    command.write_shop(folder, OLD)
    shown = said(folder, "conversations", "show", "shop:bot", USER, chinese=True)
    assert "问 (wait_for 'paid'、时限)" in shown


def test_a_conversation_that_a_difference_parked_is_told_in_chinese(tmp_path: Path) -> None:
    with town(tmp_path) as made:
        made.deploy(OTHER)
        made.say("付")
        made.deploy(
            OTHER.replace("几号？", "哪一号？").replace(")\ndef", ', on_divergence="park")\ndef')
        )
        made.say("5")
    command.write_shop(tmp_path, OTHER)
    listed = said(tmp_path, "conversations", "list", "shop:bot", chinese=True)
    assert "ReplayMismatch: 对话 'pays' 第 1 条记录：日志里是 问题 ask" in listed
    shown = said(tmp_path, "conversations", "show", "shop:bot", USER, chinese=True)
    assert "\nReplayMismatch: 对话 'pays' 第 1 条记录：日志里是 问题 ask" in shown


PARKING = [
    TurnTooLong("step 'pay'", 300), TurnTooLong("a gathering", 30, outside=True), WorkerDied(3),
    JournalFull("pays", 10_000), TooManyAttempts(5), TooManyAside(100), SecretGone(),
    TimedOut("pay", 3.0), LookupError("no dialog 'pays' is registered any more"),
    ReplayMismatch("pays", 2, "a limit at ask 'A'", "a race of sleep, a limit", "shop.py:3"),
    ReplayMismatch("pays", 2, "signal 'paid' in branch 2 at a race", "step 'pay'", ""),
    ReplayMismatch("pays", 2, "a timer in branch 2 at a race", None, ""),
    ReplayMismatch("pays", 2, "step 'pay'", "step 'pay' with other arguments", "shop.py:1"),
    ReplayMismatch("pays", 2, "the start of a conversation", "a gathering of 'pay', 'book'", ""),
    ReplayMismatch("pays", 2, "a timer at sleep", "raise KeyError", ""),
]  # fmt: skip


@pytest.mark.parametrize("error", PARKING, ids=str)
def test_what_parks_a_conversation_is_told_in_chinese(error: Exception) -> None:
    reason = chinese_of(f"{type(error).__name__}: {told(error)}").removeprefix(type(error).__name__)
    assert re.search("[\u4e00-\u9fff]", reason)
    words = r"\b(the|a|an|of|to|is|and|with|for|this|that|in|at|it|raise|step|signal)\b"
    assert not re.search(words, re.sub(r"`[^`]*`", "", reason)), reason


def test_an_exception_of_the_authors_own_is_told_as_it_is() -> None:
    assert chinese_of("KeyError: step 1 is gone") == "KeyError: step 1 is gone"

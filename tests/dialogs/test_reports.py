"""What pytest shows an author whose test fails: lines of the test and of the bot, and no others."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CHINESE = re.compile("[\u4e00-\u9fff]")

FAILING: str = """
from wechat_dialog import Bot
from wechat_dialog.testing import Talk

bot = Bot()


def price(dish):
    return {"炒饭": 18}[dish]


@bot.text("点餐")
def order(chat):
    dish = yield from chat.ask("吃什么？")
    return str((yield from chat.step(price, dish)))


@bot.text("缺")
def lacks(chat):
    yield from chat.step(price)


async def fetch(dish):
    return price(dish)


@bot.text("多")
async def exceeds(chat):
    await chat.step(fetch, "炒饭", "大份")


@bot.event("subscribe")
async def hello(chat):
    chat.say(5)


@bot.fallback
def anything(chat):
    try:
        return chat.nothing
    except AttributeError as error:
        raise ValueError("why") from error


def test_a_step():
    talk = Talk(bot)
    talk("点餐")
    talk("龙虾")


def test_an_event():
    Talk(bot).event("subscribe")


def test_one_that_led_to_another():
    Talk(bot).image()


def test_the_tests_own_mistake():
    Talk(bot).tap("没有")


def test_a_step_that_takes_something_else():
    Talk(bot)("缺")


def test_a_coroutine_that_takes_something_else():
    Talk(bot)("多")
"""


def run(folder: Path, *options: str, language: str = "C.UTF-8") -> str:
    """Run the tests of a folder; what pytest prints in a terminal of this language."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    set_elsewhere = ("LC_ALL", "LC_MESSAGES", "LANGUAGE")
    environment = {name: word for name, word in os.environ.items() if name not in set_elsewhere}
    environment |= {"LANG": language, "PYTHONUTF8": "1", "COLUMNS": "200"}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The report of each failing test, and of all of them with the library's lines."""
    folder = tmp_path_factory.mktemp("author")
    (folder / "test_mine.py").write_text(FAILING, "utf-8")

    told = run(folder).partition("= short test summary")[0]
    parts = re.split(r"^_+ (\w+) _+$", told, flags=re.MULTILINE)
    return {
        **dict(zip(parts[1::2], parts[2::2], strict=True)),
        "all": run(folder, "--full-trace", "-k", "a_step"),
    }


def lines(report: str) -> list[tuple[Path, int]]:
    """The places in a report's traceback."""
    found = re.findall(r"^(\S+\.py):(\d+): ", report, re.MULTILINE)
    return [(Path(name), int(number)) for name, number in found]


def at(source: str) -> tuple[Path, int]:
    lines = FAILING.splitlines()
    return Path("test_mine.py"), lines.index(source) + 1


def test_an_error_in_a_step_leads_from_the_test_over_the_dialog_to_the_function(
    reports: dict[str, str],
) -> None:
    assert lines(reports["test_a_step"]) == [
        at('    talk("龙虾")'),
        at("    return str((yield from chat.step(price, dish)))"),
        at('    return {"炒饭": 18}[dish]'),
    ]
    assert "用户：龙虾" in reports["test_a_step"]


def test_what_the_library_refuses_is_shown_at_the_authors_line(reports: dict[str, str]) -> None:
    report = reports["test_an_event"]
    assert lines(report) == [at('    Talk(bot).event("subscribe")'), at("    chat.say(5)")]
    assert "NotSayable" in report


@pytest.mark.parametrize(
    ("test", "word", "call"),
    [
        ("test_a_step_that_takes_something_else", "缺", "    yield from chat.step(price)"),
        (
            "test_a_coroutine_that_takes_something_else",
            "多",
            '    await chat.step(fetch, "炒饭", "大份")',
        ),
    ],
)
def test_wrong_arguments_of_a_step_are_shown_where_the_dialog_has_them(
    reports: dict[str, str], test: str, word: str, call: str
) -> None:
    assert lines(reports[test]) == [at(f'    Talk(bot)("{word}")'), at(call)]


def test_the_cause_of_an_error_is_shown_at_the_authors_line(reports: dict[str, str]) -> None:
    assert lines(reports["test_one_that_led_to_another"]) == [
        at("        return chat.nothing"),
        at("    Talk(bot).image()"),
        at('        raise ValueError("why") from error'),
    ]


def test_a_mistake_in_a_test_is_shown_in_the_test(reports: dict[str, str]) -> None:
    report = reports["test_the_tests_own_mistake"]
    assert lines(report) == [at('    Talk(bot).tap("没有")')]
    assert "no tappable '没有'" in report


def test_all_lines_are_there_when_asked_for(reports: dict[str, str]) -> None:
    assert any("wechat_dialog" in str(file) for file, _ in lines(reports["all"]))


CRASHING = """
import pytest
from wechat_dialog import Bot
from wechat_dialog.testing import Talk

bot = Bot()


def pay():
    return "已付"


@bot.text("付")
def pays(chat):
    return (yield from chat.step(pay))


@pytest.mark.parametrize("name", ["pay", "refund"])
def test_a_payment_survives_a_crash(name):
    talk = Talk(bot)
    talk.crashes(name)
    assert talk("付") == "已付"


def refund(): ...
"""


def test_a_planned_crash_that_never_happened_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(CRASHING, "utf-8")
    told = run(tmp_path)
    line = 1 + CRASHING.splitlines().index("    talk.crashes(name)")
    assert "2 passed, 1 warning" in told
    assert (
        f"test_mine.py:{line}: talk.crashes('refund'): no worker died, since no step of that name "
        "ran after that; "
        "in the whole talk ran: 'pay'"
    ) in told
    assert "crashes('pay')" not in told


MISTAKEN = """
import random

import pytest
from wechat_dialog import Bot
from wechat_dialog.errors import NotRepeatable
from wechat_dialog.testing import Talk

bot = Bot()


def pay():
    return "已付"


@bot.text("猜")
def guess(chat):
    if random.random() < 2 and not chat.replaying:
        yield from chat.ask("大吗？")
    yield from chat.ask("小吗？")


@bot.text("付")
def pays(chat):
    return (yield from chat.step(pay))


@bot.event("subscribe")
def hello(chat):
    chat.say(5)


@bot.fallback
def anything(chat):
    raise ValueError("no tappable thing of the author's")


def test_a_dialog_that_is_not_repeatable():
    Talk(bot)("猜")


def test_what_cannot_be_said():
    Talk(bot).event("subscribe")


def test_an_error_of_the_authors_own():
    Talk(bot)("好")


def test_a_word_that_is_not_shown():
    Talk(bot).tap("没有")


def test_a_plan_for_no_step():
    Talk(bot).takes("ship", 5)


def test_a_crash_that_never_happens():
    Talk(bot).crashes(pay)


def test_what_is_expected_is_compared_in_english():
    with pytest.raises(NotRepeatable, match="another way"):
        Talk(bot)("猜")
"""

IN_CHINESE = {
    "a_dialog_that_is_not_repeatable": "NotRepeatable: 对话 'guess' 重放时走了另一条路",
    "what_cannot_be_said": "NotSayable: chat.say",
    "a_word_that_is_not_shown": "LookupError: 没有可以点的 '没有'；能点的：没有",
    "a_plan_for_no_step": "talk.takes('ship')：没有执行过叫这个名字的步骤",
}


@pytest.fixture(scope="module")
def mistaken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mistaken")
    (folder / "test_mine.py").write_text(MISTAKEN, "utf-8")
    return folder


@pytest.mark.parametrize("style", ["long", "short", "line", "native"])
def test_in_a_chinese_terminal_a_report_says_in_chinese_what_the_library_says(
    mistaken: Path, style: str
) -> None:
    told = run(mistaken, f"--tb={style}", language="zh_CN.UTF-8")
    report, _, summary = told.partition("= short test summary")
    for name, sentence in IN_CHINESE.items():
        assert sentence in report
        (line,) = [line for line in summary.splitlines() if f"test_{name}" in line]
        assert CHINESE.search(line.partition(" - ")[2])
    assert not re.search("it depends on|no tappable '|no step of that|no worker died", told)
    assert "no tappable thing of the author's" in report
    assert "没有进程中断" in told
    assert "5 failed, 2 passed" in told


def test_elsewhere_a_report_is_in_english(mistaken: Path) -> None:
    told = run(mistaken, language="en_US.UTF-8")
    assert "it depends on a clock" in told
    assert "no tappable '没有'" in told
    assert not CHINESE.search(told.partition("= short test summary")[2].partition(".py::")[0])


MISPLACED = """
from wechat_dialog import Bot

bot = Bot()


@bot.text(5)
def five(chat):
    return "5"


def test_nothing(): ...
"""


def test_in_a_chinese_terminal_it_is_told_in_chinese_why_a_bot_cannot_be_imported(
    tmp_path: Path,
) -> None:
    (tmp_path / "test_mine.py").write_text(MISPLACED, "utf-8")
    told = run(tmp_path, language="zh_CN.UTF-8")
    assert "里写文字或者编译好的正则" in told
    assert "takes texts or compiled patterns" not in told

"""What pytest shows an author whose test fails: lines of the test and of the bot, and no others."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

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


def run(folder: Path, *options: str) -> str:
    """Run the tests of a folder; what pytest prints."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60, check=False
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

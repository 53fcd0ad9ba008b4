"""No text of a user controls a terminal: one function escapes control characters, and all output
goes through it.
"""

from __future__ import annotations

import io
import json
import logging
import re
import sys
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tests.cli.command import run
from tests.full_path.people import TOKEN, push, signed
from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.cli import bot_process
from wechat_dialog.core.printable import block, one_line
from wechat_dialog.operators import Conversations
from wechat_dialog.platform.display import Article, Part, Shown
from wechat_dialog.platform.safe_console import SafeConsole
from wechat_dialog.platform.simulator.terminal_screen import Screen

SOURCE = Path(__file__).parent.parent / "src" / "wechat_dialog"
TURNING = frozenset({"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"})

HOSTILE = "好\x1b[2J\x9b2J\x85\u202e看\u2066\u200f\u061c\u2028行\x07\x08\r终\ue000\U000e0041"
USER = "oUser0000000000000000000001"


def every() -> list[str]:
    return [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]


@cache
def obeyed() -> frozenset[str]:
    """Characters that control a terminal, or are invisible; except the joiner of emoji families."""
    found = (
        one
        for one in every()
        if unicodedata.category(one) in ("Cc", "Cf", "Zl", "Zp", "Cs")
        or unicodedata.bidirectional(one) in TURNING
    )
    return frozenset(found) - {"\u200d"}


def must_be_tame(text: str) -> None:
    left = sorted({hex(ord(one)) for one in set(text) & obeyed() - {"\n", "\t"}})
    assert not left


# The function -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("clean", "kept"), [(one_line, ""), (block, "\n\t")])
def test_every_code_point_is_shown_or_written_as_in_json(
    clean: Callable[[str], str], kept: str
) -> None:
    text = "".join(one for one in every() if one not in '"\\')
    shown = clean(text)
    assert set(shown) & obeyed() == set(kept)
    # Every escape is one that JSON has, and stands for the character that was there.
    assert json.loads(f'"{shown}"', strict=False) == text


def test_ordinary_text_is_not_changed() -> None:
    said = "买 2 杯“拿铁”，（大）　谢谢😀 Ünïcödé العربية עברית "
    said += "\U0001f468\u200d\U0001f469\u200d\U0001f467\ufe0f"
    assert one_line(said) == block(said) == said


@given(st.text(st.characters(codec="utf-8")))
def test_json_stays_equal_and_on_one_line(text: str) -> None:
    encoded = json.dumps({text: text}, ensure_ascii=False)
    assert json.loads(one_line(encoded)) == {text: text}
    assert "\n" not in one_line(text)
    assert block(block(text)) == block(text)


def test_a_lone_surrogate_can_be_printed() -> None:
    assert one_line("a\ud800") == r"a\ud800"


# Ways out -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_a_console_writes_no_control_characters_whatever_it_draws(terminal: bool) -> None:
    everything = "".join(sorted(obeyed()))
    table = Table(title=HOSTILE)
    table.add_column(HOSTILE)
    table.add_row(Text(everything))
    console = SafeConsole(soft_wrap=False)
    console.file = file = io.StringIO()
    console._force_terminal = terminal
    for one in (everything, Text(everything, "red"), Panel(HOSTILE, title=HOSTILE), table):
        console.print(one, style="dim")
    shown = re.sub(r"\x1b\[[0-9;]*m", "", file.getvalue())  # rich's own colours
    must_be_tame(shown)
    assert r"\u009b" in shown
    assert r"\u202e" in shown


def test_the_chat_writes_no_control_characters_of_an_answer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for terminal in (False, True):
        screen = Screen(terminal=terminal)
        article = Article(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
        for kind in ("text", "news", "fault", "image"):
            screen.say(
                Shown(HOSTILE, {}, {}, HOSTILE, kind, (Part(HOSTILE, href=HOSTILE),), (article,))
            )
        screen.journal(
            {
                "dialog": HOSTILE, "began_at": "2023-11-15T06:13:20+08:00", "version": HOSTILE,
                "divergence": {"text": HOSTILE, "zh": {"text": HOSTILE}},
                "waiting": {"kind": "ask", "prompt": HOSTILE}, "held": [HOSTILE],
                "journal": [{"kind": "message", "title": HOSTILE, "detail": HOSTILE}],
                "parked": [{"error": HOSTILE, "error_zh": HOSTILE}],
            }
        )  # fmt: skip
    shown = capsys.readouterr()
    assert r"\u202e" in shown.out
    assert r"\u202e" in shown.err
    must_be_tame(shown.out + shown.err)


SHOP = """
from wechat_dialog import Bot
bot = Bot("token123", store="sqlite:///bot.db")

def pays(said):
    if "二" in said:
        raise ValueError(said)
    return said

@bot.text("说", name="说")
def says(chat):
    said = yield from chat.ask("一？")
    said = yield from chat.step(pays, said)
    return (yield from chat.ask(f"{said}？"))
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A conversation that waits and a parked one, with hostile texts everywhere."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop.py").write_text(SHOP)
    scope: dict[str, Any] = {"__name__": "shop"}
    exec(compile(SHOP.replace("bot.db", f"{folder}/bot.db"), "shop.py", "exec"), scope)
    bot: Bot = scope["bot"]
    bot._codec._token = TOKEN
    for user, said in ((USER, HOSTILE), (f"oEvil{HOSTILE}", f"{HOSTILE}二")):
        for text in ("说", said):
            bot.answer(push(user, Content=text), signed())
    bot.close()
    return folder


@pytest.mark.parametrize(
    "command",
    [
        "conversations list shop:bot", f"conversations show shop:bot {USER}", "check shop:bot",
        "check --json shop:bot", "conversations show shop:bot PARKED",
        "conversations show shop:bot oEvil",
    ],
)  # fmt: skip
def test_no_operators_command_writes_control_characters_of_a_user(command: str, shop: Path) -> None:
    words = command.split()
    if words[-1] == "PARKED":
        [words[-1]] = [
            line.split()[0]
            for line in run(shop, "conversations", "list", "shop:bot").stdout.splitlines()
            if "parked" in line
        ]
    done = run(shop, *words)
    must_be_tame(done.stdout + done.stderr)


def test_a_transcript_has_no_control_characters_of_a_user(shop: Path) -> None:
    bot = Bot("token123", store=f"sqlite:///{shop}/bot.db")
    shown = Conversations(bot).show(USER)
    bot.close()
    must_be_tame(shown)
    assert r"\u202e" in shown


def breaks(chat: Chat) -> Dialog[str]:
    said = yield from chat.ask("一？")
    raise ValueError(said)


def test_a_log_has_one_line_for_each_record(caplog: pytest.LogCaptureFixture) -> None:
    """Users' ids, and at DEBUG the error that broke a dialog."""
    caplog.set_level(logging.DEBUG, "wechat_dialog")
    bot = Bot(TOKEN, store="memory://")
    bot.text("说")(breaks)
    for text in ("说", f"{HOSTILE}\nINFO forged"):
        bot.answer(push(f"oEvil\nINFO forged{HOSTILE}", Content=text), signed())
    bot.close()
    assert "oEvil\\nINFO forged" in caplog.text
    assert r"\u202e" in caplog.text
    must_be_tame(caplog.text)
    for record in caplog.records:
        assert "\n" not in record.getMessage()


def test_a_bots_error_is_shown_without_control_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bot_process._tell("parked", ValueError(f"no {HOSTILE} here"))
    told = capsys.readouterr().err
    assert r"\u202e" in told
    must_be_tame(told)


WAYS_OUT = re.compile(
    r"(?<![A-Za-z])Console\(|(?<![\w.])print\((?!self)|typer\.echo|std(out|err)\.write"
)
KNOWN = {
    "conversations.py: sys.stdou",  # cleaned on the spot: bytes, which no console takes
    "bot_process.py: print(blo",  # cleaned on the spot: rich is not loaded there
    "safe_console.py: class Saf",
    "__main__.py: sys.stder",  # one of our own extras, where rich is not installed
    'version.py: print(f"w',  # our own version
    "conversations.py: print(con",  # in a docstring
}


def test_everything_is_printed_by_a_safe_console() -> None:
    found = [
        f"{path.name}:{number}"
        for path in SOURCE.rglob("*.py")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if WAYS_OUT.search(line) and f"{path.name}: {line.strip()[:9]}" not in KNOWN
    ]
    assert not found

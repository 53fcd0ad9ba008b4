"""`docs/replay.md`: what runs when, and what `check` prints, come from running its blocks.

`tests/test_manual.py` sees to it that the Chinese page has the same; what the command prints, it
has in Chinese.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli import command
from tests.deploys.town import USER, Town
from tests.pages import manual
from wechat_dialog.bot import Bot
from wechat_dialog.errors import NotRepeatable
from wechat_dialog.testing import Talk

PAGES = [[(block.language, block.text) for block in page.blocks] for page in manual("replay")]
BLOCKS = PAGES[0]
FETCH = "def fetch_price(dish): ran.append(dish); return 18\ndef trace(said): pass\n"


def test_what_strict_mode_says_of_a_set(tmp_path: Path) -> None:
    (_, code), (_, shown) = BLOCKS[0], BLOCKS[1]
    path = tmp_path / "shop.py"
    path.write_text(f"from wechat_dialog import Bot\n\n{code}", "utf-8")
    bot = Bot()
    exec(compile(path.read_text("utf-8"), str(path), "exec"), {"bot": bot, "__name__": "shop"})
    with pytest.raises(NotRepeatable) as error:
        Talk(bot)("买水果")
    said = str(error.value).replace(str(path), "shop.py")

    def but_for_the_order(sentence: str) -> str:
        return re.sub(r"#[0-9a-f]{8}|(苹果|梨)(?=要)", "…", " ".join(sentence.split()))

    assert but_for_the_order(said) == but_for_the_order(shown)


def test_what_runs_when() -> None:
    (_, code), (_, shown) = BLOCKS[2], BLOCKS[3]
    lines: list[str] = []
    chats: list[Any] = []
    bot = Bot()

    def fetch_price(_: str) -> int:
        lines.append("  step fetch_price runs")
        return 18

    def trace(said: str) -> None:
        lines.append(f"{'>' if chats[-1].replaying else ' '} {said}")

    names: dict[str, Any] = {"bot": bot, "fetch_price": fetch_price, "trace": trace}
    exec(code.replace("(chat):", "(chat):\n    chats.append(chat)"), {**names, "chats": chats})
    talk = Talk(bot, strict=False)
    for text in re.findall(r"用户：(.*)", shown):
        lines.append(f"用户：{text}")
        answer = talk(text)
        lines.append(f"公众号：{answer}")
        talk.restart()
    assert lines == shown.splitlines()


def test_what_stands_in_the_journal_of_a_race() -> None:
    (_, code), (_, shown) = BLOCKS[6], BLOCKS[7]
    bot = Bot()
    exec(code, {"bot": bot})
    talk = Talk(bot)
    assert talk("充值").startswith("付好了会自动到账。")
    assert talk.signal("paid", {"fen": 500}, match="B7") == "taken"
    assert talk("在吗") == "到账 500 分。要发票吗？\n是　否"
    stored = talk._world.store.show(f"{talk.account}:{talk.user}")
    assert stored is not None
    assert [record.decode() for record in stored.records] == shown.splitlines()


@pytest.fixture
def three(town: Town) -> Town:
    """Three people in the middle of an order."""
    town.deploy(FETCH + BLOCKS[2][1])
    for number, texts in enumerate((["点单"], ["点单", "面条"], ["点单", "米饭"]), 1):
        for text in texts:
            town.say(text, user=f"{USER}{number}")
    return town


@pytest.mark.parametrize("chinese", [False, True], ids=["English", "Chinese"])
def test_what_check_prints(three: Town, chinese: bool) -> None:
    new, (_, shown) = PAGES[chinese][4][1], PAGES[chinese][5]
    path = three.folder / "shop.py"
    store = f"sqlite:///{three.folder / 'town.db'}"
    path.write_text(
        f"from wechat_dialog import Bot\n\nbot = Bot('t')\n\ndef fetch_price(dish): ...\n{new}",
        "utf-8",
    )
    done = subprocess.run(
        [*command.COMMAND, "check", "shop:bot", "--store", store],
        cwd=three.folder, env=command.environment(chinese=chinese),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    printed = done.stdout.replace(str(path), "shop.py")
    for number, id in enumerate(re.findall(r"^[0-9a-f]{16}", printed, re.MULTILINE), 2):
        printed = printed.replace(id, f"c{number}")
    assert printed == shown.partition("\n")[2]

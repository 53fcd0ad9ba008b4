"""What `wechat-dialog simulate` says in the terminal while its page is shown."""

from __future__ import annotations

import socket
import subprocess
import threading
from pathlib import Path
from typing import IO, cast

import pytest

from tests.cli.command import PATIENCE
from tests.platform.pages import Page, simulating

BOT = "from wechat_dialog import Bot\n\nbot = Bot('t')\n"


def lines(process: subprocess.Popen[str], count: int) -> str:
    """The next lines on its standard error."""
    said = cast("IO[str]", process.stderr)
    watchdog = threading.Timer(PATIENCE, process.kill)
    watchdog.start()
    try:
        return "".join(said.readline() for _ in range(count))
    finally:
        watchdog.cancel()


def test_a_bot_that_does_not_load_is_told_and_told_when_it_is_mended(tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text("import nosuchthing\n")
    with simulating(tmp_path, "simulate", "mine:bot", chinese=True) as (process, _):
        told = lines(process, 5)
        first = "wechat-dialog: 机器人没有在运行：mine:bot 加载不了，看 mine.py:1：ModuleNotFound"
        assert told.startswith(first), told
        assert f'{mine}", line 1' in told
        assert "No module named 'nosuchthing'" in told
        assert told.endswith("（改好并保存，就会再启动）\n"), told
        mine.write_text("import nosuchthing2\n")
        assert "No module named 'nosuchthing2'" in lines(process, 5)
        mine.write_text(BOT)
        assert lines(process, 1) == "wechat-dialog: 机器人在运行了\n"


def test_what_the_bot_prints_and_what_broke_is_shown_in_the_terminal_too(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        f"print('[/loaded] \\x1b[2J')\n{BOT}@bot.fallback\ndef any(chat):\n    return 1 // 0\n"
    )
    with simulating(tmp_path, "simulate", "mine:bot", chinese=True) as (process, url):
        assert lines(process, 1) == "[/loaded] \\u001b[2J\n"
        page = Page(url)
        try:
            page.say("你好")
            told = lines(process, 5)
        finally:
            process.terminate()
            page.close()
        assert "mine.py:7" in told
        assert "ZeroDivisionError: integer division or modulo by zero" in told


@pytest.mark.parametrize("target", ["mine:bot", "./mine:bot", "my.own:bot"])
def test_a_module_that_is_not_there_is_told_and_used_once_it_is(
    tmp_path: Path, target: str
) -> None:
    file = tmp_path / ("my/own.py" if "own" in target else "mine.py")
    file.parent.mkdir(exist_ok=True)
    with simulating(tmp_path, "simulate", target) as (process, _):
        told = lines(process, 2)
        assert "the bot does not run: no module" in told
        assert str(tmp_path) in told
        file.write_text(BOT)
        assert lines(process, 1) == "wechat-dialog: the bot runs\n"


def test_a_server_that_does_not_answer_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
    with simulating(tmp_path, "simulate", url, chinese=True) as (process, _):
        told = lines(process, 1)
        assert told.startswith(f"wechat-dialog: {url}：连不上：没有程序在那里监听；")

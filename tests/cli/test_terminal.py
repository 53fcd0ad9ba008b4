"""`wechat-dialog chat` on a terminal: prompts, its three ends, and a server that is killed."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import psutil
import pytest

from tests.cli.command import BOTS, COMMAND, PATIENCE, environment
from tests.redis_server import wait_until


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    kept = BOTS.replace('"memory://"', f'"sqlite:///{tmp_path}/kept.db"')
    (tmp_path / "bots.py").write_text(kept)
    return tmp_path


@contextlib.contextmanager
def chatting(folder: Path, target: str = "bots:bot") -> Iterator[Any]:
    """A chat with a bot, at its first prompt."""
    chat = pexpect.spawn(
        COMMAND[0],
        [*COMMAND[1:], "chat", target],
        cwd=str(folder),
        env={**environment(chinese=True), "XDG_STATE_HOME": str(folder / "state"), "TERM": "xterm"},
        encoding="utf-8",
        timeout=PATIENCE,
        dimensions=(40, 100),
    )
    try:
        chat.expect("/help")
        chat.expect("你：")
        yield chat
    finally:
        chat.close(force=True)


@pytest.fixture
def terminal(folder: Path) -> Iterator[Any]:
    with chatting(folder) as chat:
        yield chat


def test_a_chat_shows_prompts_and_who_speaks(terminal: Any) -> None:
    terminal.sendline("加")
    terminal.expect("公众号：一？")
    terminal.expect("你：")
    terminal.sendline("/nonsense")
    terminal.expect("没有 /nonsense 这个命令；要的是 /help？")
    terminal.sendline("/1")  # as a link's number on the screen seems to invite
    terminal.expect("没有 /1 这个命令；要的是 /tap 1？")


def test_what_was_typed_in_secret_is_not_kept_for_the_next_chat(folder: Path) -> None:
    code = """

@bot.text("付")
def pay(chat):
    code = yield from chat.ask("密码？", secret=True)
    return "收到"
"""
    with (folder / "bots.py").open("a", encoding="utf-8") as file:
        file.write(code)
    with chatting(folder) as chat:
        for said, heard in (("付", "密码？"), ("735190", "收到"), ("735191", "你：")):
            chat.sendline(said)
            chat.expect(heard)
        chat.sendline("/quit")
        chat.expect(pexpect.EOF)
    kept = (folder / "state" / "wechat-dialog" / "history").read_text("utf-8").split()
    assert [line for line in kept if line.isdecimal()] == ["735191"]


@pytest.mark.parametrize("end", ["/quit\n", "\x04", "\x03"], ids=["/quit", "Ctrl-D", "Ctrl-C"])
def test_a_chat_ends_with_status_0_and_takes_the_server_along(terminal: Any, end: str) -> None:
    terminal.sendline("加")
    terminal.expect("你：")
    servers = psutil.Process(terminal.pid).children(recursive=True)
    assert servers
    terminal.send(end)
    terminal.expect(pexpect.EOF)
    assert "Traceback" not in terminal.before
    assert "Aborted" not in terminal.before
    terminal.close()
    assert terminal.exitstatus == 0
    assert psutil.wait_procs(servers, timeout=PATIENCE)[1] == []


def test_a_killed_server_is_started_again_and_the_conversation_goes_on(terminal: Any) -> None:
    terminal.sendline("加")
    terminal.expect("一？")
    terminal.expect("你：")
    (server,) = psutil.Process(terminal.pid).children()
    server.send_signal(signal.SIGKILL)
    assert psutil.wait_procs([server], timeout=PATIENCE)[1] == []
    terminal.sendline("2")
    terminal.expect("机器人的进程已被信号 9 结束；再启动一次")
    terminal.expect("公众号：二？")


DRAWN = """
import time
from wechat_dialog import Bot, replies

bot = Bot()


@bot.text("图文")
def news(chat):
    return replies.News([replies.Article("标题", "摘要", url="https://example.com/")])


@bot.text("选")
async def choose(chat):
    return await chat.choose("选哪个？", ["甲", "乙"])


@bot.text("慢")
def slow(chat):
    (open("begun", "w")).close()
    time.sleep(60)
"""


def test_articles_are_framed_and_what_can_be_tapped_is_numbered(folder: Path) -> None:
    (folder / "drawn.py").write_text(DRAWN)
    with chatting(folder, "drawn:bot") as chat:
        chat.sendline("图文")
        chat.expect("公众号：图文")
        chat.expect("标题")
        chat.expect(r"https://example.com/[^\n]*\[1\]")
        chat.expect("你：")
        chat.sendline("选")
        chat.expect(r"甲[^\n]*\[1\]")
        chat.expect(r"乙[^\n]*\[2\]")
        chat.expect("你：")
        chat.sendline("/tap 2")
        chat.expect("公众号：乙")


BREAKS = """
from wechat_dialog import Bot

bot = Bot()


@bot.text("加")
def add(chat):
    count = yield from chat.ask("几个？", int)
    breakpoint()
    count += 1
    return f"{count} 个"
"""


@contextlib.contextmanager
def at_a_breakpoint(folder: Path) -> Iterator[Any]:
    """Talk to a bot until its dialog comes to a breakpoint."""
    (folder / "breaks.py").write_text(BREAKS)
    with chatting(folder, "breaks:bot") as chat:
        chat.sendline("加")
        chat.expect("公众号：几个？")
        chat.expect("你：")
        chat.sendline("5")
        yield chat


def test_at_a_breakpoint_a_debugger_reads_from_the_terminal_and_shows_the_authors_lines(
    folder: Path,
) -> None:
    with at_a_breakpoint(folder) as chat:
        chat.expect("（停在断点：")
        chat.expect(r"breaks\.py\(11\)add\(\)")
        chat.expect(r"\(Pdb\) ")
        chat.sendline("p count * 7")
        chat.expect("35")
        for _ in range(2):
            chat.expect(r"\(Pdb\) ")
            chat.sendline("n")
        chat.expect("公众号：6 个")
        assert "wechat_dialog" not in chat.before
        for said, heard in (("加", "公众号：几个？"), ("5", r"\(Pdb\) "), ("q", "公众号：6 个")):
            chat.sendline(said)
            chat.expect(heard)


def test_after_a_breakpoint_ctrl_c_ends_the_chat(folder: Path) -> None:
    with at_a_breakpoint(folder) as chat:
        chat.expect(r"\(Pdb\) ")
        chat.sendline("c")
        chat.expect("公众号：6 个")
        chat.expect("你：")
        chat.send("\x03")
        chat.expect(pexpect.EOF)
        assert "Pdb" not in chat.before
        chat.close()
        assert chat.exitstatus == 0


def test_what_was_typed_is_found_again_in_the_next_chat(folder: Path) -> None:
    with chatting(folder) as chat:
        chat.sendline("加")
        chat.expect("公众号：一？")
        chat.expect("你：")
        chat.send("\x04")
        chat.expect(pexpect.EOF)
    with chatting(folder) as chat:
        chat.send("\x1b[A\r")
        chat.expect("公众号：一？")


def test_ctrl_c_while_the_bot_is_at_work_is_the_end_too(folder: Path) -> None:
    (folder / "drawn.py").write_text(DRAWN)
    with chatting(folder, "drawn:bot") as chat:
        chat.sendline("慢")
        wait_until((folder / "begun").exists, "the bot to begin")
        (server,) = psutil.Process(chat.pid).children()
        server.kill()  # it would finish its turn first, for ten seconds
        chat.send("\x03")
        chat.expect(pexpect.EOF)
        assert "Traceback" not in chat.before
        chat.close()
        assert chat.exitstatus == 0

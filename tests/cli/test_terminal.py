"""`wechat-dialog chat` on a terminal: prompts, its three ends, and a server that is killed."""

from __future__ import annotations

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


@pytest.fixture
def terminal(folder: Path) -> Iterator[Any]:
    """A chat with the bot, at its first prompt."""
    words = [*COMMAND[1:], "chat", "bots:bot"]
    chat = pexpect.spawn(
        COMMAND[0], words, cwd=str(folder), env=environment(), encoding="utf-8", timeout=PATIENCE
    )
    try:
        chat.expect("/help")
        chat.expect("你：")
        yield chat
    finally:
        chat.close(force=True)


def test_it_shows_prompts_and_who_speaks(terminal: Any) -> None:
    terminal.sendline("加")
    terminal.expect("公众号：一？")
    terminal.expect("你：")
    terminal.sendline("/nonsense")
    terminal.expect("没有 /nonsense 这个命令")


@pytest.mark.parametrize("end", ["/quit\n", "\x04", "\x03"], ids=["/quit", "Ctrl-D", "Ctrl-C"])
def test_it_ends_with_status_0_and_takes_the_server_along(terminal: Any, end: str) -> None:
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
    # Its parent has not asked after it yet, so it stays a zombie until then.
    wait_until(lambda: server.status() == psutil.STATUS_ZOMBIE, "the server to die")
    terminal.sendline("2")
    terminal.expect("机器人的进程已被信号 9 结束，重新启动了")
    terminal.expect("公众号：二？")

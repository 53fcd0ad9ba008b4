"""`breakpoint()` where another debugger is there already, or none can be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import COMMAND, PATIENCE, environment
from wechat_dialog.cli.breakpoints import pass_over

BREAKS = """
from wechat_dialog import Bot

bot = Bot()


@bot.fallback
def anything(chat):
    breakpoint()
    return "好"
"""


def test_the_breakpoints_of_an_ides_debugger_stay_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[str] = []
    monkeypatch.setattr(sys, "breakpointhook", lambda: stopped.append("in the IDE"))
    pass_over(stopped.append)
    breakpoint()  # noqa: T100
    assert stopped == ["in the IDE"]


def test_a_terminal_that_a_debugger_cannot_open_is_none(tmp_path: Path) -> None:
    """As under `su -c`, whose command may type, but has no terminal that is its own."""
    (tmp_path / "breaks.py").write_text(BREAKS)
    ours, theirs = os.openpty()
    with (
        os.fdopen(ours, "wb", buffering=0) as typed,
        subprocess.Popen(
            [*COMMAND, "chat", "breaks:bot"],
            cwd=tmp_path,
            env={**environment(chinese=True), "XDG_STATE_HOME": str(tmp_path)},
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as chat,
    ):
        os.close(theirs)
        typed.write("嗨\n/quit\n".encode())
        said, told = chat.communicate(timeout=PATIENCE)
    assert "公众号：好" in said, told
    assert f"{tmp_path / 'breaks.py'}:9 的 breakpoint() 跳过了" in told

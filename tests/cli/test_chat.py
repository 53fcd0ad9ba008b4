"""`wechat-dialog chat` and `demo` from a pipe: the conversation on stdout, all else on stderr."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import BOTS, run, serving


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bots.py").write_text(BOTS)
    return tmp_path


@pytest.mark.parametrize("target", ["bots:bot", "bots:empty", "bots.py"])
def test_lines_from_a_pipe_are_messages(folder: Path, target: str) -> None:
    done = run(folder, "chat", target, given="加\n2\n40\n")
    assert (done.returncode, done.stdout) == (0, "一？\n二？\n42\n")
    assert done.stderr == ""


def test_a_wrong_command_is_told_to_the_developer_only(folder: Path) -> None:
    done = run(folder, "chat", "bots:bot", given="加\n/nonsense\n2\n3\n")
    assert (done.returncode, done.stdout) == (0, "一？\n二？\n5\n")
    assert "/nonsense" in done.stderr


def test_quit_ends_it_before_the_next_line(folder: Path) -> None:
    done = run(folder, "chat", "bots:bot", given="加\n/quit\n2\n")
    assert (done.returncode, done.stdout) == (0, "一？\n")


def test_a_bot_that_is_none_is_one_sentence(folder: Path) -> None:
    done = run(folder, "chat", "bots:nobody")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1


def test_a_server_elsewhere_is_talked_to_by_its_url(folder: Path) -> None:
    with serving(folder, "bots:bot") as (_, url):
        done = run(folder, "chat", url, "--token", "secret", given="加\n1\n1\n")
    assert (done.returncode, done.stdout) == (0, "一？\n二？\n2\n")


def test_the_demo_prints_the_conversation_and_leaves_nothing_behind(folder: Path) -> None:
    done = run(folder, "demo", given="累加器\n2\n3\n4\n")
    assert done.stdout == (
        "要加几个数？\n第 1 个数是？（已有 0）\n第 2 个数是？（已有 3）\n一共是 7。\n"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in folder.iterdir() if path.suffix != ".py"] in ([], ["__pycache__"])

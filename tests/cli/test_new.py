"""`wechat-dialog new`: what it creates works, and nothing is ever overwritten."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import PATIENCE, environment, run
from wechat_dialog.scaffold import FILES


def test_the_new_bot_talks_and_passes_its_own_test(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert run(tmp_path, "new", str(folder)).returncode == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout
    talked = run(folder, "chat", "bot:bot", given="你好\n")
    assert talked.stdout == "发送「点餐」试试。\n"


@pytest.mark.parametrize("name", FILES)
def test_it_refuses_to_overwrite_and_writes_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    done = run(tmp_path, "new", str(tmp_path))
    assert done.returncode == 2
    assert name in done.stderr
    assert "is there already" in done.stderr
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


def test_a_folder_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run(tmp_path, "new", str(tmp_path / "file"))
    assert done.returncode == 2
    assert done.stderr.startswith("wechat-dialog: cannot write to")

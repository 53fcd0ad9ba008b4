"""`wechat-dialog new`: what it creates works, and nothing is ever overwritten."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import PATIENCE, ROOT, environment, run, within
from wechat_dialog.cli.new import files

NAMES = ["README.md", "bot.py", "test_bot.py"]


def test_the_new_bot_talks_and_passes_its_own_test(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert run(tmp_path, "new", str(folder)).returncode == 0
    assert sorted(path.name for path in folder.iterdir()) == NAMES
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


@pytest.mark.parametrize("name", NAMES)
def test_new_refuses_to_overwrite_and_writes_nothing(tmp_path: Path, name: str) -> None:
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


@pytest.mark.parametrize(
    ("folder", "told"),
    [
        ("shop", "cd shop && wechat-dialog chat bot:bot"),
        ("my shop", "cd 'my shop' && wechat-dialog chat bot:bot"),
        (".", "wechat-dialog chat bot:bot"),
    ],
)
def test_what_to_do_next_can_be_pasted(tmp_path: Path, folder: str, told: str) -> None:
    assert run(tmp_path, "new", folder).stderr == f"wechat-dialog: created; now: {told}\n"


@pytest.mark.parametrize(
    ("language", "readme", "said"),
    [
        ("zh_CN.UTF-8", "# 我的公众号机器人", "建好了；接下来：cd "),
        ("en_US.UTF-8", "# My bot", "created; now: cd "),
    ],
)
def test_new_speaks_the_language_of_the_terminal(
    language: str,
    readme: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    monkeypatch.setenv("LANG", language)
    assert not within("new", str(tmp_path / "shop"), monkeypatch=monkeypatch)
    assert (tmp_path / "shop" / "README.md").read_text("utf-8").startswith(readme)
    assert said in capsys.readouterr().err


def test_both_languages_say_the_same_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    def commands() -> list[str]:
        lines = files()["README.md"].splitlines()
        return [line.partition("  # ")[0].strip() for line in lines if line.startswith("    ")]

    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    chinese = commands()
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert commands() == chinese


@pytest.mark.parametrize(("language", "name"), [("C", "README.md"), ("zh_CN", "README.zh-CN.md")])
def test_it_is_installed_as_the_projects_own_page_says(
    language: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", language)
    lines = (ROOT / name).read_text("utf-8").splitlines()
    [line] = [line for line in lines if line.startswith("pip install")]
    assert line in files()["README.md"]

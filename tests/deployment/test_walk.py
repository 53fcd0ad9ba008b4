"""What docs/deploy.md has its reader do: keys, a backup, an image that is built and spoken to."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pages import ROOT, manual
from tests.redis_server import free_port, wait_until
from wechat_dialog import Bot, Chat, Dialog
from wechat_dialog.operators import Conversations
from wechat_dialog.platform.account import Account
from wechat_dialog.platform.emulator import Platform

PAGE = manual("deploy")[0]
DEPLOY = ROOT / "deploy"


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def block_with(words: str) -> str:
    [found] = [block.text for block in PAGE.blocks if words in block.text]
    return found


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Account:
    """What the page's own commands choose, in the environment, and the account with it."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl")
    token, aes_key = (
        run("sh", "-c", line).strip() for line in block_with("openssl rand").splitlines()
    )
    values = (token, "wx0123456789abcdef", aes_key)
    example = (DEPLOY / "bot.env.example").read_text("utf-8")
    for name, value in zip(re.findall(r"^(\w+)=$", example, re.MULTILINE), values, strict=True):
        monkeypatch.setenv(name, value)
    return Account(token, app_id=values[1], aes_key=aes_key, mode="safe")


def test_the_bot_of_the_page_takes_the_keys_that_the_page_makes(
    settings: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WECHAT_STORE", f"sqlite:///{tmp_path / 'bot.db'}")
    [source] = [block for block in PAGE.blocks if block.title == "bot.py"]
    names: dict[str, Any] = {"__name__": "bot"}
    exec(compile(source.in_place, PAGE.name, "exec"), names)
    with Platform.to_wsgi(names["bot"].wsgi, settings) as platform:
        assert platform.verify() == ""
        said = platform.message("oUser", "text", Content="在吗")
        assert platform.deliver(said).text == "你好！"
    names["bot"].close()


def make_bot(database: Path) -> Bot:
    bot = Bot("secret", store=f"sqlite:///{database}")

    @bot.text("预约")
    def book(chat: Chat) -> Dialog[str]:
        return (yield from chat.ask("怎么称呼您？"))

    return bot


def test_a_backup_made_while_the_bot_runs_is_whole(tmp_path: Path) -> None:
    if shutil.which("sqlite3") is None:
        pytest.skip("no sqlite3")
    (tmp_path / "backups").mkdir()
    line = block_with(".backup").replace("/srv/bot", os.fspath(tmp_path))
    line = line.replace("/var/backups", os.fspath(tmp_path / "backups"))
    bot = make_bot(tmp_path / "wechat-dialog.db")
    with Platform.to_wsgi(bot.wsgi, Account("secret")) as platform:
        said = platform.message("oUser", "text", Content="预约")
        assert platform.deliver(said).text == "怎么称呼您？"
        run("sh", "-c", line)
    bot.close()
    [copy] = (tmp_path / "backups").iterdir()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    restored = make_bot(copy)
    [one] = Conversations(restored).list()
    assert one.dialog == "book"
    restored.close()


@pytest.fixture
def docker(tmp_path: Path) -> Iterator[str]:
    """The image of the page, built of this library's own wheel; its name."""
    if shutil.which("docker") is None:
        pytest.skip("no docker")
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        pytest.skip("no Docker daemon")
    run("python", "-m", "pip", "wheel", "--no-deps", "--wheel-dir", tmp_path, ROOT)
    [wheel] = tmp_path.glob("*.whl")
    (tmp_path / "requirements.txt").write_text(f"./{wheel.name}[cli,redis,api]\n", "utf-8")
    [source] = [block for block in PAGE.blocks if block.title == "bot.py"]
    (tmp_path / "bot.py").write_text(source.text, "utf-8")
    shutil.copy(DEPLOY / "Dockerfile", tmp_path)
    run("docker", "build", "--tag", "wechat-dialog-test", tmp_path)
    yield "wechat-dialog-test"
    run("docker", "image", "rm", "--force", "wechat-dialog-test")


@pytest.mark.timeout(600)
def test_the_image_answers_the_platform_and_stops_in_time(docker: str, settings: Account) -> None:
    port = free_port()
    names = re.findall(r"^(\w+)=$", (DEPLOY / "bot.env.example").read_text("utf-8"), re.MULTILINE)
    passed = [word for name in names for word in ("--env", name)]
    container = run("docker", "run", "-d", "-p", f"127.0.0.1:{port}:8000", *passed, docker).strip()
    try:
        with Platform(settings, f"http://127.0.0.1:{port}/wx") as platform:
            wait_until(lambda: platform.verify() == "", "the container")
            said = platform.message("oUser", "text", Content="在吗")
            assert platform.deliver(said).text == "你好！"
        run("docker", "stop", "--time", "30", container)
        code = run("docker", "inspect", "--format", "{{.State.ExitCode}}", container).strip()
        assert code == "0"
    finally:
        run("docker", "rm", "--force", container)

"""What somebody types wrong at the command on the first evening, and what they are told."""

from __future__ import annotations

import http.server
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli import command

BOT = """
from wechat_dialog import Bot

bot = Bot("secret")


@bot.text("加")
def add(chat):
    return str((yield from chat.ask("一？", int)))
"""
SYNTAX = "def bot(:\n    pass\n"
LACKS = "import json\nimport nosuchthing\n"
BREAKS = "from wechat_dialog import Bot\n\nbot = Bot('t')\nbot.text(5)\n"
MISFIT = "from wechat_dialog import Bot\n\nbot = Bot('t')\n\n\n@bot.text('a')\ndef a():\n    pass\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bot.py").write_text(BOT)
    return tmp_path


@pytest.mark.parametrize(
    "words", [["serve"], ["check"], ["conversations", "list"], ["chat"]], ids=lambda w: w[-1]
)
@pytest.mark.parametrize(
    ("source", "line", "what"),
    [
        (SYNTAX, 1, "SyntaxError"),
        (LACKS, 2, "No module named 'nosuchthing'"),
        (BREAKS, 4, "texts or compiled patterns|文字或者编译好的正则"),
        (MISFIT, 6, "takes no chat|没有参数 chat"),
    ],
    ids=["syntax", "import", "wrong use", "no chat"],
)
def test_an_application_that_cannot_be_loaded_is_told_in_a_few_lines(
    tmp_path: Path, words: list[str], source: str, line: int, what: str
) -> None:
    (tmp_path / "mine.py").write_text(source)
    ended = command.run(tmp_path, *words, "mine:bot")
    assert ended.returncode == 2
    assert f'{tmp_path / "mine.py"}", line' in ended.stderr
    assert f"line {line}" in ended.stderr or f"mine.py:{line}" in ended.stderr
    assert re.search(what, ended.stderr)
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.splitlines()) <= 6


@pytest.mark.parametrize("target", ["./bot:bot", "./bot.py:bot", "../{here}/bot:bot"])
def test_a_path_without_its_ending_will_do(folder: Path, target: str) -> None:
    target = target.format(here=folder.name)
    ended = command.run(folder, "check", target, "--store", "memory://")
    assert (ended.returncode, ended.stdout) == (0, "0 conversations\n"), ended.stderr


@pytest.mark.parametrize("words", [["serve"], ["check"], ["chat"]], ids=lambda words: words[0])
def test_a_target_without_a_module_is_told(folder: Path, words: list[str]) -> None:
    ended = command.run(folder, *words, ":bot")
    assert ended.returncode == 2
    why = (
        "':bot' 里没有模块名；写 bot:bot，或者 bot.py"
        if words == ["chat"]
        else "':bot' names no module; write bot:bot, or bot.py"
    )
    assert ended.stderr == f"wechat-dialog: {why}\n"


@pytest.mark.parametrize(
    "words",
    [
        ["check", "bot:bot"],
        ["conversations", "list", "bot:bot"],
        ["conversations", "show", "bot:bot", "oUser"],
        ["conversations", "export", "bot:bot", "-"],
        ["conversations", "forget", "bot:bot", "oUser", "--yes"],
    ],
    ids=lambda words: words[-2] if "-" in words else words[-1],
)
def test_in_the_wrong_folder_there_is_no_store(folder: Path, words: list[str]) -> None:
    ended = command.run(folder, *words)
    assert ended.returncode == 2
    assert (
        f"there is no store {folder / 'wechat-dialog.db'}: the bot has not run here" in ended.stderr
    )
    assert not (folder / "wechat-dialog.db").exists()


def test_what_was_read_is_named(folder: Path) -> None:
    store = f"sqlite:///{folder / 'other.db'}"
    (folder / "other.db").touch()
    listed = command.run(folder, "conversations", "list", "bot:bot", "--store", store)
    checked = command.run(folder, "check", "bot:bot", "--store", store)
    as_json = command.run(folder, "check", "bot:bot", "--store", store, "--json")
    for ended in (listed, checked):
        assert (ended.returncode, ended.stderr) == (0, f"wechat-dialog: store {store}\n")
    assert f'"store":"{store}"' in as_json.stdout


class Refuses(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(403)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def refusing() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refuses) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.parametrize("words", [["send", "{}", "--text", "a"], ["chat", "{}"]])
def test_a_refusal_asks_for_the_token(tmp_path: Path, refusing: str, words: list[str]) -> None:
    words = [word.format(refusing) for word in words]
    ended = command.run(tmp_path, *words, "--token", "wrong", given="a\n")
    asked = "is --token the server's?" if words[0] == "send" else "--token 和服务器上的一样吗？"
    assert asked in ended.stdout + ended.stderr


def python(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], env=command.environment(), text=True, capture_output=True,
        timeout=command.PATIENCE, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("typer", []), ("rich", []), ("uvicorn", ["serve"]), ("httpx", ["send"]),
        ("starlette", ["simulate"]), ("watchfiles", ["simulate"]),
    ],
)  # fmt: skip
def test_without_the_commands_packages_it_says_what_to_install(name: str, words: list[str]) -> None:
    ended = python(
        "-c",
        f"import sys; sys.modules[{name!r}] = None\n"
        "from wechat_dialog.__main__ import main\nmain()",
        *words,
    )
    assert ended.returncode == 2
    assert f"needs {name}, which is not installed: pip install 'wechat-dialog[cli]'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_package_is_the_command() -> None:
    assert python("-m", "wechat_dialog", "--version").stdout.startswith("wechat-dialog 0.")
    for words in (["-h"], ["serve", "-h"], ["conversations", "list", "-h"]):
        ended = python("-m", "wechat_dialog", *words)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert "Usage:" in ended.stdout

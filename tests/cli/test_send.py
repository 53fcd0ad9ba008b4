"""`wechat-dialog send`: one signed message, what its sender sees, and a status for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import run, serving
from wechat_dialog.platform.showing import FAULT

KEY = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
SAFE = ("--mode", "safe", "--app-id", "wx0123456789abcdef", "--aes-key", KEY)
BOT = """
from wechat_dialog import Bot
bot = Bot("secret", store="memory://", {settings})


@bot.text("谁")
def who(chat):
    return chat.user


@bot.message("image")
def picture(chat):
    return chat.message.pic_url


@bot.click("k")
def tapped(chat):
    return "点了 k"


@bot.fallback
def nothing(chat):
    return None
"""


def serve(folder: Path, settings: str = "") -> Iterator[str]:
    (folder / "talker.py").write_text(BOT.format(settings=settings))
    with serving(folder, "talker:bot") as (_, url):
        yield url


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from serve(tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def safe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = f"mode='safe', app_id='wx0123456789abcdef', aes_key='{KEY}'"
    yield from serve(tmp_path_factory.mktemp("safe"), settings)


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        (("--text", "谁", "--user", "oMe"), "oMe\n"),
        (("--image", "http://a/1.jpg"), "http://a/1.jpg\n"),
        (("--event", "CLICK", "--key", "k"), "点了 k\n"),
        (("--text", "无"), ""),
    ],
)
def test_what_its_sender_sees_is_printed(
    plain: str, tmp_path: Path, words: tuple[str, ...], seen: str
) -> None:
    done = run(tmp_path, "send", plain, "--token", "secret", *words)
    assert (done.returncode, done.stdout, done.stderr) == (0, seen, "")


def test_it_speaks_to_an_account_in_safe_mode(safe: str, tmp_path: Path) -> None:
    done = run(tmp_path, "send", safe, "--token", "secret", "--text", "谁", "--user", "oMe", *SAFE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "oMe\n", "")


def test_the_fault_notice_is_status_1_and_its_reason_on_stderr(plain: str, tmp_path: Path) -> None:
    done = run(tmp_path, "send", plain, "--token", "wrong", "--text", "谁")
    assert (done.returncode, done.stdout) == (1, f"{FAULT}\n")
    assert "HTTP status 403" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("localhost", "--text", "a"), "is no URL"),
        (("http://127.0.0.1:9/",), "--text, --image and --event"),
        (("http://127.0.0.1:9/", "--text", "a", "--event", "b"), "one of"),
        (("http://127.0.0.1:9/", "--text", "a", "--mode", "secret"), "mode 'secret'"),
        (("http://127.0.0.1:9/", "--text", "a", "--mode", "safe"), "aes_key has 0 characters"),
    ],
)
def test_what_cannot_be_sent_is_one_sentence(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    done = run(tmp_path, "send", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1

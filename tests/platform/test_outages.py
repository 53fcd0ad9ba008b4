"""A bot that does not run, does not answer, or answers wrongly: the desk says so, and why."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.platform.pages import Page, page_of
from tests.platform.servers import wsgi
from wechat_dialog import Bot, Chat

SHOP = """
from wechat_dialog import Bot

bot = Bot()

@bot.text("加")
def add(chat):
    total = yield from chat.ask("一？", int)
    return f"{total}"
"""


def echo() -> Bot:
    """A bot behind a URL."""
    bot = Bot("secret", store="memory://")

    @bot.fallback
    def answer(chat: Chat) -> str:
        return f"听到 {getattr(chat.message, 'text', '')}"

    return bot


@pytest.fixture
def closed() -> int:
    """A port at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    (tmp_path / "shop.py").write_text(SHOP)
    with page_of(tmp_path, "simulate", "shop:bot") as page:
        page.until(lambda: standing(page) == "running")
        yield page


def standing(page: Page) -> str:
    return str(page.state["bot"]["status"])


def test_a_url_is_green_only_while_something_answers_there(tmp_path: Path, closed: int) -> None:
    url = f"http://127.0.0.1:{closed}/"
    with page_of(tmp_path, "simulate", url, "--token", "secret") as page:
        page.until(lambda: standing(page) == "unreachable")
        assert "没有程序在那里监听" in page.state["bot"]["error_zh"]
        assert "Connection refused" in page.state["bot"]["error"]
        with wsgi(echo().wsgi, closed):
            page.until(lambda: standing(page) == "running")
            assert page.state["bot"]["error"] == ""
            assert page.say("喂") == "听到 喂"
        # Nobody sends a message, and still it is noticed.
        page.until(lambda: standing(page) == "unreachable")


def test_a_server_with_another_token_is_not_green(tmp_path: Path) -> None:
    with (
        wsgi(echo().wsgi) as url,
        page_of(tmp_path, "simulate", url, "--token", "other") as page,
    ):
        page.until(lambda: standing(page) == "faulty")
        assert "--token 和服务器上的一样吗？" in page.state["bot"]["error_zh"]


def test_a_server_that_answers_messages_alone_is_green_after_the_first(tmp_path: Path) -> None:
    bot = echo()

    def no_get(environ, start):  # type: ignore[no-untyped-def]
        if environ["REQUEST_METHOD"] == "GET":
            start("405 Method Not Allowed", [("Content-Type", "text/plain")])
            return [b"POST only"]
        return bot.wsgi(environ, start)

    with wsgi(no_get) as url, page_of(tmp_path, "simulate", url, "--token", "secret") as page:
        page.until(lambda: standing(page) == "faulty")
        assert "它说：POST only" in page.state["bot"]["error_zh"]
        assert page.say("喂") == "听到 喂"
        page.until(lambda: standing(page) == "running")


def test_what_is_known_of_a_conversation_outlives_a_process_that_hangs(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    # It asks the process several times, one after another, and each time for ten seconds.
    first = "from wechat_dialog.platform.simulator import bot_life; bot_life.PATIENCE = 2.0"
    with page_of(tmp_path, "simulate", "shop:bot", first=first) as page:
        assert page.say("加") == "一？"
        page.until(page.conversation)
        pid = page.state["bot"]["pid"]
        os.kill(pid, signal.SIGSTOP)
        try:
            page.do("advance", seconds=1)
            page.until(lambda: standing(page) == "unreachable")
            assert page.state["bot"]["error_zh"] == "机器人的进程不回答：停在断点上了吗？"
            told = page.conversation()
            assert told is not None
            assert told["waiting"]["prompt"] == "一？"
        finally:
            os.kill(pid, signal.SIGCONT)
        page.until(lambda: standing(page) == "running")
        assert page.say("2") == "2"


def test_a_process_that_ends_says_how_in_both_languages(page: Page) -> None:
    page.say("加")
    page.until(page.conversation)
    os.kill(page.state["bot"]["pid"], signal.SIGKILL)
    page.until(lambda: standing(page) == "crashed")
    assert page.state["bot"]["error"].endswith("killed by signal 9")
    assert page.state["bot"]["error_zh"].endswith("进程被信号 9 结束了")
    assert page.conversation() is not None


def test_what_cannot_be_loaded_is_told_in_both_languages(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("bot = 5\n")
    with page_of(tmp_path, "simulate", "shop:bot") as page:
        page.until(lambda: standing(page) == "crashed")
        assert "is no bot" in page.state["bot"]["error"]
        assert "里没有 'bot' 这个机器人" in page.state["bot"]["error_zh"]

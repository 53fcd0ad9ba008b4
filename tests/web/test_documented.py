"""The applications of docs/serving.md, each on real HTTP, and what the platform sees of them."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.urls import path

from tests.full_path.servers import asgi_application
from tests.pages import Block, manual
from tests.platform.servers import wsgi
from tests.web.test_frameworks import configure
from wechat_dialog import Bot, Chat
from wechat_dialog.platform.account import Account
from wechat_dialog.platform.emulator import Platform


@contextlib.contextmanager
def flask(names: dict[str, Any]) -> Iterator[str]:
    with wsgi(names["app"]) as url:
        yield url


@contextlib.contextmanager
def django(names: dict[str, Any]) -> Iterator[str]:
    [at] = names["urlpatterns"]
    configure(at.callback)
    with wsgi(WSGIHandler()) as url:
        yield url


@contextlib.contextmanager
def fastapi(names: dict[str, Any]) -> Iterator[str]:
    with asgi_application(names["app"]) as port:
        yield f"http://127.0.0.1:{port}/"


SERVED: dict[str, Callable[[dict[str, Any]], contextlib.AbstractContextManager[str]]] = {
    "Flask": flask,
    "Django": django,
    "FastAPI": fastapi,
}
ALL = [
    (page.name, block)
    for page in manual("serving")
    for block in page.blocks
    if block.language == "python"
]
BLOCKS = [(name, block) for name, block in ALL if "check_ready" not in block.text]
HEALTH = [(name, block) for name, block in ALL if "check_ready" in block.text]


@pytest.mark.parametrize(
    ("name", "block"), BLOCKS, ids=[f"{name} line {block.line}" for name, block in BLOCKS]
)
def test_an_application_of_the_manual_answers_the_platform(
    name: str, block: Block, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot = Bot("secret", store="memory://")

    @bot.fallback
    def hello(_: Chat) -> str:
        return "你好！"

    shop = ModuleType("shop")
    shop.bot = bot  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "shop", shop)
    names: dict[str, Any] = {}
    exec(compile(block.in_place, name, "exec"), names)
    framework = next(known for known in SERVED if known in block.text)
    with (
        SERVED[framework](names) as url,
        Platform(Account("secret"), f"{url.rstrip('/')}/wx") as platform,
    ):
        assert platform.verify() == ""
        said = platform.message("oUser", "text", Content="在吗")
        assert platform.deliver(said).text == "你好！"
    bot.close()


@pytest.mark.parametrize(
    ("name", "block"), HEALTH, ids=[f"{name} line {block.line}" for name, block in HEALTH]
)
def test_a_readiness_check_of_the_manual_says_whether_it_is_ready(
    name: str, block: Block, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    bot = Bot("secret", store=f"sqlite:///{folder / 'bot.db'}", timers=False)
    shop = ModuleType("shop")
    shop.bot = bot  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "shop", shop)
    names: dict[str, Any] = {"__name__": "shop"}
    framework = next(known for known in SERVED if f"# {known}" in block.text)
    [application] = [
        each for page, each in BLOCKS if page == name and f"# {framework}" in each.text
    ]
    for each in (application, block):
        exec(compile(each.in_place, name, "exec"), names)
    if framework == "Django":
        names["urlpatterns"] = [path("wx", names["readyz"])]  # of which `configure` makes a project
    at = "wx" if framework == "Django" else "readyz"
    with SERVED[framework](names) as url:
        answer = httpx.get(f"{url.rstrip('/')}/{at}", trust_env=False)
        assert (answer.status_code, answer.text) == (200, "ok")
        assert "no-store" in answer.headers["cache-control"]
        bot.close()
        shutil.rmtree(folder)
        bot._runner.readiness._trial = None
        answer = httpx.get(f"{url.rstrip('/')}/{at}", trust_env=False)
        assert (answer.status_code, answer.text) == (503, "not ready")
        assert "no-store" in answer.headers["cache-control"]
    bot.close()

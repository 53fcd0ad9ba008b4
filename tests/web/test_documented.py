"""The applications of docs/serving.md, each on real HTTP, and what the platform sees of them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler

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
BLOCKS = [
    (page.name, block)
    for page in manual("serving")
    for block in page.blocks
    if block.language == "python"
]


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

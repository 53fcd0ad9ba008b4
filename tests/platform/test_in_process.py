"""The emulator before applications in its own process, and what the manual says of it."""

from __future__ import annotations

import asyncio
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from wechat_dialog import Bot, Chat
from wechat_dialog.platform.account import Account, Mode
from wechat_dialog.platform.display import FAULT
from wechat_dialog.platform.emulator import AsyncPlatform, Platform
from wechat_dialog.platform.protocol import Request

APP_ID = "wx0123456789abcdef"
KEY = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
MODES: tuple[Mode, ...] = ("plain", "compatible", "safe")
MANUAL = Path(__file__).parents[2] / "docs" / "simulator.md"


def account(mode: Mode = "plain") -> Account:
    return Account("secret", app_id=APP_ID, aes_key=KEY, mode=mode)


def asking(mode: Mode) -> Bot:
    bot = Bot("secret", app_id=APP_ID, aes_key=KEY, mode=mode, store="memory://")

    @bot.text("问")
    def ask(chat: Chat) -> Any:
        return (yield from chat.ask("什么？"))

    return bot


def said(platform: Platform | AsyncPlatform, text: str) -> dict[str, Any]:
    return platform.message("oUser", "text", Content=text)


@pytest.mark.parametrize("mode", MODES)
def test_a_wsgi_application_is_talked_to(mode: Mode) -> None:
    with Platform.to_wsgi(asking(mode).wsgi, account(mode)) as platform:
        assert platform.verify() == ""
        assert platform.deliver(said(platform, "问")).text == "什么？"
        assert platform.deliver(said(platform, "甲")).text == "甲"


@pytest.mark.parametrize("mode", MODES)
def test_an_asgi_application_is_talked_to(mode: Mode) -> None:
    async def talk() -> list[str]:
        async with AsyncPlatform.to_asgi(asking(mode).asgi, account(mode)) as platform:
            verified = await platform.verify()
            one = await platform.deliver(said(platform, "问"))
            return [verified, one.text, (await platform.deliver(said(platform, "甲"))).text]

    assert asyncio.run(talk()) == ["", "什么？", "甲"]


def test_a_wsgi_application_that_hangs_is_hung_up_on_and_goes_on() -> None:
    go, finished = threading.Event(), threading.Semaphore(0)

    def hanging(_environ: Any, start: Any) -> list[bytes]:
        go.wait()
        start("200 OK", [])
        finished.release()
        return [b"success"]

    with Platform.to_wsgi(hanging, account(), window=0.05) as platform:
        shown = platform.deliver(said(platform, "甲"))
        go.set()
        assert all(finished.acquire(timeout=30) for _ in range(3))
    assert shown.text == FAULT
    assert "no answer within 0.05 s" in shown.fault


def test_an_asgi_application_that_hangs_is_hung_up_on_and_goes_on() -> None:
    finished: list[str] = []

    async def talk() -> str:
        go = asyncio.Event()

        async def hanging(_scope: Any, _receive: Any, send: Any) -> None:
            await go.wait()
            finished.append("")
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"success"})

        async with AsyncPlatform.to_asgi(hanging, account(), window=0.05) as platform:
            shown = await platform.deliver(said(platform, "甲"))
            go.set()
        return shown.fault

    assert "no answer within 0.05 s" in asyncio.run(talk())
    assert len(finished) == 3


def test_an_application_that_raises_is_a_status_of_500_to_the_platform() -> None:
    def broken(_environ: Any, _start: Any) -> list[bytes]:
        raise ZeroDivisionError

    with Platform.to_wsgi(broken, account()) as platform:
        assert "HTTP status 500" in platform.deliver(said(platform, "甲")).fault


def test_a_request_is_told_when_it_is_made_and_when_it_is_over() -> None:
    told: list[Request] = []
    with Platform.to_wsgi(asking("plain").wsgi, account()) as platform:
        platform.deliver(said(platform, "问"), told.append)
    assert [(one.number, one.open, one.status) for one in told] == [(1, True, 0), (1, False, 200)]


def test_what_the_manual_shows_runs() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", MANUAL.read_text("utf-8"), re.DOTALL)
    exec(compile(block, str(MANUAL), "exec"), {"__name__": "manual"})

"""A body that comes later than its request, as an ASGI server hands it on."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from tests.full_path.people import TOKEN, push, signed
from wechat_dialog import Bot

SCOPE = {
    "type": "http", "method": "POST", "path": "/", "query_string": signed(TOKEN).encode(),
    "headers": [], "http_version": "1.1",
}  # fmt: skip


def request(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


class Connection:
    """What the server has received, and what it is given to send."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent: list[MutableMapping[str, Any]] = []
        self.cancelled = False

    async def receive(self) -> dict[str, Any]:
        try:
            return await self.received.get()
        except asyncio.CancelledError:
            self.cancelled = True
            raise

    async def send(self, message: MutableMapping[str, Any]) -> None:
        self.sent.append(message)


def test_a_body_that_comes_in_pieces_after_its_request_is_answered() -> None:
    async def main() -> None:
        bot, connection = Bot(TOKEN, store="memory://"), Connection()
        bot.text("你好")(lambda _chat: "你也好")
        answering = asyncio.create_task(bot.asgi(SCOPE, connection.receive, connection.send))
        body = push("oUser", Content="你好")
        for start in range(0, len(body), 100):
            await asyncio.sleep(0)
            await connection.received.put(request(body[start : start + 100], more=True))
        await connection.received.put(request(b""))
        await answering
        assert "你也好".encode() in connection.sent[1]["body"]
        await bot.close_async()

    asyncio.run(main())


def test_a_server_that_cancels_a_request_without_its_body_ends_it() -> None:
    async def main() -> None:
        bot, connection = Bot(TOKEN, store="memory://"), Connection()
        answering = asyncio.create_task(bot.asgi(SCOPE, connection.receive, connection.send))
        await asyncio.sleep(0)
        answering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await answering
        assert connection.cancelled
        assert connection.sent == []
        await bot.close_async()

    asyncio.run(main())

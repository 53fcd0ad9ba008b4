"""The applications that `benchmarks.http` has servers serve: our bot, and one that keeps nothing.

The store's URL is in the environment. It is a module like others, so that the type checkers hold
`Bare` to what adapters ask of a bot.
"""

from __future__ import annotations

import os

from benchmarks.turns import TOKEN, accumulator
from wechat_dialog import Bot, replies
from wechat_dialog.core.wire.codec import Codec
from wechat_dialog.web.asgi import Application as Asgi
from wechat_dialog.web.wsgi import Application as Wsgi

__all__ = ["asgi", "bare_asgi", "bare_wsgi", "bot", "wsgi"]

bot = Bot(TOKEN, store=os.environ["BENCH_STORE"], timeout=3600)
bot.text("累加器")(accumulator)
codec = Codec(TOKEN)


class Bare:
    """Verifies and parses a push, renders a text, and keeps nothing: what the server costs."""

    pages = None

    def echo(self, query: str) -> str:
        """Answer the platform's GET."""
        return query

    def answer(self, body: bytes, query: str) -> bytes:
        """Answer one push."""
        got = codec.open(body, query, now=0.0)
        return codec.seal(got, replies.Text("好"), now=0, random16=bytes(16))

    async def answer_async(self, body: bytes, query: str) -> bytes:
        """Answer one push on an event loop."""
        return self.answer(body, query)

    def sweep_here(self) -> None:
        """Nothing falls due."""

    async def settle(self) -> None:
        """No turn is running."""

    async def close_async(self) -> None:
        """Nothing is open."""


bare_wsgi, bare_asgi = Wsgi(Bare()), Asgi(Bare())
wsgi, asgi = bot.wsgi, bot.asgi

"""What a web face needs of a bot, and what all faces answer alike."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

from wechat_dialog.errors import Refused, TooLarge
from wechat_dialog.logs import log, report

__all__ = ["LIMIT", "METHODS", "Answers", "Served", "check_length", "serve", "serve_async"]

LIMIT = 65536
"""Bytes of a body that are read; no message of the platform is longer (protocol reference 8)."""

METHODS = ("GET", "HEAD", "POST")
"""What is answered; anything else is a 405."""

XML = "application/xml; charset=utf-8"
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


class Answers(Protocol):
    """What a face calls."""

    def echo(self, query: str) -> str:
        """Answer the platform's GET."""
        ...

    def answer(self, body: bytes, query: str) -> bytes:
        """Answer one push."""
        ...

    def answer_async(self, body: bytes, query: str) -> Awaitable[bytes]:
        """Answer one push on an event loop."""
        ...


class Served(NamedTuple):
    """What to answer a request.

    Attributes:
        status: The HTTP status.
        body: The body; empty where the status says enough.
        kind: Its content type.
        allow: The methods there are, for an answer to another one; "" otherwise.
    """

    status: int
    body: bytes
    kind: str = TEXT
    allow: str = ""


def serve(bot: Answers, method: str, query: str, read: Callable[[], bytes]) -> Served:
    """Answer one request.

    Args:
        bot: The bot.
        method: The HTTP method.
        query: The raw query string.
        read: Reads the body; raises `TooLarge` where it is longer than `LIMIT`.
    """
    try:
        if method == "POST":
            return _answered(bot.answer(read(), query))
        return _without_body(bot, method, query)
    except Exception as error:  # noqa: BLE001 - told to the log, and to the sender by its status
        return _failed(error)


async def serve_async(
    bot: Answers, method: str, query: str, read: Callable[[], Awaitable[bytes]]
) -> Served:
    """Answer one request on an event loop; see `serve`."""
    try:
        if method == "POST":
            return _answered(await bot.answer_async(await read(), query))
        return _without_body(bot, method, query)
    except Exception as error:  # noqa: BLE001 - see `serve`
        return _failed(error)


def check_length(announced: str | None) -> int | None:
    """Return the length that a request announces; None if it announces none.

    Raises:
        TooLarge: It is longer than any message, or no number.
    """
    if not announced:
        return None
    # Twenty digits say enough: `int` itself refuses more than 4300.
    number = announced.isascii() and announced.isdecimal()
    size = int(announced[:20]) if number else LIMIT + 1
    if size > LIMIT:
        raise TooLarge("more bytes announced than a message can have")
    return size


def _answered(body: bytes) -> Served:
    return Served(200, body, JSON if body.startswith(b"{") else XML)


def _without_body(bot: Answers, method: str, query: str) -> Served:
    if method not in METHODS:
        return Served(405, b"", allow=", ".join(METHODS))
    echo = bot.echo(query).encode("utf-8", "surrogatepass")
    return Served(200, echo if method == "GET" else b"")


def _failed(error: Exception) -> Served:
    """Tell the log why; the sender gets a status and no reason."""
    if isinstance(error, Refused):
        reason = f" ({error})" if str(error) else ""
        log.warning("refused with %d: %s%s", error.status, type(error).__name__, reason)
        return Served(error.status, b"")
    report(logging.ERROR, "the request could not be answered", error=error)
    return Served(500, b"")

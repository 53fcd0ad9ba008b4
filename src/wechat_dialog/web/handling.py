"""What a web adapter needs of a bot (`Answers`), and how every adapter answers a request."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, Protocol

from wechat_dialog.core.hung_up import has_hung_up
from wechat_dialog.core.logs import log, report
from wechat_dialog.errors import AskAgain, Refused, TooLarge

from .client_sockets import asks_for_client

__all__ = [
    "LIMIT", "METHODS", "Answers", "PageAnswers", "PageNews", "Served", "check_length", "page_in",
    "serve", "serve_async", "serve_page", "serve_page_async",
]  # fmt: skip

LIMIT = 65536
"""Most bytes of a body; no message of the platform is longer (protocol reference 8)."""

METHODS = ("GET", "HEAD", "POST")
"""The methods that are answered; any other gets a 405."""

XML = "application/xml; charset=utf-8"
PAGE_METHODS = ("GET", "HEAD")
"""The methods with which an answer page can be requested."""

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


class PageAnswer(Protocol):
    """What the reader of an answer page gets: an HTTP status, a body and its content type."""

    @property
    def status(self) -> int: ...
    @property
    def body(self) -> bytes: ...
    @property
    def kind(self) -> str: ...


class PageNews(Protocol):
    """What is new for readers who follow an answer page.

    Attributes:
        place: The position up to which they have the page once they get this.
        news: What to send them; empty if there is nothing new.
        over: Whether nothing will follow.
    """

    @property
    def place(self) -> str: ...  # noqa: D102
    @property
    def news(self) -> bytes: ...  # noqa: D102
    @property
    def over(self) -> bool: ...  # noqa: D102


class PageAnswers(Protocol):
    """The answer pages of a bot, for an adapter."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of every answer."""
        ...

    @property
    def path(self) -> str:
        """The path of the pages' address, without the id."""
        ...

    def id_in(self, path: str) -> str:
        """Return the id of the page that a request's path names; "" if it names none."""
        ...

    def answer(self, id: str, query: str) -> PageAnswer:
        """Answer a reader."""
        ...

    def answer_async(self, id: str, query: str, *, streams: bool) -> Awaitable[PageAnswer]:
        """Answer a reader on an event loop; `streams`: whether they can follow the page."""
        ...

    def hear(self, id: str, place: str, *, comes: bool = False) -> Awaitable[PageNews]:
        """Return what is new for readers who have the page up to `place`; `comes`: whether this is
        a reader's first request.
        """
        ...


class Answers(Protocol):
    """The methods of a bot that an adapter calls."""

    @property
    def pages(self) -> PageAnswers | None:
        """The bot's answer pages; None if it has none."""
        ...

    def echo(self, query: str) -> str:
        """Return the answer to the platform's verification GET; see `Bot.echo`."""
        ...

    def answer(self, body: bytes, query: str) -> bytes:
        """Return the body of the answer to one push; see `Bot.answer`."""
        ...

    def answer_async(self, body: bytes, query: str) -> Awaitable[bytes]:
        """Answer one push on an event loop; see `answer`."""
        ...

    def check_ready(self) -> None:
        """Return if a message would be taken now; see `Bot.check_ready`."""
        ...

    def check_ready_async(self) -> Awaitable[None]:
        """Do the same on an event loop; see `check_ready`."""
        ...

    def sweep_here(self) -> None:
        """Handle what falls due from now on, on the running event loop."""
        ...

    def settle(self) -> Awaitable[None]:
        """Wait for a turn that this task's request began and that is still running."""
        ...

    def close_async(self) -> Awaitable[None]:
        """Let the running turns end, and close connections and threads."""
        ...


_NONE: Mapping[str, str] = {}


class Served(NamedTuple):
    """The response to a request.

    Attributes:
        status: The HTTP status.
        body: The body; empty for most statuses other than 200.
        kind: Its content type.
        allow: For a 405, the `Allow` header; "" otherwise.
        headers: Further headers.
    """

    status: int
    body: bytes
    kind: str = TEXT
    allow: str = ""
    headers: Mapping[str, str] = _NONE


def page_in(bot: Answers, path: str, root: str = "") -> str:
    """Return the id of the answer page that a request is for; "" if it is a request of the
    platform.

    Args:
        bot: The bot.
        path: The request's path, with or without `root` before it.
        root: The path at which the application is mounted.
    """
    pages = bot.pages
    return "" if pages is None else pages.id_in(path) or pages.id_in(root + path)


def serve_page(bot: Answers, method: str, id: str, query: str) -> Served:
    """Answer the reader of an answer page."""
    pages = bot.pages
    if pages is None or method not in PAGE_METHODS:
        return Served(405, b"", allow=", ".join(PAGE_METHODS))
    try:
        return _page(pages, method, pages.answer(id, query))
    except Exception as error:  # noqa: BLE001 - logged; the reader gets a status
        return _failed(error)


async def serve_page_async(
    bot: Answers, method: str, id: str, query: str, *, streams: bool = False
) -> Served:
    """Answer the reader of an answer page on an event loop; see `serve_page`."""
    pages = bot.pages
    if pages is None or method not in PAGE_METHODS:
        return Served(405, b"", allow=", ".join(PAGE_METHODS))
    try:
        return _page(pages, method, await pages.answer_async(id, query, streams=streams))
    except Exception as error:  # noqa: BLE001 - see `serve_page`
        return _failed(error)


def _page(pages: PageAnswers, method: str, answer: PageAnswer) -> Served:
    body = answer.body if method == "GET" else b""
    return Served(answer.status, body, answer.kind, headers=pages.headers)


def serve(
    bot: Answers, method: str, query: str, read: Callable[[], bytes], environ: Mapping[str, Any]
) -> Served:
    """Answer one request.

    Args:
        bot: The bot.
        method: The HTTP method.
        query: The raw query string.
        read: Reads the body; raises `TooLarge` where it is longer than `LIMIT`.
        environ: The WSGI environ of the request.
    """
    token = has_hung_up.set(asks_for_client(environ))
    try:
        if method == "POST":
            return _answered(bot.answer(read(), query))
        return _without_body(bot, method, query)
    except Exception as error:  # noqa: BLE001 - logged; the sender gets a status
        return _failed(error)
    finally:
        has_hung_up.reset(token)


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
    """Return the length that a request's Content-Length announces; None if it has none.

    Raises:
        TooLarge: The length is more than a message can have, or not a number.
    """
    if not announced:
        return None
    # More than twenty digits are too much anyway; `int` raises for more than 4300.
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
    """Log why a request failed; the sender gets a status without the reason."""
    if isinstance(error, AskAgain):  # logged where the store failed
        return Served(error.status, b"")
    if isinstance(error, Refused):
        reason = f" ({error})" if str(error) else ""
        log.warning("refused with %d: %s%s", error.status, type(error).__name__, reason)
        return Served(error.status, b"")
    report(logging.ERROR, "the request could not be answered", error=error)
    return Served(500, b"")

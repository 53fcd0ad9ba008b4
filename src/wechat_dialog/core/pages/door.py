"""What a reader is answered: generators of what is asked of the store, and of what takes long.

The same answer for a link that was guessed, that is too old, and that is another account's: there
is no page of that name, and one question to the store has told so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import Any

import msgspec

from wechat_dialog.core.dialog.texts import Texts
from wechat_dialog.core.store.pages import Page, PageRead, PageSecret

from . import document, pieces
from .address import Pages

__all__ = ["Door", "Heard", "Render", "Response"]

HTML = "text/html; charset=utf-8"
JSON = "application/json"

FOLLOWED = 900.0
"""Seconds for which a page on which nothing happens is followed."""

_PLACE = re.compile(r"(\d{1,9})\.(\d{1,6})")


class Render(msgspec.Struct, frozen=True):
    """Make something of pieces, which may take some time.

    Attributes:
        make: Makes it.
        size: Bytes of the pieces.
    """

    make: Callable[[], bytes]
    size: int


class Response(msgspec.Struct, frozen=True):
    """What a request is answered."""

    status: int
    body: bytes
    kind: str = HTML


class Heard(msgspec.Struct, frozen=True):
    """What is new for those who follow a page.

    Attributes:
        place: Where they stand with it.
        news: What is new; empty if nothing is.
        over: Whether nothing will follow: it is complete, is gone, or nobody writes on it.
    """

    place: str
    news: bytes = b""
    over: bool = False


Answering = Generator[PageRead | PageSecret | Render, Any, Response]
Hearing = Generator[PageRead | PageSecret | Render, Any, Heard]


class Door:
    """Answers the readers of a bot's pages."""

    def __init__(self, pages: Pages, texts: Callable[[], Texts]) -> None:
        self.pages = pages
        self._texts = texts

    def answer(self, id: str, query: str, *, streams: bool) -> Answering:
        """Answer a request.

        Args:
            id: The page's.
            query: The request's query, as it came: "" asks for the whole document, `after=place`
                for what is new.
            streams: Whether there is a stream of what is new, too.
        """
        texts = self._texts()
        asked = _asked(query, "after")
        stored = yield from self.pages.stored(id)
        result = yield from _read(stored, asked)
        if result is None:
            return Response(404, document.gone(texts))
        page, reset = result
        if asked is None:
            body = yield _render(page, lambda: document.document(page, texts, streams=streams))
            return Response(200, body)
        body = yield _render(page, lambda: document.news(page, texts, reset=reset))
        return Response(200, body, JSON)

    def hear(self, id: str, place: str, *, comes: bool = False) -> Hearing:
        """Look whether there is anything new for those who follow a page.

        Args:
            id: The page's.
            place: Where they stand; "": at its beginning.
            comes: Whether one comes who was not told by a look before that the page is complete.
        """
        texts = self._texts()
        stored = yield from self.pages.stored(id)
        result = yield from _read(stored, _place(place) or (0, 0))
        if result is None:
            return Heard(place, over=True)
        page, reset = result
        now = document.place(page)
        if now == place:
            over = page.age > FOLLOWED
            if comes and page.length:
                last = yield PageRead(stored, page.length - 1)
                over = over or last is None or _is_end(last)
            return Heard(now, over=over)
        news = yield _render(page, lambda: document.news(page, texts, reset=reset))
        return Heard(now, news, _is_end(page))


def _is_end(page: Page) -> bool:
    return any(piece.kind == pieces.END for piece in pieces.decode(page.pieces))


def _read(
    stored: str, asked: tuple[int, int] | None
) -> Generator[PageRead, Page | None, tuple[Page, bool] | None]:
    """Read what a reader lacks who stands at a place; and whether that is all of the page, since it
    was cut back meanwhile.
    """
    edition, length = asked or (0, 0)
    page = yield PageRead(stored, length)
    if page is None:
        return None
    if asked is None or (page.edition == edition and page.length >= length):
        return page, False
    if length:
        page = yield PageRead(stored)
    return None if page is None else (page, True)


def _render(page: Page, make: Callable[[], bytes]) -> Render:
    return Render(make, sum(map(len, page.pieces)))


def _asked(query: str, name: str) -> tuple[int, int] | None:
    """Return the place that a query names; None if it names none."""
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        if key == name:
            return _place(value) or (0, 0)
    return None


def _place(text: str) -> tuple[int, int] | None:
    match = _PLACE.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None

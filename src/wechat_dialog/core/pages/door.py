"""Answers to readers of pages: generators of store operations and of rendering.

The answer is the same for a link that was guessed, that has expired, or that belongs to another
account: one store operation finds no such page.
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
"""Seconds for which a page is followed while nothing happens on it."""

_PLACE = re.compile(r"(\d{1,9})\.(\d{1,6})")


class Render(msgspec.Struct, frozen=True):
    """Render pieces, which may take some time.

    Attributes:
        make: Renders them.
        size: Bytes of the pieces.
    """

    make: Callable[[], bytes]
    size: int


class Response(msgspec.Struct, frozen=True):
    """The response to a request."""

    status: int
    body: bytes
    kind: str = HTML


class Heard(msgspec.Struct, frozen=True):
    """What has been added for those who follow a page.

    Attributes:
        place: Their new place on it.
        news: What has been added; empty if nothing was.
        over: Whether nothing will follow: the page is complete, does not exist any more, or nobody
            writes on it.
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
            id: Id of the page.
            query: The raw query of the request: "" requests the whole document, `after=place` what
                has been added.
            streams: Whether there is also an event stream.
        """
        texts = self._texts()
        place = _asked(query, "after")
        _, result = yield from self._find(id, place)
        if result is None:
            return Response(404, document.gone(texts))
        page, reset = result
        if place is None:
            body = yield _render(page, lambda: document.document(page, texts, streams=streams))
            return Response(200, body)
        body = yield _render(page, lambda: document.news(page, texts, reset=reset))
        return Response(200, body, JSON)

    def hear(self, id: str, place: str, *, comes: bool = False) -> Hearing:
        """Check for additions, for those who follow a page.

        Args:
            id: Id of the page.
            place: Their place on it; "": its beginning.
            comes: Whether a new reader comes, whom no earlier check has told that the page is
                complete.
        """
        texts = self._texts()
        stored, result = yield from self._find(id, _place(place) or (0, 0))
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

    def _find(
        self, id: str, place: tuple[int, int] | None
    ) -> Generator[PageRead | PageSecret, Any, tuple[str, tuple[Page, bool] | None]]:
        """Read a page; returns the store's id of it, and what `_read` returns."""
        stored = yield from self.pages.stored(id)
        result = yield from _read(stored, place)
        if result is None and (anew := (yield from self.pages.stored_anew(id))):
            stored, result = anew, (yield from _read(anew, place))
        return stored, result


def _is_end(page: Page) -> bool:
    return any(piece.kind == pieces.END for piece in pieces.decode(page.pieces))


def _read(
    stored: str, place: tuple[int, int] | None
) -> Generator[PageRead, Page | None, tuple[Page, bool] | None]:
    """Read the pieces that a reader at a place lacks; the bool says whether these are all pieces,
    because the page was truncated in the meantime.
    """
    edition, length = place or (0, 0)
    page = yield PageRead(stored, length)
    if page is None:
        return None
    if place is None or (page.edition == edition and page.length >= length):
        return page, False
    if length:
        page = yield PageRead(stored)
    return None if page is None else (page, True)


def _render(page: Page, make: Callable[[], bytes]) -> Render:
    return Render(make, sum(map(len, page.pieces)))


def _asked(query: str, name: str) -> tuple[int, int] | None:
    """Return the place in a query; None if it has none."""
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        if key == name:
            return _place(value) or (0, 0)
    return None


def _place(text: str) -> tuple[int, int] | None:
    match = _PLACE.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None

"""A page as its reader gets it: the document, and what has been added to it.

The document is self-contained: style and script are inline and allowed by their digests, and
nothing else may be loaded, run or sent anywhere. Without the script it shows the state at the time
of the request, and is reloaded until it is complete.
"""

from __future__ import annotations

import base64
import hashlib
import html
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

import msgspec

from wechat_dialog.core.dialog.texts import Texts
from wechat_dialog.core.store.pages import Page
from wechat_dialog.formats.work import MOST

from . import pieces
from .markup import Markup, markup_of, plain_html
from .pieces import Piece

__all__ = ["HEADERS", "Shown", "document", "gone", "news", "place"]


class Shown(NamedTuple):
    """The visible content of pieces.

    Attributes:
        html: The content as HTML.
        ai_generated: Whether any of it is AI-generated.
        ended: Whether the page is complete.
    """

    html: str
    ai_generated: bool
    ended: bool


def place(page: Page) -> str:
    """Return the place of a reader who has all of a page."""
    return f"{page.edition}.{page.length}"


def document(page: Page, texts: Texts, *, streams: bool) -> bytes:
    """Return the whole document of a page.

    Args:
        page: The page with all its pieces.
        texts: The bot's sentences.
        streams: Whether readers can also follow an event stream.
    """
    shown = _shown(page.pieces, texts)
    words = {name: html.escape(getattr(texts, name)) for name in _WORDS}
    state = words["page_end"] if shown.ended else words["page_writing"]
    refresh = "" if shown.ended else _REFRESH
    return _DOCUMENT.format(
        title=words["page_title"], style=_style(), script=_script(), refresh=refresh,
        at=place(page), streams=int(streams), busy=str(not shown.ended).lower(), html=shown.html,
        state=state, hidden="" if shown.ai_generated and texts.ai_generated else " hidden",
        writing="" if shown.ended else "writing", made=words["ai_generated"],
        stopped=words["page_stopped"], gone=words["page_gone"],
    ).encode()  # fmt: skip


def news(page: Page, texts: Texts, *, reset: bool) -> bytes:
    """Return what has been added to a page, as JSON on one line.

    Args:
        page: The page with the pieces that the reader lacks.
        texts: The bot's sentences.
        reset: Whether these are all pieces, to replace what the reader has.
    """
    shown = _shown(page.pieces, texts)
    fields: dict[str, object] = {"at": place(page), "html": shown.html}
    if reset:
        fields["reset"] = True
    if shown.ai_generated and texts.ai_generated:
        fields["made"] = True
    if shown.ended:
        fields["end"] = texts.page_end or " "
    return msgspec.json.encode(fields)


def gone(texts: Texts) -> bytes:
    """Return the document for a link without a page, whatever the reason."""
    title, text = html.escape(texts.page_title), html.escape(texts.page_gone)
    return _GONE.format(title=title, style=_style(), text=text).encode()


def _shown(stored: Iterable[bytes], texts: Texts) -> Shown:
    known = pieces.decode(stored)
    ended = any(piece.kind == pieces.END for piece in known)
    return Shown(_html(known, texts), any(piece.made for piece in known), ended)


def _html(known: Sequence[Piece], texts: Texts) -> str:
    notes = {
        pieces.OTHER: texts.page_other,
        pieces.QUESTION: texts.page_question.format(more=texts.more),
        pieces.CUT: texts.page_cut,
    }
    out: list[str] = []
    work = 0
    for piece in known:
        if piece.kind == pieces.TEXT and work > 2 * MOST:  # as of one text
            out.append(plain_html(piece.text))
        elif piece.kind == pieces.TEXT:
            markup = _cached(piece.text)
            out.append(markup.html)
            work += markup.work
        elif note := notes.get(piece.kind):
            out.append(f'<p class="note">{html.escape(note)}</p>\n')
    return "".join(out)


def _cached(text: str) -> Markup:
    return next(cached(text) for longest, cached in _CACHES if len(text) <= longest)


# A page has up to 1000 pieces of 256 KB together, read in order by each new reader: a cache with
# room for fewer pieces of a size would hold none of them when it is asked.
_CACHES = (
    (2000, lru_cache(maxsize=4000)(markup_of)),
    (16_000, lru_cache(maxsize=130)(markup_of)),
    (math.inf, lru_cache(maxsize=20)(markup_of)),
)
"""Rendered pieces, by their length in characters."""


# Constant parts -----------------------------------------------------------------------------------

_WORDS = (
    "ai_generated", "page_end", "page_gone", "page_stopped", "page_title", "page_writing",
)  # fmt: skip

_REFRESH = '<noscript><meta http-equiv="refresh" content="5"></noscript>\n'

_HEAD = """<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="robots" content="noindex, nofollow, noarchive">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<meta name="format-detection" content="telephone=no">
"""

_DOCUMENT = (
    _HEAD
    + """<title>{title}</title>
{refresh}<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<div id="answer" data-at="{at}" data-streams="{streams}" aria-busy="{busy}">
{html}</div>
<div id="below">
<p id="made"{hidden}>{made}</p>
<p id="state" class="{writing}" role="status" data-stopped="{stopped}"
 data-gone="{gone}">{state}</p>
</div>
</main>
<script>{script}</script>
</body>
</html>
"""
)

_GONE = (
    _HEAD
    + """<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{text}</p>
</main>
</body>
</html>
"""
)


@cache
def _style() -> str:
    return _source("page.css")


@cache
def _script() -> str:
    return _source("page.js")


def _source(name: str) -> str:
    return files(__package__ or "").joinpath(name).read_text("utf-8")


def _digest(source: str) -> str:
    digest = hashlib.sha256(source.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _headers() -> Mapping[str, str]:
    policy = {
        "default-src": "'none'",
        "script-src": _digest(_script()),
        "style-src": _digest(_style()),
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex, nofollow, noarchive",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cache-Control": "no-store",
    }


HEADERS = _headers()
"""The headers of all responses below the URL of pages."""

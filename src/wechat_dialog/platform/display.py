"""What a user sees of an answer (text, articles, pictures), as plain text and as data.

The simulator's page, the terminal and the testing kit share this rendering. A text becomes `Part`s,
so that none of them has to parse markup. Nothing here does I/O.

Proof: `tests/platform/test_display.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import unquote, unquote_plus

import msgspec

from . import emoticons

__all__ = [
    "FAULT",
    "Article",
    "Part",
    "Shown",
    "Tap",
    "fault",
    "parts_of",
    "plain_parts",
    "show",
    "tappable",
    "text_of",
]

FAULT = "该公众号提供的服务出现故障，请稍后再试"
"""What the platform shows in place of every answer that it does not accept (protocol reference
5.3).
"""

ARTICLES_FOR_EVENTS = 8
ARTICLES_FOR_MESSAGES = 1

Fields = dict[str, Any]


class Tap(msgspec.Struct, frozen=True):
    """What a tap on a link makes the client send (protocol reference 5.6).

    Attributes:
        content: The user's own text message.
        id: Its `bizmsgmenuid`.
    """

    content: str
    id: str


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of a text.

    Attributes:
        text: The plain text, the label of a link, or the code of an emoticon.
        href: The address of a link; "" if the part is not a link.
        tap: What a tap sends; None if it sends nothing.
        emoticon: The emoticon's name; "" if the part is not an emoticon.
    """

    text: str
    href: str = ""
    tap: Tap | None = None
    emoticon: str = ""


class Article(msgspec.Struct, frozen=True):
    """An article of a news reply; every attribute but `title` may be ""."""

    title: str
    description: str = ""
    pic_url: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a user sees of an answer.

    Attributes:
        text: As plain text: a text with its links replaced by their labels, or one line that
            describes any other kind; "" if nothing is shown.
        taps: What tapping a link sends as the user's own text, by its label.
        reply: The reply's fields; empty if there was none.
        fault: Why the platform shows its fault notice, for the developer; "" if it does not.
        kind: The reply's `MsgType`; "" if nothing is shown, "fault" for the fault notice.
        parts: The pieces of a text, or of the line that describes any other kind.
        articles: The articles of a news reply that are shown; empty for any other kind.
    """

    text: str
    taps: dict[str, str] = field(default_factory=dict[str, str])
    reply: Fields = field(default_factory=dict[str, Any])
    fault: str = ""
    kind: str = ""
    parts: tuple[Part, ...] = ()
    articles: tuple[Article, ...] = ()


def fault(why: str) -> Shown:
    """Return the fault notice, with the reason for the developer."""
    return Shown(FAULT, fault=why, kind="fault", parts=(Part(FAULT),))


# Texts. --------------------------------------------------------------------------------

_PIECE = re.compile(
    # An <a> that is not closed before the next <a> is not a link. If it could be, a text with a
    # thousand unclosed ones would be searched to its end a thousand times.
    r"(?i:<a\s(?P<attributes>[^<>]*)>(?P<label>[^<]*(?:<(?!/a>|a\s)[^<]*)*)</a>)"
    r"|(?P<url>(?i:https?)://[\w\-.~:/?#\[\]@!$&'()*+,;=%]*[\w\-~/#@$&*+=%])"
    f"|(?P<emoticon>{emoticons.PATTERN})",
    re.DOTALL | re.ASCII,
)
_HREF = re.compile(r"(?:^|\s)href\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_TAP = "weixin://bizmsgmenu?"
_OPENS = ("http://", "https://", "tel:", "mailto:", "weixin://")
"""Addresses that a client opens; any other, such as `javascript:`, does not become a link."""


def parts_of(text: str) -> tuple[Part, ...]:
    """Cut an account's text into plain text, links and emoticons.

    Links, tappable and plain ones, bare addresses and emoticon codes are parts of their own. Markup
    that is not a complete link stays as it is (protocol reference 5.5). "" gives no parts.
    """
    return tuple(_joined(_pieces(text, links=True)))


def plain_parts(text: str) -> tuple[Part, ...]:
    """Cut a user's text: as `parts_of`, but markup that users type is never a link."""
    return tuple(_joined(_pieces(text, links=False)))


def _pieces(text: str, *, links: bool) -> Iterator[Part]:
    end = 0
    for match in _PIECE.finditer(text):
        yield Part(text[end : match.start()])
        end = match.end()
        if match["label"] is not None:
            if links:
                yield _link(match)
            else:
                yield Part(match[0])
        elif match["url"] is not None:
            yield Part(match["url"], href=match["url"])
        else:
            yield Part(match[0], emoticon=emoticons.name_of(match[0]))
    yield Part(text[end:])


def _link(match: re.Match[str]) -> Part:
    address = _HREF.search(match["attributes"])
    if address is None:
        return Part(match[0])
    href = (address[1] or address[2] or "").strip()
    label = match["label"]
    if href.startswith(_TAP):
        return Part(label, tap=_tapped(href))
    return Part(label, href=href if href.lower().startswith(_OPENS) else "")


def _tapped(href: str) -> Tap | None:
    """Return what a tap on a link sends; None if it sends nothing (protocol reference 5.6)."""
    # The Android client decodes twice: the whole address, then the value as form data.
    pairs = (pair.partition("=") for pair in href[len(_TAP) :].split("&"))
    fields = {name: unquote_plus(unquote(value)) for name, _, value in pairs}
    content, id = fields.get("msgmenucontent", ""), fields.get("msgmenuid", "")
    return Tap(content, id) if content and id else None


def _joined(parts: Iterable[Part]) -> Iterator[Part]:
    """Return the parts with empty texts dropped and adjacent plain texts joined."""
    text = ""
    for part in parts:
        if part.href or part.tap or part.emoticon:
            if text:
                yield Part(text)
                text = ""
            yield part
        else:
            text += part.text
    if text:
        yield Part(text)


def text_of(parts: Iterable[Part]) -> str:
    """Return parts as plain text: links as their labels, emoticons as their codes."""
    return "".join(part.text for part in parts)


def tappable(shown: Shown, *, hidden: bool = False) -> list[str]:
    """Return what can be tapped, numbered in its order: "1. 继续", "2. 看全文 https://…".

    Args:
        shown: What the user sees.
        hidden: Whether to leave out all but the links whose address the text does not show.
    """
    taps = (part for part in shown.parts if part.tap or part.href)
    return [
        f"{number}. {part.text}" + (f" {part.href}" if part.href not in {"", part.text} else "")
        for number, part in enumerate(taps, 1)
        if not hidden or part.href not in {"", part.text}
    ]


# Replies. ------------------------------------------------------------------------------

_NAMES = {"image": "图片", "voice": "语音", "video": "视频", "music": "音乐"}


def show(reply: Mapping[str, Any], *, to_event: bool = False) -> Shown:
    """Return what the user sees of a reply that was accepted.

    Args:
        reply: Its fields, as `answer_check.judge` returns them; empty for no reply.
        to_event: Whether it answers an event; it may then have more articles (protocol reference
            5.2).
    """
    if not reply:
        return Shown("")
    fields = dict(reply)
    kind = str(fields["MsgType"])
    if kind == "text":
        parts = parts_of(fields["Content"])
        taps = {part.text: part.tap.content for part in parts if part.tap}
        return Shown(text_of(parts), taps, fields, kind=kind, parts=parts)
    articles: tuple[Article, ...] = ()
    if kind == "news":
        articles = _articles(fields)[: ARTICLES_FOR_EVENTS if to_event else ARTICLES_FOR_MESSAGES]
        line = "\n".join(f"[图文] {article.title} {article.url}".rstrip() for article in articles)
    elif kind == "transfer_customer_service":
        line = "[转接人工客服]"
    else:
        inner = _inside(fields, kind.capitalize())
        label = inner.get("Title") or inner.get("MediaId") or inner.get("ThumbMediaId") or ""
        line = f"[{_NAMES.get(kind, kind)}] {label}".rstrip()
    return Shown(line, {}, fields, kind=kind, parts=(Part(line),), articles=articles)


def _articles(fields: Fields) -> tuple[Article, ...]:
    listed = _inside(fields, "Articles").get("item")
    items = cast("list[Fields]", listed) if isinstance(listed, list) else []
    return tuple(
        Article(*(str(item.get(name, "")) for name in ("Title", "Description", "PicUrl", "Url")))
        for item in items
    )


def _inside(fields: Fields, name: str) -> Fields:
    inner = fields.get(name)
    return cast("Fields", inner) if isinstance(inner, dict) else {}

"""What a user sees of a customer message, and which ones the platform refuses (protocol reference
7.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

from wechat_dialog.platform.display import Part, Shown, Tap, show

__all__ = ["MessageRefused", "is_made_by_ai", "shown"]

TEXT_LIMIT = 2048

Fields = dict[str, Any]


class MessageRefused(Exception):
    """The platform refuses a message.

    Attributes:
        code: Its `errcode`.
        why: What is wrong, in a sentence; may be "".
    """

    def __init__(self, code: int, why: str = "") -> None:
        super().__init__(code, why)
        self.code = code
        self.why = why


def shown(message: Fields) -> Shown:
    """Return what the user sees of a customer message.

    Args:
        message: The call's JSON.

    Raises:
        MessageRefused: The platform would refuse it.
    """
    kind = str(message.get("msgtype", ""))
    make = _KINDS.get(kind)
    if make is None:
        raise MessageRefused(40008, f"msgtype {kind!r}")
    inner = message.get(kind)
    if not isinstance(inner, dict):
        raise MessageRefused(47001, f"no object {kind!r} in it")
    return make(cast("Fields", inner))


def is_made_by_ai(message: Fields) -> bool:
    """Return whether the call marks the message as made by an AI."""
    context = message.get("aimsgcontext")
    return isinstance(context, dict) and cast("Fields", context).get("is_ai_msg") == 1


def _text(inner: Fields) -> Shown:
    content = inner.get("content")
    if not isinstance(content, str) or not content.strip():
        raise MessageRefused(44004)
    if (size := len(content.encode())) > TEXT_LIMIT:
        raise MessageRefused(45002, f"{size} bytes of UTF-8, {TEXT_LIMIT} are the limit")
    return show({"MsgType": "text", "Content": content})


def _media(kind: str, *needed: str) -> Callable[[Fields], Shown]:
    names = {
        "media_id": "MediaId",
        "thumb_media_id": "ThumbMediaId",
        "title": "Title",
        "description": "Description",
        "musicurl": "MusicUrl",
        "hqmusicurl": "HQMusicUrl",
    }

    def make(inner: Fields) -> Shown:
        for name in needed:
            if not inner.get(name):
                raise MessageRefused(40007, f"no {name}")
        fields = {names[name]: str(value) for name, value in inner.items() if name in names}
        return show({"MsgType": kind, kind.capitalize(): fields})

    return make


def _news(inner: Fields) -> Shown:
    articles = inner.get("articles")
    rows = cast("list[Fields]", articles) if isinstance(articles, list) else []
    if len(rows) != 1:
        raise MessageRefused(45008, f"{len(rows)} articles, 1 is allowed")
    names = {"Title": "title", "Description": "description", "PicUrl": "picurl", "Url": "url"}
    item = {ours: str(rows[0].get(theirs, "")) for ours, theirs in names.items()}
    return show({"MsgType": "news", "ArticleCount": "1", "Articles": {"item": [item]}})


def _menu(inner: Fields) -> Shown:
    listed = inner.get("list")
    items = cast("list[Fields]", listed) if isinstance(listed, list) else []
    if not items:
        raise MessageRefused(47001, "a msgmenu has a list")
    parts = tuple(_lines(inner, items))
    taps = {part.text: part.tap.content for part in parts if part.tap}
    text = "".join(part.text for part in parts)
    return Shown(text, taps, {"MsgType": "text", "Content": text}, kind="text", parts=parts)


def _lines(inner: Fields, items: list[Fields]) -> Iterator[Part]:
    if head := str(inner.get("head_content", "")):
        yield Part(f"{head}\n")
    for number, item in enumerate(items):
        label = str(item.get("content", ""))
        if number:
            yield Part("\n")
        yield Part(label, tap=Tap(label, str(item.get("id", ""))))
    if tail := str(inner.get("tail_content", "")):
        yield Part(f"\n{tail}")


def _named(name: str, needed: str, title: str = "") -> Callable[[Fields], Shown]:
    def make(inner: Fields) -> Shown:
        if not inner.get(needed):
            raise MessageRefused(47001, f"no {needed}")
        line = f"[{name}] {inner.get(title or needed, '')}".rstrip()
        return Shown(
            line, {}, {"MsgType": "text", "Content": line}, kind="text", parts=(Part(line),)
        )

    return make


_KINDS: dict[str, Callable[[Fields], Shown]] = {
    "text": _text,
    "image": _media("image", "media_id"),
    "voice": _media("voice", "media_id"),
    "video": _media("video", "media_id", "thumb_media_id"),
    "music": _media("music", "thumb_media_id"),
    "news": _news,
    "msgmenu": _menu,
    "mpnews": _named("图文", "media_id"),
    "mpnewsarticle": _named("图文", "article_id"),
    "wxcard": _named("卡券", "card_id"),
    "miniprogrampage": _named("小程序", "appid", "title"),
}

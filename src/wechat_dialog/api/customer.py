"""Customer messages: what may be sent to a user without being a reply (protocol reference 7.2).

The replies of `wechat_dialog.replies` can be sent as customer messages too, except two: a video
needs its cover here, and a transfer to a human agent is only possible as a reply. Nothing here
sends anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from wechat_dialog import replies

__all__ = [
    "Card",
    "CustomerMessage",
    "Menu",
    "MiniProgram",
    "Published",
    "PublishedArticle",
    "Video",
    "body",
]


class Video(msgspec.Struct, frozen=True):
    """A video uploaded before, with its cover."""

    media_id: str
    thumb_media_id: str
    title: str = ""
    description: str = ""


class Menu(msgspec.Struct, frozen=True):
    """A list of items to tap; for verified accounts.

    Attributes:
        items: Label by id; a tap sends the label as the user's text, with the id beside it.
        head: The text above the list, or "".
        tail: The text below it, or "".
    """

    items: Mapping[str, str]
    head: str = ""
    tail: str = ""


class Published(msgspec.Struct, frozen=True):
    """Articles from the account's material library; the platform is retiring this kind."""

    media_id: str


class PublishedArticle(msgspec.Struct, frozen=True):
    """An article that the account has published."""

    article_id: str


class Card(msgspec.Struct, frozen=True):
    """A coupon or membership card."""

    card_id: str


class MiniProgram(msgspec.Struct, frozen=True):
    """A page of a linked mini program; its cover has 520×416 pixels."""

    title: str
    app_id: str
    page_path: str
    thumb_media_id: str


CustomerMessage = (
    str
    | replies.Reply
    | replies.Markdown
    | Video
    | Menu
    | Published
    | PublishedArticle
    | Card
    | MiniProgram
)


def body(message: CustomerMessage) -> tuple[str, dict[str, Any]]:
    """Return a message's type and its object, by the platform's names.

    Raises:
        ValueError: The message cannot be sent this way; the text says why.
        TypeError: It is not a message.
    """
    if isinstance(message, str):
        message = replies.Text(message)
    elif isinstance(message, replies.Markdown):
        message = message.shown
    builder = _BODIES.get(type(message))
    if builder is None:
        raise TypeError(f"{type(message).__name__} is not a customer message")
    kind, make = builder
    return kind, make(message)


def _media(media: replies.Image | replies.Voice) -> dict[str, Any]:
    return {"media_id": media.media_id}


def _text(text: replies.Text) -> dict[str, Any]:
    if not text.content.strip():
        raise ValueError("an empty text cannot be sent (44004)")
    return {"content": text.content}


def _news(news: replies.News) -> dict[str, Any]:
    if len(news.articles) > 1:
        raise ValueError("a customer message has one article (45008)")
    [article] = news.articles
    return {
        "articles": [
            {
                "title": article.title,
                "description": article.description,
                "url": article.url,
                "picurl": article.pic_url,
            }
        ]
    }


def _music(music: replies.Music) -> dict[str, Any]:
    if not music.thumb_media_id:
        raise ValueError("music needs its cover here: replies.Music(thumb_media_id=…)")
    return {
        "title": music.title,
        "description": music.description,
        "musicurl": music.music_url,
        "hqmusicurl": music.hq_music_url or music.music_url,
        "thumb_media_id": music.thumb_media_id,
    }


def _menu(menu: Menu) -> dict[str, Any]:
    body: dict[str, Any] = {
        "list": [{"id": id, "content": label} for id, label in menu.items.items()]
    }
    if menu.head:
        body["head_content"] = menu.head
    if menu.tail:
        body["tail_content"] = menu.tail
    return body


def _mini_program(page: MiniProgram) -> dict[str, Any]:
    return {
        "title": page.title,
        "appid": page.app_id,
        "pagepath": page.page_path,
        "thumb_media_id": page.thumb_media_id,
    }


def _no_video(_: replies.Video) -> dict[str, Any]:
    raise ValueError("a video needs its cover here: api.customer.Video(media_id, thumb_media_id)")


def _no_transfer(_: replies.Transfer) -> dict[str, Any]:
    raise ValueError("a transfer to an agent is an answer to a message, and nothing to send")


_BODIES: dict[type, tuple[str, Any]] = {
    replies.Text: ("text", _text),
    replies.Image: ("image", _media),
    replies.Voice: ("voice", _media),
    replies.Video: ("video", _no_video),
    replies.Music: ("music", _music),
    replies.News: ("news", _news),
    replies.Transfer: ("", _no_transfer),
    Video: ("video", msgspec.structs.asdict),
    Menu: ("msgmenu", _menu),
    Published: ("mpnews", msgspec.structs.asdict),
    PublishedArticle: ("mpnewsarticle", msgspec.structs.asdict),
    Card: ("wxcard", msgspec.structs.asdict),
    MiniProgram: ("miniprogrampage", _mini_program),
}

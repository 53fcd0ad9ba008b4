"""What bots answer: one frozen value for each kind of passive reply (protocol reference 5.1).

A reply names neither sender nor receiver nor time; `wire` adds them. It survives JSON
(`msgspec.json`, tag field `type`), because stores remember replies. What the platform shows of it
(2047 bytes of text, one article or eight) depends on the message it answers and is held by `paging`
and `wire`, not here.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

__all__ = [
    "Article",
    "Image",
    "Music",
    "News",
    "Reply",
    "Text",
    "Transfer",
    "Video",
    "Voice",
    "to_reply",
]


class Text(msgspec.Struct, frozen=True, tag="text"):
    """Text, with line breaks, links and emoticon codes (protocol reference 5.5 to 5.7).

    Attributes:
        content: The text. Empty or blank, it is no reply.
    """

    content: str


class Image(msgspec.Struct, frozen=True, tag="image"):
    """A picture uploaded before."""

    media_id: str


class Voice(msgspec.Struct, frozen=True, tag="voice"):
    """A recording uploaded before."""

    media_id: str


class Video(msgspec.Struct, frozen=True, tag="video"):
    """A video uploaded before."""

    media_id: str
    title: str = ""
    description: str = ""


class Music(msgspec.Struct, frozen=True, tag="music"):
    """A piece of music behind a link.

    Attributes:
        thumb_media_id: Uploaded cover, required by the platform.
        title: Shown in bold; may be "".
        description: Shown below; may be "".
        music_url: Where it plays from.
        hq_music_url: Preferred on Wi-Fi; "" for none.
    """

    thumb_media_id: str
    title: str = ""
    description: str = ""
    music_url: str = ""
    hq_music_url: str = ""


class Article(msgspec.Struct, frozen=True):
    """One entry of `News`.

    Attributes:
        title: Shown in bold.
        description: Shown if the article stands alone.
        pic_url: JPG or PNG, 360×200 for the first article, 200×200 for others.
        url: What a tap opens.
    """

    title: str
    description: str = ""
    pic_url: str = ""
    url: str = ""


class News(msgspec.Struct, frozen=True, tag="news"):
    """Articles with pictures: one is shown in answer to a message, eight in answer to an event.

    Attributes:
        articles: At least one.

    Raises:
        ValueError: There is no article.
    """

    articles: list[Article]

    def __post_init__(self) -> None:
        if not self.articles:
            raise ValueError("News needs at least one article: return None for no reply")


class Transfer(msgspec.Struct, frozen=True, tag="transfer"):
    """Hands the message to the account's human agents.

    Attributes:
        account: One agent, `name@account`; "" for whoever is free.
    """

    account: str = ""


Reply = Text | Image | Voice | Video | Music | News | Transfer

_KINDS = (Text, Image, Voice, Video, Music, News, Transfer)


def to_reply(value: object) -> Reply | None:
    """Read what a dialog answered.

    Args:
        value: A reply, a `str` (a text reply), or None (no reply).

    Returns:
        The reply, lone surrogates left out of it; None for None and for a text that is empty or
        blank, which the platform would punish with its fault notice (protocol reference 5.2).

    Raises:
        TypeError: It is something else.
    """
    if isinstance(value, str):
        value = Text(value)
    if value is None:
        return None
    if isinstance(value, _KINDS):
        value = _writable(value)
        return None if isinstance(value, Text) and not value.content.strip() else value
    raise TypeError(
        f"a dialog answered {type(value).__name__}: answer a str, a reply of "
        "wechat_dialog.replies (Text, Image, Voice, Video, Music, News, Transfer), or None for "
        "no reply"
    )


def _writable(reply: Reply) -> Reply:
    """Leave out lone surrogates: neither a store nor XML can hold them, and a text cut by somebody
    else's code may end with one.
    """
    try:
        if type(reply) is Text:
            reply.content.encode()
        else:
            msgspec.json.encode(reply)
    except UnicodeEncodeError:
        fields = _without_surrogates(msgspec.to_builtins(reply))
        return cast(Reply, msgspec.convert(fields, cast(Any, Reply)))
    return reply


def _without_surrogates(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "ignore").decode()
    if isinstance(value, dict):
        return {
            name: _without_surrogates(one) for name, one in cast("dict[str, object]", value).items()
        }
    if isinstance(value, list):
        return [_without_surrogates(one) for one in cast("list[object]", value)]
    return value

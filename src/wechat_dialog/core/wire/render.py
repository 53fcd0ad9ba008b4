"""Replies in the fields the platform asks for (protocol reference 5.1, 5.2)."""

from __future__ import annotations

import logging
from typing import Any

from wechat_dialog import replies
from wechat_dialog.messages import Event, Message
from wechat_dialog.replies import Reply

from . import json, xml

__all__ = ["ARTICLES_FOR_EVENTS", "ARTICLES_FOR_MESSAGES", "TEXT_BYTES", "fields", "render"]

TEXT_BYTES = 2047  # of UTF-8
ARTICLES_FOR_MESSAGES = 1
ARTICLES_FOR_EVENTS = 8

_log = logging.getLogger(__name__)


def render(reply: Reply, to: Message, *, now: int, as_json: bool = False) -> str | None:
    """Write a reply to a message.

    Args:
        reply: What to answer.
        to: The message that it answers. The receiver, the sender and the number of articles that
            the platform shows depend on it.
        now: Seconds since 1970, the reply's `CreateTime`.
        as_json: Whether to write the JSON data format instead of XML.

    Returns:
        One line of XML or JSON; None for a blank text, which the platform takes for no reply.
        Articles beyond the platform's limit are dropped, and so is text beyond `TEXT_BYTES`, both
        with a warning in the log; to keep the rest, split the text first (`splitting.pages`).
    """
    if isinstance(reply, replies.Text):
        content = _fitting(reply.content)
        if not content:
            return None
        if not as_json:
            return (
                f"<xml><ToUserName>{xml.cdata(to.user)}</ToUserName>"
                f"<FromUserName>{xml.cdata(to.account)}</FromUserName>"
                f"<CreateTime>{now}</CreateTime><MsgType><![CDATA[text]]></MsgType>"
                f"<Content>{xml.cdata(content)}</Content></xml>"
            )
        own: dict[str, Any] = {"MsgType": "text", "Content": content}
    else:
        own = fields(reply, ARTICLES_FOR_EVENTS if isinstance(to, Event) else ARTICLES_FOR_MESSAGES)
    whole = {"ToUserName": to.user, "FromUserName": to.account, "CreateTime": now, **own}
    return json.build(whole) if as_json else xml.build(whole)


def _fitting(content: str) -> str:
    """Return the content as the platform takes it: "" if blank, truncated if it is too long."""
    content = xml.clean(content)
    if not content.strip():
        return ""
    # A character has at most four bytes, so a short text need not be encoded to be measured.
    if len(content) * 4 > TEXT_BYTES and len(content.encode()) > TEXT_BYTES:
        from wechat_dialog.replies.splitting import pages

        first, *rest = pages(content, TEXT_BYTES)
        _log.warning("a text reply is too long: %d further parts are dropped", len(rest))
        return first
    return content


def fields(reply: Reply, articles: int) -> dict[str, Any]:
    """Return the fields besides receiver, sender and time; optional ones left out where empty.

    Args:
        reply: The reply.
        articles: How many of a news reply are kept.
    """
    match reply:
        case replies.Text(content=content):
            return {"MsgType": "text", "Content": content}
        case replies.Image(media_id=media_id):
            return {"MsgType": "image", "Image": {"MediaId": media_id}}
        case replies.Voice(media_id=media_id):
            return {"MsgType": "voice", "Voice": {"MediaId": media_id}}
        case replies.Video():
            video = {
                "MediaId": reply.media_id,
                "Title": reply.title,
                "Description": reply.description,
            }
            return {"MsgType": "video", "Video": _filled(video)}
        case replies.Music():
            music = {
                "Title": reply.title,
                "Description": reply.description,
                "MusicUrl": reply.music_url,
                "HQMusicUrl": reply.hq_music_url,
                "ThumbMediaId": reply.thumb_media_id,
            }
            return {"MsgType": "music", "Music": _filled(music)}
        case replies.News():
            return _news(reply, articles)
        case replies.Transfer(account=account):
            agent = {"TransInfo": {"KfAccount": account}} if account else {}
            return {"MsgType": "transfer_customer_service", **agent}


def _filled(fields: dict[str, str]) -> dict[str, str]:
    return {
        # Music without a cover is shown; with an empty one it is the fault notice.
        name: text
        for name, text in fields.items()
        if text or name == "MediaId"
    }


def _news(reply: replies.News, limit: int) -> dict[str, Any]:
    if len(reply.articles) > limit:
        _log.warning(
            "%d of %d articles are dropped: the platform shows %d in answer to %s",
            len(reply.articles) - limit,
            len(reply.articles),
            limit,
            "an event" if limit == ARTICLES_FOR_EVENTS else "a message",
        )
    shown = reply.articles[:limit]
    items = [
        {
            "Title": article.title,
            "Description": article.description,
            "PicUrl": article.pic_url,
            "Url": article.url,
        }
        for article in shown
    ]
    return {"MsgType": "news", "ArticleCount": len(shown), "Articles": {"item": items}}

"""Replies of the 2017 interface: objects whose `format()` is the HTTP body to send.

A dialog names these classes (`('TextMsg', '…')`) and never creates one; `wechat.bot.answer` returns
them. Their fields have the platform's own names, as in the XML.
"""

from __future__ import annotations

import json
import time
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from wechat_dialog import replies
from wechat_dialog.core.wire import xml
from wechat_dialog.messages import Message
from wechat_dialog.replies import Reply

__all__ = ["ImageMsg", "Msg", "NewsMsg", "TextMsg", "of"]


class Msg:
    """No reply: the platform shows nothing and does not ask again (protocol reference 5.3)."""

    def format(self) -> str:
        """Return the body of the HTTP answer."""
        return "success"

    def __repr__(self) -> str:
        """Return the fields as JSON, for debugging."""
        return json.dumps(vars(self), indent=4, ensure_ascii=False, default=str)


class _Reply(Msg):
    """A reply with content.

    Attributes:
        ToUserName: OpenID of the recipient.
        FromUserName: Original id of the account.
        CreateTime: When it was created, in seconds since 1970, an `int`.
        MsgType: The platform's name of its type.
    """

    MsgType = ""

    def __init__(self, toUserName: str, fromUserName: str) -> None:
        self.ToUserName = toUserName
        self.FromUserName = fromUserName
        self.CreateTime = int(time.time())

    @abstractmethod
    def _own(self) -> Mapping[str, Any]:
        """Return the fields of its type."""

    def format(self) -> str:
        """Return the reply's XML; `]]>` and control characters in it do no harm."""
        return xml.build(
            {
                "ToUserName": self.ToUserName,
                "FromUserName": self.FromUserName,
                "CreateTime": self.CreateTime,
                "MsgType": self.MsgType,
                **self._own(),
            }
        )


class TextMsg(_Reply):
    """A text.

    Attributes:
        Content: The text.
    """

    MsgType = "text"

    def __init__(self, toUserName: str, fromUserName: str, content: object) -> None:
        super().__init__(toUserName, fromUserName)
        self.Content = str(content)

    def _own(self) -> Mapping[str, Any]:
        return {"Content": self.Content}


class NewsMsg(_Reply):
    """Links with title, description and picture.

    Attributes:
        articles: Mappings with `title`, `description`, `url` and, if there is a picture, `pic_url`.
            Of several the platform shows one in answer to a message, eight in answer to an event
            (protocol reference 5.2).

    `format` raises `KeyError` if one of the first three is missing.
    """

    MsgType = "news"

    def __init__(
        self, toUserName: str, fromUserName: str, articles: Iterable[Mapping[str, Any]]
    ) -> None:
        super().__init__(toUserName, fromUserName)
        self.articles = list(articles)

    def _own(self) -> Mapping[str, Any]:
        items = [
            {
                "Title": str(article["title"]),
                "Description": str(article["description"]),
                "PicUrl": str(article.get("pic_url") or ""),
                "Url": str(article["url"]),
            }
            for article in self.articles
        ]
        return {"ArticleCount": len(items), "Articles": {"item": items}}


class ImageMsg(_Reply):
    """A picture uploaded before.

    Attributes:
        MediaId: Its id.
    """

    MsgType = "image"

    def __init__(self, toUserName: str, fromUserName: str, mediaId: object) -> None:
        super().__init__(toUserName, fromUserName)
        self.MediaId = str(mediaId)

    def _own(self) -> Mapping[str, Any]:
        return {"Image": {"MediaId": self.MediaId}}


def of(reply: Reply | None, to: Message) -> Msg:
    """Convert a reply of `wechat_dialog` to the 2017 interface.

    Args:
        reply: A text, news or a picture, the types that a 2017 dialog can answer; None for no
            reply.
        to: The message it answers.

    Raises:
        TypeError: It is a reply of another type.
    """
    if reply is None:
        return Msg()
    if isinstance(reply, replies.Text):
        return TextMsg(to.user, to.account, reply.content)
    if isinstance(reply, replies.Image):
        return ImageMsg(to.user, to.account, reply.media_id)
    if isinstance(reply, replies.News):
        articles = [
            {
                "title": one.title,
                "description": one.description,
                "pic_url": one.pic_url,
                "url": one.url,
            }
            for one in reply.articles
        ]
        return NewsMsg(to.user, to.account, articles)
    raise TypeError(f"the 2017 interface has no {type(reply).__name__}; use wechat_dialog.Bot")

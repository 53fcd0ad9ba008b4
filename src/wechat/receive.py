"""Messages of users in the 2017 interface: `parse_xml` and the classes of its result.

The parser is `wechat_dialog`'s: no DOCTYPE, no entities, at most 64 KiB. `Content` and `Event` are
UTF-8 bytes and `CreateTime` is text, as in 2017; an element without text gives "" instead of None.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from wechat_dialog.core.wire import xml
from wechat_dialog.messages import from_fields

__all__ = ["EventMsg", "ImageMsg", "LinkMsg", "Msg", "TextMsg", "as_bytes", "parse_xml"]


class Msg:
    """A message of any type.

    Attributes:
        ToUserName: Original id of the account; "" if there was none.
        FromUserName: OpenID of the user.
        CreateTime: Seconds since 1970, as text; "" if there was none.
        MsgType: The platform's name of its type.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.ToUserName = _text(fields, "ToUserName")
        self.FromUserName = _text(fields, "FromUserName")
        self.CreateTime = _text(fields, "CreateTime")
        self.MsgType = _text(fields, "MsgType")

    def __repr__(self) -> str:
        """Return the fields as JSON, for debugging."""
        shown = {
            name: value.decode("utf-8", "replace") if isinstance(value, bytes) else value
            for name, value in vars(self).items()
        }
        return json.dumps(shown, indent=4, ensure_ascii=False)


class TextMsg(Msg):
    """A text.

    Attributes:
        Content: What the user wrote, in UTF-8.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        super().__init__(fields)
        self.Content = _text(fields, "Content").encode("utf-8")


class ImageMsg(Msg):
    """A picture.

    Attributes:
        PicUrl: URL of the picture on the platform.
        MediaId: Its media id, valid for three days.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        super().__init__(fields)
        self.PicUrl = _text(fields, "PicUrl")
        self.MediaId = _text(fields, "MediaId")


class LinkMsg(Msg):
    """A link that the user shared.

    Attributes:
        Title: Its title.
        Description: Its description; may be "".
        Url: The link itself.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        super().__init__(fields)
        self.Title = _text(fields, "Title")
        self.Description = _text(fields, "Description")
        self.Url = _text(fields, "Url")


class EventMsg(Msg):
    """An event: a follow, a tap of a menu button.

    Attributes:
        Event: Its name, in UTF-8.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        super().__init__(fields)
        self.Event = _text(fields, "Event").encode("utf-8")


_CLASSES: Mapping[str, type[Msg]] = {
    "text": TextMsg,
    "image": ImageMsg,
    "link": LinkMsg,
    "event": EventMsg,
}


def parse_xml(web_data: str | bytes) -> Msg | None:
    """Parse a push.

    Args:
        web_data: The HTTP body.

    Returns:
        A `TextMsg`, `ImageMsg`, `LinkMsg` or `EventMsg`, a plain `Msg` for any other type, and None
        for an empty body.

    Raises:
        BadMessage: It is not XML, has a DOCTYPE, or lacks the user or the type.
        TooLarge: It is longer than 64 KiB.
    """
    if len(web_data) == 0:
        return None
    fields = from_fields(xml.parse(as_bytes(web_data))).raw
    return _CLASSES.get(_text(fields, "MsgType"), Msg)(fields)


def as_bytes(data: str | bytes) -> bytes:
    """Return an HTTP body, which a framework passes as bytes or text, as bytes."""
    return data.encode("utf-8", "replace") if isinstance(data, str) else bytes(data)


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name, "")
    return value if isinstance(value, str) else ""

"""Whether the platform accepts a server's answer.

The platform shows one sentence for everything it does not accept (protocol reference 5.3). Here the
developer is also told which rule was broken. Where it is not known what the platform tolerates,
this check is the stricter one: an answer that passes here is accepted by the platform.

Proof: `tests/platform/test_answer_check.py`, a row for every rule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast
from xml.parsers import expat

from wechat_dialog.core.wire import xml
from wechat_dialog.errors import Refused

__all__ = ["Broken", "judge", "read"]

TEXT_LIMIT = 2048
"""Bytes of UTF-8 in a text reply, its links' markup included."""

Fields = dict[str, Any]


class Broken(Exception):
    """A rule of the platform was broken.

    Attributes:
        rule: The section of the protocol reference.
        why: What is wrong with the answer.
    """

    def __init__(self, rule: str, why: str) -> None:
        super().__init__(rule, why)
        self.rule = rule
        self.why = why

    def __str__(self) -> str:
        return f"{self.why} (protocol reference {self.rule})"


def judge(body: bytes, user: str, account: str) -> Fields:
    """Return the fields of a passive reply that the platform accepts; empty for no reply.

    Args:
        body: The body of an HTTP 200 response, decrypted.
        user: The OpenID of the message's sender.
        account: The account's original id.

    Raises:
        Broken: The platform would not accept it.
    """
    if body in (b"", b"success"):
        return {}
    fields = read(body)
    for name, expected, meaning in (
        ("ToUserName", user, "the user's OpenID"),
        ("FromUserName", account, "the account's original id"),
    ):
        if fields.get(name) != expected:
            raise Broken("5.1", f"{name} is {fields.get(name)!r}, not {meaning} {expected!r}")
    created = fields.get("CreateTime")
    if not _is_number(created):
        raise Broken("5.1", f"CreateTime is {created!r}, not seconds in digits")
    _CHECKS.get(str(fields.get("MsgType", "")), _no_type)(fields)
    return fields


def read(body: bytes) -> Fields:
    """Return the fields of an XML body, as strictly as the platform reads.

    Raises:
        Broken: It is not well-formed, its root is not `xml`, or it has no fields.
    """
    try:
        fields = xml.parse(body)
        # `xml.parse` repairs what users type. It has refused a DOCTYPE, so expat is safe here.
        root: list[str] = []
        parser = expat.ParserCreate("utf-8")
        parser.StartElementHandler = lambda name, _: root.append(name) if not root else None
        parser.Parse(body, True)
    except (Refused, expat.ExpatError) as error:
        raise Broken("5.3", f"the answer is no XML: {error}; it begins {body[:60]!r}") from error
    if root != ["xml"]:
        raise Broken("5.1", f"the root element is {root[0]!r}, not 'xml'")
    return fields


def _is_number(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isdigit()


def _inside(fields: Fields, name: str) -> Fields:
    inner = fields.get(name)
    return cast("Fields", inner) if isinstance(inner, dict) else {}


def _no_type(fields: Fields) -> None:
    raise Broken("5.1", f"MsgType is {fields.get('MsgType')!r}, which is no kind of reply")


def _text(fields: Fields) -> None:
    content = fields.get("Content")
    if not isinstance(content, str) or not content.strip():
        raise Broken("5.2", "Content is empty; for no reply answer success")
    size = len(content.encode())
    if size > TEXT_LIMIT:
        raise Broken("5.2", f"Content has {size} bytes of UTF-8, {TEXT_LIMIT} are the limit")


def _media(tag: str, needed: str) -> Callable[[Fields], None]:
    def check(fields: Fields) -> None:
        if not _inside(fields, tag).get(needed):
            raise Broken("5.1", f"{tag} has no {needed}")

    return check


def _music(fields: Fields) -> None:
    music = _inside(fields, "Music")
    if not music:
        raise Broken("5.1", "Music has nothing in it")
    for name, value in music.items():
        if not value:
            raise Broken("5.1", f"Music has an empty {name}; leave the element out")


def _news(fields: Fields) -> None:
    items = _items(fields)
    if not items:
        raise Broken("5.1", "Articles has no item")
    count = fields.get("ArticleCount")
    if not _is_number(count) or int(cast("str", count)) != len(items):
        raise Broken("5.1", f"ArticleCount is {count!r}, and there are {len(items)} items")
    for number, item in enumerate(items, 1):
        missing = [name for name in ("Title", "Description", "PicUrl", "Url") if name not in item]
        if missing:
            raise Broken("5.1", f"item {number} has no {', '.join(missing)}")


def _items(fields: Fields) -> list[Fields]:
    items = _inside(fields, "Articles").get("item")
    items = cast("list[object]", items) if isinstance(items, list) else []
    return [cast("Fields", item) if isinstance(item, dict) else {} for item in items]


def _transfer(_: Fields) -> None:
    """Accept it: naming a human agent's account is optional."""


_CHECKS: dict[str, Callable[[Fields], None]] = {
    "text": _text,
    "image": _media("Image", "MediaId"),
    "voice": _media("Voice", "MediaId"),
    "video": _media("Video", "MediaId"),
    "music": _music,
    "news": _news,
    "transfer_customer_service": _transfer,
}

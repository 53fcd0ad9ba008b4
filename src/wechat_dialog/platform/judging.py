"""What the platform makes of a server's answer, and what the user sees of it.

The platform shows one sentence for everything it does not take (protocol reference 5.3). Here the developer is told besides
which rule was broken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from wechat_dialog.errors import BadMessage
from wechat_dialog.wire import xml

__all__ = ["FAULT", "Broken", "Shown", "judge", "show"]

FAULT = "该公众号提供的服务出现故障，请稍后再试"

TEXT_LIMIT = 2048

_LINK = re.compile(
    r"<a\s[^>]*?href\s*=\s*(?:\"([^\"]*)\"|'([^']*)')[^>]*>(.*?)</a>", re.DOTALL | re.IGNORECASE
)
_TAP = "weixin://bizmsgmenu?"


class Broken(Exception):
    """A rule of the platform was broken.

    Attributes:
        rule: The section of the protocol reference.
        why: What was wrong.
    """

    def __init__(self, rule: str, why: str) -> None:
        super().__init__(rule, why)
        self.rule = rule
        self.why = why

    def __str__(self) -> str:
        return f"{self.why} (protocol reference {self.rule})"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a user sees of an answer.

    Attributes:
        text: In words: a text with links as their labels, or a line that names what else it is; ""
            if nothing is shown.
        taps: What tapping a link sends as the user's own text, by its label.
        reply: The reply's fields; empty if there was none.
        fault: Why the platform shows its fault notice, for the developer; "" if it does not.
    """

    text: str
    taps: dict[str, str] = field(default_factory=dict[str, str])
    reply: dict[str, Any] = field(default_factory=dict[str, Any])
    fault: str = ""


def judge(body: bytes, user: str, account: str) -> dict[str, Any]:
    """Return the fields of a passive reply the platform takes; empty for no reply.

    Args:
        body: The body of a response 200, decrypted.
        user: The OpenID of the message's sender.
        account: The account's original id.

    Raises:
        Broken: The platform would not take it.
    """
    if body in (b"", b"success"):
        return {}
    try:
        fields = xml.parse(body)
    except BadMessage as error:
        raise Broken("5.3", f"the answer is no XML: {error}; it begins {body[:60]!r}") from error
    if fields.get("ToUserName") != user:
        raise Broken("5.1", f"ToUserName is {fields.get('ToUserName')!r}, not the user's OpenID {user!r}")
    if fields.get("FromUserName") != account:
        raise Broken(
            "5.1", f"FromUserName is {fields.get('FromUserName')!r}, not the account's id {account!r}"
        )
    created = fields.get("CreateTime")
    if not (isinstance(created, str) and created.isascii() and created.isdigit()):
        raise Broken("5.1", f"CreateTime is {created!r}, not digits")
    _CHECKS.get(str(fields.get("MsgType", "")), _no_type)(fields)
    return fields


def _no_type(fields: dict[str, Any]) -> None:
    raise Broken("5.1", f"MsgType is {fields.get('MsgType')!r}, which is no kind of reply")


def _text(fields: dict[str, Any]) -> None:
    content = fields.get("Content")
    if not isinstance(content, str) or not content.strip():
        raise Broken("5.2", "Content is empty; for no reply answer success")
    size = len(content.encode())
    if size > TEXT_LIMIT:
        raise Broken("5.2", f"Content has {size} bytes of UTF-8, {TEXT_LIMIT} are the limit")


def _media(tag: str, needed: str) -> Any:
    def check(fields: dict[str, Any]) -> None:
        inner = fields.get(tag)
        if not isinstance(inner, dict) or not inner.get(needed):
            raise Broken("5.1", f"{tag} has no {needed}")

    return check


def _news(fields: dict[str, Any]) -> None:
    articles = fields.get("Articles")
    items = articles.get("item") if isinstance(articles, dict) else None
    if not isinstance(items, list) or not items:
        raise Broken("5.1", "Articles has no item")
    if str(fields.get("ArticleCount")) != str(len(items)):
        raise Broken("5.1", f"ArticleCount is {fields.get('ArticleCount')!r}, there are {len(items)}")


def _transfer(_: dict[str, Any]) -> None:
    """Any is fine."""


_CHECKS: dict[str, Any] = {
    "text": _text,
    "image": _media("Image", "MediaId"),
    "voice": _media("Voice", "MediaId"),
    "video": _media("Video", "MediaId"),
    "music": _media("Music", "ThumbMediaId"),
    "news": _news,
    "transfer_customer_service": _transfer,
}


def show(reply: dict[str, Any]) -> Shown:
    """Return what the user sees of a reply that was taken."""
    if not reply:
        return Shown("")
    kind = reply["MsgType"]
    if kind == "text":
        taps = {found[3]: _tapped(found[1] or found[2] or "") for found in _LINK.finditer(reply["Content"])}
        text = _LINK.sub(lambda found: found[3], reply["Content"])
        return Shown(text, {label: sent for label, sent in taps.items() if sent}, reply)
    if kind == "news":
        lines = [f"[图文] {item.get('Title', '')}  {item.get('Url', '')}" for item in reply["Articles"]["item"]]
        return Shown("\n".join(lines), {}, reply)
    if kind == "transfer_customer_service":
        return Shown("[转接人工客服]", {}, reply)
    names = {"image": "图片", "voice": "语音", "video": "视频", "music": "音乐"}
    inner = reply[kind.capitalize()]
    return Shown(f"[{names[kind]}] {inner.get('Title') or inner.get('MediaId') or ''}".rstrip(), {}, reply)


def _tapped(href: str) -> str:
    if not href.startswith(_TAP):
        return ""
    fields = dict(pair.partition("=")[::2] for pair in href[len(_TAP) :].split("&"))
    # Both must be there, or the tap does nothing (protocol reference 5.6).
    return fields.get("msgmenucontent", "") if fields.get("msgmenuid") else ""

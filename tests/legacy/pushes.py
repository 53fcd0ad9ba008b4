"""A user of a 2017 bot: makes pushes as the platform does, and reads what comes back."""

from __future__ import annotations

import itertools
import textwrap
import types
from collections.abc import Callable, Mapping
from xml.etree import ElementTree as ET

import wechat.bot

_ids = itertools.count(24_000_000_000_000_001)

CREATED = 1_700_000_000


def push(
    user: str, content: str = "", *, kind: str = "text", fields: Mapping[str, str] | None = None
) -> str:
    """One push as XML, with the text or the name of the event; never the same twice."""
    number = next(_ids)
    told = dict(fields or {})
    if kind == "event":
        told["Event"] = content
    else:
        told["MsgId"] = str(number)
    if kind == "text":
        told["Content"] = content
    own = "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in told.items())
    # An event has no id: its time tells it from the next.
    created = CREATED + number % 1_000_000
    return (
        f"<xml><ToUserName>gh_2017</ToUserName><FromUserName><![CDATA[{user}]]></FromUserName>"
        f"<CreateTime>{created}</CreateTime><MsgType><![CDATA[{kind}]]></MsgType>{own}</xml>"
    )


def shown(reply: str) -> str:
    """What the user sees of a reply's XML: the text, the titles, the media id; "" for `success`."""
    if reply == "success":
        return ""
    root = ET.fromstring(reply)
    kind = root.findtext("MsgType")
    if kind == "news":
        return "\n".join(item.text or "" for item in root.iter("Title"))
    return root.findtext("Content" if kind == "text" else "Image/MediaId") or ""


def talker(module: object, user: str = "oUser2017") -> Callable[[str], str]:
    """`say(text)` sends a text to `wechat.bot.answer` and returns what the user sees."""

    def say(text: str) -> str:
        return shown(wechat.bot.answer(push(user, text), module).format())

    return say


def module_of(source: str, **names: object) -> types.ModuleType:
    """A dialog module from its source, as if it had been imported."""
    module = types.ModuleType("dialogs_of_the_test")
    exec(compile(textwrap.dedent(source), "dialogs_of_the_test.py", "exec"), vars(module))
    vars(module).update(names)
    return module

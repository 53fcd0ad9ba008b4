"""The probe's cases about messages: replies, kinds of messages, copies, time.

Cases 20 to 37, and 39, of protocol reference 10.
"""

from __future__ import annotations

import html
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree as ET

from wechat_dialog.core.wire import xml

from .checklist import STICKER
from .exchange import Exchange, Failed, Fields, Skipped
from .parts import Parts
from .prober import Prober

__all__ = ["PARTS"]

PARTS = Parts()
part = PARTS.add

# Replies. ------------------------------------------------------------------------------


@part(20)
def _blank(p: Prober) -> None:
    p.answer_to(" ")


def _repeated(p: Prober, content: str, rule: str = "") -> None:
    """Require that the reply repeats the text unchanged."""
    exchange, answer = p.answer_to(content)
    if not answer:
        raise Skipped("this text gets no reply")
    if content not in answer:
        raise Failed(rule, f"told {content!r}, it answered {answer[:200]!r}", exchange)


@part(22)
def _cdata(p: Prober) -> None:
    try:
        _repeated(p, 'a]]>b<c&d"e')
    except Failed as failed:
        raise Failed("", failed.why, *failed.exchanges) from None


@part(23)
def _forbidden(p: Prober) -> None:
    p.repeating()
    # The platform forwards what users type, characters that XML forbids included (reference 8).
    body = xml.build(p.text("a-b")).encode().replace(b"a-b", b"a\x0bb")
    exchange = p.push(body)
    try:
        answer = str(p.accepted(exchange).get("Content", ""))
    except Failed as failed:
        raise Failed("", f"told 'a', U+000B, 'b': {failed.why}", exchange) from None
    if not answer:
        raise Skipped("a text with U+000B gets no reply")
    if "ab" not in answer:
        raise Failed("", f"told 'a', U+000B, 'b', it answered {answer[:200]!r}", exchange)


@part(24)
def _long(p: Prober) -> None:
    exchange, answer = p.answer_to("中" * 1000)
    size = len(answer.encode())
    if size > 2047:
        raise Failed("", f"Content has {size} bytes of UTF-8, 2047 are the limit", exchange)
    if "\ufffd" in answer or "\ufffd" in exchange.opened.decode("utf-8", "replace"):
        raise Failed("", "a character is cut in two", exchange)


TEXTS: Mapping[str, str] = {
    "line break": "第一行\n第二行",
    "emoji": "😀 /::< /:&-(",
    "link": '<a href="https://example.com/?a=1&b=2">链接</a>',
    "menu line": '<a href="weixin://bizmsgmenu?msgmenucontent=查询&msgmenuid=1">查询</a>',
}


def _as_written(content: str) -> Callable[[Prober], None]:
    return lambda p: _repeated(p, content)


for _name, _content in TEXTS.items():
    part(25, _name)(_as_written(_content))


# Messages. -----------------------------------------------------------------------------


def _pretty(p: Prober, content: str) -> Exchange:
    """Push a text with white space wherever the platform might add some."""
    message = p.text()
    return p.push(
        (
            f"<xml>\n  <ToUserName>\n <![CDATA[{p.account.id}]]> </ToUserName>\n"
            f"  <FromUserName> {p.user}\n</FromUserName>\n  <CreateTime> {message['CreateTime']} "
            "</CreateTime>\n  <MsgType>\n\t<![CDATA[text]]>\n  </MsgType>\n"
            f"  <Content><![CDATA[{content}]]></Content>\n"
            f"  <MsgId>\n{message['MsgId']}\n</MsgId>\n</xml>"
        ).encode()
    )


@part(26, "ids")
def _ids_stripped(p: Prober) -> None:
    p.usual()
    exchange = _pretty(p, html.escape(p.say) if "]]>" in p.say else p.say)
    try:
        p.replied(exchange)
    except Failed as failed:
        raise Failed("", failed.why, exchange) from None
    # `judge` strips ids; an OpenID with white space in it is wrong.
    inner = ET.fromstring(exchange.opened.decode())  # noqa: S314 - `judge` has refused a DOCTYPE
    if inner.findtext("ToUserName", "") != p.user:
        raise Failed("", f"ToUserName is {inner.findtext('ToUserName')!r}", exchange)


@part(26, "Content")
def _content_kept(p: Prober) -> None:
    p.repeating()
    exchange = _pretty(p, "  a\n b ")
    answer = str(p.accepted(exchange).get("Content", ""))
    if "  a\n b " not in answer:
        raise Failed("", f"told '  a\\n b ', it answered {answer[:200]!r}", exchange)


def _takes(message: Callable[[Prober], Fields]) -> Callable[[Prober], Fields]:
    return lambda p: p.accepted(p.push(message(p)))


def _cdata_time(p: Prober) -> None:
    message = p.text()
    stamp = str(message["CreateTime"])
    body = xml.build(message).replace(f">{stamp}<", f"><![CDATA[{stamp}]]><", 1)
    p.accepted(p.push(body.encode()))


part(27, "CreateTime in CDATA")(_cdata_time)


@part(27, "exact", requests=2)
def _exact_id(p: Prober) -> None:
    # The two ids differ, but are the same number as floats.
    now = p.text()["CreateTime"]
    number = 9223372036854775806 - 2 * secrets.randbelow(10**6)
    p.answer_to("probe one", MsgId=number, CreateTime=now)
    exchange, answer = p.answer_to("probe two", MsgId=number + 1, CreateTime=now)
    if "probe two" not in answer:
        raise Failed("", f"MsgId {number + 1} is taken for {number}", exchange)


@part(28)
def _sticker(p: Prober) -> None:
    exchange, answer = p.answer_to(STICKER)
    if STICKER in answer:
        raise Failed("", "it repeats the sentence as if the user had written it", exchange)


_VOICE = {"MediaId": "v8k", "Format": "amr", "MediaId16K": "v16k"}
_MESSAGES: Mapping[tuple[int, str], Callable[[Prober], Fields]] = {
    (29, "empty"): lambda p: p.message("voice", **_VOICE, Recognition=""),
    (29, "missing"): lambda p: p.message("voice", **_VOICE),
    (30, "with its id"): lambda p: p.text(bizmsgmenuid="101"),
    (30, "without"): lambda p: p.text(),
    (31, "EventKey missing"): lambda p: p.event("subscribe"),
    (31, "EventKey empty"): lambda p: p.event("subscribe", EventKey=""),
    (31, "qrscene_"): lambda p: p.event("subscribe", EventKey="qrscene_qrscene_x", Ticket="t"),
    (31, "SCAN"): lambda p: p.event("SCAN", EventKey="qrscene_1", Ticket="t"),
    (32, "one picture"): lambda p: _pictures(p, {"item": [{"PicMd5Sum": "a"}]}),
    (32, "two in one list"): lambda p: _pictures(
        p, {"item": [{"PicMd5Sum": "a"}, {"PicMd5Sum": "b"}]}
    ),
    (32, "two lists"): lambda p: _pictures(
        p, [{"item": [{"PicMd5Sum": "a"}]}, {"item": [{"PicMd5Sum": "b"}]}]
    ),
    (32, "one notice"): lambda p: p.event(
        "subscribe_msg_popup_event",
        SubscribeMsgPopupEvent={
            "List": [{"TemplateId": "t", "SubscribeStatusString": "accept", "PopupScene": 2}]
        },
    ),
    (37, "message"): lambda p: p.message("foo", Bar="1"),
    (37, "event"): lambda p: p.event("bar_event", Deep={"Tag": "1"}),
    (37, "fields"): lambda p: p.text(Unknown="1", Deep={"Tag": "1"}),
}


def _pictures(p: Prober, lists: object) -> Fields:
    count = str(lists).count("PicMd5Sum")
    return p.event("pic_weixin", EventKey="k", SendPicsInfo={"Count": count, "PicList": lists})


for (_number, _name), _message in _MESSAGES.items():
    part(_number, _name)(_takes(_message))


# Copies. -------------------------------------------------------------------------------


def _same(first: Fields, second: Fields) -> bool:
    return {**first, "CreateTime": ""} == {**second, "CreateTime": ""}


@part(33, "two users, one MsgId", requests=2)
def _two_users(p: Prober) -> None:
    message = p.text()
    p.replied(p.push(message))
    second = f"{p.user}x"
    exchange = p.push({**message, "FromUserName": second})
    try:
        if not p.reply(exchange, second):
            raise Failed("", "the second user gets no reply", exchange)
    except Failed as failed:
        raise Failed("", failed.why, exchange) from None


@part(33, "two events in one second", requests=3)
def _two_events(p: Prober) -> None:
    click = p.event("CLICK", EventKey="probe")
    if not p.accepted(p.push(click)):
        raise Skipped("a menu tap gets no reply")
    click = p.event("CLICK", EventKey="probe")
    report = {"Latitude": "23.13", "Longitude": "113.35", "Precision": "10"}
    p.accepted(p.push(p.event("LOCATION", CreateTime=click["CreateTime"], **report)))
    exchange = p.push(click)
    if not p.accepted(exchange):
        raise Failed("", "the second event of a second gets no reply", exchange)


def _copies(p: Prober, first: Fields, second: Fields, *, at_once: bool = False) -> None:
    """Push two messages that differ only in their id or time, and push the second one twice."""
    before = p.accepted(p.push(first))
    if at_once:
        with ThreadPoolExecutor(2) as threads:
            futures = [threads.submit(p.push, second) for _ in range(2)]
        original, copy = (each.result() for each in futures)
    else:
        original, copy = p.push(second), p.push(second)
    replies = [p.accepted(each) for each in (original, copy)]
    if not any(replies):
        raise Skipped("it gets no reply, so its copies cannot be told apart")
    if not all(replies):
        raise Failed(
            "", "a copy gets no reply: the platform has not heard the first", original, copy
        )
    if not _same(*replies):
        raise Failed("", "a copy is answered as a new message would be", original, copy)
    if _same(before, replies[0]):
        raise Skipped("every copy is answered alike, and so is every new message")


@part(36, "message", requests=3)
def _copied(p: Prober) -> None:
    _copies(p, p.text(), p.text())


@part(36, "at once", requests=3)
def _copied_at_once(p: Prober) -> None:
    _copies(p, p.text(), p.text(), at_once=True)


@part(36, "event", requests=3)
def _copied_event(p: Prober) -> None:
    _copies(p, *(p.event("CLICK", EventKey="probe") for _ in range(2)))


# Time, and failure. --------------------------------------------------------------------


@part(34, requests=4)
def _slow(p: Prober) -> None:
    exchanges, message = p.slowly
    if len(exchanges) > 2:
        raise Skipped("it was not done before the third request: see 35")
    late = p.push(message)
    reply = p.accepted(late)
    if reply and not _same(reply, p.accepted(exchanges[-1])):
        raise Failed("", "a later copy is answered otherwise", exchanges[-1], late)


@part(35, requests=0)
def _slower(p: Prober) -> None:
    exchanges, _ = p.slowly
    if len(exchanges) < 3:
        raise Skipped("it was done before the third request; it has to take more than 10 s")
    p.accepted(exchanges[-1])


@part(39)
def _failing(p: Prober) -> None:
    if not p.raising:
        raise Skipped("a probe cannot make a handler fail: name a text at which it does, --raising")
    p.accepted(p.push(p.text(p.raising)))

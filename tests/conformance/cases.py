"""The cases of protocol reference 10 that bytes alone decide, as data.

A case is a request, what the handler answers, and what is required. Whoever can turn a request into
a response (a codec here, a whole bot over WSGI or ASGI) runs the same table. Cases 16, 33 to 36, 39
and 40 are about more than bytes and have tests of their own.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from tests.wire import vectors
from wechat_dialog import messages, replies
from wechat_dialog.core.wire.crypto import Key
from wechat_dialog.messages import Message
from wechat_dialog.platform.probe import checklist

NOW = vectors.REPLY_TIME
PLAIN: Mapping[str, Any] = {"token": vectors.TOKEN}
SAFE: Mapping[str, Any] = {
    "token": vectors.TOKEN,
    "app_id": vectors.APP_ID,
    "aes_key": vectors.KEY,
    "mode": "safe",
}
GOT = replies.Text("收到")
NO_REPLY = (b"success", b"")

Body = Callable[[bytes], None]
Seen = Callable[[Message], None]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row.

    Attributes:
        name: Its number, and a letter where a number needs several.
        title: The fact.
        account: Keyword arguments of the bot, or codec.
        method: "GET" or "POST".
        query: The raw query string.
        body: Of the request.
        headers: Beside the usual ones.
        answer: What the handler returns, given the message.
        status: 200, or 400 for any 4xx. The handler runs exactly for a POST with 200.
        response: Checks the response's body; raises `AssertionError`.
        seen: Checks the message the handler is given.
    """

    name: str
    title: str
    account: Mapping[str, Any] = field(default_factory=lambda: PLAIN)
    method: str = "POST"
    query: str = vectors.QUERY
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "text/xml"})
    answer: Callable[[Message], replies.Reply | str | None] = lambda _: GOT
    status: int = 200
    response: Body = lambda _: None
    seen: Seen = lambda _: None


# What a response must be. --------------------------------------------------------------


def is_exactly(wanted: bytes) -> Body:
    def check(body: bytes) -> None:
        assert body == wanted

    return check


def lacks(part: bytes) -> Body:
    def check(body: bytes) -> None:
        assert part not in body

    return check


def is_no_reply(body: bytes) -> None:
    assert body in NO_REPLY


def is_text(content: str) -> Body:
    """A well-formed text reply to U from G with this content."""

    def check(body: bytes) -> None:
        fields = {child.tag: child.text or "" for child in ET.fromstring(body)}
        assert fields.pop("Content") == content
        assert fields.pop("CreateTime").isdigit()
        assert fields == {
            "ToUserName": vectors.USER,
            "FromUserName": vectors.ACCOUNT,
            "MsgType": "text",
        }

    return check


def is_short_text(body: bytes) -> None:
    content = ET.fromstring(body).findtext("Content") or ""
    assert 0 < len(content.encode()) <= 2047
    assert set(content) == {"中"}


def is_vector_b(body: bytes) -> None:
    fields = {child.tag: child.text for child in ET.fromstring(body)}
    assert fields == {
        "Encrypt": vectors.B.encrypted,
        "MsgSignature": vectors.B.signature,
        "TimeStamp": "1700000002",
        "Nonce": vectors.NONCE,
    }


def is_sealed_with(key: str, content: str) -> Body:
    def check(body: bytes) -> None:
        envelope = {child.tag: child.text or "" for child in ET.fromstring(body)}
        signed = sign(vectors.TOKEN, envelope["TimeStamp"], envelope["Nonce"], envelope["Encrypt"])
        assert envelope["MsgSignature"] == signed
        inner = Key(key).decrypt(base64.b64decode(envelope["Encrypt"]), vectors.APP_ID)
        is_text(content)(inner)

    return check


# What the handler must be given. -------------------------------------------------------


def sees(cls: type[Message], /, **attributes: object) -> Seen:
    def check(message: Message) -> None:
        assert type(message) is cls
        assert {name: getattr(message, name) for name in attributes} == attributes

    return check


def sees_pictures(sums: list[str]) -> Seen:
    def check(message: Message) -> None:
        assert isinstance(message, messages.PicWeixin)
        assert message.send_pics_info.pic_md5_sums == sums
        assert message.send_pics_info.count == len(sums)

    return check


def sees_raw(cls: type[Message], kind: str, **fields: object) -> Seen:
    def check(message: Message) -> None:
        assert type(message) is cls
        assert message.kind == kind
        assert {name: message.raw[name] for name in fields} == fields
        json.dumps(message.raw)  # journals keep it

    return check


def answers(text: str) -> Callable[[Message], replies.Reply]:
    return lambda _: replies.Text(text)


# Requests. -----------------------------------------------------------------------------


def sign(*parts: str) -> str:
    """Sign without the code under test."""
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def xml(**fields: str) -> bytes:
    """A push of the usual user and account; a field's text is XML as it stands."""
    usual = {
        "ToUserName": vectors.ACCOUNT,
        "FromUserName": vectors.USER,
        "CreateTime": "1700000001",
        "MsgType": "text",
        "MsgId": "24000000000000001",
    }
    return (
        "<xml>"
        + "".join(f"<{name}>{text}</{name}>" for name, text in (usual | fields).items())
        + "</xml>"
    ).encode()


def event(name: str, **fields: str) -> bytes:
    """An event of the usual user and account."""
    body = xml(MsgType="event", Event=name, **fields)
    return re.sub(rb"<MsgId>\d+</MsgId>", b"", body)


def sealed(
    inner: bytes | str,
    *,
    encrypted: str | None = None,
    extra: str = "",
) -> dict[str, Any]:
    """Query and body of an encrypted push; `encrypted` is sent, signed, in place of `inner`."""
    if encrypted is None:
        text = inner if isinstance(inner, bytes) else inner.encode()
        encrypted = Key(vectors.KEY).encrypt(text, vectors.APP_ID, vectors.RANDOM_IN)
    query = {
        "signature": vectors.SIGNATURE,
        "timestamp": vectors.TIMESTAMP,
        "nonce": vectors.NONCE,
        "encrypt_type": "aes",
        "msg_signature": sign(vectors.TOKEN, vectors.TIMESTAMP, vectors.NONCE, encrypted),
    }
    return {
        "query": urlencode(query),
        "body": f"<xml>{extra}<Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>".encode(),
    }


def without(query: str, name: str) -> str:
    return "&".join(pair for pair in query.split("&") if not pair.startswith(f"{name}="))


def changed(query: str, name: str) -> str:
    """The query with one digit of a signature changed."""
    return re.sub(
        rf"\b{name}=(.)",
        lambda match: f"{name}={'1' if match.group(1) != '1' else '2'}",
        query,
        count=1,
    )


ENTITY_BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE xml [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12))
    + b"]><xml><MsgType>&a11;</MsgType></xml>"
)
ODD_TEXT = 'a\x00b\x0bc\ufffed\ud800e\t&"<'
LINKS = (
    '第一行\n第二行 😀 /::< /:&-( <a href="https://example.com/?a=1&b=2">链接</a> '
    '<a href="weixin://bizmsgmenu?msgmenucontent=查询订单&msgmenuid=101">查询订单</a>'
)

CASES = [
    Case(
        name="1",
        title="the GET of the reference is answered with its echostr",
        method="GET",
        query=vectors.ECHO_QUERY,
        response=is_exactly(b"5837465920187465123"),
    ),
    Case(
        name="2",
        title="a wrong signature gets no echostr",
        method="GET",
        query=changed(vectors.ECHO_QUERY, "signature"),
        status=400,
        response=lacks(b"5837465920187465123"),
    ),
    Case(
        name="3",
        title="echostr is decoded once, and the parts are sorted as text",
        account={"token": "zzToken"},
        method="GET",
        query=(
            "signature=cf21f4417018be66d1b1ad453186a60bd62f73e4&echostr=a%2Bb%20c"
            "&timestamp=1700000000&nonce=999"
        ),
        response=is_exactly(b"a+b c"),
    ),
    *(
        Case(
            name=f"4 without {name}",
            title="an incomplete GET is refused",
            method="GET",
            query=without(vectors.ECHO_QUERY, name),
            status=400,
            response=lacks(b"5837465920187465123"),
        )
        for name in ("echostr", "signature", "timestamp", "nonce")
    ),
    Case(
        name="5",
        title="a plain push is answered",
        body=vectors.PLAIN_BODY,
        response=is_text("收到"),
        seen=sees(messages.Text, text="你好", user=vectors.USER, account=vectors.ACCOUNT),
    ),
    Case(
        name="6 wrong",
        title="a wrong signature is refused",
        query=changed(vectors.QUERY, "signature"),
        body=vectors.PLAIN_BODY,
        status=400,
    ),
    Case(
        name="6 missing",
        title="a missing signature is refused",
        query=without(vectors.QUERY, "signature"),
        body=vectors.PLAIN_BODY,
        status=400,
    ),
    Case(
        name="7",
        title="openid, unknown parameters and the content type do not matter",
        query=without(vectors.QUERY, "openid") + "&unknown=%E4%B8%AD&empty=&=",
        headers={"Content-Type": "application/octet-stream"},
        body=vectors.PLAIN_BODY,
        response=is_text("收到"),
    ),
    Case(
        name="8",
        title="the reply to vector A is vector B",
        account=SAFE,
        query=vectors.A.query,
        body=vectors.A.body,
        response=is_vector_b,
        seen=sees(messages.Text, text="你好"),
    ),
    Case(
        name="9 altered",
        title="an altered msg_signature is refused, though signature is right",
        account=SAFE,
        query=changed(vectors.A.query, "msg_signature"),
        body=vectors.A.body,
        status=400,
    ),
    Case(
        name="9 missing",
        title="a missing msg_signature is refused, though signature is right",
        account=SAFE,
        query=without(vectors.A.query, "msg_signature"),
        body=vectors.A.body,
        status=400,
    ),
    Case(
        name="10",
        title="an altered ciphertext is refused",
        account=SAFE,
        query=vectors.A.query,
        body=vectors.A.body.replace(b"B4PcXg", b"B4PcXh"),
        status=400,
    ),
    Case(
        name="12",
        title="a ciphertext for another AppID is refused",
        account=SAFE,
        query=vectors.E.query,
        body=vectors.E.body,
        status=400,
    ),
    Case(
        name="13",
        title="a push with the previous key is answered with that key",
        account={**SAFE, "aes_key": "B" * 43, "previous_aes_key": vectors.KEY},
        query=vectors.A.query,
        body=vectors.A.body,
        response=is_vector_b,
    ),
    Case(
        name="14 no old key",
        title="a push with a key that is not configured is refused",
        account=SAFE,
        query=vectors.F.query,
        body=vectors.F.body,
        status=400,
    ),
    *(
        Case(
            name=f"14 {name}",
            title="a malformed ciphertext is refused, though it is signed",
            account=SAFE,
            status=400,
            **sealed("", encrypted=encrypted),
        )
        for name, encrypted in checklist.MALFORMED_CIPHERTEXTS.items()
    ),
    Case(
        name="15",
        title="a key with its unused bits set works",
        account={**SAFE, "aes_key": vectors.KEY[:-1] + "R"},
        query=vectors.A.query,
        body=vectors.A.body,
        response=is_vector_b,
    ),
    Case(
        name="17",
        title="an account in safe mode refuses a plain push, though it is signed",
        account=SAFE,
        body=vectors.PLAIN_BODY,
        status=400,
    ),
    Case(
        name="17 raw",
        title="an account in safe mode refuses a plain push that says so",
        account=SAFE,
        query=vectors.QUERY + "&encrypt_type=raw",
        body=vectors.PLAIN_BODY,
        status=400,
    ),
    Case(
        name="18",
        title="in compatible mode the decrypted content counts",
        account={**SAFE, "mode": "compatible"},
        **sealed(
            vectors.A.message,
            extra="<MsgType>text</MsgType><FromUserName>other</FromUserName><Content>no</Content>",
        ),
        seen=sees(messages.Text, text="你好", user=vectors.USER),
        response=is_sealed_with(vectors.KEY, "收到"),
    ),
    Case(
        name="18 plain",
        title="in compatible mode a plain push is read and answered in plain",
        account={**SAFE, "mode": "compatible"},
        body=vectors.PLAIN_BODY,
        response=is_text("收到"),
    ),
    Case(
        name="19",
        title="no reply is not encrypted",
        account=SAFE,
        query=vectors.A.query,
        body=vectors.A.body,
        answer=lambda _: None,
        response=is_no_reply,
    ),
    *(
        Case(
            name=f"20 {text!r}",
            title="a blank text is no reply",
            body=vectors.PLAIN_BODY,
            answer=answers(text),
            response=is_no_reply,
        )
        for text in ("", " \n\t", "\u3000", "\x00")
    ),
    Case(
        name="22",
        title="a reply cannot break out of its CDATA",
        body=vectors.PLAIN_BODY,
        answer=lambda _: replies.Text('a]]>b<c&d"e'),
        response=is_text('a]]>b<c&d"e'),
    ),
    Case(
        name="22 hidden",
        title="nor by a character that is left out",
        body=vectors.PLAIN_BODY,
        answer=lambda _: replies.Text("a]]\x00><Content>b"),
        response=is_text("a]]><Content>b"),
    ),
    Case(
        name="23",
        title="characters that XML forbids are left out, the rest is kept",
        body=vectors.PLAIN_BODY,
        answer=lambda _: replies.Text(ODD_TEXT),
        response=is_text('abcde\t&"<'),
    ),
    Case(
        name="24",
        title="a text that is too long is cut between characters",
        body=vectors.PLAIN_BODY,
        answer=lambda _: replies.Text("中" * 3000),
        response=is_short_text,
    ),
    Case(
        name="25",
        title="line breaks, emoji, emoticon codes and links arrive as they were written",
        body=vectors.PLAIN_BODY,
        answer=lambda _: replies.Text(LINKS),
        response=is_text(LINKS),
    ),
    Case(
        name="26",
        title="white space in Content is kept, around ids and enums it is dropped",
        body=(
            f"<xml>\n  <ToUserName>\n <![CDATA[{vectors.ACCOUNT}]]> </ToUserName>\n"
            f"  <FromUserName> {vectors.USER}\n</FromUserName>\n  <CreateTime> 1700000001 "
            "</CreateTime>\n  <MsgType>\n\t<![CDATA[ text ]]>\n  </MsgType>\n"
            "  <Content>\n    <![CDATA[  a\n b ]]>\n  </Content>\n  <MsgId>\n1\n</MsgId>\n</xml>\n"
        ).encode(),
        seen=sees(
            messages.Text,
            text="  a\n b ",
            user=vectors.USER,
            account=vectors.ACCOUNT,
            created=1700000001,
            msg_id="1",
        ),
    ),
    Case(
        name="27",
        title="a 64-bit id is exact",
        body=xml(MsgId="9223372036854775807", CreateTime="<![CDATA[1700000001]]>", Content="x"),
        seen=sees(messages.Text, msg_id="9223372036854775807", created=1700000001),
    ),
    Case(
        name="28",
        title="the sentence that stands for a sticker is no text of the user",
        body=xml(Content=f"<![CDATA[{checklist.STICKER}]]>"),
        seen=sees(messages.Unsupported, sentence=checklist.STICKER, kind="unsupported"),
    ),
    Case(
        name="28 ASCII",
        title="nor is it with an ASCII comma and white space",
        body=xml(Content=f"<![CDATA[ {checklist.STICKER.replace('，', ',')}\n]]>"),
        seen=sees(messages.Unsupported),
    ),
    Case(
        name="29",
        title="an empty transcript is none, both recordings are there",
        body=xml(
            MsgType="voice",
            MediaId="<![CDATA[v8k]]>",
            Format="amr",
            MediaId16K="v16k",
            Recognition="<![CDATA[]]>",
        ),
        seen=sees(
            messages.Voice, recognition=None, media_id="v8k", media_id_16k="v16k", format="amr"
        ),
    ),
    Case(
        name="30",
        title="a tap on a menu link carries its id",
        body=xml(Content="满意", bizmsgmenuid="101"),
        seen=sees(messages.Text, text="满意", bizmsgmenuid="101"),
    ),
    Case(
        name="30 without",
        title="and without the tag there is none",
        body=xml(Content="满意"),
        seen=sees(messages.Text, text="满意", bizmsgmenuid=None),
    ),
    *(
        Case(
            name=f"31 {name} {fields.get('EventKey', 'missing')}",
            title="the scene of a parametric QR code",
            body=event(name, **fields),
            seen=sees(kind, scene=scene),
        )
        for name, kind, fields, scene in (
            ("subscribe", messages.Subscribe, {}, None),
            ("subscribe", messages.Subscribe, {"EventKey": ""}, None),
            ("subscribe", messages.Subscribe, {"EventKey": "qrscene_qrscene_x"}, "qrscene_x"),
            ("SCAN", messages.Scan, {"EventKey": "qrscene_1"}, "qrscene_1"),
            ("scan", messages.Scan, {"EventKey": "<![CDATA[]]>"}, None),
        )
    ),
    *(
        Case(
            name=f"32 {name}",
            title="pictures are a list however they are nested",
            body=event("pic_weixin", SendPicsInfo=f"<Count>{len(sums)}</Count>{lists}"),
            seen=sees_pictures(sums),
        )
        for name, lists, sums in (
            (
                "one item",
                "<PicList><item><PicMd5Sum>a</PicMd5Sum></item></PicList>",
                ["a"],
            ),
            (
                "two items",
                (
                    "<PicList><item><PicMd5Sum>a</PicMd5Sum></item>"
                    "<item><PicMd5Sum>b</PicMd5Sum></item></PicList>"
                ),
                ["a", "b"],
            ),
            (
                "two lists",
                (
                    "<PicList><item><PicMd5Sum>a</PicMd5Sum></item></PicList>"
                    "<PicList><item><PicMd5Sum>b</PicMd5Sum></item></PicList>"
                ),
                ["a", "b"],
            ),
        )
    ),
    Case(
        name="32 one notice",
        title="one entry is a list of one",
        body=event(
            "subscribe_msg_popup_event",
            SubscribeMsgPopupEvent=(
                "<List><TemplateId>t</TemplateId><SubscribeStatusString>accept"
                "</SubscribeStatusString><PopupScene>2</PopupScene></List>"
            ),
        ),
        seen=sees(
            messages.SubscribeMsgPopupEvent,
            subscribe_msg_popup_event=messages.Notices(
                entries=[
                    messages.Notice(
                        template_id="t", subscribe_status_string="accept", popup_scene=2
                    )
                ]
            ),
        ),
    ),
    Case(
        name="37 message",
        title="an unknown type is a message, its fields in raw",
        body=xml(MsgType="foo", Bar="1"),
        answer=lambda _: None,
        seen=sees_raw(messages.Unknown, "foo", Bar="1"),
        response=is_no_reply,
    ),
    Case(
        name="37 event",
        title="an unknown event is an event, its fields in raw",
        body=event("bar_event", Deep="<Tag>1</Tag>"),
        answer=lambda _: None,
        seen=sees_raw(messages.Event, "event", Deep={"Tag": "1"}),
        response=is_no_reply,
    ),
    *(
        Case(name=f"38 {name}", title="what is no message is refused", body=body, status=400)
        for name, body in {
            "empty": b"",
            "no XML": b"hello",
            "half": vectors.PLAIN_BODY[:100],
            "10 MB": b"<xml>" + b"a" * 10_000_000 + b"</xml>",
            "entity bomb": ENTITY_BOMB,
            "DOCTYPE": b"<!DOCTYPE xml>" + vectors.PLAIN_BODY,
            "undefined entity": xml(Content="&nbsp;"),
            "deep": b"<a>" * 5000 + b"</a>" * 5000,
            "no fields": b"<xml>text</xml>",
            "no user": vectors.PLAIN_BODY.replace(b"FromUserName", b"From"),
            "no type": vectors.PLAIN_BODY.replace(b"MsgType", b"Type"),
            "JSON list": b"[1]",
            **{
                f"probe's {name}": text.format(
                    account=vectors.ACCOUNT, user=vectors.USER, now=1700000001, number=1
                ).encode()
                for name, text in checklist.NO_MESSAGES.items()
            },
            "half JSON": b'{"MsgType":',
            "deep JSON": b'{"a":' * 5000 + b"1" + b"}" * 5000,
        }.items()
    ),
]

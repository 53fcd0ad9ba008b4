"""The same bytes through wechatpy: what both read, what each writes for the other.

wechatpy differs on purpose, or by fault, in these, which are left out of the comparison:

- It keeps `MsgId` and numbers in other types; text is compared.
- `Event` "SCAN" is a class named otherwise; attributes are compared, not classes.
- A scene of `subscribe` loses every `qrscene_` there, and exactly one here (protocol reference 8).
- White space in Content is lost there, kept here.
- It cannot read a news reply of one article, its own neither.
- A control character, or a lone `]]>` in an echoed text, is an exception or a broken reply there.
"""

from __future__ import annotations

import base64
import importlib
import warnings
from typing import Any

import pytest

from tests.conformance.cases import event, xml
from tests.wire import vectors
from wechat_dialog import messages, replies
from wechat_dialog.core.wire import xml as ours
from wechat_dialog.core.wire.crypto import Key
from wechat_dialog.core.wire.render import render
from wechat_dialog.messages import from_fields

pytestmark = pytest.mark.oracle

pytest.importorskip(
    "wechatpy", reason="wechatpy is not installed: pip install wechat-dialog[oracle]"
)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its own, about the Python of its day
    wechatpy: Any = importlib.import_module("wechatpy")
    their_crypto: Any = importlib.import_module("wechatpy.crypto")
    their_replies: Any = importlib.import_module("wechatpy.replies")


@pytest.mark.parametrize(
    ("body", "pairs"),
    [
        (xml(Content="<![CDATA[你好 😀 /::<]]>"), {"text": "content"}),
        (xml(Content="a&amp;&lt;b"), {"text": "content"}),
        (
            xml(MsgType="image", PicUrl="<![CDATA[http://a/?b&c]]>", MediaId="m"),
            {"pic_url": "image", "media_id": "media_id"},
        ),
        (
            xml(MsgType="voice", MediaId="m", Format="amr", Recognition="嗯"),
            {"media_id": "media_id", "format": "format", "recognition": "recognition"},
        ),
        (
            xml(MsgType="video", MediaId="m", ThumbMediaId="t"),
            {"media_id": "media_id", "thumb_media_id": "thumb_media_id"},
        ),
        (
            xml(MsgType="shortvideo", MediaId="m", ThumbMediaId="t"),
            {"media_id": "media_id", "thumb_media_id": "thumb_media_id"},
        ),
        (
            xml(MsgType="location", Location_X="23.1", Location_Y="113.3", Scale="15", Label="广"),
            {
                "location_x": "location_x",
                "location_y": "location_y",
                "scale": "scale",
                "label": "label",
            },
        ),
        (
            xml(MsgType="link", Title="t", Description="d", Url="u"),
            {"title": "title", "description": "description", "url": "url"},
        ),
        (event("subscribe", EventKey=""), {}),
        (
            event("subscribe", EventKey="qrscene_7", Ticket="t"),
            {"scene": "scene_id", "ticket": "ticket"},
        ),
        (event("SCAN", EventKey="7", Ticket="t"), {"scene": "scene_id", "ticket": "ticket"}),
        (
            event("LOCATION", Latitude="23.1", Longitude="113.3", Precision="65"),
            {"latitude": "latitude", "longitude": "longitude", "precision": "precision"},
        ),
        (event("CLICK", EventKey="k"), {"event_key": "key"}),
        (event("VIEW", EventKey="http://a"), {"event_key": "url"}),
        (
            event("TEMPLATESENDJOBFINISH", MsgID="5", Status="success"),
            {"job_id": "id", "status": "status"},
        ),
        (
            event("kf_create_session", KfAccount="a@b"),
            {"kf_account": "account"},
        ),
    ],
)
def test_both_read_the_same(body: bytes, pairs: dict[str, str]) -> None:
    mine = from_fields(ours.parse(body))
    theirs = wechatpy.parse_message(body)
    assert (mine.user, mine.account) == (theirs.source, theirs.target)
    assert mine.created == int(theirs._data["CreateTime"])
    if mine.msg_id:
        assert mine.msg_id == str(theirs.id)
    for own, other in pairs.items():
        assert str(getattr(mine, own)) == str(getattr(theirs, other)), own


LENGTHS = [*range(81), 511, 512, 513, 2047, 2048, 65535]


@pytest.mark.parametrize("unit", ["a", "中", "😀"])
def test_what_one_encrypts_the_other_decrypts(unit: str) -> None:
    key = Key(vectors.KEY)
    crypto = their_crypto.WeChatCrypto(vectors.TOKEN, vectors.KEY, vectors.APP_ID)
    cipher = their_crypto.PrpCrypto(crypto.key)
    for length in LENGTHS:
        text = unit * length
        sent = key.encrypt(text.encode(), vectors.APP_ID, vectors.RANDOM_IN)
        assert cipher.decrypt(sent, vectors.APP_ID) == text
        got = base64.b64decode(cipher.encrypt(text, vectors.APP_ID))
        assert key.decrypt(got, vectors.APP_ID).decode() == text


def test_both_sign_the_same() -> None:
    crypto = their_crypto.WeChatCrypto(vectors.TOKEN, vectors.KEY, vectors.APP_ID)
    inner = crypto.decrypt_message(
        vectors.A.body, vectors.A.signature, vectors.TIMESTAMP, vectors.NONCE
    )
    assert inner == vectors.A.message


TO = messages.Click(user="user", account="account", event="CLICK")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (replies.Text("a]]>b & <c>\n😀"), {"content": "a]]>b & <c>\n😀"}),
        (replies.Image("m"), {"media_id": "m"}),
        (replies.Voice("m"), {"media_id": "m"}),
        (replies.Video("m", "t", "d"), {"media_id": "m", "title": "t", "description": "d"}),
        (
            replies.Music("th", "t", "d", "u", "hq"),
            {
                "thumb_media_id": "th",
                "title": "t",
                "description": "d",
                "music_url": "u",
                "hq_music_url": "hq",
            },
        ),
        (replies.Transfer(), {}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_wechatpy_reads_our_replies(reply: replies.Reply, expected: dict[str, str]) -> None:
    theirs = their_replies.deserialize_reply(render(reply, TO, now=5))
    assert (theirs.target, theirs.source, int(theirs._data["CreateTime"])) == ("user", "account", 5)
    assert {name: getattr(theirs, name) for name in expected} == expected


@pytest.mark.parametrize("count", [2, 8])
def test_wechatpy_reads_our_news(count: int) -> None:
    articles = [replies.Article(f"t{n}", "d&", "p", "http://a/?b=1&c") for n in range(count)]
    theirs = their_replies.deserialize_reply(render(replies.News(articles), TO, now=5))
    assert [
        (one["title"], one["description"], one["image"], one["url"]) for one in theirs.articles
    ] == [(one.title, one.description, one.pic_url, one.url) for one in articles]

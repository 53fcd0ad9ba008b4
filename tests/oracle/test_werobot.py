"""The same bytes through WeRoBot.

WeRoBot differs on purpose, or by fault, in these, which are left out of the comparison:

- It gives numbers as numbers; text is compared.
- A scene of `subscribe` keeps its `qrscene_` there (protocol reference 8 wants it off).
- An event it does not know is an `UnknownEvent`, the fields of events it half knows are absent.
- White space around text is lost there.
"""

from __future__ import annotations

import base64
import importlib
import warnings
from typing import Any

import pytest

from tests.conformance.cases import event, xml
from tests.wire import vectors
from wechat_dialog.core.wire import signature
from wechat_dialog.core.wire import xml as ours
from wechat_dialog.core.wire.crypto import Key
from wechat_dialog.messages import from_fields

pytestmark = pytest.mark.oracle

pytest.importorskip("werobot", reason="werobot is not installed: pip install wechat-dialog[oracle]")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its own, about the Python of its day
    their_parser: Any = importlib.import_module("werobot.parser")
    their_crypto: Any = importlib.import_module("werobot.crypto")
    their_utils: Any = importlib.import_module("werobot.utils")


@pytest.mark.parametrize(
    ("body", "pairs"),
    [
        (xml(Content="<![CDATA[你好 😀 /::<]]>"), {"text": "content"}),
        (xml(MsgType="image", PicUrl="<![CDATA[http://a/?b&c]]>", MediaId="m"), {"pic_url": "img"}),
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
            {"scale": "scale", "label": "label"},
        ),
        (
            xml(MsgType="link", Title="t", Description="d", Url="u"),
            {"title": "title", "description": "description", "url": "url"},
        ),
        (event("SCAN", EventKey="7", Ticket="t"), {"event_key": "key", "ticket": "ticket"}),
        (event("CLICK", EventKey="k"), {"event_key": "key"}),
        (event("VIEW", EventKey="http://a"), {"event_key": "key"}),
        (
            event("LOCATION", Latitude="23.1", Longitude="113.3", Precision="65"),
            {"latitude": "latitude", "longitude": "longitude", "precision": "precision"},
        ),
        (
            event(
                "pic_weixin",
                EventKey="k",
                SendPicsInfo="<Count>1</Count><PicList><item><PicMd5Sum>a</PicMd5Sum></item></PicList>",
            ),
            {"event_key": "key"},
        ),
    ],
)
def test_both_read_the_same(body: bytes, pairs: dict[str, str]) -> None:
    mine = from_fields(ours.parse(body))
    theirs = their_parser.process_message(their_parser.parse_xml(body))
    assert (mine.user, mine.account, mine.created) == (theirs.source, theirs.target, theirs.time)
    if mine.msg_id:
        assert mine.msg_id == str(theirs.message_id)
    for own, other in pairs.items():
        assert str(getattr(mine, own)) == str(getattr(theirs, other)), own


@pytest.mark.parametrize("unit", ["a", "中", "😀"])
def test_what_one_encrypts_the_other_decrypts(unit: str) -> None:
    key = Key(vectors.KEY)
    crypto = their_crypto.MessageCrypt(vectors.TOKEN, vectors.KEY, vectors.APP_ID)
    cipher = crypto.prp_crypto
    for length in [*range(81), 511, 512, 513, 2047, 2048, 65535]:
        text = unit * length
        sent = key.encrypt(text.encode(), vectors.APP_ID, vectors.RANDOM_IN)
        assert cipher.decrypt(sent, vectors.APP_ID).decode() == text
        got = base64.b64decode(cipher.encrypt(text, vectors.APP_ID))
        assert key.decrypt(got, vectors.APP_ID).decode() == text


def test_both_sign_the_same() -> None:
    for parts in ((vectors.TOKEN, "1700000000", "999"), ("zzToken", "1", "10"), ("a", "B", "0")):
        assert their_utils.get_signature(*parts) == signature.sign(*parts)

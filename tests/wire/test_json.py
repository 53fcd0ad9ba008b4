"""The JSON data format: protocol reference 2, rule 5."""

from __future__ import annotations

import contextlib
import json as standard
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire import vectors
from wechat_dialog import messages, replies
from wechat_dialog.core.wire import json
from wechat_dialog.core.wire.codec import Codec
from wechat_dialog.errors import BadMessage, TooLarge

CODEC = Codec(vectors.TOKEN)
TEXT = {
    "ToUserName": vectors.ACCOUNT,
    "FromUserName": vectors.USER,
    "CreateTime": 1700000001,
    "MsgType": "text",
    "Content": " 你\u0000好 ",
    "MsgId": 9223372036854775807,
}


def test_a_message_in_json_is_the_same_message() -> None:
    push = CODEC.open(standard.dumps(TEXT).encode(), vectors.QUERY, now=0)
    message = push.message
    assert isinstance(message, messages.Text)
    assert (message.text, message.created) == (" 你好 ", 1700000001)
    assert message.msg_id == "9223372036854775807"
    assert message.raw["MsgId"] == 9223372036854775807


def test_an_event_in_json_has_lists_and_numbers() -> None:
    fields = TEXT | {
        "MsgType": "event",
        "Event": "pic_weixin",
        "SendPicsInfo": {"Count": 2, "PicList": [{"PicMd5Sum": "a"}, {"item": {"PicMd5Sum": "b"}}]},
    }
    message = CODEC.open(standard.dumps(fields).encode(), vectors.QUERY, now=0).message
    assert isinstance(message, messages.PicWeixin)
    assert message.send_pics_info.pic_md5_sums == ["a", "b"]
    assert message.send_pics_info.count == 2


@pytest.mark.parametrize(
    ("reply", "own"),
    [
        (replies.Text('好"\n'), {"MsgType": "text", "Content": '好"\n'}),
        (replies.Image("m"), {"MsgType": "image", "Image": {"MediaId": "m"}}),
        (
            replies.Transfer("a@b"),
            {"MsgType": "transfer_customer_service", "TransInfo": {"KfAccount": "a@b"}},
        ),
    ],
)
def test_a_push_in_json_is_answered_in_json(reply: replies.Reply, own: dict[str, Any]) -> None:
    push = CODEC.open(b"\xef\xbb\xbf \n" + standard.dumps(TEXT).encode(), vectors.QUERY, now=0)
    body = CODEC.seal(push, reply, now=5, random16=b"")
    assert standard.loads(body) == {
        "ToUserName": vectors.USER,
        "FromUserName": vectors.ACCOUNT,
        "CreateTime": 5,
        **own,
    }
    assert "\\u" not in body.decode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[1]",
        b"1",
        b"{",
        b'{"a":1}}',
        b"{'a':1}",
        b'{"a":NaN}',
        b'{"a":' * 18 + b"1" + b"}" * 18,
    ],
)
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadMessage):
        json.parse(body)


def test_more_than_64_kib_are_refused() -> None:
    with pytest.raises(TooLarge):
        json.parse(b'{"a":"' + b"a" * 65536 + b'"}')


@given(st.binary(max_size=300) | st.text().map(lambda text: f'{{"a":"{text}"}}'.encode()))
def test_any_bytes_are_an_object_or_one_error(body: bytes) -> None:
    with contextlib.suppress(BadMessage):
        assert isinstance(json.parse(body), dict)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
known = st.sampled_from(
    ["Content", "CreateTime", "MsgId", "Event", "EventKey", "SendPicsInfo", "Scale", "raw", " raw"]
)


@given(
    st.sampled_from(["text", "event", "location", "TEXT", "foo"]),
    st.dictionaries(known | st.text(), values),
)
def test_any_object_with_user_and_type_is_a_message(kind: str, fields: dict[str, Any]) -> None:
    fields |= {"FromUserName": "u", "MsgType": kind}
    message = messages.from_fields(fields)
    assert message.user == "u"
    assert message.raw is fields

"""`parse_xml` gives the objects of 2017, and any bytes give a message or a refusal."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.legacy.pushes import push
from wechat import receive
from wechat_dialog.errors import BadMessage, Refused, TooLarge

LINK = {"Title": "t", "Description": "d", "Url": "http://u"}


@pytest.mark.parametrize(
    ("xml", "cls", "own"),
    [
        (push("u", "累加器"), receive.TextMsg, {"Content": "累加器".encode()}),
        (push("u", ""), receive.TextMsg, {"Content": b""}),
        (push("u", " a\nb "), receive.TextMsg, {"Content": b" a\nb "}),
        (push("u", "subscribe", kind="event"), receive.EventMsg, {"Event": b"subscribe"}),
        (
            push("u", kind="image", fields={"PicUrl": "http://p", "MediaId": "m"}),
            receive.ImageMsg,
            {"PicUrl": "http://p", "MediaId": "m"},
        ),
        (
            push("u", kind="link", fields=LINK),
            receive.LinkMsg,
            LINK,
        ),
        (
            push("u", kind="link", fields={"Title": "t"}),
            receive.LinkMsg,
            {"Description": "", "Url": ""},
        ),
        (push("u", kind="voice", fields={"MediaId": "m"}), receive.Msg, {}),
        (push("u", kind="hologram"), receive.Msg, {}),
    ],
)
@pytest.mark.parametrize("as_bytes", [False, True])
def test_a_push_is_an_object_of_its_type(
    xml: str, cls: type[receive.Msg], own: dict[str, object], as_bytes: bool
) -> None:
    message = receive.parse_xml(xml.encode() if as_bytes else xml)
    assert message is not None
    assert type(message) is cls
    assert (message.FromUserName, message.ToUserName) == ("u", "gh_2017")
    assert message.CreateTime.isdigit()
    assert {name: getattr(message, name) for name in own} == own
    assert json.loads(repr(message))["MsgType"] == message.MsgType


@pytest.mark.parametrize("empty", ["", b""])
def test_an_empty_body_is_none(empty: str | bytes) -> None:
    assert receive.parse_xml(empty) is None


def test_fields_that_are_not_there_are_empty() -> None:
    message = receive.parse_xml("<xml><FromUserName>u</FromUserName><MsgType>text</MsgType></xml>")
    assert isinstance(message, receive.TextMsg)
    assert (message.ToUserName, message.CreateTime, message.Content) == ("", "", b"")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("text", BadMessage),
        ("<xml/>", BadMessage),
        ("<xml><MsgType>text</MsgType></xml>", BadMessage),
        ("<xml><FromUserName>u</FromUserName></xml>", BadMessage),
        ("<xml><FromUserName><a>1</a></FromUserName><MsgType>text</MsgType></xml>", BadMessage),
        ('<!DOCTYPE a [<!ENTITY x "xx">]><xml><MsgType>&x;</MsgType></xml>', BadMessage),
        ("<xml>" + "<a>" * 100 + "</a>" * 100 + "</xml>", BadMessage),
        ("<xml>" + " " * 65536 + "</xml>", TooLarge),
    ],
)
def test_what_is_no_message_is_refused(body: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        receive.parse_xml(body)


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_bytes_give_a_message_none_or_a_refusal(body: str | bytes) -> None:
    try:
        message = receive.parse_xml(body)
    except Refused:
        return
    assert (message is None) == (len(body) == 0)


@given(st.text(max_size=50))
def test_any_text_in_a_message_is_taken_or_refused_and_never_more(text: str) -> None:
    body = push("u", text.replace("]]>", "]]]]><![CDATA[>"))
    message = receive.parse_xml(body)
    assert isinstance(message, receive.TextMsg)
    message.Content.decode("utf-8")

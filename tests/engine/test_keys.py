"""Which pushes are one message: copies of it have one key, and nothing else has it."""

from __future__ import annotations

from typing import Any

import pytest

from wechat_dialog.core.wire import json, xml
from wechat_dialog.messages import Click, from_fields
from wechat_dialog.messages.keys import message_key

EVENT = {
    "ToUserName": "gh",
    "FromUserName": "user",
    "CreateTime": "1700000001",
    "MsgType": "event",
}

TWO_OF_ONE_SECOND: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "two subscription notices",
        {"Event": "subscribe_msg_sent_event", "SubscribeMsgSentEvent": {"List": [{"MsgID": "1"}]}},
        {"Event": "subscribe_msg_sent_event", "SubscribeMsgSentEvent": {"List": [{"MsgID": "2"}]}},
    ),
    (
        "two scans of one button",
        {"Event": "scancode_push", "EventKey": "k", "ScanCodeInfo": {"ScanResult": "a"}},
        {"Event": "scancode_push", "EventKey": "k", "ScanCodeInfo": {"ScanResult": "b"}},
    ),
    (
        "two places",
        {"Event": "LOCATION", "Latitude": "23.1", "Longitude": "113.3"},
        {"Event": "LOCATION", "Latitude": "23.2", "Longitude": "113.3"},
    ),
    (
        "two jobs",
        {"Event": "TEMPLATESENDJOBFINISH", "MsgID": "200163836", "Status": "success"},
        {"Event": "TEMPLATESENDJOBFINISH", "MsgID": "200163840", "Status": "success"},
    ),
    (
        "two pictures of one button",
        {"Event": "pic_weixin", "SendPicsInfo": {"PicList": [{"item": [{"PicMd5Sum": "1"}]}]}},
        {"Event": "pic_weixin", "SendPicsInfo": {"PicList": [{"item": [{"PicMd5Sum": "2"}]}]}},
    ),
    ("an event nobody knows", {"Event": "new", "What": "a"}, {"Event": "new", "What": "b"}),
    (
        "values that changed places",
        {"Event": "e", "A": "1", "B": "2"},
        {"Event": "e", "A": "2", "B": "1"},
    ),
]


def key_of(fields: dict[str, Any]) -> str:
    return message_key(from_fields({**EVENT, **fields}))


@pytest.mark.parametrize(
    ("one", "other"), [pytest.param(a, b, id=name) for name, a, b in TWO_OF_ONE_SECOND]
)
def test_two_events_of_one_second_are_two(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert key_of(one) != key_of(other)
    assert key_of(one) == key_of(dict(reversed(one.items())))


@pytest.mark.parametrize(
    "fields", [pytest.param(fields, id=name) for name, fields, _ in TWO_OF_ONE_SECOND]
)
def test_one_event_has_one_key_in_xml_and_in_json(fields: dict[str, Any]) -> None:
    numbers = {**EVENT, **fields, "CreateTime": 1700000001}
    as_xml = from_fields(xml.parse(xml.build({**EVENT, **fields}).encode()))
    as_json = from_fields(json.parse(json.build(numbers).encode()))
    assert message_key(as_xml) == message_key(as_json) == key_of(fields)


def test_what_is_encrypted_anew_for_a_copy_is_no_part_of_its_key() -> None:
    """An account in compatible mode, whose bot reads the plain fields beside the ciphertext."""
    fields = {"Event": "subscribe", "EventKey": ""}
    assert key_of({**fields, "Encrypt": "AAAA"}) == key_of({**fields, "Encrypt": "BBBB"})


def test_messages_without_an_id_are_told_apart_by_all_they_say() -> None:
    def key(**fields: str) -> str:
        return message_key(from_fields({**EVENT, "MsgType": "new", **fields}))

    assert key(What="a") != key(What="b")
    assert key(What="a") == key(What="a", Encrypt="AAAA")


def test_a_message_with_an_id_is_told_by_that_and_its_second() -> None:
    text = {**EVENT, "MsgType": "text", "Content": "x", "MsgId": "24000000000000001"}
    assert message_key(from_fields(text)) == "1700000001:24000000000000001"
    assert message_key(from_fields({**text, "CreateTime": "1700000002"})) != message_key(
        from_fields(text)
    )


def test_events_that_a_test_made_by_hand_are_two_as_well() -> None:
    one, other = (
        Click(user="user", account="gh", created=1, event="CLICK", event_key=key) for key in "ab"
    )
    assert message_key(one) != message_key(other)


def test_a_key_stays_short_whatever_the_event() -> None:
    assert len(key_of({"Event": "scan", "EventKey": "k" * 60_000})) < 100
    assert len(key_of({"Event": "e" * 60_000})) < 100

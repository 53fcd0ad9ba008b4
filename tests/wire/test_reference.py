"""Protocol reference 3, 4 and 5.1 to the letter: tables and examples are read from the page itself,
so that none is forgotten.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.wire.vectors import ACCOUNT, USER
from wechat_dialog import messages, replies
from wechat_dialog.core.wire import xml
from wechat_dialog.core.wire.render import render
from wechat_dialog.messages import Event, Message, from_fields

REFERENCE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
COMMON = {"ToUserName": ACCOUNT, "FromUserName": USER, "CreateTime": "1700000001"}
# Named by the reference among others of which it tells no fields, so there is no class of theirs.
WITHOUT_CLASS = {
    "poi_check_notify",
    "ShakearoundUserShake",
    "wxa_media_check",
    "debug_demo",
}
# One row tells the fields of several events; these are whose they are.
OWN: dict[str, set[str]] = {
    "card_pass_check": {"CardId"},
    "user_gifting_card": {"FriendUserName", "IsReturnBack", "IsChatRoom"},
    "user_del_card": set(),
    "user_consume_card": {
        "ConsumeSource",
        "LocationName",
        "StaffOpenId",
        "VerifyCode",
        "RemarkAmount",
        "OuterStr",
    },
    "user_pay_from_pay_cell": {"TransId", "LocationId", "Fee", "OriginalFee"},
    "user_view_card": {"OuterStr"},
    "user_enter_session_from_card": set(),
    "update_member_card": {"ModifyBonus", "ModifyBalance"},
    "card_sku_remind": {"Detail"},
    "card_pay_order": set(),
    "submit_membercard_user_info": set(),
}


def section(number: int) -> str:
    return REFERENCE.split(f"\n## {number}. ")[1].split("\n---\n")[0]


def rows(text: str) -> list[list[str]]:
    """The cells of every row of the tables in it, without the lines of dashes."""
    found = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    )
    return [row for row in found if not row[0] or row[0].strip("-")]


def names(cell: str) -> list[str]:
    """The tags that a cell names in backticks, those inside braces too."""
    words: list[str] = []
    for code in re.findall(r"`([^`]*)`", cell):
        words += re.findall(r"\b[A-Za-z][A-Za-z0-9_]*\b", code.replace("…", " "))
    return words


def wire_names(kind: type[msgspec.Struct]) -> set[str]:
    """Every tag a class reads, in what it contains too."""
    known = set(kind.__struct_encode_fields__) | set(getattr(kind, "aliases", {}))
    for one in msgspec.structs.fields(kind):
        inner = [one.type, *getattr(one.type, "__args__", ())]
        for inside in inner:
            if isinstance(inside, type) and issubclass(inside, msgspec.Struct):
                known |= wire_names(inside)
    return known


def event_class(name: str) -> type[Message]:
    return type(from_fields({**COMMON, "MsgType": "event", "Event": name}))


def message_class(kind: str) -> type[Message]:
    return type(from_fields({**COMMON, "MsgType": kind}))


def the_messages() -> dict[str, set[str]]:
    """Each type of section 3 that is to be read, with the tags of its rows."""
    found: dict[str, set[str]] = {}
    own: set[str] = set()
    types = section(3).split("Type-specific fields:")[1].split("**Unsupported")[0]
    for kind, fields, *_ in rows(types):
        if kind:
            own = found.setdefault(names(kind)[0], set()) if names(kind) else set()
        own |= set(names(fields))
    return {name: tags for name, tags in found.items() if name[:6] not in ("event", "device")}


def the_events() -> list[tuple[str, set[str]]]:
    """Each event of section 4 with the tags its row names."""
    found: list[tuple[str, set[str]]] = []
    for cells in rows(section(4).split("```")[0]):
        if len(cells) < 3 or cells[0] == "Event":
            continue
        fields = {
            name
            for name in names(re.sub(r"\(.*?\)", "", cells[2]).split("**Here")[0])
            if name[0].isupper()
            or name in ("publish_id", "publish_status", "article_id", "fail_idx")
        }
        found += [
            (name, OWN.get(name, fields)) for name in names(cells[0]) if name not in WITHOUT_CLASS
        ]
    return found


EVENTS = the_events()


@pytest.mark.parametrize(("name", "fields"), EVENTS, ids=[name for name, _ in EVENTS])
def test_every_event_has_its_class_and_fields(name: str, fields: set[str]) -> None:
    kind = event_class(name)
    assert kind is not Event
    assert fields - wire_names(kind) == set()


def test_no_event_is_read_as_another() -> None:
    assert len(EVENTS) == len({event_class(name) for name, _ in EVENTS}) == 46
    assert {event_class(name) for name in WITHOUT_CLASS} == {Event}


MESSAGES = the_messages()


@pytest.mark.parametrize(("name", "fields"), MESSAGES.items(), ids=list(MESSAGES))
def test_every_message_type_has_its_class_and_fields(name: str, fields: set[str]) -> None:
    kind = message_class(name)
    assert kind is not messages.Unknown
    assert kind.kind == name
    assert fields - wire_names(kind) == set()


def test_the_types_are_all() -> None:
    assert list(MESSAGES) == [
        "text",
        "image",
        "voice",
        "video",
        "shortvideo",
        "location",
        "link",
        "file",
        "miniprogrampage",
    ]
    assert message_class("device_text") is messages.Unknown


def examples(number: int) -> list[str]:
    """The lines of the examples in XML of a section."""
    blocks = re.findall(r"```xml\n(.*?)```", section(number), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


def pushed(example: str) -> Message:
    """What an example is to a dialog; what it leaves out is as in every push."""
    inner = example.removeprefix("<xml>").removesuffix("</xml>").removeprefix("…")
    if "<MsgType>" not in inner:
        inner = f"<MsgType>event</MsgType>{inner}"
    return from_fields({**COMMON, **xml.parse(f"<xml>{inner}</xml>".encode())})


EXPECTED: list[tuple[type[Message], dict[str, Any]]] = [
    (
        messages.Image,
        {"pic_url": "http://mmbiz.qpic.cn/mmbiz_jpg/demo/0", "media_id": "media_demo_1"},
    ),
    (
        messages.Voice,
        {"media_id": "v8k", "format": "amr", "media_id_16k": "v16k", "recognition": None},
    ),
    (
        messages.Location,
        {
            "location_x": 23.134521,
            "location_y": 113.358803,
            "scale": 15,
            "label": "广州市海珠区",
        },
    ),
    (
        messages.Link,
        {"title": "标题", "description": "摘要", "url": "https://example.com/a?x=1&y=2"},
    ),
    (messages.Text, {"text": "满意", "bizmsgmenuid": "101"}),
    (
        messages.Subscribe,
        {"scene": "spring2024", "ticket": "gQTicketDemo", "created": 1700000100, "msg_id": ""},
    ),
    (
        messages.PicWeixin,
        {
            "event_key": "photo_btn",
            "pic_md5_sums": [
                "5a75aaca956d97be686719218f275c6b",
                "1b5f7c23b5bf75682a53e7b6d163e185",
            ],
        },
    ),
]


def test_the_examples_of_what_users_send_are_read() -> None:
    made = [pushed(example) for example in (*examples(3), *examples(4))]
    seen: list[tuple[type[Message], dict[str, Any]]] = []
    for message, (_, wanted) in zip(made, EXPECTED, strict=True):
        holder = message.send_pics_info if isinstance(message, messages.PicWeixin) else message
        seen.append(
            (
                type(message),
                {
                    name: getattr(message if hasattr(message, name) else holder, name)
                    for name in wanted
                },
            )
        )
    assert seen == EXPECTED


REPLIES: list[replies.Reply] = [
    replies.Text("收到"),
    replies.Image("media_demo_1"),
    replies.Voice("media_demo_2"),
    replies.Video("media_demo_3", "t", "d"),
    replies.Music(
        "thumb_demo", "t", "d", "https://example.com/a.mp3", "https://example.com/a-hq.mp3"
    ),
    replies.News([replies.Article("t", "d", "https://example.com/p.jpg", "https://example.com/")]),
    replies.Transfer("agent1@demo"),
]


def test_the_examples_of_replies_are_what_is_written() -> None:
    first, *others = examples(5)
    head = first.split("<MsgType>")[0]
    wanted = [first, *(example.replace("… ", head, 1) for example in others)]
    to = messages.Text(user=USER, account=ACCOUNT)
    assert [render(reply, to, now=1700000002) for reply in REPLIES] == wanted

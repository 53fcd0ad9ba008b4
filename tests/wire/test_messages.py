"""Fields to messages: protocol reference 3, 4 and 8."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.wire.vectors import ACCOUNT, USER
from wechat_dialog import messages
from wechat_dialog.core.wire import xml
from wechat_dialog.errors import BadMessage
from wechat_dialog.messages import Event, Message, base, from_fields, register

COMMON = {"ToUserName": ACCOUNT, "FromUserName": USER, "CreateTime": "1700000001"}


def message(kind: str, **fields: Any) -> Message:
    return from_fields({**COMMON, "MsgType": kind, "MsgId": "24000000000000001", **fields})


def event(name: str, inner: str = "") -> Event:
    """An event, its own fields as XML."""
    read = xml.parse(f"<xml><Event>{name}</Event>{inner}</xml>".encode())
    made = from_fields({**COMMON, "MsgType": "event", **read})
    assert isinstance(made, Event)
    return made


def attributes(made: Message) -> dict[str, Any]:
    """What a message has beside what every message has."""
    common = set(Message.__struct_fields__)
    return {
        name: msgspec.to_builtins(getattr(made, name))
        for name in made.__struct_fields__
        if name not in common and getattr(made, name) not in ("", None)
    }


@pytest.mark.parametrize(
    ("cls", "kind", "fields", "expected"),
    [
        (messages.Text, "text", {"Content": " a\n"}, {"text": " a\n"}),
        (
            messages.Text,
            "TEXT",
            {"Content": "a", "bizmsgmenuid": "x1"},
            {"text": "a", "bizmsgmenuid": "x1"},
        ),
        (messages.Text, "text", {"Content": "a", "bizmsgmenuid": ""}, {"text": "a"}),
        (
            messages.Image,
            "image",
            {"PicUrl": "http://p", "MediaId": "m"},
            {"pic_url": "http://p", "media_id": "m"},
        ),
        (
            messages.Voice,
            "voice",
            {"MediaId": "m", "Format": "amr", "MediaId16K": "m16", "Recognition": "你好。"},
            {"media_id": "m", "format": "amr", "media_id_16k": "m16", "recognition": "你好。"},
        ),
        (messages.Voice, "voice", {"MediaId": "m", "Recognition": " "}, {"media_id": "m"}),
        (
            messages.Video,
            "video",
            {"MediaId": "m", "ThumbMediaId": "t"},
            {"media_id": "m", "thumb_media_id": "t"},
        ),
        (
            messages.ShortVideo,
            "shortvideo",
            {"MediaId": "m", "ThumbMediaId": "t"},
            {"media_id": "m", "thumb_media_id": "t"},
        ),
        (
            messages.Location,
            "location",
            {
                "Location_X": "23.134521",
                "Location_Y": "-113.358803",
                "Scale": "15",
                "Label": "广州",
            },
            {"location_x": 23.134521, "location_y": -113.358803, "scale": 15, "label": "广州"},
        ),
        (
            messages.Link,
            "link",
            {"Title": "t", "Description": "d", "Url": "https://e.com/a?x=1&y=2"},
            {"title": "t", "description": "d", "url": "https://e.com/a?x=1&y=2"},
        ),
        (
            messages.File,
            "file",
            {"Title": "a.pdf", "FileKey": "k", "FileMd5": "5", "FileTotalLen": "12345678901"},
            {"title": "a.pdf", "file_key": "k", "file_md5": "5", "file_total_len": 12345678901},
        ),
        (
            messages.MiniProgramPage,
            "miniprogrampage",
            {"Title": "t", "AppId": "a", "PagePath": "p", "ThumbUrl": "u", "ThumbMediaId": "m"},
            {
                "title": "t",
                "app_id": "a",
                "page_path": "p",
                "thumb_url": "u",
                "thumb_media_id": "m",
            },
        ),
        (messages.Unsupported, "text", {"Content": "【收到不支持的消息类型，暂无法显示】"}, None),
        (
            messages.Text,
            "text",
            {"Content": "a", "MsgDataId": "2247483", "Idx": "2"},
            {"text": "a", "msg_data_id": "2247483", "idx": 2},
        ),
        (messages.Unknown, "device_text", {"DeviceID": "d"}, {}),
    ],
)
def test_a_message_type_has_its_fields(
    cls: type[Message], kind: str, fields: dict[str, str], expected: dict[str, Any] | None
) -> None:
    made = message(kind, **fields)
    assert type(made) is cls
    assert (made.user, made.account, made.created) == (USER, ACCOUNT, 1700000001)
    assert made.msg_id == "24000000000000001"
    assert expected is None or attributes(made) == expected


NOTICE = "<List><TemplateId>t</TemplateId>{}</List>"
CARD = "<CardId>c</CardId><UserCardCode>u</UserCardCode>"
IS_CARD = {"card_id": "c", "user_card_code": "u"}


@pytest.mark.parametrize(
    ("cls", "name", "inner", "expected"),
    [
        (
            messages.Subscribe,
            "subscribe",
            "<EventKey>qrscene_1</EventKey><Ticket>t</Ticket>",
            {"ticket": "t"},
        ),
        (messages.Unsubscribe, "unsubscribe", "<EventKey/>", {}),
        (messages.Scan, "SCAN", "<EventKey>1</EventKey><Ticket>t</Ticket>", {"ticket": "t"}),
        (
            messages.LocationReport,
            "LOCATION",
            "<Latitude>23.1</Latitude><Longitude>113.2</Longitude><Precision>65</Precision>",
            {"latitude": 23.1, "longitude": 113.2, "precision": 65.0},
        ),
        (messages.Click, "CLICK", "<EventKey>k</EventKey>", {}),
        (
            messages.View,
            "VIEW",
            "<EventKey>https://e.com</EventKey><MenuId>12</MenuId>",
            {"menu_id": "12"},
        ),
        (messages.View, "VIEW", "<MenuID>12</MenuID>", {"menu_id": "12"}),
        (messages.ViewMiniProgram, "view_miniprogram", "<MenuId>12</MenuId>", {"menu_id": "12"}),
        *(
            (
                cls,
                name,
                "<ScanCodeInfo><ScanType>qrcode</ScanType><ScanResult>1</ScanResult></ScanCodeInfo>",
                {"scan_code_info": {"ScanType": "qrcode", "ScanResult": "1"}},
            )
            for cls, name in (
                (messages.ScanCodePush, "scancode_push"),
                (messages.ScanCodeWaitMsg, "scancode_waitmsg"),
            )
        ),
        *(
            (
                cls,
                name,
                (
                    "<SendPicsInfo><Count>1</Count><PicList><item><PicMd5Sum>a</PicMd5Sum></item>"
                    "</PicList></SendPicsInfo>"
                ),
                {
                    "send_pics_info": {
                        "Count": 1,
                        "PicList": [{"item": [{"PicMd5Sum": "a"}], "PicMd5Sum": ""}],
                    }
                },
            )
            for cls, name in (
                (messages.PicSysPhoto, "pic_sysphoto"),
                (messages.PicPhotoOrAlbum, "pic_photo_or_album"),
                (messages.PicWeixin, "pic_weixin"),
            )
        ),
        (
            messages.LocationSelect,
            "location_select",
            (
                "<SendLocationInfo><Location_X>23</Location_X><Location_Y>113</Location_Y><Scale>15</Scale>"
                "<Label>广州</Label><Poiname></Poiname></SendLocationInfo>"
            ),
            {
                "send_location_info": {
                    "Location_X": 23.0,
                    "Location_Y": 113.0,
                    "Scale": 15,
                    "Label": "广州",
                    "Poiname": "",
                }
            },
        ),
        (
            messages.TemplateSendJobFinish,
            "TEMPLATESENDJOBFINISH",
            "<MsgID>200163836</MsgID><Status>failed:user block</Status>",
            {"job_id": "200163836", "status": "failed:user block"},
        ),
        (
            messages.MassSendJobFinish,
            "MASSSENDJOBFINISH",
            (
                "<MsgID>1</MsgID><Status>send success</Status><TotalCount>100</TotalCount>"
                "<FilterCount>80</FilterCount><SentCount>75</SentCount><ErrorCount>5</ErrorCount>"
                "<CopyrightCheckResult><Count>1</Count><ResultList><item><ArticleIdx>1</ArticleIdx>"
                "<CanReprint>1</CanReprint></item></ResultList><CheckState>2</CheckState>"
                "</CopyrightCheckResult><ArticleUrlResult><Count>1</Count><ResultList><item>"
                "<ArticleIdx>1</ArticleIdx><ArticleUrl>u</ArticleUrl></item></ResultList></ArticleUrlResult>"
            ),
            {
                "job_id": "1",
                "status": "send success",
                "total_count": 100,
                "filter_count": 80,
                "sent_count": 75,
                "error_count": 5,
                "copyright_check_result": {
                    "Count": 1,
                    "ResultList": {
                        "item": [
                            {
                                "ArticleIdx": 1,
                                "UserDeclareState": 0,
                                "AuditState": 0,
                                "OriginalArticleUrl": "",
                                "OriginalArticleType": 0,
                                "CanReprint": 1,
                                "NeedReplaceContent": 0,
                                "NeedShowReprintSource": 0,
                            }
                        ]
                    },
                    "CheckState": 2,
                },
                "article_url_result": {
                    "Count": 1,
                    "ResultList": {"item": [{"ArticleIdx": 1, "ArticleUrl": "u"}]},
                },
            },
        ),
        (
            messages.PublishJobFinish,
            "PUBLISHJOBFINISH",
            (
                "<PublishEventInfo><publish_id>9</publish_id><publish_status>2</publish_status>"
                "<article_id>a</article_id><article_detail><count>1</count><item><idx>1</idx>"
                "<article_url>u</article_url></item></article_detail><fail_idx>1</fail_idx>"
                "<fail_idx>2</fail_idx></PublishEventInfo>"
            ),
            {
                "publish_event_info": {
                    "publish_id": "9",
                    "publish_status": 2,
                    "article_id": "a",
                    "article_detail": {"count": 1, "item": [{"idx": 1, "article_url": "u"}]},
                    "fail_idx": [1, 2],
                }
            },
        ),
        (
            messages.KfCreateSession,
            "kf_create_session",
            "<KfAccount>a@b</KfAccount>",
            {"kf_account": "a@b"},
        ),
        (
            messages.KfCloseSession,
            "kf_close_session",
            "<KfAccount>a@b</KfAccount>",
            {"kf_account": "a@b"},
        ),
        (
            messages.KfSwitchSession,
            "kf_switch_session",
            "<FromKfAccount>a</FromKfAccount><ToKfAccount>b</ToKfAccount>",
            {"from_kf_account": "a", "to_kf_account": "b"},
        ),
        *(
            (
                cls,
                name,
                "<OpenID>o</OpenID><AppID>a</AppID><RevokeInfo>202</RevokeInfo>",
                {"open_id": "o", "app_id": "a", "revoke_info": "202"},
            )
            for cls, name in (
                (messages.UserInfoModified, "user_info_modified"),
                (messages.UserAuthorizationRevoke, "user_authorization_revoke"),
                (messages.UserAuthorizationCancellation, "user_authorization_cancellation"),
            )
        ),
        *(
            (cls, name, "<ExpiredTime>1700000000</ExpiredTime>", {"expired_time": 1700000000})
            for cls, name in (
                (messages.QualificationVerifySuccess, "qualification_verify_success"),
                (messages.NamingVerifySuccess, "naming_verify_success"),
                (messages.AnnualRenew, "annual_renew"),
                (messages.VerifyExpired, "verify_expired"),
            )
        ),
        *(
            (
                cls,
                name,
                "<FailTime>1700000000</FailTime><FailReason>why</FailReason>",
                {"fail_time": 1700000000, "fail_reason": "why"},
            )
            for cls, name in (
                (messages.QualificationVerifyFail, "qualification_verify_fail"),
                (messages.NamingVerifyFail, "naming_verify_fail"),
            )
        ),
        (messages.CardPassCheck, "card_pass_check", "<CardId>c</CardId>", {"card_id": "c"}),
        (
            messages.CardNotPassCheck,
            "card_not_pass_check",
            "<CardId>c</CardId><RefuseReason>why</RefuseReason>",
            {"card_id": "c", "refuse_reason": "why"},
        ),
        (
            messages.UserGetCard,
            "user_get_card",
            CARD + "<IsGiveByFriend>1</IsGiveByFriend><FriendUserName>f</FriendUserName>"
            "<OuterStr>s</OuterStr><IsRestoreMemberCard>1</IsRestoreMemberCard>",
            IS_CARD
            | {
                "is_give_by_friend": 1,
                "friend_user_name": "f",
                "outer_str": "s",
                "is_restore_member_card": 1,
                "is_recommend_by_friend": 0,
            },
        ),
        (
            messages.UserGiftingCard,
            "user_gifting_card",
            CARD + "<IsChatRoom>1</IsChatRoom>",
            IS_CARD | {"is_chat_room": 1, "is_return_back": 0},
        ),
        (messages.UserDelCard, "user_del_card", CARD, IS_CARD),
        (
            messages.UserConsumeCard,
            "user_consume_card",
            CARD + "<StaffOpenId>s</StaffOpenId><RemarkAmount>1</RemarkAmount>",
            IS_CARD | {"staff_open_id": "s", "remark_amount": "1"},
        ),
        (
            messages.UserPayFromPayCell,
            "user_pay_from_pay_cell",
            CARD + "<TransId>t</TransId><Fee>100</Fee><OriginalFee>200</OriginalFee>",
            IS_CARD | {"trans_id": "t", "fee": "100", "original_fee": "200"},
        ),
        (messages.UserViewCard, "user_view_card", CARD, IS_CARD),
        (messages.UserEnterSessionFromCard, "user_enter_session_from_card", CARD, IS_CARD),
        (
            messages.UpdateMemberCard,
            "update_member_card",
            CARD + "<ModifyBonus>-5</ModifyBonus>",
            IS_CARD | {"modify_bonus": "-5"},
        ),
        (messages.CardSkuRemind, "card_sku_remind", "<Detail>d</Detail>", {"detail": "d"}),
        (messages.CardPayOrder, "card_pay_order", "<OrderId>1</OrderId>", {}),
        (messages.SubmitMemberCardUserInfo, "submit_membercard_user_info", CARD, IS_CARD),
        (Event, "wxa_media_check", "<trace_id>1</trace_id>", {}),
    ],
    ids=lambda value: value if isinstance(value, str) and "<" not in value else "",
)
def test_an_event_has_its_fields(
    cls: type[Event], name: str, inner: str, expected: dict[str, Any]
) -> None:
    made = event(name, inner)
    assert type(made) is cls
    assert (made.kind, made.event, made.msg_id) == ("event", name, "")
    own = {
        key: value for key, value in attributes(made).items() if key not in ("event", "event_key")
    }
    assert own == expected


@pytest.mark.parametrize(
    ("cls", "name", "inner", "first"),
    [
        (
            messages.SubscribeMsgPopupEvent,
            "subscribe_msg_popup_event",
            "<SubscribeStatusString>reject</SubscribeStatusString><PopupScene>1</PopupScene>",
            messages.Notice(template_id="t", subscribe_status_string="reject", popup_scene=1),
        ),
        (
            messages.SubscribeMsgChangeEvent,
            "subscribe_msg_change_event",
            "<SubscribeStatusString>reject</SubscribeStatusString>",
            messages.Notice(template_id="t", subscribe_status_string="reject"),
        ),
        (
            messages.SubscribeMsgSentEvent,
            "subscribe_msg_sent_event",
            "<MsgID>1</MsgID><ErrorCode>0</ErrorCode><ErrorStatus>success</ErrorStatus>",
            messages.Notice(template_id="t", job_id="1", error_status="success"),
        ),
    ],
)
def test_notices_are_a_list_however_many(
    cls: type[Event], name: str, inner: str, first: messages.Notice
) -> None:
    wrapper = cls.__name__
    for times in (1, 2):
        made = event(name, f"<{wrapper}>{NOTICE.format(inner) * times}</{wrapper}>")
        assert type(made) is cls
        assert getattr(made, name).entries == [first] * times


def test_the_event_location_is_not_the_message_location() -> None:
    assert type(event("LOCATION")) is messages.LocationReport
    assert type(message("location")) is messages.Location


@pytest.mark.parametrize(
    ("kind", "fields", "attribute", "value"),
    [
        ("text", {"CreateTime": "abc"}, "created", 0),
        ("text", {"CreateTime": "9" * 5000}, "created", 0),
        ("text", {"CreateTime": {"a": "b"}}, "created", 0),
        ("text", {"Content": {"a": "b"}}, "text", ""),
        ("text", {"MsgId": 5}, "msg_id", "5"),
        ("location", {"Location_X": "nan"}, "location_x", 0.0),
        ("location", {"Location_X": "1e400"}, "location_x", 0.0),
        ("location", {"Scale": ""}, "scale", 0),
        ("voice", {"Recognition": None}, "recognition", None),
        ("text", {"bizmsgmenuid": ""}, "bizmsgmenuid", None),
    ],
)
def test_a_value_that_does_not_fit_is_left_out_alone(
    kind: str, fields: dict[str, Any], attribute: str, value: object
) -> None:
    made = message(kind, **{"Label": "kept", "Content": "kept", **fields})
    assert getattr(made, attribute) == value
    if attribute != "text" and kind in ("text", "location"):
        assert "kept" in (getattr(made, "label", ""), getattr(made, "text", ""))
    assert made.raw.items() >= fields.items()


def test_a_nested_value_that_does_not_fit_leaves_its_neighbours() -> None:
    made = event(
        "pic_weixin",
        "<SendPicsInfo><Count>two</Count><PicList><item><PicMd5Sum>a</PicMd5Sum></item>"
        "<item>b</item></PicList></SendPicsInfo>",
    )
    assert isinstance(made, messages.PicWeixin)
    assert made.send_pics_info.count == 0
    assert made.send_pics_info.pic_md5_sums == ["a"]


def test_many_values_that_do_not_fit_cost_their_field() -> None:
    items = "<item>b</item>" * 100
    made = event(
        "pic_weixin", f"<SendPicsInfo><PicList>{items}</PicList></SendPicsInfo><Ticket>t</Ticket>"
    )
    assert isinstance(made, messages.PicWeixin)
    assert made.send_pics_info == messages.SendPicsInfo()


@pytest.mark.parametrize("field", ["FromUserName", "MsgType"])
@pytest.mark.parametrize("value", [None, "", 5, {"a": "b"}])
def test_a_message_without_user_or_type_is_none(field: str, value: object) -> None:
    fields = {**COMMON, "MsgType": "text", field: value}
    with pytest.raises(BadMessage, match=field):
        from_fields(fields)
    del fields[field]
    with pytest.raises(BadMessage, match=field):
        from_fields(fields)


def test_raw_fields_make_the_same_message_again_after_json() -> None:
    made = message("text", Content="你好", Future={"item": ["1"]})
    stored = msgspec.json.decode(msgspec.json.encode(made.raw))
    assert from_fields(stored) == made


def test_a_message_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        message("text", Content="a").user = "other"  # type: ignore[misc]


def test_kinds_can_be_read_on_the_class() -> None:
    assert [cls.kind for cls in (messages.Text, messages.Scan, messages.File)] == [
        "text",
        "event",
        "file",
    ]


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_kinds", dict(base._kinds))
    monkeypatch.setattr(base, "_events", dict(base._events))


def test_a_user_registers_his_own_event_in_three_lines() -> None:
    @register(event="Bar_Event")
    class Bar(Event, frozen=True):
        bar_count: int = 0

    made = event("bar_event", "<BarCount>3</BarCount>")
    assert type(made) is Bar
    assert made.bar_count == 3


def test_a_user_registers_his_own_message_type() -> None:
    @register(kind="foo")
    class Foo(Message, frozen=True):
        foo_id: str = ""

    assert message("FOO").kind == Foo.kind == "foo"
    assert message("FOO", FooId="1") == Foo(
        user=USER,
        account=ACCOUNT,
        created=1700000001,
        msg_id="24000000000000001",
        raw=message("FOO", FooId="1").raw,
        foo_id="1",
    )


def test_a_class_is_of_one_kind() -> None:
    @register(kind="foo")
    class Foo(Message, frozen=True):
        pass

    with pytest.raises(TypeError, match="Foo is of kind 'foo'"):
        register(kind="bar")(Foo)
    assert type(message("bar")) is messages.Unknown


def test_a_known_event_can_be_extended_and_not_replaced() -> None:
    @register(event="scan")
    class MyScan(messages.Scan, frozen=True):
        extra: str = ""

    assert type(event("SCAN", "<Extra>1</Extra>")) is MyScan
    with pytest.raises(TypeError, match="derive"):

        @register(event="scan")
        class Other(Event, frozen=True):
            pass


@pytest.mark.parametrize("names", [{}, {"kind": "a", "event": "b"}])
def test_a_registration_names_one_thing(names: dict[str, str]) -> None:
    with pytest.raises(TypeError, match="either"):
        register(**names)


def test_an_event_must_be_an_event() -> None:
    with pytest.raises(TypeError, match=r"messages\.Event"):
        register(event="x")(messages.Text)

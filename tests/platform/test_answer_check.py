"""Every rule of protocol reference 5 broken once, and everything it allows taken."""

from __future__ import annotations

import pytest

from wechat_dialog.core.wire import xml
from wechat_dialog.platform.answer_check import Broken, judge
from wechat_dialog.platform.display import show

USER, ACCOUNT = "oUser", "gh_account"
HEAD = {"ToUserName": USER, "FromUserName": ACCOUNT, "CreateTime": 1_700_000_000}
ARTICLE = {"Title": "t", "Description": "", "PicUrl": "", "Url": "https://example.com/"}


def reply(kind: str, **fields: object) -> bytes:
    """A reply as a right server writes it, and then `fields`."""
    return xml.build({**HEAD, "MsgType": kind, **fields}).encode()


def news(count: object, *items: dict[str, str]) -> bytes:
    return reply("news", ArticleCount=count, Articles={"item": list(items)})


def without(name: str) -> bytes:
    fields = {**HEAD, "MsgType": "text", "Content": "a"}
    del fields[name]
    return xml.build(fields).encode()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(reply("text", Content="a"), id="text"),
        pytest.param(reply("text", Content="中" * 682 + "ab"), id="text of 2048 bytes"),
        pytest.param(reply("text", Content="a]]>b&<c>"), id="text with markup"),
        pytest.param(b"<?xml version='1.0'?>\n" + reply("text", Content="a"), id="declaration"),
        pytest.param(reply("text", Content="a").replace(b"><", b">\n  <"), id="white space"),
        pytest.param(reply("text", Content="a", FuncFlag=0), id="a field too many"),
        pytest.param(reply("image", Image={"MediaId": "m"}), id="image"),
        pytest.param(reply("voice", Voice={"MediaId": "m"}), id="voice"),
        pytest.param(reply("video", Video={"MediaId": "m"}), id="video without title"),
        pytest.param(reply("music", Music={"ThumbMediaId": "m"}), id="music without title"),
        pytest.param(reply("music", Music={"MusicUrl": "u"}), id="music without a cover"),
        pytest.param(news(1, ARTICLE), id="an article"),
        pytest.param(news(9, *[ARTICLE] * 9), id="more articles than are shown"),
        pytest.param(reply("transfer_customer_service"), id="to any agent"),
        pytest.param(
            reply("transfer_customer_service", TransInfo={"KfAccount": "a@b"}), id="to an agent"
        ),
    ],
)
def test_what_the_platform_allows_is_taken(body: bytes) -> None:
    assert judge(body, USER, ACCOUNT)["ToUserName"] == USER


@pytest.mark.parametrize("body", [b"", b"success"])
def test_no_reply_shows_nothing(body: bytes) -> None:
    assert judge(body, USER, ACCOUNT) == {}
    assert show({}).text == ""


@pytest.mark.parametrize(
    ("body", "rule", "why"),
    [
        pytest.param(b"Success", "5.3", "no XML", id="success with a capital"),
        pytest.param(b"success\n", "5.3", "no XML", id="success and a line feed"),
        pytest.param(b'"success"', "5.3", "no XML", id="success as JSON"),
        pytest.param(b'{"Content": "a"}', "5.3", "no XML", id="JSON"),
        pytest.param(b"<html><p>a<br></html>", "5.3", "no XML", id="HTML"),
        pytest.param(b"<xml></xml>", "5.3", "no fields", id="nothing in it"),
        pytest.param(reply("text", Content="a")[:-1], "5.3", "no XML", id="cut off"),
        pytest.param(
            reply("text", Content="a").replace(b"[a]", b"[\x02a]"), "5.3", "no XML", id="control"
        ),
        pytest.param(
            b"<!DOCTYPE xml>" + reply("text", Content="a"), "5.3", "DOCTYPE", id="DOCTYPE"
        ),
        pytest.param(reply("text", Content="a" * 70_000), "5.3", "bytes of XML", id="enormous"),
        pytest.param(
            reply("text", Content="a").replace(b"xml>", b"root>"), "5.1", "'root'", id="root"
        ),
        pytest.param(without("ToUserName"), "5.1", "ToUserName is None", id="nobody"),
        pytest.param(without("FromUserName"), "5.1", "FromUserName is None", id="from nobody"),
        pytest.param(without("CreateTime"), "5.1", "CreateTime is None", id="no time"),
        pytest.param(without("MsgType"), "5.1", "MsgType is None", id="no type"),
        pytest.param(
            reply("text", Content="a", ToUserName=ACCOUNT), "5.1", "user's OpenID", id="to itself"
        ),
        pytest.param(
            reply("text", Content="a", FromUserName="wx01"), "5.1", "original id", id="from AppID"
        ),
        pytest.param(
            reply("text", Content="a", CreateTime="now"), "5.1", "CreateTime is 'now'", id="time"
        ),
        pytest.param(
            reply("link", Url="a"), "5.1", "no kind of reply", id="a kind only users send"
        ),
        pytest.param(reply("Text", Content="a"), "5.1", "no kind of reply", id="kind's case"),
        pytest.param(reply("text"), "5.2", "empty", id="no content"),
        pytest.param(reply("text", Content=""), "5.2", "empty", id="empty content"),
        pytest.param(reply("text", Content=" \n"), "5.2", "empty", id="blank content"),
        pytest.param(reply("text", content="a"), "5.2", "empty", id="tag's case"),
        pytest.param(reply("text", Content="中" * 683), "5.2", "2049 bytes", id="2049 bytes"),
        pytest.param(reply("image"), "5.1", "Image has no MediaId", id="no image"),
        pytest.param(reply("image", MediaId="m"), "5.1", "Image has no MediaId", id="outside"),
        pytest.param(reply("voice", Voice={"MediaId": ""}), "5.1", "Voice has no", id="no voice"),
        pytest.param(reply("video", Video={"Title": "t"}), "5.1", "Video has no", id="no video"),
        pytest.param(reply("music"), "5.1", "Music has nothing", id="no music"),
        pytest.param(
            reply("music", Music={"MusicUrl": "u", "ThumbMediaId": ""}),
            "5.1",
            "an empty ThumbMediaId",
            id="an empty cover",
        ),
        pytest.param(reply("news", ArticleCount=1), "5.1", "no item", id="no articles"),
        pytest.param(reply("news", Articles={"item": [ARTICLE]}), "5.1", "is None", id="no count"),
        pytest.param(news(2, ARTICLE), "5.1", "there are 1", id="wrong count"),
        pytest.param(news("x", ARTICLE), "5.1", "'x'", id="count is no number"),
        pytest.param(
            news(2, ARTICLE, {"Title": "t", "Url": "u"}),
            "5.1",
            "item 2 has no Description, PicUrl",
            id="half an article",
        ),
    ],
)
def test_a_broken_rule_is_named(body: bytes, rule: str, why: str) -> None:
    with pytest.raises(Broken) as broken:
        judge(body, USER, ACCOUNT)
    assert broken.value.rule == rule
    assert why in broken.value.why
    assert str(broken.value).endswith(f"(protocol reference {rule})")


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        (reply("text", Content="a\nb /::) [旺柴]"), "a\nb /::) [旺柴]"),
        (reply("text", Content='看<a href="https://a/?b=1&c=2">这里</a>'), "看这里"),
        (reply("text", Content="<A class='x' HREF='https://a'>这里</A>"), "这里"),
        (reply("text", Content='<a href="https://a">没完'), '<a href="https://a">没完'),
        (reply("text", Content="<b>粗</b>"), "<b>粗</b>"),
        (reply("image", Image={"MediaId": "m"}), "[图片] m"),
        (reply("voice", Voice={"MediaId": "m"}), "[语音] m"),
        (reply("video", Video={"MediaId": "m", "Title": "t"}), "[视频] t"),
        (reply("music", Music={"ThumbMediaId": "m"}), "[音乐] m"),
        (news(1, ARTICLE), "[图文] t https://example.com/"),
        (news(1, {**ARTICLE, "Url": ""}), "[图文] t"),
        (reply("transfer_customer_service"), "[转接人工客服]"),
    ],
)
def test_a_reply_is_shown_in_words(body: bytes, seen: str) -> None:
    assert show(judge(body, USER, ACCOUNT)).text == seen


@pytest.mark.parametrize(("to_event", "lines"), [(False, 1), (True, 8)])
def test_articles_beyond_the_limit_are_dropped(to_event: bool, lines: int) -> None:
    taken = judge(news(9, *[ARTICLE] * 9), USER, ACCOUNT)
    assert len(show(taken, to_event=to_event).text.splitlines()) == lines


@pytest.mark.parametrize(
    ("href", "sent"),
    [
        ("weixin://bizmsgmenu?msgmenucontent=查询&msgmenuid=1", "查询"),
        ("weixin://bizmsgmenu?msgmenuid=1&msgmenucontent=查询", "查询"),
        ("weixin://bizmsgmenu?msgmenucontent=a%2526b&msgmenuid=1", "a&b"),
        ("weixin://bizmsgmenu?msgmenucontent=a+b&msgmenuid=1", "a b"),
        ("weixin://bizmsgmenu?msgmenucontent=a%252Bb&msgmenuid=1", "a+b"),
        ("weixin://bizmsgmenu?msgmenucontent=查询", None),
        ("weixin://bizmsgmenu?msgmenucontent=查询&msgmenuid=", None),
        ("weixin://bizmsgmenu?msgmenucontent=&msgmenuid=1", None),
        ("https://example.com/?msgmenucontent=a&msgmenuid=1", None),
    ],
)
def test_tapping_a_link_sends_what_the_phone_would_send(href: str, sent: str | None) -> None:
    shown = show(judge(reply("text", Content=f'要<a href="{href}">点</a>'), USER, ACCOUNT))
    assert shown.text == "要点"
    assert shown.taps == ({} if sent is None else {"点": sent})

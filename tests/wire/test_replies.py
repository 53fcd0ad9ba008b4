"""What bots answer, and the exact bytes of it: protocol reference 5.1 and 5.2."""

from __future__ import annotations

import logging

import msgspec
import pytest

from tests.wire import vectors
from wechat_dialog import messages, replies
from wechat_dialog.core.wire import json, xml
from wechat_dialog.core.wire.render import render
from wechat_dialog.messages import Message
from wechat_dialog.replies import Article, News, Reply, to_reply
from wechat_dialog.replies.stored import decode_reply, encode_reply

TEXT = messages.Text(user=vectors.USER, account=vectors.ACCOUNT, text="a")
EVENT = messages.Click(user=vectors.USER, account=vectors.ACCOUNT, event="CLICK", event_key="k")
HEAD = (
    "<xml><ToUserName><![CDATA[oDemoOpenId0123456789abcdefgh]]></ToUserName>"
    "<FromUserName><![CDATA[gh_0123456789ab]]></FromUserName><CreateTime>1700000002</CreateTime>"
)
ONE = Article("t", "d", "https://example.com/p.jpg", "https://example.com/")


@pytest.mark.parametrize(
    ("reply", "own"),
    [
        (
            replies.Text("收到"),
            "<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[收到]]></Content>",
        ),
        (
            replies.Image("media_demo_1"),
            (
                "<MsgType><![CDATA[image]]></MsgType>"
                "<Image><MediaId><![CDATA[media_demo_1]]></MediaId></Image>"
            ),
        ),
        (
            replies.Voice("media_demo_2"),
            (
                "<MsgType><![CDATA[voice]]></MsgType>"
                "<Voice><MediaId><![CDATA[media_demo_2]]></MediaId></Voice>"
            ),
        ),
        (
            replies.Video("media_demo_3", "t", "d"),
            (
                "<MsgType><![CDATA[video]]></MsgType><Video><MediaId><![CDATA[media_demo_3]]></MediaId>"
                "<Title><![CDATA[t]]></Title><Description><![CDATA[d]]></Description></Video>"
            ),
        ),
        (
            replies.Video("media_demo_3"),
            (
                "<MsgType><![CDATA[video]]></MsgType>"
                "<Video><MediaId><![CDATA[media_demo_3]]></MediaId></Video>"
            ),
        ),
        (
            replies.Music(
                "thumb_demo", "t", "d", "https://example.com/a.mp3", "https://example.com/a-hq.mp3"
            ),
            (
                "<MsgType><![CDATA[music]]></MsgType><Music><Title><![CDATA[t]]></Title>"
                "<Description><![CDATA[d]]></Description>"
                "<MusicUrl><![CDATA[https://example.com/a.mp3]]></MusicUrl>"
                "<HQMusicUrl><![CDATA[https://example.com/a-hq.mp3]]></HQMusicUrl>"
                "<ThumbMediaId><![CDATA[thumb_demo]]></ThumbMediaId></Music>"
            ),
        ),
        (
            # An account that may upload nothing has no cover; an empty element is a fault.
            replies.Music(music_url="https://example.com/a.mp3"),
            (
                "<MsgType><![CDATA[music]]></MsgType><Music>"
                "<MusicUrl><![CDATA[https://example.com/a.mp3]]></MusicUrl></Music>"
            ),
        ),
        (
            News([ONE]),
            (
                "<MsgType><![CDATA[news]]></MsgType><ArticleCount>1</ArticleCount><Articles><item>"
                "<Title><![CDATA[t]]></Title><Description><![CDATA[d]]></Description>"
                "<PicUrl><![CDATA[https://example.com/p.jpg]]></PicUrl>"
                "<Url><![CDATA[https://example.com/]]></Url></item></Articles>"
            ),
        ),
        (
            replies.Transfer("agent1@demo"),
            (
                "<MsgType><![CDATA[transfer_customer_service]]></MsgType>"
                "<TransInfo><KfAccount><![CDATA[agent1@demo]]></KfAccount></TransInfo>"
            ),
        ),
        (replies.Transfer(), "<MsgType><![CDATA[transfer_customer_service]]></MsgType>"),
    ],
)
def test_a_reply_is_the_references_bytes(reply: Reply, own: str) -> None:
    assert render(reply, TEXT, now=1700000002) == f"{HEAD}{own}</xml>"


@pytest.mark.parametrize(
    ("to", "given", "shown"),
    [(TEXT, 3, 1), (TEXT, 1, 1), (EVENT, 3, 3), (EVENT, 8, 8), (EVENT, 12, 8)],
)
def test_articles_beyond_the_limit_are_dropped_and_told(
    to: Message, given: int, shown: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    body = render(News([Article(f"t{n}") for n in range(given)]), to, now=0)
    assert body is not None
    assert body.count("<item>") == shown
    assert f"<ArticleCount>{shown}</ArticleCount>" in body
    assert f"t{shown - 1}]" in body
    assert [record.levelname for record in caplog.records] == ["WARNING"] * (given > shown)


def test_a_text_that_is_too_long_is_cut_and_told(caplog: pytest.LogCaptureFixture) -> None:
    whole = "中" * 682  # 2046 bytes
    assert whole in (render(replies.Text(whole), TEXT, now=0) or "")
    assert not caplog.records
    cut = render(replies.Text(whole + "文"), TEXT, now=0) or ""
    assert whole in cut
    assert "文" not in cut
    assert "1 further part" in caplog.text
    assert "中" not in caplog.text


@pytest.mark.parametrize("as_json", [False, True])
def test_every_text_of_a_reply_is_cleaned_and_contained(as_json: bool) -> None:
    body = render(News([Article("a]]\x00>b\ud800")]), EVENT, now=0, as_json=as_json)
    assert body is not None
    fields = json.parse(body.encode()) if as_json else xml.parse(body.encode())
    assert fields["Articles"]["item"][0]["Title"] == "a]]>b"


@pytest.mark.parametrize("content", ["", " \n", "\u3000", "\x00 \x0b"])
def test_a_blank_text_is_not_rendered(content: str) -> None:
    assert render(replies.Text(content), TEXT, now=0) is None


REPLIES: list[Reply] = [
    replies.Text("a"),
    replies.Image("m"),
    replies.Voice("m"),
    replies.Video("m", "t"),
    replies.Music("m"),
    News([ONE, Article("u")]),
    replies.Transfer("a@b"),
]


@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: type(reply).__name__)
def test_a_reply_survives_json(reply: Reply) -> None:
    assert msgspec.json.decode(msgspec.json.encode(reply), type=Reply) == reply


@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: type(reply).__name__)
def test_a_reply_is_its_own_reply(reply: Reply) -> None:
    assert to_reply(reply) == reply


@pytest.mark.parametrize("value", [None, "", " \n", "\u3000", replies.Text(""), replies.Text(" ")])
def test_nothing_to_see_is_no_reply(value: object) -> None:
    assert to_reply(value) is None


def test_a_str_is_a_text() -> None:
    assert to_reply(" a ") == replies.Text(" a ")


@pytest.mark.parametrize("value", [b"a", 5, [], ["a"], ONE, TEXT, {"type": "text"}])
def test_anything_else_is_an_error_that_names_what_is_allowed(value: object) -> None:
    with pytest.raises(TypeError, match=r"str.*Text, .*Image.*None"):
        to_reply(value)


def test_news_without_articles_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        News([])


@pytest.mark.parametrize(
    ("reply", "stored"),
    [
        (replies.Text('你好"\n'), '"你好\\"\\n"'.encode()),
        (replies.Text(""), b'""'),
        (replies.Image("m"), b'{"type":"image","media_id":"m"}'),
        (None, b"null"),
    ],
)
def test_a_reply_is_stored_as_little_and_comes_back(reply: Reply | None, stored: bytes) -> None:
    assert encode_reply(reply) == stored
    assert decode_reply(stored) == reply


def test_a_text_that_an_earlier_version_stored_is_read() -> None:
    assert decode_reply('{"type":"text","content":"你好"}'.encode()) == replies.Text("你好")

"""What a user sees: texts cut into parts, for every face of the platform."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechat_dialog.platform import emoticons
from wechat_dialog.platform.display import Article, Part, Tap, parts_of, plain_parts, show, text_of

TAP = '<a href="weixin://bizmsgmenu?msgmenucontent={}&msgmenuid={}">点</a>'


def link(url: str) -> Part:
    return Part(url, url)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("你好\n第二行", [Part("你好\n第二行")]),
        (
            "看<a href='https://a/?x=1&y=2'>这里</a>。",
            [Part("看"), Part("这里", "https://a/?x=1&y=2"), Part("。")],
        ),
        ('<A target="_blank" HREF="http://a/">甲</A>', [Part("甲", "http://a/")]),
        ("到 https://a.com/b?c=d。", [Part("到 "), link("https://a.com/b?c=d"), Part("。")]),
        ("(http://a.com)", [Part("("), link("http://a.com"), Part(")")]),
        ("<b>粗</b>", [Part("<b>粗</b>")]),
        ("<a href='http://a/'>没完", [Part("<a href='"), link("http://a/"), Part("'>没完")]),
        ("<a name='x'>甲</a>", [Part("<a name='x'>甲</a>")]),
        ("<a data-href='http://a/' x>甲</a>", None),
        ("<a href='javascript:alert(1)'>甲</a>", [Part("甲")]),
        ("<a href=' JavaScript:alert(1)'>甲</a>", [Part("甲")]),
        (TAP.format("查", "101"), [Part("点", tap=Tap("查", "101"))]),
        (TAP.format("%25E6%259F%25A5+a", "x"), [Part("点", tap=Tap("查 a", "x"))]),
        (TAP.format("查", ""), [Part("点")]),
        (TAP.format("", "1"), [Part("点")]),
        ("好/::)的", [Part("好"), Part("/::)", emoticon="微笑"), Part("的")]),
        ("/::D/::d", [Part("/::D", emoticon="呲牙"), Part("/::d", emoticon="白眼")]),
        ("/:,@@/:@@", [Part("/:,@@", emoticon="晕"), Part("/:@@", emoticon="拳头")]),
        ("[旺柴][不是表情]", [Part("[旺柴]", emoticon="旺柴"), Part("[不是表情]")]),
        ("/::<", [Part("/::<", emoticon="流泪")]),
    ],
)
def test_a_text_is_cut_into_what_is_read_linked_and_drawn(
    text: str, parts: list[Part] | None
) -> None:
    found = parts_of(text)
    if parts is None:
        assert not any(part.href and part.text == "甲" for part in found)
    else:
        assert list(found) == parts


def test_what_people_write_is_never_a_link_but_for_bare_addresses() -> None:
    text = "<a href='https://a/'>甲</a>"
    assert [part.text for part in plain_parts(text) if part.href] == []
    assert text_of(plain_parts(text)) == text


@given(st.text(st.sampled_from("<a href='http://x'>y</a>/::)[微笑] \n&"), max_size=80))
def test_nothing_of_a_users_text_gets_lost(text: str) -> None:
    assert text_of(plain_parts(text)) == text


@given(st.text(max_size=200))
def test_any_text_of_an_account_can_be_shown(text: str) -> None:
    for part in parts_of(text):
        assert not part.href or not part.href.lower().startswith("javascript")


@pytest.mark.parametrize("code", emoticons.CODES)
def test_every_code_is_drawn_by_its_own_name(code: str) -> None:
    assert parts_of(f"甲{code}乙")[1] == Part(code, emoticon=emoticons.CODES[code])


def test_a_news_reply_shows_one_article_to_a_message_and_eight_to_an_event() -> None:
    item = {"Title": "题", "Description": "要", "PicUrl": "p", "Url": "u"}
    reply = {"MsgType": "news", "Articles": {"item": [item] * 9}}
    assert show(reply).articles == (Article("题", "要", "p", "u"),)
    assert len(show(reply, to_event=True).articles) == 8

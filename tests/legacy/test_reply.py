"""Reply objects write the XML the platform reads, whatever a dialog or a user put into them."""

from __future__ import annotations

import time
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wechat.bot
from tests.legacy.pushes import module_of, push, shown, talker
from wechat import reply
from wechat_dialog import replies
from wechat_dialog.core.wire import xml
from wechat_dialog.messages import from_fields

TO = from_fields({"FromUserName": "ada", "ToUserName": "gh", "MsgType": "text"})

BEGAN = time.time()
ARTICLE = {"title": "t", "description": "d", "url": "u"}


@pytest.mark.parametrize(
    ("made", "kind", "own"),
    [
        (reply.TextMsg("ada", "gh", "hello"), "text", "<Content><![CDATA[hello]]></Content>"),
        (
            reply.ImageMsg("ada", "gh", "m"),
            "image",
            "<Image><MediaId><![CDATA[m]]></MediaId></Image>",
        ),
        (
            reply.NewsMsg("ada", "gh", [ARTICLE, {**ARTICLE, "pic_url": "p"}]),
            "news",
            "<ArticleCount>2</ArticleCount><Articles>"  # noqa: ISC004 - one text
            "<item><Title><![CDATA[t]]></Title><Description><![CDATA[d]]></Description>"
            "<PicUrl><![CDATA[]]></PicUrl><Url><![CDATA[u]]></Url></item>"
            "<item><Title><![CDATA[t]]></Title><Description><![CDATA[d]]></Description>"
            "<PicUrl><![CDATA[p]]></PicUrl><Url><![CDATA[u]]></Url></item></Articles>",
        ),
    ],
)
def test_a_reply_is_written_as_the_platform_reads_it(made: reply.Msg, kind: str, own: str) -> None:
    fields = vars(made)
    assert BEGAN - 1 <= fields["CreateTime"] <= time.time()
    assert made.format() == (
        "<xml><ToUserName><![CDATA[ada]]></ToUserName><FromUserName><![CDATA[gh]]></FromUserName>"
        f"<CreateTime>{fields['CreateTime']}</CreateTime><MsgType><![CDATA[{kind}]]></MsgType>"
        f"{own}</xml>"
    )
    assert made.format() == made.format()
    assert "ada" in repr(made)


def test_no_reply_is_the_word_success() -> None:
    assert reply.of(None, TO).format() == reply.Msg().format() == "success"


def test_an_article_handed_in_is_left_as_it_was() -> None:
    article = dict(ARTICLE)
    reply.NewsMsg("ada", "gh", [article]).format()
    assert article == ARTICLE


@pytest.mark.parametrize("missing", ["title", "description", "url"])
def test_an_article_without_a_field_is_an_error(missing: str) -> None:
    article = {name: text for name, text in ARTICLE.items() if name != missing}
    with pytest.raises(KeyError, match=missing):
        reply.NewsMsg("ada", "gh", [article]).format()


def test_what_2017_did_not_know_is_an_error() -> None:
    with pytest.raises(TypeError, match="Voice"):
        reply.of(replies.Voice("m"), TO)


@given(st.text(alphabet=st.characters(codec=None), max_size=50))
def test_no_text_breaks_out_of_its_field(text: str) -> None:
    root = ET.fromstring(reply.TextMsg(text, text, text).format())
    assert [child.tag for child in root] == [
        "ToUserName", "FromUserName", "CreateTime", "MsgType", "Content"
    ]  # fmt: skip
    assert (root.findtext("Content") or "") == xml.clean(text).replace("\r\n", "\n").replace(
        "\r", "\n"
    )


ECHO = """
    def echo(to_user):
        yield None
        said, is_replay = yield None
        while True:
            said, is_replay = yield ('TextMsg', 'you: ' + said)

    def spell(to_user):
        yield None
        yield None
        return ('TextMsg', 'a\\x00b\\x0b\\ud800c')

    ROUTER = {'text': [('^spell$', 'spell'), ('', 'echo')]}
"""


@pytest.mark.parametrize("text", ["a]]>b", "<b>&amp;</b>", "]]]]>>", "%(x)s {y} \\0", "𝄞😀"])
def test_what_a_user_writes_comes_back_unharmed(text: str) -> None:
    module = module_of(ECHO)
    safe = text.replace("]]>", "]]]]><![CDATA[>")
    for _ in range(2):
        assert shown(wechat.bot.answer(push("u", safe), module).format()) == f"you: {text}"


@pytest.mark.parametrize("control", ["\x00", "\x0b", "\x1f", "&#0;", "\ufffe"])
def test_a_control_character_from_a_user_does_no_harm(control: str) -> None:
    body = push("u", f"a{control}b")
    if control.startswith("&"):
        body = body.replace(f"<![CDATA[a{control}b]]>", f"a{control}b")
    assert shown(wechat.bot.answer(body, module_of(ECHO)).format()) == "you: ab"


def test_what_xml_forbids_is_left_out_of_what_a_dialog_says() -> None:
    assert talker(module_of(ECHO))("spell") == "abc"


def test_a_text_too_long_for_one_reply_comes_in_parts() -> None:
    module = module_of("""
        def long(to_user):
            yield None
            yield None
            return ('TextMsg', '长' * 1000)

        ROUTER = {'text': [('^long$', 'long')]}
    """)
    say = talker(module)
    first, second = say("long"), say("继续")
    assert first.count("长") + second.count("长") == 1000
    assert len(first.encode()) <= 2047

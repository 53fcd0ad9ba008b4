"""Reading and writing XML: protocol reference 8."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.wire import vectors
from wechat_dialog.core.wire import xml
from wechat_dialog.errors import BadMessage, TooLarge


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        pytest.param("<xml><A>1</A></xml>", {"A": "1"}, id="plain text"),
        pytest.param("<xml><A><![CDATA[1]]></A></xml>", {"A": "1"}, id="CDATA"),
        pytest.param(
            "<xml><Content>a<![CDATA[b]]>c<![CDATA[]]]]><![CDATA[>]]></Content></xml>",
            {"Content": "abc]]>"},
            id="pieces are joined",
        ),
        pytest.param(
            "<xml><A></A><B/><C><![CDATA[]]></C></xml>", dict.fromkeys("ABC", ""), id="empty"
        ),
        pytest.param("<xml><A x='1'>2</A></xml>", {"A": "2"}, id="attributes are ignored"),
        pytest.param("<xml>a<A>1</A>b</xml>", {"A": "1"}, id="text between elements is ignored"),
        pytest.param("<xml><!-- b --><A>1</A><?pi?></xml>", {"A": "1"}, id="comments are ignored"),
        pytest.param("<xml><A>1</A><A>2</A></xml>", {"A": "2"}, id="the last of a name counts"),
        pytest.param("<xml><A> &lt;&#20013; </A></xml>", {"A": "<中"}, id="references"),
        pytest.param("<a><b><c><d>1</d></c></b></a>", {"b": {"c": {"d": "1"}}}, id="nested"),
        pytest.param(
            "<xml><L><item><A>1</A></item></L></xml>",
            {"L": {"item": [{"A": "1"}]}},
            id="one item is a list",
        ),
        pytest.param("<xml><L><item/></L></xml>", {"L": {"item": []}}, id="an empty item is none"),
        pytest.param(
            "<xml><item>1</item><item>2</item></xml>", {"item": ["1", "2"]}, id="items of text"
        ),
    ],
)
def test_a_body_is_its_fields(body: str, fields: dict[str, Any]) -> None:
    assert xml.parse(body.encode()) == fields


@pytest.mark.parametrize(
    ("element", "text"),
    [
        ("<Content>\n<![CDATA[ a ]]>\n</Content>", " a "),
        ("<Content><![CDATA[\n]]></Content>", "\n"),
        ("<Content> a </Content>", " a "),
        ("<Content> <![CDATA[a]]> <![CDATA[b]]> </Content>", "a b"),
        ("<Content> a <![CDATA[ b]]></Content>", "a  b"),
        ("<EventKey> <![CDATA[ a ]]> </EventKey>", " a "),
        ("<EventKey>\na\n</EventKey>", "a"),
        ("<Content>\u3000<![CDATA[a]]>\u3000</Content>", "\u3000a\u3000"),
        ("<MsgId> <![CDATA[ 1 ]]> </MsgId>", "1"),
    ],
)
def test_white_space_is_the_users_where_the_user_wrote_it(element: str, text: str) -> None:
    fields = xml.parse(f"<xml>{element}<A> 1 </A></xml>".encode())
    assert list(fields.values()) == [text, "1"]


@pytest.mark.parametrize(
    "prefix",
    [
        b"\xef\xbb\xbf",
        b'<?xml version="1.0" encoding="gbk"?>',
        b"\xef\xbb\xbf<?xml version='1.0'?>",
        b"\n ",
    ],
)
def test_a_mark_and_a_declaration_change_nothing(prefix: bytes) -> None:
    assert xml.parse(prefix + "<xml><A>中</A></xml>".encode()) == {"A": "中"}


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        pytest.param(b"<![CDATA[a\x00b\x0bc\x1f]]>", "abc", id="control characters"),
        pytest.param(b"a&#0;b&#x1F;c&#xFFFE;d&#55296;", "abcd", id="references to them"),
        pytest.param(b"<![CDATA[&#0;\x01]]>", "&#0;", id="a reference in CDATA is text"),
        pytest.param(b"a&#00000000000000065;&#0;", "aA", id="leading zeros"),
        pytest.param(b"a&#" + b"9" * 9999 + b";", "a", id="a number beyond everything"),
        pytest.param("\ufffe中\uffff".encode(), "中", id="U+FFFE and U+FFFF"),
        pytest.param(b"a\xff\xfe", "a\ufffd\ufffd", id="no UTF-8"),
        pytest.param(b"\xed\xa0\x80a", "\ufffd\ufffd\ufffda", id="a surrogate"),
    ],
)
def test_what_xml_forbids_is_repaired(inside: bytes, text: str) -> None:
    assert xml.parse(b"<xml><Content>" + inside + b"</Content></xml>") == {"Content": text}


DOCTYPE = '<!DOCTYPE xml [<!ENTITY a "b">]><xml><A>&a;</A></xml>'


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<xml/>", id="no fields"),
        pytest.param(b"<item><A>1</A></item>", id="a list as root"),
        pytest.param(b"<xml><A>1</xml>", id="not closed"),
        pytest.param(b"<xml><A>1</A></xml><xml/>", id="two documents"),
        pytest.param(b"<xml><A>&b;</A></xml>", id="an undeclared entity"),
        pytest.param(DOCTYPE.encode(), id="a DOCTYPE"),
        pytest.param(DOCTYPE.encode("utf-16"), id="a DOCTYPE in UTF-16"),
        pytest.param(b"\x01" + DOCTYPE.encode(), id="a DOCTYPE after a repair"),
        pytest.param(b"<!DOCTYPE xml SYSTEM 'file:///etc/passwd'><xml><A/></xml>", id="a file"),
        pytest.param(b"<a>" * 18 + b"</a>" * 18, id="too deep"),
    ],
)
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(BadMessage):
        xml.parse(body)


def test_64_kib_are_read_and_one_byte_more_is_refused() -> None:
    body = b"<xml><A>" + b"a" * (xml.MAX_BYTES - 18) + b"</A></xml>"
    assert len(xml.parse(body)["A"]) == xml.MAX_BYTES - 18
    assert len(body) == xml.MAX_BYTES
    with pytest.raises(TooLarge):
        xml.parse(body + b"\n")


def test_a_long_text_with_outer_white_space_is_whole() -> None:
    # Longer than expat's buffer, so that the text comes in pieces.
    text = " " + "中 " * 9000
    assert xml.parse(f"<xml><Content><![CDATA[{text}]]></Content></xml>".encode()) == {
        "Content": text
    }


def _normal(text: str) -> str:
    """The text as XML hands it on: cleaned, line ends as LF."""
    return xml.clean(text).replace("\r\n", "\n").replace("\r", "\n")


@given(st.text(st.characters(codec=None)))
def test_any_text_survives_in_content(text: str) -> None:
    body = xml.build({"Content": text}).encode()
    assert xml.parse(body) == {"Content": _normal(text)}


names = st.sampled_from(["A", "B", "Content", "c_d"])
texts = st.text(st.characters(codec="utf-8")).map(lambda text: _normal(text).strip(" \t\r\n"))
trees = st.recursive(
    st.dictionaries(names, texts, min_size=1),
    lambda inner: (
        st.dictionaries(names, texts | inner, min_size=1)
        | st.fixed_dictionaries({"item": st.lists(inner, min_size=1)})
    ),
    max_leaves=8,
)


@given(trees)
def test_what_was_built_reads_back_equal(fields: dict[str, Any]) -> None:
    assert xml.parse(xml.build(fields).encode()) == fields


# Fields of flat bodies, and what makes a body nearly one.
_CHARACTERS = st.text(
    st.sampled_from(" \t\n\r]]>>[<&;a1.中\x0b\x7f\x85\u3000\ufdd0\ufffe\uffff\U0001fffe"),
    max_size=5,
)
_NAMES = st.sampled_from(["A", "B1", "c_d", "Content", "EventKey", "item", "List"])
_FIELDS = st.one_of(
    st.builds("<{0}><![CDATA[{1}]]></{0}>".format, _NAMES, _CHARACTERS),
    st.builds("<{0}>{1}</{0}>".format, _NAMES, _CHARACTERS),
    st.builds("<{0}>{1}</{0}>{2}".format, _NAMES, st.just("12"), st.sampled_from(["\n", " ", "a"])),
    st.sampled_from(
        ["<B/>", "]]>", "<!-- c -->", "<!DOCTYPE xml>", "\ufeff", "<A b='c'>1</A>", "</A>"]
    ),
)


@given(st.lists(_FIELDS, max_size=3), st.sampled_from(["xml", "\nxml", "xml ", "a"]))
@example(["<A><![CDATA[ a]]></A>"], "xml")
@example(["<A><![CDATA[a ]]></A>"], "xml")
@example(["<A><![CDATA[a]]>b]]></A>"], "xml")
@example(["<A><![CDATA[\uffff]]></A>"], "xml")
@example(["<A><![CDATA[a\rb]]></A>"], "xml")
def test_a_flat_body_has_the_fields_that_expat_finds(parts: list[str], root: str) -> None:
    encoded = f"<{root}>{''.join(parts)}</{root.strip()}>".encode()
    fields = xml._flat(encoded)
    if fields is not None:
        try:
            found = xml._expat(encoded, verbatim=False)
        except xml._VerbatimNeeded:
            found = xml._expat(encoded, verbatim=True)
        assert list(fields.items()) == list(found.items())


def test_what_is_short_and_flat_needs_no_expat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(xml, "_expat")
    assert xml.parse(vectors.PLAIN_BODY)["MsgType"] == "text"
    # As the platform's documentation breaks its lines.
    body = (
        "<xml>\n<A><![CDATA[[微笑] a]b]]></A>\n  <B>1</B>\r\n<C></C>\n<D><![CDATA[]]></D></xml>\n"
    )
    assert xml.parse(body.encode()) == {"A": "[微笑] a]b", "B": "1", "C": "", "D": ""}


@given(st.binary(max_size=400) | st.text().map(lambda text: f"<xml>{text}</xml>".encode()))
def test_any_bytes_are_fields_or_one_error(body: bytes) -> None:
    try:
        fields = xml.parse(body)
    except BadMessage:
        return
    assert isinstance(fields, dict)

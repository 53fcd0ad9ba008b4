"""Long texts in parts: protocol reference 5.2."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wechat_dialog.replies.splitting import pages

LINK = '<a href="weixin://bizmsgmenu?msgmenucontent=1&msgmenuid=1">查询</a>'


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        pytest.param("", 10, [], id="empty"),
        pytest.param(" \n\u3000", 4, [], id="blank"),
        pytest.param(" a\n", 10, [" a\n"], id="what fits is unchanged"),
        pytest.param("abcdefghij", 10, ["abcdefghij"], id="exactly the limit"),
        pytest.param("abcdefghijk", 10, ["abcdefghij", "k"], id="one more"),
        pytest.param("中文中文", 10, ["中文中", "文"], id="characters of three bytes"),
        pytest.param("aaaaa\n\nb\nc", 9, ["aaaaa", "b\nc"], id="paragraph before line"),
        pytest.param("aaaa\nbbb。c", 9, ["aaaa", "bbb。c"], id="line before sentence"),
        pytest.param("aa，bb。c，d", 12, ["aa，bb。", "c，d"], id="sentence before comma"),
        pytest.param(
            "他说：“好。”然后", 24, ["他说：“好。”", "然后"], id="quotes stay with their sentence"
        ),
        pytest.param("it is 3.14 or so", 12, ["it is 3.14", "or so"], id="a point is no end"),
        pytest.param("One end. Two of them", 14, ["One end.", "Two of them"], id="a full stop is"),
        pytest.param("one two three", 10, ["one two", "three"], id="words"),
        pytest.param("abcde\nfghij", 5, ["abcde", "fghij"], id="a line that ends just there"),
        pytest.param(
            "a\n" + "b" * 20, 10, ["a\nbbbbbbbb", "bbbbbbbbbb", "bb"], id="an early line is not it"
        ),
        pytest.param(
            "abcdefgh    \n  ij", 9, ["abcdefgh", "ij"], id="white space at a cut is dropped"
        ),
        pytest.param("abcdef\n　段落", 9, ["abcdef", "　段落"], id="an indent is kept"),
        pytest.param("abcd👨‍👩‍👧", 22, ["abcd👨‍👩‍👧"], id="a family fits"),
        pytest.param("abcde👨‍👩‍👧", 22, ["abcde", "👨‍👩‍👧"], id="a family stays together"),
        pytest.param("abcde❤️", 10, ["abcde", "❤️"], id="a variation selector"),
        pytest.param("abc👍🏽", 8, ["abc", "👍🏽"], id="a skin tone"),
        pytest.param("ab🇨🇳🇯🇵", 12, ["ab🇨🇳", "🇯🇵"], id="flags"),
        pytest.param("abcde\u0301", 5, ["abcd", "e\u0301"], id="an accent"),
        pytest.param("abc1\ufe0f\u20e3", 7, ["abc", "1\ufe0f\u20e3"], id="a keycap"),
        pytest.param("\U0001f468\u200d" * 3, 8, None, id="a character over the limit is cut"),
    ],
)
def test_a_text_is_cut_where_a_reader_pauses(
    text: str, limit: int, parts: list[str] | None
) -> None:
    cut = pages(text, limit)
    if parts is None:
        assert "".join(cut) == text
        assert all(len(part.encode()) <= limit for part in cut)
    else:
        assert cut == parts


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1990 + LINK + "y" * 100,
        "中" * 660 + LINK * 40,
        ("短句。" + LINK + "\n") * 60,
        "x" * 2040 + '<A href="a">\n\n。</A>',
        "<a href='unclosed'" + "x" * 2000 + LINK,
    ],
)
def test_a_link_is_whole_in_one_part(text: str) -> None:
    links = re.findall(r"<[aA] href=[^<>]*>[^<>]*</[aA]>", text)
    parts = pages(text)
    assert [
        link for part in parts for link in re.findall(r"<[aA] href=[^<>]*>[^<>]*</[aA]>", part)
    ] == links
    assert len(parts) > 1


def test_a_link_that_fits_no_part_is_cut_like_text() -> None:
    text = "a" * 10 + '<a href="' + "u" * 3000 + '">x</a>'
    parts = pages(text)
    assert "".join(parts) == text
    assert len(parts) == 2


@pytest.mark.parametrize("limit", [3, 0, -1])
def test_a_limit_below_one_character_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match="limit"):
        pages("a", limit)


pieces = st.sampled_from(
    [
        *"ab中。！. ,，\n\r\t\u3000",
        "\n\n",
        "👨‍👩‍👧",
        "🇨🇳",
        "e\u0301",
        "<a ",
        "</a>",
        LINK,
        "x" * 50,
        "文" * 30,
    ]
)


@given(st.lists(pieces | st.text(st.characters(codec=None))).map("".join), st.integers(4, 200))
@example("\r\n" * 10 + "a", 4)
@example("\u0301" * 300, 4)
def test_parts_fit_and_lose_nothing_but_white_space(text: str, limit: int) -> None:
    parts = pages(text, limit)
    assert all(len(part.encode("utf-8", "surrogatepass")) <= limit for part in parts)
    assert all(part.strip() for part in parts)
    rest = text
    for part in parts:
        at = rest.index(part)
        assert not rest[:at].strip()
        rest = rest[at + len(part) :]
    assert not rest.strip()


@given(st.lists(pieces, min_size=1).map("".join))
def test_no_part_begins_inside_a_character(text: str) -> None:
    for part in pages(text, 40)[1:]:
        assert part[0] != "\u200d"
        assert not unicodedata.combining(part[0])


@pytest.mark.parametrize("unit", ["<a ", "a\n", "\u0301", " ", "🇨", "。", "<a x</a>", "\r"])
def test_parts_are_few_so_the_time_is_linear(unit: str) -> None:
    text = unit * 30_000
    total = len(text.encode())
    assert len(pages(text)) <= 3 + 3 * total // 2047

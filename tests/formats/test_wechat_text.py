"""`formats.wechat_text`: what a reader sees, what never gets through, and how much work it is."""

from __future__ import annotations

import importlib
import re
import sys
from types import FrameType

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.formats.answers import CASES, Case
from wechat_dialog.errors import ConfigurationError
from wechat_dialog.formats import parsing, wechat_text, work
from wechat_dialog.replies.kinds import Text
from wechat_dialog.replies.packing import Part, pack
from wechat_dialog.replies.splitting import pages

named = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@named
def test_an_answer_reads_as_people_write(case: Case) -> None:
    assert wechat_text(case.markdown) == case.text


@named
def test_twice_is_once(case: Case) -> None:
    assert wechat_text(case.text) == case.text


def test_the_corpus_is_large_and_no_case_is_there_twice() -> None:
    assert len({case.markdown for case in CASES}) == len(CASES) >= 200


# Anything -----------------------------------------------------------------------------------------

PIECES = st.sampled_from([
    "**", "*", "__", "_", "~~", "`", "```", "\n", "\n\n", "    ", "  ", "　", "- ", "1. ", "3) ",
    "> ", "# ", "## ", "|", "|---|---|", "---", "===", "[", "]", "(", ")", "![", "](", "<", ">",
    "</a>", '<a href="', '">', "https://example.com/a", "javascript:alert(1)", "weixin://b",
    "&lt;", "&#x3c;a", "&amp;", "\\", "\\(", "\\)", "\\[", "\\]", "$$", "$", "[^1]", "[^1]: ",
    "[a]: ", "[x] ", "<br>", "重点", "“", "：", "。", "a", "b c", "2", "\t", "\u2002", "\0",
    "\u202e", "\ufdd0", "\ufeff", "\r", "\x85", "\u2028", "\ud800", "'", '"', "🎉", "【",
    "│ ", "• ",
])  # fmt: skip
TEXTS = st.one_of(st.lists(PIECES, max_size=30).map("".join), st.text(max_size=80))
OURS = re.compile(r'<a href="https?://[^"<>\s]+">[^<>\n]+</a>', re.IGNORECASE)
TAG = re.compile(r"</?a(?:[\s/>]|$)", re.IGNORECASE)


@settings(max_examples=600)
@given(TEXTS)
@example("\n\u2002")
def test_whatever_comes_in_twice_is_once_and_no_link_but_to_the_web_comes_out(text: str) -> None:
    result = wechat_text(text)
    assert wechat_text(result) == result
    assert not TAG.search(OURS.sub("", result))
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufdd0\ud800]", result
    )
    assert result == result.strip("\n")


@settings(max_examples=100)
@given(st.lists(st.sampled_from(["重点", "，", "内容", "abc", "“", "”", "：", "12"]), min_size=1))
def test_no_pair_of_stars_stays_in_a_sentence(words: list[str]) -> None:
    inside = "".join(words)
    assert wechat_text(f"请看**{inside}**这里") == f"请看{inside}这里"


@pytest.mark.parametrize("scheme", ["javascript:", "data:", "weixin://", "file://", "vbscript:"])
def test_only_links_to_the_web_are_passed(scheme: str) -> None:
    for markdown in (
        f"[点我]({scheme}x)", f"[点我](<{scheme}x>)", f"[点我][1]\n\n[1]: {scheme}x",
        f'<a href="{scheme}x">点我</a>', f"<A HREF='{scheme}x'>点我</A>", f"[点我]( {scheme}x 'y')",
    ):  # fmt: skip
        assert wechat_text(markdown) == "点我"


def test_marks_that_turn_the_direction_and_controls_are_left_out() -> None:
    assert wechat_text("a\u202eb\0c\x1b[31m\u2066d") == "abc[31md"


def test_a_link_too_long_for_any_reply_leaves_its_words() -> None:
    assert wechat_text(f"[这里](https://example.com/{'x' * 3000})") == "这里"


def test_no_part_of_a_long_answer_ends_within_a_link() -> None:
    one = (
        "第{n}条：[一个相当长的标题，有逗号](https://example.com/a,b;c?x={n})，"
        "以及 https://example.com/q?a=1,2:{n} 。"
    )
    text = wechat_text("".join(one.format(n=n) for n in range(200)))
    for limit in (200, 333, 2047):
        parts = pages(text, limit)
        assert sum(len(OURS.findall(part)) for part in parts) == 200
        assert not any(TAG.search(OURS.sub("", part)) for part in parts)
        whole = re.compile(r"https://example\.com/q\?a=1,2:\d+(?= 。| ?$)", re.MULTILINE)
        naked = whole.findall("\n".join(parts))
        assert len(naked) == 200
    parcel = pack([Part(Text(text))], "继续")
    assert isinstance(parcel.reply, Text)
    assert len(parcel.reply.content.encode()) <= 2047


def test_without_the_library_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "markdown_it", None)
    parsing._parser.cache_clear()
    with pytest.raises(ConfigurationError, match=r"wechat-dialog\[markdown\]"):
        wechat_text("**a**")
    monkeypatch.undo()
    importlib.import_module("markdown_it")
    assert wechat_text("**a**") == "a"


# Work ---------------------------------------------------------------------------------------------

HOSTILE = [
    "[", "![", "**a", "*a ", "a**", "_a_b", "~~a", "`", "``a`", "<a href=",
    "<a href='http://x'>",
    "<", "&lt;", "\\", "\\(", "\\[", "$$", "$a", "> ", "- ", "1. ", "> a\n", "- a\n", "> - ",
    "[a]: http://b\n", "[a]: http://b\n[a]\n", "|a|b|c\n", "|", "[^1]", "[^1]: x\n", "```\n",
    "# a\n", "#", "a\n", "　", "\u202e\0a", "[a](http://b", "[a][", "[a](<", "[a](http://b 'c ",
    "<br>",
    "![a](", "a\n---\n", "** ", "**重", "“**", "*_", "![[]()", "[重]（http://x",
    '<a x="" ',
    "\n\n    a", "a** 　", "##一 #", "```md\n", "~~~md\n",
]  # fmt: skip


def events(text: str) -> int:
    """Calls of Python's and C's functions that a text costs."""
    count = 0

    def profile(_frame: FrameType, _event: str, _arg: object) -> None:
        nonlocal count
        count += 1

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        wechat_text(text)
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("unit", HOSTILE)
def test_work_grows_with_the_text_and_no_faster(unit: str) -> None:
    wechat_text("a")  # what is made once
    few, many = (events(unit * (size // len(unit))) for size in (1000, 4000))
    assert many < 5 * few, f"{many / few:.1f} times the work for 4 times the text"


@pytest.mark.parametrize("unit", [">", "> ", "- ", "[", "**", "`", "<", "1. "])
def test_ten_thousand_of_them_within_each_other_are_bounded(unit: str) -> None:
    assert len(wechat_text(unit * 10_000 + "好")) <= 2 * len(unit) * 10_000


@pytest.mark.parametrize(
    "unit", ["![", "a\n\n", "a\n", "- a\n", "|a|b|\n|-|-|\n", "*a_", "> a\n", "[a]: b\n"]
)
def test_what_is_parsed_of_one_text_is_bounded(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def grows(most: int) -> int:
        monkeypatch.setattr(work, "MOST", most)
        few, many = (events(unit * (size // len(unit)) + "完") for size in (2_500, 5_000))
        return many - few

    assert grows(500) < grows(1_000_000) / 4, "what lies beyond the bound is parsed"


def test_what_is_not_parsed_is_shown_as_it_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "MOST", 60)
    text = "".join(f"**第{n}段**，\n  - <a href='javascript:x'>看</a>\n\n" for n in range(20))
    result = wechat_text(text)
    assert result.startswith("第0段，\n• 看")
    assert result.rstrip().endswith("**第19段**，\n  - ＜a href='javascript:x'>看＜/a>")
    assert [n for n in range(20) if f"第{n}段" not in result] == []
    assert wechat_text(result) == result


def test_the_last_rows_of_a_table_without_an_end_are_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "MOST", 120)
    result = wechat_text("|名|值|\n|-|-|\n" + "".join(f"|{n}|{n}|\n" for n in range(40)))
    assert result.startswith("名：值\n0: 0\n1: 1\n")
    assert result.rstrip().endswith("|39|39|")


def test_column_names_and_addresses_are_not_repeated_without_bound() -> None:
    name = "长" * 5000
    table = f"|{name}|b|c|\n|---|---|---|\n" + "|1|2|3|\n" * 2000
    assert len(wechat_text(table)) < 8 * len(table) + 8000
    links = f"[a]: https://example.com/{'x' * 1300}\n\n" + "[a] " * 5000
    assert len(wechat_text(links)) < 8 * len(links) + 8000

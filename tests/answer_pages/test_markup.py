"""A piece's Markdown as HTML: what models write, and what nobody's hand is in."""

from __future__ import annotations

import html.parser
import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wechat_dialog import Texts
from wechat_dialog.core.pages import document, pieces
from wechat_dialog.core.pages.markup import html_of
from wechat_dialog.core.pages.pieces import Piece
from wechat_dialog.core.store.pages import Page
from wechat_dialog.formats import work

TAGS = {
    "p", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code", "hr", "br",
    "div", "table", "thead", "tbody", "tr", "th", "td", "strong", "em", "s", "a",
}  # fmt: skip
ATTRIBUTES = {
    "a": {"href", "rel"}, "ol": {"start"}, "pre": {"tabindex", "data-language"}, "li": {"class"},
    "div": {"class", "tabindex"}, "th": {"class"}, "td": {"class"},
}  # fmt: skip


class Reader(html.parser.HTMLParser):
    """Reads HTML, and complains of what must not be there."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        for name, value in attrs:
            assert name in ATTRIBUTES.get(tag, set()), (tag, name)
            if name == "href":
                assert value is not None
                assert re.match(r"https?://[^\s/]", value, re.IGNORECASE), value
                self.links.append(value)
        if tag not in ("br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError("a declaration")

    def handle_pi(self, data: str) -> None:
        raise AssertionError("an instruction")


def read(markdown: str) -> Reader:
    """Read what a text becomes; it is whole and harmless."""
    written = html_of(markdown)
    reader = Reader()
    reader.feed(written)
    reader.close()
    assert reader.open == []
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", written)
    return reader


SHOWN = {
    "# 一\n## 二": "<h2>一</h2>\n<h3>二</h3>\n",
    "一行\n两行": "<p>一行<br>\n两行</p>\n",
    "**重点**和*轻点*，~~不要~~": "<p><strong>重点</strong>和<em>轻点</em>，<s>不要</s></p>\n",
    "**“重点”**内容": "<p><strong>“重点”</strong>内容</p>\n",
    "2*3*4 和 `a*b`": "<p>2*3*4 和 <code>a*b</code></p>\n",
    "- 一\n- 二": "<ul>\n<li>一</li>\n<li>二</li>\n</ul>\n",
    "3. 三\n4. 四": '<ol start="3">\n<li>三</li>\n<li>四</li>\n</ol>\n',
    "- [x] 好了\n- [ ] 没好": '<ul>\n<li class="box">☑ 好了</li>\n<li class="box">☐ 没好</li>'
    "\n</ul>\n",
    "- 一\n  - 二": "<ul>\n<li>一<ul>\n<li>二</li>\n</ul>\n</li>\n</ul>\n",
    "> 引文": "<blockquote>\n<p>引文</p>\n</blockquote>\n",
    "---": "<hr>\n",
    "```python\nif a < b:\n    c()\n```": '<pre tabindex="0" data-language="python"><code>'
    "if a &lt; b:\n    c()</code></pre>\n",
    '```a"b\nx\n```': '<pre tabindex="0"><code>x</code></pre>\n',
    "|甲|乙|\n|:-|-:|\n|1|2|": '<div class="wide" tabindex="0"><table>\n<thead>\n<tr>'
    '<th class="l">甲</th><th class="r">乙</th></tr>\n</thead>\n<tbody>\n<tr><td class="l">1</td>'
    '<td class="r">2</td></tr>\n</tbody></table></div>\n',
    "[百科](https://example.com/a?b=1&c=2)": '<p><a href="https://example.com/a?b=1&amp;c=2" '
    'rel="nofollow noopener noreferrer">百科</a></p>\n',
    "看https://example.com/a。": '<p>看<a href="https://example.com/a" rel="nofollow noopener '
    'noreferrer">https://example.com/a</a>。</p>\n',
    "![猫](https://example.com/cat.png)": '<p><a href="https://example.com/cat.png" rel="nofollow '
    'noopener noreferrer">图：猫</a></p>\n',
    "[写信](mailto:a@example.com)": "<p>写信（a@example.com）</p>\n",
    '<a href="weixin://bizmsgmenu?msgmenucontent=a&msgmenuid=0">继续</a>': "<p>继续</p>\n",
    '<a href="https://example.com/">店</a>': '<p><a href="https://example.com/" rel="nofollow '
    'noopener noreferrer">店</a></p>\n',
    "　　缩进": "<p>　　缩进</p>\n",
    "a\n  b": "<p>a<br>\n\u00a0\u00a0b</p>\n",
    "": "",
    " \n ": "",
}  # fmt: skip


@pytest.mark.parametrize(("markdown", "shown"), SHOWN.items())
def test_what_models_write_is_shown(markdown: str, shown: str) -> None:
    assert html_of(markdown) == shown
    read(markdown)


HOSTILE = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<!-- a --><![CDATA[b]]>",
    "<iframe src='https://example.com'>", "</div></main><script>alert(1)</script>",
    "[a](javascript:alert(1))", "[a](JaVaScRiPt:alert(1))", "[a](\x01javascript:alert(1))",
    "[a](data:text/html;base64,PHNjcmlwdD4=)", "[a](vbscript:x)", "[a](weixin://dl/business)",
    "[a](//example.com)", "[a](https:example.com)", "[a](http://)", "[a](https:\\\\example.com)",
    '[a](https://example.com/"onmouseover="alert(1))', "[a](<https://example.com/' onclick=x>)",
    "![a](javascript:alert(1))", '![a" onerror="x](https://example.com)',
    "<javascript:alert(1)>", "[a]: javascript:alert(1)\n\n[a]", '```"><script>\nx\n```',
    "|<script>|\n|-|\n|<b>|", "a\x00b\u202egnp.exe\u202c\u2066x", "&lt;script&gt; &#60;script&#62;",
    '<a href="javascript:alert(1)">x</a>', "<a href='https://a' onclick='x'>y</a>",
    'https://example.com/"><script>alert(1)</script>', "# <b>x</b>", "- <b>x</b>", "`<b>`",
    "[<img src=x>](https://example.com)", "<style>*{display:none}</style>", "<svg/onload=x>",
    "{title} {html} %s {{}}", "\\<b\\>", "[x](https://example.com/<script>)", "<a\nhref=x>",
]  # fmt: skip


@pytest.mark.parametrize("markdown", HOSTILE)
def test_nothing_hostile_gets_through(markdown: str) -> None:
    read(markdown)
    read(f"a {markdown} b\n\n> {markdown}\n\n- {markdown}\n")


def test_no_word_of_html_is_lost() -> None:
    assert "".join(read("<b>fett</b> &amp; a<b").words).strip() == "<b>fett</b> & a<b"


PIECES = st.sampled_from(
    [*"*_`[]()<>!#-|\n ~\\&\"'x字\t\x00\u202e\ud800", "https://a.b/", "javascript:", "<a href=",
     "</a>", "1.", "```", "[x]: ", "&#106;"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=60).map("".join))
@settings(max_examples=150)
def test_any_text_is_whole_and_harmless(markdown: str) -> None:
    read(markdown)


LARGE: dict[str, Callable[[int], str]] = {
    "quotes within each other": lambda n: ">" * n + "a",
    "lists within each other": lambda n: "".join(f"{' ' * i}- a\n" for i in range(int(n**0.5))),
    "brackets": lambda n: "[" * n,
    "images": lambda n: "![a](" * (n // 5),
    "stars": lambda n: "*a " * (n // 3),
    "rows of a wide table": lambda n: f"|{'a|' * 30}\n|{'-|' * 30}\n" + "|a\n" * (n // 10),
    "links to one address": lambda n: f"[x]: https://a.b/{'c' * 1000}\n\n" + "[x] " * (n // 4),
    "lines": lambda n: "a\n" * (n // 2),
    "paragraphs": lambda n: "a\n\n" * (n // 3),
    "addresses": lambda n: "https://a.b/c " * (n // 14),
    "anchors": lambda n: "<a href=" * (n // 8),
    "wide brackets": lambda n: "[a](https://b " * (n // 14),
    "entities": lambda n: "&" * n,
}


@pytest.mark.parametrize("name", LARGE)
def test_the_html_of_a_large_text_is_bounded(name: str) -> None:
    """Twice the text makes no more than twice the HTML, and some."""
    one, two = (len(html_of(LARGE[name](size))) for size in (5_000, 10_000))
    assert two <= 3 * one + 1000
    read(LARGE[name](2_000))


def test_no_text_becomes_very_much_more() -> None:
    table = f"|{'a|' * 300}\n|{'-|' * 300}\n" + "|a\n" * 500 + "\n"
    assert html_of(table * 3).count("<td>") < 90_000


def test_ten_thousand_quotes_are_flat() -> None:
    assert html_of(">" * 10_000 + "a").count("<blockquote>") <= 24
    assert html_of("- " * 10_000 + "a").count("<ul>") <= 24


def test_what_is_not_parsed_is_shown_as_it_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "MOST", 60)
    text = "".join(f"**第{n}段**，\n  - <b>看</b>\n\n" for n in range(20))
    read(text)
    shown = html_of(text)
    assert shown.startswith("<p><strong>第0段</strong>，</p>\n<ul>\n<li>&lt;b&gt;看")
    assert shown.endswith("**第19段**，<br>\n\u00a0\u00a0- &lt;b&gt;看&lt;/b&gt;<br>\n</p>\n")


def test_what_is_parsed_of_one_page_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MOST", 30)
    written = pieces.encode(Piece(pieces.TEXT, f"**第{n}段**\n<b>") for n in range(20))
    shown = document.document(Page(1, 20, written, 0.0), Texts(), streams=False).decode()
    assert "<p><strong>第0段</strong><br>" in shown
    assert shown.index("<p>**第19段**<br>\n&lt;b&gt;</p>") > shown.index("第18段")


def test_a_page_that_grows_is_rendered_piece_by_piece() -> None:
    cached = document._CACHES[0][1]
    written = pieces.encode(Piece(pieces.TEXT, f"**新的第{n}段**") for n in range(1000))
    before = cached.cache_info().misses
    for length in (400, 700, 1000, 1000):
        page = Page(1, length, written[:length], 0.0)
        document.document(page, Texts(), streams=False)
        document.news(Page(1, length, written[length - 1 : length], 0.0), Texts(), reset=False)
    assert cached.cache_info().misses == before + 1000

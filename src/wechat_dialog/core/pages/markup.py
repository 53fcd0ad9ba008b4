"""A piece's Markdown as safe HTML.

It is parsed as for a chat (`formats.parsing`), with the same rules and bounds: no raw HTML, bounded
depth, linear time. Every text is escaped, and all tags are written here. Links lead to http or
https, and an image becomes a link: a page loads nothing from elsewhere.

Proof: `tests/answer_pages/test_markup.py`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from wechat_dialog.formats import characters, links
from wechat_dialog.formats.parsing import parse
from wechat_dialog.formats.writing import UNREAD_LINK, unread_heading, without_stars

if TYPE_CHECKING:
    from markdown_it.token import Token

    from wechat_dialog.formats.parsing import Document, Node

__all__ = ["Markup", "html_of", "markup_of", "plain_html"]

_ALIGNED = {"text-align:left": "l", "text-align:center": "c", "text-align:right": "r"}
_BARE = re.compile(r"https?://[^\s<>\"'`，。；：！？、（）【】《》「」『』“”‘’]+", re.IGNORECASE)
# A link that CommonMark does not recognize, or a bare address.
_LINKS = re.compile(f"{UNREAD_LINK.pattern}|{_BARE.pattern}", re.IGNORECASE)
_AFTER = ".,;:!?)]}*_~"
_SPANS = {"strong": "strong", "em": "em", "s": "s"}
_LANGUAGE = re.compile(r"[A-Za-z0-9+#.-]{1,20}")


class Markup(NamedTuple):
    """A text as HTML.

    Attributes:
        html: The HTML; "" for a blank text.
        work: What it cost; see `formats.work.spent`.
    """

    html: str
    work: int


def markup_of(markdown: str) -> Markup:
    """Render a text in Markdown."""
    text = characters.fenced(characters.clean(markdown))
    document = parse(text)
    writer = _Writer(document, len(text))
    writer.blocks(document.nodes)
    whole = "".join(writer.out).replace(characters.BLANK, "\u00a0")
    return Markup(characters.unfenced(whole), document.spent)


def html_of(markdown: str) -> str:
    """Return a text in Markdown as HTML; "" for a blank one."""
    return markup_of(markdown).html


def plain_html(text: str) -> str:
    """Return a text as HTML that shows it as it was written."""
    text = characters.clean(text).strip("\n")
    return f"<p>{_lines(text)}</p>\n" if text.strip() else ""


def _lines(text: str) -> str:
    return html.escape(text).replace("\n", "<br>\n")


class _Writer:
    """Writes blocks as HTML.

    Attributes:
        out: The HTML so far.
    """

    def __init__(self, document: Document, size: int) -> None:
        self.out: list[str] = []
        self._document = document
        # Limits the total length of addresses: one address may be repeated behind many words.
        self._repeats = 4 * size + 8000

    # Blocks ---------------------------------------------------------------------------------------

    def blocks(self, nodes: Sequence[Node], *, tight: bool = False) -> None:
        """Write blocks one below the other; the paragraphs of a tight list have no tags."""
        for node in nodes:
            self._block(node, tight=tight)

    def _block(self, node: Node, *, tight: bool) -> None:
        kind, out = node.type, self.out
        if kind == "paragraph":
            text = self._text(node)
            if text.strip():
                out.append(text if tight else f"<p>{text}</p>\n")
        elif kind == "heading":
            self._heading(node)
        elif kind in ("fence", "code_block"):
            self._code(node)
        elif kind in ("bullet_list", "ordered_list"):
            self._list(node)
        elif kind == "blockquote":
            self._wrapped("blockquote", node)
        elif kind == "hr":
            out.append("<hr>\n")
        elif kind == "table":
            self._table(node)

    def _wrapped(self, tag: str, node: Node) -> None:
        self.out.append(f"<{tag}>\n")
        self.blocks(node.children)
        self.out.append(f"</{tag}>\n")

    def _heading(self, node: Node) -> None:
        text = self._text(node)
        if node.token.markup == "-":
            # A line of dashes right under a text is meant as a rule.
            self.out.append(f"<p>{text}</p>\n<hr>\n" if text.strip() else "<hr>\n")
        elif text.strip():
            # The page's own heading is the first level.
            level = min(int(node.token.tag[1:]) + 1, 6)
            self.out.append(f"<h{level}>{text}</h{level}>\n")

    def _code(self, node: Node) -> None:
        info = node.token.info.strip().split(maxsplit=1)[:1]
        named = info and _LANGUAGE.fullmatch(info[0])
        label = f' data-language="{html.escape(info[0])}"' if named else ""
        code = html.escape(node.token.content.removesuffix("\n"))
        if code:
            self.out.append(f'<pre tabindex="0"{label}><code>{code}</code></pre>\n')

    def _list(self, node: Node) -> None:
        tag = "ol" if node.type == "ordered_list" else "ul"
        first = self._first_number(node) if tag == "ol" else 1
        self.out.append(f"<{tag}>\n" if first == 1 else f'<{tag} start="{first}">\n')
        for item in node.children:
            self._item(item)
        self.out.append(f"</{tag}>\n")

    @staticmethod
    def _first_number(node: Node) -> int:
        if node.children and node.children[0].token.info == "0":
            return 0
        return int(node.token.attrGet("start") or 1)

    def _item(self, item: Node) -> None:
        begin = "<li>"
        if item.children and item.children[0].type == "paragraph":
            inline = item.children[0].children[0].token
            if box := re.match(r"\[([ xX])\](?:\s|$)", inline.content):
                inline.content = inline.content[box.end() :]
                begin = f'<li class="box">{"☐" if box[1] == " " else "☑"} '
        self.out.append(begin)
        for node in item.children:
            self._block(node, tight=node.type == "paragraph" and node.token.hidden)
        self.out.append("</li>\n")

    # Tables ---------------------------------------------------------------------------------------

    def _table(self, table: Node) -> None:
        rows, below = self._document.rows(table)
        self.out.append('<div class="wide" tabindex="0"><table>\n<thead>\n')
        for number, row in enumerate(rows):
            self.out.append("<tr>")
            for cell in row.children:
                self._cell(cell, "td" if number else "th")
            self.out.append("</tr>\n" if number else "</tr>\n</thead>\n<tbody>\n")
        self.out.append("</tbody></table></div>\n")
        for row in below:
            self.out.append(f"<p>{self._text(row.children[0])}</p>\n")

    def _cell(self, cell: Node, tag: str) -> None:
        aligned = _ALIGNED.get(str(cell.token.attrGet("style") or ""), "")
        classed = f' class="{aligned}"' if aligned else ""
        self.out.append(f"<{tag}{classed}>{self._text(cell)}</{tag}>")

    # Within a line --------------------------------------------------------------------------------

    def _text(self, node: Node) -> str:
        return "".join(self._pieces(self._document.tokens(node)))

    def _pieces(self, tokens: Iterator[Token], end: str = "") -> Iterator[str]:
        for token in tokens:
            kind = token.type
            if kind == end:
                return
            if kind == "text":
                yield self._plain(token.content, linked=not end)
            elif kind == "text_special":
                yield _lines(token.content)
            elif kind == "code_inline":
                yield f"<code>{html.escape(token.content)}</code>"
            elif kind in ("softbreak", "hardbreak"):
                yield "<br>\n"
            elif kind == "link_open":
                words = "".join(self._pieces(tokens, "link_close"))
                yield self._link(words, str(token.attrGet("href") or ""))
            elif kind == "anchor":
                words = html.escape(token.content.replace("**", ""))
                yield self._link(words, str(token.meta["address"]))
            elif kind == "image":
                alt = "".join(self._pieces(iter(token.children or ()), "none")).strip()
                words = f"图：{alt}" if alt else "图片"
                yield words if end else self._link(words, str(token.attrGet("src") or ""))
            elif kind.endswith(("_open", "_close")) and token.tag in _SPANS:
                yield f"<{'/' if token.nesting < 0 else ''}{_SPANS[token.tag]}>"

    def _link(self, words: str, address: str) -> str:
        """Return a link as HTML.

        Args:
            words: The visible text, as HTML without links; may be empty.
            address: The target as written.
        """
        url = links.web(address)
        self._repeats -= len(url)
        if url and self._repeats > 0 and len(url) <= links.LONGEST:
            shown = words.strip() or html.escape(url)
            return f'<a href="{html.escape(url)}" rel="nofollow noopener noreferrer">{shown}</a>'
        value = html.escape(links.contact(address.strip()))
        if value and value not in words:
            return f"{words}（{value}）" if words.strip() else value
        return words

    def _plain(self, text: str, *, linked: bool) -> str:
        """Return an unmarked text as HTML."""
        if not linked:
            return html.escape(self._tidy(text))
        pieces: list[str] = []
        start = 0
        for match in _LINKS.finditer(text):
            pieces.append(html.escape(self._tidy(text[start : match.start()])))
            if match[1]:
                pieces.append(self._link(html.escape(match[1]), match[2] or match[3]))
                start = match.end()
            else:
                url = match[0].rstrip(_AFTER)
                pieces.append(self._link("", url))
                start = match.start() + len(url)
        pieces.append(html.escape(self._tidy(text[start:])))
        return "".join(pieces)

    @staticmethod
    def _tidy(text: str) -> str:
        text = without_stars(text) if "**" in text else text
        words = unread_heading(text)
        return text if words is None else words

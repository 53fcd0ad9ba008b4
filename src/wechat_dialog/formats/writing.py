"""A parsed text, written as people write in a chat.

A phone is narrow and shows blanks at the start of a line. So only a list within a list is indented,
by one ideographic blank. Lines and empty lines are the author's own; around headings, code and wide
tables there is always an empty one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from . import links
from .characters import BLANK

if TYPE_CHECKING:
    from markdown_it.token import Token

    from .parsing import Document, Node

__all__ = ["UNREAD_LINK", "unread_heading", "without_stars", "written"]

_RULE = "———"
_QUOTE = "│ "
_LONGEST_TITLE = 40
"""Characters of a heading that brackets still hold together."""

_APART = ("fence", "code_block")


def written(document: Document) -> str:
    """Write a document as a text; "" where it has nothing to show."""
    writer = _Writer(document)
    writer.blocks(document.nodes, "")
    return "\n".join(writer.lines).strip("\n")


class _Writer:
    """Writes blocks as lines.

    Attributes:
        lines: What is written.
    """

    def __init__(self, document: Document) -> None:
        self.lines: list[str] = []
        self._document = document
        self._first: str | None = None  # the mark of a list item, with which the next line begins
        size = sum(map(len, document.lines))
        # At most so many characters of column names and of addresses are written more than once.
        self._repeats = 4 * size + 8000

    def blocks(self, nodes: Sequence[Node], prefix: str) -> None:
        """Write blocks below each other, each line behind `prefix`."""
        before: Node | None = None
        for node in nodes:
            if before is not None and self._is_apart(before, node):
                self._gap(prefix)
            mark = len(self.lines)
            self._block(node, prefix)
            if len(self.lines) > mark:
                before = node

    def _is_apart(self, before: Node, node: Node) -> bool:
        if before.type == "heading" and not _is_ruled(before) and node.type != "heading":
            return False
        if node.type == "heading" or _is_block(node) or _is_block(before):
            return True
        return self._document.gap_before(node)

    def _gap(self, prefix: str) -> None:
        # Not between the mark of a list item and its first line.
        if self._first is None and self.lines:
            self.lines.append(prefix.rstrip())

    def _has_begun(self) -> bool:
        """Whether the item's mark has been written."""
        return self._first is None

    def _write(self, text: str, prefix: str) -> None:
        for line in text.split("\n"):
            start = prefix if self._first is None else self._first
            self._first = None
            self.lines.append(start + line)

    def _block(self, node: Node, prefix: str) -> None:
        kind = node.type
        if kind == "paragraph":
            self._paragraph(self._text(node), prefix)
        elif kind == "heading":
            self._heading(node, prefix)
        elif kind in _APART:
            if code := node.token.content.removesuffix("\n"):
                self._write(links.unlinked(code), prefix)
        elif kind in ("bullet_list", "ordered_list"):
            self._list(node, prefix)
        elif kind == "blockquote":
            if self._first is not None:
                self._first += _QUOTE
            self.blocks(node.children, prefix + _QUOTE)
        elif kind == "hr":
            self._write(_RULE, prefix)
        elif kind == "table":
            self._table(node, prefix)

    # Paragraphs and headings ----------------------------------------------------------------------

    def _paragraph(self, text: str, prefix: str) -> None:
        if text.strip(" \n" + BLANK):
            text = "\n".join(_line(line) for line in text.split("\n"))
            self._write(text, prefix)

    def _heading(self, node: Node, prefix: str) -> None:
        text = self._text(node)
        if _is_ruled(node):
            # A rule right under a text, which is meant as one.
            self._paragraph(text, prefix)
            self._write(_RULE, prefix)
        elif text.strip():
            self._write(_title(text.replace("\n", " ")), prefix)

    # Lists ----------------------------------------------------------------------------------------

    def _list(self, node: Node, prefix: str) -> None:
        number = int(node.token.attrGet("start") or 1) if node.type == "ordered_list" else None
        if number == 1 and node.children and node.children[0].token.info == "0":
            number = 0
        for place, item in enumerate(node.children):
            above = node.children[place - 1].children[-1:] if place else []
            if place and (self._document.gap_before(item) or any(map(_is_block, above))):
                self._gap(prefix)
            mark = "•" if number is None else f"{number + place}{node.token.markup}"
            self._item(item, prefix, mark)

    def _item(self, item: Node, prefix: str, mark: str) -> None:
        if item.children and item.children[0].type == "paragraph":
            inline = item.children[0].children[0].token
            if box := re.match(r"\[([ xX])\](?:\s|$)", inline.content):
                inline.content = inline.content[box.end() :]
                mark = "☐" if box[1] == " " else "☑"
        self._first = (prefix if self._first is None else self._first) + mark + " "
        before: Node | None = None
        for node in item.children:
            if before is not None and self._is_apart(before, node):
                self._gap(prefix)
            within = node.type in ("bullet_list", "ordered_list")
            self._block(node, prefix + "\u3000" if within and self._has_begun() else prefix)
            before = node
        if not self._has_begun():
            self._write("", prefix)
            self.lines[-1] = self.lines[-1].rstrip()

    # Tables ---------------------------------------------------------------------------------------

    def _table(self, table: Node, prefix: str) -> None:
        nodes, below = self._document.rows(table)
        rows = [
            [self._text(cell).replace("\n", " / ").strip() for cell in row.children]
            for row in nodes
        ]
        self._rows(rows, prefix)
        if below and len(nodes[0].children) > 2:
            self._gap(prefix)
        for row in below:
            self._write(self._text(row.children[0]), prefix)

    def _rows(self, rows: Sequence[Sequence[str]], prefix: str) -> None:
        names, body = rows[0], rows[1:]
        if len(names) <= 2:
            for row in rows:
                if line := _joined(row):
                    self._write(line, prefix)
            return
        for place, row in enumerate(body):
            if place:
                self._gap(prefix)
            for name, value in zip(names, row, strict=False):
                if value:
                    self._write(_joined((self._repeated(name), value)), prefix)
        if not body:
            self._write(" / ".join(name for name in names if name), prefix)

    def _repeated(self, text: str) -> str:
        """Return a text that is written more often than its author wrote it; "" once that is too
        much.
        """
        self._repeats -= len(text)
        return text if self._repeats > 0 else ""

    # Within a line --------------------------------------------------------------------------------

    def _text(self, node: Node) -> str:
        return "".join(self._pieces(self._document.tokens(node)))

    def _pieces(self, tokens: Iterator[Token], end: str = "") -> Iterator[str]:
        for token in tokens:
            kind = token.type
            if kind == end:
                return
            if kind == "text":
                yield self._plain(token.content)
            elif kind in ("text_special", "code_inline"):
                yield links.unlinked(token.content)
            elif kind in ("softbreak", "hardbreak"):
                yield "\n"
            elif kind == "link_open":
                words = "".join(self._pieces(tokens, "link_close"))
                yield self._link(words, str(token.attrGet("href") or ""))
            elif kind == "anchor":
                yield self._link(token.content.replace("**", ""), str(token.meta["address"]))
            elif kind == "image":
                alt = "".join(self._pieces(iter(token.children or ()))).strip()
                words = f"图：{alt}" if alt else "图片"
                if end:  # a picture within a link, which has an address of its own
                    yield words
                    continue
                link = self._link(words, str(token.attrGet("src") or ""))
                yield link if link != words else f"「{words}」"

    def _link(self, words: str, address: str) -> str:
        # The words may contain an address that has been made a link already.
        return links.anchor(words, self._repeated(address))

    def _plain(self, text: str) -> str:
        text = UNREAD_LINK.sub(lambda match: self._link(match[1], match[2] or match[3]), text)
        return without_stars(text) if "**" in text else text


# A link that CommonMark does not recognise: with full-width brackets, or blanks in its address.
UNREAD_LINK = re.compile(
    r"\[([^\[\]\n]{1,200})\](?:\((https?://[^()<>\n]{1,500})\)|（(https?://[^（）()<>\n]{1,500})）)"
)
_SPACED_BOLD = re.compile(r"\*\*(?=[ \u3000])([^*\n]{1,400}+)(?<=[ \u3000])\*\*")
# Stars without a partner, next to Chinese, where they are neither powers nor keyword arguments.
_LEFT_OVER = re.compile(
    r"(?<=[^\x00-\x7f*])\*{4}(?=[^\x00-\x7f*])|"
    r"(?<=[^\x00-\x7f])\*{2,3}(?!\*)|(?<!\*)\*{2,3}(?=[^\x00-\x7f*])"
)
_HEADING = re.compile(r"#{2,6}[ \t]*(?=[^\x00-\x7f\s])")


def without_stars(text: str) -> str:
    """Take out the stars that CommonMark does not read: `** 重点 **`, and those without a partner,
    beside a script that knows no powers.
    """
    return _LEFT_OVER.sub("", _SPACED_BOLD.sub(_unspaced, text))


def _unspaced(match: re.Match[str]) -> str:
    inside = match[1].strip(" \u3000")
    return match[0] if inside.isascii() else inside


def unread_heading(line: str) -> str | None:
    """Return the words of `##标题`, a heading without a blank behind its mark; None for any other
    line.
    """
    match = _HEADING.match(line)
    return line[match.end() :].rstrip(" \t#") if match else None


def _line(line: str) -> str:
    """One line of a paragraph."""
    line = line.rstrip()
    words = unread_heading(line)
    return line if words is None else _title(words)


def _title(text: str) -> str:
    text = text.strip()
    if len(text) > _LONGEST_TITLE or re.search("[【】<]", text):
        return text
    return f"【{text.rstrip('：:')}】"


def _joined(cells: Sequence[str]) -> str:
    """`name：value`, or only one of the two if the other is empty."""
    full = [cell for cell in cells if cell]
    if len(full) < 2:
        return "".join(full)
    name, value = full[0].rstrip("：: "), full[1]
    wide = re.search(r"[^\x00-\x7f]", name + value)
    return f"{name}{'：' if wide else ': '}{value}"


def _is_ruled(node: Node) -> bool:
    return node.type == "heading" and node.token.markup == "-"


def _is_block(node: Node) -> bool:
    """Whether an empty line sets it apart from what is around it: code, and a table of groups."""
    if node.type == "table":
        return len(node.children[0].children[0].children) > 2
    return node.type in _APART

"""Markdown as a tree: markdown-it-py, with the rules that models' texts need beside its own.

Of CommonMark it leaves out raw HTML, and setext headings that are a rule under a text. Inline
content is parsed piece by piece, so that a hostile paragraph of a megabyte costs no more than many
short ones. Nesting is bounded, and so is what is parsed at all (`work`).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wechat_dialog.errors import ConfigurationError

from . import work
from .characters import BLANK

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.token import Token

__all__ = ["Document", "Node", "parse"]

DEEPEST = 24
"""Quotes and lists within each other; what lies deeper is left out, as no phone could show it."""

_WHOLE, _PIECE = 6000, 2000
"""Characters of a paragraph that are parsed at once: all of one that a person could mean, which
fits no three replies, and of a longer one so many at a time.
"""


@dataclass
class Node:
    """One block and what it holds.

    Attributes:
        token: Of markdown-it; an opening token stands for everything up to its closing one.
        children: The blocks within, in order.
    """

    token: Token
    children: list[Node] = field(default_factory=list["Node"])

    @property
    def type(self) -> str:
        """Its kind, without `_open`."""
        return self.token.type.removesuffix("_open")

    @property
    def line(self) -> int:
        """Where it begins in the source, from 0."""
        return self.token.map[0] if self.token.map else 0


@dataclass
class Document:
    """A parsed text.

    Attributes:
        nodes: Its blocks.
        lines: Its source.
        env: The parser's environment, with the targets of reference links.
    """

    nodes: list[Node]
    lines: list[str]
    env: dict[str, Any]

    @property
    def spent(self) -> int:
        """How much work it was so far; see `work.spent`."""
        return work.spent(self.env)

    def gap_before(self, node: Node) -> bool:
        """Whether an empty line, be it within a quote, stands before a block in the source."""
        line = node.line
        return 0 < line <= len(self.lines) and not self.lines[line - 1].strip(" \t>")

    def inline(self, content: str) -> Iterator[Token]:
        """The tokens of a paragraph's text."""
        if not content:
            return
        parser = _parser()
        for piece in _pieces(content):
            if work.spend_within(self.env, piece):
                yield from parser.inline.parse(piece, parser, self.env, [])
            else:
                yield _plain(piece)

    def rows(self, table: Node) -> tuple[list[Node], list[Node]]:
        """The rows of a table, its head first; and the lines right under it that the parser takes
        for rows. A line without a bar was meant as text by its author.
        """
        every = [row for part in table.children for row in part.children]
        below = [row for row in every[1:] if "|" not in self.lines[row.line]]
        return every[: len(every) - len(below)], below

    def tokens(self, node: Node) -> Iterator[Token]:
        """The tokens of the texts that stand in a block itself, not in blocks within it."""
        for child in node.children:
            if child.type == "inline":
                content = child.token.content
                if work.is_plain(child.token.meta):
                    yield _plain(_indented(content))
                else:
                    yield from self.inline(content)


def parse(text: str, *, fenced: bool = True) -> Document:
    """Parse a text whose blanks are `characters.fenced`.

    Args:
        text: The text.
        fenced: Whether all of it may be within a fence, as many models write it.

    Raises:
        ConfigurationError: markdown-it-py is not installed.
    """
    parser = _parser()
    env: dict[str, Any] = {}
    tokens: list[Token] = []
    parser.block.parse(text, parser, env, tokens)
    nodes = _tree(tokens)
    if fenced and len(nodes) == 1 and nodes[0].type == "fence":
        language = nodes[0].token.info.strip().lower()
        if language in ("markdown", "md") and "```markdown" not in nodes[0].token.content:
            return parse(nodes[0].token.content, fenced=False)
    return Document(nodes, text.split("\n"), env)


def _tree(tokens: list[Token]) -> list[Node]:
    top: list[Node] = []
    within = [top]
    for token in tokens:
        if token.nesting < 0:
            within.pop()
            continue
        node = Node(token)
        within[-1].append(node)
        if token.nesting:
            within.append(node.children)
    return top


_START = re.compile(r"\n[ \t]+")


def _indented(content: str) -> str:
    """Keep the indent of a line, as in a poem, or in code without a fence: the parser drops it."""
    return _START.sub(lambda match: "\n" + BLANK * len(match[0][1:].expandtabs(4)), content)


def _plain(text: str) -> Token:
    """The token of a text that is shown as it was written, with its lines."""
    from markdown_it.token import Token

    return Token("text_special", "", 0, content=text)


def _pieces(content: str) -> Iterator[str]:
    content = _indented(content)
    start = 0
    while len(content) - start > _WHOLE:
        end = content.rfind("\n", start, start + _PIECE) + 1
        if end <= start:
            end = content.rfind(" ", start, start + _PIECE) + 1
        if end <= start:
            end = start + _PIECE
        yield content[start:end]
        start = end
    yield content[start:]


@functools.cache
def _parser() -> MarkdownIt:
    try:
        from markdown_it import MarkdownIt
    except ImportError:
        raise ConfigurationError(
            "Markdown needs markdown-it-py: pip install 'wechat-dialog[markdown]'"
        ) from None
    from . import inline_rules

    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": DEEPEST})
    parser.enable(["table", "strikethrough"])
    # Which schemes may be tapped is decided in `links`: a link that is refused leaves its words.
    parser.validateLink = _any_link  # type: ignore[method-assign,assignment]
    parser.normalizeLink = _as_it_is  # type: ignore[method-assign]
    every = ["paragraph", "reference", "blockquote", "list"]
    parser.block.ruler.before("table", "limit", work.limit, {"alt": every})
    parser.block.ruler.before("reference", "footnote", _footnote)
    parser.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    inline_rules.use(parser)
    return parser


def _any_link(_url: str) -> bool:
    return True


def _as_it_is(url: str) -> str:
    return url


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A table, with as many rows as there is work left for: the rest is text.

    A row may be short, and the parser fills it: three characters can become three hundred cells.
    """
    from markdown_it.rules_block import table

    if start + 2 > end:
        return False
    below = state.src[state.bMarks[start + 1] : state.eMarks[start + 1]]
    rows = work.left(state.env) // (work.CELL * (below.count("|") + 1))
    if rows < 1:
        return False
    before = len(state.tokens)
    if not table(state, start, min(end, start + 1 + rows), silent):
        return False
    work.spend(state.env, work.CELL * (len(state.tokens) - before) // 3)
    return True


_FOOTNOTE = re.compile(r"\[\^([^\]\s]{1,40})\]:[ \t]*(.*)")


def _footnote(state: StateBlock, start: int, _end: int, silent: bool) -> bool:
    """`[^1]: …`, which would be taken for the definition of a reference link."""
    first = state.bMarks[start] + state.tShift[start]
    if state.is_code_block(start) or not state.src.startswith("[^", first):
        return False
    match = _FOOTNOTE.fullmatch(state.src, first, state.eMarks[start])
    if match is None:
        return False
    if not silent:
        state.push("paragraph_open", "p", 1).map = [start, start + 1]
        token = state.push("inline", "", 0)
        token.map, token.children = [start, start + 1], []
        token.content = f"[{match[1]}] {match[2]}"
        state.push("paragraph_close", "p", -1)
        state.line = start + 1
    return True

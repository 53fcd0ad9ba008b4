"""Inline rules: what models write and CommonMark reads differently.

Imported only where markdown-it-py is installed. Each rule takes the parser's state and `silent`,
whether it only looks; it returns whether it matched, and has advanced the state if it did.
"""

from __future__ import annotations

import re
import unicodedata

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter

from . import links

__all__ = ["use"]


def use(parser: MarkdownIt) -> None:
    """Add these rules to a parser."""
    rules = parser.inline.ruler
    rules.at("emphasis", _emphasis)
    rules.before("escape", "formula", _formula)
    rules.before("link", "footnote", _footnote)
    rules.before("autolink", "tag", _tag)


# Emphasis -----------------------------------------------------------------------------------------

_NAME = re.compile(
    r"__[A-Za-z0-9](?:_?[A-Za-z0-9]){0,60}__(?![A-Za-z0-9_])|\*{1,2}(?:kw)?args\b(?!\*)"
)


def _emphasis(state: StateInline, silent: bool) -> bool:
    """Stars and underscores, as `_Run` reads them."""
    marker = state.src[state.pos]
    if silent or marker not in "*_":
        return False
    before = state.src[state.pos - 1] if state.pos else " "
    # Names in Python code stay unchanged: __init__, *args, **kwargs.
    if (match := _NAME.match(state.src, state.pos)) and not _is_word(before):
        state.pending += match[0]
        state.pos = match.end()
        return True
    run = _Run(state.src, state.pos)
    for _ in range(run.length):
        state.push("text", "", 0).content = marker
        state.delimiters.append(
            Delimiter(
                marker=ord(marker), length=run.length, token=len(state.tokens) - 1, end=-1,
                open=run.opens, close=run.closes,
            )
        )  # fmt: skip
    state.pos += run.length
    return True


class _Run:
    """Marks side by side, and whether they may open or close emphasis.

    CommonMark asks what stands on both sides, and knows only scripts with blanks between words:
    `**“重点”**内容` would keep its stars. So next to a character that is not ASCII, punctuation
    does not matter. Between two letters or digits of ASCII a star is a product or a power, `2*3*4`
    and `x**2`, so it begins nothing.
    """

    def __init__(self, src: str, start: int) -> None:
        marker = src[start]
        end = start
        while end < len(src) and src[end] == marker:
            end += 1
        self.length = end - start
        before = src[start - 1] if start else " "
        after = src[end] if end < len(src) else " "
        foreign = before > "\x7f" or after > "\x7f"
        left_flanking = not after.isspace() and (
            not _is_mark(after) or before.isspace() or _is_mark(before) or foreign
        )
        right_flanking = not before.isspace() and (
            not _is_mark(before) or after.isspace() or _is_mark(after) or foreign
            or (self.length > 1 and before in ":.,!?;\"'")
        )  # fmt: skip
        self.opens, self.closes = left_flanking, right_flanking
        inside = _is_word(before) and _is_word(after)
        if marker == "*":
            if inside:
                self.opens = False
                self.closes = right_flanking and self.length > 1
            elif self.length == 1 and left_flanking and right_flanking and _is_factor(src, start):
                self.opens = self.closes = False
        elif self.length == 1 or not foreign:
            self.opens = left_flanking and (not right_flanking or _is_mark(before))
            self.closes = right_flanking and (not left_flanking or _is_mark(after))


def _is_word(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character == "_")


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"


def _is_factor(src: str, at: int) -> bool:
    """Whether a star between two letters stands in a line with an equals sign: 面积=长*宽*高."""
    before = src[max(0, at - 60) : at].rpartition("\n")[2]
    after = src[at : at + 60].partition("\n")[0]
    return bool(re.search("[=＝]", before + after))


# Formulas -----------------------------------------------------------------------------------------

_DOLLARS = re.compile(r"\$(?=[^\s$])([^$\n]{1,200}?)(?<=[^\s$])\$(?![0-9A-Za-z])")
_LOOKS_LIKE_MATHS = re.compile(r"[\\^_=+*/<>|0-9-]")
_ENDS = {"\\(": "\\)", "\\[": "\\]", "$$": "$$"}


def _formula(state: StateInline, silent: bool) -> bool:
    r"""`\(…\)`, `\[…\]`, `$$…$$` and `$x^2$`: the formula stays as it is."""
    src, start = state.src, state.pos
    if src[start] not in "\\$":
        return False
    opening = src[start : start + 2]
    if closing := _ENDS.get(opening):
        end = src.find(closing, start + 2, state.posMax)
        content = src[start + 2 : end] if end > 0 else ""
        name = content.strip()
        short = len(name) < 3 and name.isascii()
        if not (name and (opening == "$$" or short or _LOOKS_LIKE_MATHS.search(name))):
            return False
        after = end + 2
    else:
        match = _DOLLARS.match(src, start, state.posMax)
        if match is None or not (len(match[1]) == 1 or re.search(r"[\\^_={}]", match[1])):
            return False
        if match[1].isdigit():
            return False
        content, after = match[1], match.end()
    if not silent:
        state.push("code_inline", "code", 0).content = content.strip()
    state.pos = after
    return True


# What stands in brackets --------------------------------------------------------------------------

_NOTE = re.compile(r"\[\^([^\]\s]{1,40})\]")
_BREAK = re.compile(r"<br\s{0,4}/?>[ \t]*\n?", re.IGNORECASE)


def _footnote(state: StateInline, silent: bool) -> bool:
    """`[^1]` is shown as [1]."""
    if not state.src.startswith("[^", state.pos):
        return False
    match = _NOTE.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        state.push("code_inline", "code", 0).content = f"[{match[1]}]"
    state.pos = match.end()
    return True


def _tag(state: StateInline, silent: bool) -> bool:
    """`<br>`, and a link written in HTML."""
    if state.src[state.pos] != "<":
        return False
    if match := _BREAK.match(state.src, state.pos, state.posMax):
        if not silent:
            state.push("hardbreak", "br", 0)
    elif match := links.ANCHOR.match(state.src, state.pos, state.posMax):
        if not silent:
            token = state.push("anchor", "a", 0)
            token.meta["address"] = match[1] if match[1] is not None else match[2]
            token.content = match[3]
    else:
        return False
    state.pos = match.end()
    return True

"""A long text in parts that the platform takes (protocol reference 5.2).

A part ends where a reader would pause: at a paragraph, a line, a sentence, a comma or blank, else
between two characters; never inside a visible character (an emoji of several code points, a letter
with its accents), and never inside a link, whose halves would be shown as source text, or a web
address, whose halves would lead nowhere. The pause must be in the second half of the part, so that
there are few parts and the time is linear.

Proof: `tests/wire/test_splitting.py`.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right

__all__ = ["pages"]

_BLANKS = " \t\r\n"

# The best kind first. A pause is at the end of a match; the white space after it is dropped.
_PAUSES = (
    re.compile(r"\n(?=\r?\n)"),
    re.compile(r"\n"),
    re.compile(r"""[。！？；…!?]["'”’」』】）)]*|\.(?=\s)"""),
    re.compile(r"[，、：,;:]|\s"),
)

# A link's beginning, its end, and an address that clients make a link of.
_LINK = re.compile(
    r"(<a\s)|</a>|(https?://[^\s<>\"'，。；：！？、（）【】《》「」『』“”‘’]+)", re.IGNORECASE
)


def pages(text: str, limit: int = 2047) -> list[str]:
    """Cut a text into parts.

    Args:
        text: Any text.
        limit: Most bytes of UTF-8 in a part, at least 4.

    Returns:
        The parts, in order; none is blank. A text that fits is one part, unchanged; a blank one
        gives []. Joined, the parts are the text, except for white space dropped around the cuts. A
        link longer than `limit` fits no part, and is cut like plain text.

    Raises:
        ValueError: `limit` is less than 4, the size of the largest character.
    """
    if limit < 4:
        raise ValueError(f"limit is {limit} bytes, and one character may need 4")
    links = _links(text, limit)
    parts: list[str] = []
    start = 0
    while start < len(text):
        end = _reach(text, start, limit)
        if end < len(text):
            end = _cut(text, start, end, links)
            part = text[start:end].rstrip(_BLANKS)
        else:
            part = text[start:]
        if part.strip():
            parts.append(part)
        start = end
        while start < len(text) and text[start] in _BLANKS:
            start += 1
    return parts


def _reach(text: str, start: int, limit: int) -> int:
    """Return the furthest index up to which the text from `start` has at most `limit` bytes."""
    window = text[start : start + limit].encode("utf-8", "surrogatepass")
    if len(window) <= limit:
        return min(start + limit, len(text))
    end = limit
    while window[end] & 0xC0 == 0x80:  # the middle of a character
        end -= 1
    return start + len(window[:end].decode("utf-8", "surrogatepass"))


def _links(text: str, limit: int) -> list[tuple[int, int]]:
    """Return the links as (start, end), ascending, without those that fit no part."""
    spans: list[tuple[int, int]] = []
    start = -1
    for tag in _LINK.finditer(text):
        if tag.group(1):
            # An earlier `<a` that was never closed is not a link: it is shown as source text.
            start = tag.start()
        elif tag.group(2):
            if start < 0 and len(tag[0].encode("utf-8", "surrogatepass")) <= limit:
                spans.append(tag.span())
        elif start >= 0:
            if len(text[start : tag.end()].encode("utf-8", "surrogatepass")) <= limit:
                spans.append((start, tag.end()))
            start = -1
    return spans


def _cut(text: str, start: int, end: int, links: list[tuple[int, int]]) -> int:
    """Return the best index at which to end a part of text[start:end]; greater than `start`."""
    end = _before_link(end, links)
    half = start + (end - start) // 2
    for pause in _PAUSES:
        # One more character, to see a line that ends exactly at `end`.
        for stop in reversed([match.end() for match in pause.finditer(text, half, end + 1)]):
            at = stop if stop <= end else stop - 1
            if (
                at > half
                and (stop <= end or text[end] in _BLANKS)
                and _before_link(at, links) == at
            ):
                return _not_in_character(text, start, at)
    return _not_in_character(text, start, end)


def _before_link(index: int, links: list[tuple[int, int]]) -> int:
    """Return the index itself, or the start of the link that it is inside of."""
    place = bisect_right(links, (index, -1)) - 1
    if place >= 0 and links[place][0] < index < links[place][1]:
        return links[place][0]
    return index


_LONGEST_CHARACTER = 64  # in code points; a longer one was made on purpose, and may be cut


def _not_in_character(text: str, start: int, end: int) -> int:
    """Return the index itself, or the start of the visible character that it is inside of."""
    lowest = max(start + 1, end - _LONGEST_CHARACTER)
    at = end
    while at >= lowest:
        if not _joined(text, start, at):
            return at
        at -= 1
    return end


def _joined(text: str, start: int, at: int) -> bool:
    """Return whether the code points before and after `at` are shown as one character."""
    before, after = text[at - 1], text[at]
    if after < "\u0300":
        return before == "\r" and after == "\n"
    if before == "\u200d" or after == "\u200d" or unicodedata.category(after) in ("Mn", "Me"):
        return True
    if (
        "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f"
    ):  # skin tones; flags of regions
        return True
    if not (_is_flag_letter(before) and _is_flag_letter(after)):
        return False
    letters = 0
    while at - letters > start and _is_flag_letter(text[at - 1 - letters]):
        letters += 1
    return letters % 2 == 1


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"

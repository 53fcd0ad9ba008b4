r"""Makes text from elsewhere safe for a terminal: it is shown, and never obeyed.

Text of users, bots, servers and stored files can have any character. ESC and the C1 controls are
commands of a terminal, bidirectional marks change the order in which a line is shown, separators
and line feeds make two lines of one, and invisible characters hide. All of these are escaped as in
JSON, `\u202e`, so that JSON stays valid and keeps its meaning.

Proof: `tests/test_printable.py`, over every code point.
"""

from __future__ import annotations

import re

__all__ = ["block", "one_line"]

# What `str.isprintable` refuses, except spaces such as the ideographic one, and the joiner of emoji
# families. Surrogates cannot be encoded; printing them raises an error.
_SPACES = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_JOINER = "\u200d"
# A `str`: `re` compiles it at first use, and caches the result.
_SUSPECT = f"[^ -~{_SPACES}{_JOINER}\u4e00-\u9fff]"
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def one_line(text: str) -> str:
    """Return a text as one line."""
    return text if text.isprintable() else re.sub(_SUSPECT, _escaped, text)


def block(text: str) -> str:
    """Return a text as lines; line feeds and tabulators stay."""
    return text if text.isprintable() else re.sub(_SUSPECT, _escaped_in_a_block, text)


def _escaped_in_a_block(match: re.Match[str]) -> str:
    return match[0] if match[0] in "\n\t" else _escaped(match)


def _escaped(match: re.Match[str]) -> str:
    char = match[0]
    if char.isprintable():
        return char
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return _SHORT.get(char) or "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))

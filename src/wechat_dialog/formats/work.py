"""How much of a text is parsed; what lies beyond it is shown as it was written.

That the time is linear in the text is not enough: a bracket costs the parser as much as a thousand
letters, so 256 KB of brackets would take ten seconds. Hence what parsing costs is counted, in units
of some 10 µs: for blocks, those that are begun, lines that might begin one, and cells of tables;
within them, characters that may be marks. All blocks are read before anything in them, so each of
the two has its own bound.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markdown_it.rules_block import StateBlock

__all__ = ["CELL", "MOST", "is_plain", "left", "limit", "spend", "spend_within", "spent"]

MOST = 40_000
"""Units of the blocks of one text, and as many of what is in them. Enough for 190 KB of answers
like those of `tests/formats/corpus`, which are nothing but short lines, lists, tables and links.
"""

CELL = 6
"""Units of one cell of a table."""

_BEGIN, _LINE = 4, 1
"""Units of a block that is begun, and of a look whether one begins."""

_BLOCKS, _WITHIN = "work for blocks", "work within blocks"
"""Where the parser's memory of a text has how much was spent."""

_PLAIN = "plain"

Env = MutableMapping[str, Any]

_MARKS = re.compile(r"[\n#$%&*+\-:<=>@\\\]^_`{}~]")
_OPENING = re.compile(r"[!\[]")
"""A bracket that may begin a link or a picture has the text behind it read twice."""


def spent(env: Env) -> int:
    """Return how many units a text has cost, at most twice `MOST`."""
    return sum(min(int(env.get(name, 0)), MOST) for name in (_BLOCKS, _WITHIN))


def left(env: Env) -> int:
    """Return how many units are left for the blocks of a text; below 0 if too many are spent."""
    return MOST - int(env.get(_BLOCKS, 0))


def spend(env: Env, units: int) -> bool:
    """Spend some units on blocks; returns whether there were as many."""
    env[_BLOCKS] = env.get(_BLOCKS, 0) + units
    return left(env) >= 0


def spend_within(env: Env, text: str) -> bool:
    """Spend what it costs to parse the text of a paragraph; returns whether there was enough."""
    units = 1 + 2 * len(_MARKS.findall(text)) + 4 * len(_OPENING.findall(text))
    env[_WITHIN] = env.get(_WITHIN, 0) + units
    return int(env[_WITHIN]) <= MOST


def limit(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Make a paragraph of all the lines that follow, once nothing is left.

    The first rule for blocks, and also the first that is asked whether a line ends a paragraph, a
    list or a quote: so those end, too.
    """
    if spend(state.env, _LINE if silent else _BEGIN):
        return False
    if not silent:
        state.push("paragraph_open", "p", 1).map = [start, end]
        token = state.push("inline", "", 0)
        token.map, token.children, token.meta = [start, end], [], {_PLAIN: True}
        token.content = state.getLines(start, end, state.blkIndent, False)
        state.push("paragraph_close", "p", -1)
        state.line = end
    return True


def is_plain(meta: Mapping[str, Any]) -> bool:
    """Whether a token's text is shown as it was written."""
    return _PLAIN in meta

"""What keeps turns apart in a store, each broken on purpose: the contract must notice.

A pytest plugin: with `STORE_MUTANT=<name>` in the environment, the rules of the stores in Python,
or the Lua of the one in Redis, are run with one line changed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from wechat_dialog.stores import redis_calls, rules

__all__ = ["LUA", "PYTHON"]


class Mutant(NamedTuple):
    """A line, and what becomes of it.

    Attributes:
        file: The source file.
        line: What stands there, once.
        instead: What stands there in its place.
    """

    file: str
    line: str
    instead: str = ""


RULES = "rules.py"

PYTHON = {
    "a claim that is held": Mutant(
        RULES, "if not document.keeps_out(now, lease):\n        holder", "if True:\n        holder"
    ),
    "who came first": Mutant(RULES, "min(earlier)[1] if earlier else None", "None"),
    "the fence": Mutant(
        RULES, "document.fence != fence or not document.is_claimed(now):", "False:"
    ),
    "the revision": Mutant(RULES, "            or document.revision != revision\n"),
    "a claim, on the fast path": Mutant(
        RULES, "            document.is_claimed(now)\n            or"
    ),
    "that it is answered": Mutant(
        RULES,
        "    if mark is not None and mark.reply is not None:\n        return Answered(mark.reply)\n"
        "    seen = _see",
        "    seen = _see",
    ),
    "that it is answered, on the fast path": Mutant(
        RULES,
        "        if mark is not None and mark.reply is not None:\n"
        "            return Answered(mark.reply)\n        if (",
        "        if (",
    ),
    "a message that is kept": Mutant(
        RULES,
        "            or any(seen.message and name != key for name, seen in document.seen.items())",
    ),
    "a claim, in a look": Mutant(RULES, "document.fence or document.seen)", "document.seen)"),
}
"""By what is forgotten; for the stores in Python."""

LUA = {
    "a claim that is held": Mutant("claim", "if not mine then holder = claim.holder end"),
    "who came first": Mutant("claim", "holder = first_in_line(seen, key, me.first)"),
    "the fence": Mutant("write", "claim.fence ~= fence or not is_claimed(claim) or "),
    "the revision": Mutant("fast", "revision ~= expected or "),
    "a claim, on the fast path": Mutant(
        "fast", "if claim.fence ~= 0 and now < claim.until_ then return {3} end"
    ),
    "that it is answered": Mutant("claim", "if mark then return {ANSWERED, mark} end"),
    "that it is answered, on the fast path": Mutant(
        "fast", "if kind == '=' then return {0, string.sub(mark, start)} end"
    ),
    "a message that is kept": Mutant("fast", "s.message or "),
    "a claim, in a look": Mutant("look", "quiet = claim.fence == 0", "quiet = true"),
}
"""The same, for Redis."""


def _changed(source: str, mutant: Mutant) -> str:
    if source.count(mutant.line) != 1:
        raise AssertionError(f"{mutant.file} has {source.count(mutant.line)} × {mutant.line!r}")
    return source.replace(mutant.line, mutant.instead)


def _break(name: str) -> None:
    path = Path(rules.__file__)
    changed = _changed(path.read_text("utf-8"), PYTHON[name])
    exec(compile(changed, str(path), "exec"), rules.__dict__)
    mutant, read = LUA[name], redis_calls._source
    lua = {mutant.file: _changed(read(mutant.file), mutant)}
    redis_calls._source = lambda script: lua.get(script) or read(script)  # type: ignore[assignment]


if os.environ.get("STORE_MUTANT"):
    _break(os.environ["STORE_MUTANT"])

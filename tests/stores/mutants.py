"""What keeps turns apart in a store, each broken on purpose: the contract must notice.

`forget` has a process run the rules of the stores in Python, and the Lua of the one in Redis, with
one line changed.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from wechat_dialog.core.store import checks, entry, results, rules, waking
from wechat_dialog.stores import memory, memory_users
from wechat_dialog.stores.redis import scripts
from wechat_dialog.stores.sqlite import rows, store, times

__all__ = ["LUA", "PYTHON", "REDIS", "forget"]


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


ENTRY, RULES = "entry.py", "rules.py"

PYTHON = {
    "a claim that is held": Mutant(
        RULES,
        "    if entry.keeps_out(now, micros(asked.lease)):\n        return entry.holder\n",
    ),
    "who came first": Mutant(ENTRY, "min(earlier)[1] if earlier else None", "None"),
    "the fence": Mutant(ENTRY, "self.fence != fence or not self.is_claimed(now):", "False:"),
    "the revision": Mutant(RULES, "            or entry.revision != asked.revision\n"),
    "a claim, on the fast path": Mutant(RULES, "            entry.is_claimed(now)\n            or"),
    "that it is answered": Mutant(
        RULES,
        "    if remembered is not None and remembered.reply is not None:\n"
        "        return _take(entry, key, remembered.reply, now)\n    replaced",
        "    replaced",
    ),
    "that it is answered, on the fast path": Mutant(
        RULES,
        "        if remembered is not None and remembered.reply is not None:\n"
        "            in_doubt = key in entry.seen and entry.seen[key].reply is not None\n"
        "            return Conflict() if in_doubt else Answered(remembered.reply)\n        if (",
        "        if (",
    ),
    "what its user has still to hear": Mutant(
        RULES,
        "            or any(seen.pends and name != key for name, seen in entry.seen.items())",
    ),
    "who has a reply by now": Mutant(
        RULES, "seen.told == entry.fence and entry.is_claimed(now)", "False"
    ),
    "that a reply was written": Mutant(
        RULES, "        if seen.reply and seen.told == fence:\n", "        if False:\n"
    ),
    "that a copy has asked": Mutant(
        RULES, "entry.was_last(key) and took == takes:", "entry.was_last(key):"
    ),
    "a claim, in a look": Mutant(RULES, "entry.fence or entry.seen or", "entry.seen or"),
    "a claim, when its user is forgotten": Mutant(
        RULES,
        '    entry.fence = entry.lost = 0\n    entry.holder, entry.before = "", None\n'
        "    return unanswered",
        "    return unanswered",
    ),
    "who is at it, when its user is forgotten": Mutant(
        RULES, "return unanswered", "return frozenset()"
    ),
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
    "that it is answered": Mutant(
        "claim",
        "if remembered then\n"
        "  return {ANSWERED, take(remembered, got[2], name, key, doc, got[4], caller)}\nend\n",
    ),
    "that it is answered, on the fast path": Mutant("fast", "return {0, answer}"),
    "what its user has still to hear": Mutant(
        "fast", "s.message or s.reply and s.reply ~= ''\n      or "
    ),
    "who has a reply by now": Mutant("entry", " or (me.told == claim.fence and is_claimed(claim))"),
    "that a reply was written": Mutant("write", "if fence ~= 0 then wrote(seen, fence) end"),
    "that a copy has asked": Mutant("untaken", "took == tonumber(ARGV[2])\n  and "),
    "a claim, in a look": Mutant("look", "quiet = claim.fence == 0", "quiet = true"),
    "a claim, when its user is forgotten": Mutant("forget", "free(claim)\n"),
    "who is at it, when its user is forgotten": Mutant(
        "forget",
        "redis.call('SET', KEYS[6], format('=%.0f\\n', now + SEEN_KEPT), 'PX', "
        "ceil(SEEN_KEPT / 1000))",
    ),
}
"""The same, for Redis."""

REDIS = {
    "a reply in h": Mutant("entry", "      if other == name then return reply end\n"),
    "a reply in h, on the fast path": Mutant(
        "fast", "if found == name and now < since + span then answer = sub(text, reply, at - 1) end"
    ),
    "a reply in h, in a look": Mutant(
        "look", "\n    and not string.find(got[1], name, start, true)"
    ),
    "which replies are over": Mutant("fast", "  if now < since + span then break end\n"),
    "which replies are over, under a claim": Mutant(
        "entry", "if now < since + replies.span then", "if now < since then"
    ),
    "a reply when its conversation is over": Mutant(
        "entry", "if replies.text == '' then\n    redis", "if true then\n    redis"
    ),
    "what an earlier version remembers": Mutant(
        "fast", "if kind == '=' then answer = sub(remembered, reply) else deferred = true end"
    ),
    "what an earlier version remembers, in a claim": Mutant(
        "entry", "      return string.sub(text, start)\n"
    ),
    "whose reply an earlier version wrote last": Mutant(
        "entry",
        "return text and tonumber(match(text, '^=(%d+)%+')) == doc.revision",
        "return false",
    ),
    "to have records kept longer": Mutant(
        "fast", "if after > 0 then redis.call('PEXPIRE', KEYS[2], renewed) end"
    ),
    "to have the first records dropped at all": Mutant("fast", " or length == 0 and after > 0"),
    "when what is kept falls short": Mutant("fast", "now + needed > kept", "now > kept"),
}
"""What only Redis can forget: where replies are, and for how long."""


READ_ANEW = (
    *(entry, checks, waking, results, rules),
    *(times, rows, memory_users, memory, store),
)
"""In the order in which they import from each other."""


def _changed(source: str, mutant: Mutant) -> str:
    if source.count(mutant.line) != 1:
        raise AssertionError(f"{mutant.file} has {source.count(mutant.line)} × {mutant.line!r}")
    return source.replace(mutant.line, mutant.instead)


def forget(name: str) -> None:
    """Break the stores of this process, for as long as it lives.

    Args:
        name: What they forget: a key of `PYTHON` and `LUA`, or of `REDIS`.
    """
    python = PYTHON.get(name)
    # Whoever has imported a name from the file that is changed has to import it anew.
    for module in READ_ANEW if python else ():
        path = Path(str(module.__file__))
        source = path.read_text("utf-8")
        if python and path.name == python.file:
            source = _changed(source, python)
        exec(compile(source, str(path), "exec"), module.__dict__)
    mutant, read = {**LUA, **REDIS}[name], scripts._source
    lua = {mutant.file: _changed(read(mutant.file), mutant)}
    scripts._source = lambda script: lua.get(script) or read(script)  # type: ignore[assignment]

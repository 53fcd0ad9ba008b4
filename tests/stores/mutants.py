"""Stores with one line changed that keeps turns apart: the contract must notice each.

`apply` has a process run the rules of the stores in Python, and the Lua of the one in Redis, with
that line changed. A mutant's name says what its store does then.
"""

from __future__ import annotations

from inspect import isfunction
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from wechat_dialog.core.store import checks, entry, looks, results, rules, waking
from wechat_dialog.stores import memory, memory_users
from wechat_dialog.stores.redis import scripts, walking
from wechat_dialog.stores.redis import times as times_of_redis
from wechat_dialog.stores.sqlite import operations, rows, store, times

__all__ = ["LUA", "PYTHON", "REDIS", "TIMES", "WRITE", "apply"]


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


ENTRY, LOOKS, RULES, WAKING = "entry.py", "looks.py", "rules.py", "waking.py"

PYTHON = {
    "grants a claim that another holds": Mutant(
        RULES,
        "    if entry.keeps_out(now, micros(requested.lease)):\n        return entry.holder\n",
    ),
    "lets a later message go first": Mutant(ENTRY, "min(earlier)[1] if earlier else None", "None"),
    "writes under a lost claim": Mutant(
        ENTRY, "self.fence != fence or not self.is_claimed(now):", "False:"
    ),
    "commits fast after another write": Mutant(
        LOOKS, "entry.revision == requested.revision", "True"
    ),
    "begins an entry after another came and went": Mutant(
        LOOKS, "not entry.revision and entry.last == requested.issued", "not entry.revision"
    ),
    "begins an entry long after its look": Mutant(
        LOOKS,
        "    return untouched and now - requested.looked * 1000 <= micros(LOOK_HOLDS)",
        "    return untouched",
    ),
    "forgets the number issued last": Mutant(
        "results.py", "issued=0 if entry.revision else entry.last", "issued=0"
    ),
    "commits fast while another holds the claim": Mutant(
        RULES, "            entry.is_claimed(now)\n            or"
    ),
    "grants a claim for an answered message": Mutant(
        RULES,
        "    if remembered is not None and remembered.reply is not None:\n"
        "        return _take(entry, key, remembered.reply, now)\n"
        "    if requested.fires is None and",
        "    if requested.fires is None and",
    ),
    "commits fast for an answered message": Mutant(
        RULES,
        "        if remembered is not None and remembered.reply is not None:\n"
        "            # The store counts who takes a reply that nobody took; a commit counts "
        "nobody.\n"
        "            return Conflict() if key in entry.seen else Answered(remembered.reply)\n"
        "        if (",
        "        if (",
    ),
    "commits fast while another message is pending": Mutant(
        RULES,
        "            or any(seen.pends and name != key for name, seen in entry.seen.items())",
    ),
    "gives one reply to two turns": Mutant(
        RULES, "seen.given_to == entry.fence and entry.is_claimed(now)", "False"
    ),
    "takes a delivered reply for untaken": Mutant(
        RULES, "        if seen.reply and seen.given_to == fence:\n", "        if False:\n"
    ),
    "takes a reply for untaken that a copy took": Mutant(
        RULES, "entry.was_last(key) and took == takes:", "entry.was_last(key):"
    ),
    "looks and misses a claim": Mutant(LOOKS, "entry.fence or entry.seen or", "entry.seen or"),
    "leaves the claim of a forgotten user": Mutant(
        RULES,
        '    entry.fence = entry.lost = 0\n    entry.holder, entry.before = "", None\n'
        "    return unanswered",
        "    return unanswered",
    ),
    "leaves messages of a forgotten user unanswered": Mutant(
        RULES, "return unanswered", "return frozenset()"
    ),
    "takes a signal under a lost claim": Mutant(
        "memory.py",
        "            before = known.entry.revision\n            committed = rules.record(",
        "            for number in write.taken:\n"
        "                known.mail.pop(number, None)\n"
        "            before = known.entry.revision\n            committed = rules.record(",
    ),
    "takes signals for read that a firing was not told of": Mutant(
        WAKING,
        "entry.read, entry.hidden = entry.mail_claimed, 0",
        "entry.read, entry.hidden = entry.mail, 0",
    ),
    "commits fast past a signal": Mutant(RULES, "            or entry.mail\n"),
    "looks and misses a signal": Mutant(LOOKS, " or entry.seen or entry.mail", " or entry.seen"),
    "sets a time on the fast path": Mutant(
        RULES, "            or waking.sets_a_time(entry, write)\n"
    ),
    "fires while a message may be repeated": Mutant(
        WAKING, "if cut_off and entry.until <= now < entry.until + LEFT_ALONE:", "if False:"
    ),
    "lets a firing stand in line": Mutant(
        WAKING, "return requested.fires is None or requested.arrival or", "return True or"
    ),
    "takes a firing for the last message": Mutant(
        WAKING,
        "    entry.holder = key if entry.before is None else entry.before\n",
        "    entry.holder = key\n",
    ),
    "leaves a trace of a firing": Mutant(
        WAKING, "    if entry.before is None:\n        return False\n", "    return False\n"
    ),
    "drops a head that has still a time": Mutant(
        ENTRY, "self.expires = max(self.expires, self.wake + OUTLIVES_WAKE)", "pass"
    ),
    "ends a lease when a firing records": Mutant(
        WAKING,
        "if time != entry.wake and (commits or entry.before is None):",
        "if time != entry.wake:",
    ),
    "keeps a part under a lost claim": Mutant(
        RULES,
        "    entry.require_claim(fence, now)\n    entry.lost = 0\n\n\ndef release",
        "    entry.lost = 0\n\n\ndef release",
    ),
    "takes no part for a write": Mutant(
        RULES, "    entry.lost = 0\n\n\ndef release", "\n\ndef release"
    ),
    "ends a lease of another": Mutant(
        WAKING, "    if entry.hidden != due.until:\n        return False\n"
    ),
    "keeps the parts of a step that has ended": Mutant(
        "memory_users.py", "            self.parts.pop(step, None)\n", "            pass\n"
    ),
    "posts a signal a second time": Mutant(
        "memory.py", '                return Posted("repeated")\n', "                pass\n"
    ),
}
"""By what the store does; for the stores in Python."""

LUA = {
    "grants a claim that another holds": Mutant(
        "claim", "if not mine then holder = claim.holder end"
    ),
    "lets a later message go first": Mutant("claim", "holder = first_in_line(seen, key, me.first)"),
    "writes under a lost claim": Mutant(
        "write", "claim.fence ~= fence or not is_claimed(claim) or "
    ),
    "commits fast after another write": Mutant("fast", "revision ~= expected or "),
    "begins an entry after another came and went": Mutant(
        "fast", "if absent and last ~= expected then return {3} end\n"
    ),
    "begins an entry long after its look": Mutant("fast", " or now > limit then", " then"),
    "forgets the number issued last": Mutant("fast", "absent and last ~=", "absent and 0 ~="),
    "commits fast while another holds the claim": Mutant(
        "fast", "if claim.fence ~= 0 and now < claim.until_ then return {3} end"
    ),
    "grants a claim for an answered message": Mutant(
        "claim",
        "if remembered then\n"
        "  return {ANSWERED, take(remembered, got[2], name, key, doc, got[4], caller)}\nend\n",
    ),
    "commits fast for an answered message": Mutant("fast", "return {0, answer}"),
    "commits fast while another message is pending": Mutant(
        "fast", "s.message or s.reply and s.reply ~= ''\n      or "
    ),
    "gives one reply to two turns": Mutant(
        "entry", " or (me.told == claim.fence and is_claimed(claim))"
    ),
    "takes a delivered reply for untaken": Mutant("write", "  wrote(seen, fence)\n"),
    "takes a reply for untaken that a copy took": Mutant(
        "untaken", "took == tonumber(ARGV[2])\n  and "
    ),
    "looks and misses a claim": Mutant("look", "quiet = claim.fence == 0 and (", "quiet = ("),
    "leaves the claim of a forgotten user": Mutant("forget", "free(claim)\n"),
    "leaves messages of a forgotten user unanswered": Mutant(
        "forget",
        "redis.call('SET', KEYS[10], format('=%.0f\\n', now + remember), 'PX', "
        "ceil(remember / 1000))",
    ),
    "takes a signal under a lost claim": Mutant(
        "write",
        "local whole = not doc",
        "if time then keep_mail(doc, claim, time) end\nlocal whole = not doc",
    ),
    "takes signals for read that a firing was not told of": Mutant(
        "write", "claim.read = claim.mail and claim.told", "claim.read = claim.mail"
    ),
    "commits fast past a signal": Mutant(
        "fast", "  if claim.mail and now < claim.mail_until then return {3} end\n"
    ),
    "looks and misses a signal": Mutant("look", " and (claim.mail_until or 0) <= now"),
    "sets a time on the fast path": Mutant(
        "write", " or time and time.wake and ((doc.wake or 0) == 0 or time.wake < doc.wake)"
    ),
    "fires while a message may be repeated": Mutant(
        "firing",
        "    and claim.until_ <= now and now < claim.until_ + LEFT_ALONE then\n",
        "    and false then\n",
    ),
    "lets a firing stand in line": Mutant("firing", "return arrival == 1 or", "return true or"),
    "takes a firing for the last message": Mutant(
        "write",
        "claim.was, claim.at, claim.before = claim.before,",
        "claim.was, claim.at, claim.before = nil,",
    ),
    "leaves a trace of a firing": Mutant("release", "if claim.before ~= nil then", "if false then"),
    "drops a head that has still a time": Mutant(
        "timed", "  if time.wake then doc.expires = max(doc.expires, time.wake + WEEK) end\n"
    ),
    "ends a lease when a firing records": Mutant(
        "timed",
        "if not (fires and redis.call('ZSCORE', KEYS[11], entry)) then",
        "do",
    ),
    "keeps a part under a lost claim": Mutant(
        "part_put",
        "if claim.fence ~= tonumber(ARGV[1]) or not is_claimed(claim) then return {LOST} end\n",
    ),
    "takes no part for a write": Mutant("part_put", "  claim.lost = 0\n"),
    "ends a lease of another": Mutant(
        "index_free", "redis.call('ZSCORE', KEYS[1], entry) == ARGV[i + 2]", "true"
    ),
    "keeps the parts of a step that has ended": Mutant(
        "write", "  if extras.ended then drop_parts(extras.ended) end\n"
    ),
    "posts a signal a second time": Mutant(
        "post",
        "if id ~= '' and redis.call('ZSCORE', KEYS[5], id) then return {ANSWERED} end\n",
    ),
}
"""The same, for Redis."""

WRITE = {
    "begins an entry after another came and went, by the long script": Mutant(
        "write", "claim.last ~= tonumber(ARGV[3]) or "
    ),
    "begins an entry long after its look, by the long script": Mutant(
        "write", " or now > tonumber(ARGV[4])\n      or", "\n      or"
    ),
    "begins an entry where there is one": Mutant("write", "if not gone or", "if"),
}
"""What the script of the other commits can do wrong."""

REDIS = {
    "misses a reply in h": Mutant("entry", "      if other == name then return reply end\n"),
    "misses a reply in h, on the fast path": Mutant(
        "fast", "if found == name and now < since + span then answer = sub(text, reply, at - 1) end"
    ),
    "misses a reply in h, in a look": Mutant(
        "look", "\n    and not string.find(got[1], name, start, true)"
    ),
    "drops replies that are not over": Mutant("fast", "  if now < since + span then break end\n"),
    "takes every reply for over, under a claim": Mutant(
        "entry", "if now < since + replies.span then", "if now < since then"
    ),
    "drops a reply with its conversation": Mutant(
        "entry", "if replies.text == '' then\n    redis", "if true then\n    redis"
    ),
    "misses what an earlier version remembers": Mutant(
        "fast", "if kind == '=' then answer = sub(remembered, reply) else deferred = true end"
    ),
    "misses what an earlier version remembers, in a claim": Mutant(
        "entry", "      return string.sub(text, start)\n"
    ),
    "misses whose reply an earlier version wrote last": Mutant(
        "entry",
        "return text and tonumber(match(text, '^=(%d+)%+')) == doc.revision",
        "return false",
    ),
    "keeps no records longer": Mutant(
        "fast", "if after > 0 then redis.call('PEXPIRE', KEYS[2], renewed) end"
    ),
    "keeps the first records for ever": Mutant("fast", " or length == 0 and after > 0"),
    "keeps records too short": Mutant("fast", "now + needed > kept", "now > kept"),
}
"""What only Redis can do wrong: where replies are, and for how long."""


TIMES = {
    "writes the index after what it tells of": Mutant(
        "times.py",
        """        try:
            return (yield self._confirmed(call({**timing, "apart": 1}, None)))
        except Unsaid as unsaid:
            wake = write.wake
            yield self._add(user, wake.account, wake.at, stays=unsaid.fires)
        return (yield self._confirmed(call({**timing, "apart": 2}, None)))
""",
        """        done = yield self._confirmed(call({**timing, "apart": 2}, None))
        yield self._add(user, write.wake.account, write.wake.at)
        return done
""",
    ),
    "writes no index": Mutant(
        "timed",
        "    redis.call('ZADD', KEYS[11], format('%.0f', time.wake), entry)\n  end\nend",
        "  end\nend",
    ),
    "removes an entry of another after a firing": Mutant(
        "timed",
        "if redis.call('ZSCORE', KEYS[11], fired) ~= format('%.0f', leased) then",
        "if false then",
    ),
    "removes an entry of another after a look": Mutant(
        "index_drop", "if redis.call('ZSCORE', KEYS[1], entry) ~= ARGV[3] then return 0 end\n"
    ),
    "leaves an entry of what goes on by itself": Mutant(
        "timed", "  if leased == 0 and not mail then leased = time.fires[1] * 1000 end\n"
    ),
    "removes an entry whose head may be about to be written": Mutant(
        "index_drop", "ARGV[4] == 'idle' and now >= due + 60000000", "ARGV[4] == 'idle'"
    ),
    "looks at what is due and misses a claim": Mutant(
        "when", "if ARGV[3] and not is_claimed(claim) and", "if ARGV[3] and"
    ),
    "leaves the next time out of the index": Mutant(
        "when",
        "  if due > 0 and account == ARGV[2] then\n    lacked",
        "  if false then\n    lacked",
    ),
    "keeps a signal twice whose answer was lost": Mutant(
        "post", "if again then return {DONE, again - AGAIN, 0} end\n"
    ),
    "keeps what is aside without its head": Mutant("write", "ARGV[10] == '' or now", "now"),
    "drops what is aside before its head": Mutant(
        "write", " or now + tonumber(ARGV[8]) + DAY > doc.beside"
    ),
    "misses what an earlier version dropped of a mailbox": Mutant(
        "claim", "if not claim.mail and #signals > 0 then", "if false then"
    ),
    "puts nothing back that an index lacks": Mutant(
        "walking.py",
        "            self._lacked += bool((yield from self._put_back(user, account)))\n",
        "            pass\n",
    ),
    "puts back what ended while the walk came by": Mutant(
        "times.py", "        if now_first == first:\n", "        if True:\n"
    ),
    "walks while another walks": Mutant(
        "walk", "if walker and walker ~= ARGV[1] then return 0 end\n"
    ),
}
"""What only Redis can do wrong with time: its index is apart from what it tells of."""


READ_ANEW = (
    *(entry, checks, waking, results, looks, rules),
    *(times, rows, memory_users, memory, operations, store),
)
"""In the order in which they import from each other."""


def _changed(source: str, mutant: Mutant) -> str:
    if source.count(mutant.line) != 1:
        raise AssertionError(f"{mutant.file} has {source.count(mutant.line)} × {mutant.line!r}")
    return source.replace(mutant.line, mutant.instead)


def _change_methods(module: ModuleType, mutant: Mutant) -> None:
    """Change the methods of a module's class: others have imported that."""
    path = Path(str(module.__file__))
    changed = {**vars(module)}
    exec(compile(_changed(path.read_text("utf-8"), mutant), str(path), "exec"), changed)
    for name in ("TimeCalls", "Walk"):
        of = getattr(module, name, None)
        if of is None:
            continue
        for method, body in vars(changed[name]).items():
            if isfunction(body) and of.__module__ == module.__name__:
                setattr(of, method, body)


def apply(name: str) -> None:
    """Break the stores of this process, for as long as it lives.

    Args:
        name: What they do: a key of `PYTHON` and `LUA`, or of `WRITE`, `REDIS` or
            `TIMES`.
    """
    python = PYTHON.get(name)
    # Whoever has imported a name from the file that is changed has to import it anew.
    for module in READ_ANEW if python else ():
        path = Path(str(module.__file__))
        source = path.read_text("utf-8")
        if python and path.name == python.file:
            source = _changed(source, python)
        exec(compile(source, str(path), "exec"), module.__dict__)
    mutant, read = {**LUA, **WRITE, **REDIS, **TIMES}[name], scripts._source
    if mutant.file.endswith(".py"):
        _change_methods({"times.py": times_of_redis, "walking.py": walking}[mutant.file], mutant)
        return
    lua = {mutant.file: _changed(read(mutant.file), mutant)}
    scripts._source = lambda script: lua.get(script) or read(script)  # type: ignore[assignment]

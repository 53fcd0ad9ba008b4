"""What keeps turns apart in a store, each broken on purpose: the contract must notice.

`forget` has a process run the rules of the stores in Python, and the Lua of the one in Redis, with
one line changed.
"""

from __future__ import annotations

from inspect import isfunction
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from wechat_dialog.core.store import checks, entry, results, rules, waking
from wechat_dialog.stores import memory, memory_users
from wechat_dialog.stores.redis import scripts, walking
from wechat_dialog.stores.redis import times as times_of_redis
from wechat_dialog.stores.sqlite import operations, rows, store, times

__all__ = ["LUA", "PYTHON", "REDIS", "TIMES", "forget"]


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


ENTRY, RULES, WAKING = "entry.py", "rules.py", "waking.py"

PYTHON = {
    "a claim that is held": Mutant(
        RULES,
        "    if entry.keeps_out(now, micros(requested.lease)):\n        return entry.holder\n",
    ),
    "who came first": Mutant(ENTRY, "min(earlier)[1] if earlier else None", "None"),
    "the fence": Mutant(ENTRY, "self.fence != fence or not self.is_claimed(now):", "False:"),
    "the revision": Mutant(RULES, "            or entry.revision != requested.revision\n"),
    "a claim, on the fast path": Mutant(RULES, "            entry.is_claimed(now)\n            or"),
    "that it is answered": Mutant(
        RULES,
        "    if remembered is not None and remembered.reply is not None:\n"
        "        return _take(entry, key, remembered.reply, now)\n"
        "    if requested.fires is None and",
        "    if requested.fires is None and",
    ),
    "that it is answered, on the fast path": Mutant(
        RULES,
        "        if remembered is not None and remembered.reply is not None:\n"
        "            # The store counts who takes a reply that nobody took; a commit counts "
        "nobody.\n"
        "            return Conflict() if key in entry.seen else Answered(remembered.reply)\n"
        "        if (",
        "        if (",
    ),
    "what its user has still to hear": Mutant(
        RULES,
        "            or any(seen.pends and name != key for name, seen in entry.seen.items())",
    ),
    "who has a reply by now": Mutant(
        RULES, "seen.given_to == entry.fence and entry.is_claimed(now)", "False"
    ),
    "that a reply was written": Mutant(
        RULES, "        if seen.reply and seen.given_to == fence:\n", "        if False:\n"
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
    "the fence, when a signal is taken": Mutant(
        "memory.py",
        "            before = known.entry.revision\n            committed = rules.record(",
        "            for number in write.taken:\n"
        "                known.mail.pop(number, None)\n"
        "            before = known.entry.revision\n            committed = rules.record(",
    ),
    "which signals a firing was told of": Mutant(
        WAKING,
        "entry.read, entry.hidden = entry.mail_claimed, 0",
        "entry.read, entry.hidden = entry.mail, 0",
    ),
    "a mailbox, on the fast path": Mutant(RULES, "            or entry.mail\n"),
    "a mailbox, in a look": Mutant(RULES, " or entry.seen or entry.mail", " or entry.seen"),
    "a time, on the fast path": Mutant(RULES, "            or waking.sets_a_time(entry, write)\n"),
    "a turn that may be repeated, in a firing": Mutant(
        WAKING, "if cut_off and entry.until <= now < entry.until + LEFT_ALONE:", "if False:"
    ),
    "that a firing stands in no line": Mutant(
        WAKING, "return requested.fires is None or requested.arrival or", "return True or"
    ),
    "what was last, when a firing ends": Mutant(
        WAKING,
        "    entry.holder = key if entry.before is None else entry.before\n",
        "    entry.holder = key\n",
    ),
    "to leave no trace of a firing": Mutant(
        WAKING, "    if entry.before is None:\n        return False\n", "    return False\n"
    ),
    "how long a head outlives its time": Mutant(
        ENTRY, "self.expires = max(self.expires, self.wake + OUTLIVES_WAKE)", "pass"
    ),
    "the lease, when a firing records": Mutant(
        WAKING,
        "if time != entry.wake and (commits or entry.before is None):",
        "if time != entry.wake:",
    ),
    "the fence, when a part is kept": Mutant(
        RULES,
        "    entry.require_claim(fence, now)\n    entry.lost = 0\n\n\ndef release",
        "    entry.lost = 0\n\n\ndef release",
    ),
    "that a part was written": Mutant(
        RULES, "    entry.lost = 0\n\n\ndef release", "\n\ndef release"
    ),
    "who leased an entry last, when a lease is ended": Mutant(
        WAKING, "    if entry.hidden != due.until:\n        return False\n"
    ),
    "to drop the parts of a step that has ended": Mutant(
        "memory_users.py", "            self.parts.pop(step, None)\n", "            pass\n"
    ),
    "that a signal was posted before": Mutant(
        "memory.py", '                return Posted("repeated")\n', "                pass\n"
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
    "that a reply was written": Mutant("write", "  wrote(seen, fence)\n"),
    "that a copy has asked": Mutant("untaken", "took == tonumber(ARGV[2])\n  and "),
    "a claim, in a look": Mutant("look", "quiet = claim.fence == 0", "quiet = true"),
    "a claim, when its user is forgotten": Mutant("forget", "free(claim)\n"),
    "who is at it, when its user is forgotten": Mutant(
        "forget",
        "redis.call('SET', KEYS[10], format('=%.0f\\n', now + SEEN_KEPT), 'PX', "
        "ceil(SEEN_KEPT / 1000))",
    ),
    "the fence, when a signal is taken": Mutant(
        "write",
        "local whole = not doc",
        "if time then keep_mail(doc, claim, time) end\nlocal whole = not doc",
    ),
    "which signals a firing was told of": Mutant(
        "write", "claim.read = claim.mail and claim.told", "claim.read = claim.mail"
    ),
    "a mailbox, on the fast path": Mutant(
        "fast", "  if claim.mail and now < claim.mail_until then return {3} end\n"
    ),
    "a mailbox, in a look": Mutant("look", " and (claim.mail_until or 0) <= now"),
    "a time, on the fast path": Mutant(
        "write", " or time and time.wake and ((doc.wake or 0) == 0 or time.wake < doc.wake)"
    ),
    "a turn that may be repeated, in a firing": Mutant(
        "firing",
        "    and claim.until_ <= now and now < claim.until_ + LEFT_ALONE then\n",
        "    and false then\n",
    ),
    "that a firing stands in no line": Mutant("firing", "return arrival == 1 or", "return true or"),
    "what was last, when a firing ends": Mutant(
        "write",
        "claim.was, claim.at, claim.before = claim.before,",
        "claim.was, claim.at, claim.before = nil,",
    ),
    "to leave no trace of a firing": Mutant(
        "release", "if claim.before ~= nil then", "if false then"
    ),
    "how long a head outlives its time": Mutant(
        "timed", "  if time.wake then doc.expires = max(doc.expires, time.wake + WEEK) end\n"
    ),
    "the lease, when a firing records": Mutant(
        "timed",
        "if not (fires and redis.call('ZSCORE', KEYS[11], entry)) then",
        "do",
    ),
    "the fence, when a part is kept": Mutant(
        "part_put",
        "if claim.fence ~= tonumber(ARGV[1]) or not is_claimed(claim) then return {LOST} end\n",
    ),
    "that a part was written": Mutant("part_put", "  claim.lost = 0\n"),
    "who leased an entry last, when a lease is ended": Mutant(
        "index_drop", "if redis.call('ZSCORE', KEYS[1], entry) ~= ARGV[3] then return 0 end\n"
    ),
    "to drop the parts of a step that has ended": Mutant(
        "write", "  if extras.ended then drop_parts(extras.ended) end\n"
    ),
    "that a signal was posted before": Mutant(
        "post",
        "if id ~= '' and redis.call('ZSCORE', KEYS[5], id) then return {ANSWERED} end\n",
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


TIMES = {
    "to write the index before what it tells of": Mutant(
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
    "to write the index at all": Mutant(
        "timed",
        "    redis.call('ZADD', KEYS[11], format('%.0f', time.wake), entry)\n  end\nend",
        "  end\nend",
    ),
    "whose entry it is, after a firing": Mutant(
        "timed",
        "if redis.call('ZSCORE', KEYS[11], fired) ~= format('%.0f', leased) then",
        "if false then",
    ),
    "whose entry it is, after a look": Mutant(
        "index_drop", "if redis.call('ZSCORE', KEYS[1], entry) ~= ARGV[3] then return 0 end\n"
    ),
    "that nobody has leased what goes on by itself": Mutant(
        "timed", "  if leased == 0 and not mail then leased = time.fires[1] * 1000 end\n"
    ),
    "who may be about to write a head": Mutant(
        "index_drop", "ARGV[4] == 'idle' and now >= due + 60000000", "ARGV[4] == 'idle'"
    ),
    "a claim, in a look at what is due": Mutant(
        "when", "if ARGV[3] and not is_claimed(claim) and", "if ARGV[3] and"
    ),
    "the time that comes next": Mutant(
        "when",
        "  if due > 0 and account == ARGV[2] then\n    lacked",
        "  if false then\n    lacked",
    ),
    "that a signal was sent twice": Mutant(
        "post", "if again then return {DONE, again - AGAIN, 0} end\n"
    ),
    "to drop what is aside with its head": Mutant("write", "ARGV[10] == '' or now", "now"),
    "to keep what is aside for as long as its head": Mutant(
        "write", " or now + tonumber(ARGV[8]) + DAY > doc.beside"
    ),
    "what an earlier version dropped of a mailbox": Mutant(
        "claim", "if not claim.mail and #signals > 0 then", "if false then"
    ),
    "to put back what is lacking": Mutant(
        "walking.py",
        "            self._lacked += bool((yield from self._put_back(user, account)))\n",
        "            pass\n",
    ),
    "what ends while the walk comes by": Mutant(
        "times.py", "        if now_first == first:\n", "        if True:\n"
    ),
    "that somebody else walks": Mutant(
        "walk", "if walker and walker ~= ARGV[1] then return 0 end\n"
    ),
}
"""What only Redis can forget of time: its index is apart from what it tells of."""


READ_ANEW = (
    *(entry, checks, waking, results, rules),
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


def forget(name: str) -> None:
    """Break the stores of this process, for as long as it lives.

    Args:
        name: What they forget: a key of `PYTHON` and `LUA`, or of `REDIS` or `TIMES`.
    """
    python = PYTHON.get(name)
    # Whoever has imported a name from the file that is changed has to import it anew.
    for module in READ_ANEW if python else ():
        path = Path(str(module.__file__))
        source = path.read_text("utf-8")
        if python and path.name == python.file:
            source = _changed(source, python)
        exec(compile(source, str(path), "exec"), module.__dict__)
    mutant, read = {**LUA, **REDIS, **TIMES}[name], scripts._source
    if mutant.file.endswith(".py"):
        _change_methods({"times.py": times_of_redis, "walking.py": walking}[mutant.file], mutant)
        return
    lua = {mutant.file: _changed(read(mutant.file), mutant)}
    scripts._source = lambda script: lua.get(script) or read(script)  # type: ignore[assignment]

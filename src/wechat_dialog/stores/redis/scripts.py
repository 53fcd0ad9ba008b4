"""The Lua scripts of the store: their files concatenated for the server."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

import msgspec

__all__ = ["Script", "Scripts"]


class Script(msgspec.Struct, frozen=True):
    """A Lua script.

    Attributes:
        source: Its text, including what precedes it.
        sha: Its SHA-1 in hexadecimal digits, by which the server knows it once it is loaded.
    """

    source: str
    sha: str


class Scripts:
    """All scripts of a store. Each begins with the clock, and most continue with `entry.lua`.

    Args:
        clock: Lua that sets `now`, in microseconds since 1970; None: the server's clock. For tests.
    """

    def __init__(self, clock: str | None = None) -> None:
        self._begin(clock)
        self.claim = self._script("look", "entry", "claim")
        self.claim_timed = self._script("look", "entry", "mail", "firing", "claim")
        self.write = self._script("entry", "write")
        self.write_timed = self._script("entry", "mail", "timed", "write")
        self.fast = self._script("fast")
        self.defer = self._script("entry", "defer")
        self.untaken = self._script("entry", "untaken")
        self.renew = self._script("entry", "renew")
        self.release = self._script("entry", "release")
        self.end = self._script("entry", "end")
        self.silence = self._script("entry", "silence")
        self.show = self._script("entry", "mail", "show")
        self.post = self._script("entry", "mail", "post")
        self.when = self._script("entry", "mail", "when")
        self.index_add = self._script("index_add")
        self.index_due = self._script("index_due")
        self.index_drop = self._script("index_drop")
        self.index_free = self._script("index_free")
        self.note = self._script("note")
        self.walk = self._script("walk")
        self._forget: dict[int, Script] = {}

    def _begin(self, clock: str | None) -> None:
        self._clock = _source("clock") if clock is None else clock

    def forget(self, messages: int) -> Script:
        """Return the script that forgets a user with this number of messages without an answer.

        It writes a key for each of them, and a script has to name its keys one by one.
        """
        script = self._forget.get(messages)
        if script is None:
            script = self._forget[messages] = self._script(
                "entry", "mail", "forget", repeat=messages
            )
        return script

    def _script(self, *names: str, repeat: int = 1) -> Script:
        source = "\n".join((self._clock, *map(_source, names)))
        if repeat != 1:
            source = "\n".join(
                copy for line in source.split("\n") for copy in _copies(line, repeat)
            )
        return Script(source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())


def _copies(line: str, repeat: int) -> list[str]:
    """Return a line of a script, repeated for the given number of messages if it is about one."""
    if "KEYS[10]" not in line:
        return [line]
    return [line.replace("KEYS[10]", f"KEYS[{number}]") for number in range(10, 10 + repeat)]


@cache
def _source(name: str) -> str:
    return files("wechat_dialog.stores.redis").joinpath("lua", f"{name}.lua").read_text("utf-8")

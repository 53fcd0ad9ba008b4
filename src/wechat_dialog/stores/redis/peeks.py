"""A look at a user by plain commands.

`look.lua` does the same, in a script that costs the server four times as much and can claim in the
same round trip. Where a turn can go on without a claim whether or not there is a conversation, it
hardly ever needs that, since nearly always nobody is active. If it is otherwise, or not certain,
the script is asked after all.
"""

from __future__ import annotations

from typing import Any

import msgspec

from wechat_dialog.core.store.values import Claim, Unclaimed

from .answers import AskOtherwise, first_read, looked
from .calls import name_of
from .keys import Keys

# The guard against a missing redis-py is in `failures`, so it is imported before.
from redis.exceptions import ResponseError  # isort: skip

__all__ = ["Peeks"]

Words = tuple[str | bytes | int, ...]

_REVISION, _EXPIRES, _REPLIES = slice(7, 15), slice(35, 43), 67  # in h, see HEAD in entry.lua
_PLAIN = 9
_OLD = 12  # the first byte of a head of an earlier version is greater


class Peeks:
    """Builds such looks for one store, and reads their answers.

    Args:
        keys: The store's key names.
        clock: Lua that sets `now`, in microseconds since 1970; None: the server's clock. For tests.
    """

    def __init__(self, keys: Keys, clock: str | None) -> None:
        self._keys = keys
        self._time: Words = ("TIME",) if clock is None else ("EVAL", f"{clock}\nreturn now", 0)
        self._refused = False

    def fits(self, claim: Claim) -> bool:
        """Whether a claim may be answered by such a look."""
        wanted = claim.absent or claim.have.journal != 0
        return claim.optimistic and wanted and not self._refused

    def commands(self, claim: Claim) -> tuple[Words, ...]:
        """Return what to send."""
        k = self._keys.of(claim.user)
        return (
            self._time,
            ("MGET", k + "h", k + "c", f"{k}a:{claim.key}", k + "d"),
            ("LRANGE", k + "j", first_read(claim.have), "-1"),
        )

    def read(self, claim: Claim, answers: list[Any]) -> Unclaimed | None:
        """Decode the answers; None: the script has to be asked."""
        time, (text, line, remembered, data), records = answers
        issued = 0 if line is None else _issued(line)
        if remembered is not None or issued is None:
            return None
        now = time if isinstance(time, int) else int(time[0]) * 1_000_000 + int(time[1])
        if text and (text[0] >= _OLD or text.find(name_of(claim.key), _REPLIES) >= 0):
            return None
        if not text or int.from_bytes(text[_REVISION], "big") == 0:
            absent = claim.absent and (not text or text[0] == _PLAIN)
            return looked(claim.have, now, issued, data or b"", records) if absent else None
        if now >= int.from_bytes(text[_EXPIRES], "big"):
            return None
        try:
            return looked(claim.have, now, text, data or b"", records)
        except AskOtherwise:
            return None

    def is_refused(self, error: Exception) -> bool:
        """Return whether the server does not know one of the commands, and note that: nobody asks
        it in this way again. After any other error the claim fails, or waits for the server, as if
        it had been asked by script.
        """
        unknown = isinstance(error, ResponseError) and "unknown command" in str(error).lower()
        self._refused = self._refused or unknown
        return unknown


class _Claim(msgspec.Struct):
    """Of the claim in c, what `read_line` in entry.lua has made of it."""

    fence: int
    last: int
    mail: msgspec.Raw | None = None


_LINE = msgspec.msgpack.Decoder(tuple[_Claim, msgspec.Raw])
_NOBODY = (b"\x80", b"\x90")
"""No messages seen: an empty table, which may be packed as either."""


def _issued(line: bytes) -> int | None:
    """Return the number issued last, out of c; None if there is a claim or a signal, if a message
    is waiting or kept, or if that cannot be read.
    """
    try:
        claim, seen = _LINE.decode(line)
    except msgspec.DecodeError:
        return None
    idle = claim.fence == 0 and claim.mail is None and bytes(seen) in _NOBODY
    return claim.last if idle else None

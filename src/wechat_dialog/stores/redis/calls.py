"""The operations of the Redis store as scripts with arguments, and their answers as values.

It contains everything except sending: `stores.redis` sends, blocking or asynchronously. One
operation is one call of one script, so one round trip; all keys of a user have one hash tag, so a
cluster keeps them together; and a call may be sent twice (see `Call`).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import blake2s
from typing import Any, Generic, TypeVar

import msgspec

from wechat_dialog.core.store import entry
from wechat_dialog.core.store.kept import Shown, Stored
from wechat_dialog.core.store.values import (
    Answered,
    Claim,
    Claimed,
    Running,
    Unclaimed,
)
from wechat_dialog.stores.redis.answers import (
    first_read,
    read_claim,
    read_claim_beside,
    read_defer,
    read_done,
    read_forget,
    read_line,
    read_look,
    read_show,
)
from wechat_dialog.stores.redis.keys import Keys
from wechat_dialog.stores.redis.scripts import Script, Scripts

__all__ = ["PREFIX", "Arguments", "Call", "Calls", "name_of"]

T = TypeVar("T")

Arguments = tuple[str | bytes | int, ...]
_CLAIM = struct.Struct(">6sB?Q?QQQ6s8s")
"""The fixed-size arguments of the scripts, packed into one: each argument costs the server as much
as reading a whole record.
"""


class Call(msgspec.Struct, Generic[T], frozen=True):
    """One round trip.

    Calls are idempotent, so a client that got no answer may retry: a claim identifies its caller, a
    write has an id, and the others set a state rather than change one.

    Attributes:
        script: The script to run.
        arguments: Number of keys, keys, arguments: everything after the script in EVALSHA.
        read: Decodes the server's answer, or raises `ClaimLost`.
        beside: Another command, sent with it; `read` then gets the pair of answers. None: there is
            none.
        instead: Returns the call to send if `read` raises `AskOtherwise`; None: it never does.
    """

    script: Script
    arguments: tuple[str | bytes | int, ...]
    read: Callable[[Any], T]
    beside: tuple[str | bytes | int, ...] | None = None
    instead: Callable[[], Call[T]] | None = None


def name_of(key: str) -> bytes:
    """Return six bytes that stand for a message's key in h.

    Among the messages that a user writes in a minute, a collision occurs once in 10¹² years.
    """
    return blake2s(key.encode(), digest_size=6).digest()


class Calls:
    """Builds the calls of one store.

    Args:
        keys: The store's key names.
        scripts: The store's scripts.
    """

    def __init__(self, keys: Keys, scripts: Scripts) -> None:
        self.keys = keys
        self._scripts = scripts

    # Tokens identify a call: a forked child must not repeat one, so no seeded generator is used.

    def claim(
        self, claim: Claim, *, beside: bool
    ) -> Call[Claimed | Unclaimed | Answered | Running]:
        """See `Store.claim`.

        Args:
            claim: See `Store.claim`.
            beside: Whether the records may be read by a command beside the script: through a
                script, each of them costs the server ten times as much.
        """
        timed = claim.fires is not None
        looks = 0 if not claim.optimistic else 2 if claim.absent else 1
        beside = (
            beside and claim.arrival and (claim.optimistic or not claim.have.journal) and not timed
        )
        return self._claim(claim, os.urandom(6), looks=looks, beside=beside, timed=timed)

    def _claim(
        self, claim: Claim, token: bytes, *, looks: int, beside: bool, timed: bool
    ) -> Call[Claimed | Unclaimed | Answered | Running]:
        k, have = self.keys.of(claim.user), claim.have
        question = _CLAIM.pack(
            *(name_of(claim.key), looks, beside, entry.micros(claim.lease), claim.arrival),
            *(have.journal, have.length, claim.instead, token, have.last.encode()),
        )
        keys = (k + "h", k + "j", k + "c", f"{k}a:{claim.key}", k + "d")
        values = (question + claim.key.encode(), claim.message)
        if timed:
            fires = b"0" if claim.fires is None else b"1"
            return Call(
                self._scripts.claim_timed, (7, *keys, k + "b", k + "m", *values, fires), read_claim
            )
        # Whichever way it is sent in the end, it is one call, with one token.
        return Call(
            self._scripts.claim,
            (5, *keys, *values),
            partial(read_claim_beside if beside else read_look, have),
            ("LRANGE", k + "j", first_read(have), "-1") if beside else None,
            partial(self._claim, claim, token, looks=0, beside=False, timed=True),
        )

    def defer(self, user: str, key: str, message: bytes) -> Call[Answered | None]:
        """See `Store.defer`."""
        k = self.keys.of(user)
        keys = (4, k + "h", k + "j", k + "c", f"{k}a:{key}")
        arguments = (*keys, entry.DEFERRED_KEPT, key, message, name_of(key))
        return Call(self._scripts.defer, arguments, read_defer)

    def untaken(self, user: str, key: str, takes: int) -> Call[None]:
        """See `Store.untaken`."""
        k = self.keys.of(user)
        arguments = (4, k + "h", k + "j", k + "c", f"{k}a:{key}", key, takes, name_of(key))
        return Call(self._scripts.untaken, arguments, read_done)

    def renew(self, user: str, fence: int, lease: float) -> Call[None]:
        """See `Store.renew`."""
        k = self.keys.of(user)
        arguments = (3, k + "h", k + "j", k + "c", fence, entry.micros(lease))
        return Call(self._scripts.renew, arguments, read_done)

    def release(self, user: str, fence: int) -> Call[None]:
        """See `Store.release`."""
        k = self.keys.of(user)
        return Call(self._scripts.release, (3, k + "h", k + "j", k + "c", fence), read_done)

    def end(self, user: str, id: str | None) -> Call[bool]:
        """See `Store.end`."""
        k = self.keys.of(user)
        keys = (5, k + "h", k + "j", k + "c", k + "p", k + "b")
        return Call(self._scripts.end, keys if id is None else (*keys, id), bool)

    def forget(
        self, user: str, remember: float, unanswered: Sequence[str] = ()
    ) -> Call[bool | tuple[str, ...]]:
        """See `Store.forget`; remembered replies have to be searched for.

        Args:
            user: The user's key.
            remember: See `Store.forget`.
            unanswered: Keys of the user's messages that have no answer. If these are not all of
                them, the result is the keys of all, and nothing is forgotten: call again with
                these.
        """
        k = self.keys.of(user)
        own = [k + kind for kind in "hjcdpbtmi"]
        keys = (*own, *(f"{k}a:{key}" for key in unanswered))
        script = self._scripts.forget(len(unanswered))
        return Call(script, (len(keys), *keys, entry.micros(remember), *unanswered), read_forget)

    def silence(self, reply: bytes, remember: float) -> Call[bool]:
        """Blank a remembered reply; the result says whether it had any content.

        Args:
            reply: Its key, as found by `Keys.replies`.
            remember: See `Store.forget`.
        """
        return Call(self._scripts.silence, (1, reply, entry.micros(remember)), bool)

    def show(self, user: str) -> Call[Shown | None]:
        """See `Store.show`."""
        k = self.keys.of(user)
        return Call(self._scripts.show, (7, *[k + kind for kind in "hjcdpbm"], 0), read_show)

    def line(self, user: str, *, everybody: bool = False) -> Call[Stored | None]:
        """Read a user's line of a listing; None if there is nothing to list."""
        k = self.keys.of(user)
        keys = [k + kind for kind in "hjcdpbm"]
        return Call(
            self._scripts.show,
            (7, *keys, 2 if everybody else 1),
            lambda answer: read_line(user, answer),
        )


PREFIX = "wechat-dialog"

"""What is held, pushed: for accounts with customer messages (protocol reference 7.2, 7.4).

A turn of such an account answers what fits, and what does not fit, or came too late, it holds in
the store as for any other account. Then `push` sends it, a part at a time, and takes each part out
of the store once the platform has taken it. So nothing is lost: where the platform refuses (the
window or the quota is over), where it cannot be reached, where the worker dies, the rest is still
held, and comes with the user's next message. What may happen is that one part comes twice: where
the worker dies, or the connection does, between the platform's taking it and the store's hearing of
it. The platform knows no key by which it could tell, so one of the two has to be chosen.

It claims the user's turn like a message of his, so a message that comes meanwhile waits for it,
and is the answer to a question that has been seen.

Nothing here performs anything; see `operations.py`.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import msgspec

from .conversation import Rules
from .delivery import Parcel, divide
from .dispatch import decode_reply, encode_reply
from .document import Document
from .errors import ClaimLost, StoreError
from .head import Held
from .messages import Message
from .operations import Claim, Commit, Operation, Pause, Push, Record, Release
from .stores.base import NOTHING, Answered, Claimed

__all__ = ["push"]

AFTER_REPLY = 0.5
"""Seconds between a reply and what follows it: the two go different ways, and the user is to see
them in order."""


def push(
    rules: Rules,
    user: str,
    message: Message,
    key: str,
    arrived: int,
    *,
    lease: float,
    poll: float,
    replied: bool,
) -> Generator[Operation, Any, None]:
    """Push what is held for a user.

    Args:
        rules: The bot's.
        user: The user's key in the store.
        message: The message whose answer it is.
        key: Key of the pushing, used once.
        arrived: When the message arrived, ms since the epoch.
        lease: Seconds a claim lasts unless renewed.
        poll: Seconds between two questions for a claim that somebody else holds, at first.
        replied: Whether a part of the answer went out as the reply.

    Raises:
        StoreError: The store failed; what was not pushed is still held.
    """
    if replied:
        yield Pause(AFTER_REPLY, 0, 0.0)
    got: Any = yield Claim(user, key, lease, NOTHING)
    pause = poll
    while not isinstance(got, (Claimed, Answered)):
        yield Pause(pause, got.copies, got.since, user, key, got.key)
        pause = min(pause * 2, 0.25)
        got = yield Claim(user, key, lease, NOTHING, False)
    if isinstance(got, Answered):
        return
    doc = Document(message.user, message.account)
    try:
        try:
            doc.update(got)
        except msgspec.DecodeError as error:
            raise StoreError(f"what is stored of user {user!r} is not ours: {error}") from error
        # A turn that was cut off is finished by its message's copy, which then delivers.
        done = False if doc.interrupted else (yield from _parts(rules, user, doc, got, arrived))
        if done:
            write = doc.write(arrived, grace=rules.grace)
            yield Commit(user, key, write, encode_reply(None), fence=got.fence, deferred=True)
        else:
            yield Release(user, got.fence)
    except ClaimLost:
        raise
    except Exception:
        yield Release(user, got.fence)
        raise


def _parts(
    rules: Rules, user: str, doc: Document, got: Claimed, arrived: int
) -> Generator[Operation, Any, bool]:
    """Push one part after the other; returns whether the last one went, and only the commit is
    left to do.
    """
    state = doc.state
    state.held = [held for held in state.held if held.until > arrived]
    while state.held:
        last = state.held[-1]
        parcel = _first(state.held)
        if parcel.reply is not None:
            refused = yield Push(state.user, parcel.reply)
            if refused is not None:
                return False
        state.held = [
            Held(msgspec.Raw(encode_reply(part)), last.until, True) for part in parcel.rest
        ]
        if not state.held:
            return True
        state.held[-1].asks = last.asks
        write = doc.write(arrived, grace=rules.grace)
        doc.wrote(write, (yield Record(user, got.fence, write)))
    return False


def _first(held: list[Held]) -> Parcel:
    """Return what goes out next of the parts that are held, and what stays."""
    parts = [decode_reply(bytes(one.reply)) for one in held]
    return divide([part for part in parts if part is not None])

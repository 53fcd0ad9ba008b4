"""Pushing of held parts, for accounts with customer messages (protocol reference 7.2, 7.4).

A turn of such an account replies with what fits. What does not fit, or came too late, is held in
the store as for any other account. Then `push` sends the held parts one by one, and removes each
from the store once the platform has accepted it. So nothing is lost: if the platform refuses
(window or quota exhausted) or cannot be reached, or the worker dies, the rest is still held and
comes with the user's next message. A part may be delivered twice, if the worker or the connection
dies after the platform has accepted the part and before the store is told. The platform accepts no
idempotency key, so at-least-once and at-most-once are the only choices.

It claims the user's turn like a message, so a message that arrives meanwhile waits, and then
answers a question that has been seen.

Nothing here performs I/O; see `core/turn/operations.py`.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import msgspec

from wechat_dialog.core.store.values import NOTHING, Answered, Claimed
from wechat_dialog.core.turn.settings import LONGEST_POLL, Rules
from wechat_dialog.errors import ClaimLost, StoreError
from wechat_dialog.messages import Message
from wechat_dialog.messages.keys import message_key
from wechat_dialog.replies.packing import pack
from wechat_dialog.replies.stored import encode_reply

from .document import Document
from .held import coming, expire, held_of
from .operations import Claim, Commit, Operation, Pause, Push, RecordWrite, Release

__all__ = ["push"]

AFTER_REPLY = 0.5
"""Seconds between a reply and what follows it: they are delivered by different routes, and the user
is to see them in order.
"""


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
    created: int = 0,
) -> Generator[Operation, Any, None]:
    """Push what is held for a user.

    Args:
        rules: The bot's rules.
        user: The user's key in the store.
        message: The message whose answer it is.
        key: Key of this push, used once.
        arrived: When the message arrived, ms since the epoch.
        lease: Seconds a claim lasts unless renewed.
        poll: Initial seconds between attempts to get a claim that another worker holds.
        replied: Whether a part of the answer went out as the reply.
        created: `CreateTime` of the message, if it is from the platform; otherwise 0.

    Raises:
        StoreError: The store failed; what was not pushed is still held.
    """
    if replied:
        yield Pause(AFTER_REPLY, 0, 0.0)
    if (claimed := (yield from _claim(user, key, lease, poll))) is None:
        return
    doc = Document(message.user, message.account)
    try:
        _update(doc, user, claimed, arrived + int(rules.hold * 1000))
        # A turn that was cut off is finished by a copy of its message, which delivers the parts.
        unseen = doc.unseen
        sent = not doc.cut_off and (yield from _parts(rules, user, doc, claimed, arrived))
        if sent:
            # The question was shown later, but when by the platform's clock is unknown.
            doc.head.note_shown(created if unseen else 0, message_key(message))
            write = doc.write(arrived, grace=rules.grace)
            yield Commit(user, key, write, encode_reply(None), fence=claimed.fence, deferred=True)
        else:
            yield Release(user, claimed.fence)
    except ClaimLost:
        raise
    except Exception:
        yield Release(user, claimed.fence)
        raise


def _claim(
    user: str, key: str, lease: float, poll: float
) -> Generator[Operation, Any, Claimed | None]:
    """Claim until it is granted; returns None if the parts were pushed already."""
    answer: Any = yield Claim(user, key, lease, NOTHING)
    while not isinstance(answer, (Claimed, Answered)):
        if (yield Pause(poll, answer.copies, answer.since, user, key, answer.key)):
            raise StoreError("somebody else has the user's turn all the time")
        poll = min(poll * 2, LONGEST_POLL)
        answer = yield Claim(user, key, lease, NOTHING, False)
    return answer if isinstance(answer, Claimed) else None


def _update(doc: Document, user: str, claimed: Claimed, until: int) -> None:
    try:
        doc.update(claimed)
    except msgspec.DecodeError as error:
        raise StoreError(
            f"the document stored for user {user!r} cannot be decoded: {error}"
        ) from error
    if claimed.untaken:
        doc.owe(claimed.untaken, until)


def _parts(
    rules: Rules, user: str, doc: Document, claimed: Claimed, arrived: int
) -> Generator[Operation, Any, bool]:
    """Push the parts one by one; returns whether the last one was sent, so that only the commit
    remains.
    """
    head = doc.head
    head.held = expire(head.held, head.stack, arrived)
    asks = "" if doc.top is None else doc.top.id
    parts, aside = coming(head.held, asks)
    # The pending question comes last, after all parts of earlier answers.
    parts.sort(key=lambda part: bool(part.asks))
    while parts:
        parcel = pack(parts)
        if parcel.reply is not None:
            refused = yield Push(head.user, parcel.reply)
            if refused is not None:
                return False
        parts = [msgspec.structs.replace(part, owed=True) for part in parcel.rest]
        head.held = (*held_of(parts), *aside)
        if not parts:
            return True
        write = doc.write(arrived, grace=rules.grace)
        doc.wrote(write, (yield RecordWrite(user, claimed.fence, write)))
    return False

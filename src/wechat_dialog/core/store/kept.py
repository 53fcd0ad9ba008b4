"""The values of the store's contract for parked conversations and conversations aside, and for
listings.
"""

from __future__ import annotations

import msgspec

from .times import Mail, Wake

__all__ = ["Aside", "Parked", "Shown", "Stored"]


class Parked(msgspec.Struct, frozen=True):
    """A conversation that was parked because it failed.

    Attributes:
        id: Id of the conversation, unique for its user.
        document: The conversation, opaque bytes.
        ttl: Seconds for which it is kept.
        most: How many conversations may be parked for the user, including this one; beyond that the
            oldest are dropped.
        room: The same for their total size in bytes; this one stays whatever its size.
    """

    id: str
    document: bytes
    ttl: float = 7 * 86400.0
    most: int = 100
    room: int = 4 * 1024 * 1024


class Aside(msgspec.Struct, frozen=True):
    """A conversation that waits for something else than its user, put aside until that comes.

    It exists as long as the head: a write with an empty head drops it, and so does the expiry of
    the head.

    Attributes:
        id: Id of the conversation, unique for its user.
        document: The conversation, opaque bytes.
    """

    id: str
    document: bytes


class Stored(msgspec.Struct, frozen=True):
    """One line of a listing.

    Attributes:
        user: The user's key.
        head: The head; empty if there are only parked conversations.
        length: Number of records.
        age: Seconds since the last commit; 0.0 if there are only parked conversations.
        ttl: Seconds until the store drops head and journal, else the last of the parked
            conversations.
        parked: Ids of parked conversations, oldest first.
        aside: Ids of the conversations aside, in their order.
    """

    user: str
    head: bytes
    length: int
    age: float
    ttl: float
    parked: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()


class Shown(msgspec.Struct, frozen=True):
    """Everything stored for one user.

    Attributes:
        head: The head; empty if there is none.
        records: The whole journal.
        data: The user's data; empty if there is none.
        age: Seconds since the last commit; 0.0 if there is no head.
        ttl: Seconds until head and journal are dropped; 0.0 if there is no head.
        parked: Parked conversations by id, oldest first; their `ttl` is the remaining time.
        aside: Documents of the conversations aside, by id, in the order of the ids.
        mail: The mailbox, oldest first.
        wake: `Write.wake` of the last write; None if it had none.
    """

    head: bytes
    records: tuple[bytes, ...]
    data: bytes
    age: float
    ttl: float
    parked: dict[str, Parked] = msgspec.field(default_factory=dict[str, Parked])
    aside: dict[str, bytes] = msgspec.field(default_factory=dict[str, bytes])
    mail: tuple[Mail, ...] = ()
    wake: Wake | None = None
